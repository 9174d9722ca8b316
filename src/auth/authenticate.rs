// SPDX-License-Identifier: GPL-2.0-or-later

//! Decides whether one message's cluster headers are trusted, by its sender's address and its signature.

use crate::addressing::uri::behind_prefix;
use crate::auth::nonce_cache::Channel;
use crate::auth::signature::normalized::NormalizedHeader;
use crate::auth::signature::{Extended, Signed};
use crate::auth::trust::AuthError;
use crate::decision::Decision;
use crate::failure::unpoisoned;
use crate::messages::extension::Extension;
use crate::messages::{CLUSTER_HEADERS, Name, NameSet, Parameters};
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
    /// The nonce is consumed: the next message with it is a replay, unless it's of the same channel.
    Consume,
    /// The nonce is only looked at, because the same call will be authenticated again.
    Peek,
}

/// Decides whether a message's cluster headers are trusted.
///
/// # Errors
///
/// Gives the reason why they are not.
pub(crate) fn authenticate<'m, P: Parameters<'m>>(
    decision: &Decision<'_, 'm, P>,
    nonce_use: NonceUse,
) -> Result<(), AuthError> {
    let settings = decision.settings;
    let message = decision.message;
    let by_address = !settings.trust.is_unset() || !settings.keys.are_set();
    if by_address && !settings.trust.trusts(sender(message)) {
        return Err(AuthError::Address);
    }
    if message.has_repeated(NameSet::of(&CLUSTER_HEADERS)) {
        return Err(AuthError::Repeated);
    }
    if CLUSTER_HEADERS
        .iter()
        .any(|&header| message.get(header).is_some_and(has_control))
    {
        return Err(AuthError::Malformed);
    }
    if !settings.keys.are_set() {
        return Ok(());
    }
    let call = signed(decision);
    let signature = message
        .filled(Name::SipSignature)
        .ok_or(AuthError::Unsigned)?;
    let verified = settings
        .keys
        .verify(&call, signature)
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
            nonces.consume(verified, now, window, channel)?;
        }
        NonceUse::Peek => nonces.peek(verified)?,
    }
    Ok(())
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

/// Checks that the extension of a message is the one that its sender has signed. The message knows all
/// parameters.
///
/// # Errors
///
/// Fails where it is forged, names another target, or has a control character.
#[cold]
#[inline(never)]
pub(crate) fn authenticate_extension<'m, P: Parameters<'m>>(
    decision: &Decision<'_, 'm, P>,
    extension: &Extension<'m>,
    headers: &[(&'m [u8], &'m [u8])],
) -> Result<(), AuthError> {
    let settings = decision.settings;
    let is_malformed = extension
        .calledname()
        .is_some_and(|name| has_control(&name))
        || headers.iter().any(|(_, value)| has_control(value));
    if is_malformed {
        return Err(AuthError::Malformed);
    }
    let callto = decision.get(Name::SipCallto).unwrap_or_default();
    let is_same = extension
        .callto()
        .is_none_or(|copy| NormalizedHeader::are_alike(&copy, callto));
    let is_signed = || {
        let uri = decision.message.other(b"sip_uri").unwrap_or_default();
        let extended = Extended {
            called: &behind_prefix(&settings.prefix, uri),
            extension: extension.text,
            headers,
        };
        let signature = decision.get(Name::SipSignature).unwrap_or_default();
        settings
            .keys
            .verify_extended(&signed(decision), &extended, signature, extension.mac)
    };
    if settings.keys.are_set() && !is_signed() {
        Err(AuthError::Forged)
    } else if is_same {
        Ok(())
    } else {
        Err(AuthError::Contradiction)
    }
}
