// SPDX-License-Identifier: GPL-2.0-or-later

//! The channels that other nodes have sent, by which their ends are told from those of other channels.

use std::hash::BuildHasher;
use std::sync::atomic::{AtomicU32, Ordering::Relaxed};

use rustc_hash::FxBuildHasher;

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
        let [a, b, c, d, e, f, ..] = FxBuildHasher.hash_one(channel).to_be_bytes();
        let place = usize::from(u16::from_be_bytes([a, b]));
        (&self.0[place], u32::from_be_bytes([c, d, e, f]) | 1)
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
