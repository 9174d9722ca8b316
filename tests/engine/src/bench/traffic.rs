// SPDX-License-Identifier: GPL-2.0-or-later
//! The messages that are measured: the ones that a SIP node really dispatches, some twenty parameters each, and short
//! ones, in which nothing hides the cost of a handler.

use crate::{Message, Outcome};

/// The target of node2, by the configuration.
const NODE2: &str = "sip/sip:cluster/4021@node2.example.net:5060";

/// A kind of message, and a sign that it was treated as it should be.
pub struct Kind {
    /// Its name in the table.
    pub name: &'static str,
    /// The message that is copied for each dispatch.
    pub message: Message,
    /// The sign of the result where the cluster is at work.
    treated: Sign,
}

enum Sign {
    Param(&'static str, &'static str),
    Returned(&'static str),
}

impl Kind {
    /// Whether a dispatch had the effect that the module is for.
    #[must_use]
    pub fn is_treated(&self, outcome: &Outcome) -> bool {
        match self.treated {
            Sign::Param(name, value) => outcome.get(name) == Some(value.as_bytes()),
            Sign::Returned(value) => outcome.retval == value.as_bytes(),
        }
    }

    /// All kinds in the order of the table.
    #[must_use]
    pub fn all() -> Vec<Self> {
        let direct = "sip/sip:4021@10.0.0.21:5060";
        let kind = |name, message, treated| Self {
            name,
            message,
            treated,
        };
        vec![
            kind(
                "forward",
                call("call.execute").with("callto", format!("cluster/node2/{direct}")),
                Sign::Param("callto", NODE2),
            ),
            kind(
                "local",
                call("call.execute").with("callto", format!("cluster/node1/{direct}")),
                Sign::Param("callto", direct),
            ),
            kind(
                "pass",
                call("call.execute").with("callto", direct),
                Sign::Param("callto", direct),
            ),
            kind(
                "route",
                call("call.route")
                    .with("called", "cluster/")
                    .with("sip_x-callto", direct)
                    .with("sip_x-billid", "1767225600-7")
                    .with("sip_x-nodename", "node2")
                    .with("sip_x-username", "4020"),
                Sign::Returned(direct),
            ),
            kind(
                "route-miss",
                call("call.route").with("called", "4021"),
                Sign::Param("called", "4021"),
            ),
            kind(
                "register",
                registration(),
                Sign::Param("data", "cluster/node1/sip/sip:4020@10.0.0.20:5060"),
            ),
            kind("cdr", record(), Sign::Param("nodeprefix", "cluster/node1/")),
        ]
    }

    /// All kinds again, as messages of six to nine parameters; the number in a name is that of its parameters.
    #[must_use]
    pub fn short() -> Vec<Self> {
        const REGISTRATION: &[&str] = &[
            "number", "expires", "username", "data", "ip_host", "ip_port",
        ];
        const RECORD: &[&str] = &[
            "time",
            "chan",
            "operation",
            "status",
            "billid",
            "caller",
            "called",
            "username",
        ];
        const CALL: &[&str] = &[
            "id",
            "billid",
            "caller",
            "called",
            "callto",
            "ip_host",
            "username",
            "formats",
            "sip_x-callto",
            "sip_x-nodename",
        ];
        let short = |kind: Self| {
            let (name, kept) = match kind.name {
                "forward" => ("forward-8", CALL),
                "local" => ("local-8", CALL),
                "pass" => ("pass-8", CALL),
                "route" => ("route-9", CALL),
                "route-miss" => ("miss-7", CALL),
                "register" => ("register-6", REGISTRATION),
                _ => ("cdr-8", RECORD),
            };
            let mut message = kind.message;
            message
                .params
                .retain(|(own, _)| kept.iter().any(|name| name.as_bytes() == own));
            Self {
                name,
                message,
                treated: kind.treated,
            }
        };
        Self::all().into_iter().map(short).collect()
    }
}

/// A call whose place is to be looked up.
#[must_use]
pub fn located_call() -> Message {
    call("call.execute").with("callto", "cluster/*/conf/7")
}

fn message(name: &str, params: &[(&str, &str)]) -> Message {
    let message = Message::new(name);
    params
        .iter()
        .fold(message, |message, (name, value)| message.with(name, value))
}

/// A SIP channel's report of an incoming call; `called` is the parameter that the template takes, and a
/// `call.route` adds its own before.
fn call(name: &str) -> Message {
    let mut message = message(
        name,
        &[
            ("id", "sip/17"),
            ("module", "sip"),
            ("status", "incoming"),
            ("address", "10.0.0.20:5060"),
            ("billid", "1767225601-17"),
            ("answered", "false"),
            ("direction", "incoming"),
            ("callid", "sip/5b1f0a77@10.0.0.20/4a31f2c0/"),
            ("caller", "4020"),
            ("callername", "Reception"),
            ("antiloop", "69"),
            ("ip_host", "10.0.0.20"),
            ("ip_port", "5060"),
            ("ip_transport", "UDP"),
            ("connection_id", "general"),
            ("sip_uri", "sip:4021@pbx.example.net"),
            ("sip_callid", "5b1f0a77@10.0.0.20"),
            ("device", "Phone 1.0"),
            ("username", "4020"),
            ("formats", "alaw,mulaw"),
        ],
    );
    if name != "call.route" {
        message = message.with("called", "4021");
    }
    message
}

/// A SIP channel's report of a registration.
#[must_use]
pub fn registration() -> Message {
    message(
        "user.register",
        &[
            ("number", "4020"),
            ("sip_uri", "sip:pbx.example.net"),
            ("sip_callid", "77aa0b1c@10.0.0.20"),
            ("expires", "600"),
            ("newcall", "true"),
            ("domain", "pbx.example.net"),
            ("device", "Phone 1.0"),
            ("username", "4020"),
            ("driver", "sip"),
            ("data", "sip/sip:4020@10.0.0.20:5060"),
            ("ip_host", "10.0.0.20"),
            ("ip_port", "5060"),
            ("ip_transport", "UDP"),
            ("address", "10.0.0.20:5060"),
            ("connection_id", "general"),
            ("connection_reliable", "false"),
            ("route_params", "oconnection_id"),
            ("oconnection_id", "general"),
            ("sip_to", "sip:4020@pbx.example.net"),
            ("sip_user-agent", "Phone 1.0"),
        ],
    )
}

/// The record of an ended call, as the engine's CDR builder makes it.
fn record() -> Message {
    message(
        "call.cdr",
        &[
            ("time", "1767225601.120"),
            ("chan", "sip/17"),
            ("cdrid", "17"),
            ("runid", "1767225600"),
            ("operation", "finalize"),
            ("direction", "incoming"),
            ("duration", "61.300"),
            ("billtime", "58.100"),
            ("ringtime", "3.000"),
            ("status", "answered"),
            ("external", "10.0.0.20"),
            ("cdrwrite", "true"),
            ("billid", "1767225601-17"),
            ("reason", "normal"),
            ("address", "10.0.0.20:5060"),
            ("caller", "4020"),
            ("called", "4021"),
            ("calledfull", "4021"),
            ("username", "4020"),
            ("trace_id", "a1"),
        ],
    )
}
