// SPDX-License-Identifier: GPL-2.0-or-later

//! The names of the parameters that the core knows.

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
    /// The name of the called user, for people.
    Calledname = "calledname",
    /// The target of a call.
    Callto = "callto",
    /// The caller, or the sender of a message.
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
    /// The cause of a failed call, as a word that the engine knows.
    Error = "error",
    /// The channel that was forked, in the messages of its branches. The engine's `callfork` sets it, and no header
    /// makes a parameter of this name.
    ForkOrigid = "fork.origid",
    /// A channel's id.
    Id = "id",
    /// The address that a message came from, or that its `Via` names where the SIP channel believes that.
    IpHost = "ip_host",
    /// The address that a message really came from, where `ip_host` is another.
    IpHostReceived = "ip_host_recv",
    /// The name of a node.
    Nodename = "nodename",
    /// The cluster prefix and node of the server that wrote a CDR.
    Nodeprefix = "nodeprefix",
    /// The SIP connection that an outgoing call must use.
    ConnectionId = "oconnection_id",
    /// The SIP connection that a message came by. An instant message leaves by it, too.
    InConnectionId = "connection_id",
    /// The transport that a message came by. An instant message leaves by it, too.
    InTransport = "ip_transport",
    /// The transport that an outgoing call must use.
    OutTransport = "oip_transport",
    /// All other parameters of the way that an outgoing call must be sent.
    OutTransportMore = "oip_transport_*",
    /// The number of seconds that a registration is good.
    Expires = "expires",
    /// Headers of a call that are none of the cluster's.
    OsipOther = "osip_*",
    /// The prefix of the names of those parameters that are headers.
    OsipPrefix = "osip-prefix",
    /// Header to another node: the call's billid.
    OsipBillid = "osip_x-billid",
    /// Header to another node: the extension, which nodes with version 1.0 don't know.
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
    /// The query for a database.
    Query = "query",
    /// The reason of a failed call, for people.
    Reason = "reason",
    /// The words that the other side has put to a channel's end.
    ReasonSip = "reason_sip",
    /// The kind of the thing that is routed, where it isn't a call.
    RouteType = "route_type",
    /// Header from another node: the call's billid.
    SipBillid = "sip_x-billid",
    /// Header from another node: the extension, which nodes with version 1.0 don't know.
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
    /// The sender of a request that is part of no call.
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
