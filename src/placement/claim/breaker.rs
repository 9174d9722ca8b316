// SPDX-License-Identifier: GPL-2.0-or-later

//! Decides whether the database is worth asking: after a failure it is left alone for a while.
//!
//! Then one call asks, while the others still go without; if it gets an answer, all ask again.

use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

/// Times are in microseconds, on a clock that may jump.
#[derive(Debug, Default)]
pub struct Breaker {
    /// The time from which one may ask again; 0 while everybody may.
    until: AtomicU64,
}

impl Breaker {
    /// Whether this call may ask. If so it must report the outcome.
    ///
    /// Should it never do so another one may ask after `retry`.
    pub fn admits(&self, now: u64, retry: u64) -> bool {
        let until = self.until.load(Relaxed);
        // One that is further away than it can be was set before the clock jumped back.
        let over = until <= now || until - now > retry;
        until == 0
            || over
                && self
                    .until
                    .compare_exchange(until, end(now, retry), Relaxed, Relaxed)
                    .is_ok()
    }

    /// Nobody asks for as long as `retry`; returns whether that is new.
    pub fn trip(&self, now: u64, retry: u64) -> bool {
        self.until.swap(end(now, retry), Relaxed) == 0
    }

    /// Everybody asks; returns whether that is new.
    pub fn reset(&self) -> bool {
        self.until.swap(0, Relaxed) != 0
    }

    /// Whether the last query failed.
    pub fn is_tripped(&self) -> bool {
        self.until.load(Relaxed) != 0
    }
}

fn end(now: u64, retry: u64) -> u64 {
    now.saturating_add(retry).max(1)
}

#[cfg(test)]
mod tests {
    use super::*;

    const RETRY: u64 = 5_000_000;

    #[test]
    fn after_a_failure_one_asks_at_a_time_until_there_is_an_answer() {
        let breaker = Breaker::default();
        assert!(breaker.admits(10, RETRY) && breaker.admits(10, RETRY));
        assert!(breaker.trip(10, RETRY));
        assert!(!breaker.trip(11, RETRY), "known");
        assert!(!breaker.admits(12, RETRY));
        assert!(!breaker.admits(10 + RETRY, RETRY));
        assert!(breaker.admits(11 + RETRY, RETRY));
        assert!(!breaker.admits(12 + RETRY, RETRY), "somebody asks already");
        assert!(
            breaker.admits(12 + 2 * RETRY, RETRY),
            "the caller never came back"
        );
        assert!(breaker.reset());
        assert!(!breaker.reset(), "known");
        assert!(breaker.admits(13 + 2 * RETRY, RETRY));
        assert!(!breaker.is_tripped());
    }

    #[test]
    fn a_clock_that_jumps_back_keeps_nobody_from_asking_for_long() {
        let breaker = Breaker::default();
        breaker.trip(1_000 * RETRY, RETRY);
        assert!(breaker.admits(5, RETRY));
    }

    #[test]
    fn a_shorter_time_that_is_set_meanwhile_counts() {
        let breaker = Breaker::default();
        breaker.trip(10, 3600 * RETRY);
        assert!(breaker.admits(11, RETRY));
    }

    #[test]
    fn of_many_threads_one_asks() {
        let breaker = Breaker::default();
        breaker.trip(1, RETRY);
        let ask = || breaker.admits(2 * RETRY, RETRY);
        let asked = std::thread::scope(|scope| {
            let threads: Vec<_> = (0..8).map(|_| scope.spawn(ask)).collect();
            let admitted = threads.into_iter().filter_map(|thread| thread.join().ok());
            admitted.filter(|admitted| *admitted).count()
        });
        assert_eq!(asked, 1);
    }
}
