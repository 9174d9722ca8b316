// SPDX-License-Identifier: GPL-2.0-or-later

//! `call.route`: a call to `prefix/...` that another node sent is recognised and routed on. The cluster headers
//! of any other sender are removed.

use super::extension::{Extension, made_by_engine};
use super::visited::{Mark, Visited};
use super::{has_cluster_headers, transport};
use crate::addressing::resource::trim_blanks;
use crate::auth::authenticate::{NonceUse, authenticate, authenticate_extension, sender};
use crate::auth::trust::AuthError;
use crate::decision::{Decision, Rejection};
use crate::event::{Event, Loop};
use crate::messages::{CLUSTER_HEADERS, Name, Parameters};
use crate::settings::Settings;
use crate::text::{Escaped, Value};
use crate::verdict::Action;

/// Whether a call is the cluster's, or has headers of a cluster.
pub(crate) fn concerns<'m>(settings: &Settings, message: &impl Parameters<'m>) -> bool {
    settings.has_prefix(message.get(Name::Called)) || has_cluster_headers(message)
}

/// Decides an incoming call. `complete` says that the message knows all parameters, not only those of known names.
#[inline(never)]
pub(crate) fn decide<'m, P: Parameters<'m>>(decision: &mut Decision<'_, 'm, P>, complete: bool) {
    let settings = decision.settings;
    let mut received = None;
    if let Some(header) = decision.filled(Name::SipCluster) {
        if !complete {
            decision.verdict.action = Action::NeedAll;
            return;
        }
        received = ReceivedExtension::read(header, decision.message);
    }
    let called = decision
        .filled(Name::Called)
        .and_then(|to| settings.prefix.strip(to))
        .map(trim_blanks);
    let mut callto = decision.filled(Name::SipCallto);
    let mut from_node = has_cluster_headers(decision.message);
    let authenticated = || {
        authenticate(decision, NonceUse::Consume)?;
        received.as_deref().map_or(Ok(()), |received| {
            authenticate_extension(decision, &received.extension, &received.headers)
        })
    };
    if from_node && let Err(cause) = authenticated() {
        // Of several rows another one may have the target that the first one lacks.
        let names_target = callto.is_some() || decision.message.is_repeated(Name::SipCallto);
        let refused = called == Some(b"") && names_target;
        drop_headers(decision, cause, refused);
        if refused {
            return reject(decision, Rejection::FORBIDDEN, &cause.answer());
        }
        (callto, from_node) = (None, false);
    }
    let Some(called) = called else { return };
    if called.is_empty() && callto.is_none() {
        return;
    }
    if from_node {
        let visited = Visited::of(decision.message);
        let hops = visited.hops();
        let mark = || Mark::of(decision.node, called, callto.unwrap_or_default());
        if hops > settings.hops {
            let why = Loop::Hops {
                most: settings.hops,
            };
            return reject_loop(decision, why, hops);
        }
        if hops > 1 && visited.contains(decision.node, mark()) {
            return reject_loop(decision, Loop::SameAgain, hops);
        }
        if let Some(channel) = decision.filled(Name::Id) {
            decision.shared.arrivals.add(channel);
        }
        let origin = decision.filled(Name::SipNodename);
        if let Some(origin) = origin.filter(|_| settings.cdr_nodes) {
            decision.set(Name::ClusterOrigin, origin);
        }
    }
    decision.verdict.action = Action::Change;
    decision.report(Event::Received {
        called,
        callto: callto.unwrap_or_default(),
    });
    if let (b"", Some(callto)) = (called, callto) {
        decision.verdict.action = Action::Answer;
        let whole = received.as_ref().and_then(|it| it.extension.callto());
        let mut target = Value::Given(callto);
        if let Some(whole) = whole.as_deref() {
            let verdict = &mut *decision.verdict;
            target = verdict.make(|text| text.extend_from_slice(whole));
        }
        decision.verdict.set_retval(target);
        if let Some(billid) = decision.filled(Name::SipBillid) {
            decision.set(Name::Billid, billid);
        }
        transport::to_phone(decision, whole.as_deref().unwrap_or(callto));
    }
    if let Some(received) = received.filter(|_| from_node) {
        unpack(decision, &received);
    }
    decision.set(Name::Called, called);
}

/// The extension of a call, which nodes with version 1.0 don't know.
struct ReceivedExtension<'m> {
    extension: Extension<'m>,
    /// Names and values of headers for the phone.
    headers: Vec<(&'m [u8], &'m [u8])>,
}

impl<'m> ReceivedExtension<'m> {
    /// Reads the header; `None` where it is of another version.
    #[cold]
    fn read(header: &'m [u8], message: &impl Parameters<'m>) -> Option<Box<Self>> {
        let extension = Extension::read(header)?;
        let headers = extension.headers(message).collect();
        Some(Box::new(Self { extension, headers }))
    }
}

/// Gives the call the headers that the other node's route has made for the phone, as if the route had been
/// here.
#[cold]
fn unpack<'m, P: Parameters<'m>>(
    decision: &mut Decision<'_, 'm, P>,
    received: &ReceivedExtension<'m>,
) {
    let ReceivedExtension { extension, headers } = received;
    let message = decision.message;
    if message.get(Name::RouteType) == Some(b"msg") {
        return;
    }
    if let Some(calledname) = extension.calledname() {
        decision.set_made(Name::Calledname, |text| text.extend_from_slice(&calledname));
    }
    for (name, value) in headers {
        let param = decision.verdict.make(|text| {
            text.extend_from_slice(b"osip_");
            text.extend_from_slice(name);
        });
        let value = Some(Value::Given(value));
        decision.verdict.edit_other(param, value);
        let of_name = |(param, _): &(&[u8], &[u8])| {
            let header = param.strip_prefix(b"sip_");
            header.is_some_and(|header| header.eq_ignore_ascii_case(name))
        };
        let made = made_by_engine(name);
        // The engine adds one header of its own to several of a name. A phone of the other node would get that,
        // too.
        if made.is_empty() || message.all().filter(of_name).nth(1).is_some() {
            continue;
        }
        for param in made {
            let param = Value::Given(param.as_bytes());
            decision.verdict.edit_other(param, None);
        }
        if matches!(message.get(Name::Reason), Some(b"divert" | b"transfer")) {
            decision.clear(Name::Reason);
        }
    }
}

/// Removes cluster headers that are not trusted; `refused` says that the call depends on them.
#[cold]
fn drop_headers<'m, P: Parameters<'m>>(
    decision: &mut Decision<'_, 'm, P>,
    cause: AuthError,
    refused: bool,
) {
    decision.report(Event::Untrusted {
        subject: decision.subject(),
        address: sender(decision.message).unwrap_or_default(),
        called: decision.get(Name::Called).unwrap_or_default(),
        callto: decision.get(Name::SipCallto).unwrap_or_default(),
        refused,
        cause,
        advise: decision.settings.trusts_nobody(),
    });
    decision.verdict.action = Action::Change;
    for name in CLUSTER_HEADERS {
        decision.clear(name);
    }
}

/// Refuses a call that was here before for the same, or on too many nodes.
#[cold]
#[inline(never)]
fn reject_loop<'m, P: Parameters<'m>>(decision: &mut Decision<'_, 'm, P>, why: Loop, hops: usize) {
    decision.report(Event::Looping {
        subject: decision.subject(),
        why,
        node: decision.node,
        called: decision.get(Name::Called).unwrap_or_default(),
        hops,
    });
    let node = Escaped(decision.node);
    let reason = match why {
        Loop::Hops { .. } => format!("too many hops before node '{node}'"),
        _ => format!("node '{node}' was asked for the same before"),
    };
    reject(decision, Rejection::LOOPING, &reason);
}

/// Has the engine refuse the call.
#[cold]
fn reject<'m, P: Parameters<'m>>(
    decision: &mut Decision<'_, 'm, P>,
    rejection: Rejection,
    reason: &str,
) {
    decision.fail(rejection, reason);
    decision.verdict.action = Action::Answer;
    decision.verdict.set_retval(Value::Given(b"-"));
}
