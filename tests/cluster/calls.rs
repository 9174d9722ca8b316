// SPDX-License-Identifier: GPL-2.0-or-later

//! Users are called wherever they are registered, from wherever they are called.

use crate::lab::Lab;

#[test]
#[ignore = "needs a real engine: YATE_ROOT"]
fn a_user_is_called_at_the_node_where_he_is_registered() {
    let lab = Lab::of(2).start();
    let (alice, bob) = lab.alice_and_bob();

    let calling = alice.call("bob");
    let called = bob.called();
    assert_eq!(called.from(), lab.sip("node2").into());
    let invite = called.invite();
    assert!(invite.uri().starts_with("sip:bob@"), "{invite}");
    assert!(invite.header("From").contains("sip:alice@"), "{invite}");
    // What nodes say to each other is no phone's business.
    for header in ["X-CallTo", "X-BillID", "X-NodeName", "X-Username"] {
        assert_eq!(invite.header(header), "", "{invite}");
    }
    called.ring();
    calling.rings();
    let bobs = called.answer();
    let alices = calling.answered();
    alices.hang_up();
    bobs.ended();
}

#[test]
#[ignore = "needs a real engine: YATE_ROOT"]
fn who_is_called_can_end_the_call_too() {
    let lab = Lab::of(2).start();
    let (alice, bob) = lab.alice_and_bob();
    let calling = alice.call("bob");
    let bobs = bob.called().answer();
    let alices = calling.answered();
    bobs.hang_up();
    alices.ended();
}

#[test]
#[ignore = "needs a real engine: YATE_ROOT"]
fn a_call_at_ones_own_node_goes_to_no_other() {
    let lab = Lab::of(2).start();
    let bob = lab.phone("bob");
    bob.register_at("node1");
    let alice = lab.phone("alice").at("node1");
    let calling = alice.call("bob");
    let called = bob.called();
    assert_eq!(called.from(), lab.sip("node1").into());
    called.answer();
    calling.answered();
    let log = lab.log("node2").text();
    assert!(!log.contains("INVITE sip:"), "{log}");
}

#[test]
#[ignore = "needs a real engine: YATE_ROOT"]
fn a_user_who_moves_is_called_at_his_new_node() {
    let lab = Lab::of(3).start();
    let bob = lab.phone("bob");
    let alice = lab.phone("alice").at("node1");
    for node in ["node1", "node2", "node3"] {
        bob.register_at(node);
        let calling = alice.call("bob");
        let called = bob.called();
        assert_eq!(called.from(), lab.sip(node).into());
        let bobs = called.answer();
        calling.answered().hang_up();
        bobs.ended();
    }
    bob.unregister_at("node3");
    assert_eq!(alice.call("bob").refused().code, 404);
}

#[test]
#[ignore = "needs a real engine: YATE_ROOT"]
fn a_refusal_reaches_the_caller() {
    let lab = Lab::of(2).start();
    let (alice, bob) = lab.alice_and_bob();
    // The engine itself makes 403 of 603.
    for (said, heard) in [(486, 486), (603, 403)] {
        let (calling, called) = alice.rings_at(&bob);
        called.refuse(said);
        assert_eq!(calling.refused().code, heard);
    }
}

#[test]
#[ignore = "needs a real engine: YATE_ROOT"]
fn a_caller_can_give_up() {
    let lab = Lab::of(2).start();
    let (alice, bob) = lab.alice_and_bob();
    let (calling, called) = alice.rings_at(&bob);
    assert_eq!(calling.give_up(called).code, 487);
}

/// Each of two nodes is told that what it is asked for is with the other one.
#[test]
#[ignore = "needs a real engine: YATE_ROOT"]
fn a_call_that_goes_round_in_circles_comes_to_no_node_twice() {
    let plan = Lab::of(2).dial("^round$=cluster/node2/cluster/node1/cluster/node2/conf/7");
    let lab = plan.start();
    let alice = lab.phone("alice").at("node1");
    assert_eq!(alice.call("round").refused().code, 483);
    lab.log("node2").wait_for("goes round in circles");
    for (node, received) in [("node1", "0"), ("node2", "1")] {
        let status = lab.node(node).status();
        assert_eq!(status.get("received"), received, "{node}");
    }
}
