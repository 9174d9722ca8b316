// SPDX-License-Identifier: GPL-2.0-or-later

//! Registrations that end, on one node, while the user is registered on another one.
//!
//! The registrar has the table and the queries of the documentation, in each database that it knows.

use engine_process::{Message, patiently};

use crate::lab::{Lab, in_both};
use crate::link::Transport;
use crate::phone::Phone;

/// The query that Yate comes with.
const SAMPLE: &str = "UPDATE users SET location=NULL,expires=NULL \
                      WHERE expires IS NOT NULL AND username='${username}'";

/// Alice, who calls at `node2`, and bob, who was registered at `node1` and is now at `node2`.
fn alice_and_bob_who_moved(lab: &Lab) -> (Phone, Phone) {
    let bob = lab.phone("bob");
    bob.picks_up();
    bob.register_at("node1");
    bob.register_at("node2");
    (lab.phone("alice").at("node1"), bob)
}

/// The node's name for a phone's connection.
fn name(lab: &Lab, node: &str, phone: &Phone) -> String {
    format!("tcp:{}-{}", lab.sip(node), phone.near_end())
}

fn a_user_who_has_moved_is_called_after_their_old_registration_was_ended(lab: &Lab) {
    let (alice, bob) = alice_and_bob_who_moved(lab);
    bob.unregister_at("node1");
    alice.call("bob").answered().hang_up();
    bob.unregister_at("node2");
    assert_eq!(alice.call("bob").refused().code, 404);
}

#[test]
#[ignore = "needs a real engine: YATE_ROOT"]
fn by_the_name_alone_a_user_could_not_be_called() {
    let lab = Lab::of(2).unregister(SAMPLE).start();
    let (alice, bob) = alice_and_bob_who_moved(&lab);
    alice.call("bob").answered().hang_up();
    bob.unregister_at("node1");
    assert_eq!(alice.call("bob").refused().code, 404);
}

fn a_registration_that_expires_takes_no_newer_one_with_it(lab: &Lab) {
    let (bob, carol) = (lab.phone("bob"), lab.phone("carol"));
    for phone in [&bob, &carol] {
        phone.picks_up();
        phone.register_for("node1", 2);
    }
    bob.register_at("node2");
    let alice = lab.phone("alice").at("node1");
    // Carol's registration ends after bob's first one.
    let is_over = || match alice.call("carol").outcome() {
        Ok(talk) => {
            talk.hang_up();
            None
        }
        Err(refusal) => Some(refusal.code),
    };
    let code = patiently(is_over, || "carol is registered for ever".to_owned());
    assert_eq!(code, 404);
    alice.call("bob").answered().hang_up();
}

fn a_connection_that_breaks_ends_its_own_nodes_registrations_over_it_and_no_others(lab: &Lab) {
    let alice = lab.phone("alice").at("node1");
    let [bob, carol] = ["bob", "carol"].map(|user| lab.phone_over(Transport::Tcp, user, "node1"));
    let dave = lab.phone("dave");
    for phone in [&bob, &carol, &dave] {
        phone.picks_up();
        phone.register_at("node1");
    }
    for user in ["bob", "carol", "dave"] {
        alice.call(user).answered().hang_up();
    }
    // Bob moves, carol doesn't.
    let bob_moved = lab.phone_again(&bob, "node2");
    bob_moved.picks_up();
    bob_moved.register_at("node2");
    let node = lab.node("node1");
    node.watch(&["user.unregister"]);
    for phone in [bob, carol] {
        let id = name(lab, "node1", &phone);
        drop(phone);
        let ended = node.seen("the end of a connection", |message| {
            message.get("connection_id") == id
        });
        assert_eq!(ended.get("nodename"), "node1", "{ended:?}");
        assert_eq!(ended.params.len(), 2, "{ended:?}");
    }
    assert_eq!(alice.call("carol").refused().code, 404);
    for user in ["bob", "dave"] {
        alice.call(user).answered().hang_up();
    }
    // A connection of another node may have the same name.
    let broken =
        Message::new("user.unregister").with("connection_id", &name(lab, "node2", &bob_moved));
    node.dispatch(&broken);
    alice.call("bob").answered().hang_up();
    lab.node("node2").dispatch(&broken);
    assert_eq!(alice.call("bob").refused().code, 404);
}

in_both! {
    Lab::of(2);
    a_user_who_has_moved_is_called_after_their_old_registration_was_ended
    a_registration_that_expires_takes_no_newer_one_with_it
    a_connection_that_breaks_ends_its_own_nodes_registrations_over_it_and_no_others
}
