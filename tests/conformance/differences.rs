// SPDX-License-Identifier: GPL-2.0-or-later
//! The intended differences between the module and the stock one: each difference foretells the exact result.

use engine_bridge::posix_match;

use crate::case::{Case, Expected, Value};

/// The headers by which one node tells another about a call.
const HEADERS: [&str; 4] = [
    "sip_x-callto",
    "sip_x-billid",
    "sip_x-nodename",
    "sip_x-username",
];

/// A difference that the documentation names.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Difference {
    /// Settings that cannot work are refused: here the module stays disabled.
    RefusedSettings,
    /// Cluster headers from a sender that isn't trusted are taken off, and a call that needs them
    /// is refused.
    UntrustedHeaders,
    /// A node that doesn't match leaves the call untouched, but with a reason.
    NodeMismatch,
    /// So does a target that comes out empty.
    EmptyTarget,
    /// A header without a value isn't sent, and no `username` is made up.
    EmptyHeaders,
}

impl Difference {
    /// Those that occur when no sender is trusted, in the order in which they are applied.
    pub const ALL: [Self; 5] = [
        Self::RefusedSettings,
        Self::UntrustedHeaders,
        Self::NodeMismatch,
        Self::EmptyTarget,
        Self::EmptyHeaders,
    ];

    /// Those that are left when every sender is trusted.
    pub const TRUSTED: [Self; 4] = [
        Self::RefusedSettings,
        Self::NodeMismatch,
        Self::EmptyTarget,
        Self::EmptyHeaders,
    ];

    /// The result with this difference, given the result without it; `None` where it makes none.
    pub fn foretell(self, case: &Case, expected: &Expected) -> Option<Expected> {
        let mut changed = expected.clone();
        match self {
            Self::RefusedSettings => {
                if is_refused(case) {
                    changed = case.unchanged();
                }
            }
            _ if is_refused(case) => {}
            Self::UntrustedHeaders => untrusted_headers(case, &mut changed),
            Self::NodeMismatch => {
                if is_mismatch(case).unwrap_or(false) {
                    changed.set("error", Value::Exactly(Some(b"noroute".to_vec())));
                    changed.set("reason", Value::Beginning("no such cluster node"));
                }
            }
            Self::EmptyTarget => {
                let is_forwarded = |(name, _): &(Vec<u8>, Value)| name == b"osip_x-nodename";
                if is_mismatch(case) == Some(false) && !changed.params.iter().any(is_forwarded) {
                    changed.set("error", Value::Exactly(Some(b"noroute".to_vec())));
                    changed.set("reason", Value::Beginning("no target for cluster node"));
                }
            }
            Self::EmptyHeaders => empty_headers(case, &mut changed),
        }
        (changed != *expected).then_some(changed)
    }
}

/// A template with a reference that never ends.
fn is_refused(case: &Case) -> bool {
    let callto = case.setting("callto").unwrap_or_default();
    callto
        .rsplit_once("${")
        .is_some_and(|(_, rest)| !rest.contains('}'))
}

fn untrusted_headers(case: &Case, expected: &mut Expected) {
    if case.message != "call.route" {
        return;
    }
    let direct = case
        .param("called")
        .and_then(|called| called.strip_prefix(prefix(case).as_bytes()))
        .is_some_and(|rest| trim(rest).is_empty());
    if direct && case.param("sip_x-callto").is_some() {
        *expected = case.unchanged();
        expected.handled = true;
        expected.retval = b"-".to_vec();
        expected.set("error", Value::Exactly(Some(b"forbidden".to_vec())));
        expected.set(
            "reason",
            Value::Beginning("cluster headers from an untrusted"),
        );
    }
    expected.clear(&HEADERS);
}

fn empty_headers(case: &Case, expected: &mut Expected) {
    for params in &mut expected.locates {
        params.retain(|(name, value)| name != b"username" || value.is_some());
    }
    let forwarded = |(name, _): &(Vec<u8>, Value)| name == b"osip_x-nodename";
    if expected.params.iter().any(forwarded) {
        for (source, header) in [("billid", "osip_x-billid"), ("username", "osip_x-username")] {
            if case.param(source).is_none() {
                expected.clear(&[header]);
            }
        }
    }
}

/// Whether a call is for another node whose name doesn't match; `None` where it isn't for another
/// node.
fn is_mismatch(case: &Case) -> Option<bool> {
    if case.message != "call.execute" {
        return None;
    }
    let rest = case
        .param("callto")?
        .strip_prefix(prefix(case).as_bytes())?;
    let slash = rest.iter().position(|byte| *byte == b'/')?;
    let (mut node, resource) = (trim(&rest[..slash]), trim(&rest[slash + 1..]));
    if resource.is_empty() {
        return None;
    }
    if node == b"*" && case.setting("locate") != Some("") {
        node = located(resource)?.as_bytes();
    }
    if node.is_empty() || node == case.node.as_bytes() {
        return None;
    }
    let pattern = case.setting("regexp").unwrap_or_default();
    Some(posix_match(pattern.as_bytes(), node).is_none())
}

/// The node that serves a resource: the answers to the lookups of the recording, `None` for a failure.
pub fn located(resource: &[u8]) -> Option<&'static str> {
    let starts = |text: &str| resource.starts_with(text.as_bytes());
    if ["fail", "dash", "err"].into_iter().any(starts) {
        None
    } else if starts("local") {
        Some("node1")
    } else if starts("odd") {
        Some("???")
    } else {
        Some("node2")
    }
}

fn prefix(case: &Case) -> String {
    let prefix = case.setting("prefix").unwrap_or("cluster");
    let slash = if prefix.ends_with('/') { "" } else { "/" };
    format!("{prefix}{slash}")
}

/// Without blanks and tabs at both ends.
fn trim(text: &[u8]) -> &[u8] {
    let blank = |byte: &u8| matches!(byte, b' ' | b'\t');
    let start = text
        .iter()
        .position(|byte| !blank(byte))
        .unwrap_or(text.len());
    let end = text
        .iter()
        .rposition(|byte| !blank(byte))
        .map_or(start, |last| last + 1);
    &text[start..end]
}
