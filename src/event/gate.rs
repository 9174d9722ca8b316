// SPDX-License-Identifier: GPL-2.0-or-later

//! How often something is said that somebody outside can bring about at will.

use std::hash::{BuildHasher, Hash};
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

use rustc_hash::FxBuildHasher;

use crate::clock::SECOND;

/// How long a cause that was just said is not said again, in microseconds.
pub const QUIET: u64 = 10 * SECOND;

/// Lets one event of a cause through in [`QUIET`], and counts the others.
#[derive(Debug, Default)]
pub struct Gate {
    /// When the last one went through, 0 for never.
    last: AtomicU64,
    unsaid: AtomicU64,
}

impl Gate {
    /// How many were not said since the last one that was; `None` where this one isn't either.
    ///
    /// `now` is in microseconds, and may jump.
    #[must_use]
    pub fn pass(&self, now: u64) -> Option<u64> {
        let last = self.last.load(Relaxed);
        let quiet = last != 0 && now.abs_diff(last) < QUIET;
        if quiet
            || self
                .last
                .compare_exchange(last, now.max(1), Relaxed, Relaxed)
                .is_err()
        {
            self.unsaid.fetch_add(1, Relaxed);
            return None;
        }
        Some(self.unsaid.swap(0, Relaxed))
    }
}

/// One gate for each cause that somebody outside can bring about at will.
#[derive(Debug, Default)]
pub struct Gates {
    /// For [`Event::NotLocated`](super::Event::NotLocated).
    pub not_located: Gate,
    /// For [`Event::NoSuchNode`](super::Event::NoSuchNode) and [`Event::NoTarget`](super::Event::NoTarget).
    pub no_node: Gate,
    /// For [`Event::Untrusted`](super::Event::Untrusted).
    pub untrusted: Gate,
    /// For [`Event::Looping`](super::Event::Looping).
    pub looping: Gate,
    /// For [`Event::Offline`](super::Event::Offline).
    pub offline: Gate,
    failures: [Gate; 16],
}

impl Gates {
    /// For failures of the core: one for each cause, as long as there are few.
    pub(crate) fn failure(&self, cause: &impl Hash) -> &Gate {
        let [byte, ..] = FxBuildHasher.hash_one(cause).to_le_bytes();
        &self.failures[usize::from(byte) % self.failures.len()]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cause_is_said_once_in_a_while_and_the_rest_is_counted() {
        let gate = Gate::default();
        assert_eq!(gate.pass(1), Some(0));
        assert_eq!(gate.pass(2), None);
        assert_eq!(gate.pass(QUIET), None);
        assert_eq!(gate.pass(QUIET + 1), Some(2));
        assert_eq!(gate.pass(2 * QUIET + 1), Some(0));
    }

    #[test]
    fn another_failure_is_said_however_often_one_was() {
        let gates = Gates::default();
        assert_eq!(gates.failure(&"one").pass(1), Some(0));
        assert_eq!(gates.failure(&"one").pass(2), None);
        assert_eq!(gates.failure(&"another").pass(2), Some(0));
    }

    #[test]
    fn a_clock_that_jumps_back_silences_nothing_for_long() {
        let gate = Gate::default();
        assert_eq!(gate.pass(1_000 * QUIET), Some(0));
        assert_eq!(gate.pass(5), Some(0));
    }
}
