// SPDX-License-Identifier: GPL-2.0-or-later

//! The engine's messages that the cluster decides or observes: one file each, with the test whether a message
//! concerns the cluster (`concerns`) beside the decision (`decide`).

pub(crate) mod arrivals;
pub(crate) mod breadth;
pub(crate) mod cdr;
pub(crate) mod disconnected;
pub(crate) mod execute;
pub(crate) mod extension;
pub(crate) mod hangup;
mod headers;
pub(crate) mod instant;
pub(crate) mod locate;
mod names;
mod parameters;
pub(crate) mod preroute;
pub(crate) mod register;
pub(crate) mod route;
pub(crate) mod startup;
pub(crate) mod transport;
pub(crate) mod unregister;
mod visited;
pub(crate) mod waiting;

use crate::time::{MessageTimes, WallTime};

pub use names::{CLUSTER_HEADERS, Name, NameSet};
pub use parameters::Parameters;
use parameters::has_cluster_headers;

/// The kinds of messages that the cluster decides or observes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// `call.route`: a call arrives, perhaps from another node.
    Route,
    /// `call.execute`: a call is about to be placed.
    Execute,
    /// `user.register`: a user's location is about to be stored.
    Register,
    /// `call.cdr`: a call is accounted for.
    Cdr,
    /// `cluster.locate`: somebody asks for the node of a resource.
    Locate,
    /// `chan.startup`: a channel starts, perhaps towards another node.
    Startup,
    /// `chan.hangup`: a channel ends.
    Hangup,
    /// `call.preroute`: a call arrives, and has yet to be routed.
    Preroute,
    /// `user.unregister`: a user's location is about to be forgotten.
    Unregister,
    /// `msg.execute`: an instant message is about to be sent.
    Message,
    /// `call.execute` again, behind modules that route calls late: for a target that one of them has brought.
    LateExecute,
    /// `msg.execute` again, for the same.
    LateMessage,
    /// `chan.disconnected`: what a channel was connected to has ended.
    Disconnected,
}

impl Kind {
    /// All kinds, each at the index `kind as usize`.
    pub const ALL: [Self; 13] = [
        Self::Route,
        Self::Execute,
        Self::Register,
        Self::Cdr,
        Self::Locate,
        Self::Startup,
        Self::Hangup,
        Self::Preroute,
        Self::Unregister,
        Self::Message,
        Self::LateExecute,
        Self::LateMessage,
        Self::Disconnected,
    ];

    /// The message's name in the engine.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Route => "call.route",
            Self::Execute | Self::LateExecute => "call.execute",
            Self::Register => "user.register",
            Self::Cdr => "call.cdr",
            Self::Locate => "cluster.locate",
            Self::Startup => "chan.startup",
            Self::Hangup => "chan.hangup",
            Self::Preroute => "call.preroute",
            Self::Unregister => "user.unregister",
            Self::Message | Self::LateMessage => "msg.execute",
            Self::Disconnected => "chan.disconnected",
        }
    }

    /// The key in `[priorities]`, where the kind has one.
    #[must_use]
    pub const fn key(self) -> &'static str {
        match self {
            Self::LateExecute => "call.execute.late",
            Self::LateMessage => "msg.execute.late",
            _ => self.name(),
        }
    }

    /// The time that a message of this kind is decided by.
    ///
    /// A call that comes in is authenticated by the time when it came. A call that goes out is signed, and
    /// its resource claimed, as of now: a fork that calls one phone after the other sends copies of one
    /// message, which are as old as the phones before have rung.
    #[must_use]
    pub const fn time(self, times: MessageTimes) -> WallTime {
        match self {
            Self::Route | Self::Preroute => times.made,
            _ => times.now,
        }
    }

    /// Whether messages of this kind are decided by the time now, which costs a host a look at a clock.
    #[must_use]
    pub const fn needs_now(self) -> bool {
        !matches!(self, Self::Route | Self::Preroute | Self::Cdr)
    }

    /// Whether some messages of this kind may be no business of the cluster's, which
    /// [`concerns`](crate::cluster::Cluster::concerns) tells at little cost.
    #[must_use]
    pub const fn is_filtered(self) -> bool {
        match self {
            Self::Register | Self::Unregister | Self::Cdr | Self::Locate => false,
            Self::Route
            | Self::Execute
            | Self::Startup
            | Self::Hangup
            | Self::Preroute
            | Self::Message
            | Self::LateExecute
            | Self::LateMessage
            | Self::Disconnected => true,
        }
    }

    /// The names that tell whether a message of this kind concerns the cluster.
    #[must_use]
    pub const fn concern_names(self) -> NameSet {
        use Name::{Called, Callto, CauseSip, Direction, Id, SipBillid};
        const HEADERS: NameSet = NameSet::of(&CLUSTER_HEADERS);
        match self {
            Self::Route => NameSet::of(&[Called]).and(HEADERS),
            Self::Preroute => NameSet::of(&[Called, SipBillid]),
            Self::Execute | Self::LateExecute | Self::LateMessage => NameSet::of(&[Callto]),
            Self::Message => NameSet::of(&[Callto]).and(HEADERS),
            Self::Startup => NameSet::of(&[Id, Direction, Callto]),
            Self::Hangup => NameSet::of(&[Id]),
            Self::Disconnected => NameSet::of(&[Id, CauseSip]),
            Self::Register | Self::Unregister | Self::Cdr | Self::Locate => NameSet::of(&[]),
        }
    }

    /// All names that are asked for in messages of this kind, or written into them. An engine that
    /// has no others to look for is done with a message sooner.
    #[must_use]
    pub const fn names(self) -> NameSet {
        use Name::{
            Allocate, Answered, Billid, Called, Calledname, Caller, Callto, CauseSip,
            ClusterOrigin, ClusterTarget, Code, ConnectionId, Data, Direction, Error, Expires,
            ForkOrigid, Id, InConnectionId, InTransport, IpHost, IpHostReceived, Nodename,
            Nodeprefix, OsipOther, OsipPrefix, OutTransport, OutTransportMore, Reason, ReasonSip,
            RouteType, User, Username,
        };
        const HEADERS: NameSet = NameSet::of(&CLUSTER_HEADERS);
        const SENDER: NameSet = NameSet::of(&[IpHost, IpHostReceived]);
        const FAILURE: NameSet = NameSet::of(&[Error, Reason, Code, RouteType]);
        const SENT: NameSet = NameSet::of(&Name::OSIP_HEADERS);
        match self {
            Self::Route => NameSet::of(&[Called, Calledname, Billid, ClusterOrigin, ConnectionId])
                .and(NameSet::of(&[Id, ForkOrigid]))
                .and(HEADERS)
                .and(SENDER)
                .and(FAILURE),
            Self::Preroute => NameSet::of(&[Called, Billid]).and(HEADERS).and(SENDER),
            // Of the same names, because their templates are.
            Self::Execute | Self::Message | Self::LateExecute | Self::LateMessage => {
                NameSet::of(&[
                    Callto,
                    Called,
                    Calledname,
                    Caller,
                    Billid,
                    Username,
                    ClusterTarget,
                    ConnectionId,
                    Id,
                    OutTransport,
                    OutTransportMore,
                    InConnectionId,
                    InTransport,
                    OsipOther,
                    OsipPrefix,
                    User,
                ])
                .and(HEADERS)
                .and(SENT)
                .and(FAILURE)
            }
            Self::Register => NameSet::of(&[Data, ConnectionId, InTransport, Username, Expires]),
            Self::Unregister => NameSet::of(&[Data, Nodename, InConnectionId, Username]),
            Self::Cdr => NameSet::of(&[Nodename, Nodeprefix]),
            Self::Locate => NameSet::of(&[Allocate, Callto]).and(FAILURE),
            Self::Startup => NameSet::of(&[Id, Direction, Callto]),
            Self::Hangup => NameSet::of(&[Id, Answered, CauseSip, ReasonSip]),
            Self::Disconnected => NameSet::of(&[Id, CauseSip, Reason, ReasonSip]),
        }
    }
}

/// The reply to a message of the core's: to a `cluster.locate`, or to a database query.
#[derive(Clone, Copy, Debug, Default)]
pub struct Reply<'m> {
    /// No thread could be started for a query, so it was not made.
    pub no_thread: bool,
    /// There was no answer in time.
    pub timed_out: bool,
    /// Some handler took the message.
    pub handled: bool,
    /// The return value.
    pub retval: &'m [u8],
    /// Its `error` parameter; `None` when there is none.
    pub error: Option<&'m [u8]>,
    /// Its `reason` parameter, empty when there is none.
    pub reason: &'m [u8],
    /// The first column of a database's row; `None` when there is no row.
    pub row: Option<&'m [u8]>,
}
