// SPDX-License-Identifier: GPL-2.0-or-later

//! The breadth of a call: the number of times that this node forwards one call that was on other nodes
//! already.
//!
//! A path ends after `hops` nodes, but a fork on each of them makes many paths of one. Each branch has the
//! billid of its call, so each node counts them, for a minute and in bounded memory.

use rustc_hash::FxHasher;
use std::hash::Hasher;

/// The most branches of one call that a node forwards.
pub(crate) const BREADTH: u32 = 32;
/// The time in which they are counted together, in seconds.
const WINDOW: u64 = 60;
/// The number of calls that are counted at the same time, 16 KiB in all.
const PLACES: usize = 1024;

/// The branches of calls.
#[derive(Debug, Default)]
pub(crate) struct Breadth {
    /// By the hash of the billid: two calls that meet here are counted anew from the second one on.
    /// Empty as long as there was none.
    calls: Vec<Call>,
}

#[derive(Clone, Copy, Debug, Default)]
struct Call {
    billid: u64,
    /// The time of the first branch, in seconds.
    since: u32,
    branches: u32,
}

impl Breadth {
    /// Counts one more branch of a call at this second; returns whether it may go on.
    pub(crate) fn allow(&mut self, billid: &[u8], now: u64) -> bool {
        if billid.is_empty() {
            return true;
        }
        let mut hasher = FxHasher::default();
        hasher.write(billid);
        let billid = hasher.finish();
        #[expect(clippy::cast_possible_truncation, reason = "differences of them count")]
        let now = now as u32;
        self.calls.resize(PLACES, Call::default());
        let call = &mut self.calls[(billid >> 32) as usize % PLACES];
        if call.billid != billid || u64::from(now.wrapping_sub(call.since)) > WINDOW {
            *call = Call {
                billid,
                since: now,
                branches: 0,
            };
        }
        call.branches = call.branches.saturating_add(1);
        call.branches <= BREADTH
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_calls_branches_are_counted_for_a_minute_and_no_other_calls() {
        let mut breadth = Breadth::default();
        for _ in 0..BREADTH {
            assert!(breadth.allow(b"1-1", 1000));
        }
        assert!(!breadth.allow(b"1-1", 1000));
        assert!(!breadth.allow(b"1-1", 1060));
        assert!(breadth.allow(b"1-2", 1060));
        assert!(breadth.allow(b"1-1", 1061));
    }

    #[test]
    fn memory_is_bounded() {
        let mut breadth = Breadth::default();
        for call in 0..100_000 {
            assert!(breadth.allow(format!("1-{call}").as_bytes(), 1000));
        }
        assert_eq!(breadth.calls.len(), PLACES);
        assert_eq!(PLACES * size_of::<Call>(), 16 * 1024);
    }
}
