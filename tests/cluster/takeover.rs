// SPDX-License-Identifier: GPL-2.0-or-later

//! Nodes that stand in for others: backups of a node that died, and a node that has got the address of another.

use std::net::{IpAddr, Ipv4Addr, SocketAddrV4};

use engine_process::Message;

use crate::call::OutgoingCall;
use crate::health::log_with_up;
use crate::lab::{Lab, Plan};
use crate::phone::Phone;

const BACKUPS: &str = "[node node2]\nbackup=node3,node1\n";
const SECRET: &str = "[security]\nsecret=of-all-nodes-of-the-lab\n";

/// A phone gets a call from a node, and both talk.
fn comes_from(lab: &Lab, calling: OutgoingCall, phone: &Phone, node: &str) {
    comes_from_address(lab.node(node).address, calling, phone);
}

fn comes_from_address(address: Ipv4Addr, calling: OutgoingCall, phone: &Phone) {
    let called = phone.called();
    assert_eq!(called.from().ip(), IpAddr::from(address));
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

/// The address of node2 that moves, beside its own: `NET.12`.
const FLOATING: u8 = 12;
const SECTION: &str = "[node node2]\ncallto=sip/sip:cluster/@NET.12:5060\n";

/// Three nodes, of which node2 has a floating address, too.
fn with_floating_address(plan: Plan) -> Lab {
    let plan = plan.clustering(SECTION).probed().starting(0);
    let lab = plan.start();
    listens(&lab, "node2");
    for node in ["node1", "node2", "node3"] {
        lab.node(node).start();
    }
    lab
}

/// A node has a listener at the floating address, from its next start or the reload of its SIP channel on.
fn listens(lab: &Lab, node: &str) {
    let node = lab.node(node);
    let file = node.configuration("ysipchan.conf");
    let address = lab.address(FLOATING);
    let listener =
        format!("[listener floating]\nenable=yes\ntype=udp\naddr={address}\nport=5060\n");
    node.configure("ysipchan.conf", &(file + &listener));
}

/// Moves the address from node2, which dies, to node1.
fn moves(lab: &Lab) {
    let log = lab.log("node3");
    lab.node("node2").kill();
    log.wait_for("Node 'node2' is down: no answer to a probe");
    let log = log.since_now();
    let node1 = lab.node("node1");
    listens(lab, "node1");
    node1.command("reload sip");
    assert_eq!(
        node1.command("clustering takeover node2"),
        "Node 'node2' is taken over by this node"
    );
    log.wait_for("Node 'node2' is up: answered 200; it was down");
}

#[test]
#[ignore = "needs a real engine: YATE_ROOT"]
fn what_is_sent_to_a_floating_address_arrives_at_the_node_that_has_got_it() {
    let lab = with_floating_address(Lab::of(3));
    let (alice, carol) = (
        lab.phone("alice").at("node3"),
        lab.phone("carol").at("node1"),
    );
    let (bob, dave) = (lab.phone("bob"), lab.phone("dave"));
    bob.register_at("node2");
    log_with_up(&lab, "node3", &["node1", "node2"]);
    comes_from(&lab, alice.call("bob"), &bob, "node2");
    moves(&lab);
    comes_from(&lab, alice.call("bob"), &bob, "node1");
    comes_from(&lab, carol.call("bob"), &bob, "node1");
    assert_eq!(alice.sends("bob", "hello"), 200);
    assert_eq!(bob.message().body, "hello");
    let node1 = lab.node("node1");
    let table = node1.command("clustering nodes");
    assert!(table.contains("\nnode2          taken "), "{table}");
    assert!(table.contains(" taken over by this node"), "{table}");

    // A phone that knows the address alone is this node's own: the others call it there, and it is called by the listener that it knows.
    dave.register_at_address(SocketAddrV4::new(lab.address(FLOATING), 5060));
    let node3 = lab.node("node3");
    node3.watch(&["chan.startup"]);
    comes_from_address(lab.address(FLOATING), alice.call("dave"), &dave);
    let own = lab.sip("node1").to_string();
    node3.seen("the leg to node1", |message| {
        message.name == "chan.startup" && message.get("address") == own
    });
    // Two legs of each of three calls.
    billids(&lab, "node1", 6);

    // The engine starts again, and the address is still there.
    node1.kill();
    node1.start();
    lab.log("node1")
        .wait_for("Node 'node2' is still taken over by this node, by an earlier command");
    alice.call("bob").give_up(bob.called());
    assert_eq!(
        node1.command("clustering release node2"),
        "Node 'node2' is released by this node"
    );
}

#[test]
#[ignore = "needs a real engine: YATE_ROOT"]
fn a_signed_call_for_a_node_is_accepted_by_the_one_that_has_taken_it_over() {
    let lab = with_floating_address(Lab::of(3).clustering(SECRET));
    let alice = lab.phone("alice").at("node3");
    let bob = lab.phone("bob");
    bob.register_at("node2");
    log_with_up(&lab, "node3", &["node1", "node2"]);
    moves(&lab);
    comes_from(&lab, alice.call("bob"), &bob, "node1");
    // The second version of signatures, for calls that carry more.
    let add = |route: &mut Message| {
        let header = (
            "osip_Alert-Info".to_owned(),
            "info=alert-autoanswer".to_owned(),
        );
        route.params.push(header);
        false
    };
    lab.node("node3").handle("call.route", 40, Box::new(add));
    let calling = alice.call("bob");
    let called = bob.called();
    assert_eq!(
        called.invite().header("Alert-Info"),
        "info=alert-autoanswer"
    );
    called.ring();
    let talk = called.answer();
    calling.answered().hang_up();
    talk.ended();
    billids(&lab, "node1", 4);
    let node1 = lab.node("node1");
    assert_eq!(node1.status().get("forged"), "0");

    node1.command("clustering release node2");
    assert_eq!(alice.call("bob").refused().code, 403);
    assert_eq!(node1.status().get("forged"), "1");
}

#[test]
#[ignore = "needs a real engine: YATE_ROOT"]
fn a_node_that_is_alive_while_it_is_taken_over_is_said_and_harms_nobody() {
    let lab = with_floating_address(Lab::of(3).clustering(SECRET));
    let (alice, carol, erin) = (
        lab.phone("alice").at("node3"),
        lab.phone("carol").at("node1"),
        lab.phone("erin").at("node2"),
    );
    let (bob, dave) = (lab.phone("bob"), lab.phone("dave"));
    bob.register_at("node2");
    dave.register_at("node1");
    log_with_up(&lab, "node3", &["node1", "node2"]);
    let node1 = lab.node("node1");
    node1.command("clustering takeover node2");
    // Who has the address gets the calls.
    comes_from(&lab, alice.call("bob"), &bob, "node2");
    comes_from(&lab, carol.call("bob"), &bob, "node1");
    // What it sends is accepted.
    comes_from(&lab, erin.call("dave"), &dave, "node1");
    comes_from(&lab, erin.call("dave"), &dave, "node1");
    let log = lab.log("node1");
    let line = "says that it comes from node 'node2', which this node has taken over";
    log.wait_for(line);
    assert_eq!(log.count(line), 1);
    node1.command("clustering release node2");
    comes_from(&lab, carol.call("bob"), &bob, "node2");
}
