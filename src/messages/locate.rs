// SPDX-License-Identifier: GPL-2.0-or-later

//! `cluster.locate`: another module, or `call.execute`, asks for the node of a resource, and no handler before
//! ours has answered.
//!
//! Nodes that have sections share all resources between them, by their weights. Each node of
//! the cluster works out the same answer, as long as each takes the same nodes to be up; with a
//! database a resource stays where it was placed first.

use std::sync::Arc;

use crate::addressing::resource::trim_blanks;
use crate::decision::{Decision, Rejection};
use crate::event::Event;
use crate::messages::{Name, Parameters, Reply};
use crate::nodes::Unreachable;
use crate::operator::counters::Counter;
use crate::placement::claim::{
    DatabaseChange, Members, Purpose, QueryOutcome, Resolution, Source, Wanted, choice, hashed,
    winner,
};
use crate::placement::rendezvous::Seed;
use crate::text::boolean;
use crate::verdict::{Action, Pending};

/// Decides a question for a node.
#[inline(never)]
pub(crate) fn decide<'m, P: Parameters<'m>>(decision: &mut Decision<'_, 'm, P>) {
    let settings = decision.settings;
    // A lookup finds an earlier claim, and places nothing.
    let purpose = match decision.get(Name::Allocate).and_then(boolean) {
        Some(false) => Purpose::Lookup,
        _ => Purpose::Claim,
    };
    let Some(wanted) = wanted(decision, purpose).filter(|_| !settings.nodes.is_empty()) else {
        return;
    };
    let members = Members::by(settings);
    let resolution = settings
        .claims
        .look(&settings.lease, wanted, members, decision.now);
    answer(decision, resolution);
}

/// Decides a question for which a database was asked, by its reply.
pub(crate) fn resume<'m, P: Parameters<'m>>(
    decision: &mut Decision<'_, 'm, P>,
    purpose: Purpose,
    reply: &Reply<'m>,
) {
    let settings = decision.settings;
    let Some(wanted) = wanted(decision, purpose) else {
        return;
    };
    let outcome = outcome(reply);
    let before = settings.claims.last_known(wanted.resource);
    let members = Members::by(settings);
    let (resolution, change) =
        settings
            .claims
            .answered(&settings.lease, wanted, members, outcome, decision.now);
    if let Some(change) = change {
        decision.report(match change {
            DatabaseChange::Lost(error) => Event::DatabaseLost { error },
            DatabaseChange::Back => Event::DatabaseBack,
        });
    }
    if let (Resolution::Node(node, Source::Database), Purpose::Claim) = (&resolution, purpose) {
        claimed(decision, wanted.resource, node, before);
    }
    answer(decision, resolution);
}

/// Adds a claim to the load of its node, if this node has most likely just made it: the resource wasn't known to be there
/// before, and is where this node would place it.
fn claimed<'m, P: Parameters<'m>>(
    decision: &Decision<'_, 'm, P>,
    resource: &[u8],
    node: &[u8],
    before: Option<Seed>,
) {
    let settings = decision.settings;
    let Some(node) = settings.nodes.find(node) else {
        return;
    };
    if settings.members.account.is_empty() || before == Some(node.seed) {
        return;
    }
    let choice = choice(resource, settings.lease.spread, Members::by(settings));
    if let Some(choice) = choice.filter(|choice| *choice.node == *node.name) {
        node.state.add_room();
        let recent = &decision.shared.recent;
        recent.add(decision.now.seconds(), node.seed);
        if choice.is_moved {
            decision.count(Counter::Balanced);
        }
    }
}

/// The outcome of a query, by the reply to it.
pub(crate) fn outcome<'m>(reply: &Reply<'m>) -> QueryOutcome<'m> {
    if reply.no_thread {
        return QueryOutcome::NotStarted;
    }
    if reply.timed_out {
        return QueryOutcome::TimedOut;
    }
    if !reply.handled {
        return QueryOutcome::Unhandled;
    }
    // No error counts where there is a row: `pgsqldb` leaves that of a try which it repeated.
    match (reply.row, reply.error.filter(|error| !error.is_empty())) {
        (None, Some(error)) => QueryOutcome::Failed(error),
        (row, _) => QueryOutcome::Done(row),
    }
}

/// The resource that is looked for; `None` where the message names none.
fn wanted<'m, P: Parameters<'m>>(
    decision: &Decision<'_, 'm, P>,
    purpose: Purpose,
) -> Option<Wanted<'m>> {
    let resource = trim_blanks(decision.get(Name::Callto).unwrap_or_default());
    (!resource.is_empty()).then_some(Wanted { resource, purpose })
}

/// Answers the message, or has a database asked.
fn answer<'m, P: Parameters<'m>>(decision: &mut Decision<'_, 'm, P>, resolution: Resolution<'_>) {
    match resolution {
        Resolution::Node(node, source) => {
            decision.count(match source {
                Source::Hashing => Counter::Placed,
                Source::Database => Counter::Claimed,
                Source::Cache => Counter::Remembered,
            });
            remember(decision, node, source);
            decision.verdict.action = Action::Answer;
            let node = decision.verdict.make(|text| text.extend_from_slice(node));
            decision.verdict.set_retval(node);
        }
        Resolution::Unlisted(node) => unlisted(decision, node),
        Resolution::Nobody => {
            let resource = decision.get(Name::Callto).unwrap_or_default();
            let reason = match winner(trim_blanks(resource), Members::of(&decision.settings.nodes))
            {
                // It was only looked up.
                Some(_) => "no node holds this resource",
                None => "no node holds this resource and none can accept it",
            };
            decision.fail(Rejection::OFFLINE, reason);
        }
        Resolution::Ask { query, purpose } => {
            let settings = decision.settings;
            if purpose == Purpose::Claim {
                decision.shared.recent.ask();
            }
            decision.verdict.action = Action::Ask;
            let name = decision
                .verdict
                .make(|text| text.extend_from_slice(b"database"));
            decision.verdict.set_retval(name);
            decision.set_made(Name::Account, |text| {
                text.extend_from_slice(&settings.lease.account);
            });
            decision.set_made(Name::Query, |text| text.extend_from_slice(&query));
            decision.verdict.pending = Some(Pending {
                settings: Arc::clone(settings),
                kind: decision.kind,
                purpose,
                caller: None,
            });
        }
    }
}

/// Remembers where a resource is, and says so where a node that is down may have it.
fn remember<'m, P: Parameters<'m>>(
    decision: &mut Decision<'_, 'm, P>,
    node: &[u8],
    source: Source,
) {
    let resource = trim_blanks(decision.get(Name::Callto).unwrap_or_default());
    let (placed, nodes) = (&decision.shared.placed, &decision.settings.nodes);
    if let Some(node) = nodes.find(node) {
        placed.remember(resource, node.seed, decision.now);
        if node.state.unreachable() == Some(Unreachable::Down) {
            let node = node.name.clone();
            decision.report(Event::HolderDown { resource, node });
        }
    }
    if source != Source::Hashing {
        return;
    }
    if let Some(down) = placed.displaced(resource, nodes) {
        decision.report(Event::Displaced {
            resource,
            node: node.into(),
            down: down.into(),
        });
    }
}

/// Answers where a resource is held by a node that isn't in the list. A node that can be called by its name is:
/// a second node would split the resource. Any other one's claims end with this word.
fn unlisted<'m, P: Parameters<'m>>(decision: &mut Decision<'_, 'm, P>, node: Vec<u8>) {
    let settings = decision.settings;
    let resource = trim_blanks(decision.get(Name::Callto).unwrap_or_default());
    let is_called = settings.calls_by_name(decision.node, &node);
    if is_called {
        decision.count(Counter::Claimed);
        decision.verdict.action = Action::Answer;
        let name = decision.verdict.make(|text| text.extend_from_slice(&node));
        decision.verdict.set_retval(name);
    } else {
        settings.claims.depart(&node);
        answer(decision, hashed(resource, Members::of(&settings.nodes)));
    }
    decision.report(Event::Unlisted {
        node,
        resource,
        is_called,
    });
}
