// SPDX-License-Identifier: GPL-2.0-or-later

//! The object that an engine holds, one for each node: settings in force, counters, one entry for messages.

use std::fmt::Write;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::sync::{Arc, Mutex, PoisonError, RwLock};

use crate::context::Context;
use crate::event::{Event, Gates};
use crate::failure::Failure;
use crate::message::{CLUSTER_HEADERS, Kind, Located, Name, Parameters};
use crate::replay::Seen;
use crate::settings::{Entry, SettingError, Settings};
use crate::stats::{Counter, Counters};
use crate::verdict::Verdict;
use crate::{cdr, execute, register, route};

/// Shares of the engine's threads: enough that two that run at the same time seldom meet in one.
const SHARES: usize = 16;

/// What one share of the threads works with, on cache lines of its own.
///
/// Each share has a reference of its own to the settings in force. It is read-locked while a
/// message is decided: for less than a microsecond, unless the C library matches a node's name for the
/// first time. Only a reload ever waits for that, or is waited for.
#[derive(Debug)]
#[repr(align(128))]
struct Share {
    settings: RwLock<Arc<Settings>>,
    counters: Counters,
}

/// A node's view of its cluster.
#[derive(Debug)]
pub struct Cluster {
    node: Box<[u8]>,
    shares: [Share; SHARES],
    gates: Gates,
    /// How many files of settings were taken.
    generation: AtomicU64,
    /// A number that no other process of the cluster has.
    process: u64,
    /// How many calls were signed.
    signed: AtomicU64,
    seen: Mutex<Seen>,
}

impl Cluster {
    /// A node that does nothing until it [loads](Self::load) its settings.
    ///
    /// A `node` without a name stays disabled whatever the settings say. `process` is a random number,
    /// by which signatures of this process are told from those of any other.
    #[must_use]
    pub fn new(node: &[u8], process: u64) -> Self {
        let settings = Arc::new(Settings::disabled(node));
        let share = |_| Share {
            settings: RwLock::new(Arc::clone(&settings)),
            counters: Counters::default(),
        };
        Self {
            node: node.into(),
            shares: std::array::from_fn(share),
            gates: Gates::default(),
            generation: AtomicU64::new(0),
            process,
            signed: AtomicU64::new(0),
            seen: Mutex::default(),
        }
    }

    /// Puts a file's settings in force: every message is decided by the old ones or by the new ones.
    ///
    /// # Errors
    ///
    /// Names all that is wrong with the file; the settings in force stay.
    pub fn load(&self, file: &str, entries: &[Entry]) -> Result<(), Vec<SettingError>> {
        let settings = Arc::new(Settings::parse(&self.node, file, entries)?);
        for share in &self.shares {
            let mut in_force = share
                .settings
                .write()
                .unwrap_or_else(PoisonError::into_inner);
            *in_force = Arc::clone(&settings);
        }
        self.generation.fetch_add(1, Relaxed);
        Ok(())
    }

    /// The settings in force.
    #[must_use]
    pub fn settings(&self) -> Arc<Settings> {
        Arc::clone(
            &self
                .share()
                .settings
                .read()
                .unwrap_or_else(PoisonError::into_inner),
        )
    }

    /// Whether a message of this kind is any business of the cluster's. If not, it passes, and
    /// nothing else need be asked.
    pub fn concerns<'m>(&self, kind: Kind, message: &impl Parameters<'m>) -> bool {
        let settings = self
            .share()
            .settings
            .read()
            .unwrap_or_else(PoisonError::into_inner);
        if settings.priority(kind).is_none() {
            return false;
        }
        let is_ours = |name| {
            message
                .get(name)
                .is_some_and(|target| settings.prefix.strip(target).is_some())
        };
        match kind {
            Kind::Route => {
                is_ours(Name::Called) || CLUSTER_HEADERS.iter().any(|h| message.get(*h).is_some())
            }
            Kind::Execute => is_ours(Name::Callto),
            Kind::Register | Kind::Cdr => true,
        }
    }

    /// Decides a message; `verdict` must be new.
    ///
    /// `complete` says that `message` knows all parameters, not only those of a known [name](Name);
    /// should these not do, the verdict is [`Action::NeedAll`](crate::verdict::Action::NeedAll). `now`
    /// is the engine's time in microseconds.
    pub fn decide<'m>(
        &'m self,
        kind: Kind,
        message: &impl Parameters<'m>,
        complete: bool,
        now: u64,
        verdict: &mut Verdict<'m>,
    ) {
        let share = self.share();
        let settings = share
            .settings
            .read()
            .unwrap_or_else(PoisonError::into_inner);
        if settings.priority(kind).is_none() {
            return;
        }
        let context = self.context(&settings, share, now);
        match kind {
            Kind::Route => route::decide(&context, message, verdict),
            Kind::Execute => execute::decide(&context, message, complete, verdict),
            Kind::Register => register::decide(&context, message, verdict),
            Kind::Cdr => cdr::decide(&context, message, verdict),
        }
    }

    /// Goes on with a call whose verdict was [`Action::Locate`](crate::verdict::Action::Locate).
    ///
    /// `begun` is that verdict, which holds the settings that the call was begun with; `message` the
    /// same parameters; `verdict` must be new.
    pub fn decide_located<'m>(
        &'m self,
        begun: &Verdict<'_>,
        message: &impl Parameters<'m>,
        answer: &Located<'m>,
        now: u64,
        verdict: &mut Verdict<'m>,
    ) {
        let Some(settings) = &begun.begun else { return };
        let context = self.context(settings, self.share(), now);
        execute::located(&context, message, answer, verdict);
    }

    fn context<'c, 'm: 'c>(
        &'m self,
        settings: &'c Arc<Settings>,
        share: &'c Share,
        now: u64,
    ) -> Context<'c, 'm> {
        Context {
            node: &self.node,
            settings,
            gates: &self.gates,
            now,
            seen: &self.seen,
            process: self.process,
            signed: &self.signed,
            counters: &share.counters,
        }
    }

    /// Makes a verdict of a failure: the message passes unchanged, which is counted and logged.
    pub(crate) fn failed(&self, failure: &Failure, now: u64, verdict: &mut Verdict<'_>) {
        verdict.reset();
        self.share().counters.add(Counter::Panics);
        if let Some(unsaid) = self.gates.panics.pass(now) {
            verdict.event = Some(Event::Failed {
                failure: failure.clone(),
                unsaid,
            });
        }
    }

    /// How often something happened since the node was made.
    #[must_use]
    pub fn count(&self, counter: Counter) -> u64 {
        self.shares
            .iter()
            .map(|share| share.counters.get(counter))
            .sum()
    }

    /// The parameters of `status clustering`: `name=value` with commas between.
    #[must_use]
    pub fn status(&self) -> String {
        let generation = self.generation.load(Relaxed);
        let mut text = format!("enabled={},reload={generation}", self.settings().enabled);
        for &counter in Counter::ALL {
            // Writing to a string doesn't fail.
            let _ = write!(text, ",{}={}", counter.text(), self.count(counter));
        }
        text
    }

    /// The share of the calling thread.
    ///
    /// Told by where its stack is, because asking the standard library who a thread is would leave
    /// something behind in the thread that must not outlive this library.
    fn share(&self) -> &Share {
        let mark = 0_u8;
        let stack = (&raw const mark).addr();
        // Threads' stacks lie at least 64 KiB apart; a multiplication mixes the rest.
        let mixed = (stack >> 16).wrapping_mul(0x9E37_79B9) >> 16;
        &self.shares[mixed % SHARES]
    }
}
