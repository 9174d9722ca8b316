// SPDX-License-Identifier: GPL-2.0-or-later

//! The part of the settings that tells most messages from those of the cluster, without a lock.
//!
//! Each message that the engine dispatches is asked for, and most aren't the cluster's. A lock, even one that nobody
//! else holds, would cost more than all the rest of that.

use std::num::NonZeroU64;
use std::sync::atomic::{AtomicU32, AtomicU64, Ordering::Relaxed};

use crate::messages::Kind;
use crate::settings::Settings;

/// The kinds that are decided, and the prefix.
///
/// Both are replaced one after the other, so a message that meets a reload may be told by the old prefix and by the new
/// kinds. Whatever concerns the cluster is then decided by the settings of one file.
#[derive(Debug, Default)]
pub(super) struct Prefilter {
    /// A bit for each kind that is decided.
    kinds: AtomicU32,
    /// The bytes of the prefix, padded with 0; 0 for one that is longer than that, or has such a byte itself.
    prefix: AtomicU64,
}

impl Prefilter {
    /// Takes the settings that come in force.
    pub(super) fn put_in_force(&self, settings: &Settings) {
        let decided = |kind: &Kind| settings.decides(*kind);
        let bits = Kind::ALL.into_iter().filter(decided);
        let prefix = settings.prefix.as_bytes();
        let is_told = prefix.len() <= 8 && !prefix.contains(&0);
        let prefix = if is_told { word(prefix) } else { 0 };
        self.prefix.store(prefix, Relaxed);
        self.kinds
            .store(bits.fold(0, |set, kind| set | 1 << kind as u32), Relaxed);
    }

    /// Whether messages of a kind are decided.
    pub(super) fn decides(&self, kind: Kind) -> bool {
        self.kinds.load(Relaxed) >> kind as u32 & 1 != 0
    }

    /// Whether a target has the prefix; `None` where only the settings tell.
    #[inline]
    pub(super) fn has_prefix(&self, target: &[u8]) -> Option<bool> {
        let prefix = NonZeroU64::new(self.prefix.load(Relaxed))?;
        // The bits that are more than the prefix has.
        let more = prefix.leading_zeros() & !7;
        if let Some(start) = target.first_chunk() {
            return Some(u64::from_le_bytes(*start) << more == prefix.get() << more);
        }
        let length = (u64::BITS - more) as usize / 8;
        Some(target.len() >= length && word(&target[..length]) == prefix.get())
    }
}

/// The first eight bytes of a text, the first one lowest, with 0 for each that it lacks.
fn word(text: &[u8]) -> u64 {
    let bytes = text.iter().take(8).rev();
    bytes.fold(0, |word, &byte| word << 8 | u64::from(byte))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A node's prefilter and its settings, for a prefix.
    fn made(prefix: &[u8]) -> (Prefilter, Settings) {
        let mut settings = Settings::disabled(b"node1");
        settings.prefix = crate::addressing::resource::Prefix::new(prefix);
        let prefilter = Prefilter::default();
        prefilter.put_in_force(&settings);
        (prefilter, settings)
    }

    #[test]
    fn a_target_is_told_as_the_settings_tell_it() {
        for prefix in [&b""[..], b"c", b"cluste", b"cluster", b"c\xff\x80", b"\xff"] {
            let (prefilter, settings) = made(prefix);
            let own = settings.prefix.as_bytes();
            let mut targets = vec![Vec::new(), b"cluster/node1/x".to_vec(), vec![0; 8]];
            for end in 0..=own.len() {
                targets.push(own[..end].to_vec());
                targets.push([&own[..end], b"x"].concat());
                targets.push([&own[..end], b"/node1/sip/sip:x"].concat());
                targets.push([&own[..end], b"\0\0\0\0\0\0\0\0"].concat());
            }
            for target in targets {
                let told = prefilter.has_prefix(&target);
                assert_eq!(told, Some(settings.has_prefix(Some(&target))), "{target:?}");
            }
        }
    }

    #[test]
    fn a_prefix_that_does_not_fit_is_left_to_the_settings() {
        for prefix in [&b"clusters"[..], b"a\0b"] {
            let (prefilter, _) = made(prefix);
            assert_eq!(prefilter.has_prefix(b"clusters/x"), None);
        }
    }
}
