// SPDX-License-Identifier: GPL-2.0-or-later

//! Users with several phones, on several nodes, over all kinds of links.
//!
//! The registrar has the tables and the queries that the documentation has for that, in each database that
//! it knows.

use crate::lab::{Lab, in_both};
use crate::link::Transport::Tcp;
use crate::phone::Phone;

/// All phones of bob ring, and this one is answered.
fn answers(alice: &Phone, bobs: &[(Phone, &str)], answering: usize) {
    let calling = alice.call("bob");
    let called = bobs.iter().map(|(phone, _)| phone.called());
    let mut called: Vec<_> = called.collect();
    for call in &called {
        call.ring();
    }
    calling.rings();
    let answered = called.remove(answering).answer();
    let alices = calling.answered();
    for call in called {
        call.cancelled();
    }
    alices.hang_up();
    answered.ended();
}

fn all_phones_of_a_user_ring_and_each_unregisters_by_itself(lab: &Lab) {
    let mut bobs = vec![
        (lab.phone("bob"), "node1"),
        (lab.phone_over(Tcp, "bob", "node2"), "node2"),
        (lab.phone("bob"), "node2"),
        (lab.phone_over(Tcp, "bob", "node3"), "node3"),
    ];
    for (phone, node) in &bobs {
        phone.register_at(node);
    }
    let alices = ["node1", "node2", "node3"].map(|node| lab.phone("alice").at(node));
    for (answering, alice) in alices.iter().chain([&alices[0]]).enumerate() {
        answers(alice, &bobs, answering);
    }
    while let Some((phone, node)) = bobs.pop() {
        phone.unregister_at(node);
        for alice in alices.iter().filter(|_| !bobs.is_empty()) {
            answers(alice, &bobs, bobs.len() - 1);
        }
    }
    for alice in &alices {
        assert_eq!(alice.call("bob").refused().code, 404);
    }
    // A user whom nobody knows is another case.
    assert_eq!(alices[0].call("mallory").refused().code, 404);
}

fn a_phone_that_moves_or_is_started_anew_rings_once(lab: &Lab) {
    let [mobile, desk] = ["bob", "bob"].map(|user| lab.phone(user));
    mobile.register_at("node1");
    desk.register_at("node2");
    mobile.register_at("node3");
    let bobs = [(mobile, "node3"), (desk.restarted(), "node2")];
    bobs[1].0.register_at("node2");
    let alice = lab.phone("alice").at("node1");
    answers(&alice, &bobs, 0);
    answers(&alice, &bobs, 1);
    for (phone, _) in &bobs {
        phone.has_nothing_left();
    }
}

fn what_a_crash_or_a_broken_connection_ends_is_that_phone_alone(lab: &Lab) {
    let crashing = lab.phone_over(Tcp, "bob", "node2");
    crashing.register_at("node2");
    let breaking = lab.phone_over(Tcp, "bob", "node1");
    breaking.register_at("node1");
    let bobs = [
        (lab.phone("bob"), "node2"),
        (lab.phone_over(Tcp, "bob", "node3"), "node3"),
    ];
    for (phone, node) in &bobs {
        phone.register_at(node);
    }
    let node1 = lab.node("node1");
    node1.watch(&["user.unregister"]);
    breaking.disconnects();
    node1.seen("the end of a connection", |_| true);
    lab.node("node2").crashes();
    for node in ["node1", "node2", "node3"] {
        answers(&lab.phone("alice").at(node), &bobs, 0);
    }
}

fn a_message_reaches_one_of_them(lab: &Lab) {
    let bob = lab.phone("bob");
    bob.register_at("node1");
    let other = lab.phone("bob");
    other.register_at("node2");
    let alice = lab.phone("alice").at("node1");
    assert_eq!(alice.sends("bob", "Dinner is ready."), 200);
    other.message_saying("Dinner is ready.");
    bob.has_nothing_left();
}

in_both! {
    Lab::of(3).several_phones();
    all_phones_of_a_user_ring_and_each_unregisters_by_itself
    a_phone_that_moves_or_is_started_anew_rings_once
    what_a_crash_or_a_broken_connection_ends_is_that_phone_alone
    a_message_reaches_one_of_them
}
