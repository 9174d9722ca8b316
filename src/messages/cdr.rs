// SPDX-License-Identifier: GPL-2.0-or-later

//! `call.cdr`: the record of a call says which node wrote it.

use crate::decision::Context;
use crate::messages::{Name, Parameters};
use crate::operator::counters::Counter;
use crate::verdict::{Action, Verdict};

/// Decides a CDR; what is there already stays.
pub(crate) fn decide<'m>(
    context: &Context<'_, 'm>,
    message: &impl Parameters<'m>,
    verdict: &mut Verdict<'m>,
) {
    if message.get(Name::Nodename).is_none() {
        verdict.action = Action::Change;
        verdict.set(Name::Nodename, context.node);
    }
    if message.get(Name::Nodeprefix).is_none() {
        verdict.action = Action::Change;
        verdict.set_made(Name::Nodeprefix, |text| {
            text.extend_from_slice(&context.settings.location_prefix);
        });
    }
    if verdict.action == Action::Change {
        context.count(Counter::Cdrs);
    }
}
