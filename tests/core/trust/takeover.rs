// SPDX-License-Identifier: GPL-2.0-or-later

//! A node that has taken over another one accepts what was meant for that, and nothing else.

use clustering::cluster::Cluster;
use clustering::event::INTERVAL;
use clustering::messages::Kind;
use clustering::operator::counters::Counter;
use proptest::prelude::*;

use super::lab::{
    NODES, NOW, OLD, SECOND, Settings, assert_refused, is_taken, receive_at, released, send_at,
    signing,
};
use crate::node::{Decided, Params, decide_at, named};

const SECTIONS: &Settings = &[
    ("node node1", "weight", "100"),
    ("node node2", "weight", "100"),
    ("node node3", "weight", "100"),
];

/// The call as it arrives: names of headers come in lower case.
fn arrival(sent: &Decided) -> Params {
    let mut call = super::lab::arrival(sent);
    for (name, _) in &mut call {
        name.make_ascii_lowercase();
    }
    call
}

/// A node that has taken over `node2`.
fn taker(settings: &[&Settings]) -> Cluster {
    let cluster = named("node1", &[settings, &[SECTIONS, NODES]].concat());
    cluster.take_over(b"node2", b"").unwrap();
    cluster
}

#[test]
fn a_call_that_was_signed_for_the_other_node_is_accepted() {
    for headers in [
        &[][..],
        &[("osip_Alert-Info", "<urn:x>"), ("calledname", "Bob")],
    ] {
        let from = signing("node3");
        let sent = send_at(NOW, &from, "node2", headers);
        let is_extended = sent.value("osip_x-cluster").is_some();
        assert_eq!(is_extended, !headers.is_empty());
        let call = arrival(&sent);
        let to = taker(&[OLD]);
        let before = decide_at(NOW, &to, Kind::Preroute, &call);
        assert_eq!(before.value("billid"), Some("1-2"));
        let received = receive_at(NOW, &to, &call);
        assert!(is_taken(&received));
        let alert = received.value("osip_Alert-Info");
        assert_eq!(alert, is_extended.then_some("<urn:x>"));
        assert_refused(&receive_at(NOW, &to, &call), "used before");

        to.release(b"node2", b"").unwrap();
        let sent = send_at(NOW, &from, "node2", headers);
        assert_refused(&receive_at(NOW, &to, &arrival(&sent)), "this node");
        // Its own calls come as before.
        let sent = send_at(NOW, &from, "node1", headers);
        assert!(is_taken(&receive_at(NOW, &to, &arrival(&sent))));
    }
}

#[test]
fn what_was_signed_for_a_third_node_is_refused() {
    let sent = send_at(NOW, &signing("node1"), "node3", &[]);
    assert_refused(
        &receive_at(NOW, &taker(&[OLD]), &arrival(&sent)),
        "this node",
    );
}

#[test]
fn a_call_from_the_other_node_is_a_line_of_the_log_and_is_accepted() {
    let to = taker(&[OLD]);
    let alive = "Call from 192.0.2.1 says that it comes from node 'node2', which this node has taken over: release it, \
                 or stop the other engine";
    for (later, line) in [(0, Some(alive)), (SECOND, None), (INTERVAL, Some(alive))] {
        let now = NOW + later;
        let call = arrival(&send_at(now, &signing("node2"), "node1", &[]));
        let received = receive_at(now, &to, &call);
        assert!(is_taken(&received));
        let said = received.line.filter(|line| line.contains("taken over"));
        let said = said.map(|line| line.split(" (").next().unwrap().to_owned());
        assert_eq!(said.as_deref(), line);
    }
    // A forged one says nothing.
    let mut call = arrival(&send_at(NOW, &signing("node2"), "node1", &[]));
    call.retain(|(name, _)| name != b"sip_x-signature");
    assert_refused(&receive_at(NOW + 2 * INTERVAL, &to, &call), "no signature");
    assert_eq!(to.count(Counter::Unsigned), 1);
}

#[test]
fn without_any_setting_of_trust_the_address_of_the_sender_counts_as_before() {
    let callto: &Settings = &[
        ("node node3", "callto", "sip/sip:cluster/@192.0.2.1"),
        ("node node2", "callto", "sip/sip:cluster/@192.0.2.7"),
    ];
    let to = taker(&[callto]);
    let from = named("node3", &[callto, SECTIONS, NODES]);
    let call = arrival(&send_at(NOW, &from, "node2", &[]));
    assert!(is_taken(&receive_at(NOW, &to, &call)));
    let mut other = call;
    for (name, value) in &mut other {
        if name == b"ip_host" {
            *value = b"192.0.2.8".to_vec();
        }
    }
    assert_refused(&receive_at(NOW, &to, &other), "is not that of the node");
}

/// The parts of an outcome that don't depend on the name of the node that comes to it.
fn outcome(decided: &Decided, node: &str) -> (String, Option<Vec<u8>>, Params) {
    let reason = decided
        .value("reason")
        .unwrap_or_default()
        .replace(node, "NODE");
    let mut params = decided.params.clone();
    params.retain(|(name, _)| name != b"reason");
    (reason, decided.retval.clone(), params)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(256))]

    /// Whatever becomes of a call on its way.
    #[test]
    fn the_verdict_is_that_of_the_node_that_is_taken_over(
        is_extended in any::<bool>(),
        is_old in any::<bool>(),
        has_secret in any::<bool>(),
        template in prop::sample::select(vec!["sip/sip:cluster/@\\0", "sip/sip:cluster/\\0@h", "sip/sip:cluster/${called}@\\0"]),
        change in prop::option::of((0..12_usize, "[a-z/]{0,4}")),
        late in 0..40_u64,
        to in prop::sample::select(vec!["node2", "node3"]),
        twice in any::<bool>(),
    ) {
        let callto: &[(&str, &str, &str)] = &[("general", "callto", template)];
        let secret: &Settings = if has_secret { OLD } else { &[("security", "trusted", "192.0.2.0/24")] };
        let settings = [callto, secret, SECTIONS, NODES];
        let [from, other, taker] = ["node3", "node2", "node1"].map(|name| named(name, &settings));
        let from = if to == "node3" { named("node1", &settings) } else { from };
        taker.take_over(b"node2", b"").unwrap();
        let headers: &[(&str, &str)] = if is_extended {
            &[("osip_Alert-Info", "<urn:x>"), ("called", "700")]
        } else {
            &[("called", "700")]
        };
        let sent = send_at(NOW, &from, to, headers);
        let mut call = arrival(&sent);
        let user = sent.value("callto").unwrap().strip_prefix("sip/sip:").unwrap();
        let user = user.split('@').next().unwrap().to_owned();
        call[0].1 = user.into_bytes();
        if is_old && has_secret {
            call = released(&call);
        }
        if let Some((at, text)) = change {
            let at = at % call.len();
            if text.is_empty() {
                call.remove(at);
            } else {
                call[at].1.extend_from_slice(text.as_bytes());
            }
        }
        let now = NOW + late * SECOND;
        for _ in 0..=usize::from(twice) {
            let [expected, found] = [&other, &taker].map(|node| receive_at(now, node, &call));
            prop_assert_eq!(expected.action, found.action);
            prop_assert_eq!(outcome(&expected, "node2"), outcome(&found, "node1"));
        }
        for counter in Counter::ALL {
            prop_assert_eq!(other.count(*counter), taker.count(*counter), "{:?}", counter);
        }
    }
}
