// SPDX-License-Identifier: GPL-2.0-or-later

//! `call.execute`: a call to `prefix/NODE/RESOURCE` is for this node, for another one, or for a node
//! that has yet to be found. An instant message goes the same way.

use std::borrow::Cow;
use std::sync::Arc;

use super::extension::Extras;
use super::visited::{Mark, Visited};
use super::waiting::Caller;
use super::{headers, transport};
use crate::addressing::resource::{ANY_NODE, Prefix, Target, trim_blanks};
use crate::addressing::uri::{behind_prefix, user};
use crate::auth::signature::normalized::NormalizedHeader;
use crate::auth::signature::{Extended, Signed, Signer};
use crate::decision::{Decision, Rejection};
use crate::event::{Event, Loop, Subject};
use crate::failure::unpoisoned;
use crate::messages::{Kind, Name, NameSet, Parameters, Reply};
use crate::nodes::{Detour, Node, Unreachable};
use crate::operator::counters::Counter;
use crate::placement::claim::Purpose;
use crate::text::{Escaped, Text, Value, has_control, is_plain, may_have_control};
use crate::verdict::{Action, Pending};

/// Whether a call is the cluster's.
pub(crate) fn concerns<'m>(
    has_prefix: impl Fn(Option<&[u8]>) -> bool,
    message: &impl Parameters<'m>,
) -> bool {
    has_prefix(message.get(Name::Callto))
}

/// Decides a call. `complete` says that the message knows all parameters, not only those of known names.
pub(crate) fn decide<'m, P: Parameters<'m>>(decision: &mut Decision<'_, 'm, P>, complete: bool) {
    decide_target(decision, complete);
}

/// Decides a call, or an instant message, whose target another module has brought after it was decided before.
#[inline(never)]
pub(crate) fn decide_late<'m, P: Parameters<'m>>(
    decision: &mut Decision<'_, 'm, P>,
    complete: bool,
) {
    // One that was decided before may have a reason to fail.
    if decision.filled(Name::Error).is_none() {
        decide_target(decision, complete);
    }
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
/// The message knows all parameters of the call. `caller` is who waited for the reply.
pub(crate) fn resume<'m, P: Parameters<'m>>(
    decision: &mut Decision<'_, 'm, P>,
    caller: Option<&Caller>,
    reply: &Reply<'m>,
) {
    let settings = decision.settings;
    let target = decision
        .get(Name::Callto)
        .and_then(|to| settings.prefix.parse(to));
    // Only a caller who changed the message in between can get here without a target.
    let Some(Target { resource, .. }) = target else {
        return;
    };
    if caller.is_some_and(Caller::is_gone) {
        decision.report(Event::GivenUp {
            subject: decision.subject(),
            resource,
        });
        return decision.fail(Rejection::CANCELLED, "the caller has hung up");
    }
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
        caller: decision
            .filled(Name::Id)
            .map(|channel| decision.shared.waiting.begin(channel)),
    });
}

/// Brings a call to its node, which is known.
#[expect(
    clippy::inline_always,
    reason = "it is little, and in the way of each call"
)]
#[inline(always)]
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
        headers::strip_for_phone(decision);
    }
    transport::to_phone(decision, target.resource);
    decision.set(Name::Callto, target.resource);
}

/// Brings a call that is another node's to its phone, since this node stands in for that one.
#[cold]
#[inline(never)]
fn deliver_for_other<'m, P: Parameters<'m>>(
    decision: &mut Decision<'_, 'm, P>,
    resource: &'m [u8],
) {
    decision.count(Counter::Local);
    decision.verdict.action = Action::Change;
    if decision.kind == Kind::Message {
        headers::strip_for_phone(decision);
    }
    transport::to_phone_of_other(decision, resource);
    decision.set(Name::Callto, resource);
}

/// Sends a call to the node that stands in for the one that calls don't go to, or brings it to its phone.
#[cold]
#[inline(never)]
fn divert<'m, P: Parameters<'m>>(
    decision: &mut Decision<'_, 'm, P>,
    target: Target<'m>,
    (section, why): (&Node, Detour),
    complete: bool,
) {
    let settings = decision.settings;
    let stand_in = settings.nodes.stand_in_for(section, why);
    // A resource of any node is where it was found. On a backup it would be a second time.
    let is_found = || {
        let called = decision
            .get(Name::Callto)
            .and_then(|to| settings.prefix.parse(to));
        called.is_some_and(|called| called.node == ANY_NODE)
    };
    let Some(stand_in) = stand_in.filter(|_| why == Detour::Taken || !is_found()) else {
        if let Detour::Unreachable(why) = why {
            reject_unreachable(decision, target, why);
        }
        return;
    };
    if !stand_in.is_here && !complete {
        // So that it is counted once.
        decision.verdict.action = Action::NeedAll;
        return;
    }
    if why != Detour::Taken {
        decision.count(Counter::Replaced);
    }
    if stand_in.is_here {
        return deliver_for_other(decision, target.resource);
    }
    let node = decision.shared.names.keep(stand_in.name);
    forward(decision, Target { node, ..target }, true);
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
    if let Some(called) = section
        && let Some(why) = called.state.detour()
    {
        return divert(decision, target, (called, why), complete);
    }
    let visited = Visited::of(decision.message);
    let hops = visited.hops();
    if hops >= settings.hops {
        return reject_hops(decision, target);
    }
    let callto = section
        .and_then(|node| node.callto.as_ref())
        .unwrap_or(&settings.callto);
    let has_headers = decision.get(Name::OsipOther).is_some();
    if !complete && (callto.uses_other_parameters() || hops > 0 || has_headers) {
        decision.verdict.action = Action::NeedAll;
        return;
    }
    let addressed = Addressed {
        message: decision.message,
        resource,
    };
    // The target, node and resource in one, as it was called.
    let is_plain = is_plain(decision.get(Name::Callto).unwrap_or_default());
    let mut unusual = !is_plain;
    let uri = decision
        .verdict
        .make(|text| unusual |= callto.expand(node, &groups, &addressed, text));
    let uri = decision.verdict.trim(uri);
    if decision.verdict.resolve(&uri).is_empty() {
        return reject_untargeted(decision, node);
    }
    if (unusual || has_unusual_id(decision.message))
        && let Some(part) = malformed_part(decision, resource, &uri)
    {
        return reject_malformed(decision, target, part);
    }
    if hops > 0
        && let Some(why) = loops(decision, target, visited, &uri)
    {
        return reject_loop(decision, target, why);
    }
    decision.verdict.action = Action::Change;
    if is_message {
        let uri = decision.verdict.resolve(&uri);
        if settings.prefix.strip(uri).is_some() {
            return reject_own_target(decision, target);
        }
        // A copy is sent, since the message itself is answered with whatever in it is a header for the
        // next node.
        decision.verdict.action = Action::Send;
        headers::drop_cluster_headers(decision);
    }
    if let Some(node) = section {
        node.state.count_forward();
    }
    if settings.cdr_nodes {
        decision.set(Name::ClusterTarget, node);
    }
    decision.report(Event::Forwarded {
        subject: if is_message {
            Subject::Message
        } else {
            Subject::Call
        },
        resource,
        node,
        target: uri.clone(),
    });
    let extras = extras(decision, target, is_plain, has_headers);
    let visited = (hops > 0).then_some(visited);
    write_headers(decision, target, visited, extras.as_deref(), &uri);
    let by = section.and_then(|node| node.transport);
    transport::to_node(decision, by.unwrap_or(settings.transport));
    // Last, since the resource is a part of the old text.
    decision.verdict.set_value(Name::Callto, uri);
}

/// Whether an id that goes to the other node may have a control character.
fn has_unusual_id<'m>(message: &impl Parameters<'m>) -> bool {
    let is_unusual = |name| message.get(name).is_some_and(may_have_control);
    is_unusual(Name::Billid) | is_unusual(Name::Username)
}

/// The reason why a call that came from another node can't go on to this one: a loop, or too many branches.
#[cold]
#[inline(never)]
fn loops<'m, P: Parameters<'m>>(
    decision: &Decision<'_, 'm, P>,
    Target { node, resource }: Target<'m>,
    visited: Visited<'m>,
    uri: &Value<'m>,
) -> Option<Loop> {
    let uri = decision.verdict.resolve(uri);
    let called = called_there(&decision.settings.prefix, uri);
    if visited.contains(node, Mark::of(node, &called, resource)) {
        return Some(Loop::SameAgain);
    }
    let billid = decision.get(Name::Billid).unwrap_or_default();
    let allow = || unpoisoned(decision.shared.breadth.lock()).allow(billid, decision.now.seconds());
    (visited.hops() > 1 && !allow()).then_some(Loop::Branches)
}

/// The mark of the request that this node got.
///
/// The URI has the number behind the prefix, even if `called` has changed meanwhile. The message knows all
/// parameters.
fn asked_here<'m, P: Parameters<'m>>(decision: &Decision<'_, 'm, P>) -> Mark {
    let uri = decision.message.other(b"sip_uri").unwrap_or_default();
    let called = behind_prefix(&decision.settings.prefix, uri);
    let callto = decision.get(Name::SipCallto).unwrap_or_default();
    Mark::of(decision.node, &called, callto)
}

/// The text that another node finds behind the prefix in the URI of a target.
fn called_there<'t>(prefix: &Prefix, target: &'t [u8]) -> Cow<'t, [u8]> {
    behind_prefix(prefix, uri_of(target))
}

/// Whether the user of a URI is the prefix and no more.
fn has_bare_user(prefix: &Prefix, uri: &[u8]) -> bool {
    let usual = uri
        .strip_prefix(b"sip:")
        .and_then(|rest| prefix.strip(rest));
    usual.is_some_and(|rest| rest.starts_with(b"@"))
        || user(uri).as_deref() == Some(prefix.as_bytes())
}

/// The request URI of a target.
fn uri_of(target: &[u8]) -> &[u8] {
    target.strip_prefix(b"sip/").unwrap_or(target)
}

/// The headers that most calls don't get; what is left of them on a call is removed.
const RARE: [Name; 3] = [Name::OsipVisited, Name::OsipSignature, Name::OsipCluster];

/// Writes the headers that describe the call to the next node.
fn write_headers<'m, P: Parameters<'m>>(
    decision: &mut Decision<'_, 'm, P>,
    target: Target<'m>,
    visited: Option<Visited<'m>>,
    extras: Option<&Extras<'m>>,
    uri: &Value<'m>,
) {
    let (billid, username) = (
        decision.filled(Name::Billid),
        decision.filled(Name::Username),
    );
    if decision.message.has_any(NameSet::of(&RARE)) {
        for name in RARE {
            decision.clear(name);
        }
    }
    decision.set(Name::OsipCallto, target.resource);
    match billid {
        Some(billid) => decision.set(Name::OsipBillid, billid),
        None => decision.clear(Name::OsipBillid),
    }
    decision.set(Name::OsipNodename, decision.node);
    match username {
        Some(username) => decision.set(Name::OsipUsername, username),
        None => decision.clear(Name::OsipUsername),
    }
    let list = visited.map(|visited| write_visited(decision, visited));
    if decision.settings.keys.are_set() {
        return sign_headers(decision, target, list.as_ref(), extras, uri);
    }
    if let Some(extras) = extras {
        let extension = extras.text();
        decision.set_made(Name::OsipCluster, |text| text.extend_from_slice(&extension));
    }
}

/// Writes the headers that prove that the others are this node's: the signature, and the extension with its own.
#[inline(never)]
fn sign_headers<'m, P: Parameters<'m>>(
    decision: &mut Decision<'_, 'm, P>,
    Target { node, resource }: Target<'m>,
    visited: Option<&Value<'m>>,
    extras: Option<&Extras<'m>>,
    uri: &Value<'m>,
) {
    let keys = &decision.settings.keys;
    let (billid, username) = (
        decision.filled(Name::Billid),
        decision.filled(Name::Username),
    );
    let uri = uri_of(decision.verdict.resolve(uri));
    let is_plain = extras.is_none() && has_bare_user(&decision.settings.prefix, uri);
    let signer = if is_plain {
        Signer::Plain
    } else {
        Signer::Extended
    };
    let mut signature = Text::new();
    let call = Signed {
        origin: decision.node,
        target: node,
        callto: resource,
        billid: billid.unwrap_or_default(),
        username: username.unwrap_or_default(),
        visited: visited.map_or(b"", |list| decision.verdict.resolve(list)),
    };
    keys.sign(
        &call,
        signer,
        decision.now.seconds(),
        decision.nonce(),
        &mut signature,
    );
    let extension = (!is_plain).then(|| {
        let none = Extras::default();
        let extras = extras.unwrap_or(&none);
        let mut extension = extras.text();
        let extended = Extended {
            called: &user(uri).unwrap_or_default(),
            extension: &extension.clone(),
            headers: &extras.headers,
        };
        extension.extend_from_slice(b";mac=");
        keys.sign_extended(&call, &extended, &signature, &mut extension);
        extension
    });
    decision.set_made(Name::OsipSignature, |text| {
        text.extend_from_slice(&signature);
    });
    if let Some(extension) = extension {
        decision.set_made(Name::OsipCluster, |text| text.extend_from_slice(&extension));
    }
}

/// Writes the list of the nodes that the call has been on, and gives it.
#[inline(never)]
fn write_visited<'m, P: Parameters<'m>>(
    decision: &mut Decision<'_, 'm, P>,
    visited: Visited<'m>,
) -> Value<'m> {
    let mark = asked_here(decision);
    let list = decision.verdict.make(|text| visited.write(mark, text));
    decision.verdict.set_value(Name::OsipVisited, list.clone());
    list
}

/// The extension of a call, which nodes with version 1.0 don't know; `None` where it needs none.
///
/// The phone gets no headers that a route has made for an instant message, on one server neither.
#[inline]
fn extras<'m, P: Parameters<'m>>(
    decision: &mut Decision<'_, 'm, P>,
    target: Target<'m>,
    is_plain: bool,
    has_headers: bool,
) -> Option<Box<Extras<'m>>> {
    let survives = is_plain || NormalizedHeader::is_unchanged(target.resource);
    if survives
        && !decision
            .message
            .has_any(NameSet::of(&[Name::Calledname, Name::OsipOther]))
    {
        return None;
    }
    let extras = Extras {
        callto: (!survives).then_some(target.resource),
        ..Extras::default()
    };
    complete_extras(decision, target.node, has_headers, extras)
}

/// Adds the headers for the phone to an extension; `None` where it is needed for nothing then.
#[inline(never)]
fn complete_extras<'m, P: Parameters<'m>>(
    decision: &mut Decision<'_, 'm, P>,
    node: &'m [u8],
    has_headers: bool,
    mut extras: Extras<'m>,
) -> Option<Box<Extras<'m>>> {
    let is_call = decision.kind == Kind::Execute;
    if let Some(calledname) = decision.filled(Name::Calledname).filter(|_| is_call) {
        extras.take_calledname(calledname);
        if extras.calledname.is_none() {
            // The engine would write it into the header `To`.
            decision.clear(Name::Calledname);
        }
    }
    if has_headers {
        extras.take_headers(decision.message, is_call);
    }
    for param in &extras.forbidden {
        decision.verdict.edit_other(Value::Given(param), None);
    }
    if extras.left_out > 0 {
        decision.report(Event::HeadersLeftOut {
            node,
            name: extras.first_left_out,
            count: extras.left_out,
        });
    }
    (!extras.is_empty()).then(|| Box::new(extras))
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

/// The part of a call that has a control character.
#[cold]
#[inline(never)]
fn malformed_part<'m, P: Parameters<'m>>(
    decision: &Decision<'_, 'm, P>,
    resource: &[u8],
    uri: &Value<'m>,
) -> Option<&'static str> {
    let parts = [
        ("the target", Some(resource)),
        ("the node's URI", Some(decision.verdict.resolve(uri))),
        ("the billid", decision.get(Name::Billid)),
        ("the username", decision.get(Name::Username)),
    ];
    let mut parts = parts.into_iter();
    let part = parts.find(|(_, text)| text.is_some_and(has_control));
    part.map(|(part, _)| part)
}

/// Fails a call of which a part can't be sent to another node.
#[cold]
fn reject_malformed<'m, P: Parameters<'m>>(
    decision: &mut Decision<'_, 'm, P>,
    Target { node, resource }: Target<'m>,
    part: &'static str,
) {
    decision.report(Event::Malformed {
        node,
        resource,
        part,
    });
    let reason = format!("{part} has a control character");
    decision.fail(Rejection::INVALID, &reason);
}

/// Ends a call that goes no further from node to node.
#[cold]
fn reject_loop<'m, P: Parameters<'m>>(
    decision: &mut Decision<'_, 'm, P>,
    Target { node, resource }: Target<'m>,
    why: Loop,
) {
    let hops = Visited::of(decision.message).hops();
    decision.report(Event::Looping {
        subject: decision.subject(),
        why,
        node,
        called: resource,
        // The one that is too many is the one to that node.
        hops: hops + usize::from(matches!(why, Loop::Hops { .. })),
    });
    let node = Escaped(node);
    let reason = match why {
        Loop::SameAgain => format!("node '{node}' was asked for the same before"),
        Loop::Hops { .. } => format!("too many hops on the way to node '{node}'"),
        Loop::Branches => format!("too many branches on the way to node '{node}'"),
        Loop::OwnTarget => format!("the callto of node '{node}' leads back to the cluster"),
    };
    decision.fail(Rejection::LOOPING, &reason);
}

/// Ends a call that was on too many nodes.
#[cold]
fn reject_hops<'m, P: Parameters<'m>>(decision: &mut Decision<'_, 'm, P>, target: Target<'m>) {
    let most = decision.settings.hops;
    reject_loop(decision, target, Loop::Hops { most });
}

/// Ends a message whose copy would come straight back here, and so would the copy of that.
#[cold]
fn reject_own_target<'m, P: Parameters<'m>>(
    decision: &mut Decision<'_, 'm, P>,
    target: Target<'m>,
) {
    reject_loop(decision, target, Loop::OwnTarget);
}

/// Fails a call whose template comes out empty.
#[cold]
fn reject_untargeted<'m, P: Parameters<'m>>(decision: &mut Decision<'_, 'm, P>, node: &'m [u8]) {
    decision.report(Event::NoTarget { node });
    let reason = format!("no target for cluster node '{}'", Escaped(node));
    decision.fail(Rejection::NO_ROUTE, &reason);
}

/// Fails a call to a node that can't be reached here and now, so that a fork or a fallback takes another way.
#[cold]
fn reject_unreachable<'m, P: Parameters<'m>>(
    decision: &mut Decision<'_, 'm, P>,
    Target { node, resource }: Target<'m>,
    why: Unreachable,
) {
    decision.report(Event::Offline {
        subject: decision.subject(),
        node,
        resource,
        why,
    });
    let reason = format!("cluster node '{}' is {why}", Escaped(node));
    decision.fail(Rejection::OFFLINE, &reason);
}
