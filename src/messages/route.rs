// SPDX-License-Identifier: GPL-2.0-or-later

//! `call.route`: a call to `prefix/...` that another node sent is recognised and routed on. The cluster headers
//! of any other sender are removed.

use std::sync::atomic::Ordering::Relaxed;

use super::extension::{ReceivedExtension, made_by_engine};
use super::visited::{Mark, Visited};
use super::{has_cluster_headers, transport};
use crate::addressing::resource::trim_blanks;
use crate::auth::authenticate::{
    NonceUse, authenticate, authenticate_rest, check_extension, sender, tolerates,
};
use crate::auth::derived::wait;
use crate::auth::signature::Signer;
use crate::auth::trust::AuthError;
use crate::decision::{Decision, Rejection};
use crate::event::{Event, Loop};
use crate::messages::{CLUSTER_HEADERS, Name, Parameters};
use crate::text::{Escaped, Value};
use crate::verdict::Action;

/// Whether a call is the cluster's, or has headers of a cluster.
pub(crate) fn concerns<'m>(
    has_prefix: impl Fn(Option<&[u8]>) -> bool,
    message: &impl Parameters<'m>,
) -> bool {
    has_prefix(message.get(Name::Called)) || has_cluster_headers(message)
}

/// Decides an incoming call. `complete` says that the message knows all parameters, not only those of known names.
#[inline(never)]
pub(crate) fn decide<'m, P: Parameters<'m>>(decision: &mut Decision<'_, 'm, P>, complete: bool) {
    let settings = decision.settings;
    let called = decision
        .filled(Name::Called)
        .and_then(|to| settings.prefix.strip(to))
        .map(trim_blanks);
    let mut callto = decision.filled(Name::SipCallto);
    let mut from_node = has_cluster_headers(decision.message);
    let mut received = None;
    if from_node {
        let header = decision.filled(Name::SipCluster);
        let has_more = header.is_some() || settings.keys.are_set();
        if has_more {
            if !complete && (header.is_some() || called != Some(b"")) {
                decision.verdict.action = Action::NeedAll;
                return;
            }
            received = header.and_then(|header| ReceivedExtension::read(header, decision.message));
        }
        let authenticated = || {
            let signer = authenticate(decision, NonceUse::Consume)?;
            if !has_more || received.is_none() && signer == Signer::Plain && called == Some(b"") {
                return Ok(());
            }
            authenticate_rest(decision, received.as_deref(), signer, called == Some(b""))
        };
        if let Err(cause) = authenticated()
            && let Err(cause) = tolerate(decision, cause, received.as_deref())
        {
            if cause == AuthError::Pending && wait(decision) {
                return;
            }
            // Of several rows another one may have the target that the first one lacks.
            let names_target = callto.is_some() || decision.message.is_repeated(Name::SipCallto);
            let depends = called == Some(b"") && names_target;
            if distrust(decision, cause, depends) {
                return;
            }
            (callto, from_node) = (None, false);
        }
    }
    let Some(called) = called else { return };
    if called.is_empty() && callto.is_none() {
        return;
    }
    let mut is_namesake = false;
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
        if settings.cdr_nodes
            && let Some(origin) = decision.filled(Name::SipNodename)
        {
            decision.set(Name::ClusterOrigin, origin);
        }
        is_namesake = visited.is_from(decision.node);
        if decision.shared.has_taken.load(Relaxed) {
            report_alive(decision);
        }
    }
    decision.verdict.action = Action::Change;
    if is_namesake {
        report_namesake(decision);
    } else {
        decision.report(Event::Received {
            called,
            callto: callto.unwrap_or_default(),
        });
    }
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
        // Not the location of a phone.
        if callto.first() != Some(&b's') && from_node && !decision.shared.placed.is_empty() {
            report_split(decision, callto);
        }
    }
    if let Some(received) = received.filter(|_| from_node) {
        unpack(decision, &received);
    }
    decision.set(Name::Called, called);
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

/// Accepts and reports cluster headers with a mistake in the signature, where that isn't required.
#[cold]
fn tolerate<'m, P: Parameters<'m>>(
    decision: &mut Decision<'_, 'm, P>,
    mistake: AuthError,
    received: Option<&ReceivedExtension<'m>>,
) -> Result<(), AuthError> {
    if !tolerates(decision, mistake) {
        return Err(mistake);
    }
    received.map_or(Ok(()), |received| check_extension(decision, received))?;
    decision.report(Event::Unverified {
        address: sender(decision.message).unwrap_or_default(),
        node: decision.get(Name::SipNodename).unwrap_or_default(),
        mistake,
    });
    Ok(())
}

/// Removes cluster headers that are not trusted, and has the engine refuse the call if it depends on them; `true`
/// where it did.
#[cold]
fn distrust<'m, P: Parameters<'m>>(
    decision: &mut Decision<'_, 'm, P>,
    cause: AuthError,
    depends: bool,
) -> bool {
    // What was changed on the way to this node goes nowhere, not even as a stranger's.
    let refused = depends || cause == AuthError::Altered;
    drop_headers(decision, cause, refused);
    if refused {
        reject(decision, Rejection::FORBIDDEN, &cause.answer());
    }
    refused
}

/// Says that a node that this one has taken over has sent a call.
#[cold]
#[inline(never)]
fn report_alive<'m, P: Parameters<'m>>(decision: &mut Decision<'_, 'm, P>) {
    let node = decision.get(Name::SipNodename).unwrap_or_default();
    let section = decision.settings.nodes.find(node);
    if section.is_some_and(|node| node.state.is_taken()) {
        let address = sender(decision.message).unwrap_or_default();
        decision.report(Event::Alive { node, address });
    }
}

/// Says that another engine has this node's name.
#[cold]
fn report_namesake<'m, P: Parameters<'m>>(decision: &mut Decision<'_, 'm, P>) {
    let address = sender(decision.message).unwrap_or_default();
    decision.report(Event::Namesake { address });
}

/// Says that this node has placed a resource elsewhere that a node has sent a call for.
#[cold]
#[inline(never)]
fn report_split<'m, P: Parameters<'m>>(decision: &mut Decision<'_, 'm, P>, resource: &'m [u8]) {
    let (settings, now) = (decision.settings, decision.now);
    let (nodes, lease) = (&settings.nodes, &settings.lease);
    let placed = &decision.shared.placed;
    if let Some(node) = placed.elsewhere(resource, decision.node, nodes, lease, now) {
        decision.report(Event::Split {
            resource,
            sender: decision.get(Name::SipNodename).unwrap_or_default(),
            node: node.into(),
        });
    }
}

/// Removes cluster headers that are not trusted; `refused` says that the call depends on them.
#[cold]
fn drop_headers<'m, P: Parameters<'m>>(
    decision: &mut Decision<'_, 'm, P>,
    cause: AuthError,
    refused: bool,
) {
    // Signed for another node, since the sender believes that this one is.
    let cause = match cause {
        AuthError::Forged if Visited::of(decision.message).is_from(decision.node) => {
            AuthError::Namesake
        }
        cause => cause,
    };
    decision.report(Event::Untrusted {
        subject: decision.subject(),
        address: sender(decision.message).unwrap_or_default(),
        called: decision.get(Name::Called).unwrap_or_default(),
        callto: decision.get(Name::SipCallto).unwrap_or_default(),
        refused,
        cause,
        advise: decision.settings.needs_trusted(cause),
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
