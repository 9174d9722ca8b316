// SPDX-License-Identifier: GPL-2.0-or-later

//! The calls that are on their way to other nodes, and the health of a node after one of them has ended.

use std::sync::{Mutex, MutexGuard};

use rustc_hash::FxHashMap;

use crate::failure::unpoisoned;
use crate::nodes::Node;
use crate::nodes::health::Rules;
use crate::time::SteadyTime;

/// The most calls that are remembered; more than an engine can have.
const MOST: usize = 1 << 16;

/// A call to a node.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Call {
    /// The name of the node.
    pub(crate) node: Box<[u8]>,
    /// The time when it began.
    pub(crate) began: SteadyTime,
}

/// The calls by the ids of their channels.
type ByChannel = FxHashMap<Box<[u8]>, Call>;

/// The calls that are on their way to nodes.
#[derive(Debug, Default)]
pub(crate) struct Calls(Mutex<ByChannel>);

impl Calls {
    /// Remembers the call of a channel, which begins now.
    pub(crate) fn add(&self, id: &[u8], node: &Node, now: SteadyTime) {
        let mut calls = self.lock();
        if calls.len() >= MOST {
            // Hangups must have been lost.
            calls.clear();
        }
        let call = Call {
            node: node.name.clone(),
            began: now,
        };
        calls.insert(id.into(), call);
    }

    /// Whether a channel is one of these calls.
    pub(crate) fn has(&self, id: &[u8]) -> bool {
        self.lock().contains_key(id)
    }

    /// Forgets the call of a channel, and gives it.
    pub(crate) fn remove(&self, id: &[u8]) -> Option<Call> {
        self.lock().remove(id)
    }

    fn lock(&self) -> MutexGuard<'_, ByChannel> {
        unpoisoned(self.0.lock())
    }
}

/// The end of a call to a node.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum End {
    /// The node has answered something.
    Answered,
    /// Nobody has answered at all.
    MetNobody,
    /// The end says nothing about the node.
    Unknown,
}

impl End {
    /// Takes the end of a call that began at that time as evidence of the node's health.
    pub(crate) fn observe(self, node: &Node, rules: &Rules, began: SteadyTime, now: SteadyTime) {
        if self == Self::MetNobody {
            node.state.count_failure();
        }
        // Without probes nobody would notice that the node is back.
        if rules.interval == 0 || node.probe.is_empty() {
            return;
        }
        node.state.observe(|probing| match self {
            Self::MetNobody if !probing.expedited => {
                probing.health.call_failed(rules, now);
                probing.due = Some(now);
                probing.expedited = true;
            }
            Self::Answered => probing.health.call_answered(began),
            Self::MetNobody | Self::Unknown => {}
        });
    }
}
