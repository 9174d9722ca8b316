// SPDX-License-Identifier: GPL-2.0-or-later

//! Events: the lines of the log that messages give rise to, each with its level, its counter and its rate limit.
//!
//! An event only borrows; its line is made when somebody listens at its level. A line that somebody outside
//! can bring about at will is logged once in an [`INTERVAL`], with the number of suppressed ones.

mod rate_limit;

use std::fmt::{self, Display};

use crate::auth::trust::AuthError;
use crate::failure::Failure;
use crate::nodes::Unreachable;
use crate::nodes::admin::AdminState;
use crate::operator::counters::Counter;
use crate::placement::claim::DbError;
use crate::text::{Escaped, Text, Value};

pub use rate_limit::{INTERVAL, RateLimit, RateLimits};

/// The engine's debug levels, those that are used here.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
#[repr(i32)]
pub enum Level {
    /// Something failed that never should.
    Critical = 2,
    /// Somebody has to act.
    Warn = 5,
    /// Worth a look.
    Mild = 6,
    /// Good to know.
    Note = 7,
    /// Each call.
    Call = 8,
    /// Each step of a call.
    Info = 9,
}

/// The thing that an event happened to, as people call it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Subject {
    /// A call.
    Call,
    /// An instant message.
    Message,
}

impl Subject {
    /// The word at the beginning of a line.
    const fn first_word(self) -> &'static str {
        match self {
            Self::Call => "Call",
            Self::Message => "Message",
        }
    }

    /// The word within a line.
    const fn word(self) -> &'static str {
        match self {
            Self::Call => "call",
            Self::Message => "message",
        }
    }
}

/// The reason why a call goes no further from node to node.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Loop {
    /// The node was asked for the same before.
    SameAgain,
    /// It was forwarded too often.
    Hops {
        /// The most times that it may be forwarded.
        most: usize,
    },
    /// It has too many branches.
    Branches,
    /// The target that reaches the node is the cluster's own again.
    OwnTarget,
}

/// Something that happened to a message.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Event<'m> {
    /// A call to the cluster's prefix came to this node.
    Received {
        /// The target that was called, without the prefix.
        called: &'m [u8],
        /// The target that the other node asks for; empty where it asks for none.
        callto: &'m [u8],
    },
    /// The same, from a node of this node's own name.
    Namesake {
        /// The sender's address.
        address: &'m [u8],
    },
    /// A call came from a node that this one has taken over.
    Alive {
        /// The node.
        node: &'m [u8],
        /// The sender's address.
        address: &'m [u8],
    },
    /// A call is sent to another node.
    Forwarded {
        /// Whether it is a call.
        subject: Subject,
        /// The resource that the node shall call.
        resource: &'m [u8],
        /// The node.
        node: &'m [u8],
        /// The target that reaches the node.
        target: Value<'m>,
    },
    /// A locate message found a node.
    Located {
        /// The resource that was looked for.
        resource: &'m [u8],
        /// Its node.
        node: &'m [u8],
    },
    /// No locate message found a node.
    NotLocated {
        /// The resource that was looked for.
        resource: &'m [u8],
        /// The error that the call gets.
        error: &'m [u8],
        /// The reason, empty where there is none.
        reason: &'m [u8],
    },
    /// The pattern doesn't match a node's name.
    NoSuchNode {
        /// The name.
        node: &'m [u8],
        /// The resource that was called there.
        resource: &'m [u8],
    },
    /// The template gives no target for a node.
    NoTarget {
        /// The node.
        node: &'m [u8],
    },
    /// Cluster headers came from somebody who isn't trusted.
    Untrusted {
        /// Whether it is a call.
        subject: Subject,
        /// The sender's address; empty where nobody knows.
        address: &'m [u8],
        /// The target that was called.
        called: &'m [u8],
        /// The target that was asked for, empty where none was.
        callto: &'m [u8],
        /// The call was refused, not only its headers.
        refused: bool,
        /// The reason why its headers are not trusted.
        cause: AuthError,
        /// No sender at all is trusted, so perhaps a setting is missing.
        advise: bool,
    },
    /// Cluster headers were accepted whose signature is missing or wrong, because none is required.
    Unverified {
        /// The sender's address; empty where nobody knows.
        address: &'m [u8],
        /// The node that it says it is.
        node: &'m [u8],
        /// The mistake in the signature.
        mistake: AuthError,
    },
    /// A call can't go to another node, because of a control character.
    Malformed {
        /// The node.
        node: &'m [u8],
        /// The resource that was called there.
        resource: &'m [u8],
        /// The part of the call that has it.
        part: &'static str,
    },
    /// A call goes no further from node to node.
    Looping {
        /// Whether it is a call.
        subject: Subject,
        /// The reason.
        why: Loop,
        /// The node.
        node: &'m [u8],
        /// The target that is called.
        called: &'m [u8],
        /// The number of times that it was forwarded.
        hops: usize,
    },
    /// The caller has hung up while the node of a resource was looked for.
    GivenUp {
        /// Whether it is a call.
        subject: Subject,
        /// The resource.
        resource: &'m [u8],
    },
    /// Headers for the phone can't travel to another node.
    HeadersLeftOut {
        /// The node.
        node: &'m [u8],
        /// The first of them.
        name: &'m [u8],
        /// The number of them.
        count: usize,
    },
    /// A call to a node that can't be reached.
    Offline {
        /// Whether it is a call.
        subject: Subject,
        /// The node.
        node: &'m [u8],
        /// The resource that was called there.
        resource: &'m [u8],
        /// The reason why it can't be reached.
        why: Unreachable,
    },
    /// The database that resources are claimed in began to fail.
    DatabaseLost {
        /// The error.
        error: DbError<'m>,
    },
    /// It answers again.
    DatabaseBack,
    /// A resource was placed without the node that has it elsewhere, perhaps, because that is down for this node.
    Displaced {
        /// The resource.
        resource: &'m [u8],
        /// The node that it was placed on.
        node: Box<[u8]>,
        /// The node that is down.
        down: Box<[u8]>,
    },
    /// A call to a resource came here that this node places elsewhere.
    Split {
        /// The resource.
        resource: &'m [u8],
        /// The node that sent the call.
        sender: &'m [u8],
        /// The node that this node has placed it on.
        node: Box<[u8]>,
    },
    /// A resource stays on a node that is down, because most others find it up.
    HolderDown {
        /// The resource.
        resource: &'m [u8],
        /// The node.
        node: Box<[u8]>,
    },
    /// A resource is held by a node that this node's list doesn't have.
    Unlisted {
        /// The node.
        node: Vec<u8>,
        /// The resource.
        resource: &'m [u8],
        /// The call goes there; otherwise the node's claims end.
        is_called: bool,
    },
    /// A registration was refused, because this node is to be left.
    RegistrationRefused {
        /// The location that was to be registered.
        location: &'m [u8],
        /// This node's admin state.
        admin: AdminState,
    },
    /// There is no room to remember the connection of a registration.
    ConnectionsFull {
        /// The location that was registered.
        location: &'m [u8],
        /// The number that is remembered.
        most: usize,
    },
    /// The connection of a registration can't be remembered as it is.
    ConnectionMalformed {
        /// The location that was registered.
        location: &'m [u8],
    },
    /// The core failed on a message.
    Failed {
        /// The failure.
        failure: Failure,
    },
}

impl<'m> Event<'m> {
    /// The line for the log; `made` holds the texts that the event's verdict has made up, `suppressed` is the
    /// number of like lines that were suppressed before.
    pub(crate) fn line<'v>(
        &'v self,
        made: &'v Text,
        suppressed: u64,
    ) -> impl Display + use<'v, 'm> {
        Line {
            event: self,
            made,
            suppressed,
        }
    }

    /// The counter of such events.
    #[expect(
        clippy::inline_always,
        reason = "where the kind of event is known, nothing of it is left"
    )]
    #[inline(always)]
    #[must_use]
    pub const fn counter(&self) -> Option<Counter> {
        Some(match self {
            Self::Received { .. } | Self::Namesake { .. } => Counter::Received,
            Self::Forwarded { .. } => Counter::Forwarded,
            Self::Located { .. } => Counter::Located,
            Self::NotLocated { .. } => Counter::NotLocated,
            Self::NoSuchNode { .. } | Self::NoTarget { .. } => Counter::NoNode,
            Self::Untrusted { cause, .. } => cause.counter(),
            Self::Unverified { .. } => Counter::Unverified,
            Self::Malformed { .. } => Counter::Malformed,
            Self::Looping { .. } => Counter::Looping,
            Self::Offline { .. } => Counter::Offline,
            Self::Displaced { .. } => Counter::Displaced,
            Self::Split { .. } => Counter::Split,
            Self::RegistrationRefused { .. } => Counter::RegistrationsRefused,
            Self::Failed { .. } => Counter::Panics,
            Self::GivenUp { .. }
            | Self::Alive { .. }
            | Self::HeadersLeftOut { .. }
            | Self::DatabaseLost { .. }
            | Self::DatabaseBack
            | Self::HolderDown { .. }
            | Self::Unlisted { .. }
            | Self::ConnectionsFull { .. }
            | Self::ConnectionMalformed { .. } => {
                return None;
            }
        })
    }

    /// The level of the event's line.
    #[expect(
        clippy::inline_always,
        reason = "where the kind of event is known, nothing of it is left"
    )]
    #[inline(always)]
    #[must_use]
    pub const fn level(&self) -> Level {
        match self {
            Self::Received { .. } | Self::Located { .. } | Self::RegistrationRefused { .. } => {
                Level::Info
            }
            Self::Forwarded { .. } | Self::GivenUp { .. } => Level::Call,
            Self::DatabaseBack | Self::Unverified { .. } | Self::Displaced { .. } => Level::Note,
            Self::NoSuchNode { .. }
            | Self::NoTarget { .. }
            | Self::HeadersLeftOut { .. }
            | Self::Offline { .. } => Level::Mild,
            Self::NotLocated { .. }
            | Self::Namesake { .. }
            | Self::Alive { .. }
            | Self::Untrusted { .. }
            | Self::Malformed { .. }
            | Self::Looping { .. }
            | Self::DatabaseLost { .. }
            | Self::HolderDown { .. }
            | Self::Unlisted { .. }
            | Self::Split { .. }
            | Self::ConnectionsFull { .. }
            | Self::ConnectionMalformed { .. } => Level::Warn,
            Self::Failed { .. } => Level::Critical,
        }
    }
}

/// An event with the texts that its verdict has made up.
struct Line<'v, 'm> {
    event: &'v Event<'m>,
    made: &'v Text,
    suppressed: u64,
}

impl Display for Line<'_, '_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.describe(f)?;
        Suppressed(self.suppressed).fmt(f)
    }
}

impl Line<'_, '_> {
    #[expect(
        clippy::too_many_lines,
        reason = "each event has its line, one after the other"
    )]
    fn describe(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.event {
            Event::Received { called, callto } => {
                let (called, callto) = (Escaped(called), Escaped(callto));
                write!(f, "Request to '{called}' came to this node, for '{callto}'")
            }
            Event::Namesake { address } => write!(
                f,
                "Call from {} says that it comes from this node: another one has its name, or a 'callto' leads \
                 back here",
                Escaped(address)
            ),
            Event::Alive { node, address } => write!(
                f,
                "Call from {} says that it comes from node '{}', which this node has taken over: release it, or stop \
                 the other engine",
                Escaped(address),
                Escaped(node)
            ),
            Event::Forwarded {
                subject,
                resource,
                node,
                target,
            } => {
                let subject = subject.first_word();
                let target = Escaped(target.resolve(self.made));
                let (resource, node) = (Escaped(resource), Escaped(node));
                write!(
                    f,
                    "{subject} to '{resource}' on node '{node}' goes to '{target}'"
                )
            }
            Event::Located { resource, node } => {
                write!(
                    f,
                    "Node '{}' was found for '{}'",
                    Escaped(node),
                    Escaped(resource)
                )
            }
            Event::NotLocated {
                resource,
                error,
                reason,
            } => {
                write!(f, "No node was found for '{}'", Escaped(resource))?;
                for text in [error, reason] {
                    if !text.is_empty() {
                        write!(f, ": {}", Escaped(text))?;
                    }
                }
                Ok(())
            }
            Event::NoSuchNode { node, resource } => {
                let (node, resource) = (Escaped(node), Escaped(resource));
                write!(
                    f,
                    "No such cluster node '{node}' for '{resource}': it has no section [node {node}], and 'regexp' in \
                     [general] doesn't match it"
                )
            }
            Event::NoTarget { node } => write!(
                f,
                "No target for cluster node '{}': its 'callto' is empty for this call",
                Escaped(node)
            ),
            Event::Untrusted {
                subject,
                address,
                called,
                callto,
                refused,
                cause,
                advise,
            } => {
                let end = if *refused {
                    f.write_str(subject.first_word())?;
                    "was refused"
                } else {
                    write!(f, "Cluster headers of a {}", subject.word())?;
                    "were ignored"
                };
                let address = if address.is_empty() {
                    b"an unknown address"
                } else {
                    *address
                };
                write!(f, " from {} to '{}'", Escaped(address), Escaped(called))?;
                if !callto.is_empty() {
                    write!(f, " for '{}'", Escaped(callto))?;
                }
                write!(f, " {end}: {cause}")?;
                if *advise {
                    f.write_str(
                        "; if it is a node of this cluster, set 'trusted' in [security] to the \
                         addresses of the nodes",
                    )?;
                }
                Ok(())
            }
            Event::Unverified {
                address,
                node,
                mistake,
            } => {
                let (address, node) = (Escaped(address), Escaped(node));
                write!(
                    f,
                    "Node '{node}' at {address} will be refused when secret.required=no is removed from [security]: \
                     {mistake}"
                )
            }
            Event::Malformed {
                node,
                resource,
                part,
            } => {
                let (node, resource) = (Escaped(node), Escaped(resource));
                write!(
                    f,
                    "Call to '{resource}' on node '{node}' was refused: {part} has a control character"
                )
            }
            Event::Looping {
                subject,
                why,
                node,
                called,
                hops,
            } => {
                let (node, called) = (Escaped(node), Escaped(called));
                write!(f, "{} to '{called}' ", subject.first_word())?;
                match why {
                    Loop::SameAgain => write!(
                        f,
                        "is looping at node '{node}' after {hops} hops: the node was asked for the same before"
                    ),
                    Loop::Hops { most } => write!(
                        f,
                        "has too many hops at node '{node}': {hops}, the limit is {most} ([general] hops)"
                    ),
                    Loop::Branches => write!(
                        f,
                        "has too many branches on the way to node '{node}' after {hops} hops"
                    ),
                    Loop::OwnTarget => write!(
                        f,
                        "was not sent: the callto of node '{node}' leads back to the cluster"
                    ),
                }
            }
            Event::GivenUp { subject, resource } => write!(
                f,
                "{} to '{}' was not sent: the caller hung up while its node was looked for",
                subject.first_word(),
                Escaped(resource)
            ),
            Event::HeadersLeftOut { node, name, count } => {
                let (node, name) = (Escaped(node), Escaped(name));
                write!(
                    f,
                    "{count} headers for the phone of a call to node '{node}' were left out, the first is '{name}'"
                )
            }
            Event::Offline {
                subject,
                node,
                resource,
                why,
            } => {
                let (node, resource) = (Escaped(node), Escaped(resource));
                let subject = subject.first_word();
                write!(
                    f,
                    "{subject} to '{resource}' failed: node '{node}' is {why}"
                )
            }
            Event::DatabaseLost { error } => write!(
                f,
                "Resources are placed without the database ([locate] account): {error}"
            ),
            Event::DatabaseBack => f.write_str("Resources are claimed in the database again"),
            Event::Displaced {
                resource,
                node,
                down,
            } => {
                let (resource, node, down) = (Escaped(resource), Escaped(node), Escaped(down));
                write!(
                    f,
                    "Resource '{resource}' is placed on node '{node}', because node '{down}' is down: if others still \
                     reach '{down}', it is split"
                )
            }
            Event::Split {
                resource,
                sender,
                node,
            } => {
                let (resource, sender, node) = (Escaped(resource), Escaped(sender), Escaped(node));
                write!(
                    f,
                    "Resource '{resource}' is split: node '{sender}' places it on this node, this node on node '{node}'"
                )
            }
            Event::Unlisted {
                node,
                resource,
                is_called,
            } => {
                let (node, resource) = (Escaped(node), Escaped(resource));
                let outcome = if *is_called {
                    "the call goes there"
                } else {
                    "its claims end, since it can't be called"
                };
                write!(
                    f,
                    "Resource '{resource}' is held by node '{node}', which has no section [node {node}] here: {outcome}"
                )
            }
            Event::HolderDown { resource, node } => write!(
                f,
                "Resource '{}' stays on node '{}', which is down for this node alone: it has heartbeats, and most nodes \
                 reach it",
                Escaped(resource),
                Escaped(node)
            ),
            Event::RegistrationRefused { location, admin } => write!(
                f,
                "Registration of '{}' was refused: this node is {admin}",
                Escaped(location)
            ),
            Event::ConnectionsFull { location, most } => write!(
                f,
                "Connection of '{}' can't be remembered, the limit is {most} ([general] registrations): its phone \
                 may not be reached",
                Escaped(location)
            ),
            Event::ConnectionMalformed { location } => write!(
                f,
                "Connection of '{}' can't be remembered: its name, its user or the location is too long or has a \
                 control character",
                Escaped(location)
            ),
            Event::Failed { failure } => {
                write!(f, "A message passes unchanged: {failure}")
            }
        }
    }
}

/// The number of like lines that were suppressed before this one.
pub(crate) struct Suppressed(pub(crate) u64);

impl Display for Suppressed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            0 => Ok(()),
            count => write!(f, " ({count} more like this not shown)"),
        }
    }
}
