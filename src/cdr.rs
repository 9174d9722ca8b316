// SPDX-License-Identifier: GPL-2.0-or-later

//! `call.cdr`: the record of a call says which node wrote it.

use crate::cluster::Context;
use crate::message::{Name, Parameters};
use crate::stats::Counter;
use crate::verdict::{Action, Verdict};

/// Decides a CDR, by the wanted parameters alone; what is there already stays.
pub(crate) fn decide<'m>(
    context: &Context,
    message: &impl Parameters<'m>,
    verdict: &mut Verdict<'m>,
) {
    let settings = context.settings;
    for (name, text) in [
        (Name::Nodename, &settings.node),
        (Name::Nodeprefix, &settings.home),
    ] {
        if message.get(name).is_none() {
            verdict.action = Action::Change;
            verdict.set_made(name, |made| made.extend_from_slice(text));
        }
    }
    if verdict.action == Action::Change {
        context.count(Counter::Cdrs);
    }
}
