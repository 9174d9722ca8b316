// SPDX-License-Identifier: GPL-2.0-or-later

//! Whether one message's cluster headers count, by its sender's address and its signature.

use crate::addressing::uri::behind_prefix;
use crate::auth::nonces::{Channel, NonceError};
use crate::auth::signature::normalized::NormalizedHeader;
use crate::auth::signature::{Extended, Signed};
use crate::auth::trust::AuthError;
use crate::decision::Context;
use crate::failure::unpoisoned;
use crate::messages::extension::Extension;
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
    let call = signed(context, message);
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

/// What is signed of a message that came.
fn signed<'m>(context: &Context<'_, 'm>, message: &impl Parameters<'m>) -> Signed<'m> {
    let header = |name| message.get(name).unwrap_or_default();
    Signed {
        origin: header(Name::SipNodename),
        target: context.node,
        callto: header(Name::SipCallto),
        billid: header(Name::SipBillid),
        username: header(Name::SipUsername),
        visited: header(Name::SipVisited),
    }
}

/// Whether what a message carries besides is what its sender has signed. `message` knows all parameters.
pub(crate) fn authenticate_extension<'m>(
    context: &Context<'_, 'm>,
    message: &impl Parameters<'m>,
    extension: &Extension<'m>,
    headers: &[(&'m [u8], &'m [u8])],
) -> Result<(), AuthError> {
    let settings = context.settings;
    let callto = message.get(Name::SipCallto).unwrap_or_default();
    let is_same = extension
        .callto()
        .is_none_or(|copy| NormalizedHeader::are_alike(&copy, callto));
    let is_signed = || {
        let uri = message.other(b"sip_uri").unwrap_or_default();
        let extended = Extended {
            called: &behind_prefix(&settings.prefix, uri),
            extension: extension.text,
            headers,
        };
        let signature = message.get(Name::SipSignature).unwrap_or_default();
        let call = signed(context, message);
        settings
            .keys
            .verify_extended(&call, &extended, signature, extension.mac)
    };
    if is_same && (!settings.keys.are_set() || is_signed()) {
        Ok(())
    } else {
        Err(AuthError::Forged)
    }
}
