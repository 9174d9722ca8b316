// SPDX-License-Identifier: GPL-2.0-or-later

//! A node that this engine stands in for, because it has got that node's address: by an operator's command alone.

use std::sync::atomic::Ordering::Relaxed;

use super::Cluster;
use crate::event::Level;
use crate::nodes::admin::AdminStates;
use crate::nodes::event::{tell_health, tell_takeover};
use crate::nodes::health::Cause;
use crate::nodes::{Node, Probing};
use crate::settings::Settings;
use crate::task::Task;
use crate::text::Escaped;

/// The reason why a node is not taken over, or not released.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum TakeoverError {
    /// There is no such node.
    #[error("there is no such node")]
    Unknown,
    /// It is this node.
    #[error("is this node: another one can take it over, give the command there")]
    Own,
    /// It is taken over already.
    #[error("is taken over by this node already: to end that, use release")]
    Already,
    /// It isn't taken over.
    #[error("is not taken over by this node: there is nothing to release")]
    NotTaken,
}

impl Cluster {
    /// Treats what is addressed to a node as this node's own from now on, for somebody at a console: `from` is its address,
    /// empty where nobody knows.
    ///
    /// # Errors
    ///
    /// Fails where there is no such node, and where it is this one or is taken over already.
    pub fn take_over(&self, name: &[u8], from: &[u8]) -> Result<(), TakeoverError> {
        if *name == *self.node {
            return Err(TakeoverError::Own);
        }
        let mut states = self.admin_states();
        let settings = self.settings();
        let node = settings.nodes.find(name).ok_or(TakeoverError::Unknown)?;
        if !states.take(name) {
            return Err(TakeoverError::Already);
        }
        self.change(&states, node, true, from);
        Ok(())
    }

    /// Ends the takeover of a node.
    ///
    /// # Errors
    ///
    /// Fails where it isn't taken over.
    pub fn release(&self, name: &[u8], from: &[u8]) -> Result<(), TakeoverError> {
        let mut states = self.admin_states();
        if !states.release(name) {
            return Err(TakeoverError::NotTaken);
        }
        match self.settings().nodes.find(name) {
            Some(node) => self.change(&states, node, false, from),
            None => self.follow_takeovers(&states, &self.settings()),
        }
        self.tasks.add(Task::Save);
        Ok(())
    }

    fn change(&self, states: &AdminStates, node: &Node, is_taken: bool, from: &[u8]) {
        let by = match from {
            b"" => "by command".to_owned(),
            address => format!("by command from {}", Escaped(address)),
        };
        let (cause, change) = if is_taken {
            (Cause::TakenOver, "taken over by this node")
        } else {
            (Cause::Released, "released by this node")
        };
        let name = Escaped(&node.name);
        self.tasks
            .log(Level::Note, format!("Node '{name}' is {change}, {by}"));
        self.follow_takeovers(states, &self.settings());
        // It isn't probed while it is taken over, and is another engine before and after.
        let renew = |probing: &mut Probing| probing.renew(cause, self.now());
        if let Some(change) = node.state.observe(renew) {
            tell_health(node, &change, &self.tasks);
        }
        tell_takeover(node, is_taken, &by, &self.tasks);
        self.tasks.add(Task::Save);
    }

    /// Has the nodes of settings follow the takeovers.
    pub(super) fn follow_takeovers(&self, states: &AdminStates, settings: &Settings) {
        for node in &settings.nodes {
            let is_taken = states.has_taken(&node.name) && !node.is_own;
            if node.state.is_taken() != is_taken {
                node.state.set_taken(is_taken);
            }
        }
        let any = states.taken().next().is_some();
        self.shared.has_taken.store(any, Relaxed);
    }

    /// Logs that a node is taken over since before.
    pub(super) fn tell_kept_takeover(&self, node: &Node) {
        if node.state.is_taken() {
            let line = format!(
                "Node '{}' is still taken over by this node, by an earlier command",
                Escaped(&node.name)
            );
            self.tasks.log(Level::Note, line);
        }
    }

    /// The nodes that are taken over, for [`Membership::tick`](crate::membership::Membership::tick).
    pub(super) fn taken(&self) -> Vec<Box<[u8]>> {
        if self.shared.has_taken.load(Relaxed) {
            self.admin_states().taken().map(Into::into).collect()
        } else {
            Vec::new()
        }
    }
}
