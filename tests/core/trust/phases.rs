// SPDX-License-Identifier: GPL-2.0-or-later

//! The first secret of a cluster is introduced node by node, or its last one given up. Meanwhile calls are
//! signed, and those that aren't are accepted.

use clustering::cluster::Cluster;
use clustering::file::Document;
use clustering::messages::Kind;
use clustering::operator::counters::Counter;
use clustering::operator::{check, status};
use proptest::prelude::*;

use super::lab::{
    NEW, NODES, NOW, OLD, SECOND, Settings, arrival, assert_refused, is_taken, receive_at, send_at,
};
use crate::node::{Params, decide_at, entries, named, params};

const TRUSTED: &Settings = &[("security", "trusted", "192.0.2.0/24")];
const OPTIONAL: &Settings = &[("security", "secret.required", "no")];
/// Nobody, nobody must, everybody must sign.
const PHASES: [&[&Settings]; 3] = [
    &[TRUSTED, NODES],
    &[OLD, OPTIONAL, TRUSTED, NODES],
    &[OLD, TRUSTED, NODES],
];

fn between() -> Cluster {
    named("node2", PHASES[1])
}

fn call_of(settings: &[&Settings]) -> Params {
    arrival(&send_at(NOW, &named("node1", settings), "node2", &[]))
}

#[test]
fn a_call_without_a_signature_is_taken_from_a_trusted_sender_counted_and_logged() {
    let to = between();
    let received = receive_at(NOW, &to, &call_of(PHASES[0]));
    assert!(is_taken(&received));
    let line = received.line.unwrap();
    let said = "Node 'node1' at 192.0.2.1 will be refused when secret.required=no is removed from \
                [security]: it has no signature";
    assert_eq!(line, said);
    assert_eq!(to.count(Counter::Unverified), 1);
    assert_eq!(to.count(Counter::Unsigned), 0);

    let mut call = call_of(PHASES[0]);
    call.retain(|(name, _)| name != b"ip_host");
    call.extend(params(&[("ip_host", "198.51.100.9")]));
    assert_refused(&receive_at(NOW, &to, &call), "the sender is not trusted");
}

#[test]
fn a_call_that_is_signed_as_it_will_have_to_be_is_not_counted() {
    let to = between();
    for (settings, later) in [(PHASES[1], 0), (PHASES[2], SECOND)] {
        let from = named("node1", settings);
        let sent = send_at(NOW + later, &from, "node2", &[]);
        assert!(is_taken(&receive_at(NOW + later, &to, &arrival(&sent))));
    }
    assert_eq!(to.count(Counter::Unverified), 0);
    let text = status::params(&to);
    assert!(text.contains(",signatures=optional,"), "{text}");
    assert!(text.contains(",unverified=0,"), "{text}");
    let text = status::metrics(&to);
    assert!(
        text.contains("\nyate_clustering_unverified_total 0\n"),
        "{text}"
    );
}

/// A secret that was mistyped, or a clock that is wrong, must cost no call yet.
#[test]
fn a_wrong_signature_of_a_trusted_sender_is_counted_and_taken() {
    let to = between();
    let wrong = call_of(&[NEW, TRUSTED, NODES]);
    let late = call_of(PHASES[1]);
    let mut altered = call_of(PHASES[1]);
    altered[0].1 = b"cluster/700".to_vec();
    altered[2].1 = b"sip:cluster/700@node2".to_vec();
    for (number, (now, call, cause)) in [
        (NOW, wrong, "its signature is not valid"),
        (NOW + 20 * SECOND, altered.clone(), "its request URI"),
        (
            NOW + 40 * SECOND,
            altered,
            "its signature is 40 seconds off",
        ),
        (NOW + 60 * SECOND, late, "its signature is 60 seconds off"),
    ]
    .into_iter()
    .enumerate()
    {
        let received = receive_at(now, &to, &call);
        assert_eq!(received.value("sip_x-username"), Some("alice"), "{cause}");
        let line = received.line.unwrap_or_default();
        assert!(line.contains(cause), "{line}");
        assert_eq!(to.count(Counter::Unverified), number as u64 + 1);
    }
}

#[test]
fn two_targets_are_refused_as_they_are_without_a_secret() {
    let target = ("callto", "cluster/node2/sip/sip:bob@192.0.2.9;line=;ob");
    let from = named("node1", PHASES[0]);
    let sent = decide_at(NOW, &from, Kind::Execute, &params(&[target]));
    let mut call = arrival(&sent);
    for (name, value) in &mut call {
        if name == b"sip_x-callto" {
            *value = b"park/1".to_vec();
        }
    }
    assert_refused(&receive_at(NOW, &between(), &call), "different targets");
}

#[test]
fn where_nobody_is_trusted_only_signed_calls_are_taken() {
    let to = named("node2", &[OLD, OPTIONAL, NODES]);
    let decided = receive_at(NOW, &to, &call_of(PHASES[0]));
    assert_refused(&decided, "it has no signature");
    let line = decided.line.unwrap();
    assert!(line.contains("set 'trusted' in [security]"), "{line}");
    assert!(is_taken(&receive_at(NOW, &to, &call_of(PHASES[2]))));
}

#[test]
fn a_call_without_a_signature_goes_on_with_its_billid() {
    let to = between();
    let decided = decide_at(NOW, &to, Kind::Preroute, &call_of(PHASES[0]));
    assert_eq!(decided.value("billid"), Some("1-2"));
    assert_eq!(to.count(Counter::Unverified), 0, "it will be routed");
}

#[test]
fn a_check_of_the_file_says_that_signatures_are_not_required() {
    let to = named("node2", PHASES[2]);
    let said = "calls of trusted senders are accepted without a valid signature: [security] secret.required";
    let check = |settings: &[&Settings]| {
        check::check(&to, "f", &entries(&settings.concat()), &Document::default())
    };
    assert!(check(PHASES[1]).contains(said), "{}", check(PHASES[1]));
    assert!(!check(PHASES[0]).contains(said));
    assert!(!check(PHASES[2]).contains(said));
}

proptest! {
    /// Nodes change from one phase to the next in any order, there and back, and all call each other meanwhile.
    #[test]
    fn no_call_is_lost_while_a_secret_is_introduced_or_given_up(
        orders in prop::collection::vec(Just([0, 1, 2]).prop_shuffle(), 4)
    ) {
        const NAMES: [&str; 3] = ["node1", "node2", "node3"];
        let nodes = NAMES.map(|name| named(name, PHASES[0]));
        let mut now = NOW;
        for (phase, order) in [1, 2, 1, 0].into_iter().zip(orders) {
            for next in order {
                let settings = PHASES[phase].concat();
                nodes[next].load("f", &entries(&settings)).unwrap();
                now += SECOND;
                for from in 0..3 {
                    for to in (0..3).filter(|&to| to != from) {
                        let sent = send_at(now, &nodes[from], NAMES[to], &[]);
                        let received = receive_at(now, &nodes[to], &arrival(&sent));
                        prop_assert!(is_taken(&received), "{from} to {to} in phase {phase}");
                    }
                }
            }
        }
        for node in &nodes {
            for counter in [Counter::Unsigned, Counter::Forged, Counter::Untrusted] {
                prop_assert_eq!(node.count(counter), 0);
            }
        }
    }
}
