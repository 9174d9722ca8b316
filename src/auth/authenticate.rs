// SPDX-License-Identifier: GPL-2.0-or-later

//! Decides whether one message's cluster headers are trusted, by its sender's address and its signature.

use crate::auth::nonce_cache::Channel;
use crate::auth::signature::Signed;
use crate::auth::trust::AuthError;
use crate::decision::Decision;
use crate::failure::unpoisoned;
use crate::messages::{CLUSTER_HEADERS, Name, Parameters};

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

/// Checks that a message's cluster headers are to be trusted.
///
/// # Errors
///
/// Says why they are not.
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
    if CLUSTER_HEADERS
        .iter()
        .any(|&name| message.is_repeated(name))
    {
        return Err(AuthError::Repeated);
    }
    if !settings.keys.are_set() {
        return Ok(());
    }
    let header = |name| message.get(name).unwrap_or_default();
    let call = Signed {
        origin: header(Name::SipNodename),
        target: decision.node,
        callto: header(Name::SipCallto),
        billid: header(Name::SipBillid),
        username: header(Name::SipUsername),
        visited: header(Name::SipVisited),
    };
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
