// SPDX-License-Identifier: GPL-2.0-or-later

//! The cluster as data: the answer of one engine, and what all answers together say.
//!
//! [`Answer`] is what an engine says to `clustering json`, as `docs/monitoring.md` describes it. [`Cluster`] is what the
//! monitor makes of all of them: the page shows it, `/api/cluster` is its JSON, `/metrics` its numbers. All texts in
//! it come from other machines and may hold anything, `<script>` and line ends included: whoever writes them
//! escapes them.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

/// The schema of [`Answer`] that this program knows. A later one has the same keys and more.
pub const SCHEMA: u32 = 1;

/// The number of points in a [`History`].
pub const POINTS: usize = 120;

/// The seconds of each point in a [`History`], so that all of them are one hour.
pub const STEP: u64 = 30;

/// The most [events](Cluster::events) that are kept.
pub const EVENTS: usize = 200;

/// The health of a node, as another one sees it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum State {
    /// It answers.
    Up = 1,
    /// It answers, and takes nothing new.
    Busy = 2,
    /// It doesn't answer.
    Down = 3,
    /// Nobody has asked it yet, or it is not probed. A word that this program doesn't know is read as this one.
    #[default]
    #[serde(other)]
    Unknown = 0,
}

/// An operator's decision about a node.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Admin {
    /// It takes part.
    Enabled = 1,
    /// Nothing new is placed there; what is there is reached.
    Draining = 2,
    /// Nothing is sent there.
    Disabled = 3,
    /// A word that this program doesn't know.
    #[default]
    #[serde(other)]
    Unknown = 0,
}

/// A database that an engine asks.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Database {
    /// It answers.
    Up = 1,
    /// It doesn't.
    Down = 2,
    /// It wasn't asked yet.
    #[default]
    #[serde(other)]
    Unknown = 0,
}

/// An engine's answer to `clustering json`. A key that is absent is unknown, or doesn't apply.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Answer {
    /// The number of the schema.
    pub schema: u32,
    /// The name of the node that answers.
    pub node: String,
    /// The module's version.
    #[serde(default)]
    pub version: String,
    /// The time of the answer by the node's own clock, in seconds since 1970.
    #[serde(default)]
    pub time: u64,
    /// The settings in force enable the module.
    #[serde(default)]
    pub enabled: bool,
    /// How many files were loaded.
    #[serde(default)]
    pub reload: u64,
    /// What became of the last file: `taken`, `refused` (an older one is in force) or `none`.
    #[serde(default)]
    pub file: String,
    /// The database of claimed resources; absent without one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub database: Option<Database>,
    /// The database with the list of nodes; absent without one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub members: Option<Database>,
    /// Another engine has the name of this node; absent where none has.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub taken: bool,
    /// The node has nothing left; absent unless it is drained or disabled.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub empty: Option<bool>,
    /// How many registrations are known by their connection.
    #[serde(default)]
    pub connections: u64,
    /// Signatures of calls between nodes: `none`, `optional` or `required`.
    #[serde(default)]
    pub signatures: String,
    /// All counters since the module was loaded, by their names in `status clustering`.
    #[serde(default)]
    pub counters: BTreeMap<String, u64>,
    /// The nodes that it knows, itself included, in the order of its file.
    #[serde(default)]
    pub nodes: Vec<View>,
    /// The nodes without a section whose calls it has trusted.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub senders: Vec<Sender>,
    /// What to ask with for the next part of the answer; absent where this is the last one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub next: Option<String>,
}

/// A node as one engine sees it.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct View {
    /// Its name.
    pub name: String,
    /// It is the node that answers.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub own: bool,
    /// Its health.
    #[serde(default)]
    pub state: State,
    /// The cause of it, in words.
    #[serde(default)]
    pub reason: String,
    /// What operators want of it.
    #[serde(default)]
    pub admin: Admin,
    /// Its weight in placement.
    #[serde(default)]
    pub weight: u32,
    /// The seconds that its state has lasted; absent of the node that answers.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub since: Option<u64>,
    /// The seconds that its last answer to a probe took; absent before the first.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub latency: Option<f64>,
    /// Calls and messages that the answering node has sent there.
    #[serde(default)]
    pub forwards: u64,
    /// Calls among them that got no answer at all.
    #[serde(default)]
    pub failures: u64,
    /// The version of its module, by the list of nodes in the database.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub version: Option<String>,
    /// The settings in which it differs from the answering node; absent without the list in the database.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub drift: Option<Vec<String>>,
    /// The keys of its section in the answering node's file that win over those of the list in the database.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub overruled: Option<Vec<String>>,
    /// Its engine's channels, by its heartbeat: a call between two phones has two.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub channels: Option<u64>,
    /// The rooms that it holds, by its heartbeat, which counts 1,000 at most.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rooms: Option<u64>,
    /// The registrations that it holds, by its heartbeat.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub registrations: Option<u64>,
    /// The time of its last heartbeat, in seconds since 1970.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub seen: Option<u64>,
    /// The node that stands in for it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub backup: Option<String>,
}

/// A node without a section that calls have come from.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Sender {
    /// Its name.
    pub name: String,
    /// The address that it sends from.
    #[serde(default)]
    pub address: String,
    /// The calls and messages that have come from it.
    #[serde(default)]
    pub calls: u64,
}

/// The whole cluster at one moment: what `/api/cluster` serves.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Cluster {
    /// The number of the schema.
    pub schema: u32,
    /// The monitor's version.
    pub monitor: String,
    /// The time of this state, in seconds since 1970.
    pub time: u64,
    /// The seconds from one round of questions to the next.
    pub interval: f64,
    /// The engines that are asked, in the order of the monitor's configuration.
    pub engines: Vec<Engine>,
    /// All nodes that any engine knows, by name.
    pub nodes: Vec<Node>,
    /// The last changes that the monitor has seen, the newest first; [`EVENTS`] at most.
    pub events: Vec<Event>,
}

/// An engine that the monitor asks.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Engine {
    /// The address of its remote manager, as it is configured.
    pub address: String,
    /// The name of its node, as soon as it has answered once.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub node: Option<String>,
    /// The reason why the last question got no good answer; absent when it got one, or before the first.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub error: Option<String>,
    /// The time of the last good answer, in seconds since 1970.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub answered: Option<u64>,
    /// The seconds that the last good answer took.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub took: Option<f64>,
    /// The last good answer, which is an old one where there is an [error](Self::error). It has no nodes: these are
    /// [`Cluster::nodes`], and this one's view of each is in [`Node::seen_by`].
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub answer: Option<Arc<Answer>>,
}

impl Engine {
    /// Its last answer, unless that is an old one.
    #[must_use]
    pub fn current(&self) -> Option<&Answer> {
        self.answer.as_deref().filter(|_| self.error.is_none())
    }
}

/// The one word for a node. The later of two is the more urgent.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Condition {
    /// All is well.
    Up = 1,
    /// It is up, and differs from another node in some setting.
    Drifting = 2,
    /// An operator has taken it out; nothing is sent there.
    Disabled = 3,
    /// Nothing new is placed there.
    Draining = 4,
    /// It answers, and takes nothing new.
    Busy = 5,
    /// It is down, and another node stands in for it.
    Replaced = 6,
    /// Some nodes find it down, others don't.
    Partly = 7,
    /// Its remote manager doesn't answer the monitor, and no other node says that it is down.
    Silent = 8,
    /// Every node that knows its health finds it down.
    Down = 9,
    /// Nothing is known of it.
    #[default]
    #[serde(other)]
    Unknown = 0,
}

impl Condition {
    /// The word for it, as in JSON.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::Unknown => "unknown",
            Self::Up => "up",
            Self::Drifting => "drifting",
            Self::Disabled => "disabled",
            Self::Draining => "draining",
            Self::Busy => "busy",
            Self::Replaced => "replaced",
            Self::Partly => "partly",
            Self::Silent => "silent",
            Self::Down => "down",
        }
    }
}

/// A node, as all engines that answer see it.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Node {
    /// Its name.
    pub name: String,
    /// The one word for it.
    pub condition: Condition,
    /// The time since when the monitor has seen it in this condition, in seconds since 1970.
    pub since: u64,
    /// The engine of it that is asked, as an index into [`Cluster::engines`]; absent where none is known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub engine: Option<usize>,
    /// Its health, by those that look worst on it.
    pub state: State,
    /// What operators want of it, by the strictest that any node knows.
    pub admin: Admin,
    /// Its weight in placement.
    pub weight: u32,
    /// The version of its module.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub version: Option<String>,
    /// The settings in which it differs from any node that answers.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub drift: Vec<String>,
    /// The keys of its section that some node's own file says otherwise than the list in the database.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub overruled: Vec<String>,
    /// Its engine's channels: a call between two phones has two.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub channels: Option<u64>,
    /// The rooms that it holds, 1,000 at most.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rooms: Option<u64>,
    /// The registrations that it holds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub registrations: Option<u64>,
    /// The time of its last heartbeat in the database, in seconds since 1970.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub seen: Option<u64>,
    /// The node that stands in for it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub backup: Option<String>,
    /// What each other node that answers knows of it, forwards to it included, by name.
    pub seen_by: Vec<Seen>,
    /// The last hour.
    pub history: History,
}

/// A node as another one sees it.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Seen {
    /// The name of the node that sees it.
    pub by: Arc<str>,
    /// Its health.
    pub state: State,
    /// The cause of it, in words.
    pub reason: String,
    /// The seconds that its state has lasted.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub since: Option<u64>,
    /// The seconds that its last answer to a probe took.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub latency: Option<f64>,
    /// The calls and messages that `by` has sent there; absent for none.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub forwards: u64,
    /// The calls among them that got no answer at all; absent for none.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub failures: u64,
    /// The calls and messages that `by` sends there in a second, over the last minute; absent for none.
    #[serde(default, skip_serializing_if = "is_none")]
    pub rate: f64,
}

/// The last hour of a node: [`POINTS`] points of [`STEP`] seconds at most, the oldest first.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct History {
    /// The time of the end of the last point, in seconds since 1970.
    pub end: u64,
    /// The most urgent condition of each point.
    pub condition: Vec<Condition>,
    /// The longest answer to a probe in each point, in milliseconds; 0 where none is known.
    pub latency: Vec<f32>,
    /// The calls and messages that were sent to it in each point, by all nodes that answer.
    pub forwards: Vec<u32>,
    /// The most channels that it had in each point; 0 where none is known.
    pub channels: Vec<u32>,
}

/// The kind of an [`Event`].
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum EventKind {
    /// A node's [condition](Condition) has changed.
    #[default]
    Condition,
    /// A node appeared.
    Joined,
    /// A node is no longer known to anybody.
    Left,
    /// An engine refused its file, or takes its file again.
    File,
    /// A database of an engine has changed its state.
    Database,
}

/// A change that the monitor has seen.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Event {
    /// The time when it was seen, in seconds since 1970.
    pub time: u64,
    /// The node.
    pub node: String,
    /// The kind of change.
    pub kind: EventKind,
    /// The condition now, where that is what has changed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub condition: Option<Condition>,
    /// The change in words.
    pub text: String,
}

#[allow(clippy::trivially_copy_pass_by_ref)] // as serde wants it
fn is_zero(number: &u64) -> bool {
    *number == 0
}

#[allow(clippy::trivially_copy_pass_by_ref)] // as serde wants it
fn is_none(rate: &f64) -> bool {
    *rate == 0.0
}
