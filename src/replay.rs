// SPDX-License-Identifier: GPL-2.0-or-later

//! Each signed call counts once: the nonces that were seen, in bounded memory.
//!
//! Only nonces of verified calls come here, so nobody without the secret can fill the memory.

use std::mem;

use rustc_hash::FxHashSet;

use crate::signature::Nonce;

/// How many nonces are kept of one period. A busy node gets some hundred calls a second.
const MOST: usize = 1 << 17;

/// The nonces of this period and of the one before it.
#[derive(Debug, Default)]
pub struct Seen {
    /// When this period began, in seconds.
    since: u64,
    current: FxHashSet<Nonce>,
    previous: FxHashSet<Nonce>,
}

/// Why a nonce is not taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Refusal {
    /// It was seen before.
    Replayed,
    /// There is no room to remember it, so it could be replayed.
    Full,
}

impl Seen {
    /// Takes a nonce for the first time.
    ///
    /// `period` is for how many seconds a signature can be good, so that one that was forgotten would
    /// be refused for its age.
    ///
    /// # Errors
    ///
    /// When it was seen before, or can't be remembered.
    pub fn take(&mut self, nonce: Nonce, now: u64, period: u64) -> Result<(), Refusal> {
        if now.abs_diff(self.since) >= period {
            // After two periods without a call the older set isn't of use either, but no harm.
            self.previous = mem::take(&mut self.current);
            self.since = now;
        }
        if self.current.contains(&nonce) || self.previous.contains(&nonce) {
            return Err(Refusal::Replayed);
        }
        if self.current.len() >= MOST {
            return Err(Refusal::Full);
        }
        self.current.insert(nonce);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn nonce(count: u64) -> Nonce {
        Nonce { process: 7, count }
    }

    #[test]
    fn a_nonce_is_taken_once_as_long_as_its_signature_is_good() {
        let mut seen = Seen::default();
        assert_eq!(seen.take(nonce(1), 1_000, 60), Ok(()));
        for now in [1_000, 1_030, 1_059, 1_060, 1_119] {
            assert_eq!(
                seen.take(nonce(1), now, 60),
                Err(Refusal::Replayed),
                "{now}"
            );
        }
    }

    #[test]
    fn two_processes_may_count_alike() {
        let mut seen = Seen::default();
        assert_eq!(seen.take(nonce(1), 1_000, 60), Ok(()));
        assert_eq!(
            seen.take(
                Nonce {
                    process: 8,
                    count: 1
                },
                1_000,
                60
            ),
            Ok(())
        );
    }

    #[test]
    fn memory_is_bounded_and_what_cannot_be_remembered_is_refused() {
        let mut seen = Seen::default();
        for count in 0..MOST as u64 {
            assert_eq!(seen.take(nonce(count), 1_000, 60), Ok(()));
        }
        assert_eq!(seen.take(nonce(u64::MAX), 1_001, 60), Err(Refusal::Full));
        assert_eq!(seen.take(nonce(u64::MAX), 1_060, 60), Ok(()));
    }
}
