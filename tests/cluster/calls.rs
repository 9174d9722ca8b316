// SPDX-License-Identifier: GPL-2.0-or-later

//! A user is called wherever they are registered, from any node.

use crate::lab::Lab;

#[test]
#[ignore = "needs a real engine: YATE_ROOT"]
fn a_user_is_called_at_the_node_where_they_are_registered() {
    let lab = Lab::of(2).start();
    let (alice, bob) = lab.alice_and_bob();

    let calling = alice.call("bob");
    let called = bob.called();
    assert_eq!(called.from(), lab.sip("node2").into());
    let invite = called.invite();
    assert!(invite.uri().starts_with("sip:bob@"), "{invite}");
    assert!(invite.header("From").contains("sip:alice@"), "{invite}");
    // The headers between nodes are no phone's business.
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
fn a_user_who_moves_is_called_at_their_new_node() {
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
