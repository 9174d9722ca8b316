// SPDX-License-Identifier: GPL-2.0-or-later

//! Nodes that are neither well nor dead: they hang, or are seen by some of the others only.

use std::thread;
use std::time::Duration;

use crate::lab::Lab;
use crate::log::Log;

const ROOMS: u32 = 60;

/// The places of some rooms, as a node has them.
fn places(lab: &Lab, node: &str) -> Vec<String> {
    (0..ROOMS).map(|room| lab.node(node).places(room)).collect()
}

fn log_with_up(lab: &Lab, node: &str, others: &[&str]) -> Log {
    let log = lab.log(node);
    for other in others {
        log.wait_for(&format!("Node '{other}' is up: answered 200"));
    }
    log.since_now()
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
