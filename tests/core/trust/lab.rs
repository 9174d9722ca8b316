// SPDX-License-Identifier: GPL-2.0-or-later

//! A call that goes from one node to another, each of them in plain Rust.

use clustering::cluster::Cluster;
use clustering::messages::Kind;
use clustering::verdict::Action;

use crate::node::{Decided, Params, decide_at, named, params};

pub type Settings = [(&'static str, &'static str, &'static str)];

pub const NODES: &Settings = &[
    ("general", "regexp", "^node[0-9]$"),
    ("general", "callto", "sip/sip:cluster/@\\0"),
];
pub const OLD: &Settings = &[("security", "secret", "the old secret of the cluster")];
pub const NEW: &Settings = &[("security", "secret", "the new secret of the cluster")];
pub const STILL_OLD: &Settings = &[(
    "security",
    "secret.previous",
    "the old secret of the cluster",
)];
pub const ALREADY_NEW: &Settings = &[(
    "security",
    "secret.previous",
    "the new secret of the cluster",
)];

/// An hour of some day, in microseconds.
pub const NOW: u64 = 1_795_383_063_000_000;
pub const SECOND: u64 = 1_000_000;

pub fn signing(name: &str) -> Cluster {
    named(name, &[OLD, NODES])
}

/// Sends a call to a resource of another node.
pub fn send_at(now: u64, from: &Cluster, to: &str, headers: &[(&str, &str)]) -> Decided {
    let target = format!("cluster/{to}/sip/sip:bob@192.0.2.9");
    let call = [
        ("callto", target.as_str()),
        ("billid", "1-2"),
        ("username", "alice"),
    ];
    decide_at(
        now,
        from,
        Kind::Execute,
        &params(&[&call, headers].concat()),
    )
}

/// The call that a node sent, as it arrives at another.
pub fn arrival(sent: &Decided) -> Params {
    let headers = sent.params.iter().filter_map(|(name, value)| {
        let name = name.strip_prefix(b"osip_")?;
        Some(([b"sip_", name].concat(), value.clone()))
    });
    let call = params(&[("called", "cluster/"), ("ip_host", "192.0.2.1")]);
    call.into_iter().chain(headers).collect()
}

pub fn receive_at(now: u64, to: &Cluster, call: &Params) -> Decided {
    decide_at(now, to, Kind::Route, call)
}

pub fn is_taken(decided: &Decided) -> bool {
    decided.retval.as_deref() == Some(b"sip/sip:bob@192.0.2.9")
}

/// Asserts that a call was refused, with this cause in its log line and in its counter.
pub fn assert_refused(decided: &Decided, cause: &str) {
    assert_eq!(decided.action, Action::Answer);
    assert_eq!(decided.retval.as_deref(), Some(&b"-"[..]));
    assert_eq!(decided.value("error"), Some("forbidden"));
    assert!(
        decided
            .params
            .iter()
            .all(|(name, _)| !name.starts_with(b"sip_x-"))
    );
    if let Some(line) = &decided.line {
        assert!(line.contains(cause), "{line}");
    }
}
