// SPDX-License-Identifier: GPL-2.0-or-later

//! `user.unregister`: the location that is to be forgotten gets the same prefix as when it was stored. The
//! registrar also learns the node, so that it can leave alone what another node has stored since.

use super::register;
use crate::decision::Decision;
use crate::messages::{Name, Parameters};
use crate::operator::counters::Counter;
use crate::verdict::Action;

/// Decides the end of a registration.
pub(crate) fn decide<'m, P: Parameters<'m>>(decision: &mut Decision<'_, 'm, P>) {
    decision.count(Counter::Unregistered);
    decision.verdict.action = Action::Change;
    decision.set(Name::Nodename, decision.node);
    register::add_prefix(decision);
}
