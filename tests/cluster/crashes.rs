// SPDX-License-Identifier: GPL-2.0-or-later

//! Registrations that outlive the engine, or the hole in a NAT, by which they were made.
//!
//! The registrar has the table and the queries of the documentation, in each database that it knows.

use engine_process::{Message, eventually};

use crate::lab::{Lab, in_both};
use crate::link::Transport::Tcp;

fn what_was_registered_over_connections_is_over_with_an_engine_that_crashed(lab: &Lab) {
    let [bob, dave] =
        [("bob", "node2"), ("dave", "node1")].map(|(user, node)| lab.phone_over(Tcp, user, node));
    let carol = lab.phone("carol");
    bob.register_at("node2");
    carol.register_at("node2");
    dave.register_at("node1");
    let alice = lab.phone("alice").at("node1");
    lab.node("node2").crashes();
    let asked = Message::new("database").with("account", "registrar").with(
        "query",
        "SELECT 1 FROM users WHERE username='bob' AND location IS NOT NULL",
    );
    eventually(
        || lab.node("node2").dispatch(&asked).get("rows") == "0",
        || "the engine's start ends no registration".to_owned(),
    );
    let (log, refused) = (lab.log("node2").since_now(), alice.call("bob").refused());
    assert_eq!(refused.code, 404);
    assert_eq!(log.count("INVITE sip:"), 0, "{}", log.text());
    for phone in [&carol, &dave] {
        let (calling, called) = alice.rings_at(phone);
        called.answer();
        calling.answered().hang_up();
    }
}

/// Phones may register before the engine says that it has started, so it says that once more here.
fn what_was_registered_while_an_engine_starts_stays(lab: &Lab) {
    let bob = lab.phone_over(Tcp, "bob", "node2");
    bob.picks_up();
    bob.register_at("node2");
    let node2 = lab.node("node2");
    node2.watch(&["database"]);
    node2.dispatch(&Message::new("engine.start"));
    node2.seen("the query of the start", |message| {
        message
            .get("query")
            .contains("reliable='true' AND registered<")
    });
    lab.phone("alice")
        .at("node1")
        .call("bob")
        .answered()
        .hang_up();
}

fn a_user_whose_nat_has_chosen_another_port_can_unregister(lab: &Lab) {
    let bob = lab.phone_behind_nat("bob");
    bob.register_at("node2");
    let alice = lab.phone("alice").at("node1");
    let (calling, called) = alice.rings_at(&bob);
    called.answer();
    calling.answered().hang_up();
    let same_bob = lab.phone_again(&bob, "node2");
    assert_ne!(same_bob.near_end(), bob.near_end());
    same_bob.unregister_at("node2");
    assert_eq!(alice.call("bob").refused().code, 404);
}

fn a_user_who_has_moved_stays_registered_whatever_port_the_old_registration_is_ended_from(
    lab: &Lab,
) {
    let bob = lab.phone_behind_nat("bob");
    bob.picks_up();
    bob.register_at("node2");
    bob.register_at("node3");
    lab.phone_again(&bob, "node2").unregister_at("node2");
    let alice = lab.phone("alice").at("node1");
    alice.call("bob").answered().hang_up();
    bob.unregister_at("node3");
    assert_eq!(alice.call("bob").refused().code, 404);
}

/// A phone that was started anew registers anew, and has another address. The end of its old registration
/// must not end the new one.
fn a_registration_that_is_ended_late_leaves_a_newer_one_alone(lab: &Lab) {
    let before = lab.phone_behind_nat("bob");
    before.register_at("node2");
    let now = lab.phone_behind_nat("bob").restarted();
    now.picks_up();
    now.register_at("node2");
    lab.phone_again(&before, "node2").unregister_at("node2");
    let alice = lab.phone("alice").at("node1");
    alice.call("bob").answered().hang_up();
}

in_both! {
    Lab::of(3);
    what_was_registered_over_connections_is_over_with_an_engine_that_crashed
    what_was_registered_while_an_engine_starts_stays
    a_user_whose_nat_has_chosen_another_port_can_unregister
    a_user_who_has_moved_stays_registered_whatever_port_the_old_registration_is_ended_from
    a_registration_that_is_ended_late_leaves_a_newer_one_alone
}
