// SPDX-License-Identifier: GPL-2.0-or-later

//! The channels that other nodes have sent, by which their ends are told from those of other channels.

use std::sync::atomic::{AtomicU32, Ordering::Relaxed};

/// The number of places, each of four bytes.
const PLACES: usize = 1 << 16;

/// A table of fixed size, without locks.
///
/// A channel takes the place of another one whose id has the same hash in it; the other one then ends as the engine
/// would have it, which costs no call.
#[derive(Debug)]
pub(crate) struct Arrivals(Box<[AtomicU32]>);

impl Default for Arrivals {
    fn default() -> Self {
        Self((0..PLACES).map(|_| AtomicU32::new(0)).collect())
    }
}

impl Arrivals {
    /// Remembers a channel.
    pub(crate) fn add(&self, channel: &[u8]) {
        let (place, tag) = self.place(channel);
        place.store(tag, Relaxed);
    }

    /// Whether a channel is one of them.
    pub(crate) fn has(&self, channel: &[u8]) -> bool {
        let (place, tag) = self.place(channel);
        place.load(Relaxed) == tag
    }

    /// Forgets a channel.
    pub(crate) fn remove(&self, channel: &[u8]) {
        let (place, tag) = self.place(channel);
        let _ = place.compare_exchange(tag, 0, Relaxed, Relaxed);
    }

    /// A channel's place, and what stands there for it, which is never 0.
    fn place(&self, channel: &[u8]) -> (&AtomicU32, u32) {
        // The engine numbers its channels, so the end of an id tells it from others, and no caller chooses it.
        let half = |chunk: &[u8; 4]| u64::from(u32::from_be_bytes(*chunk));
        let ends = channel.first_chunk().zip(channel.last_chunk());
        let number = match (channel.last_chunk(), ends) {
            (Some(end), _) => u64::from_be_bytes(*end),
            (None, Some((begin, end))) => half(begin) << 32 | half(end),
            // Shorter than any id.
            (None, None) => 0,
        };
        let mixed = number.wrapping_mul(0x9E37_79B9_7F4A_7C15);
        #[expect(
            clippy::cast_possible_truncation,
            reason = "some of the bits are meant"
        )]
        let (place, tag) = ((mixed >> 48) as usize, (mixed >> 16) as u32);
        (&self.0[place % PLACES], tag | 1)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn channels_are_remembered_until_they_end() {
        let arrivals = Arrivals::default();
        let channel = |number: u32| format!("sip/{number}");
        for number in 0..1000 {
            arrivals.add(channel(number).as_bytes());
        }
        let known = (0..1000).filter(|number| arrivals.has(channel(*number).as_bytes()));
        assert!(known.count() > 980);
        let unknown = (1000..2000).filter(|number| arrivals.has(channel(*number).as_bytes()));
        assert_eq!(unknown.count(), 0);
        for number in 0..1000 {
            arrivals.remove(channel(number).as_bytes());
        }
        assert!((0..1000).all(|number| !arrivals.has(channel(number).as_bytes())));
    }
}
