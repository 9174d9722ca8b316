// SPDX-License-Identifier: GPL-2.0-or-later

//! Targets that are routed only when they are called, by the engine's `lateroute`.

use crate::lab::{Lab, Plan};

fn group(plan: Plan) -> Lab {
    plan.dial("^600$=fork lateroute/bob lateroute/carol")
        .dial("^601$=lateroute/bob")
        .start()
}

fn a_group_rings(lab: &Lab) {
    let (bob, carol) = (lab.phone("bob"), lab.phone("carol"));
    bob.register_at("node2");
    carol.register_at("node2");
    let alice = lab.phone("alice").at("node1");
    let calling = alice.call("600");
    let (bobs, carols) = (bob.called(), carol.called());
    bobs.ring();
    carols.ring();
    calling.rings();
    let talk = carols.answer();
    bobs.cancelled();
    calling.answered().hang_up();
    talk.ended();
    let calling = alice.call("601");
    let called = bob.called();
    assert_eq!(called.from(), lab.sip("node2").into());
    called.ring();
    calling.rings();
    calling.give_up(called);
    assert_eq!(alice.sends("601", "Dinner is ready."), 200);
    assert_eq!(bob.message().body, "Dinner is ready.");
}

#[test]
#[ignore = "needs a real engine: YATE_ROOT"]
fn a_group_of_late_routed_users_of_another_node_rings() {
    let lab = group(Lab::of(2));
    a_group_rings(&lab);
    // Each is decided once, and not once more after the late routing.
    assert_eq!(lab.node("node1").status().get("forwarded"), "4");
}

/// Each branch has the headers of the signed call, and a group may be in a group.
#[test]
#[ignore = "needs a real engine: YATE_ROOT"]
fn a_group_that_a_node_rings_for_a_signed_call_is_no_replay_of_that() {
    let plan = Lab::of(2)
        .clustering("[security]\nsecret=of-all-nodes-of-the-lab\n")
        .dial("^610$=cluster/node2/fork lateroute/bob lateroute/611")
        .dial("^611$=fork lateroute/carol lateroute/dave");
    let lab = plan.start();
    let (bob, carol, dave) = (lab.phone("bob"), lab.phone("carol"), lab.phone("dave"));
    bob.register_at("node2");
    carol.register_at("node2");
    // Called by both nodes, so the call has two hops.
    dave.register_at("node1");
    let alice = lab.phone("alice").at("node1");
    let calling = alice.call("610");
    let (bobs, carols, daves) = (bob.called(), carol.called(), dave.called());
    assert_eq!(daves.from(), lab.sip("node1").into());
    for called in [&bobs, &carols, &daves] {
        called.ring();
    }
    calling.rings();
    let talk = daves.answer();
    bobs.cancelled();
    carols.cancelled();
    calling.answered().hang_up();
    talk.ended();
    for node in ["node1", "node2"] {
        assert_eq!(lab.node(node).status().get("replayed"), "0", "{node}");
    }
}

/// The old way: everything is decided after the late routing.
#[test]
#[ignore = "needs a real engine: YATE_ROOT"]
fn who_has_moved_the_handler_behind_the_late_routing_may_keep_it_there() {
    let plan = Lab::of(2).clustering("[priorities]\ncall.execute=80\nmsg.execute=80\n");
    let lab = group(plan);
    a_group_rings(&lab);
    assert_eq!(lab.node("node1").status().get("forwarded"), "4");
}

/// A target that can't be called is refused once, whatever comes after it.
#[test]
#[ignore = "needs a real engine: YATE_ROOT"]
fn a_late_routed_user_of_a_node_that_is_none_is_refused_once() {
    let plan = Lab::of(2)
        .dial("^602$=lateroute/603")
        .dial("^603$=cluster/nowhere/sip/sip:bob@192.0.2.1");
    let lab = plan.start();
    let alice = lab.phone("alice").at("node1");
    for (number, count) in [("603", "1"), ("602", "2")] {
        assert_eq!(alice.call(number).refused().code, 404);
        assert_eq!(lab.node("node1").status().get("nonode"), count, "{number}");
    }
}
