// SPDX-License-Identifier: GPL-2.0-or-later

//! The claims that this node has made of late: they are part of the nodes' loads before the nodes have counted them.

use std::collections::VecDeque;
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};

use rustc_hash::FxHashMap;

use crate::failure::unpoisoned;
use crate::placement::rendezvous::Seed;

/// The most claims that are remembered: more than a node makes between two counts.
const MOST: usize = 1 << 15;

/// The claims that this node has made of late.
#[derive(Debug, Default)]
pub(crate) struct RecentClaims {
    /// A claim was looked for since the last look at this.
    is_asked: AtomicBool,
    /// The second of each, and the node that it went to.
    list: Mutex<VecDeque<(u64, Seed)>>,
}

impl RecentClaims {
    /// Notes that this node places resources, so that it needs the loads of all nodes.
    pub(crate) fn ask(&self) {
        self.is_asked.store(true, Relaxed);
    }

    /// Whether a claim was looked for since the last time that this was asked.
    pub(crate) fn was_asked(&self) -> bool {
        self.is_asked.swap(false, Relaxed)
    }

    /// Adds a claim that was made in this second.
    pub(crate) fn add(&self, second: u64, node: Seed) {
        let mut list = unpoisoned(self.list.lock());
        if list.len() >= MOST {
            list.pop_front();
        }
        list.push_back((second, node));
    }

    /// The number of claims of each node that it has not counted itself; the others are forgotten. `counted` has the second
    /// in which each node has counted, as far as it is known.
    pub(crate) fn uncounted(&self, counted: &FxHashMap<Seed, u64>) -> FxHashMap<Seed, u64> {
        let mut list = unpoisoned(self.list.lock());
        let mut rest: FxHashMap<Seed, u64> = FxHashMap::default();
        list.retain(|(second, node)| {
            let is_new = counted.get(node).is_some_and(|counted| second >= counted);
            if is_new {
                *rest.entry(*node).or_default() += 1;
            }
            is_new
        });
        rest
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_claim_is_remembered_until_its_node_has_counted_it() {
        let (one, other) = (Seed::of(b"node1"), Seed::of(b"node2"));
        let recent = RecentClaims::default();
        for second in [10, 11, 12] {
            recent.add(second, one);
            recent.add(second, other);
        }
        let at = |seconds: &[(Seed, u64)]| seconds.iter().copied().collect();
        assert_eq!(
            recent.uncounted(&at(&[(one, 11), (other, 20)])),
            at(&[(one, 2)])
        );
        assert_eq!(recent.uncounted(&at(&[(other, 1)])), at(&[]));
        for _ in 0..2 * MOST {
            recent.add(30, one);
        }
        assert_eq!(recent.uncounted(&at(&[(one, 30)]))[&one], MOST as u64);
    }

    #[test]
    fn a_node_that_places_nothing_needs_no_loads() {
        let recent = RecentClaims::default();
        assert!(!recent.was_asked());
        recent.ask();
        assert!(recent.was_asked());
        assert!(!recent.was_asked());
    }
}
