// SPDX-License-Identifier: GPL-2.0-or-later

//! A call that goes from one node to another, each of them in plain Rust.

use clustering::auth::signature::{Keys, Nonce, Secret, Signed, Signer};
use clustering::cluster::Cluster;
use clustering::messages::Kind;
use clustering::text::Text;
use clustering::verdict::Action;

use crate::node::{Decided, Params, decide_at, named, params};

pub type Settings = [(&'static str, &'static str, &'static str)];

pub const NODES: &Settings = &[
    ("general", "regexp", "^node[0-9]$"),
    ("general", "callto", "sip/sip:cluster/@\\0"),
];
const SECRET: &str = "the old secret of the cluster";
pub const OLD: &Settings = &[("security", "secret", SECRET)];
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
    let uri = sent.value("callto").unwrap_or_default();
    let uri = uri.strip_prefix("sip/").unwrap_or(uri);
    let call = params(&[
        ("called", "cluster/"),
        ("ip_host", "192.0.2.1"),
        ("sip_uri", uri),
    ]);
    call.into_iter().chain(headers).collect()
}

/// The same call to `node2` as a node with version 1.0 sends it, which has the old secret.
pub fn released(call: &Params) -> Params {
    let field = |name: &str| {
        let found = call.iter().find(|(param, _)| param == name.as_bytes());
        found.map_or(&b""[..], |(_, value)| value)
    };
    let signed = Signed {
        origin: field("sip_x-nodename"),
        target: b"node2",
        callto: field("sip_x-callto"),
        billid: field("sip_x-billid"),
        username: field("sip_x-username"),
        visited: field("sip_x-visited"),
    };
    let secret = Secret::new(SECRET.as_bytes()).unwrap();
    let keys = Keys::new(secret, Secret::default());
    let nonce = Nonce {
        process: 10,
        count: 1,
    };
    let mut signature = Text::new();
    keys.sign(
        &signed,
        Signer::Released,
        NOW / SECOND,
        nonce,
        &mut signature,
    );
    let mut call = call.clone();
    call.retain(|(name, _)| !matches!(&**name, b"sip_x-cluster" | b"sip_x-signature"));
    call.push((b"sip_x-signature".to_vec(), signature.into_vec()));
    call
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
