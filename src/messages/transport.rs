// SPDX-License-Identifier: GPL-2.0-or-later

//! The way that a call or an instant message leaves this node by: a phone's connection, or the transport to
//! another node.
//!
//! The SIP channel sends a call by `oconnection_id` and `oip_transport`. It sends an instant message by
//! `connection_id` and `ip_transport`. These name the way that the message came by, as long as nobody changes
//! them.

use crate::decision::Decision;
use crate::messages::{Kind, Name, NameSet, Parameters};
use crate::text::Value;
use crate::verdict::Action;

/// The transport of a call or a message.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Transport {
    /// Datagrams: the engine's choice where none is named.
    #[default]
    Udp,
    /// A connection.
    Tcp,
    /// An encrypted connection.
    Tls,
}

impl Transport {
    /// Reads a setting's value.
    ///
    /// # Errors
    ///
    /// Fails when it is none of the three words.
    pub(crate) fn parse(text: &[u8]) -> Result<Self, &'static str> {
        match text {
            b"" | b"udp" => Ok(Self::Udp),
            b"tcp" => Ok(Self::Tcp),
            b"tls" => Ok(Self::Tls),
            _ => Err("neither udp, nor tcp, nor tls"),
        }
    }

    /// The engine's word for it; `None` where none need be given.
    pub(crate) const fn word(self) -> Option<&'static [u8]> {
        match self {
            Self::Udp => None,
            Self::Tcp => Some(b"TCP"),
            Self::Tls => Some(b"TLS"),
        }
    }

    /// The word that a setting has for it.
    #[must_use]
    pub const fn text(self) -> &'static str {
        match self {
            Self::Udp => "udp",
            Self::Tcp => "tcp",
            Self::Tls => "tls",
        }
    }
}

/// Whether a message came over a connection of the sender's own.
pub(super) fn came_over_connection<'m>(message: &impl Parameters<'m>) -> bool {
    let transport = message.filled(Name::InTransport);
    transport.is_some_and(|transport| transport != b"UDP")
}

/// Has a call or a message leave for a location that was registered here by the connection of that registration.
///
/// A call that brings a connection keeps it: the module that routed the call knows better. A message always
/// brings the connection that it came by, which leads back to its sender.
#[inline]
pub(super) fn to_phone<'m, P: Parameters<'m>>(decision: &mut Decision<'_, 'm, P>, location: &[u8]) {
    if decision.kind == Kind::Message {
        message_to_phone(decision, location);
    } else if !decision.shared.connections.is_empty() {
        call_to_phone(decision, location);
    }
}

#[inline(never)]
fn call_to_phone<'m, P: Parameters<'m>>(decision: &mut Decision<'_, 'm, P>, location: &[u8]) {
    if decision.filled(Name::ConnectionId).is_some() {
        return;
    }
    if let Some(connection) = known(decision, location) {
        decision.verdict.set_value(Name::ConnectionId, connection);
    }
}

/// The same for a location that was registered at another node, for which this one stands in: that node's connection is
/// of no use here. The transport beside it is, unless it is tied to an address of that node.
pub(super) fn to_phone_of_other<'m, P: Parameters<'m>>(
    decision: &mut Decision<'_, 'm, P>,
    location: &[u8],
) {
    if decision.kind == Kind::Message {
        return message_to_phone(decision, location);
    }
    if decision.filled(Name::ConnectionId).is_some() {
        decision.clear(Name::OutTransportMore);
    }
    match known(decision, location) {
        Some(connection) => decision.verdict.set_value(Name::ConnectionId, connection),
        None => decision.clear(Name::ConnectionId),
    }
}

#[inline(never)]
fn message_to_phone<'m, P: Parameters<'m>>(decision: &mut Decision<'_, 'm, P>, location: &[u8]) {
    if let Some(connection) = known(decision, location) {
        decision.verdict.action = Action::Change;
        decision.verdict.set_value(Name::InConnectionId, connection);
        decision.clear(Name::InTransport);
    } else if came_over_connection(decision.message) {
        decision.verdict.action = Action::Change;
        decision.clear(Name::InConnectionId);
        decision.clear(Name::InTransport);
    }
}

/// The connection by which a location is reached from here, as a text of the verdict's.
fn known<'m, P: Parameters<'m>>(
    decision: &mut Decision<'_, 'm, P>,
    location: &[u8],
) -> Option<Value<'m>> {
    let shared = decision.shared;
    shared.connections.find(location, |connection| {
        decision
            .verdict
            .make(|text| text.extend_from_slice(connection))
    })
}

/// Has a call or a message leave for another node by a transport.
///
/// A phone's own connection, which a registrar may have brought along, means nothing on the way to another
/// node, nor do the parameters beside it. A transport without a connection is meant for that way.
#[inline]
pub(super) fn to_node<'m, P: Parameters<'m>>(
    decision: &mut Decision<'_, 'm, P>,
    transport: Transport,
) {
    const WAY: NameSet = NameSet::of(&[
        Name::ConnectionId,
        Name::OutTransport,
        Name::OutTransportMore,
    ]);
    // Most calls neither bring a word of it nor need one.
    if decision.kind == Kind::Execute
        && transport.word().is_none()
        && decision.settings.connection.is_empty()
        && !decision.message.has_any(WAY)
    {
        return;
    }
    set_way_to_node(decision, transport);
}

#[inline(never)]
fn set_way_to_node<'m, P: Parameters<'m>>(
    decision: &mut Decision<'_, 'm, P>,
    transport: Transport,
) {
    let is_message = decision.kind == Kind::Message;
    let (connection_name, transport_name) = if is_message {
        (Name::InConnectionId, Name::InTransport)
    } else {
        (Name::ConnectionId, Name::OutTransport)
    };
    let of_route = match decision.filled(Name::ConnectionId) {
        Some(_) => None,
        None => decision.filled(Name::OutTransport),
    };
    let connection = &decision.settings.connection;
    if connection.is_empty() {
        decision.clear(connection_name);
    } else {
        decision.set_made(connection_name, |text| {
            text.extend_from_slice(connection);
        });
    }
    decision.set_or_clear(transport_name, of_route.or(transport.word()));
    if !is_message {
        decision.clear(Name::OutTransportMore);
    }
}
