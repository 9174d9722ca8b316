// SPDX-License-Identifier: GPL-2.0-or-later

//! Phones that are reached in one way only: over the connection that they have made, or from the port that
//! they have registered at. They are reached from whichever node they are called.

use std::net::SocketAddrV4;

use crate::lab::{Lab, Plan};
use crate::link::Transport::{self, Tcp, Tls};
use crate::phone::Phone;

/// A second port at which a node listens.
const SECOND: u16 = 5070;

const SECRET: &str = "[security]\nsecret=the lab has no secrets from us\n";

/// A lab of two nodes that sign what they send to each other.
fn signed() -> Plan {
    Lab::of(2).clustering(SECRET)
}

fn with_second_listener() -> Plan {
    Lab::of(2).listener("second", &format!("type=udp\nport={SECOND}"))
}

/// The second listener of `node2`.
fn second(lab: &Lab) -> SocketAddrV4 {
    SocketAddrV4::new(*lab.sip("node2").ip(), SECOND)
}

/// Alice's phones, one at each node.
fn alices(lab: &Lab) -> [Phone; 2] {
    ["node1", "node2"].map(|node| lab.phone("alice").at(node))
}

/// A call to bob works in full: each end hears everything that the other does.
fn is_called(alice: &Phone, bob: &Phone, from: SocketAddrV4) {
    let (calling, called) = alice.rings_at(bob);
    assert_eq!(called.from(), from.into());
    for header in ["X-CallTo", "X-BillID", "X-NodeName", "X-Signature"] {
        assert_eq!(called.invite().header(header), "", "{}", called.invite());
    }
    let bobs = called.answer();
    calling.answered().hang_up();
    bobs.ended();
    let (calling, called) = alice.rings_at(bob);
    let bobs = called.answer();
    let alices = calling.answered();
    bobs.hang_up();
    alices.ended();
}

/// A call to bob goes over the connection that the phone has made to `node2`.
fn over(transport: Transport, plan: Plan) {
    let lab = plan.start();
    let bob = lab.phone_over(transport, "bob", "node2");
    bob.register_at("node2");
    for alice in alices(&lab) {
        is_called(&alice, &bob, lab.place(transport, "node2"));
        let (calling, called) = alice.rings_at(&bob);
        assert_eq!(calling.give_up(called).code, 487);
        assert_eq!(alice.sends("bob", "Dinner is ready."), 200);
        let message = bob.message();
        assert_eq!(message.body, "Dinner is ready.");
        assert_eq!(message.header("X-CallTo"), "", "{message}");
    }
}

#[test]
#[ignore = "needs a real engine: YATE_ROOT"]
fn a_phone_on_tcp_is_reached_over_its_own_connection_from_every_node() {
    over(Tcp, Lab::of(2));
}

#[test]
#[ignore = "needs a real engine: YATE_ROOT"]
fn a_phone_on_tcp_is_reached_over_its_own_connection_where_calls_are_signed() {
    over(Tcp, signed());
}

#[test]
#[ignore = "needs a real engine: YATE_ROOT"]
fn a_phone_on_tls_is_reached_over_its_own_connection_from_every_node() {
    over(Tls, Lab::of(2).encrypted());
}

#[test]
#[ignore = "needs a real engine: YATE_ROOT"]
fn a_phone_on_tls_is_reached_over_its_own_connection_where_calls_are_signed() {
    over(Tls, signed().encrypted());
}

#[test]
#[ignore = "needs a real engine: YATE_ROOT"]
fn a_phone_is_called_from_the_listener_that_it_registered_at() {
    let lab = with_second_listener().start();
    let (bob, carol) = (lab.phone("bob"), lab.phone("carol"));
    bob.register_at_port("node2", SECOND);
    carol.register_at("node2");
    for alice in alices(&lab) {
        is_called(&alice, &bob, second(&lab));
        is_called(&alice, &carol, lab.sip("node2"));
        assert_eq!(alice.sends("bob", "Dinner is ready."), 200);
        bob.message_saying("Dinner is ready.");
    }
}

#[test]
#[ignore = "needs a real engine: YATE_ROOT"]
fn a_phone_behind_a_nat_is_called_from_the_listener_that_the_nat_knows() {
    for plan in [
        with_second_listener(),
        with_second_listener().clustering(SECRET),
    ] {
        let lab = plan.start();
        let bob = lab.phone_behind_nat("bob");
        bob.register_at_port("node2", SECOND);
        for alice in alices(&lab) {
            is_called(&alice, &bob, second(&lab));
            assert_eq!(alice.sends("bob", "Dinner is ready."), 200);
            bob.message_saying("Dinner is ready.");
        }
    }
}

#[test]
#[ignore = "needs a real engine: YATE_ROOT"]
fn a_phone_on_tcp_sends_messages_to_users_of_every_node() {
    let lab = Lab::of(2).start();
    let (bob, carol) = (lab.phone("bob"), lab.phone("carol"));
    bob.register_at("node2");
    carol.register_at("node1");
    let alice = lab.phone_over(Tcp, "alice", "node1");
    for phone in [&bob, &carol] {
        assert_eq!(alice.sends(phone.user(), "Dinner is ready."), 200);
        let message = phone.message();
        assert_eq!(message.body, "Dinner is ready.");
    }
}

#[test]
#[ignore = "needs a real engine: YATE_ROOT"]
fn each_branch_of_a_fork_has_its_own_connection() {
    let branches = "^all$=fork \
        cluster/node2/sip/sip:bob@NET.101:5060$(chr,59)transport=tcp \
        cluster/node2/sip/sip:carol@NET.102:5060$(chr,59)transport=tcp \
        cluster/node2/sip/sip:dave@NET.103:5060";
    let lab = signed().dial(branches).start();
    let [bob, carol] = ["bob", "carol"].map(|user| lab.phone_over(Tcp, user, "node2"));
    let dave = lab.phone("dave");
    for phone in [&bob, &carol, &dave] {
        phone.register_at("node2");
    }
    for alice in alices(&lab) {
        let calling = alice.call("all");
        let [bobs, carols, daves] = [&bob, &carol, &dave].map(Phone::called);
        for called in [&bobs, &carols, &daves] {
            called.ring();
        }
        calling.rings();
        let carols = carols.answer();
        bobs.cancelled();
        daves.cancelled();
        calling.answered().hang_up();
        carols.ended();
    }
}

#[test]
#[ignore = "needs a real engine: YATE_ROOT"]
fn a_connection_that_was_renewed_takes_the_place_of_the_one_before() {
    let lab = Lab::of(2).start();
    let first = lab.phone_over(Tcp, "bob", "node2");
    first.register_at("node2");
    let second = lab.phone_again(&first, "node2");
    second.register_at("node2");
    let node = lab.node("node2");
    for alice in alices(&lab) {
        is_called(&alice, &second, lab.sip("node2"));
    }
    node.watch(&["user.unregister"]);
    first.disconnects();
    node.seen("the end of the first one", |_| true);
    for alice in alices(&lab) {
        is_called(&alice, &second, lab.sip("node2"));
    }
}

#[test]
#[ignore = "needs a real engine: YATE_ROOT"]
fn a_user_whose_connection_broke_is_offline() {
    let lab = Lab::of(2).start();
    let bob = lab.phone_over(Tcp, "bob", "node2");
    bob.register_at("node2");
    let node = lab.node("node2");
    for alice in alices(&lab) {
        is_called(&alice, &bob, lab.sip("node2"));
    }
    node.watch(&["user.unregister"]);
    bob.disconnects();
    node.seen("the end of the connection", |_| true);
    for alice in alices(&lab) {
        assert_eq!(alice.call("bob").refused().code, 404);
    }
}
