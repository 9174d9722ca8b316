// SPDX-License-Identifier: GPL-2.0-or-later

//! `call.route`: a call to `prefix/...` that another node sent is recognised and routed on. The cluster headers
//! of any other sender are removed.

use super::visited::Visited;
use super::{has_cluster_headers, transport};
use crate::addressing::resource::trim_blanks;
use crate::auth::authenticate::{NonceUse, authenticate, sender};
use crate::auth::trust::AuthError;
use crate::decision::{Decision, Rejection};
use crate::event::Event;
use crate::messages::{CLUSTER_HEADERS, Name, Parameters};
use crate::settings::Settings;
use crate::text::Value;
use crate::verdict::Action;

/// Whether a call is the cluster's, or has headers of a cluster.
pub(crate) fn concerns<'m>(settings: &Settings, message: &impl Parameters<'m>) -> bool {
    settings.has_prefix(message.get(Name::Called)) || has_cluster_headers(message)
}

/// Decides an incoming call.
pub(crate) fn decide<'m, P: Parameters<'m>>(decision: &mut Decision<'_, 'm, P>) {
    let settings = decision.settings;
    let called = decision
        .filled(Name::Called)
        .and_then(|to| settings.prefix.strip(to))
        .map(trim_blanks);
    let mut callto = decision.filled(Name::SipCallto);
    let mut from_node = has_cluster_headers(decision.message);
    if from_node && let Err(cause) = authenticate(decision, NonceUse::Consume) {
        let refused = called == Some(b"") && callto.is_some();
        drop_headers(decision, cause, refused);
        if refused {
            let reason = "cluster headers from an untrusted sender";
            return reject(decision, Rejection::FORBIDDEN, reason);
        }
        (callto, from_node) = (None, false);
    }
    let Some(called) = called else { return };
    if called.is_empty() && callto.is_none() {
        return;
    }
    if from_node {
        let visited = Visited::of(decision.message);
        if visited.contains(decision.node) || visited.hops() > settings.hops {
            decision.report(Event::Looping {
                node: decision.node,
                called: decision.get(Name::Called).unwrap_or_default(),
                hops: visited.hops(),
            });
            let reason = "the call has been on this node already";
            return reject(decision, Rejection::LOOPING, reason);
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
        decision.verdict.set_retval(Value::Given(callto));
        if let Some(billid) = decision.filled(Name::SipBillid) {
            decision.set(Name::Billid, billid);
        }
        transport::to_phone(decision, callto);
    }
    decision.set(Name::Called, called);
}

/// Removes cluster headers that are not trusted; `refused` says that the call depends on them.
#[cold]
fn drop_headers<'m, P: Parameters<'m>>(
    decision: &mut Decision<'_, 'm, P>,
    cause: AuthError,
    refused: bool,
) {
    decision.report(Event::Untrusted {
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
