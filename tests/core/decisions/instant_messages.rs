// SPDX-License-Identifier: GPL-2.0-or-later

//! Instant messages go where calls would go.

use clustering::messages::{Kind, Reply};
use clustering::nodes::admin::AdminState;
use clustering::time::{MessageTimes, WallTime};
use clustering::verdict::{Action, Verdict};

use crate::node::{Decided, SETTINGS, cluster, decide, params};

const MESSAGE: [(&str, &str); 7] = [
    ("callto", "cluster/node2/sip/sip:bob@192.0.2.9"),
    ("called", "bob"),
    ("caller", "alice"),
    ("username", "alice"),
    ("sip_from", "<sip:alice@192.0.2.8>"),
    ("sip_x-nodename", "node9"),
    ("xsip_body", "hello"),
];

#[test]
fn an_instant_message_is_sent_as_a_copy_with_headers_of_the_cluster_only() {
    let decided = decide(&cluster(&[SETTINGS]), Kind::Message, &MESSAGE);
    assert_eq!(decided.action, Action::Send);
    for (name, value) in [
        ("callto", Some("sip/sip:cluster/bob@node2.example.net:502")),
        ("osip-prefix", Some("osip_")),
        ("osip_x-callto", Some("sip/sip:bob@192.0.2.9")),
        ("osip_x-nodename", Some("node1")),
        ("osip_x-username", Some("alice")),
        ("osip_x-visited", Some("node9;qFN_W1wY6iQ")),
        ("sip_x-nodename", None),
        ("xsip_body", Some("hello")),
        ("user", Some("alice")),
    ] {
        assert_eq!(decided.value(name), value, "{name}");
    }
}

#[test]
fn an_instant_message_that_reaches_the_phone_has_no_headers_of_the_cluster() {
    let cluster = cluster(&[SETTINGS]);
    for to in [
        "cluster/node1/sip/sip:bob@192.0.2.9",
        "sip/sip:bob@192.0.2.9",
    ] {
        let message = [&[("callto", to)], &MESSAGE[1..]].concat();
        let decided = decide(&cluster, Kind::Message, &message);
        assert_eq!(decided.action, Action::Change, "{to}");
        assert_eq!(decided.value("callto"), Some("sip/sip:bob@192.0.2.9"));
        assert_eq!(decided.value("sip_x-nodename"), None);
        assert_eq!(decided.value("osip-prefix"), Some("osip_"));
        assert_eq!(decided.value("user"), Some("alice"));
    }
}

#[test]
fn an_instant_message_keeps_the_sender_that_it_was_given() {
    let message = [&[("user", "desk")], &MESSAGE[..]].concat();
    let decided = decide(&cluster(&[SETTINGS]), Kind::Message, &message);
    assert_eq!(decided.value("user"), Some("desk"));
}

#[test]
fn an_instant_message_that_fails_has_a_numeric_code() {
    let cluster = cluster(&[SETTINGS]);
    for (to, origin, error, code) in [
        ("cluster/pbx9/x/1", "node9", "noroute", "404"),
        ("cluster/node2/x/1", "node2", "looping", "483"),
    ] {
        let message = [
            ("callto", to),
            ("sip_x-nodename", origin),
            ("sip_x-visited", "node8"),
        ];
        let decided = decide(&cluster, Kind::Message, &message);
        assert_eq!(decided.value("error"), Some(error));
        assert_eq!(decided.value("code"), Some(code));
        let call = decide(&cluster, Kind::Execute, &message);
        assert_eq!(call.value("code"), None, "of a call the word decides");
    }
}

#[test]
fn the_log_calls_a_message_a_message() {
    let section = [("node node2", "weight", "100")];
    let cluster = cluster(&[&section, SETTINGS]);
    let line = |kind| decide(&cluster, kind, &MESSAGE).line.unwrap();
    let way = "to 'sip/sip:bob@192.0.2.9' on node 'node2' goes to 'sip/sip:cluster/bob@node2.example.net:502'";
    assert_eq!(line(Kind::Message), format!("Message {way}"));
    assert_eq!(line(Kind::Execute), format!("Call {way}"));
    cluster.set_admin(b"node2", AdminState::Disabled);
    assert_eq!(
        line(Kind::Message),
        "Message to 'sip/sip:bob@192.0.2.9' failed: node 'node2' is disabled"
    );
}

#[test]
fn a_message_whose_node_is_looked_for_is_sent_when_it_is_found() {
    let cluster = cluster(&[SETTINGS]);
    let message = params(&[("callto", "cluster/*/conf/1"), ("called", "room")]);
    let message = message.as_slice();
    let mut pending = Verdict::default();
    cluster.decide(
        Kind::Message,
        &message,
        true,
        MessageTimes::at(WallTime(1)),
        &mut pending,
    );
    assert_eq!(pending.action, Action::Locate);
    for (node, action) in [("node2", Action::Send), ("node1", Action::Change)] {
        let answer = Reply {
            handled: true,
            retval: node.as_bytes(),
            ..Reply::default()
        };
        let mut verdict = Verdict::default();
        cluster.resume(
            &pending,
            &message,
            &answer,
            MessageTimes::at(WallTime(1)),
            &mut verdict,
        );
        assert_eq!(verdict.action, action, "{node}");
    }
}

#[test]
fn a_message_whose_node_is_disabled_or_not_found_is_answered_as_to_a_phone_that_is_off() {
    let section = [("node node2", "weight", "100")];
    let cluster = cluster(&[&section, SETTINGS]);
    cluster.set_admin(b"node2", AdminState::Disabled);
    let decided = decide(&cluster, Kind::Message, &MESSAGE);
    assert_eq!(decided.value("error"), Some("offline"));
    assert_eq!(decided.value("code"), Some("480"));

    let message = params(&[("callto", "cluster/*/conf/1"), ("called", "room")]);
    let mut pending = Verdict::default();
    cluster.decide(
        Kind::Message,
        &message.as_slice(),
        true,
        MessageTimes::at(WallTime(1)),
        &mut pending,
    );
    let mut verdict = Verdict::default();
    let nobody = Reply::default();
    cluster.resume(
        &pending,
        &message.as_slice(),
        &nobody,
        MessageTimes::at(WallTime(1)),
        &mut verdict,
    );
    let decided = Decided::new(&verdict, &message);
    assert_eq!(decided.value("error"), Some("failure"));
    assert_eq!(decided.value("code"), Some("480"));
}
