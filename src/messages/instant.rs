// SPDX-License-Identifier: GPL-2.0-or-later

//! `msg.execute`: an instant message goes the way of a call.
//!
//! The SIP channel sends a message with the headers that it came with, and answers its sender with those that
//! were set for the next node. So a message for another node is sent as a copy, and one for a phone loses the
//! headers of the cluster.

use super::headers::strip_for_phone;
use super::{execute, has_cluster_headers, transport};
use crate::decision::Decision;
use crate::messages::{Name, Parameters};

/// Whether a message is the cluster's, or has headers of a cluster.
pub(crate) fn concerns<'m>(
    has_prefix: impl Fn(Option<&[u8]>) -> bool,
    message: &impl Parameters<'m>,
) -> bool {
    execute::concerns(has_prefix, message) || has_cluster_headers(message)
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
