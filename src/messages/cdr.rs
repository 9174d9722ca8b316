// SPDX-License-Identifier: GPL-2.0-or-later

//! `call.cdr`: the record of a call names the node that wrote it.

use crate::decision::Decision;
use crate::messages::{Name, Parameters};
use crate::operator::counters::Counter;
use crate::verdict::Action;

/// Decides a CDR; a value that is there already stays.
pub(crate) fn decide<'m, P: Parameters<'m>>(decision: &mut Decision<'_, 'm, P>) {
    if decision.get(Name::Nodename).is_none() {
        decision.verdict.action = Action::Change;
        decision.set(Name::Nodename, decision.node);
    }
    if decision.get(Name::Nodeprefix).is_none() {
        let settings = decision.settings;
        decision.verdict.action = Action::Change;
        decision.set_made(Name::Nodeprefix, |text| {
            text.extend_from_slice(&settings.location_prefix);
        });
    }
    if decision.verdict.action == Action::Change {
        decision.count(Counter::Cdrs);
    }
}
