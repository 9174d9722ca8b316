// SPDX-License-Identifier: GPL-2.0-or-later

//! The nonce cache: each signed call counts once, and the memory is bounded.
//!
//! Only nonces of verified calls come here, so nobody without the secret can fill the memory.

use std::collections::BTreeSet;
use std::hash::BuildHasher;

use rustc_hash::FxBuildHasher;

use crate::auth::signature::{Nonce, Verified};

/// The number of nonces and branches that are kept. A busy node gets some hundred calls a second.
const MOST: usize = 1 << 17;

/// A channel of this engine's, by the hash of its id, which no caller chooses.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Channel(u64);

impl Channel {
    /// The channel of an id.
    #[must_use]
    pub fn of(id: &[u8]) -> Self {
        Self(FxBuildHasher.hash_one(id))
    }
}

/// The nonces of signatures that are still good, and the latest time of those that were forgotten.
#[derive(Debug, Default)]
pub struct NonceCache {
    /// By the second in which each was signed, so the oldest are first. A nonce is signed together with that
    /// second. With it are the channel of the call, if that has one, and those of its branches.
    taken: BTreeSet<(u64, Nonce, Option<Channel>)>,
    /// The latest second in which a forgotten one was signed: nothing as old can be told from a replay.
    forgotten: Option<u64>,
}

/// The reason why a nonce is not taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NonceError {
    /// It was seen before.
    Replayed,
    /// It may have been seen before: one that was signed then, or later, was forgotten.
    Forgotten,
    /// There is no room to remember it, so it could be replayed.
    Full,
}

impl NonceCache {
    /// Takes a verified signature's nonce for the first time, or again for the same channel or a
    /// [branch](Self::add_branch) of it: a call may be routed more than once.
    ///
    /// `now` and `window` are those, in seconds, by which the signature's age was found to be good. Nonces
    /// that are too old by them are forgotten. Should one be good again later, because the window was raised
    /// or the clock set back, it's refused all the same.
    ///
    /// # Errors
    ///
    /// Fails when it was seen before, or may have been, or can't be remembered.
    pub fn consume(
        &mut self,
        signature: Verified,
        now: u64,
        window: u64,
        channel: Option<Channel>,
    ) -> Result<(), NonceError> {
        while let Some(&(seconds, ..)) = self.taken.first()
            && seconds < now.saturating_sub(window)
        {
            self.taken.pop_first();
            self.forgotten = self.forgotten.max(Some(seconds));
        }
        // The clock was set back by far: a node that waited until it's there again would take no call
        // meanwhile.
        self.forgotten = self
            .forgotten
            .filter(|&latest| latest.saturating_sub(window) <= now);

        let Verified { seconds, nonce, .. } = signature;
        match self.peek(signature) {
            Err(NonceError::Replayed)
                if channel.is_some() && self.taken.contains(&(seconds, nonce, channel)) =>
            {
                Ok(())
            }
            Ok(()) if self.taken.len() >= MOST => Err(NonceError::Full),
            Ok(()) => {
                self.taken.insert((seconds, nonce, channel));
                Ok(())
            }
            refused => refused,
        }
    }

    /// Takes a nonce that was consumed for another channel, too: for a branch of the first one. Where there is
    /// no room, the branch itself can't be forked once more.
    #[cold]
    pub fn add_branch(&mut self, Verified { seconds, nonce, .. }: Verified, branch: Channel) {
        if self.taken.len() < MOST {
            self.taken.insert((seconds, nonce, Some(branch)));
        }
    }

    /// Whether a verified signature's nonce could be taken now; it can still be taken afterwards.
    ///
    /// # Errors
    ///
    /// Fails when it was seen before, or may have been.
    pub fn peek(&self, Verified { seconds, nonce, .. }: Verified) -> Result<(), NonceError> {
        // Before any channel comes none.
        let seen = self.taken.range((seconds, nonce, None)..).next();
        if seen.is_some_and(|&(second, taken, _)| (second, taken) == (seconds, nonce)) {
            return Err(NonceError::Replayed);
        }
        if self.forgotten.is_some_and(|latest| seconds <= latest) {
            return Err(NonceError::Forgotten);
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::auth::signature::Signer;
    use proptest::prelude::*;

    fn signed(seconds: u64, count: u64) -> Verified {
        let nonce = Nonce { process: 7, count };
        let signer = Signer::Plain;
        Verified {
            seconds,
            nonce,
            signer,
        }
    }

    #[test]
    fn a_nonce_is_taken_once_as_long_as_its_signature_is_good() {
        let mut nonces = NonceCache::default();
        let early = signed(1_030, 1);
        assert_eq!(nonces.consume(early, 1_000, 30, None), Ok(()));
        for now in 1_000..=1_060 {
            assert_eq!(nonces.consume(signed(now, now), now, 30, None), Ok(()));
            assert_eq!(
                nonces.consume(early, now, 30, None),
                Err(NonceError::Replayed),
                "{now}"
            );
        }
    }

    #[test]
    fn a_nonce_is_good_for_its_channel_and_the_branches_of_that_alone() {
        let mut nonces = NonceCache::default();
        let channel = |id: &[u8]| Some(Channel::of(id));
        let call = signed(1_000, 1);
        let first = channel(b"sip/1");
        assert_eq!(nonces.consume(call, 1_000, 30, first), Ok(()));
        nonces.add_branch(call, Channel::of(b"fork/1/1"));
        let mut again = |channel| nonces.consume(call, 1_000, 30, channel);
        assert_eq!(again(channel(b"fork/1/1")), Ok(()));
        assert_eq!(again(first), Ok(()));
        for other in [channel(b"sip/2"), channel(b"fork/1/2"), None] {
            assert_eq!(again(other), Err(NonceError::Replayed), "{other:?}");
        }
        assert_eq!(nonces.peek(call), Err(NonceError::Replayed));
        for other in [signed(1_000, 0), signed(1_000, 2), signed(999, 1)] {
            assert_eq!(nonces.peek(other), Ok(()));
        }
    }

    #[test]
    fn two_processes_may_count_alike() {
        let mut nonces = NonceCache::default();
        for process in [7, 8] {
            let nonce = Nonce { process, count: 1 };
            let signature = Verified {
                seconds: 1_000,
                nonce,
                signer: Signer::Plain,
            };
            assert_eq!(nonces.consume(signature, 1_000, 60, None), Ok(()));
        }
    }

    #[test]
    fn memory_is_bounded_and_what_cannot_be_remembered_is_refused() {
        let mut nonces = NonceCache::default();
        for count in 0..MOST as u64 {
            assert_eq!(
                nonces.consume(signed(1_000, count), 1_000, 60, None),
                Ok(())
            );
        }
        let more = |now| signed(now, u64::MAX);
        assert_eq!(
            nonces.consume(more(1_060), 1_060, 60, None),
            Err(NonceError::Full)
        );
        nonces.add_branch(signed(1_000, 0), Channel::of(b"fork/1/1"));
        assert_eq!(nonces.taken.len(), MOST);
        assert_eq!(nonces.consume(more(1_061), 1_061, 60, None), Ok(()));
        assert_eq!(nonces.taken.len(), 1);
    }

    #[test]
    fn what_was_forgotten_is_not_good_again_when_the_window_is_raised() {
        let mut nonces = NonceCache::default();
        assert_eq!(nonces.consume(signed(1_000, 1), 1_000, 30, None), Ok(()));
        assert_eq!(nonces.consume(signed(1_031, 2), 1_031, 30, None), Ok(()));
        let replayed = nonces.consume(signed(1_000, 1), 1_032, 300, None);
        assert_eq!(replayed, Err(NonceError::Forgotten));
        let slow_clock = nonces.consume(signed(1_001, 3), 1_032, 300, None);
        assert_eq!(slow_clock, Ok(()), "what is later was not forgotten");
    }

    #[test]
    fn a_window_that_is_lowered_forgets_nothing_that_becomes_good_later() {
        let mut nonces = NonceCache::default();
        assert_eq!(nonces.consume(signed(4_000, 1), 1_000, 3_600, None), Ok(()));
        for now in (1_000..=4_020).step_by(20) {
            assert_eq!(
                nonces.consume(signed(now, now), now, 30, None),
                Ok(()),
                "{now}"
            );
        }
        let replayed = nonces.consume(signed(4_000, 1), 4_020, 30, None);
        assert_eq!(replayed, Err(NonceError::Replayed));
    }

    #[test]
    fn calls_are_taken_at_once_after_the_clock_was_an_hour_ahead() {
        let mut nonces = NonceCache::default();
        assert_eq!(nonces.consume(signed(5_000, 1), 5_000, 30, None), Ok(()));
        assert_eq!(nonces.consume(signed(5_100, 2), 5_100, 30, None), Ok(()));
        assert_eq!(nonces.consume(signed(1_500, 3), 1_500, 30, None), Ok(()));
        let replayed = nonces.consume(signed(5_100, 2), 5_100, 30, None);
        assert_eq!(replayed, Err(NonceError::Replayed), "it was not forgotten");
    }

    #[test]
    fn what_was_forgotten_is_not_good_again_when_the_clock_is_set_back_a_little() {
        let mut nonces = NonceCache::default();
        assert_eq!(nonces.consume(signed(1_000, 1), 1_000, 30, None), Ok(()));
        assert_eq!(nonces.consume(signed(1_031, 2), 1_031, 30, None), Ok(()));
        let replayed = nonces.consume(signed(1_000, 1), 1_000, 30, None);
        assert_eq!(replayed, Err(NonceError::Forgotten));
    }

    /// An event in the life of a node.
    #[derive(Clone, Debug)]
    enum Step {
        Wait(u64),
        Window(u64),
        /// A call by a clock that is off by so many seconds.
        Call(i64),
        /// A call that was taken, by its number, is sent again.
        Replay(prop::sample::Index),
    }

    fn step() -> impl Strategy<Value = Step> {
        prop_oneof![
            (0_u64..100).prop_map(Step::Wait),
            (1_u64..100).prop_map(Step::Window),
            (-120_i64..120).prop_map(Step::Call),
            (-3_i64..3).prop_map(Step::Call),
            any::<prop::sample::Index>().prop_map(Step::Replay),
        ]
    }

    proptest! {
        /// This holds however the window changes.
        #[test]
        fn no_call_is_taken_twice_and_none_refused_that_was_good_by_every_window(
            steps in prop::collection::vec(step(), 0..200)
        ) {
            let (mut nonces, mut now, mut window, mut smallest) = (NonceCache::default(), 10_000, 30, 30);
            let mut taken = Vec::new();
            for (count, step) in (0_u64..).zip(steps) {
                match step {
                    Step::Wait(seconds) => now += seconds,
                    Step::Window(seconds) => {
                        window = seconds;
                        smallest = smallest.min(window);
                    }
                    Step::Call(off) => {
                        let call = signed(now.saturating_add_signed(off), count);
                        let age = call.seconds.abs_diff(now);
                        if age > window {
                            continue;
                        }
                        match nonces.consume(call, now, window, None) {
                            Ok(()) => taken.push(call),
                            refused => {
                                prop_assert_eq!(refused, Err(NonceError::Forgotten));
                                prop_assert!(age > smallest && call.seconds < now);
                            }
                        }
                    }
                    Step::Replay(index) if !taken.is_empty() => {
                        let call: Verified = *index.get(&taken);
                        if call.seconds.abs_diff(now) <= window {
                            prop_assert!(nonces.consume(call, now, window, None).is_err());
                        }
                    }
                    Step::Replay(_) => {}
                }
            }
        }
    }
}
