// SPDX-License-Identifier: GPL-2.0-or-later

//! `cluster.locate`: somebody asks for the node of a resource, and nobody before us knew it.
//!
//! Where nodes have sections they share all resources between them, by their weights. Each node of
//! the cluster works out the same answer, as long as each thinks the same nodes to be up; with a
//! database a resource stays where it was placed first.

use std::sync::Arc;

use crate::claim::{Answer, Change, Member, Purpose, Reply, Source, Wanted};
use crate::context::{Context, Refusal};
use crate::event::Event;
use crate::message::{Located, Name, Parameters};
use crate::nodes::Nodes;
use crate::resource::trim_blanks;
use crate::stats::Counter;
use crate::text::boolean;
use crate::verdict::{Action, Begun, Verdict};

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
    let answer = settings
        .claims
        .look(&settings.terms, wanted, members, context.now);
    give(context, message, answer, verdict);
}

/// Decides a question for which a database was asked, by what came back.
pub(crate) fn answered<'m>(
    context: &Context<'_, 'm>,
    message: &impl Parameters<'m>,
    purpose: Purpose,
    answer: &Located<'m>,
    verdict: &mut Verdict<'m>,
) {
    let settings = context.settings;
    let Some(wanted) = wanted(message, purpose) else {
        return;
    };
    let reply = match *answer {
        Located {
            timed_out: true, ..
        } => Reply::TimedOut,
        Located { handled: false, .. } => Reply::Unhandled,
        Located {
            has_row: true,
            node,
            ..
        } => Reply::Done(Some(node)),
        Located {
            error: Some(error), ..
        } if !error.is_empty() => Reply::Failed(error),
        _ => Reply::Done(None),
    };
    let members = members(&settings.nodes);
    let (answer, change) =
        settings
            .claims
            .answered(&settings.terms, wanted, members, reply, context.now);
    verdict.event = change.map(|change| match change {
        Change::Lost(trouble) => Event::DatabaseLost { trouble },
        Change::Back => Event::DatabaseBack,
    });
    give(context, message, answer, verdict);
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

fn give<'m>(
    context: &Context<'_, 'm>,
    message: &impl Parameters<'m>,
    answer: Answer<'_>,
    verdict: &mut Verdict<'m>,
) {
    match answer {
        Answer::Node(node, source) => {
            context.count(match source {
                Source::Hashing => Counter::Placed,
                Source::Database => Counter::Claimed,
                Source::Memory => Counter::Remembered,
            });
            verdict.action = Action::Answer;
            let node = verdict.make(|text| text.extend_from_slice(node));
            verdict.set_retval(node);
        }
        Answer::Nobody => {
            let reason = "no node has it, or is up and takes anything new";
            context.fail(message, Refusal::OFFLINE, reason, verdict);
        }
        Answer::Ask { query, purpose } => {
            let terms = &context.settings.terms;
            verdict.action = Action::Ask;
            let name = verdict.make(|text| text.extend_from_slice(b"database"));
            verdict.set_retval(name);
            verdict.set_made(Name::Account, |text| text.extend_from_slice(&terms.account));
            verdict.set_made(Name::Query, |text| text.extend_from_slice(&query));
            verdict.begun = Some(Begun {
                settings: Arc::clone(context.settings),
                kind: context.kind,
                purpose,
            });
        }
    }
}
