// SPDX-License-Identifier: GPL-2.0-or-later

//! The cluster headers of an instant message, which the SIP channel would copy to whoever gets the message.

use super::has_cluster_headers;
use crate::decision::Decision;
use crate::messages::{CLUSTER_HEADERS, Name, Parameters};
use crate::verdict::Action;

/// Removes the cluster headers of a message that goes on to a phone.
pub(super) fn strip_for_phone<'m, P: Parameters<'m>>(decision: &mut Decision<'_, 'm, P>) {
    if has_cluster_headers(decision.message) {
        decision.verdict.action = Action::Change;
        drop_cluster_headers(decision);
    }
}

/// Has a message sent without the headers that it came with, which the channel would copy, but from the same
/// sender.
pub(super) fn drop_cluster_headers<'m, P: Parameters<'m>>(decision: &mut Decision<'_, 'm, P>) {
    decision.set(Name::OsipPrefix, b"osip_");
    for name in CLUSTER_HEADERS {
        decision.clear(name);
    }
    if let (Some(caller), None) = (decision.filled(Name::Caller), decision.filled(Name::User)) {
        decision.set(Name::User, caller);
    }
}
