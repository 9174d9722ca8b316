// SPDX-License-Identifier: GPL-2.0-or-later

//! What the core sees of a message: its parameters, read only.

pub(crate) mod breadth;
pub(crate) mod cdr;
pub(crate) mod channels;
pub(crate) mod execute;
pub(crate) mod extension;
pub(crate) mod locate;
pub(crate) mod preroute;
pub(crate) mod register;
pub(crate) mod route;
pub(crate) mod visited;

/// The messages that the cluster has a say in.
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
    /// `call.preroute`: a call arrives, and has yet to be given to those who route it.
    Preroute,
    /// `user.unregister`: a user's location is about to be forgotten.
    Unregister,
    /// `msg.execute`: an instant message is about to be sent.
    Message,
}

impl Kind {
    /// All kinds, each at the index `kind as usize`.
    pub const ALL: [Self; 10] = [
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
    ];

    /// The message's name in the engine, which is also its key in `[priorities]`, if it has one there.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Route => "call.route",
            Self::Execute => "call.execute",
            Self::Register => "user.register",
            Self::Cdr => "call.cdr",
            Self::Locate => "cluster.locate",
            Self::Startup => "chan.startup",
            Self::Hangup => "chan.hangup",
            Self::Preroute => "call.preroute",
            Self::Unregister => "user.unregister",
            Self::Message => "msg.execute",
        }
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
            | Self::Message => true,
        }
    }

    /// All names that are asked for in messages of this kind, or written into them. An engine that
    /// has no others to look for is done with a message sooner.
    #[must_use]
    pub const fn names(self) -> NameSet {
        use Name::{
            Allocate, Answered, Billid, Called, Calledname, Caller, Callto, CauseSip,
            ClusterOrigin, ClusterTarget, Code, ConnectionId, Data, Direction, Error, Id, IpHost,
            IpHostReceived, Nodename, Nodeprefix, OsipOther, OsipPrefix, Reason, ReasonSip,
            RouteType, Transport, User, Username,
        };
        const HEADERS: NameSet = NameSet::of(&CLUSTER_HEADERS);
        const SENDER: NameSet = NameSet::of(&[IpHost, IpHostReceived]);
        const FAILURE: NameSet = NameSet::of(&[Error, Reason, Code, RouteType]);
        const SENT: NameSet = NameSet::of(&Name::OSIP_HEADERS);
        match self {
            Self::Route => NameSet::of(&[Called, Calledname, Billid, ClusterOrigin, Id])
                .and(HEADERS)
                .and(SENDER)
                .and(FAILURE),
            Self::Preroute => NameSet::of(&[Called, Billid]).and(HEADERS).and(SENDER),
            // Of the same names, because their templates are.
            Self::Execute | Self::Message => NameSet::of(&[
                Callto,
                Called,
                Calledname,
                Caller,
                Billid,
                Username,
                ClusterTarget,
                ConnectionId,
                Transport,
                OsipOther,
                OsipPrefix,
                User,
            ])
            .and(HEADERS)
            .and(SENT)
            .and(FAILURE),
            Self::Register => NameSet::of(&[Data]),
            Self::Unregister => NameSet::of(&[Data, Nodename]),
            Self::Cdr => NameSet::of(&[Nodename, Nodeprefix]),
            Self::Locate => NameSet::of(&[Allocate, Callto]).and(FAILURE),
            Self::Startup => NameSet::of(&[Id, Direction, Callto]),
            Self::Hangup => NameSet::of(&[Id, Answered, CauseSip, ReasonSip]),
        }
    }
}

/// Some of the [names](Name).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct NameSet(u64);

impl NameSet {
    /// These names.
    #[must_use]
    pub const fn of(names: &[Name]) -> Self {
        let mut bits = 0;
        let mut at = 0;
        while at < names.len() {
            bits |= 1 << names[at] as u32;
            at += 1;
        }
        Self(bits)
    }

    /// These and those.
    #[must_use]
    pub const fn and(self, others: Self) -> Self {
        Self(self.0 | others.0)
    }

    /// Whether a name is among them.
    #[must_use]
    pub const fn contains(self, name: Name) -> bool {
        self.0 >> name as u32 & 1 != 0
    }

    /// A bit for each of them: bit 0 for the name of number 0, and so on.
    #[must_use]
    pub const fn bits(self) -> u64 {
        self.0
    }
}

/// Makes [`Name`] and its texts from one list, so that neither can lack what the other has.
macro_rules! names {
    ($($(#[$doc:meta])* $variant:ident = $text:literal,)*) => {
        /// The parameters whose names the core knows.
        ///
        /// An engine makes the strings for these once, at load, and then writes by number.
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        #[repr(u32)]
        pub enum Name {
            $($(#[$doc])* $variant,)*
        }

        impl Name {
            /// All names, each at the index `name as usize`.
            pub const ALL: &[Self] = &[$(Self::$variant,)*];

            /// The parameter's name as the engine spells it. A `*` at its end stands for
            /// whatever else a name has there, unless that makes another of these names.
            #[must_use]
            pub const fn text(self) -> &'static str {
                match self {
                    $(Self::$variant => $text,)*
                }
            }

            /// Whether a parameter of this name is meant.
            #[must_use]
            pub fn matches(self, text: &[u8]) -> bool {
                let name = self.text().as_bytes();
                match name.strip_suffix(b"*") {
                    Some(start) => {
                        text.starts_with(start)
                            && !Self::ALL.iter().any(|name| name.text().as_bytes() == text)
                    }
                    None => text == name,
                }
            }
        }
    };
}

names! {
    /// A database, as the engine's modules know it.
    Account = "account",
    /// Whether `cluster.locate` may choose a node, or only look one up.
    Allocate = "allocate",
    /// Whether a channel's call was answered.
    Answered = "answered",
    /// Identifies a call in the CDRs of all its legs.
    Billid = "billid",
    /// The number or resource that was called.
    Called = "called",
    /// The name of whom is called, for people.
    Calledname = "calledname",
    /// The target of a call.
    Callto = "callto",
    /// Who calls, or sends a message.
    Caller = "caller",
    /// The SIP code that a channel ended with.
    CauseSip = "cause_sip",
    /// The SIP code that an instant message is answered with.
    Code = "code",
    /// The node that a call came from, for CDRs.
    ClusterOrigin = "cluster_origin",
    /// The node that a call was sent to, for CDRs.
    ClusterTarget = "cluster_target",
    /// A registered user's location.
    Data = "data",
    /// Whether a channel's call came in or goes out.
    Direction = "direction",
    /// Why a call failed, as a word that the engine knows.
    Error = "error",
    /// A channel's id.
    Id = "id",
    /// The address that a message says it came from: where it did, unless the SIP channel believes `Via`.
    IpHost = "ip_host",
    /// The address that a message did come from, where `ip_host` is another.
    IpHostReceived = "ip_host_recv",
    /// The name of a node.
    Nodename = "nodename",
    /// The cluster prefix and node of the server that wrote a CDR.
    Nodeprefix = "nodeprefix",
    /// The SIP connection that an outgoing call must use.
    ConnectionId = "oconnection_id",
    /// The transport that an outgoing call must use, and all that goes with it.
    Transport = "oip_transport*",
    /// Headers of a call that are none of the cluster's.
    OsipOther = "osip_*",
    /// What the names of parameters start with that are headers.
    OsipPrefix = "osip-prefix",
    /// Header to another node: the call's billid.
    OsipBillid = "osip_x-billid",
    /// Header to another node: what nodes with version 1.0 don't know.
    OsipCluster = "osip_x-cluster",
    /// Header to another node: the target that it shall call.
    OsipCallto = "osip_x-callto",
    /// Header to another node: the node that sends the call.
    OsipNodename = "osip_x-nodename",
    /// Header to another node: proof of the others.
    OsipSignature = "osip_x-signature",
    /// Header to another node: the user that makes the call.
    OsipUsername = "osip_x-username",
    /// Header to another node: the nodes before this one.
    OsipVisited = "osip_x-visited",
    /// What a database is asked.
    Query = "query",
    /// Why a call failed, for people.
    Reason = "reason",
    /// The words that the other side has put to a channel's end.
    ReasonSip = "reason_sip",
    /// What is routed, where it isn't a call.
    RouteType = "route_type",
    /// Header from another node: the call's billid.
    SipBillid = "sip_x-billid",
    /// Header from another node: what nodes with version 1.0 don't know.
    SipCluster = "sip_x-cluster",
    /// Header from another node: the target to call.
    SipCallto = "sip_x-callto",
    /// Header from another node: the node that sent the call.
    SipNodename = "sip_x-nodename",
    /// Header from another node: proof of the others.
    SipSignature = "sip_x-signature",
    /// Header from another node: the user that makes the call.
    SipUsername = "sip_x-username",
    /// Header from another node: the nodes before that one.
    SipVisited = "sip_x-visited",
    /// Who sends a request that is part of no call.
    User = "user",
    /// The authenticated user.
    Username = "username",
}

/// The headers by which one node tells another about a call.
pub const CLUSTER_HEADERS: [Name; 7] = [
    Name::SipCallto,
    Name::SipBillid,
    Name::SipNodename,
    Name::SipUsername,
    Name::SipVisited,
    Name::SipSignature,
    Name::SipCluster,
];

impl Name {
    /// The parameters by which these headers are written.
    pub(crate) const OSIP_HEADERS: [Self; 7] = [
        Self::OsipCallto,
        Self::OsipBillid,
        Self::OsipNodename,
        Self::OsipUsername,
        Self::OsipVisited,
        Self::OsipSignature,
        Self::OsipCluster,
    ];
}

/// A message's parameters. `'m` is the life of the message's texts: a verdict may borrow from them.
pub trait Parameters<'m> {
    /// The value of the first parameter of this name; `None` when there is no such parameter, empty
    /// when it has no value.
    fn get(&self, name: Name) -> Option<&'m [u8]>;

    /// Whether there are several parameters of this name.
    fn is_repeated(&self, name: Name) -> bool;

    /// As [`get`](Self::get), for a name that the core doesn't know.
    fn other(&self, name: &[u8]) -> Option<&'m [u8]>;

    /// All parameters in order, names and values; none where the message isn't complete.
    fn all(&self) -> impl Iterator<Item = (&'m [u8], &'m [u8])>;

    /// The value, if the parameter is there and has one.
    fn filled(&self, name: Name) -> Option<&'m [u8]> {
        self.get(name).filter(|value| !value.is_empty())
    }
}

impl<'m> Parameters<'m> for &'m [(Vec<u8>, Vec<u8>)] {
    fn get(&self, name: Name) -> Option<&'m [u8]> {
        self.iter()
            .find(|(text, _)| name.matches(text))
            .map(|(_, value)| value.as_slice())
    }

    fn is_repeated(&self, name: Name) -> bool {
        self.iter()
            .filter(|(text, _)| name.matches(text))
            .nth(1)
            .is_some()
    }

    fn other(&self, name: &[u8]) -> Option<&'m [u8]> {
        self.iter()
            .find(|(text, _)| text == name)
            .map(|(_, value)| value.as_slice())
    }

    fn all(&self) -> impl Iterator<Item = (&'m [u8], &'m [u8])> {
        self.iter()
            .map(|(name, value)| (name.as_slice(), value.as_slice()))
    }
}

/// What a message of ours came back with: a `cluster.locate`, or a question to a database.
#[derive(Clone, Copy, Debug, Default)]
pub struct Reply<'m> {
    /// Some handler took the message.
    pub handled: bool,
    /// A node's name: the return value, or what a database has in the first column of its last row.
    pub node: &'m [u8],
    /// The database had a row.
    pub has_row: bool,
    /// There was no answer in time.
    pub timed_out: bool,
    /// Its `error` parameter; `None` when there is none.
    pub error: Option<&'m [u8]>,
    /// Its `reason` parameter, empty when there is none.
    pub reason: &'m [u8],
}
