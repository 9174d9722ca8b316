// SPDX-License-Identifier: GPL-2.0-or-later

//! Nodes that are neither well nor dead: they hang, or are seen by some of the others only.

use std::thread;
use std::time::Duration;

use engine_process::patiently;

use crate::health::log_with_up;
use crate::lab::Lab;

const FILE: &str = "clustering.conf";
/// A list of nodes in the database of claims.
const LIST: &str = "[cluster]\naccount=claims\npoll=1\n[locate]\ncache=0\n\
                    [health]\ninterval=1\ntimeout=1\nfall=2\nrise=1\n";
const PAIR: [&str; 2] = ["node1", "node3"];
const ROOMS: u32 = 60;

/// The places of some rooms, as a node has them.
fn places(lab: &Lab, node: &str) -> Vec<String> {
    (0..ROOMS).map(|room| lab.node(node).places(room)).collect()
}

#[test]
#[ignore = "needs a real engine: YATE_ROOT"]
fn a_node_that_hangs_is_down_for_all_and_its_rooms_move_once() {
    let lab = Lab::of(3).probed().start();
    let logs = [
        log_with_up(&lab, "node1", &["node2", "node3"]),
        log_with_up(&lab, "node2", &["node1", "node3"]),
    ];
    let before = places(&lab, "node1");
    assert_eq!(places(&lab, "node2"), before);
    lab.node("node3").signal("STOP");
    for log in &logs {
        log.wait_for("Node 'node3' is down: no answer to a probe");
    }
    let during = places(&lab, "node1");
    assert_eq!(
        places(&lab, "node2"),
        during,
        "the same answer from all sides"
    );
    for (before, during) in before.iter().zip(&during) {
        assert_ne!(during, "node3");
        assert!(before == "node3" || before == during, "nothing else moves");
    }
    // It stays so however long it hangs.
    thread::sleep(Duration::from_secs(5));
    assert_eq!(places(&lab, "node1"), during);
    lab.node("node3").signal("CONT");
    for log in &logs {
        log.wait_for("Node 'node3' is up: answered 200; it was down for ");
    }
    assert_eq!(places(&lab, "node1"), before);
    assert_eq!(places(&lab, "node2"), before);
    // A probe after the other is answered now.
    thread::sleep(Duration::from_secs(5));
    for log in &logs {
        assert_eq!(log.count("Node 'node"), 2, "no flapping: {}", log.text());
    }
}

/// A section by which the way to a node is dead: it is probed where nobody answers, and called nowhere.
fn dead(lab: &Lab, node: &str) -> String {
    format!("[node {node}]\nprobe=sip:{}:5060\n", lab.address(77))
}

/// The way from `node2` to `node3` is dead.
#[test]
#[ignore = "needs a real engine: YATE_ROOT"]
fn a_room_is_split_where_only_one_node_sees_another_and_the_log_says_so() {
    let plan = Lab::of(3)
        .probed()
        .dial("^room\\([0-9]*\\)$=cluster/*/conf/\\1");
    let lab = plan.start();
    let (node1, node2) = (lab.node("node1"), lab.node("node2"));
    let log1 = log_with_up(&lab, "node1", &["node2", "node3"]);
    let log2 = log_with_up(&lab, "node2", &["node1", "node3"]);
    let before = places(&lab, "node1");
    let file = node2.configuration(FILE);
    node2.configure(FILE, &(dead(&lab, "node3") + &file));
    node2.command("reload clustering");
    log2.wait_for("Node 'node3' is down: no answer to a probe");
    let during = places(&lab, "node2");
    assert_eq!(places(&lab, "node1"), before);
    let line =
        log2.wait_for("because node 'node3' is down: if others still reach 'node3', it is split");
    assert!(line.contains("Resource 'conf/"), "{line}");
    assert_ne!(node2.status().get("displaced"), "0");

    let rooms = before.iter().zip(&during);
    let room = rooms
        .clone()
        .position(|(one, two)| one == "node3" && two == "node1");
    let room = room.expect("there are many rooms");
    let (carol, dave) = (
        lab.phone("carol").at("node1"),
        lab.phone("dave").at("node2"),
    );
    let talks = [&carol, &dave].map(|guest| guest.call(&format!("room{room}")).answered());
    let line =
        log1.wait_for("is split: node 'node2' places it on this node, this node on node 'node3'");
    assert!(line.contains(&format!("Resource 'conf/{room}'")), "{line}");
    assert_eq!(node1.status().get("split"), "1");
    for talk in talks {
        talk.hang_up();
    }

    // It heals: the same answer from all sides at once, and no more changes.
    node2.configure(FILE, &file);
    node2.command("reload clustering");
    log2.wait_for("Node 'node3' is up: answered 200; it was unknown for ");
    assert_eq!(places(&lab, "node2"), before);
    thread::sleep(Duration::from_secs(4));
    assert_eq!(log1.count("Node 'node"), 0, "{}", log1.text());
    assert_eq!(log2.count("Node 'node3' is down"), 1, "{}", log2.text());
    assert_eq!(places(&lab, "node2"), before);
}

/// The two of the pair don't see each other, all others see both, and so does the database.
#[test]
#[ignore = "needs a real engine: YATE_ROOT"]
fn a_link_that_is_dead_between_two_nodes_moves_no_room() {
    let plan = Lab::of(3).sticky().clustering(LIST);
    let lab = plan.dial("^room\\([0-9]*\\)$=cluster/*/conf/\\1").start();
    let logs = [
        log_with_up(&lab, "node1", &["node2", "node3"]),
        log_with_up(&lab, "node2", &["node1", "node3"]),
        log_with_up(&lab, "node3", &["node1", "node2"]),
    ];
    let before = places(&lab, "node1");
    let files = PAIR.map(|name| lab.node(name).configuration(FILE));
    for (name, other, file) in [("node1", "node3", &files[0]), ("node3", "node1", &files[1])] {
        let node = lab.node(name);
        node.configure(FILE, &(dead(&lab, other) + file));
        node.command("reload clustering");
    }
    let lost = "is down: no answer to a probe";
    logs[0].wait_for(&format!("Node 'node3' {lost}"));
    logs[2].wait_for(&format!("Node 'node1' {lost}"));
    for _ in 0..4 {
        for node in ["node1", "node3", "node2"] {
            assert_eq!(places(&lab, node), before, "as {node} has it");
        }
        thread::sleep(Duration::from_secs(1));
    }
    let room = before.iter().position(|node| node == "node3");
    let room = format!("room{}", room.expect("there are many rooms"));
    let [far, near] = ["node1", "node2"].map(|node| lab.phone("carol").at(node));
    assert_eq!(far.call(&room).refused().code, 404);
    let line = logs[0].wait_for("stays on node 'node3', which is down for this node alone");
    assert!(line.contains("Resource 'conf/"), "{line}");
    near.call(&room).answered().hang_up();

    for (name, file) in PAIR.iter().zip(&files) {
        lab.node(name).configure(FILE, file);
        lab.node(name).command("reload clustering");
    }
    logs[0].wait_for("Node 'node3' is up: answered 200; it was unknown for ");
    assert_eq!(places(&lab, "node1"), before);
    far.call(&room).answered().hang_up();
    for node in ["node2", "node3"] {
        assert_eq!(places(&lab, node), before);
    }
}

/// Its heartbeats go on, but no node reaches it any more.
#[test]
#[ignore = "needs a real engine: YATE_ROOT"]
fn a_node_that_most_nodes_find_down_loses_its_rooms_once() {
    let lab = Lab::of(3).sticky().clustering(LIST).start();
    let others = ["node1", "node2"];
    let logs = [
        log_with_up(&lab, "node1", &["node2", "node3"]),
        log_with_up(&lab, "node2", &["node1", "node3"]),
    ];
    let before = places(&lab, "node1");
    for (name, log) in others.iter().zip(&logs) {
        let node = lab.node(name);
        node.configure(FILE, &(dead(&lab, "node3") + &node.configuration(FILE)));
        node.command("reload clustering");
        log.wait_for("Node 'node3' is down: no answer to a probe");
    }
    let moved = || {
        let now = places(&lab, "node1");
        now.iter().all(|node| node != "node3").then_some(now)
    };
    let during = patiently(moved, || "rooms are still on node3".to_owned());
    for (before, during) in before.iter().zip(&during) {
        assert!(before == "node3" || before == during, "nothing else moves");
    }
    for node in ["node3", "node2", "node1"] {
        assert_eq!(places(&lab, node), during, "as {node} has it");
    }
}
