// SPDX-License-Identifier: GPL-2.0-or-later

//! The engine's reports of calls to other nodes that come to nothing.
//!
//! By these the module tells a node that is dead from a user who is busy.

use engine_process::Message;

use crate::lab::{Lab, Plan};

/// Timers that don't make a test wait long: a node that says nothing is given up after 3 s.
const SHORT_TIMERS: &str = "t1=200";

/// Two nodes, of which the first reports the ends of its calls.
fn watched(plan: Plan) -> Lab {
    let lab = plan.start();
    lab.node("node1").watch(&["chan.startup", "chan.hangup"]);
    lab
}

/// The first node's report at the end of its leg to the second.
fn end_of_leg(lab: &Lab) -> Message {
    let address = lab.sip("node2").to_string();
    let node = lab.node("node1");
    let start = node.seen("the leg", |message| {
        message.name == "chan.startup" && message.get("address") == address
    });
    // The message that a leg ends with has the leg's id, but not its target.
    assert_eq!(start.get("callto"), format!("sip/sip:cluster/@{address}"));
    let ended = node.seen("the end of the leg", |message| {
        message.name == "chan.hangup" && message.get("id") == start.get("id")
    });
    assert_eq!(ended.get("callto"), "", "{ended:?}");
    assert_eq!(ended.get("direction"), "outgoing", "{ended:?}");
    ended
}

fn assert_has(message: &Message, expected: &[(&str, &str)]) {
    for (name, value) in expected {
        assert_eq!(message.get(name), *value, "{name} of {message:?}");
    }
}

#[test]
#[ignore = "needs a real engine: YATE_ROOT"]
fn a_call_that_was_answered_ends_without_a_cause() {
    let lab = watched(Lab::of(2));
    let (alice, bob) = lab.alice_and_bob();
    bob.picks_up();
    alice.call("bob").answered().hang_up();
    assert_has(
        &end_of_leg(&lab),
        &[("answered", "true"), ("cause_sip", ""), ("reason_sip", "")],
    );
}

#[test]
#[ignore = "needs a real engine: YATE_ROOT"]
fn a_refusal_has_its_code_and_its_words() {
    let lab = watched(Lab::of(2));
    let (alice, bob) = lab.alice_and_bob();
    for (said, heard, words) in [
        (486, "486", "Busy Here"),
        (603, "603", "Decline"),
        (408, "408", "Request Timeout"),
        (503, "503", "Service Unavailable"),
    ] {
        let (calling, called) = alice.rings_at(&bob);
        called.refuse(said);
        calling.refused();
        let expected = [
            ("answered", "false"),
            ("cause_sip", heard),
            ("reason_sip", words),
        ];
        assert_has(&end_of_leg(&lab), &expected);
    }
}

#[test]
#[ignore = "needs a real engine: YATE_ROOT"]
fn a_call_that_was_given_up_ends_without_a_cause() {
    let lab = watched(Lab::of(2));
    let (alice, bob) = lab.alice_and_bob();
    let (calling, called) = alice.rings_at(&bob);
    calling.give_up(called);
    assert_has(
        &end_of_leg(&lab),
        &[
            ("status", "ringing"),
            ("cause_sip", ""),
            ("reason", "Cancelled"),
        ],
    );
}

#[test]
#[ignore = "needs a real engine: YATE_ROOT"]
fn a_dead_node_makes_a_timeout_without_words() {
    let lab = watched(Lab::of(2).sip(SHORT_TIMERS));
    let (alice, _bob) = lab.alice_and_bob();
    lab.node("node2").kill();
    assert_eq!(alice.call("bob").refused().code, 503);
    let dead = [
        ("answered", "false"),
        ("status", "outgoing"),
        ("cause_sip", "408"),
        ("reason_sip", ""),
    ];
    assert_has(&end_of_leg(&lab), &dead);
}

#[test]
#[ignore = "needs a real engine: YATE_ROOT"]
fn a_phone_that_is_dead_makes_its_node_refuse_the_call() {
    let lab = watched(Lab::of(2).sip(SHORT_TIMERS));
    lab.phone("bob").register_at("node2");
    let (alice, bob) = lab.alice_and_bob();
    drop(bob);
    assert_eq!(alice.call("bob").refused().code, 503);
    let refused = [("cause_sip", "503"), ("reason_sip", "Service Unavailable")];
    assert_has(&end_of_leg(&lab), &refused);
}

#[test]
#[ignore = "needs a real engine: YATE_ROOT"]
fn a_fork_goes_on_to_its_next_target_after_a_dead_node() {
    let plan = Lab::of(3)
        .sip(SHORT_TIMERS)
        .dial("^both$=fork cluster/node2/sip/sip:bob@NET.101:5060 | cluster/node3/sip/sip:bob@NET.101:5060");
    let lab = watched(plan);
    let bob = lab.phone("bob");
    let alice = lab.phone("alice").at("node1");
    lab.node("node2").kill();
    let calling = alice.call("both");
    let called = bob.called();
    assert_eq!(called.from(), lab.sip("node3").into());
    called.answer();
    calling.answered();
    assert_has(
        &end_of_leg(&lab),
        &[("cause_sip", "408"), ("reason_sip", "")],
    );
}

#[test]
#[ignore = "needs a real engine: YATE_ROOT"]
fn users_of_a_node_that_comes_back_are_called_as_before() {
    let lab = Lab::of(2).sip(SHORT_TIMERS).start();
    let (alice, bob) = lab.alice_and_bob();
    bob.picks_up();
    alice.call("bob").answered().hang_up();
    lab.node("node2").kill();
    alice.call("bob").refused();
    lab.node("node2").start();
    alice.call("bob").answered().hang_up();
}
