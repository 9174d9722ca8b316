// SPDX-License-Identifier: GPL-2.0-or-later

//! The object that an engine holds, one for each node: settings in force, counters, one entry for messages.

mod shards;

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering::Relaxed};
use std::sync::{Arc, Mutex, MutexGuard};

use crate::auth::nonces::NonceCache;
use crate::decision::Context;
use crate::event::{Event, Level, RateLimits, Suppressed};
use crate::failure::{Failure, guard, unpoisoned};
use crate::messages::breadth::Breadth;
use crate::messages::channels::Calls;
use crate::messages::{CLUSTER_HEADERS, Kind, Name, Parameters, Reply};
use crate::messages::{cdr, channels, execute, locate, preroute, register, route};
use crate::nodes::admin::{AdminFileError, AdminState, AdminStates};
use crate::nodes::health::Cause;
use crate::nodes::probe::{self, Outcome};
use crate::operator::counters::Counter;
use crate::settings::{Entry, SettingError, Settings};
use crate::task::{Task, Tasks};
use crate::verdict::{Pending, Verdict};
use shards::{Shard, Shards};

/// A node's view of its cluster.
#[derive(Debug)]
pub struct Cluster {
    node: Box<[u8]>,
    shards: Shards,
    rate_limits: RateLimits,
    /// How many files of settings were taken.
    generation: AtomicU64,
    /// A number that no other process of the cluster has.
    process: u64,
    /// How many calls were signed.
    signed: AtomicU64,
    nonces: Mutex<NonceCache>,
    breadth: Mutex<Breadth>,
    /// What operators want of the nodes. Held while settings are loaded.
    admin_states: Mutex<AdminStates>,
    calls: Calls,
    tasks: Tasks,
    /// Microseconds on the clock by which nodes are probed, at the last tick.
    clock: AtomicU64,
    /// It was said that nobody sends probes.
    unprobed: AtomicBool,
}

impl Cluster {
    /// A node that does nothing until it [loads](Self::load) its settings.
    ///
    /// A `node` without a name stays disabled whatever the settings say. `process` is a random number,
    /// by which signatures of this process are told from those of any other.
    #[must_use]
    pub fn new(node: &[u8], process: u64) -> Self {
        Self {
            node: node.into(),
            shards: Shards::new(Settings::disabled(node)),
            rate_limits: RateLimits::default(),
            generation: AtomicU64::new(0),
            process,
            signed: AtomicU64::new(0),
            nonces: Mutex::default(),
            breadth: Mutex::default(),
            admin_states: Mutex::default(),
            calls: Calls::default(),
            tasks: Tasks::default(),
            clock: AtomicU64::new(0),
            unprobed: AtomicBool::new(false),
        }
    }

    /// Puts a file's settings in force: every message is decided by the old ones or by the new ones.
    ///
    /// # Errors
    ///
    /// Names all that is wrong with the file; the settings in force stay.
    pub fn load(&self, file: &str, entries: &[Entry]) -> Result<(), Vec<SettingError>> {
        let mut settings = Settings::parse(&self.node, file, entries)?;
        // One at a time: a load goes on with what the one before it knew of the nodes.
        let admin_states = self.admin_states();
        let old = self.settings();
        settings.nodes.inherit(&old.nodes);
        for node in &settings.nodes {
            node.state.set_admin(admin_states.of(&node.name));
        }
        if settings.lease.ask_alike(&old.lease) {
            // Else nothing is known, whatever the database before has still to say.
            settings.claims = Arc::clone(&old.claims);
        }
        self.shards.put_in_force(settings);
        self.generation.fetch_add(1, Relaxed);
        Ok(())
    }

    /// This node's name.
    #[must_use]
    pub fn node(&self) -> &[u8] {
        &self.node
    }

    /// The settings in force.
    #[must_use]
    pub fn settings(&self) -> Arc<Settings> {
        Arc::clone(&self.shards.own().settings())
    }

    /// Whether a message of this kind is any business of the cluster's. If not, it passes, and
    /// nothing else need be asked.
    pub fn concerns<'m>(&self, kind: Kind, message: &impl Parameters<'m>) -> bool {
        let settings = self.shards.own().settings();
        if settings.priority(kind).is_none() {
            return false;
        }
        let is_ours = |name| {
            message
                .get(name)
                .is_some_and(|target| settings.prefix.strip(target).is_some())
        };
        let from_node = || CLUSTER_HEADERS.iter().any(|h| message.get(*h).is_some());
        match kind {
            Kind::Route => is_ours(Name::Called) || from_node(),
            Kind::Execute => is_ours(Name::Callto),
            Kind::Preroute => {
                settings.billid_node
                    || is_ours(Name::Called) && message.get(Name::SipBillid).is_some()
            }
            Kind::Message => is_ours(Name::Callto) || from_node(),
            Kind::Register | Kind::Unregister | Kind::Cdr | Kind::Locate => true,
            Kind::Startup => channels::node_of(&settings.nodes, message).is_some(),
            Kind::Hangup => message.get(Name::Id).is_some_and(|id| self.calls.has(id)),
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
        let shard = self.shards.own();
        let settings = shard.settings();
        if settings.priority(kind).is_none() {
            return;
        }
        let context = self.context(kind, &settings, shard, now);
        match kind {
            Kind::Route => route::decide(&context, message, complete, verdict),
            Kind::Preroute => preroute::decide(&context, message, verdict),
            Kind::Execute | Kind::Message => {
                execute::decide(&context, message, complete, verdict);
            }
            Kind::Register | Kind::Unregister => register::decide(&context, message, verdict),
            Kind::Cdr => cdr::decide(&context, message, verdict),
            Kind::Locate => locate::decide(&context, message, verdict),
            Kind::Startup => self.calls.started(&settings.nodes, message),
            Kind::Hangup => {
                let (nodes, rules, now) = (&settings.nodes, &settings.health, self.now());
                self.calls.ended(nodes, rules, message, now);
            }
        }
    }

    /// Goes on with a message whose verdict was [`Action::Locate`](crate::verdict::Action::Locate) or
    /// [`Action::Ask`](crate::verdict::Action::Ask).
    ///
    /// `pending` is that verdict, which holds the settings that the call was pending with; `message` the
    /// same parameters; `verdict` must be new.
    pub fn resume<'m>(
        &'m self,
        pending: &Verdict<'_>,
        message: &impl Parameters<'m>,
        answer: &Reply<'m>,
        now: u64,
        verdict: &mut Verdict<'m>,
    ) {
        let Some(Pending {
            settings,
            kind,
            purpose,
        }) = &pending.pending
        else {
            return;
        };
        let context = self.context(*kind, settings, self.shards.own(), now);
        if *kind == Kind::Locate {
            locate::answered(&context, message, *purpose, answer, verdict);
        } else {
            execute::located(&context, message, answer, verdict);
        }
    }

    /// Looks after the nodes, once a second; adds [tasks](Self::next_task).
    ///
    /// `now` is in microseconds, on a clock that never steps back.
    pub fn tick(&self, now: u64) {
        self.clock.store(now, Relaxed);
        let settings = self.settings();
        if settings.enabled {
            probe::tick(&settings.nodes, &settings.health, now, &self.tasks);
        }
    }

    /// Takes how a [probe](Task::Probe) of a node ended, at `now` on the clock of [`tick`](Self::tick).
    pub fn probed(&self, node: &[u8], number: u64, outcome: Outcome, now: u64) {
        let settings = self.settings();
        let Some(node) = settings.nodes.find(node) else {
            return;
        };
        probe::done(node, &settings.health, number, outcome, now, &self.tasks);
        let unprobed = outcome == Outcome::Unhandled;
        if self.unprobed.swap(unprobed, Relaxed) == unprobed {
            return;
        }
        if unprobed {
            self.tasks.say(
                Level::Warn,
                "Nodes can't be probed, so every node counts as up: set generate=yes in [general] \
                 of ysipchan.conf and restart, or interval=0 in [health]"
                    .to_owned(),
            );
        } else {
            self.tasks.say(Level::Note, "Nodes are probed".to_owned());
        }
    }

    /// The next thing to be done besides answering messages.
    pub fn next_task(&self) -> Option<Task> {
        self.tasks.next()
    }

    /// Has nothing new placed on a node, or nothing sent there at all, or makes it take part again.
    /// Whether there is such a node.
    pub fn set_admin(&self, node: &[u8], admin: AdminState) -> bool {
        let mut admin_states = self.admin_states();
        let settings = self.settings();
        let Some(node) = settings.nodes.find(node) else {
            return false;
        };
        admin_states.set(&node.name, admin);
        if node.state.admin() == AdminState::Disabled && admin != AdminState::Disabled {
            // Nobody has asked it meanwhile.
            let now = self.now();
            node.state
                .observe(|probing| probing.health.forget(Cause::Enabled, now));
        }
        node.state.set_admin(admin);
        self.tasks.add(Task::Save);
        true
    }

    /// What is to be kept until the next start of the engine.
    #[must_use]
    pub fn state(&self) -> Vec<u8> {
        self.admin_states().write()
    }

    /// Goes on with what was [kept](Self::state).
    ///
    /// # Errors
    ///
    /// When it is damaged; then nothing of it is taken.
    pub fn restore(&self, state: &[u8]) -> Result<(), AdminFileError> {
        let restored = AdminStates::read(state)?;
        let mut admin_states = self.admin_states();
        for node in &self.settings().nodes {
            node.state.set_admin(restored.of(&node.name));
        }
        *admin_states = restored;
        Ok(())
    }

    fn admin_states(&self) -> MutexGuard<'_, AdminStates> {
        unpoisoned(self.admin_states.lock())
    }

    /// Now, on the clock by which nodes are probed.
    pub(crate) fn now(&self) -> u64 {
        self.clock.load(Relaxed)
    }

    fn context<'c, 'm: 'c>(
        &'m self,
        kind: Kind,
        settings: &'c Arc<Settings>,
        shard: &'c Shard,
        now: u64,
    ) -> Context<'c, 'm> {
        Context {
            kind,
            node: &self.node,
            settings,
            rate_limits: &self.rate_limits,
            now,
            nonces: &self.nonces,
            breadth: &self.breadth,
            process: self.process,
            signed: &self.signed,
            counters: &shard.counters,
        }
    }

    /// Does what is no answer to a message. Should it fail that is counted and logged, too.
    pub(crate) fn catch_panic<T>(&self, work: impl FnOnce(&Self) -> T) -> Result<T, Failure> {
        guard(|| work(self)).inspect_err(|failure| {
            self.shards.own().counters.add(Counter::Panics);
            if let Some(suppressed) = self.rate_limits.failure(failure).allow(self.now()) {
                let line = format!("{failure}{}", Suppressed(suppressed));
                self.tasks.say(Level::Critical, line);
            }
        })
    }

    /// Makes a verdict of a failure: the message passes unchanged, which is counted and logged.
    pub(crate) fn failed(&self, failure: &Failure, now: u64, verdict: &mut Verdict<'_>) {
        verdict.reset();
        self.shards.own().counters.add(Counter::Panics);
        if let Some(suppressed) = self.rate_limits.failure(failure).allow(now) {
            verdict.event = Some(Event::Failed {
                failure: failure.clone(),
                suppressed,
            });
        }
    }

    /// How often something happened since the node was made.
    #[must_use]
    pub fn count(&self, counter: Counter) -> u64 {
        self.shards.count(counter)
    }

    /// Whether the database that resources are claimed in answers; `None` without one.
    #[must_use]
    pub fn database(&self) -> Option<bool> {
        let settings = self.settings();
        let is_used = !settings.lease.account.is_empty();
        is_used.then(|| !settings.claims.is_lost())
    }

    /// How many files of settings were taken.
    #[must_use]
    pub fn generation(&self) -> u64 {
        self.generation.load(Relaxed)
    }
}
