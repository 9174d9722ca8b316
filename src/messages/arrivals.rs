// SPDX-License-Identifier: GPL-2.0-or-later

//! The channels that other nodes have sent, by which their ends are told from those of other channels.

use std::hash::BuildHasher;
use std::sync::Mutex;

use rustc_hash::{FxBuildHasher, FxHashSet};

use crate::failure::unpoisoned;

/// The most channels that are remembered; more than an engine can have.
const MOST: usize = 1 << 16;

/// The channels, each by the hash of its id: one that is taken for another ends by its phone's own code, too.
#[derive(Debug, Default)]
pub(crate) struct Arrivals(Mutex<FxHashSet<u64>>);

impl Arrivals {
    /// Remembers a channel.
    pub(crate) fn add(&self, channel: &[u8]) {
        let mut channels = unpoisoned(self.0.lock());
        if channels.len() >= MOST {
            // Hangups must have been lost.
            channels.clear();
        }
        channels.insert(hash(channel));
    }

    /// Whether a channel is one of them.
    pub(crate) fn has(&self, channel: &[u8]) -> bool {
        unpoisoned(self.0.lock()).contains(&hash(channel))
    }

    /// Forgets a channel.
    pub(crate) fn remove(&self, channel: &[u8]) {
        unpoisoned(self.0.lock()).remove(&hash(channel));
    }
}

fn hash(channel: &[u8]) -> u64 {
    FxBuildHasher.hash_one(channel)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn channels_are_remembered_until_they_end_and_not_too_many() {
        let arrivals = Arrivals::default();
        arrivals.add(b"sip/1");
        assert!(arrivals.has(b"sip/1") && !arrivals.has(b"sip/2"));
        arrivals.remove(b"sip/1");
        assert!(!arrivals.has(b"sip/1"));
        for number in 0..MOST + 10 {
            arrivals.add(format!("sip/{number}").as_bytes());
        }
        assert!(unpoisoned(arrivals.0.lock()).len() <= MOST);
    }
}
