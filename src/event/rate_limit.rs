// SPDX-License-Identifier: GPL-2.0-or-later

//! Rate limits for lines of the log that somebody outside can bring about at will.

use std::hash::{BuildHasher, Hash};
use std::marker::PhantomData;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

use rustc_hash::FxBuildHasher;

use super::Event;
use crate::failure::Failure;
use crate::time::{SECOND, SteadyTime, Time, WallTime};

/// The shortest time between two lines of one cause, in microseconds.
pub const INTERVAL: u64 = 10 * SECOND;

/// The rate limit of one cause: allows a line in each [`INTERVAL`] of one clock, and counts those it suppresses.
#[derive(Debug)]
pub struct RateLimit<T> {
    /// The time when a line was last allowed, 0 for never.
    last: AtomicU64,
    suppressed: AtomicU64,
    clock: PhantomData<fn(T)>,
}

impl<T> Default for RateLimit<T> {
    fn default() -> Self {
        Self {
            last: AtomicU64::new(0),
            suppressed: AtomicU64::new(0),
            clock: PhantomData,
        }
    }
}

impl<T: Time> RateLimit<T> {
    /// Allows a line, with the number of those that were suppressed since the last one; `None` where this
    /// one is suppressed, too.
    ///
    /// The clock may be set back: that silences nothing for longer than an interval.
    #[must_use]
    pub fn allow(&self, now: T) -> Option<u64> {
        let now = now.micros();
        let last = self.last.load(Relaxed);
        let is_early = last != 0 && now.abs_diff(last) < INTERVAL;
        if is_early
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

/// The rate limits of all causes that somebody outside can bring about at will.
#[derive(Debug, Default)]
pub struct RateLimits {
    not_located: RateLimit<WallTime>,
    no_node: RateLimit<WallTime>,
    untrusted: RateLimit<WallTime>,
    unverified: RateLimit<WallTime>,
    malformed: RateLimit<WallTime>,
    looping: RateLimit<WallTime>,
    namesake: RateLimit<WallTime>,
    alive: RateLimit<WallTime>,
    offline: RateLimit<WallTime>,
    displaced: RateLimit<WallTime>,
    split: RateLimit<WallTime>,
    holder_down: RateLimit<WallTime>,
    unlisted: RateLimit<WallTime>,
    headers: RateLimit<WallTime>,
    connections_full: RateLimit<WallTime>,
    connection_malformed: RateLimit<WallTime>,
    /// Failures of the core on a message.
    failures: Failures<WallTime>,
    /// Probes whose thread could not be started.
    pub(crate) no_thread: RateLimit<SteadyTime>,
    /// Failures of the core on anything else.
    task_failures: Failures<SteadyTime>,
}

impl RateLimits {
    /// The rate limit of an event; `None` where it is always logged.
    #[expect(
        clippy::inline_always,
        reason = "where the kind of event is known, nothing of it is left"
    )]
    #[inline(always)]
    pub(crate) fn of(&self, event: &Event) -> Option<&RateLimit<WallTime>> {
        match event {
            Event::NotLocated { .. } => Some(&self.not_located),
            Event::NoSuchNode { .. } | Event::NoTarget { .. } => Some(&self.no_node),
            Event::Untrusted { .. } => Some(&self.untrusted),
            Event::Unverified { .. } => Some(&self.unverified),
            Event::Malformed { .. } => Some(&self.malformed),
            Event::Looping { .. } => Some(&self.looping),
            Event::Namesake { .. } => Some(&self.namesake),
            Event::Alive { .. } => Some(&self.alive),
            Event::Offline { .. } => Some(&self.offline),
            Event::Displaced { .. } => Some(&self.displaced),
            Event::Split { .. } => Some(&self.split),
            Event::HolderDown { .. } => Some(&self.holder_down),
            Event::Unlisted { .. } => Some(&self.unlisted),
            Event::HeadersLeftOut { .. } => Some(&self.headers),
            Event::ConnectionsFull { .. } => Some(&self.connections_full),
            Event::ConnectionMalformed { .. } => Some(&self.connection_malformed),
            Event::Failed { failure } => Some(self.failures.of(failure)),
            Event::Received { .. }
            | Event::Forwarded { .. }
            | Event::GivenUp { .. }
            | Event::Located { .. }
            | Event::RegistrationRefused { .. }
            | Event::DatabaseLost { .. }
            | Event::DatabaseBack => None,
        }
    }

    /// The rate limit of a failure that is no message's.
    pub(crate) fn of_task(&self, failure: &Failure) -> &RateLimit<SteadyTime> {
        self.task_failures.of(failure)
    }
}

/// Rate limits of failures: one for each cause, as long as there are few.
#[derive(Debug)]
struct Failures<T>([RateLimit<T>; 16]);

impl<T> Default for Failures<T> {
    fn default() -> Self {
        Self(std::array::from_fn(|_| RateLimit::default()))
    }
}

impl<T> Failures<T> {
    fn of(&self, cause: &impl Hash) -> &RateLimit<T> {
        let [byte, ..] = FxBuildHasher.hash_one(cause).to_le_bytes();
        &self.0[usize::from(byte) % self.0.len()]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cause_is_logged_once_an_interval_and_the_rest_is_counted() {
        let limit = RateLimit::default();
        assert_eq!(limit.allow(WallTime(1)), Some(0));
        assert_eq!(limit.allow(WallTime(2)), None);
        assert_eq!(limit.allow(WallTime(INTERVAL)), None);
        assert_eq!(limit.allow(WallTime(INTERVAL + 1)), Some(2));
        assert_eq!(limit.allow(WallTime(2 * INTERVAL + 1)), Some(0));
    }

    #[test]
    fn another_failure_is_logged_however_often_one_was() {
        let limits = Failures::default();
        assert_eq!(limits.of(&"one").allow(SteadyTime(1)), Some(0));
        assert_eq!(limits.of(&"one").allow(SteadyTime(2)), None);
        assert_eq!(limits.of(&"another").allow(SteadyTime(2)), Some(0));
    }

    #[test]
    fn a_clock_that_jumps_back_silences_nothing_for_long() {
        let limit = RateLimit::default();
        assert_eq!(limit.allow(WallTime(1_000 * INTERVAL)), Some(0));
        assert_eq!(limit.allow(WallTime(5)), Some(0));
    }
}
