// SPDX-License-Identifier: GPL-2.0-or-later

//! `cluster.locate`: somebody asks for the node of a resource, and nobody before us knew it.
//!
//! Where nodes have sections they share all resources between them, by their weights. Each node of
//! the cluster works out the same answer, as long as each thinks the same nodes to be up; with a
//! database a resource stays where it was placed first.

use std::sync::Arc;

use crate::addressing::resource::trim_blanks;
use crate::decision::{Context, Rejection};
use crate::event::Event;
use crate::messages::{Name, Parameters, Reply};
use crate::nodes::Nodes;
use crate::operator::counters::Counter;
use crate::placement::claim::{
    DatabaseChange, Member, Purpose, QueryOutcome, Resolution, Source, Wanted,
};
use crate::text::boolean;
use crate::verdict::{Action, Pending, Verdict};

/// Decides a question for a node.
pub(crate) fn decide<'m>(
    context: &Context<'_, 'm>,
    message: &impl Parameters<'m>,
    verdict: &mut Verdict<'m>,
) {
    let settings = context.settings;
    // Who only looks finds what is there, and places nothing.
    let purpose = match message.get(Name::Allocate).and_then(boolean) {
        Some(false) => Purpose::Lookup,
        _ => Purpose::Claim,
    };
    let Some(wanted) = wanted(message, purpose).filter(|_| !settings.nodes.is_empty()) else {
        return;
    };
    let members = members(&settings.nodes);
    let resolution = settings
        .claims
        .look(&settings.lease, wanted, members, context.now);
    answer(context, message, resolution, verdict);
}

/// Decides a question for which a database was asked, by what came back.
pub(crate) fn answered<'m>(
    context: &Context<'_, 'm>,
    message: &impl Parameters<'m>,
    purpose: Purpose,
    reply: &Reply<'m>,
    verdict: &mut Verdict<'m>,
) {
    let settings = context.settings;
    let Some(wanted) = wanted(message, purpose) else {
        return;
    };
    let outcome = match *reply {
        Reply {
            timed_out: true, ..
        } => QueryOutcome::TimedOut,
        Reply { handled: false, .. } => QueryOutcome::Unhandled,
        Reply {
            has_row: true,
            node,
            ..
        } => QueryOutcome::Done(Some(node)),
        Reply {
            error: Some(error), ..
        } if !error.is_empty() => QueryOutcome::Failed(error),
        _ => QueryOutcome::Done(None),
    };
    let members = members(&settings.nodes);
    let (resolution, change) =
        settings
            .claims
            .answered(&settings.lease, wanted, members, outcome, context.now);
    verdict.event = change.map(|change| match change {
        DatabaseChange::Lost(error) => Event::DatabaseLost { error },
        DatabaseChange::Back => Event::DatabaseBack,
    });
    answer(context, message, resolution, verdict);
}

/// What is looked for; `None` where the question names nothing.
fn wanted<'m>(message: &impl Parameters<'m>, purpose: Purpose) -> Option<Wanted<'m>> {
    let resource = trim_blanks(message.get(Name::Callto).unwrap_or_default());
    (!resource.is_empty()).then_some(Wanted { resource, purpose })
}

/// The nodes as placement sees them.
fn members(nodes: &Nodes) -> impl Iterator<Item = Member<'_>> + Clone {
    nodes.iter().map(Member::from)
}

fn answer<'m>(
    context: &Context<'_, 'm>,
    message: &impl Parameters<'m>,
    resolution: Resolution<'_>,
    verdict: &mut Verdict<'m>,
) {
    match resolution {
        Resolution::Node(node, source) => {
            context.count(match source {
                Source::Hashing => Counter::Placed,
                Source::Database => Counter::Claimed,
                Source::Cache => Counter::Remembered,
            });
            verdict.action = Action::Answer;
            let node = verdict.make(|text| text.extend_from_slice(node));
            verdict.set_retval(node);
        }
        Resolution::Nobody => {
            let reason = "no node has it, or is up and takes anything new";
            context.fail(message, Rejection::OFFLINE, reason, verdict);
        }
        Resolution::Ask { query, purpose } => {
            let lease = &context.settings.lease;
            verdict.action = Action::Ask;
            let name = verdict.make(|text| text.extend_from_slice(b"database"));
            verdict.set_retval(name);
            verdict.set_made(Name::Account, |text| text.extend_from_slice(&lease.account));
            verdict.set_made(Name::Query, |text| text.extend_from_slice(&query));
            verdict.pending = Some(Pending {
                settings: Arc::clone(context.settings),
                kind: context.kind,
                purpose,
            });
        }
    }
}
