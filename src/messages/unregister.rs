// SPDX-License-Identifier: GPL-2.0-or-later

//! `user.unregister`: the location that is to be forgotten gets the same prefix as when it was stored. The
//! registrar also learns the node, so that it can leave alone a location that another node has stored since.
//! This node forgets the connection of the location, or all locations of a connection that broke.

use super::register;
use crate::decision::Decision;
use crate::messages::{Name, Parameters};
use crate::operator::counters::Counter;
use crate::verdict::Action;

/// Decides the end of a registration.
#[inline(never)]
pub(crate) fn decide<'m, P: Parameters<'m>>(decision: &mut Decision<'_, 'm, P>) {
    decision.count(Counter::Unregistered);
    decision.verdict.action = Action::Change;
    decision.set(Name::Nodename, decision.node);
    let connections = &decision.shared.connections;
    if decision.filled(Name::Data).is_none() {
        // An IAX user names no connection either, and is forgotten at the end of the time of the
        // registration.
        if let Some(connection) = decision.filled(Name::InConnectionId) {
            connections.forget_connection(connection);
        }
    } else if let Some(location) = register::add_prefix(decision) {
        let user = decision.filled(Name::Username).unwrap_or_default();
        connections.forget(location, user);
    }
}
