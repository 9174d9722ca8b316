// SPDX-License-Identifier: GPL-2.0-or-later

//! `chan.hangup`: the end of a call to a node is evidence of that node's health; that of a caller whose node is still
//! looked for ends the call.
//!
//! A channel that hangs up with a SIP code but without a phrase got no answer: the engine itself made up the
//! code, because nothing came or nothing could be sent. Then the node is probed at once. A phrase comes from
//! the node, so the node has lived since the call began, whatever the phrase is. Any other end says nothing about the node.

use crate::decision::Shared;
use crate::messages::{Name, Parameters};
use crate::nodes::Nodes;
use crate::nodes::calls::{Calls, End};
use crate::nodes::health::Rules;
use crate::time::SteadyTime;

/// Whether a channel was a call to a node, or one from a node, or waits for its node to be found.
pub(crate) fn concerns<'m>(calls: &Calls, shared: &Shared, message: &impl Parameters<'m>) -> bool {
    let channel = message.get(Name::Id);
    channel.is_some_and(|channel| {
        calls.has(channel) || shared.waiting.has(channel) || shared.arrivals.has(channel)
    })
}

/// Takes the end of a call as evidence.
#[inline(never)]
pub(crate) fn observe<'m>(
    calls: &Calls,
    nodes: &Nodes,
    rules: &Rules,
    message: &impl Parameters<'m>,
    now: SteadyTime,
) {
    let Some(call) = message.filled(Name::Id).and_then(|id| calls.remove(id)) else {
        return;
    };
    let answered = message.get(Name::Answered) == Some(b"true");
    let has = |name| message.filled(name).is_some();
    let end = match (answered || has(Name::ReasonSip), has(Name::CauseSip)) {
        (true, _) => End::Answered,
        (false, true) => End::MetNobody,
        (false, false) => End::Unknown,
    };
    // The node may have lost its section meanwhile.
    if let Some(node) = nodes.find(&call.node) {
        end.observe(node, rules, call.began, now);
    }
}
