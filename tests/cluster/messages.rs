// SPDX-License-Identifier: GPL-2.0-or-later

//! Requests that are no calls: instant messages, and the question whether somebody is there.

use crate::lab::Lab;

#[test]
#[ignore = "needs a real engine: YATE_ROOT"]
fn a_message_reaches_the_phone_that_is_dialled() {
    let lab = Lab::of(1).dial("^paging$=sip/sip:bob@NET.101:5060").start();
    let bob = lab.phone("bob");
    assert_eq!(bob.target(), format!("sip/sip:bob@{}:5060", bob.address()));
    let alice = lab.phone("alice").at("node1");
    assert_eq!(alice.sends("paging", "Dinner is ready."), 200);
    let message = bob.message();
    assert_eq!(message.body, "Dinner is ready.");
    // By this code the engine reports that it knows no such user.
    assert_eq!(alice.sends("nobody", "Hello?"), 405);
}

#[test]
#[ignore = "needs a real engine: YATE_ROOT"]
fn a_message_reaches_a_user_of_another_node() {
    let lab = Lab::of(2).start();
    let (alice, bob) = lab.alice_and_bob();
    assert_eq!(alice.sends("bob", "Dinner is ready."), 200);
    let message = bob.message();
    assert_eq!(message.body, "Dinner is ready.");
    assert_eq!(message.header("X-CallTo"), "", "{message}");
}

#[test]
#[ignore = "needs a real engine: YATE_ROOT"]
fn a_node_says_that_it_is_there() {
    let lab = Lab::of(1).start();
    assert_eq!(lab.phone("alice").at("node1").asks(), 200);
}
