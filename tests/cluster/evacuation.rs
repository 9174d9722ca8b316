// SPDX-License-Identifier: GPL-2.0-or-later

//! A node that is drained with `drain.register=refuse`: its phones take their next server, calls end by themselves, and
//! the node says what is left.

use crate::lab::Lab;

/// The seconds for which the phone registers.
const LASTS: u32 = 15;

#[test]
#[ignore = "needs a real engine: YATE_ROOT"]
fn phones_leave_a_drained_node_as_they_renew_and_the_node_says_when_it_is_empty() {
    let plan = Lab::of(2)
        .probed()
        .sip("[registrar]\nexpires_min=5\n[general]");
    let lab = plan
        .clustering("[general]\ndrain.register=refuse\n")
        .start();
    let (node, log) = (lab.node("node2"), lab.log("node2"));
    let (alice, bob) = (lab.phone("alice"), lab.phone("bob"));
    let servers = ["node2", "node1"];
    let registers = || bob.register_at_first_of(&servers, LASTS);
    assert_eq!(registers(), "node2");
    alice.register_at("node1");
    bob.picks_up();
    let talk = alice.call("bob").answered();

    let since = log.since_now();
    assert_eq!(
        node.command("clustering drain node2"),
        "Node 'node2' is draining"
    );
    lab.node("node1").command("clustering drain node2");
    let left = since.wait_for("Node 'node2' is draining, and has ");
    assert!(left.contains(" and has 2 channels, "), "{left}");
    assert!(left.ends_with(" 1 registration left"), "{left}");
    let table = node.command("clustering nodes");
    assert!(table.contains("this node; 2 channels, "), "{table}");

    // The talk goes on, and so does the registration until its time is over.
    alice.call("bob").answered().hang_up();
    assert_eq!(registers(), "node1", "the next server");
    talk.hang_up();
    since.wait_for("Node 'node2' is draining, and has 0 channels, 1 registration left");
    alice.call("bob").answered().hang_up();
    since.wait_for("Node 'node2' is draining, and has nothing left");
    let metrics = node.command("clustering metrics");
    assert!(metrics.contains("yate_clustering_empty 1"), "{metrics}");
    assert_eq!(node.status().get("registrations_refused"), "1");

    node.command("clustering undrain node2");
    assert_eq!(registers(), "node2", "it takes part again");
}

#[test]
#[ignore = "needs a real engine: YATE_ROOT"]
fn a_phone_without_another_server_is_told_when_to_ask_again_and_may_go() {
    let plan = Lab::of(2)
        .probed()
        .clustering("[general]\ndrain.register=refuse\n");
    let lab = plan.start();
    let bob = lab.phone("bob");
    bob.register_at("node2");
    let node = lab.node("node2");
    node.command("clustering disable node2");
    let answer = bob.tries_to_register();
    assert_eq!(answer.code(), 503);
    assert_eq!(answer.header("Retry-After"), "60");
    bob.unregister_at("node2");
}
