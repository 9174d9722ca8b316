// SPDX-License-Identifier: GPL-2.0-or-later

//! `call.route`: a call to `prefix/...` that another node sent is recognised and routed on; from
//! anybody else's messages the cluster headers are taken off.

use crate::addressing::resource::trim_blanks;
use crate::auth::authenticate::{NonceUse, authenticate, sender};
use crate::auth::trust::AuthError;
use crate::decision::{Context, Rejection};
use crate::event::Event;
use crate::messages::visited::{Mark, Visited};
use crate::messages::{CLUSTER_HEADERS, Name, Parameters};
use crate::operator::counters::Counter;
use crate::text::Value;
use crate::verdict::{Action, Verdict};

/// Decides an incoming call.
pub(crate) fn decide<'m>(
    context: &Context<'_, 'm>,
    message: &impl Parameters<'m>,
    verdict: &mut Verdict<'m>,
) {
    let settings = context.settings;
    let called = message
        .filled(Name::Called)
        .and_then(|to| settings.prefix.strip(to));
    let called = called.map(trim_blanks);
    let mut callto = message.filled(Name::SipCallto);
    let from_node = CLUSTER_HEADERS
        .iter()
        .any(|&name| message.get(name).is_some());
    let authenticated = if from_node {
        authenticate(context, message, NonceUse::Consume)
    } else {
        Ok(())
    };
    if let Err(cause) = authenticated {
        let depends = called == Some(b"") && callto.is_some();
        reject_headers(context, message, cause, depends, verdict);
        if depends {
            let reason = "cluster headers from an untrusted sender";
            refuse(context, message, Rejection::FORBIDDEN, reason, verdict);
            return;
        }
        callto = None;
    }
    let Some(called) = called else { return };
    if called.is_empty() && callto.is_none() {
        return;
    }
    if from_node && authenticated.is_ok() {
        let visited = Visited::of(message);
        let mark = || Mark::of(context.node, called, callto.unwrap_or_default());
        if visited.hops() > settings.hops
            || visited.hops() > 1 && visited.contains(context.node, mark())
        {
            let (node, hops) = (context.node, visited.hops());
            context.looping(
                node,
                message.get(Name::Called).unwrap_or_default(),
                hops,
                verdict,
            );
            let reason = "the call has been on this node already";
            refuse(context, message, Rejection::LOOPING, reason, verdict);
            return;
        }
        let origin = message.filled(Name::SipNodename);
        if let Some(origin) = origin.filter(|_| settings.cdr_nodes) {
            verdict.set(Name::ClusterOrigin, origin);
        }
    }
    context.count(Counter::Received);
    verdict.action = Action::Change;
    if verdict.event.is_none() {
        verdict.event = Some(Event::Received {
            called,
            callto: callto.unwrap_or_default(),
        });
    }
    if let (b"", Some(callto)) = (called, callto) {
        verdict.action = Action::Answer;
        verdict.set_retval(Value::Given(callto));
        if let Some(billid) = message.filled(Name::SipBillid) {
            verdict.set(Name::Billid, billid);
        }
    }
    verdict.set(Name::Called, called);
}

/// Takes off cluster headers that don't count; `refused` says that the call depends on them.
fn reject_headers<'m>(
    context: &Context<'_, 'm>,
    message: &impl Parameters<'m>,
    cause: AuthError,
    refused: bool,
    verdict: &mut Verdict<'m>,
) {
    context.count(cause.counter());
    if let Some(suppressed) = context.rate_limits.untrusted.allow(context.now) {
        verdict.event = Some(Event::Untrusted {
            address: sender(message).unwrap_or_default(),
            called: message.get(Name::Called).unwrap_or_default(),
            callto: message.get(Name::SipCallto).unwrap_or_default(),
            refused,
            cause,
            advise: context.settings.trusts_nobody(),
            suppressed,
        });
    }
    verdict.action = Action::Change;
    for name in CLUSTER_HEADERS {
        verdict.clear(message, name);
    }
}

/// Has the engine refuse the call.
fn refuse<'m>(
    context: &Context<'_, 'm>,
    message: &impl Parameters<'m>,
    refusal: Rejection,
    reason: &str,
    verdict: &mut Verdict<'m>,
) {
    context.fail(message, refusal, reason, verdict);
    verdict.action = Action::Answer;
    verdict.set_retval(Value::Given(b"-"));
}
