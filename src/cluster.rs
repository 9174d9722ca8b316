// SPDX-License-Identifier: GPL-2.0-or-later

//! The object that an engine holds, one for each node: settings in force, counters, one entry for messages.

mod prefilter;
mod shards;
mod takeover;

use std::collections::BTreeSet;
use std::net::IpAddr;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering::Relaxed};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock};

use crate::auth::derived::Sender;
use crate::auth::lookups::{Answer, Change};
use crate::connections::{Connections, ConnectionsError};
use crate::decision::{Decision, Shared};
use crate::event::{Event, Level, Suppressed};
use crate::failure::{Failure, guard, unpoisoned};
use crate::file::Document;
use crate::membership::{self, Intent, Load, Membership, OwnedEntry, RowError};
use crate::messages::{Kind, Name, Parameters, Reply};
use crate::messages::{
    cdr, disconnected, execute, hangup, instant, locate, preroute, register, route, startup,
    unregister,
};
use crate::nodes::admin::{AdminFileError, AdminState, AdminStates};
use crate::nodes::calls::Calls;
use crate::nodes::evacuation::{Evacuation, Left};
use crate::nodes::event::{tell_admin, tell_health};
use crate::nodes::health::Cause;
use crate::nodes::probe::{self, Outcome};
use crate::nodes::{Node, Probing};
use crate::operator::counters::Counter;
use crate::placement::claim::DatabaseState;
use crate::settings::{Entry, SettingError, Settings};
use crate::task::{Task, Tasks};
use crate::text::{Escaped, has_control};
use crate::time::{MessageTimes, SECOND, SteadyTime, WallTime};
use crate::verdict::{Pending, Verdict};
use prefilter::Prefilter;
use shards::{Shard, Shards};
pub use takeover::TakeoverError;

/// The reason why a node is not forgotten.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ForgetError {
    /// The database doesn't have it.
    #[error("the database has no such node")]
    Unknown,
    /// It can be reached.
    #[error("it is neither down nor disabled")]
    Alive,
}

/// A node's view of its cluster.
#[derive(Debug)]
pub struct Cluster {
    node: Box<[u8]>,
    shards: Shards,
    prefilter: Prefilter,
    /// The number of files of settings that were taken.
    generation: AtomicU64,
    shared: Shared,
    membership: Membership,
    evacuation: Evacuation,
    /// The file in force, by its name and its entries; empty where no other list is added to it.
    file: Mutex<(String, Vec<OwnedEntry>)>,
    /// The nodes of the database that the settings in force are without. What their rows want of them is not kept.
    left_out: Mutex<BTreeSet<Box<[u8]>>>,
    /// The admin states of the nodes. Held while settings are loaded.
    admin_states: Mutex<AdminStates>,
    /// The priorities of the first settings that were loaded, at which the handlers stay.
    priorities: OnceLock<[u32; Kind::ALL.len()]>,
    calls: Calls,
    tasks: Tasks,
    /// Microseconds on the clock by which nodes are probed, at the last tick.
    clock: AtomicU64,
    /// The warning that nobody sends probes was logged.
    unprobed: AtomicBool,
    /// The last file was not taken.
    refused: AtomicBool,
}

impl Cluster {
    /// A node that does nothing until it [loads](Self::load) its settings.
    ///
    /// A `node` without a name, or with a control character in it, stays disabled whatever the settings are. `process` is a random number,
    /// by which signatures of this process are told from those of any other.
    #[must_use]
    pub fn new(node: &[u8], process: u64) -> Self {
        Self {
            node: node.into(),
            shards: Shards::new(Settings::disabled(node)),
            prefilter: Prefilter::default(),
            generation: AtomicU64::new(0),
            shared: Shared {
                process,
                ..Shared::default()
            },
            membership: Membership::default(),
            evacuation: Evacuation::default(),
            file: Mutex::default(),
            left_out: Mutex::default(),
            admin_states: Mutex::default(),
            priorities: OnceLock::new(),
            calls: Calls::default(),
            tasks: Tasks::default(),
            clock: AtomicU64::new(0),
            unprobed: AtomicBool::new(false),
            refused: AtomicBool::new(false),
        }
    }

    /// Puts settings in force: every message is decided by the old ones or by the new ones.
    ///
    /// # Errors
    ///
    /// Names every mistake in the file; the settings in force stay.
    pub fn load(&self, file: &str, entries: &[Entry]) -> Result<(), Vec<SettingError>> {
        self.load_file(file, entries, &Document::default())
    }

    /// Puts a file's settings in force, which has a text: `document`. What is allowed but will hurt is logged.
    ///
    /// # Errors
    ///
    /// Names every mistake in the file and its text; the settings in force stay. So they do where the file would
    /// switch clustering off and doesn't say so.
    pub fn load_file(
        &self,
        file: &str,
        entries: &[Entry],
        document: &Document,
    ) -> Result<(), Vec<SettingError>> {
        let checked = Settings::check(&self.node, file, entries, document);
        let accepted = checked.settings.and_then(|settings| {
            let refusal = settings.refusal(&self.settings(), file);
            refusal.map_or(Ok(settings), |refusal| Err(vec![refusal]))
        });
        self.refused.store(accepted.is_err(), Relaxed);
        let settings = accepted?;
        let warnings = checked.warnings.iter();
        for warning in warnings.filter(|it| it.warning.is_logged()) {
            self.tasks.log(Level::Warn, warning.to_string());
        }
        // One at a time: a load inherits the state of the nodes from the one before.
        let mut admin_states = self.admin_states();
        self.put_in_force(self.with_members(settings, file, entries), &admin_states);
        self.forget_admin_states(&mut admin_states);
        self.generation.fetch_add(1, Relaxed);
        Ok(())
    }

    fn put_in_force(&self, mut settings: Settings, admin_states: &AdminStates) {
        let old = self.settings();
        settings.nodes.inherit(&old.nodes);
        self.renew_nodes(&settings, &old);
        self.inherit_admin_states(admin_states, &settings, &old);
        if settings.lease.ask_alike(&old.lease) {
            // The answers of another database, or to other queries, are worth nothing.
            settings.claims = Arc::clone(&old.claims);
            let departed = old.nodes.iter().map(|node| &node.name);
            for name in departed.filter(|name| settings.nodes.find(name).is_none()) {
                settings.claims.depart(name);
                if !settings.lease.account.is_empty() {
                    let line = format!(
                        "Node '{}' has left the list: resources that it holds are placed anew",
                        Escaped(name)
                    );
                    self.tasks.log(Level::Note, line);
                }
            }
        }
        self.check_priorities(&settings);
        if has_control(&self.node) {
            let line = format!(
                "Node name '{}' has a control character, so clustering is disabled",
                Escaped(&self.node)
            );
            self.tasks.log(Level::Warn, line);
        }
        if let Some(derived) = &settings.derived {
            self.shared.lookups.watch(derived.names());
        } else {
            self.shared.lookups.clear();
            self.shared.senders.clear();
        }
        self.prefilter.put_in_force(&settings);
        self.shards.put_in_force(settings);
    }

    /// Forgets the health of nodes that are elsewhere now, or are reached by another way: each is a new one.
    fn renew_nodes(&self, settings: &Settings, old: &Settings) {
        let now = self.now();
        for node in &settings.nodes {
            let Some(before) = old.nodes.find(&node.name) else {
                continue;
            };
            let is_same = node.is_where(before)
                && settings.connection == old.connection
                && settings.transport_to(node) == old.transport_to(before);
            if !is_same {
                let cause = if node.probe.is_empty() {
                    Cause::NoUri
                } else {
                    Cause::Moved
                };
                let renew = |probing: &mut Probing| probing.renew(cause, now);
                probe::tell(node, node.state.observe(renew), &self.tasks);
            }
        }
    }

    /// The settings of a file and of the nodes that the database has besides.
    fn with_members(&self, settings: Settings, file: &str, entries: &[Entry]) -> Settings {
        let owned = |entry: &Entry| OwnedEntry::new(entry.section, entry.key, entry.value);
        let own = (&*self.node, self.shared.process);
        let mut kept = unpoisoned(self.file.lock());
        if settings.members.account.is_empty() {
            *kept = <_>::default();
            unpoisoned(self.left_out.lock()).clear();
            self.membership
                .configure(own, &settings.members, &[], &self.tasks);
            return settings;
        }
        *kept = (
            file.to_owned(),
            entries.iter().map(owned).collect::<Vec<_>>(),
        );
        let (file, entries) = &*kept;
        self.membership
            .configure(own, &settings.members, entries, &self.tasks);
        self.join(settings, file, entries)
    }

    /// Adds the nodes of the database to the settings of a file. One that the file has, too, is as the file has it;
    /// one that can't be a node is left out.
    ///
    /// Where no section is at fault, but a setting that the sections are used with, the node is found by halves.
    fn join(&self, settings: Settings, file: &str, entries: &[OwnedEntry]) -> Settings {
        let mut left_out = BTreeSet::new();
        let mut leave_out = |name: &[u8], reason: &str| {
            membership::left_out(name, reason, &self.tasks);
            left_out.insert(name.into());
        };
        let members = self.membership.sections();
        let is_added = |(name, _): &&(Box<[u8]>, _)| settings.nodes.find(name).is_none();
        let mut parts = vec![members.iter().filter(is_added).collect::<Vec<_>>()];
        let mut joined = None;
        let mut taken = Vec::new();
        while let Some(mut part) = parts.pop() {
            if part.is_empty() {
                continue;
            }
            let tried = [&taken[..], &part].concat();
            let sections = tried.iter().flat_map(|(_, entries)| entries);
            let all = entries.iter().chain(sections).map(OwnedEntry::entry);
            let problems = match Settings::parse(&self.node, file, &all.collect::<Vec<_>>()) {
                Ok(all) => {
                    (joined, taken) = (Some(all), tried);
                    continue;
                }
                Err(problems) => problems,
            };
            let before = part.len();
            part.retain(|(name, _)| {
                let section = Escaped(&[b"node ", &name[..]].concat()).to_string();
                let problem = problems.iter().find(|problem| problem.section == section);
                if let Some(SettingError { reason, .. }) = problem {
                    leave_out(name, reason);
                }
                problem.is_none()
            });
            match (&part[..], &problems[..]) {
                _ if part.len() < before => parts.push(part),
                ([(name, _)], [problem, ..]) => {
                    leave_out(name, &RowError::Setting(problem.to_string()).to_string());
                }
                _ => {
                    let rest = part.split_off(before / 2);
                    parts.extend([rest, part]);
                }
            }
        }
        let is_changed = left_out != *unpoisoned(self.left_out.lock());
        if is_changed {
            *unpoisoned(self.left_out.lock()) = left_out;
            self.tasks.add(Task::Save);
        }
        joined.unwrap_or(settings)
    }

    /// Puts the nodes in force that the database has now.
    fn rejoin(&self, admin_states: &AdminStates) {
        let kept = unpoisoned(self.file.lock());
        let (file, entries) = &*kept;
        let alone: Vec<_> = entries.iter().map(OwnedEntry::entry).collect();
        if let Ok(settings) = Settings::parse(&self.node, file, &alone) {
            let settings = self.join(settings, file, entries);
            self.put_in_force(settings, admin_states);
        }
    }

    /// Takes the answer to a [query](Task::Query): the first column of its rows.
    pub fn queried(
        &self,
        number: u64,
        reply: &Reply,
        rows: &[&[u8]],
        (now, wall): (SteadyTime, WallTime),
    ) {
        let outcome = locate::outcome(reply).row(membership::PATIENCE);
        let rows = outcome.map(|_| rows);
        let mut admin_states = self.admin_states();
        let changes = self
            .membership
            .answered(number, rows, (now, wall), &self.tasks);
        let mut is_changed = changes.list || changes.kept;
        for (name, admin) in changes.admin {
            if admin_states.of(&name) == admin {
                continue;
            }
            is_changed = true;
            admin_states.set(&name, admin);
            if let Some(node) = self.settings().nodes.find(&name) {
                self.give_admin(node, admin, "said to another node");
                let line = format!(
                    "Node '{}' is {admin}, as another node was told",
                    Escaped(&name)
                );
                self.tasks.log(Level::Note, line);
            }
        }
        if changes.list {
            self.rejoin(&admin_states);
        }
        if let Some(loads) = changes.loads {
            let (nodes, recent) = (&self.settings().nodes, &self.shared.recent);
            membership::take_loads(&loads, nodes, recent, (now, wall), &self.tasks);
        }
        if is_changed {
            self.tasks.add(Task::Save);
        }
    }

    /// Takes the count of the engine's channels, see [`Task::CountChannels`].
    pub fn counted(&self, channels: u64) {
        self.membership.counted(channels);
        self.evacuation.counted(channels);
    }

    /// What is left on this node; `None` unless it is drained or disabled, and was counted since.
    pub(crate) fn left(&self) -> Option<Left> {
        let (rooms, registrations) = self.kept();
        self.evacuation.left(rooms, registrations)
    }

    /// The rooms and the registrations of this node, as far as they are known.
    fn kept(&self) -> (Option<u64>, Option<u64>) {
        let remembers = self.settings().registrations > 0;
        let registrations = remembers.then(|| self.shared.connections.len() as u64);
        (self.membership.own_load().rooms, registrations)
    }

    /// This node's load, as far as it is known.
    pub(crate) fn own_load(&self) -> Load {
        let load = self.membership.own_load();
        let left = self.left();
        Load {
            channels: load.channels.or(left.map(|left| left.channels)),
            registrations: load
                .registrations
                .or(left.and_then(|left| left.registrations)),
            ..load
        }
    }

    /// Notes that a file could not be read, so that the settings in force are not those of the file.
    pub fn not_loaded(&self) {
        self.refused.store(true, Relaxed);
    }

    /// Whether the last file was refused, or could not be read, so that older settings are in force.
    #[must_use]
    pub fn is_refused(&self) -> bool {
        self.refused.load(Relaxed)
    }

    /// Gives the nodes of new settings their admin states.
    fn inherit_admin_states(&self, states: &AdminStates, settings: &Settings, old: &Settings) {
        self.follow_takeovers(states, settings);
        for node in &settings.nodes {
            let admin = states.of(&node.name);
            node.state.set_admin(admin);
            node.state
                .observe(|probing| probing.health.begin(self.now()));
            if old.nodes.find(&node.name).is_none() {
                self.tell_kept(&node.name, admin);
                self.tell_kept_takeover(node);
            }
        }
    }

    /// Forgets the admin states of nodes that have no section any more: a node that is put back later on takes part. A
    /// file without any section forgets nothing, because it is more likely to be damaged; nor does one of a cluster that
    /// has its list in a database, which may not be known yet.
    fn forget_admin_states(&self, states: &mut AdminStates) {
        let settings = self.settings();
        if settings.nodes.is_empty() || !settings.members.account.is_empty() {
            return;
        }
        let forgotten = states.forget(|node| settings.nodes.find(node).is_some());
        for (node, admin) in &forgotten {
            let node = Escaped(node);
            let line = format!(
                "Node '{node}' has no section any more: it was {admin}, which is forgotten"
            );
            self.tasks.log(Level::Note, line);
        }
        let released = states.forget_taken(|node| settings.nodes.find(node).is_some());
        for node in &released {
            let node = Escaped(node);
            let line = format!(
                "Node '{node}' has no section any more: it was taken over, which is forgotten"
            );
            self.tasks.log(Level::Note, line);
        }
        if !forgotten.is_empty() || !released.is_empty() {
            self.follow_takeovers(states, &settings);
            self.tasks.add(Task::Save);
        }
    }

    /// Logs that a node has an admin state from before.
    fn tell_kept(&self, node: &[u8], admin: AdminState) {
        if admin != AdminState::Enabled {
            let line = format!(
                "Node '{}' is still {admin}, by an earlier command",
                Escaped(node)
            );
            self.tasks.log(Level::Note, line);
        }
    }

    /// Logs each priority that isn't the one at which the handler was installed.
    fn check_priorities(&self, settings: &Settings) {
        let wanted = Kind::ALL.map(|kind| settings.priority(kind));
        let installed = self.priorities.get_or_init(|| wanted);
        for (kind, (wanted, installed)) in Kind::ALL.iter().zip(wanted.iter().zip(installed)) {
            // A message that isn't to be handled any more passes at once.
            if wanted == installed || *wanted == 0 {
                continue;
            }
            let name = kind.key();
            let line = format!(
                "[priorities] {name}={wanted} takes effect when the module is loaded again; until then it is \
                 {installed}"
            );
            self.tasks.log(Level::Mild, line);
        }
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

    /// Whether messages of a kind are decided by the settings in force; if not, they pass.
    pub fn decides(&self, kind: Kind) -> bool {
        self.prefilter.decides(kind)
    }

    /// Whether a message of this kind concerns the cluster. If not, it passes, and nothing else need be
    /// asked.
    pub fn concerns<'m>(&self, kind: Kind, message: &impl Parameters<'m>) -> bool {
        if !self.prefilter.decides(kind) {
            return false;
        }
        let has_prefix = |target: Option<&[u8]>| self.has_prefix(target);
        let settings = || self.shards.own().settings();
        match kind {
            Kind::Route => route::concerns(has_prefix, message),
            Kind::Execute | Kind::LateExecute | Kind::LateMessage => {
                execute::concerns(has_prefix, message)
            }
            Kind::Preroute => preroute::concerns(&settings(), message),
            Kind::Message => instant::concerns(has_prefix, message),
            Kind::Startup => startup::concerns(&settings().nodes, message),
            Kind::Hangup => hangup::concerns(&self.calls, &self.shared, message),
            Kind::Disconnected => disconnected::concerns(&self.shared.arrivals, message),
            Kind::Register | Kind::Unregister | Kind::Cdr | Kind::Locate => true,
        }
    }

    /// Whether a target is the cluster's, by the settings in force.
    fn has_prefix(&self, target: Option<&[u8]>) -> bool {
        let has = |target| {
            let told = self.prefilter.has_prefix(target);
            told.unwrap_or_else(|| self.shards.own().settings().has_prefix(Some(target)))
        };
        target.is_some_and(has)
    }

    /// Decides a message; `verdict` must be new.
    ///
    /// `complete` says that `message` knows all parameters, not only those of a known
    /// [name](crate::messages::Name). Where these are not enough the verdict is
    /// [`Action::NeedAll`](crate::verdict::Action::NeedAll).
    #[inline]
    pub fn decide<'m>(
        &'m self,
        kind: Kind,
        message: &impl Parameters<'m>,
        complete: bool,
        times: MessageTimes,
        verdict: &mut Verdict<'m>,
    ) {
        let shard = self.shards.own();
        let settings = shard.settings();
        if !settings.decides(kind) {
            return;
        }
        let now = kind.time(times);
        let mut decision = self.decision(kind, &settings, shard, now, message, verdict);
        match kind {
            Kind::Route => route::decide(&mut decision, complete),
            Kind::Preroute => preroute::decide(&mut decision),
            Kind::Execute => execute::decide(&mut decision, complete),
            Kind::Message => instant::decide(&mut decision, complete),
            Kind::LateExecute | Kind::LateMessage => {
                decision.kind = if kind == Kind::LateExecute {
                    Kind::Execute
                } else {
                    Kind::Message
                };
                execute::decide_late(&mut decision, complete);
            }
            Kind::Register => register::decide(&mut decision),
            Kind::Unregister => unregister::decide(&mut decision),
            Kind::Cdr => cdr::decide(&mut decision),
            Kind::Disconnected => disconnected::decide(&mut decision),
            Kind::Locate => locate::decide(&mut decision),
            Kind::Startup => {
                startup::observe(&self.calls, &settings.nodes, message, self.now());
            }
            Kind::Hangup => {
                let (nodes, rules) = (&settings.nodes, &settings.health);
                if let Some(channel) = message.get(Name::Id) {
                    self.shared.waiting.ended(channel);
                    self.shared.arrivals.remove(channel);
                }
                hangup::observe(&self.calls, nodes, rules, message, self.now());
            }
        }
    }

    /// Goes on with a message whose verdict was [`Action::Locate`](crate::verdict::Action::Locate),
    /// [`Action::Ask`](crate::verdict::Action::Ask) or [`Action::Resolve`](crate::verdict::Action::Resolve).
    ///
    /// `pending` is that verdict, which holds the settings that the message was first decided by; `message`
    /// the same parameters, all of them; `verdict` must be new.
    pub fn resume<'m>(
        &'m self,
        pending: &Verdict<'_>,
        message: &impl Parameters<'m>,
        reply: &Reply<'m>,
        times: MessageTimes,
        verdict: &mut Verdict<'m>,
    ) {
        let Some(Pending {
            settings,
            kind,
            purpose,
            caller,
        }) = &pending.pending
        else {
            return;
        };
        let shard = self.shards.own();
        let mut decision = self.decision(*kind, settings, shard, times.now, message, verdict);
        decision.has_waited = true;
        match kind {
            Kind::Locate => locate::resume(&mut decision, *purpose, reply),
            Kind::Route => route::decide(&mut decision, true),
            Kind::Preroute => preroute::decide(&mut decision),
            _ => execute::resume(&mut decision, caller.as_ref(), reply),
        }
    }

    /// Looks after the nodes, at least once a second; adds [tasks](Self::next_task). A node that dies is found out the
    /// sooner, the more often it is called.
    ///
    /// `now` is in microseconds, on a clock that never steps back.
    pub fn tick(&self, now: SteadyTime) {
        let step = now.since(self.advance(now)).min(SECOND);
        let settings = self.settings();
        if settings.enabled {
            let registrations = self.shared.connections.len() as u64;
            if self.shared.recent.was_asked() {
                self.membership.want_loads(now);
            }
            let nodes = &settings.nodes;
            self.membership
                .tick(nodes, registrations, self.taken(), now, &self.tasks);
            if self.membership.loads_end(now) {
                for node in &settings.nodes {
                    node.state.take_figures(None, None);
                }
            }
            probe::tick(&settings, now, step / 2, &self.tasks);
            settings.nodes.tell_stand_ins(&self.tasks);
            self.shared.placed.tick(&settings.nodes);
            let own = settings.nodes.find(&self.node);
            self.evacuation.tick(own, self.kept(), now, &self.tasks);
        }
    }

    /// Sets all clocks, and gives the time of before.
    fn advance(&self, now: SteadyTime) -> SteadyTime {
        let last = SteadyTime(self.clock.swap(now.0, Relaxed));
        self.shared.connections.tick(now);
        self.shared.lookups.tick(now);
        last
    }

    /// Takes the outcome of a [probe](Task::Probe) of a node, at `now` on the clock of [`tick`](Self::tick).
    pub fn probed(&self, node: &[u8], number: u64, outcome: Outcome, now: SteadyTime) {
        let settings = self.settings();
        let Some(node) = settings.nodes.find(node) else {
            return;
        };
        probe::done(node, &settings.health, number, outcome, now, &self.tasks);
        match outcome {
            Outcome::NotSupported => self.set_probing(false),
            Outcome::NotStarted => {
                let limit = &self.shared.rate_limits.no_thread;
                if let Some(suppressed) = limit.allow(now) {
                    let line = format!(
                        "Node '{}' was not probed and keeps its state: no thread could be started{}",
                        Escaped(&node.name),
                        Suppressed(suppressed)
                    );
                    self.tasks.log(Level::Warn, line);
                }
            }
            Outcome::Answered(_) | Outcome::AnsweredLater(..) | Outcome::NoAnswer => {
                self.set_probing(true);
            }
        }
    }

    /// Notes whether the engine sends probes, and logs each change.
    fn set_probing(&self, is_probing: bool) {
        if self.unprobed.swap(!is_probing, Relaxed) != is_probing {
            return;
        }
        if is_probing {
            self.tasks
                .log(Level::Note, "Nodes are probed again".to_owned());
        } else {
            self.tasks.log(
                Level::Warn,
                "Nodes can't be probed, so every node counts as up: set generate=yes in [general] \
                 of ysipchan.conf and restart, or interval=0 in [health]"
                    .to_owned(),
            );
        }
    }

    /// The next host's name to be looked up; the answer goes to [`looked_up`](Self::looked_up). To be asked for on
    /// [`Action::Resolve`](crate::verdict::Action::Resolve), after each [`tick`](Self::tick), each
    /// [`load`](Self::load) and each answer.
    pub fn next_lookup(&self) -> Option<Box<str>> {
        self.shared.lookups.next()
    }

    /// Whether the answer for a host's name is still to come.
    pub fn is_looked_up(&self, name: &str) -> bool {
        self.shared.lookups.is_open(name)
    }

    /// Takes the answer for a host's name, at `now` on the clock of [`tick`](Self::tick).
    pub fn looked_up(&self, name: &str, answer: Answer, now: SteadyTime) {
        let Some(change) = self.shared.lookups.answered(name, answer, now) else {
            return;
        };
        let name = Escaped(name.as_bytes());
        let (level, line) = match change {
            Change::Lost => (
                Level::Warn,
                format!(
                    "No address is known for the host '{name}' of callto: calls from its node are refused"
                ),
            ),
            Change::Found(addresses) => (
                Level::Info,
                format!(
                    "Calls from the host '{name}' of callto are trusted: {}",
                    list(&addresses)
                ),
            ),
            Change::Changed(addresses) => (
                Level::Note,
                format!(
                    "The host '{name}' of callto has other addresses now: {}",
                    list(&addresses)
                ),
            ),
        };
        self.tasks.log(level, line);
    }

    /// The addresses of a host's name; `None` where it was never looked up to the end.
    pub(crate) fn addresses(&self, name: &str) -> Option<Vec<IpAddr>> {
        self.shared.lookups.addresses(name)
    }

    /// The nodes without sections whose calls were trusted.
    pub(crate) fn senders(&self) -> Vec<(Box<[u8]>, Sender)> {
        self.shared.senders.list()
    }

    /// The next thing to be done besides answering messages.
    pub fn next_task(&self) -> Option<Task> {
        self.tasks.next()
    }

    /// Sets the admin state of a node, at nobody's command in particular; `false` where there is no such node.
    pub fn set_admin(&self, node: &[u8], admin: AdminState) -> bool {
        self.set_admin_for(node, admin, b"")
    }

    /// As [`set_admin`](Self::set_admin), for somebody at a console: `from` is its address, empty where nobody knows.
    pub fn set_admin_for(&self, node: &[u8], admin: AdminState, from: &[u8]) -> bool {
        let mut admin_states = self.admin_states();
        let settings = self.settings();
        let Some(node) = settings.nodes.find(node) else {
            return false;
        };
        admin_states.set(&node.name, admin);
        let before = node.state.admin();
        let by = match from {
            b"" => "by command".to_owned(),
            address => format!("by command from {}", Escaped(address)),
        };
        if before != admin {
            let name = Escaped(&node.name);
            let line = format!("Node '{name}' is {admin}, {by}; it was {before}");
            self.tasks.log(Level::Note, line);
        }
        self.give_admin(node, admin, &by);
        self.membership.say(&node.name, Intent::Member(admin));
        self.tasks.add(Task::Save);
        true
    }

    fn give_admin(&self, node: &Node, admin: AdminState, reason: &str) {
        let before = node.state.admin();
        let mut change = None;
        if before == AdminState::Disabled && admin != AdminState::Disabled {
            // It was not probed meanwhile.
            let renew = |probing: &mut Probing| probing.renew(Cause::Enabled, self.now());
            change = node.state.observe(renew);
        }
        node.state.set_admin(admin);
        if let Some(change) = change {
            tell_health(node, &change, &self.tasks);
        }
        if before != admin {
            tell_admin(node, before, reason, &self.tasks);
        }
    }

    /// Ends the membership of a node, for the whole cluster.
    ///
    /// # Errors
    ///
    /// Fails where the database doesn't have it, and where it may still be alive.
    pub fn forget(&self, name: &[u8]) -> Result<(), ForgetError> {
        let settings = self.settings();
        let node = settings.nodes.find(name);
        if !self.membership.has(name) {
            return Err(ForgetError::Unknown);
        }
        if node.is_some_and(|node| node.state.unreachable().is_none()) {
            return Err(ForgetError::Alive);
        }
        self.membership.say(name, Intent::Forgotten);
        self.tasks.add(Task::Save);
        Ok(())
    }

    /// The list of nodes that the nodes share.
    pub(crate) fn membership(&self) -> &Membership {
        &self.membership
    }

    /// The text to keep until the next start of the engine: the admin states, and the list of nodes.
    #[must_use]
    pub fn state(&self) -> Vec<u8> {
        let mut admin_states = self.admin_states().clone();
        let left_out = unpoisoned(self.left_out.lock()).clone();
        admin_states.forget(|node| !left_out.contains(node));
        let mut text = admin_states.write();
        text.extend(self.membership.write());
        text
    }

    /// Takes the text that was [kept](Self::state).
    ///
    /// # Errors
    ///
    /// Fails when it is damaged; then nothing of it is taken.
    pub fn restore(&self, state: &[u8]) -> Result<(), AdminFileError> {
        let (admin, members) = Membership::split(state);
        let restored = AdminStates::read(admin)?;
        self.membership.restore(members, &self.node);
        let mut admin_states = self.admin_states();
        let settings = self.settings();
        self.follow_takeovers(&restored, &settings);
        for node in &settings.nodes {
            let admin = restored.of(&node.name);
            node.state.set_admin(admin);
            self.tell_kept(&node.name, admin);
            self.tell_kept_takeover(node);
        }
        *admin_states = restored;
        Ok(())
    }

    /// The connections of the registrations on this node.
    #[must_use]
    pub fn connections(&self) -> &Connections {
        &self.shared.connections
    }

    /// Takes over the connections that were [written](Connections::write) in the same `run` of the engine;
    /// none where the text is empty. `now` is on the clock of [`tick`](Self::tick).
    ///
    /// # Errors
    ///
    /// Fails when the text is damaged; then nothing of it is taken.
    pub fn restore_connections(
        &self,
        text: &[u8],
        run: &[u8],
        now: SteadyTime,
    ) -> Result<(), ConnectionsError> {
        // Messages may come before the first tick.
        self.advance(now);
        if text.is_empty() {
            return Ok(());
        }
        self.shared.connections.read(text, run)
    }

    fn admin_states(&self) -> MutexGuard<'_, AdminStates> {
        unpoisoned(self.admin_states.lock())
    }

    /// Now, on the clock by which nodes are probed.
    pub(crate) fn now(&self) -> SteadyTime {
        SteadyTime(self.clock.load(Relaxed))
    }

    fn decision<'d, 'm: 'd, P: Parameters<'m>>(
        &'m self,
        kind: Kind,
        settings: &'d Arc<Settings>,
        shard: &'d Shard,
        now: WallTime,
        message: &'d P,
        verdict: &'d mut Verdict<'m>,
    ) -> Decision<'d, 'm, P> {
        Decision {
            kind,
            node: &self.node,
            settings,
            shared: &self.shared,
            counters: &shard.counters,
            now,
            has_waited: false,
            message,
            verdict,
        }
    }

    /// Runs work that is no decision of a message. A panic is counted and logged.
    pub(crate) fn catch_panic<T>(&self, work: impl FnOnce(&Self) -> T) -> Result<T, Failure> {
        guard(|| work(self)).inspect_err(|failure| {
            self.shards.own().counters.add(Counter::Panics);
            let limit = self.shared.rate_limits.of_task(failure);
            if let Some(suppressed) = limit.allow(self.now()) {
                let line = format!("{failure}{}", Suppressed(suppressed));
                self.tasks.log(Level::Critical, line);
            }
        })
    }

    /// Makes a verdict of a panic: the message passes unchanged, which is counted and logged.
    pub(crate) fn failed(&self, failure: &Failure, now: WallTime, verdict: &mut Verdict<'_>) {
        verdict.reset();
        let counters = &self.shards.own().counters;
        let event = Event::Failed {
            failure: failure.clone(),
        };
        self.shared.report(event, counters, now, verdict);
    }

    /// The number of times that something happened since the node was made.
    #[must_use]
    pub fn count(&self, counter: Counter) -> u64 {
        self.shards.count(counter)
    }

    /// Whether the database that resources are claimed in answers; `None` without one.
    #[must_use]
    pub fn database(&self) -> Option<DatabaseState> {
        let settings = self.settings();
        let is_used = !settings.lease.account.is_empty();
        is_used.then(|| settings.claims.state())
    }

    /// The number of files of settings that were taken.
    #[must_use]
    pub fn generation(&self) -> u64 {
        self.generation.load(Relaxed)
    }
}

/// Addresses with commas between.
pub(crate) fn list(addresses: &[IpAddr]) -> String {
    let addresses: Vec<_> = addresses.iter().map(ToString::to_string).collect();
    addresses.join(", ")
}
