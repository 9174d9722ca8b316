// SPDX-License-Identifier: GPL-2.0-or-later

//! The calls on their way to other nodes, and what their ends say of those nodes.
//!
//! A channel that starts out towards a node's target is remembered by its id until it hangs up. One that
//! hangs up with a SIP code but with no phrase of anybody's has met nobody: the engine itself made out that
//! it got no answer, or could not send. Then the node is probed at once. A phrase comes from the node,
//! so that it lives, whatever it says. Any other end says nothing of the node.

use std::sync::{Mutex, MutexGuard};

use rustc_hash::FxHashMap;

use crate::failure::unpoisoned;
use crate::messages::{Name, Parameters};
use crate::nodes::health::Rules;
use crate::nodes::{Node, Nodes};

/// As many calls are remembered; more than an engine can have.
const MOST: usize = 1 << 16;

/// The name of the node by the id of the channel.
type ByChannel = FxHashMap<Box<[u8]>, Box<[u8]>>;

/// Calls that are on their way to nodes.
#[derive(Debug, Default)]
pub(crate) struct Calls(Mutex<ByChannel>);

impl Calls {
    /// A channel starts.
    pub(crate) fn started<'m>(&self, nodes: &Nodes, message: &impl Parameters<'m>) {
        let Some((id, node)) = message.filled(Name::Id).zip(node_of(nodes, message)) else {
            return;
        };
        let mut calls = self.lock();
        if calls.len() >= MOST {
            // Hangups must have been lost.
            calls.clear();
        }
        calls.insert(id.into(), node.name.clone());
    }

    /// Whether a channel is one of these calls.
    pub(crate) fn has(&self, id: &[u8]) -> bool {
        self.lock().contains_key(id)
    }

    fn lock(&self) -> MutexGuard<'_, ByChannel> {
        unpoisoned(self.0.lock())
    }

    /// A channel hangs up.
    pub(crate) fn ended<'m>(
        &self,
        nodes: &Nodes,
        rules: &Rules,
        message: &impl Parameters<'m>,
        now: u64,
    ) {
        let node = message
            .filled(Name::Id)
            .and_then(|id| self.lock().remove(id));
        // The node may have lost its section meanwhile.
        let Some(node) = node.and_then(|name| nodes.find(&name)) else {
            return;
        };
        let answered = message.get(Name::Answered) == Some(b"true");
        let has = |name| message.filled(name).is_some();
        let met_nobody = !answered && has(Name::CauseSip) && !has(Name::ReasonSip);
        if met_nobody {
            node.state.count_failure();
        }
        // Without probes nobody would notice that the node is back.
        if rules.interval == 0 || node.probe.is_empty() {
            return;
        }
        node.state.observe(|probing| {
            if met_nobody && !probing.expedited {
                probing.health.call_failed(rules);
                probing.due = Some(now);
                probing.expedited = true;
            } else if answered || has(Name::ReasonSip) {
                probing.health.call_answered();
            }
        });
    }
}

/// The node that an outgoing channel's call goes to.
pub(crate) fn node_of<'m, 'n>(nodes: &'n Nodes, message: &impl Parameters<'m>) -> Option<&'n Node> {
    let outgoing = message.get(Name::Direction) == Some(b"outgoing");
    let target = message.filled(Name::Callto).filter(|_| outgoing)?;
    nodes.find_target(target)
}
