// SPDX-License-Identifier: GPL-2.0-or-later

//! The ways that a call may go, and the number of its hops.

use clustering::cluster::Cluster;
use clustering::messages::Kind;
use clustering::operator::counters::Counter;

use super::lab::{NODES, NOW, Settings, arrival, is_taken, receive_at, send_at, signing};
use crate::node::{Decided, decide_at, named, params};

/// The headers of a call are still on it when it is placed.
fn headers(received: &Decided) -> Vec<(String, String)> {
    let text = |bytes: &[u8]| String::from_utf8(bytes.to_vec()).unwrap();
    let params = received.params.iter();
    let headers = params.filter(|(name, _)| name.starts_with(b"sip_"));
    headers.map(|(n, v)| (text(n), text(v))).collect()
}

/// A call that a node got goes on to another one.
fn send_on(from: &Cluster, to: &str, received: &Decided) -> Decided {
    let headers = headers(received);
    let headers: Vec<_> = headers
        .iter()
        .map(|(n, v)| (n.as_str(), v.as_str()))
        .collect();
    send_at(NOW, from, to, &headers)
}

/// Two nodes that are configured against each other end in an error, not in traffic.
#[test]
fn a_node_is_not_asked_for_the_same_thing_twice() {
    let (one, two) = (signing("node1"), signing("node2"));
    let first = send_at(NOW, &one, "node2", &[]);
    assert_eq!(first.value("osip_x-visited"), None);
    let received = receive_at(NOW, &two, &arrival(&first));
    assert!(is_taken(&received));

    // The first node was asked for nothing yet.
    let back = send_on(&two, "node1", &received);
    let visited = back.value("osip_x-visited").unwrap();
    assert!(visited.starts_with("node1;"), "{visited}");
    let received = receive_at(NOW, &one, &arrival(&back));
    assert!(is_taken(&received));

    let again = send_on(&one, "node2", &received);
    assert_eq!(again.value("error"), Some("looping"));
    assert_eq!(
        again.value("callto"),
        Some("cluster/node2/sip/sip:bob@192.0.2.9")
    );
    assert!(
        again
            .line
            .as_deref()
            .is_some_and(|line| line.contains("looping at node 'node2' after ")),
        "{:?}",
        again.line
    );
    let on = send_on(&one, "node3", &received);
    assert!(is_taken(&receive_at(NOW, &signing("node3"), &arrival(&on))));
    assert_eq!(one.count(Counter::Looping), 1);
}

/// A node with other rules has sent it all the same.
#[test]
fn a_call_that_comes_back_for_the_same_thing_is_refused() {
    let (one, two) = (signing("node1"), signing("node2"));
    let received = receive_at(NOW, &two, &arrival(&send_at(NOW, &one, "node2", &[])));
    let received = receive_at(NOW, &one, &arrival(&send_on(&two, "node1", &received)));
    // Under another name it would be no loop.
    let sent = send_on(&one, "node3", &received);
    let (visited, call) = (
        sent.value("osip_x-visited").unwrap(),
        |callto: &str, visited: &str| {
            let trusting: &Settings = &[("security", "trusted", "*")];
            let call = params(&[
                ("called", "cluster/"),
                ("sip_x-callto", callto),
                ("sip_x-nodename", "node1"),
                ("sip_x-visited", visited),
            ]);
            receive_at(NOW, &named("node2", &[trusting, NODES]), &call)
        },
    );
    let again = call("sip/sip:bob@192.0.2.9", visited);
    assert_eq!(again.value("error"), Some("looping"));
    assert_eq!(
        again.value("reason"),
        Some("node 'node2' was asked for the same before")
    );
    assert_eq!(again.retval.as_deref(), Some(&b"-"[..]));
    assert!(is_taken(&call("sip/sip:bob@192.0.2.9", "node2")));
    assert_eq!(
        call("park/1", visited).retval.as_deref(),
        Some(&b"park/1"[..])
    );
}

/// Nodes with version 1.0 write no marks of their requests.
#[test]
fn whom_an_older_node_has_asked_is_not_asked_again() {
    let trusting: &Settings = &[("security", "trusted", "*")];
    let node = named("node1", &[trusting, NODES]);
    let older = [
        ("sip_x-callto", "park/1"),
        ("sip_x-nodename", "node4"),
        ("sip_x-visited", "node2, node3 "),
    ];
    assert_eq!(
        send_at(NOW, &node, "node3", &older).value("error"),
        Some("looping")
    );
    assert_eq!(send_at(NOW, &node, "node2", &older).value("error"), None);
    let call = [&[("called", "cluster/")], &older[..]].concat();
    for (visited, error) in [("node1", None), ("node2,node1", Some("looping"))] {
        let mut call = params(&call);
        call.last_mut().unwrap().1 = visited.into();
        let decided = receive_at(NOW, &node, &call);
        assert_eq!(decided.value("error"), error, "{visited}");
    }
}

/// A fork on each node makes many branches of one call.
#[test]
fn a_fork_does_not_multiply_a_call_without_end() {
    let node = signing("node1");
    let sent = |billid: &str, visited: &str| {
        let headers = [
            ("billid", billid),
            ("sip_x-nodename", "node3"),
            ("sip_x-visited", visited),
        ];
        let mut call = vec![("callto", "cluster/node2/park/1")];
        call.extend(headers);
        decide_at(NOW, &node, Kind::Execute, &params(&call))
            .value("error")
            .is_none()
    };
    let on = |billid, visited| (0..200).filter(|_| sent(billid, visited)).count();
    // A group of any size is rung on whichever nodes its phones are.
    assert_eq!(on("1-1", ""), 200);
    assert_eq!(on("1-1", "node4"), 32);
    assert_eq!(on("1-2", "node4"), 32);
}

#[test]
fn a_call_is_forwarded_a_bounded_number_of_times() {
    let few: &Settings = &[("general", "hops", "2")];
    let node = named("node9", &[few, NODES]);
    let one = [("sip_x-nodename", "node1")];
    assert_eq!(send_at(NOW, &node, "node2", &one).value("error"), None);
    let two = [("sip_x-nodename", "node3"), ("sip_x-visited", "node1")];
    let decided = send_at(NOW, &node, "node2", &two);
    assert_eq!(decided.value("error"), Some("looping"));
    assert_eq!(
        decided.value("reason"),
        Some("too many hops on the way to node 'node2'")
    );
    let line = "Call to 'sip/sip:bob@192.0.2.9' has too many hops at node 'node2': 3, the limit is 2 ([general] hops)";
    assert_eq!(decided.line.as_deref(), Some(line));
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
        let decided = receive_at(NOW, &node, &call);
        assert_eq!(decided.value("error"), error, "{visited}");
        if error.is_some() {
            assert_eq!(
                decided.value("reason"),
                Some("too many hops before node 'node9'")
            );
            assert_eq!(
                decided.line.as_deref(),
                Some(
                    "Call to 'cluster/' has too many hops at node 'node9': 3, the limit is 2 ([general] hops)"
                )
            );
        }
    }
}

/// The nodes that a call was on are not blamed for its branches.
#[test]
fn a_call_with_too_many_branches_hears_so() {
    let node = signing("node1");
    let call = params(&[
        ("callto", "cluster/node2/park/1"),
        ("billid", "1-1"),
        ("sip_x-nodename", "node3"),
        ("sip_x-visited", "node4"),
    ]);
    let last = (0..33).map(|_| decide_at(NOW, &node, Kind::Execute, &call));
    let last = last.last().unwrap();
    assert_eq!(
        last.value("reason"),
        Some("too many branches on the way to node 'node2'")
    );
    assert_eq!(
        last.line.as_deref(),
        Some("Call to 'park/1' has too many branches on the way to node 'node2' after 2 hops")
    );
}
