// SPDX-License-Identifier: GPL-2.0-or-later

//! Whether one message's cluster headers count, by its sender's address and its signature.

use crate::auth::nonces::{Channel, NonceError};
use crate::auth::signature::Signed;
use crate::auth::trust::AuthError;
use crate::decision::Context;
use crate::failure::unpoisoned;
use crate::messages::{CLUSTER_HEADERS, Name, Parameters};

/// The address that a message came from.
pub(crate) fn sender<'m>(message: &impl Parameters<'m>) -> Option<&'m [u8]> {
    message
        .filled(Name::IpHostReceived)
        .or_else(|| message.filled(Name::IpHost))
}

/// What becomes of the signature's nonce.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum NonceUse {
    /// It is used: the next one with it is a replay, unless it's of the same channel.
    Consume,
    /// It is only looked at, because the same call will be authenticated again.
    Peek,
}

/// Whether a message's cluster headers count.
///
/// # Errors
///
/// Says why not.
pub(crate) fn authenticate<'m>(
    context: &Context<'_, 'm>,
    message: &impl Parameters<'m>,
    nonce_use: NonceUse,
) -> Result<(), AuthError> {
    let settings = context.settings;
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
        target: context.node,
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
    let (now, window) = (context.seconds(), settings.window);
    let seconds = now.abs_diff(verified.seconds);
    if seconds > window {
        return Err(AuthError::Skewed { seconds, window });
    }
    let mut nonces = unpoisoned(context.nonces.lock());
    let taken = match nonce_use {
        NonceUse::Consume => nonces.take(
            verified,
            now,
            window,
            message.filled(Name::Id).map(Channel::of),
        ),
        NonceUse::Peek => nonces.check(verified),
    };
    taken.map_err(|refusal| match refusal {
        NonceError::Replayed => AuthError::Replayed,
        NonceError::Forgotten => AuthError::Forgotten,
        NonceError::Full => AuthError::Full,
    })
}
