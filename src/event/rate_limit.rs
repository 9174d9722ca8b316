// SPDX-License-Identifier: GPL-2.0-or-later

//! How often something is said that somebody outside can bring about at will.

use std::hash::{BuildHasher, Hash};
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

use rustc_hash::FxBuildHasher;

use crate::time::SECOND;

/// How long a cause that was just said is not said again, in microseconds.
pub const INTERVAL: u64 = 10 * SECOND;

/// Lets one event of a cause through in [`INTERVAL`], and counts the others.
#[derive(Debug, Default)]
pub struct RateLimit {
    /// When the last one went through, 0 for never.
    last: AtomicU64,
    suppressed: AtomicU64,
}

impl RateLimit {
    /// How many were not said since the last one that was; `None` where this one isn't either.
    ///
    /// `now` is in microseconds, and may jump.
    #[must_use]
    pub fn allow(&self, now: u64) -> Option<u64> {
        let last = self.last.load(Relaxed);
        let quiet = last != 0 && now.abs_diff(last) < INTERVAL;
        if quiet
            || self
                .last
                .compare_exchange(last, now.max(1), Relaxed, Relaxed)
                .is_err()
        {
            self.suppressed.fetch_add(1, Relaxed);
            return None;
        }
        Some(self.suppressed.swap(0, Relaxed))
    }
}

/// One limit for each cause that somebody outside can bring about at will.
#[derive(Debug, Default)]
pub struct RateLimits {
    /// For [`Event::NotLocated`](super::Event::NotLocated).
    pub not_located: RateLimit,
    /// For [`Event::NoSuchNode`](super::Event::NoSuchNode) and [`Event::NoTarget`](super::Event::NoTarget).
    pub no_node: RateLimit,
    /// For [`Event::Untrusted`](super::Event::Untrusted).
    pub untrusted: RateLimit,
    /// For [`Event::Looping`](super::Event::Looping).
    pub looping: RateLimit,
    /// For [`Event::Offline`](super::Event::Offline).
    pub offline: RateLimit,
    /// For [`Event::HeadersLeftOut`](super::Event::HeadersLeftOut).
    pub headers: RateLimit,
    failures: [RateLimit; 16],
}

impl RateLimits {
    /// For failures of the core: one for each cause, as long as there are few.
    pub(crate) fn failure(&self, cause: &impl Hash) -> &RateLimit {
        let [byte, ..] = FxBuildHasher.hash_one(cause).to_le_bytes();
        &self.failures[usize::from(byte) % self.failures.len()]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cause_is_said_once_in_a_while_and_the_rest_is_counted() {
        let limit = RateLimit::default();
        assert_eq!(limit.allow(1), Some(0));
        assert_eq!(limit.allow(2), None);
        assert_eq!(limit.allow(INTERVAL), None);
        assert_eq!(limit.allow(INTERVAL + 1), Some(2));
        assert_eq!(limit.allow(2 * INTERVAL + 1), Some(0));
    }

    #[test]
    fn another_failure_is_said_however_often_one_was() {
        let rate_limits = RateLimits::default();
        assert_eq!(rate_limits.failure(&"one").allow(1), Some(0));
        assert_eq!(rate_limits.failure(&"one").allow(2), None);
        assert_eq!(rate_limits.failure(&"another").allow(2), Some(0));
    }

    #[test]
    fn a_clock_that_jumps_back_silences_nothing_for_long() {
        let limit = RateLimit::default();
        assert_eq!(limit.allow(1_000 * INTERVAL), Some(0));
        assert_eq!(limit.allow(5), Some(0));
    }
}
