// SPDX-License-Identifier: GPL-2.0-or-later

//! Whether one message's cluster headers count, by its sender's address and its signature.

use crate::context::Context;
use crate::failure::unpoisoned;
use crate::message::{CLUSTER_HEADERS, Name, Parameters};
use crate::replay::{Channel, Refusal};
use crate::signature::Signed;
use crate::trust::Distrust;

/// The address that a message came from.
pub(crate) fn sender<'m>(message: &impl Parameters<'m>) -> Option<&'m [u8]> {
    message
        .filled(Name::IpHostReceived)
        .or_else(|| message.filled(Name::IpHost))
}

/// What becomes of the signature's nonce.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Once {
    /// It is used: the next one with it is a replay, unless it's of the same channel.
    Use,
    /// It is only looked at, because the same call will be judged again.
    Look,
}

/// Whether a message's cluster headers count.
///
/// # Errors
///
/// Says why not.
pub(crate) fn judge<'m>(
    context: &Context<'_, 'm>,
    message: &impl Parameters<'m>,
    once: Once,
) -> Result<(), Distrust> {
    let settings = context.settings;
    let by_address = !settings.trust.is_unset() || !settings.keys.are_set();
    if by_address && !settings.trust.trusts(sender(message)) {
        return Err(Distrust::Address);
    }
    if CLUSTER_HEADERS
        .iter()
        .any(|&name| message.is_repeated(name))
    {
        return Err(Distrust::Repeated);
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
        .ok_or(Distrust::Unsigned)?;
    let verified = settings
        .keys
        .verify(&call, signature)
        .ok_or(Distrust::Forged)?;
    let (now, window) = (context.seconds(), settings.window);
    let seconds = now.abs_diff(verified.seconds);
    if seconds > window {
        return Err(Distrust::Skewed { seconds, window });
    }
    let mut seen = unpoisoned(context.seen.lock());
    let taken = match once {
        Once::Use => seen.take(
            verified,
            now,
            window,
            message.filled(Name::Id).map(Channel::of),
        ),
        Once::Look => seen.check(verified),
    };
    taken.map_err(|refusal| match refusal {
        Refusal::Replayed => Distrust::Replayed,
        Refusal::Forgotten => Distrust::Forgotten,
        Refusal::Full => Distrust::Full,
    })
}
