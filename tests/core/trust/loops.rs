// SPDX-License-Identifier: GPL-2.0-or-later

//! Where a call may go, and how often.

use clustering::operator::counters::Counter;

use super::lab::{NODES, NOW, Settings, arrival, is_taken, receive_at, send_at, signing};
use crate::node::{named, params};

/// Two nodes that are configured against each other end in an error, not in traffic.
#[test]
fn a_call_does_not_come_to_a_node_twice() {
    let (one, two) = (signing("node1"), signing("node2"));
    let first = send_at(NOW, &one, "node2", &[]);
    assert_eq!(first.value("osip_x-visited"), None);
    let received = receive_at(NOW, &two, &arrival(&first));
    assert!(is_taken(&received));
    // The headers of the call are still on it when it is placed.
    let headers: Vec<_> = received
        .params
        .iter()
        .filter(|(n, _)| n.starts_with(b"sip_"))
        .collect();
    let text = |bytes: &[u8]| String::from_utf8(bytes.to_vec()).unwrap();
    let headers: Vec<_> = headers.iter().map(|(n, v)| (text(n), text(v))).collect();
    let headers: Vec<_> = headers
        .iter()
        .map(|(n, v)| (n.as_str(), v.as_str()))
        .collect();

    let back = send_at(NOW, &two, "node1", &headers);
    assert_eq!(back.value("error"), Some("looping"));
    assert_eq!(
        back.value("callto"),
        Some("cluster/node1/sip/sip:bob@192.0.2.9")
    );
    assert!(
        back.line
            .as_deref()
            .is_some_and(|line| line.contains("'node1' again")),
        "{:?}",
        back.line
    );

    let on = send_at(NOW, &two, "node3", &headers);
    assert_eq!(on.value("osip_x-visited"), Some("node1"));
    assert!(is_taken(&receive_at(NOW, &signing("node3"), &arrival(&on))));
    assert_eq!(two.count(Counter::Looping), 1);
}

#[test]
fn a_call_that_comes_back_all_the_same_is_refused() {
    let trusting: &Settings = &[("security", "trusted", "*")];
    let node = named("node1", &[trusting, NODES]);
    for (origin, visited) in [
        ("node1", ""),
        ("node3", "node1"),
        ("node3", "node2, node1 ,node4"),
    ] {
        let call = params(&[
            ("called", "cluster/"),
            ("sip_x-callto", "park/1"),
            ("sip_x-nodename", origin),
            ("sip_x-visited", visited),
        ]);
        let decided = receive_at(NOW, &node, &call);
        assert_eq!(
            decided.value("error"),
            Some("looping"),
            "{origin} {visited}"
        );
        assert_eq!(decided.retval.as_deref(), Some(&b"-"[..]));
    }
}

#[test]
fn a_call_is_forwarded_a_bounded_number_of_times() {
    let few: &Settings = &[("general", "hops", "2")];
    let node = named("node9", &[few, NODES]);
    let one = [("sip_x-nodename", "node1")];
    assert_eq!(send_at(NOW, &node, "node2", &one).value("error"), None);
    let two = [("sip_x-nodename", "node3"), ("sip_x-visited", "node1")];
    assert_eq!(
        send_at(NOW, &node, "node2", &two).value("error"),
        Some("looping")
    );
}

#[test]
fn a_call_that_was_forwarded_too_often_is_refused_where_it_arrives() {
    let few: &Settings = &[("general", "hops", "2"), ("security", "trusted", "*")];
    let node = named("node9", &[few, NODES]);
    for (visited, error) in [("node1", None), ("node1,node2", Some("looping"))] {
        let call = params(&[
            ("called", "cluster/"),
            ("sip_x-callto", "park/1"),
            ("sip_x-nodename", "node3"),
            ("sip_x-visited", visited),
        ]);
        assert_eq!(
            receive_at(NOW, &node, &call).value("error"),
            error,
            "{visited}"
        );
    }
}
