// SPDX-License-Identifier: GPL-2.0-or-later

//! `call.route`: a call to `prefix/...` that another node sent is recognised and routed on; from
//! anybody else's messages the cluster headers are taken off.

use crate::addressing::resource::trim_blanks;
use crate::auth::authenticate::{NonceUse, authenticate, authenticate_extension, sender};
use crate::auth::trust::AuthError;
use crate::decision::{Context, Rejection};
use crate::event::Event;
use crate::messages::extension::{Extension, made_by_engine};
use crate::messages::visited::{Mark, Visited};
use crate::messages::{CLUSTER_HEADERS, Name, Parameters};
use crate::operator::counters::Counter;
use crate::text::Value;
use crate::verdict::{Action, Verdict};

/// Decides an incoming call. `complete` says that `message` knows all parameters, not only those of known names.
pub(crate) fn decide<'m>(
    context: &Context<'_, 'm>,
    message: &impl Parameters<'m>,
    complete: bool,
    verdict: &mut Verdict<'m>,
) {
    let settings = context.settings;
    let extension = message.filled(Name::SipCluster).and_then(Extension::read);
    if extension.is_some() && !complete {
        verdict.action = Action::NeedAll;
        return;
    }
    let called = message
        .filled(Name::Called)
        .and_then(|to| settings.prefix.strip(to));
    let called = called.map(trim_blanks);
    let mut callto = message.filled(Name::SipCallto);
    let from_node = CLUSTER_HEADERS
        .iter()
        .any(|&name| message.get(name).is_some());
    let headers: Vec<_> = extension
        .iter()
        .flat_map(|extension| extension.headers(message))
        .collect();
    let authenticated = if from_node {
        authenticate(context, message, NonceUse::Consume).and_then(|()| match &extension {
            Some(extension) => authenticate_extension(context, message, extension, &headers),
            None => Ok(()),
        })
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
        let whole = extension.as_ref().and_then(Extension::callto);
        let target = whole.map(|whole| verdict.make(|text| text.extend_from_slice(&whole)));
        verdict.set_retval(target.unwrap_or(Value::Given(callto)));
        if let Some(billid) = message.filled(Name::SipBillid) {
            verdict.set(Name::Billid, billid);
        }
    }
    if let Some(extension) = &extension {
        unpack(message, extension, &headers, verdict);
    }
    verdict.set(Name::Called, called);
}

/// Gives the call what the other node's route has made for the phone, as if that had been here.
#[cold]
fn unpack<'m>(
    message: &impl Parameters<'m>,
    extension: &Extension<'m>,
    headers: &[(&'m [u8], &'m [u8])],
    verdict: &mut Verdict<'m>,
) {
    if message.get(Name::RouteType) == Some(b"msg") {
        return;
    }
    if let Some(calledname) = extension.calledname() {
        verdict.set_made(Name::Calledname, |text| text.extend_from_slice(&calledname));
    }
    for (name, value) in headers {
        let param = verdict.make(|text| {
            text.extend_from_slice(b"osip_");
            text.extend_from_slice(name);
        });
        verdict.edit_other(param, Some(Value::Given(value)));
        let of_name = |(param, _): &(&[u8], &[u8])| {
            let header = param.strip_prefix(b"sip_");
            header.is_some_and(|header| header.eq_ignore_ascii_case(name))
        };
        let made = made_by_engine(name);
        // Of several the engine has one of its own, which the phone of its own node would get, too.
        if made.is_empty() || message.all().filter(of_name).nth(1).is_some() {
            continue;
        }
        for param in made {
            verdict.edit_other(Value::Given(param.as_bytes()), None);
        }
        if matches!(message.get(Name::Reason), Some(b"divert" | b"transfer")) {
            verdict.clear(message, Name::Reason);
        }
    }
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
