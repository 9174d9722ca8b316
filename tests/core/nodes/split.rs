// SPDX-License-Identifier: GPL-2.0-or-later

//! Rooms that are split, because two nodes see different nodes alive.

use clustering::cluster::Cluster;
use clustering::messages::Kind;
use clustering::nodes::probe::Outcome;
use clustering::operator::counters::Counter;

use super::lab::{Setting, pass};
use crate::node::{Decided, SETTINGS, cluster, decide, entries};

const NODES: &[Setting] = &[
    ("node node1", "source", "192.0.2.1"),
    ("node node2", "source", "192.0.2.2"),
    ("node node3", "source", "192.0.2.3"),
];

fn view_of(dead: &'static str) -> Cluster {
    let cluster = cluster(&[NODES, SETTINGS]);
    pass(&cluster, 1, 60, |node| {
        if node == dead {
            Outcome::NoAnswer
        } else {
            Outcome::Answered(200)
        }
    });
    cluster
}

fn place(cluster: &Cluster, room: &str) -> Decided {
    decide(cluster, Kind::Locate, &[("callto", room)])
}

fn node_of(cluster: &Cluster, room: &str) -> String {
    String::from_utf8(place(cluster, room).retval.expect("it has a node")).unwrap()
}

/// A room with these places where all nodes are up, and where `node3` is down.
fn room(all: &str, without_node3: &str) -> String {
    let (whole, less) = (view_of(""), view_of("node3"));
    let mut rooms = (0..200).map(|room| format!("conf/{room}"));
    rooms
        .find(|room| node_of(&whole, room) == all && node_of(&less, room) == without_node3)
        .expect("there are many rooms")
}

/// A call to a room that `node2` has sent here.
fn arrives(cluster: &Cluster, room: &str) -> Decided {
    let call = [
        ("called", "cluster/"),
        ("sip_x-callto", room),
        ("sip_x-nodename", "node2"),
        ("ip_host", "192.0.2.2"),
    ];
    decide(cluster, Kind::Route, &call)
}

#[test]
fn a_room_that_another_node_places_here_and_this_one_elsewhere_is_split() {
    let room = room("node3", "node1");
    let node1 = view_of("");
    // Nobody has asked for it here.
    let line = arrives(&node1, &room).line;
    assert!(line.is_some_and(|line| line.starts_with("Request to ")));
    assert_eq!(node_of(&node1, &room), "node3");
    let call = arrives(&node1, &room);
    let line = format!(
        "Resource '{room}' is split: node 'node2' places it on this node, this node on node 'node3'"
    );
    assert_eq!(call.line, Some(line));
    assert_eq!(call.retval.as_deref(), Some(room.as_bytes()), "it goes on");
    assert_eq!(node1.count(Counter::Split), 1);
    // Another call is counted, too, but not logged so soon.
    arrives(&node1, &room);
    assert_eq!(node1.count(Counter::Split), 2);
    // As soon as this node sees it, too, all is well.
    pass(&node1, 100, 60, |node| match node {
        "node3" => Outcome::NoAnswer,
        _ => Outcome::Answered(200),
    });
    arrives(&node1, &room);
    assert_eq!(node1.count(Counter::Split), 2);
}

#[test]
fn a_room_that_all_nodes_place_here_is_whole() {
    let room = room("node1", "node1");
    let node1 = view_of("");
    assert_eq!(node_of(&node1, &room), "node1");
    arrives(&node1, &room);
    assert_eq!(node1.count(Counter::Split), 0);
}

#[test]
fn a_room_whose_node_is_down_is_placed_with_a_line_that_names_both() {
    let moved = room("node3", "node1");
    let stays = room("node1", "node1");
    let cluster = view_of("node3");
    let line = format!(
        "Resource '{moved}' is placed on node 'node1', because node 'node3' is down: if others still reach 'node3', \
         it is split"
    );
    assert_eq!(place(&cluster, &moved).line, Some(line));
    assert_eq!(place(&cluster, &stays).line, None);
    assert_eq!(cluster.count(Counter::Displaced), 1);
    let cluster = view_of("");
    assert_eq!(place(&cluster, &moved).line, None);
    assert_eq!(cluster.count(Counter::Displaced), 0);
}

#[test]
fn a_room_that_was_placed_long_ago_may_be_elsewhere_now() {
    let room = room("node3", "node1");
    let node1 = view_of("");
    let account: &[Setting] = &[("locate", "account", "rooms"), ("locate", "cache", "0")];
    assert_eq!(node_of(&node1, &room), "node3");
    // Others may have claimed it since.
    node1
        .load("", &entries(&[account, NODES, SETTINGS].concat()))
        .unwrap();
    arrives(&node1, &room);
    assert_eq!(node1.count(Counter::Split), 0);
}
