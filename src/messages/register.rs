// SPDX-License-Identifier: GPL-2.0-or-later

//! `user.register`: the location that is stored for a user gets the node that they registered with in front.
//! That node remembers the connection by which the location is reached.

use super::transport;
use crate::connections::{NotRemembered, Registration};
use crate::decision::Decision;
use crate::event::Event;
use crate::messages::{Name, Parameters};
use crate::operator::counters::Counter;
use crate::verdict::Action;

/// Decides a registration.
pub(crate) fn decide<'m, P: Parameters<'m>>(decision: &mut Decision<'_, 'm, P>) {
    if let Some(location) = add_prefix(decision) {
        decision.count(Counter::Registered);
        if let Some(connection) = decision.filled(Name::ConnectionId) {
            remember(decision, location, connection);
        }
    }
}

/// Remembers the connection of a registration.
#[inline(never)]
fn remember<'m, P: Parameters<'m>>(
    decision: &mut Decision<'_, 'm, P>,
    location: &'m [u8],
    connection: &'m [u8],
) {
    let expires = decision.filled(Name::Expires);
    let expires = expires.and_then(|text| std::str::from_utf8(text).ok()?.parse().ok());
    // A registration without a time lasts until it is taken back.
    let expires = expires.unwrap_or(u64::MAX);
    let registration = Registration {
        location,
        user: decision.filled(Name::Username).unwrap_or_default(),
        connection,
        is_own: transport::came_over_connection(decision.message),
    };
    let most = decision.settings.registrations;
    let connections = &decision.shared.connections;
    if let Err(why) = connections.remember(registration, expires, most) {
        decision.report(match why {
            NotRemembered::Full => Event::ConnectionsFull { location, most },
            NotRemembered::Malformed => Event::ConnectionMalformed { location },
        });
    }
}

/// Puts the prefix and this node in front of a location, and gives it as it was; `None` where there is no location,
/// or one that has a prefix already.
pub(super) fn add_prefix<'m, P: Parameters<'m>>(
    decision: &mut Decision<'_, 'm, P>,
) -> Option<&'m [u8]> {
    let settings = decision.settings;
    let location = decision
        .filled(Name::Data)
        .filter(|location| settings.prefix.strip(location).is_none())?;
    decision.verdict.action = Action::Change;
    decision.set_made(Name::Data, |text| {
        text.extend_from_slice(&settings.location_prefix);
        text.extend_from_slice(location);
    });
    Some(location)
}
