// SPDX-License-Identifier: GPL-2.0-or-later

//! A decision under way: one message, the state that it is decided by, and the verdict that it comes to.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering::Relaxed};
use std::sync::{Arc, Mutex};

use crate::auth::derived::Senders;
use crate::auth::lookups::Lookups;
use crate::auth::nonce_cache::NonceCache;
use crate::auth::signature::Nonce;
use crate::connections::Connections;
use crate::event::{Event, RateLimits, Subject};
use crate::messages::arrivals::Arrivals;
use crate::messages::breadth::Breadth;
use crate::messages::waiting::Waiting;
use crate::messages::{Kind, Name, Parameters};
use crate::nodes::backup::Names;
use crate::operator::counters::{Counter, Counters};
use crate::placement::placed::Placed;
use crate::placement::recent::RecentClaims;
use crate::settings::Settings;
use crate::text::{Text, Value};
use crate::time::WallTime;
use crate::verdict::{Action, Verdict};

/// The reason why a call or an instant message isn't let through, as the engine's word and as SIP's number.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Rejection {
    word: &'static [u8],
    code: &'static [u8],
}

impl Rejection {
    pub(crate) const CANCELLED: Self = Self::new("cancelled", "487");
    pub(crate) const FORBIDDEN: Self = Self::new("forbidden", "403");
    pub(crate) const INVALID: Self = Self::new("invalid-message", "400");
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

/// The parts of a node that its decisions share.
#[derive(Debug, Default)]
pub(crate) struct Shared {
    pub(crate) rate_limits: RateLimits,
    /// The nonces of calls that were received.
    pub(crate) nonces: Mutex<NonceCache>,
    /// The branches of calls that were on other nodes.
    pub(crate) breadth: Mutex<Breadth>,
    /// The resources that this node was asked for, and where they were then.
    pub(crate) placed: Placed,
    /// The claims that this node has made of late.
    pub(crate) recent: RecentClaims,
    /// The channels that other nodes have sent.
    pub(crate) arrivals: Arrivals,
    /// The callers whose node is looked for.
    pub(crate) waiting: Arc<Waiting>,
    /// A number that no other process of the cluster has.
    pub(crate) process: u64,
    /// The number of calls that were signed.
    pub(crate) signed: AtomicU64,
    /// The connections of the registrations on this node.
    pub(crate) connections: Connections,
    /// The addresses of nodes whose hosts have names.
    pub(crate) lookups: Lookups,
    /// The nodes without sections whose calls were trusted by these.
    pub(crate) senders: Senders,
    /// This node has taken over others.
    pub(crate) has_taken: AtomicBool,
    /// The names of nodes that stood in for others.
    pub(crate) names: Names,
}

impl Shared {
    /// Counts an event, and has it logged unless its rate limit suppresses it.
    #[expect(
        clippy::inline_always,
        reason = "where the kind of event is known, most of it isn't there"
    )]
    #[inline(always)]
    pub(crate) fn report<'m>(
        &self,
        event: Event<'m>,
        counters: &Counters,
        now: WallTime,
        verdict: &mut Verdict<'m>,
    ) {
        if let Some(counter) = event.counter() {
            counters.add(counter);
        }
        let suppressed = match self.rate_limits.of(&event) {
            Some(limit) => limit.allow(now),
            None => Some(0),
        };
        if let Some(suppressed) = suppressed {
            verdict.log(event, suppressed);
        }
    }
}

/// A decision under way.
pub(crate) struct Decision<'d, 'm, P> {
    /// The kind of message.
    pub(crate) kind: Kind,
    /// This node's name, which lives as long as any verdict.
    pub(crate) node: &'m [u8],
    pub(crate) settings: &'d Arc<Settings>,
    pub(crate) shared: &'m Shared,
    /// The counters of the calling thread's shard.
    pub(crate) counters: &'d Counters,
    /// The time that the message is decided by.
    pub(crate) now: WallTime,
    /// The message has waited already until its sender's node was looked up.
    pub(crate) has_waited: bool,
    pub(crate) message: &'d P,
    pub(crate) verdict: &'d mut Verdict<'m>,
}

impl<'m, P: Parameters<'m>> Decision<'_, 'm, P> {
    /// Counts one.
    pub(crate) fn count(&self, counter: Counter) {
        self.counters.add(counter);
    }

    /// Counts an event, and has it logged unless its rate limit suppresses it.
    #[inline]
    pub(crate) fn report(&mut self, event: Event<'m>) {
        self.shared
            .report(event, self.counters, self.now, self.verdict);
    }

    /// Has the call or the instant message fail. A call is answered by the engine's word alone, an instant
    /// message by the number alone; `reason` is for people.
    pub(crate) fn fail(&mut self, rejection: Rejection, reason: &str) {
        self.verdict.action = Action::Change;
        self.set(Name::Error, rejection.word);
        // It goes out as a SIP phrase, so it must be printable.
        self.set_made(Name::Reason, |text| {
            text.extend_from_slice(reason.as_bytes());
        });
        if self.subject() == Subject::Message {
            self.set(Name::Code, rejection.code);
        }
    }

    /// Whether a call is decided or an instant message.
    pub(crate) fn subject(&self) -> Subject {
        if self.kind == Kind::Message || self.get(Name::RouteType) == Some(b"msg") {
            Subject::Message
        } else {
            Subject::Call
        }
    }

    /// A nonce that was never used.
    pub(crate) fn nonce(&self) -> Nonce {
        Nonce {
            process: self.shared.process,
            count: self.shared.signed.fetch_add(1, Relaxed),
        }
    }

    /// The value of a parameter; empty where it has none.
    pub(crate) fn get(&self, name: Name) -> Option<&'m [u8]> {
        self.message.get(name)
    }

    /// The value of a parameter, if it has one.
    pub(crate) fn filled(&self, name: Name) -> Option<&'m [u8]> {
        self.message.filled(name)
    }

    /// Sets a parameter.
    pub(crate) fn set(&mut self, name: Name, text: &'m [u8]) {
        self.verdict.set_value(name, Value::Given(text));
    }

    /// Sets a parameter to a text of the verdict's own, which `write` appends.
    pub(crate) fn set_made(&mut self, name: Name, write: impl FnOnce(&mut Text)) {
        let value = self.verdict.make(write);
        self.verdict.set_value(name, value);
    }

    /// Sets a parameter, or removes it from the message where there is no text.
    pub(crate) fn set_or_clear(&mut self, name: Name, text: Option<&'m [u8]>) {
        match text {
            Some(text) => self.set(name, text),
            None => self.clear(name),
        }
    }

    /// Removes a parameter, if the message has it.
    pub(crate) fn clear(&mut self, name: Name) {
        if self.get(name).is_some() {
            self.verdict.clear(name);
        }
    }
}
