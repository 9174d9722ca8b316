// SPDX-License-Identifier: GPL-2.0-or-later

//! Decides whether one message's cluster headers are trusted, by its sender's address and its signature.

use std::borrow::Cow;
use std::sync::atomic::Ordering::Relaxed;

use crate::addressing::uri::user;
use crate::auth::derived::authenticate_sender;
use crate::auth::nonce_cache::Channel;
use crate::auth::signature::normalized::NormalizedHeader;
use crate::auth::signature::{Extended, Signed, Signer};
use crate::auth::trust::AuthError;
use crate::decision::Decision;
use crate::failure::unpoisoned;
use crate::messages::extension::ReceivedExtension;
use crate::messages::{CLUSTER_HEADERS, Name, NameSet, Parameters};
use crate::nodes::Node;
use crate::settings::Signatures;
use crate::text::has_control;

/// The address that a message came from.
pub(crate) fn sender<'m>(message: &impl Parameters<'m>) -> Option<&'m [u8]> {
    message
        .filled(Name::IpHostReceived)
        .or_else(|| message.filled(Name::IpHost))
}

/// The use that is made of a signature's nonce.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum NonceUse {
    /// The nonce is consumed: the next message with it is a replay, unless it's of the same channel, or of a
    /// branch of that.
    Consume,
    /// The nonce is only looked at, because the same call will be authenticated again.
    Peek,
}

/// Decides whether a message's cluster headers are trusted. Gives what else its sender has signed.
///
/// # Errors
///
/// Gives the reason why they are not.
pub(crate) fn authenticate<'m, P: Parameters<'m>>(
    decision: &Decision<'_, 'm, P>,
    nonce_use: NonceUse,
) -> Result<Signer, AuthError> {
    let settings = decision.settings;
    let message = decision.message;
    let by_address = !settings.trust.is_unset() || !settings.keys.are_set();
    if by_address && !settings.trust.trusts(sender(message)) && !needs_no_address(decision) {
        authenticate_sender(decision)?;
    }
    if message.has_repeated(NameSet::of(&CLUSTER_HEADERS)) {
        return Err(AuthError::Repeated);
    }
    // The text of all but the signature goes elsewhere.
    if CLUSTER_HEADERS
        .iter()
        .filter(|header| **header != Name::SipSignature)
        .any(|&header| message.get(header).is_some_and(has_control))
    {
        return Err(AuthError::Malformed);
    }
    if settings.keys.are_set() {
        authenticate_signature(decision, nonce_use)
    } else {
        Ok(Signer::Released)
    }
}

/// Checks the signature of a message.
#[inline(never)]
fn authenticate_signature<'m, P: Parameters<'m>>(
    decision: &Decision<'_, 'm, P>,
    nonce_use: NonceUse,
) -> Result<Signer, AuthError> {
    let settings = decision.settings;
    let message = decision.message;
    let call = signed(decision);
    let signature = message
        .filled(Name::SipSignature)
        .ok_or(AuthError::Unsigned)?;
    let verified = settings
        .keys
        .verify(&call, signature)
        .or_else(|| for_taken(decision, |call| settings.keys.verify(call, signature)))
        .ok_or(AuthError::Forged)?;
    let (now, window) = (decision.now.seconds(), settings.window);
    let seconds = now.abs_diff(verified.seconds);
    if seconds > window {
        return Err(AuthError::Skewed { seconds, window });
    }
    let mut nonces = unpoisoned(decision.shared.nonces.lock());
    match nonce_use {
        NonceUse::Consume => {
            let channel = message.filled(Name::Id).map(Channel::of);
            // A branch of a fork has an id of its own, and all headers of the call.
            let forked = message.filled(Name::ForkOrigid).map(Channel::of);
            nonces.consume(verified, now, window, forked.or(channel))?;
            if let (Some(_), Some(branch)) = (forked, channel) {
                // It may be forked itself.
                nonces.add_branch(verified, branch);
            }
        }
        NonceUse::Peek => nonces.peek(verified)?,
    }
    Ok(verified.signer)
}

/// Whether a signature is enough for the node that a message says it's from: see
/// [`Settings::needs_no_address`](crate::settings::Settings::needs_no_address).
#[cold]
fn needs_no_address<'m, P: Parameters<'m>>(decision: &Decision<'_, 'm, P>) -> bool {
    let origin = decision.get(Name::SipNodename).unwrap_or_default();
    decision.settings.needs_no_address(origin)
}

/// The signed parts of a message that came.
fn signed<'m, P: Parameters<'m>>(decision: &Decision<'_, 'm, P>) -> Signed<'m> {
    let header = |name| decision.get(name).unwrap_or_default();
    Signed {
        origin: header(Name::SipNodename),
        target: decision.node,
        callto: header(Name::SipCallto),
        billid: header(Name::SipBillid),
        username: header(Name::SipUsername),
        visited: header(Name::SipVisited),
    }
}

/// Looks at the signed parts of a message as if this were one node after the other that it has taken over; gives what is found.
#[cold]
#[inline(never)]
fn for_taken<'m, P: Parameters<'m>, T>(
    decision: &Decision<'_, 'm, P>,
    look: impl Fn(&Signed) -> Option<T>,
) -> Option<T> {
    let mut taken = taken(decision);
    taken.find_map(|node| {
        let call = signed(decision);
        look(&Signed {
            target: &node.name,
            ..call
        })
    })
}

/// The nodes that this one has taken over.
fn taken<'d, 'm, P: Parameters<'m>>(
    decision: &Decision<'d, 'm, P>,
) -> impl Iterator<Item = &'d Node> {
    let has_taken = decision.shared.has_taken.load(Relaxed);
    let nodes = decision.settings.nodes.iter();
    nodes.filter(move |node| has_taken && node.state.is_taken())
}

/// Whether a message is trusted in spite of the mistake in its signature: the cluster's secret is not required
/// yet, or no more, and the address of its sender is trusted, which was found out before.
#[cold]
pub(crate) fn tolerates<'m, P: Parameters<'m>>(
    decision: &Decision<'_, 'm, P>,
    cause: AuthError,
) -> bool {
    let settings = decision.settings;
    cause.is_of_signature()
        && settings.keys.are_set()
        && settings.signatures == Signatures::Optional
        && !settings.trust.is_unset()
        && !needs_no_address(decision)
}

/// Checks that the request URI and the extension of an authenticated message are those that its sender has
/// signed, and that there is one target only. `is_bare` says that nothing but the prefix was called, so that the
/// headers alone decide where the call goes. The message knows all parameters if it has an extension, or isn't
/// bare.
///
/// # Errors
///
/// Fails where they were changed, or there are two targets.
#[inline(never)]
pub(crate) fn authenticate_rest<'m, P: Parameters<'m>>(
    decision: &Decision<'_, 'm, P>,
    received: Option<&ReceivedExtension<'m>>,
    signer: Signer,
    is_bare: bool,
) -> Result<(), AuthError> {
    let settings = decision.settings;
    let is_signed = match received {
        _ if !settings.keys.are_set() => true,
        None if signer == Signer::Extended => false,
        None => is_bare || may_call(decision, signer),
        Some(ReceivedExtension { extension, headers }) => {
            let extended = Extended {
                called: &called_user(decision),
                extension: extension.text,
                headers,
            };
            let call = signed(decision);
            let signature = decision.get(Name::SipSignature).unwrap_or_default();
            let verify = |call: &Signed| {
                let keys = &settings.keys;
                keys.verify_extended(call, &extended, signature, extension.mac)
            };
            verify(&call) || for_taken(decision, |call| verify(call).then_some(())).is_some()
        }
    };
    if !is_signed {
        return Err(AuthError::Altered);
    }
    received.map_or(Ok(()), |received| check_extension(decision, received))
}

/// Checks that an extension has no control character, and that the target of its message and the copy of that are
/// one.
///
/// # Errors
///
/// Fails where it has one, or they differ.
#[cold]
pub(crate) fn check_extension<'m, P: Parameters<'m>>(
    decision: &Decision<'_, 'm, P>,
    received: &ReceivedExtension<'m>,
) -> Result<(), AuthError> {
    let ReceivedExtension { extension, headers } = received;
    let calledname = extension.calledname();
    if calledname.is_some_and(|name| has_control(&name))
        || headers.iter().any(|(_, value)| has_control(value))
    {
        return Err(AuthError::Malformed);
    }
    let callto = decision.get(Name::SipCallto).unwrap_or_default();
    match extension.callto() {
        Some(copy) if !NormalizedHeader::are_alike(&copy, callto) => Err(AuthError::Differing),
        _ => Ok(()),
    }
}

/// Whether a node that has signed nothing of the request URI may have written the one that came: it has the
/// prefix and no more, or it is of a node with version 1.0 and such as `callto` makes for this node.
#[cold]
fn may_call<'m, P: Parameters<'m>>(decision: &Decision<'_, 'm, P>, signer: Signer) -> bool {
    let settings = decision.settings;
    let called = called_user(decision);
    let is_fixed = |fixed: &[u8]| *fixed == *called;
    is_fixed(settings.prefix.as_bytes())
        || signer == Signer::Released
            && (settings.fixed_user.as_deref().is_none_or(is_fixed)
                || taken(decision).any(|node| node.target_user().as_deref().is_none_or(is_fixed)))
}

/// The user of the request URI that a message came with, even if another module has changed the called number
/// meanwhile. The message knows all parameters.
fn called_user<'m, P: Parameters<'m>>(decision: &Decision<'_, 'm, P>) -> Cow<'m, [u8]> {
    let uri = decision.message.other(b"sip_uri").unwrap_or_default();
    user(uri).unwrap_or_default()
}
