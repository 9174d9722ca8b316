// SPDX-License-Identifier: GPL-2.0-or-later

//! What the engine has to do that is no answer to a message: a line for the log, a probe, a state to keep.
//!
//! The core never calls back, so it keeps a list, and whoever has called an entry that may add to it
//! carries it out.

use std::collections::VecDeque;
use std::sync::{Mutex, MutexGuard};

use crate::event::Level;
use crate::failure::unpoisoned;

/// Something to be done.
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
    /// Keep what [`Cluster::state`](crate::cluster::Cluster::state) says.
    Save,
}

/// A request that shows whether a node lives.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Probe {
    /// The node.
    pub node: Box<[u8]>,
    /// Which of its probes this is.
    pub number: u64,
    /// Where to send it.
    pub uri: Box<[u8]>,
    /// How often it is to be sent at most.
    pub tries: u32,
}

/// What is yet to be done, in order.
#[derive(Debug, Default)]
pub struct Tasks(Mutex<VecDeque<Task>>);

impl Tasks {
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
        unpoisoned(self.0.lock())
    }
}
