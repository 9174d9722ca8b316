// SPDX-License-Identifier: GPL-2.0-or-later

//! `chan.startup`: a channel that starts out towards a node is remembered until it hangs up.

use crate::messages::{Name, Parameters};
use crate::nodes::calls::Calls;
use crate::nodes::{Node, Nodes};
use crate::time::SteadyTime;

/// Whether a channel is a call to a node.
pub(crate) fn concerns<'m>(nodes: &Nodes, message: &impl Parameters<'m>) -> bool {
    node_of(nodes, message).is_some()
}

/// Notes a call to a node.
#[inline(never)]
pub(crate) fn observe<'m>(
    calls: &Calls,
    nodes: &Nodes,
    message: &impl Parameters<'m>,
    now: SteadyTime,
) {
    if let Some((id, node)) = message.filled(Name::Id).zip(node_of(nodes, message)) {
        calls.add(id, node, now);
    }
}

/// The node that an outgoing channel's call goes to.
fn node_of<'m, 'n>(nodes: &'n Nodes, message: &impl Parameters<'m>) -> Option<&'n Node> {
    let outgoing = message.get(Name::Direction) == Some(b"outgoing");
    let target = message.filled(Name::Callto).filter(|_| outgoing)?;
    nodes.find_target(target)
}
