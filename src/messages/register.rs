// SPDX-License-Identifier: GPL-2.0-or-later

//! `user.register`: the location that is stored for a user says which node he is registered with.
//! `user.unregister`: so does the location that is to be forgotten, and whoever stores it learns the
//! node, too, so that he can leave alone what another node has stored since.

use crate::decision::Context;
use crate::messages::{Kind, Name, Parameters};
use crate::operator::counters::Counter;
use crate::verdict::{Action, Verdict};

/// Decides a registration, or the end of one.
pub(crate) fn decide<'m>(
    context: &Context<'_, 'm>,
    message: &impl Parameters<'m>,
    verdict: &mut Verdict<'m>,
) {
    let settings = context.settings;
    if context.kind == Kind::Unregister {
        context.count(Counter::Unregistered);
        verdict.action = Action::Change;
        verdict.set(Name::Nodename, context.node);
    }
    let location = message
        .filled(Name::Data)
        .filter(|location| settings.prefix.strip(location).is_none());
    let Some(location) = location else { return };
    if context.kind == Kind::Register {
        context.count(Counter::Registered);
    }
    verdict.action = Action::Change;
    verdict.set_made(Name::Data, |text| {
        text.extend_from_slice(&settings.location_prefix);
        text.extend_from_slice(location);
    });
}
