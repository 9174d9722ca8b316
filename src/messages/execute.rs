// SPDX-License-Identifier: GPL-2.0-or-later

//! `call.execute`: a call to `prefix/NODE/RESOURCE` is for this node, for another one, or for a node
//! that has yet to be found. An instant message goes the same way.

use std::sync::Arc;

use super::visited::Visited;
use super::{instant, transport};
use crate::addressing::resource::{ANY_NODE, Target, trim_blanks};
use crate::auth::signature::Signed;
use crate::decision::{Decision, Rejection};
use crate::event::Event;
use crate::messages::{Kind, Name, Parameters, Reply};
use crate::nodes::Unreachable;
use crate::operator::counters::Counter;
use crate::placement::claim::Purpose;
use crate::settings::Settings;
use crate::text::{Escaped, Text};
use crate::verdict::{Action, Pending};

/// Whether a call is the cluster's.
pub(crate) fn concerns<'m>(settings: &Settings, message: &impl Parameters<'m>) -> bool {
    settings.has_prefix(message.get(Name::Callto))
}

/// Decides a call. `complete` says that the message knows all parameters, not only those of known names.
pub(crate) fn decide<'m, P: Parameters<'m>>(decision: &mut Decision<'_, 'm, P>, complete: bool) {
    decide_target(decision, complete);
}

/// Decides a message whose target is the cluster's; `false` where it isn't.
pub(super) fn decide_target<'m, P: Parameters<'m>>(
    decision: &mut Decision<'_, 'm, P>,
    complete: bool,
) -> bool {
    let settings = decision.settings;
    let target = decision
        .get(Name::Callto)
        .and_then(|to| settings.prefix.parse(to));
    let Some(target) = target else { return false };
    if target.node == ANY_NODE && !settings.locate.is_empty() {
        locate(decision, target.resource);
    } else {
        deliver(decision, target, complete);
    }
    true
}

/// Decides a call whose node was looked for, by the reply.
///
/// The message knows all parameters of the call.
pub(crate) fn resume<'m, P: Parameters<'m>>(decision: &mut Decision<'_, 'm, P>, reply: &Reply<'m>) {
    let settings = decision.settings;
    let target = decision
        .get(Name::Callto)
        .and_then(|to| settings.prefix.parse(to));
    // Only a caller who changed the message in between can get here without a target.
    let Some(Target { resource, .. }) = target else {
        return;
    };
    let node = trim_blanks(reply.retval);
    if !reply.handled || matches!(node, b"-" | b"error") {
        let error = reply.error.unwrap_or(b"failure");
        decision.report(Event::NotLocated {
            resource,
            error,
            reason: reply.reason,
        });
        decision.verdict.action = Action::Change;
        for (name, text) in [(Name::Error, error), (Name::Reason, reply.reason)] {
            decision.set_or_clear(name, Some(text).filter(|text| !text.is_empty()));
        }
        if decision.kind == Kind::Message {
            decision.set(Name::Code, b"480");
        }
        return;
    }
    decision.report(Event::Located { resource, node });
    deliver(decision, Target { node, resource }, true);
}

/// Asks for the node that serves a resource.
fn locate<'m, P: Parameters<'m>>(decision: &mut Decision<'_, 'm, P>, resource: &'m [u8]) {
    let settings = decision.settings;
    decision.verdict.action = Action::Locate;
    let name = decision
        .verdict
        .make(|text| text.extend_from_slice(&settings.locate));
    decision.verdict.set_retval(name);
    decision.set(Name::Allocate, b"true");
    decision.set(Name::Nodename, decision.node);
    decision.set(Name::Callto, resource);
    for name in [Name::Billid, Name::Username] {
        if let Some(value) = decision.filled(name) {
            decision.set(name, value);
        }
    }
    decision.verdict.pending = Some(Pending {
        settings: Arc::clone(settings),
        kind: decision.kind,
        purpose: Purpose::Claim,
    });
}

/// Brings a call to its node, which is known.
#[inline]
fn deliver<'m, P: Parameters<'m>>(
    decision: &mut Decision<'_, 'm, P>,
    target: Target<'m>,
    complete: bool,
) {
    if !target.node.is_empty() && target.node != decision.node {
        return forward(decision, target, complete);
    }
    decision.count(Counter::Local);
    decision.verdict.action = Action::Change;
    if decision.kind == Kind::Message {
        instant::strip_for_phone(decision);
    }
    transport::to_phone(decision, target.resource);
    decision.set(Name::Callto, target.resource);
}

/// Sends a call to another node.
#[inline(never)]
fn forward<'m, P: Parameters<'m>>(
    decision: &mut Decision<'_, 'm, P>,
    target @ Target { node, resource }: Target<'m>,
    complete: bool,
) {
    let settings = decision.settings;
    let is_message = decision.kind == Kind::Message;
    let section = settings.nodes.find(node);
    let groups = section.map_or_else(|| settings.pattern.matches(node), |node| Some(node.groups));
    let Some(groups) = groups else {
        return reject_unknown(decision, target);
    };
    if let Some(why) = section.and_then(|node| node.state.unreachable()) {
        return reject_unreachable(decision, target, why);
    }
    let visited = Visited::of(decision.message);
    if visited.contains(node) || visited.hops() >= settings.hops {
        let reason = format!("node '{}' again, or too many nodes", Escaped(node));
        return reject_loop(decision, target, &reason);
    }
    let callto = section
        .and_then(|node| node.callto.as_ref())
        .unwrap_or(&settings.callto);
    if !complete && callto.uses_other_parameters() {
        decision.verdict.action = Action::NeedAll;
        return;
    }
    let addressed = Addressed {
        message: decision.message,
        resource,
    };
    let uri = decision
        .verdict
        .make(|text| callto.expand(node, &groups, &addressed, text));
    let uri = decision.verdict.trim(uri);
    if decision.verdict.resolve(&uri).is_empty() {
        return decision.report(Event::NoTarget { node });
    }
    if is_message
        && settings
            .prefix
            .strip(decision.verdict.resolve(&uri))
            .is_some()
    {
        // The copy that is sent would come straight back here, and so would the copy of that.
        let reason = format!(
            "callto of node '{}' leads back to the cluster",
            Escaped(node)
        );
        return reject_loop(decision, target, &reason);
    }
    if let Some(node) = section {
        node.state.count_forward();
    }
    decision.verdict.action = Action::Change;
    if is_message {
        // A copy is sent, since the message itself is answered with whatever in it is a header for the
        // next node.
        decision.verdict.action = Action::Send;
        instant::drop_cluster_headers(decision);
    }
    if settings.cdr_nodes {
        decision.set(Name::ClusterTarget, node);
    }
    decision.report(Event::Forwarded {
        resource,
        node,
        target: uri.clone(),
    });
    write_headers(decision, target, visited);
    let by = section.and_then(|node| node.transport);
    transport::to_node(decision, by.unwrap_or(settings.transport));
    // Last, since the resource is a part of the old text.
    decision.verdict.set_value(Name::Callto, uri);
}

/// Writes the headers by which the next node knows what it gets, and from which node.
fn write_headers<'m, P: Parameters<'m>>(
    decision: &mut Decision<'_, 'm, P>,
    Target { node, resource }: Target<'m>,
    visited: Visited<'m>,
) {
    let keys = &decision.settings.keys;
    let (billid, username) = (
        decision.filled(Name::Billid),
        decision.filled(Name::Username),
    );
    decision.set(Name::OsipCallto, resource);
    decision.set_or_clear(Name::OsipBillid, billid);
    decision.set(Name::OsipNodename, decision.node);
    decision.set_or_clear(Name::OsipUsername, username);
    let list = decision.verdict.make(|text| visited.write(text));
    if visited.hops() > 0 {
        decision.verdict.set_value(Name::OsipVisited, list.clone());
    } else {
        decision.clear(Name::OsipVisited);
    }
    if !keys.are_set() {
        decision.clear(Name::OsipSignature);
        return;
    }
    let mut signature = Text::new();
    let call = Signed {
        origin: decision.node,
        target: node,
        callto: resource,
        billid: billid.unwrap_or_default(),
        username: username.unwrap_or_default(),
        visited: decision.verdict.resolve(&list),
    };
    keys.sign(
        &call,
        decision.now.seconds(),
        decision.nonce(),
        &mut signature,
    );
    decision.set_made(Name::OsipSignature, |text| {
        text.extend_from_slice(&signature);
    });
}

/// A call as the template sees it: its target is the resource, without prefix and node.
struct Addressed<'a, 'm, P> {
    message: &'a P,
    resource: &'m [u8],
}

impl<'m, P: Parameters<'m>> Parameters<'m> for Addressed<'_, 'm, P> {
    fn get(&self, name: Name) -> Option<&'m [u8]> {
        if name == Name::Callto {
            Some(self.resource)
        } else {
            self.message.get(name)
        }
    }

    fn is_repeated(&self, name: Name) -> bool {
        self.message.is_repeated(name)
    }

    fn other(&self, name: &[u8]) -> Option<&'m [u8]> {
        self.message.other(name)
    }
}

/// Leaves a call to a name that can't be a node's as it is, with the reason why it will fail.
#[cold]
fn reject_unknown<'m, P: Parameters<'m>>(
    decision: &mut Decision<'_, 'm, P>,
    Target { node, resource }: Target<'m>,
) {
    decision.report(Event::NoSuchNode { node, resource });
    let reason = format!("no such cluster node '{}'", Escaped(node));
    decision.fail(Rejection::NO_ROUTE, &reason);
}

/// Ends a call that goes round in circles.
#[cold]
fn reject_loop<'m, P: Parameters<'m>>(
    decision: &mut Decision<'_, 'm, P>,
    Target { node, resource }: Target<'m>,
    reason: &str,
) {
    decision.report(Event::Looping {
        node,
        called: resource,
        hops: Visited::of(decision.message).hops(),
    });
    decision.fail(Rejection::LOOPING, reason);
}

/// Fails a call to a node that can't be reached here and now, so that a fork or a fallback takes another way.
#[cold]
fn reject_unreachable<'m, P: Parameters<'m>>(
    decision: &mut Decision<'_, 'm, P>,
    Target { node, resource }: Target<'m>,
    why: Unreachable,
) {
    decision.report(Event::Offline {
        node,
        resource,
        why,
    });
    let reason = format!("cluster node '{}' is {why}", Escaped(node));
    decision.fail(Rejection::OFFLINE, &reason);
}
