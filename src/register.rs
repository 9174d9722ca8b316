// SPDX-License-Identifier: GPL-2.0-or-later

//! `user.register`: the location that is stored for a user says which node he is registered with.

use crate::context::Context;
use crate::message::{Name, Parameters};
use crate::stats::Counter;
use crate::verdict::{Action, Verdict};

/// Decides a registration.
pub(crate) fn decide<'m>(
    context: &Context<'_, 'm>,
    message: &impl Parameters<'m>,
    verdict: &mut Verdict<'m>,
) {
    let settings = context.settings;
    let Some(location) = message.filled(Name::Data) else {
        return;
    };
    if settings.prefix.strip(location).is_some() {
        return;
    }
    context.count(Counter::Registered);
    verdict.action = Action::Change;
    verdict.set_made(Name::Data, |text| {
        text.extend_from_slice(&settings.home);
        text.extend_from_slice(location);
    });
}
