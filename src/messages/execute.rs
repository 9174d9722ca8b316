// SPDX-License-Identifier: GPL-2.0-or-later

//! `call.execute`: a call to `prefix/NODE/RESOURCE` is for this node, for another one, or for a node
//! that has yet to be found. So is an instant message, by `msg.execute`.

use std::borrow::Cow;
use std::sync::Arc;

use crate::addressing::resource::{ANY_NODE, Prefix, Target, trim_blanks};
use crate::addressing::uri::behind_prefix;
use crate::auth::signature::normalized::NormalizedHeader;
use crate::auth::signature::{Extended, Signed};
use crate::decision::{Context, Rejection};
use crate::event::Event;
use crate::failure::unpoisoned;
use crate::messages::extension::Extras;
use crate::messages::visited::{Mark, Visited};
use crate::messages::{CLUSTER_HEADERS, Kind, Name, Parameters, Reply};
use crate::nodes::Unreachable;
use crate::operator::counters::Counter;
use crate::placement::claim::Purpose;
use crate::text::{Escaped, Text, Value};
use crate::verdict::{Action, Pending, Verdict};

/// Decides a call. `complete` says that `message` knows all parameters, not only those of known names.
pub(crate) fn decide<'m>(
    context: &Context<'_, 'm>,
    message: &impl Parameters<'m>,
    complete: bool,
    verdict: &mut Verdict<'m>,
) {
    let settings = context.settings;
    let Some(target) = message
        .get(Name::Callto)
        .and_then(|to| settings.prefix.parse(to))
    else {
        if context.kind == Kind::Message {
            strip_for_phone(message, verdict);
        }
        return;
    };
    if target.node == ANY_NODE && !settings.locate.is_empty() {
        locate(context, message, target.resource, verdict);
    } else {
        deliver(context, message, target, complete, verdict);
    }
}

/// Decides a call whose node was looked for, by what came back.
///
/// `message` knows all parameters of the call.
pub(crate) fn located<'m>(
    context: &Context<'_, 'm>,
    message: &impl Parameters<'m>,
    answer: &Reply<'m>,
    verdict: &mut Verdict<'m>,
) {
    let target = message
        .get(Name::Callto)
        .and_then(|to| context.settings.prefix.parse(to));
    // Only a caller who changed the message in between can get here without a target.
    let Some(Target { resource, .. }) = target else {
        return;
    };
    let node = trim_blanks(answer.node);
    if !answer.handled || matches!(node, b"-" | b"error") {
        let error = answer.error.unwrap_or(b"failure");
        context.count(Counter::NotLocated);
        if let Some(suppressed) = context.rate_limits.not_located.allow(context.now) {
            let reason = answer.reason;
            verdict.event = Some(Event::NotLocated {
                resource,
                error,
                reason,
                suppressed,
            });
        }
        verdict.action = Action::Change;
        for (name, text) in [(Name::Error, error), (Name::Reason, answer.reason)] {
            verdict.set_or_clear(message, name, Some(text).filter(|text| !text.is_empty()));
        }
        if context.kind == Kind::Message {
            verdict.set(Name::Code, b"480");
        }
        return;
    }
    context.count(Counter::Located);
    deliver(context, message, Target { node, resource }, true, verdict);
    if verdict.event.is_none() {
        verdict.event = Some(Event::Located { resource, node });
    }
}

/// Asks for the node that serves a resource.
fn locate<'m>(
    context: &Context<'_, 'm>,
    message: &impl Parameters<'m>,
    resource: &'m [u8],
    verdict: &mut Verdict<'m>,
) {
    verdict.action = Action::Locate;
    let name = verdict.make(|text| text.extend_from_slice(&context.settings.locate));
    verdict.set_retval(name);
    verdict.set(Name::Allocate, b"true");
    verdict.set(Name::Nodename, context.node);
    verdict.set(Name::Callto, resource);
    for name in [Name::Billid, Name::Username] {
        if let Some(value) = message.filled(name) {
            verdict.set(name, value);
        }
    }
    verdict.pending = Some(Pending {
        settings: Arc::clone(context.settings),
        kind: context.kind,
        purpose: Purpose::Claim,
    });
}

/// Brings a call to its node, which is known.
fn deliver<'m>(
    context: &Context<'_, 'm>,
    message: &impl Parameters<'m>,
    Target { node, resource }: Target<'m>,
    complete: bool,
    verdict: &mut Verdict<'m>,
) {
    let settings = context.settings;
    if node.is_empty() || node == context.node {
        context.count(Counter::Local);
        verdict.action = Action::Change;
        if context.kind == Kind::Message {
            strip_for_phone(message, verdict);
        }
        verdict.set(Name::Callto, resource);
        return;
    }
    let section = settings.nodes.find(node);
    let groups = section.map_or_else(|| settings.pattern.matches(node), |node| Some(node.groups));
    let Some(groups) = groups else {
        refuse(context, message, node, resource, verdict);
        return;
    };
    if let Some(why) = section.and_then(|node| node.state.unreachable()) {
        offline(context, message, node, resource, why, verdict);
        return;
    }
    let visited = Visited::of(message);
    let hops = visited.hops();
    if hops >= settings.hops {
        let reason = format!("too many nodes on the way to '{}'", Escaped(node));
        reject_loop(context, message, node, resource, &reason, verdict);
        return;
    }
    let callto = section
        .and_then(|node| node.callto.as_ref())
        .unwrap_or(&settings.callto);
    let has_headers = context.kind == Kind::Execute && message.get(Name::OsipOther).is_some();
    if !complete && (callto.uses_other_parameters() || hops > 0 || has_headers) {
        verdict.action = Action::NeedAll;
        return;
    }
    let addressed = Addressed { message, resource };
    let target = verdict.make(|text| callto.expand(node, &groups, &addressed, text));
    let target = verdict.trim(target);
    if verdict.resolve(&target).is_empty() {
        context.count(Counter::NoNode);
        if let Some(suppressed) = context.rate_limits.no_node.allow(context.now) {
            verdict.event = Some(Event::NoTarget { node, suppressed });
        }
        return;
    }
    if context.kind == Kind::Message && settings.prefix.strip(verdict.resolve(&target)).is_some() {
        // The copy that is sent would come straight back here, and so would the copy of that.
        let reason = format!(
            "callto of node '{}' leads back to the cluster",
            Escaped(node)
        );
        reject_loop(context, message, node, resource, &reason, verdict);
        return;
    }
    if hops > 0 && !is_spiral(context, message, node, resource, visited, &target, verdict) {
        return;
    }
    context.count(Counter::Forwarded);
    if let Some(node) = section {
        node.state.count_forward();
    }
    verdict.action = Action::Change;
    if context.kind == Kind::Message {
        // A copy is sent, since the message itself is answered with whatever in it is a header for the
        // next node.
        verdict.action = Action::Send;
        drop_cluster_headers(message, verdict);
    }
    if settings.cdr_nodes {
        verdict.set(Name::ClusterTarget, node);
    }
    verdict.event = Some(Event::Forwarded {
        resource,
        node,
        target: target.clone(),
    });
    let extras = extras(
        context,
        message,
        Target { node, resource },
        has_headers,
        verdict,
    );
    head(
        context,
        message,
        Target { node, resource },
        visited,
        extras.as_ref(),
        &target,
        verdict,
    );
    clear_transport(context, message, verdict);
    // Last, since the resource is a part of the old text.
    verdict.set_value(Name::Callto, target);
}

/// Whether a call that came from another node may go on to this one: it doesn't where it is in a loop, or
/// has too many branches.
fn is_spiral<'m>(
    context: &Context<'_, 'm>,
    message: &impl Parameters<'m>,
    node: &'m [u8],
    resource: &'m [u8],
    visited: Visited<'m>,
    target: &Value<'m>,
    verdict: &mut Verdict<'m>,
) -> bool {
    let called = called_there(&context.settings.prefix, verdict.resolve(target));
    let mark = Mark::of(node, &called, resource);
    let reason = if visited.contains(node, mark) {
        format!("node '{}' again, for the same", Escaped(node))
    } else if visited.hops() > 1 && {
        let billid = message.get(Name::Billid).unwrap_or_default();
        !unpoisoned(context.breadth.lock()).allow(billid, context.seconds())
    } {
        format!("too many branches on the way to '{}'", Escaped(node))
    } else {
        return true;
    };
    reject_loop(context, message, node, resource, &reason, verdict);
    false
}

/// The mark of what this node was asked for.
///
/// The URI has the number that stands behind the prefix, whatever became of `called` meanwhile. `message` knows
/// all parameters.
fn asked_here<'m>(context: &Context<'_, 'm>, message: &impl Parameters<'m>) -> Mark {
    let uri = message.other(b"sip_uri").unwrap_or_default();
    let called = behind_prefix(&context.settings.prefix, uri);
    let callto = message.get(Name::SipCallto).unwrap_or_default();
    Mark::of(context.node, &called, callto)
}

/// What another node finds behind the prefix in the URI of a target.
fn called_there<'t>(prefix: &Prefix, target: &'t [u8]) -> Cow<'t, [u8]> {
    behind_prefix(prefix, target.strip_prefix(b"sip/").unwrap_or(target))
}

/// Writes the headers by which the next node knows what it gets, and from whom.
fn head<'m>(
    context: &Context<'_, 'm>,
    message: &impl Parameters<'m>,
    Target { node, resource }: Target<'m>,
    visited: Visited<'m>,
    extras: Option<&Extras<'m>>,
    uri: &Value<'m>,
    verdict: &mut Verdict<'m>,
) {
    let keys = &context.settings.keys;
    let (billid, username) = (message.filled(Name::Billid), message.filled(Name::Username));
    verdict.set(Name::OsipCallto, resource);
    verdict.set_or_clear(message, Name::OsipBillid, billid);
    verdict.set(Name::OsipNodename, context.node);
    verdict.set_or_clear(message, Name::OsipUsername, username);
    let list = if visited.hops() > 0 {
        let list = verdict.make(|text| visited.write(asked_here(context, message), text));
        verdict.set_value(Name::OsipVisited, list.clone());
        list
    } else {
        verdict.clear(message, Name::OsipVisited);
        Value::Given(b"")
    };
    let extension = extras.map(|extras| verdict.make(|text| extras.write(text)));
    if !keys.are_set() {
        verdict.clear(message, Name::OsipSignature);
        set_extension(message, extension, b"", verdict);
        return;
    }
    let mut signature = Text::new();
    let call = Signed {
        origin: context.node,
        target: node,
        callto: resource,
        billid: billid.unwrap_or_default(),
        username: username.unwrap_or_default(),
        visited: verdict.resolve(&list),
    };
    keys.sign(&call, context.seconds(), context.nonce(), &mut signature);
    let mut mac = Text::new();
    if let (Some(extras), Some(extension)) = (extras, &extension) {
        let extended = Extended {
            called: &called_there(&context.settings.prefix, verdict.resolve(uri)),
            extension: verdict.resolve(extension),
            headers: &extras.headers,
        };
        mac.extend_from_slice(b";mac=");
        keys.sign_extended(&call, &extended, &signature, &mut mac);
    }
    verdict.set_made(Name::OsipSignature, |text| {
        text.extend_from_slice(&signature);
    });
    set_extension(message, extension, &mac, verdict);
}

/// Writes the header that nodes with version 1.0 don't know, if the call needs it.
fn set_extension<'m>(
    message: &impl Parameters<'m>,
    extension: Option<Value<'m>>,
    mac: &[u8],
    verdict: &mut Verdict<'m>,
) {
    let Some(extension) = extension else {
        verdict.clear(message, Name::OsipCluster);
        return;
    };
    let whole = Text::from_slice(verdict.resolve(&extension));
    verdict.set_made(Name::OsipCluster, |text| {
        text.extend_from_slice(&whole);
        text.extend_from_slice(mac);
    });
}

/// What a call carries that nodes with version 1.0 don't know; `None` where there is nothing of that.
///
/// Of an instant message the phone gets no headers that a route has made, on one server neither.
fn extras<'m>(
    context: &Context<'_, 'm>,
    message: &impl Parameters<'m>,
    Target { node, resource }: Target<'m>,
    has_headers: bool,
    verdict: &mut Verdict<'m>,
) -> Option<Extras<'m>> {
    let calledname = message
        .filled(Name::Calledname)
        .filter(|_| context.kind == Kind::Execute);
    let survives = NormalizedHeader::is_unchanged(resource);
    if survives && calledname.is_none() && !has_headers {
        return None;
    }
    let mut extras = Extras {
        callto: (!survives).then_some(resource),
        calledname,
        ..Extras::default()
    };
    if has_headers {
        extras.take_headers(message);
    }
    for param in &extras.forbidden {
        verdict.edit_other(Value::Given(param), None);
    }
    if extras.left_out > 0
        && let Some(suppressed) = context.rate_limits.headers.allow(context.now)
    {
        verdict.event = Some(Event::HeadersLeftOut {
            node,
            name: extras.first_left_out,
            count: extras.left_out,
            suppressed,
        });
    }
    (!extras.is_empty()).then_some(extras)
}

/// A message that came from another node goes on to the phone as if it had come in here.
fn strip_for_phone<'m>(message: &impl Parameters<'m>, verdict: &mut Verdict<'m>) {
    if CLUSTER_HEADERS
        .iter()
        .any(|&name| message.get(name).is_some())
    {
        verdict.action = Action::Change;
        drop_cluster_headers(message, verdict);
    }
}

/// Has an instant message sent with none of the headers that it came with, which the channel would copy,
/// but from the same sender.
fn drop_cluster_headers<'m>(message: &impl Parameters<'m>, verdict: &mut Verdict<'m>) {
    verdict.set(Name::OsipPrefix, b"osip_");
    for name in CLUSTER_HEADERS {
        verdict.clear(message, name);
    }
    if let (Some(caller), None) = (message.filled(Name::Caller), message.filled(Name::User)) {
        verdict.set(Name::User, caller);
    }
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

    fn all(&self) -> impl Iterator<Item = (&'m [u8], &'m [u8])> {
        self.message.all()
    }
}

/// A name that can't be a node's leaves the call as it is, but says why it will fail.
fn refuse<'m>(
    context: &Context<'_, 'm>,
    message: &impl Parameters<'m>,
    node: &'m [u8],
    resource: &'m [u8],
    verdict: &mut Verdict<'m>,
) {
    context.count(Counter::NoNode);
    if let Some(suppressed) = context.rate_limits.no_node.allow(context.now) {
        verdict.event = Some(Event::NoSuchNode {
            node,
            resource,
            suppressed,
        });
    }
    let reason = format!("no such cluster node '{}'", Escaped(node));
    context.fail(message, Rejection::NO_ROUTE, &reason, verdict);
}

/// A call that goes round in circles ends here.
#[cold]
fn reject_loop<'m>(
    context: &Context<'_, 'm>,
    message: &impl Parameters<'m>,
    node: &'m [u8],
    resource: &'m [u8],
    reason: &str,
    verdict: &mut Verdict<'m>,
) {
    context.looping(node, resource, Visited::of(message).hops(), verdict);
    context.fail(message, Rejection::LOOPING, reason, verdict);
}

/// A call to a node that can't be reached fails here and now, so that whoever has another way takes it.
fn offline<'m>(
    context: &Context<'_, 'm>,
    message: &impl Parameters<'m>,
    node: &'m [u8],
    resource: &'m [u8],
    why: Unreachable,
    verdict: &mut Verdict<'m>,
) {
    context.count(Counter::Offline);
    if let Some(suppressed) = context.rate_limits.offline.allow(context.now) {
        verdict.event = Some(Event::Offline {
            node,
            resource,
            why,
            suppressed,
        });
    }
    let reason = format!("cluster node '{}' is {why}", Escaped(node));
    context.fail(message, Rejection::OFFLINE, &reason, verdict);
}

/// Takes off the phone's own transport, which a registrar may have brought along and which means
/// nothing on the way to another node.
fn clear_transport<'m>(
    context: &Context<'_, 'm>,
    message: &impl Parameters<'m>,
    verdict: &mut Verdict<'m>,
) {
    let connection = &context.settings.connection;
    if connection.is_empty() {
        verdict.clear(message, Name::ConnectionId);
    } else {
        verdict.set_made(Name::ConnectionId, |text| {
            text.extend_from_slice(connection);
        });
    }
    verdict.clear(message, Name::Transport);
}
