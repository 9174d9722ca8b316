// SPDX-License-Identifier: GPL-2.0-or-later

//! The claim cache: the claims that a node has learnt of late, in bounded memory.
//!
//! They are in two generations. When the current generation is full, or a lease has passed, it becomes the
//! previous one. The previous one before is forgotten, with all that was not used since the last change.

use std::collections::HashMap;
use std::mem;
use std::sync::{Mutex, MutexGuard};

use crate::failure::unpoisoned;
use crate::placement::rendezvous::Seed;

/// The most claims that a generation has; with long names some 10 MB.
const GENERATION: usize = 1 << 15;

/// The known claims by the name of the resource.
#[derive(Debug, Default)]
pub struct ClaimCache(Mutex<Generations>);

/// A claim as the database answered it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Claim {
    /// The node that has the resource.
    pub node: Seed,
    /// The node's place in the list, at that time.
    pub place: usize,
    /// The time of that answer, in seconds.
    pub since: u64,
}

impl Claim {
    /// Whether it was made less than so many seconds ago. The clock may jump.
    pub fn is_younger(self, seconds: u32, now: u64) -> bool {
        now.abs_diff(self.since) < seconds.into()
    }
}

type Generation = HashMap<Box<[u8]>, Claim>;

#[derive(Debug, Default)]
struct Generations {
    /// The time when they were last changed, in seconds.
    since: u64,
    // With random keys to their hashes, since callers choose the names of resources.
    current: Generation,
    previous: Generation,
}

impl Generations {
    /// Gives what is forgotten for it, which takes time to end.
    fn insert(&mut self, resource: Box<[u8]>, claim: Claim) -> Option<Generation> {
        let is_full = self.current.len() >= GENERATION;
        let forgotten = is_full.then(|| self.change());
        self.current.insert(resource, claim);
        forgotten
    }

    fn change(&mut self) -> Generation {
        mem::replace(&mut self.previous, mem::take(&mut self.current))
    }
}

impl ClaimCache {
    /// The claim of a resource, whatever its age is.
    pub fn get(&self, resource: &[u8]) -> Option<Claim> {
        let mut generations = self.lock();
        if let Some(claim) = generations.current.get(resource) {
            return Some(*claim);
        }
        let (resource, claim) = generations.previous.remove_entry(resource)?;
        let forgotten = generations.insert(resource, claim);
        // It ends after the lock does.
        drop(generations);
        drop(forgotten);
        Some(claim)
    }

    /// Remembers a claim, whose lease is so many seconds long.
    pub fn put(&self, resource: &[u8], claim: Claim, lease: u32) {
        // They end after the lock does.
        let (_old, _forgotten);
        let mut generations = self.lock();
        if claim.since.abs_diff(generations.since) >= lease.into() {
            _old = generations.change();
            generations.since = claim.since;
        }
        generations.previous.remove(resource);
        _forgotten = generations.insert(resource.into(), claim);
    }

    /// Forgets the claim of a resource.
    pub fn forget(&self, resource: &[u8]) {
        let mut generations = self.lock();
        generations.current.remove(resource);
        generations.previous.remove(resource);
    }

    /// All claims, in no order.
    pub fn all(&self) -> Vec<(Box<[u8]>, Claim)> {
        let generations = self.lock();
        let all = generations.current.iter().chain(&generations.previous);
        all.map(|(resource, claim)| (resource.clone(), *claim))
            .collect()
    }

    /// The number of claims that are remembered.
    pub fn len(&self) -> usize {
        let generations = self.lock();
        generations.current.len() + generations.previous.len()
    }

    fn lock(&self) -> MutexGuard<'_, Generations> {
        unpoisoned(self.0.lock())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn claim(since: u64) -> Claim {
        Claim {
            node: Seed::of(b"node1"),
            place: 0,
            since,
        }
    }

    fn room(number: usize) -> Vec<u8> {
        format!("conf/{number}").into_bytes()
    }

    #[test]
    fn the_last_claim_of_a_resource_counts() {
        let cache = ClaimCache::default();
        cache.put(b"conf/1", claim(10), 60);
        cache.put(b"conf/1", claim(100), 60);
        assert_eq!(cache.get(b"conf/1"), Some(claim(100)));
        assert_eq!(cache.len(), 1);
        cache.forget(b"conf/1");
        assert_eq!(cache.get(b"conf/1"), None);
    }

    #[test]
    fn memory_is_bounded_and_what_is_used_stays() {
        let cache = ClaimCache::default();
        for number in 0..5 * GENERATION {
            cache.put(&room(number), claim(10), 60);
            assert!(cache.get(&room(0)).is_some(), "{number}");
        }
        assert!(cache.len() <= 2 * GENERATION);
        assert!(cache.get(&room(5 * GENERATION - 1)).is_some());
        assert_eq!(cache.get(&room(1)), None);
    }

    #[test]
    fn what_was_not_used_for_two_leases_is_forgotten() {
        let cache = ClaimCache::default();
        cache.put(&room(1), claim(100), 60);
        cache.put(&room(2), claim(160), 60);
        assert_eq!(cache.len(), 2);
        cache.put(&room(3), claim(220), 60);
        assert_eq!(cache.len(), 2);
    }

    #[test]
    fn a_claim_of_the_future_is_not_younger_than_its_distance() {
        assert!(claim(100).is_younger(60, 159));
        assert!(!claim(100).is_younger(60, 160));
        assert!(!claim(1_000).is_younger(60, 100), "the clock jumped back");
        assert!(!claim(100).is_younger(0, 100));
    }
}
