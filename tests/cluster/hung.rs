// SPDX-License-Identifier: GPL-2.0-or-later

//! Nodes that are neither well nor dead: they hang, or are seen by some of the others only.

use std::thread;
use std::time::Duration;

use crate::health::log_with_up;
use crate::lab::Lab;

const FILE: &str = "clustering.conf";
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

/// The way from `node2` to `node3` is dead: it is probed where nobody answers, and called nowhere.
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
    let dead = "[node node3]\nprobe=sip:NET.77:5060\n";
    let dead = dead.replace(
        "NET",
        lab.address(0).to_string().rsplit_once('.').unwrap().0,
    );
    node2.configure(FILE, &(dead + &file));
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
