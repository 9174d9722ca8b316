// SPDX-License-Identifier: GPL-2.0-or-later

//! `cluster.locate`: somebody asks for the node of a resource, and nobody before us knew it.
//!
//! Where nodes have sections they share all resources between them, by their weights. Each node of
//! the cluster works out the same answer, as long as each thinks the same nodes to be up.

use crate::context::{Context, Refusal};
use crate::message::{Name, Parameters};
use crate::placement::{Candidate, Key, place};
use crate::resource::trim_blanks;
use crate::stats::Counter;
use crate::verdict::{Action, Verdict};

/// Decides a question for a node.
pub(crate) fn decide<'m>(
    context: &Context<'_, 'm>,
    message: &impl Parameters<'m>,
    verdict: &mut Verdict<'m>,
) {
    let resource = trim_blanks(message.get(Name::Callto).unwrap_or_default());
    if resource.is_empty() || context.settings.nodes.is_empty() {
        return;
    }
    let open = context
        .settings
        .nodes
        .iter()
        .filter(|node| node.live.is_open());
    let candidates = open.map(|node| Candidate {
        seed: node.seed,
        weight: node.weight,
        node: &node.name,
    });
    let Some(node) = place(Key::of(resource), candidates) else {
        let reason = "no node is up that takes anything new";
        context.fail(message, Refusal::OFFLINE, reason, verdict);
        return;
    };
    context.count(Counter::Placed);
    verdict.action = Action::Answer;
    let node = verdict.make(|text| text.extend_from_slice(node));
    verdict.set_retval(node);
}
