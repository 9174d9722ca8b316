// SPDX-License-Identifier: GPL-2.0-or-later

//! `call.route`: a call to `prefix/...` that another node sent is recognised and routed on; from
//! anybody else's messages the cluster headers are taken off.

use crate::cluster::Context;
use crate::event::Event;
use crate::message::{CLUSTER_HEADERS, Name, Parameters};
use crate::resource::trim_blanks;
use crate::stats::Counter;
use crate::verdict::{Action, Value, Verdict};

/// Decides an incoming call.
pub(crate) fn decide<'m>(
    context: &Context<'_, 'm>,
    message: &impl Parameters<'m>,
    verdict: &mut Verdict<'m>,
) {
    let mut headers = CLUSTER_HEADERS.map(|name| message.get(name));
    let called = message
        .filled(Name::Called)
        .and_then(|to| context.settings.prefix.strip(to));
    let called = called.map(trim_blanks);
    if headers.iter().any(Option::is_some)
        && !context.settings.trust.trusts(message.get(Name::IpHost))
    {
        let refused = called == Some(b"") && headers[0].is_some_and(|callto| !callto.is_empty());
        distrust(context, message, headers, refused, verdict);
        if refused {
            return;
        }
        headers = [None; 4];
    }
    let Some(called) = called else { return };
    let [callto, billid, ..] = headers.map(|value| value.filter(|text| !text.is_empty()));
    if called.is_empty() && callto.is_none() {
        return;
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
        if let Some(billid) = billid {
            verdict.set(Name::Billid, billid);
        }
    }
    verdict.set(Name::Called, called);
}

/// Takes off cluster headers that don't count, and refuses a call that depends on them.
fn distrust<'m>(
    context: &Context<'_, 'm>,
    message: &impl Parameters<'m>,
    headers: [Option<&'m [u8]>; 4],
    refused: bool,
    verdict: &mut Verdict<'m>,
) {
    context.count(Counter::Untrusted);
    if let Some(unsaid) = context.gates.untrusted.pass(context.now) {
        verdict.event = Some(Event::Untrusted {
            address: message.get(Name::IpHost).unwrap_or_default(),
            called: message.get(Name::Called).unwrap_or_default(),
            callto: headers[0].unwrap_or_default(),
            refused,
            advise: context.settings.trust.is_unset(),
            unsaid,
        });
    }
    verdict.action = Action::Change;
    for name in CLUSTER_HEADERS {
        verdict.clear(message, name);
    }
    if refused {
        verdict.action = Action::Answer;
        verdict.set_retval(Value::Given(b"-"));
        verdict.set(Name::Error, b"forbidden");
        verdict.set(Name::Reason, b"cluster headers from an untrusted sender");
    }
}
