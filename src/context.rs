// SPDX-License-Identifier: GPL-2.0-or-later

//! What one decision is made by: settings, time, and what the node remembers.

use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::sync::{Arc, Mutex};

use crate::event::{Event, Gates};
use crate::replay::Seen;
use crate::settings::Settings;
use crate::signature::Nonce;
use crate::stats::{Counter, Counters};
use crate::verdict::Verdict;

/// What a decision is made by.
pub(crate) struct Context<'c, 'm> {
    /// This node's name, which lives as long as any verdict.
    pub(crate) node: &'m [u8],
    pub(crate) settings: &'c Arc<Settings>,
    pub(crate) gates: &'c Gates,
    /// Microseconds on the engine's clock.
    pub(crate) now: u64,
    /// The nonces of calls that were received.
    pub(crate) seen: &'c Mutex<Seen>,
    /// The number of this process, and how many calls it has signed.
    pub(crate) process: u64,
    pub(crate) signed: &'c AtomicU64,
    /// The counters of the calling thread's share.
    pub(crate) counters: &'c Counters,
}

impl Context<'_, '_> {
    pub(crate) fn count(&self, counter: Counter) {
        self.counters.add(counter);
    }

    /// Seconds on the engine's clock.
    pub(crate) fn seconds(&self) -> u64 {
        self.now / 1_000_000
    }

    /// A nonce that was never used.
    pub(crate) fn nonce(&self) -> Nonce {
        Nonce {
            process: self.process,
            count: self.signed.fetch_add(1, Relaxed),
        }
    }
}

impl<'m> Context<'_, 'm> {
    /// Counts a call that goes round in circles, and has it logged.
    pub(crate) fn looping(
        &self,
        node: &'m [u8],
        called: &'m [u8],
        hops: usize,
        verdict: &mut Verdict<'m>,
    ) {
        self.count(Counter::Looping);
        if let Some(unsaid) = self.gates.looping.pass(self.now) {
            verdict.event = Some(Event::Looping {
                node,
                called,
                hops,
                unsaid,
            });
        }
    }
}
