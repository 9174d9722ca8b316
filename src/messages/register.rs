// SPDX-License-Identifier: GPL-2.0-or-later

//! `user.register`: the location that is stored for a user gets the node that they registered with in front.
//! That node remembers the connection by which the location is reached. A node that is to be left may refuse the
//! registration instead, so that the phone takes its next server.

use super::transport;
use crate::connections::{NotRemembered, Registration};
use crate::decision::Decision;
use crate::event::Event;
use crate::messages::{Name, Parameters};
use crate::nodes::admin::AdminState;
use crate::operator::counters::Counter;
use crate::settings::DrainRegister;
use crate::text::Value;
use crate::verdict::Action;

/// The seconds after which a phone that was refused, and knows no other server, asks again.
const RETRY_AFTER: &[u8] = b"60";

/// Decides a registration.
pub(crate) fn decide<'m, P: Parameters<'m>>(decision: &mut Decision<'_, 'm, P>) {
    if decision.settings.drain_register == DrainRegister::Refuse && refuse(decision) {
        return;
    }
    if let Some(location) = add_prefix(decision) {
        decision.count(Counter::Registered);
        if let Some(connection) = decision.filled(Name::ConnectionId) {
            remember(decision, location, connection);
        }
    }
}

/// Refuses a registration where this node is to be left. SIP's 503 with a time sends a phone to its next server
/// (RFC 3261, 21.5.4).
#[cold]
#[inline(never)]
fn refuse<'m, P: Parameters<'m>>(decision: &mut Decision<'_, 'm, P>) -> bool {
    let own = decision.settings.nodes.find(decision.node);
    let admin = own.map_or(AdminState::Enabled, |own| own.state.admin());
    if admin == AdminState::Enabled {
        return false;
    }
    let location = decision.get(Name::Data).unwrap_or_default();
    decision.report(Event::RegistrationRefused { location, admin });
    decision.verdict.action = Action::Refuse;
    let answer: [(&[u8], &[u8]); 3] = [
        (b"code", b"503"),
        (b"reason", b"congestion"),
        (b"osip_Retry-After", RETRY_AFTER),
    ];
    for (name, value) in answer {
        let (name, value) = (Value::Given(name), Value::Given(value));
        decision.verdict.edit_other(name, Some(value));
    }
    true
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
