// SPDX-License-Identifier: GPL-2.0-or-later

//! What one decision is made by: settings, time, and what the node remembers.

use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::sync::{Arc, Mutex};

use crate::auth::nonces::NonceCache;
use crate::auth::signature::Nonce;
use crate::event::{Event, RateLimits};
use crate::messages::breadth::Breadth;
use crate::messages::{Kind, Name, Parameters};
use crate::operator::counters::{Counter, Counters};
use crate::settings::Settings;
use crate::time::SECOND;
use crate::verdict::{Action, Verdict};

/// Why a call or a message isn't let through, in the engine's word and in SIP's number.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Rejection {
    pub(crate) word: &'static [u8],
    code: &'static [u8],
}

impl Rejection {
    pub(crate) const FORBIDDEN: Self = Self::new("forbidden", "403");
    pub(crate) const LOOPING: Self = Self::new("looping", "483");
    pub(crate) const NO_ROUTE: Self = Self::new("noroute", "404");
    pub(crate) const OFFLINE: Self = Self::new("offline", "480");

    const fn new(word: &'static str, code: &'static str) -> Self {
        Self {
            word: word.as_bytes(),
            code: code.as_bytes(),
        }
    }
}

/// What a decision is made by.
pub(crate) struct Context<'c, 'm> {
    /// The kind of message that is decided.
    pub(crate) kind: Kind,
    /// This node's name, which lives as long as any verdict.
    pub(crate) node: &'m [u8],
    pub(crate) settings: &'c Arc<Settings>,
    pub(crate) rate_limits: &'c RateLimits,
    /// Microseconds on the engine's clock.
    pub(crate) now: u64,
    /// The nonces of calls that were received.
    pub(crate) nonces: &'c Mutex<NonceCache>,
    /// The branches of calls that were on other nodes.
    pub(crate) breadth: &'c Mutex<Breadth>,
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
        self.now / SECOND
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
    /// Says why a call or an instant message fails, in a text for people, too. Of a call only the engine's
    /// word decides the answer, of a message only a number.
    pub(crate) fn fail(
        &self,
        message: &impl Parameters<'m>,
        refusal: Rejection,
        reason: &str,
        verdict: &mut Verdict<'m>,
    ) {
        verdict.action = Action::Change;
        verdict.fail(refusal.word, reason);
        if self.kind == Kind::Message || message.get(Name::RouteType) == Some(b"msg") {
            verdict.set(Name::Code, refusal.code);
        }
    }

    /// Counts a call that goes round in circles, and has it logged.
    pub(crate) fn looping(
        &self,
        node: &'m [u8],
        called: &'m [u8],
        hops: usize,
        verdict: &mut Verdict<'m>,
    ) {
        self.count(Counter::Looping);
        if let Some(suppressed) = self.rate_limits.looping.allow(self.now) {
            verdict.event = Some(Event::Looping {
                node,
                called,
                hops,
                suppressed,
            });
        }
    }
}
