// SPDX-License-Identifier: GPL-2.0-or-later

//! Nodes that stand in for others: backups of a node that died, and a node that has got the address of another.

use std::net::IpAddr;

use crate::call::OutgoingCall;
use crate::health::log_with_up;
use crate::lab::{Lab, Plan};
use crate::phone::Phone;

const BACKUPS: &str = "[node node2]\nbackup=node3,node1\n";
const SECRET: &str = "[security]\nsecret=of-all-nodes-of-the-lab\n";

/// A phone gets a call from a node, and both talk.
fn comes_from(lab: &Lab, calling: OutgoingCall, phone: &Phone, node: &str) {
    let called = phone.called();
    assert_eq!(called.from().ip(), IpAddr::from(lab.node(node).address));
    called.ring();
    calling.rings();
    let talk = called.answer();
    calling.answered().hang_up();
    talk.ended();
}

/// The billids of a node's records of calls to a user, if they all name the node.
fn billids(lab: &Lab, node: &str, count: usize) -> Vec<String> {
    let cdrs = lab.node(node).cdrs(count);
    let prefix = format!("cluster/{node}/");
    let mut billids = Vec::new();
    for cdr in &cdrs {
        assert_eq!(cdr.get("nodename"), node, "{cdr:?}");
        assert_eq!(cdr.get("nodeprefix"), prefix, "{cdr:?}");
        billids.push(cdr.get("billid").to_owned());
    }
    billids
}

fn through_the_backup(plan: Plan) {
    let lab = plan.clustering(BACKUPS).probed().start();
    let (alice, bob) = lab.alice_and_bob();
    let (carol, dave) = (lab.phone("carol").at("node3"), lab.phone("dave"));
    dave.register_at("node2");
    dave.picks_up();
    let logs = [
        log_with_up(&lab, "node1", &["node2", "node3"]),
        log_with_up(&lab, "node3", &["node1", "node2"]),
    ];
    comes_from(&lab, alice.call("bob"), &bob, "node2");
    let talk = alice.call("dave").answered();

    lab.node("node2").kill();
    for log in &logs {
        log.wait_for("Node 'node2' is down: node 'node3' stands in for it");
    }
    talk.hang_up();
    // One hears it from the backup, one is at the backup.
    comes_from(&lab, alice.call("bob"), &bob, "node3");
    comes_from(&lab, carol.call("bob"), &bob, "node3");
    assert_eq!(alice.sends("bob", "hello"), 200);
    assert_eq!(bob.message().body, "hello");
    let node1 = lab.node("node1");
    let table = node1.command("clustering nodes");
    assert!(
        table.contains("no answer to a probe (node3 stands in)"),
        "{table}"
    );
    let json = node1.command("clustering json");
    assert!(json.contains("\"backup\":\"node3\""), "{json}");
    assert_eq!(node1.status().get("replaced"), "2");
    assert_eq!(lab.node("node3").status().get("replaced"), "1");
    assert_eq!(node1.status().get("offline"), "0");
    // Two legs each: of alice's call to bob, and of carol's.
    let of_alice = billids(&lab, "node1", 6);
    let of_backup = billids(&lab, "node3", 4);
    assert!(
        of_alice.contains(&of_backup[0]),
        "{of_alice:?} {of_backup:?}"
    );

    // The next in order, which is the caller's own node.
    node1.command("clustering drain node3");
    logs[0].wait_for("Node 'node2' is down: node 'node1' stands in for it");
    comes_from(&lab, alice.call("bob"), &bob, "node1");
    node1.command("clustering undrain node3");
    dave.register_at("node3");
    alice.call("dave").answered().hang_up();

    lab.node("node2").start();
    for log in &logs {
        log.wait_for("Node 'node3' no longer stands in for node 'node2'");
    }
    comes_from(&lab, alice.call("bob"), &bob, "node2");
    comes_from(&lab, carol.call("bob"), &bob, "node2");
    let received = |node: &str| lab.node(node).status().get("received").to_owned();
    let (before, of_dead) = (received("node3"), received("node2"));
    alice.call("dave").answered().hang_up();
    assert_ne!(received("node3"), before);
    assert_eq!(received("node2"), of_dead);
}

#[test]
#[ignore = "needs a real engine: YATE_ROOT"]
fn a_user_of_a_node_that_was_killed_is_reached_through_its_backup() {
    through_the_backup(Lab::of(3));
}

#[test]
#[ignore = "needs a real engine: YATE_ROOT"]
fn a_call_that_goes_to_a_backup_is_signed_for_it() {
    through_the_backup(Lab::of(3).clustering(SECRET));
}
