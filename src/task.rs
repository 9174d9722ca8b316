// SPDX-License-Identifier: GPL-2.0-or-later

//! The engine's work that is no answer to a message: a line for the log, a probe, a state to keep.
//!
//! The core never calls back. It keeps a list, and the caller of any entry that may add to the list carries
//! it out.

use std::collections::VecDeque;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::sync::{Mutex, MutexGuard};

use crate::event::Level;
use crate::failure::unpoisoned;
use crate::messages::transport::Transport;

/// A task for the engine.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Task {
    /// Log a line.
    Log {
        /// The level.
        level: Level,
        /// The line.
        line: String,
    },
    /// Send an OPTIONS request, and come back with [`Cluster::probed`](crate::cluster::Cluster::probed).
    Probe(Probe),
    /// Ask a database, and come back with [`Cluster::queried`](crate::cluster::Cluster::queried).
    Query(Query),
    /// Count the engine's channels, and come back with [`Cluster::counted`](crate::cluster::Cluster::counted).
    CountChannels,
    /// Tell all modules that a node's state has changed, by the message `cluster.node` with these parameters: lines
    /// of `name=value`.
    Event(String),
    /// Keep the text of [`Cluster::state`](crate::cluster::Cluster::state).
    Save,
}

/// A request that shows whether a node lives.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Probe {
    /// The node.
    pub node: Box<[u8]>,
    /// The number of the probe, by which its outcome is recognised.
    pub number: u64,
    /// The URI to send it to.
    pub uri: Box<[u8]>,
    /// The SIP channel's listener that it leaves by; empty for the engine's choice.
    pub connection: Box<[u8]>,
    /// The transport that it leaves by.
    pub transport: Transport,
    /// The most times that it is sent.
    pub tries: u32,
}

/// A query whose answer nobody waits for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Query {
    /// The number of the query, by which its answer is recognised.
    pub number: u64,
    /// The database account.
    pub account: Box<[u8]>,
    /// The text of the query.
    pub query: Box<[u8]>,
}

/// A query that an operator's command waits for.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct DbQuery {
    /// The account.
    pub account: Box<[u8]>,
    /// The query.
    pub text: Vec<u8>,
    /// The longest time that it may take, in milliseconds.
    pub timeout: u32,
}

/// The tasks that are yet to be done, in order.
#[derive(Debug, Default)]
pub struct Tasks {
    list: Mutex<VecDeque<Task>>,
    last_number: AtomicU64,
}

impl Tasks {
    /// A number that no other probe has, from 1 on: a node that was removed and is back isn't told of an earlier one.
    pub(crate) fn number(&self) -> u64 {
        self.last_number.fetch_add(1, Relaxed) + 1
    }

    pub(crate) fn add(&self, task: Task) {
        self.list().push_back(task);
    }

    pub(crate) fn log(&self, level: Level, line: String) {
        self.add(Task::Log { level, line });
    }

    /// Takes the next one.
    pub fn next(&self) -> Option<Task> {
        self.list().pop_front()
    }

    fn list(&self) -> MutexGuard<'_, VecDeque<Task>> {
        unpoisoned(self.list.lock())
    }
}
