// SPDX-License-Identifier: GPL-2.0-or-later

//! Remembers the node names that matched, with the places of their groups.
//!
//! A cluster has few nodes and many calls, so nearly every name was matched before. Only names that
//! matched are kept, and never more than there is room for. A place that is taken stays taken until the
//! settings are read again: callers who make up names that match can't drive real ones out, and where
//! they were first the real ones are matched at each call, as if there were no memo.

use std::fmt;
use std::hash::Hasher;

use once_cell::race::OnceBox;
use rustc_hash::FxHasher;

use super::Groups;

/// Places in the memo: a power of two, several times the nodes of a large cluster.
const PLACES: usize = 4096;

/// The number of places that a name may take: two names of one hash rarely meet a third.
const TRIES: usize = 4;

/// Names that matched a pattern. They make no difference to what the pattern is, so they are in no debug output.
pub(super) struct Memo(Box<[OnceBox<Known>]>);

struct Known {
    node: Box<[u8]>,
    groups: Groups,
}

impl fmt::Debug for Memo {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Memo").finish_non_exhaustive()
    }
}

impl Default for Memo {
    fn default() -> Self {
        Self((0..PLACES).map(|_| OnceBox::new()).collect())
    }
}

impl Memo {
    /// The groups of a name that is known to match, else the result of `matches`, which is kept.
    pub(super) fn get_or(
        &self,
        node: &[u8],
        matches: impl FnOnce() -> Option<Groups>,
    ) -> Option<Groups> {
        let mut free = None;
        for place in self.places(node) {
            match place.get() {
                Some(known) if *known.node == *node => return Some(known.groups),
                Some(_) => {}
                None => {
                    free = Some(place);
                    break;
                }
            }
        }
        let groups = matches()?;
        if let Some(place) = free {
            // Should another thread have been quicker, its answer stands and ours is dropped.
            let _ = place.set(Box::new(Known {
                node: node.into(),
                groups,
            }));
        }
        Some(groups)
    }

    fn places(&self, node: &[u8]) -> impl Iterator<Item = &OnceBox<Known>> {
        let mut hasher = FxHasher::default();
        hasher.write(node);
        let hash = hasher.finish();
        #[expect(
            clippy::cast_possible_truncation,
            reason = "only the low bits choose a place"
        )]
        let first = hash as usize;
        (0..TRIES).map(move |step| &self.0[first.wrapping_add(step) % self.0.len()])
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_match_is_kept_and_a_mismatch_is_not() {
        let memo = Memo::default();
        let groups = Groups::new(&[Some(0..5)]);
        assert_eq!(memo.get_or(b"node1", || None), None);
        assert_eq!(memo.get_or(b"node1", || Some(groups)), Some(groups));
        assert_eq!(memo.get_or(b"node1", || unreachable!()), Some(groups));
    }

    #[test]
    fn more_names_than_places_are_still_answered_right() {
        let memo = Memo::default();
        for round in 0..2 {
            for length in 0..2 * PLACES {
                let groups = Groups::new(&[Some(0..length % 200)]);
                let found = memo.get_or(length.to_string().as_bytes(), || Some(groups));
                assert_eq!(found, Some(groups), "round {round}");
            }
        }
    }
}
