// SPDX-License-Identifier: GPL-2.0-or-later

//! `msg.execute`: an instant message goes the way of a call.
//!
//! The SIP channel sends a message with the headers that it came with, and answers its sender with those that
//! were set for the next node. So a message for another node is sent as a copy, and one for a phone loses the
//! headers of the cluster.

use super::{execute, has_cluster_headers, transport};
use crate::decision::Decision;
use crate::messages::{CLUSTER_HEADERS, Name, Parameters};
use crate::settings::Settings;
use crate::verdict::Action;

/// Whether a message is the cluster's, or has headers of a cluster.
pub(crate) fn concerns<'m>(settings: &Settings, message: &impl Parameters<'m>) -> bool {
    execute::concerns(settings, message) || has_cluster_headers(message)
}

/// Decides an instant message.
#[inline(never)]
pub(crate) fn decide<'m, P: Parameters<'m>>(decision: &mut Decision<'_, 'm, P>, complete: bool) {
    if execute::decide_target(decision, complete) {
        return;
    }
    strip_for_phone(decision);
    // The routing of another node's message has answered with the location that it came for.
    if let Some(location) = decision.filled(Name::Callto)
        && has_cluster_headers(decision.message)
    {
        transport::to_phone(decision, location);
    }
}

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
