// SPDX-License-Identifier: GPL-2.0-or-later

//! `user.register`: the location that is stored for a user gets the node that they registered with in front.

use crate::decision::Decision;
use crate::messages::{Name, Parameters};
use crate::operator::counters::Counter;
use crate::verdict::Action;

/// Decides a registration.
pub(crate) fn decide<'m, P: Parameters<'m>>(decision: &mut Decision<'_, 'm, P>) {
    if add_prefix(decision) {
        decision.count(Counter::Registered);
    }
}

/// Puts the prefix and this node in front of a location; `false` where there is no location, or one that has a
/// prefix already.
pub(super) fn add_prefix<'m, P: Parameters<'m>>(decision: &mut Decision<'_, 'm, P>) -> bool {
    let settings = decision.settings;
    let location = decision
        .filled(Name::Data)
        .filter(|location| settings.prefix.strip(location).is_none());
    let Some(location) = location else {
        return false;
    };
    decision.verdict.action = Action::Change;
    decision.set_made(Name::Data, |text| {
        text.extend_from_slice(&settings.location_prefix);
        text.extend_from_slice(location);
    });
    true
}
