// SPDX-License-Identifier: GPL-2.0-or-later

//! The calls that are trusted, between nodes that sign their calls.

use clustering::messages::Kind;
use clustering::operator::counters::Counter;
use clustering::verdict::Action;

use super::lab::{
    ALREADY_NEW, NEW, NODES, NOW, OLD, SECOND, STILL_OLD, Settings, arrival, assert_refused,
    is_taken, receive_at, released, send_at, signing,
};
use crate::node::{Params, decide_at, entries, named, params};

/// A call with one header changed: its value, or `None` to leave it out.
fn with(call: &Params, name: &str, value: Option<&[u8]>) -> Params {
    let mut call = call.clone();
    call.retain(|(n, _)| n != name.as_bytes());
    call.extend(value.map(|value| (name.as_bytes().to_vec(), value.to_vec())));
    call
}

#[test]
fn a_signed_call_is_taken_from_any_address() {
    let sent = send_at(NOW, &signing("node1"), "node2", &[]);
    assert!(sent.value("osip_x-signature").is_some());
    let received = receive_at(NOW + SECOND, &signing("node2"), &arrival(&sent));
    assert!(is_taken(&received));
    assert_eq!(received.value("billid"), Some("1-2"));
}

#[test]
fn a_signed_call_from_an_address_that_is_not_trusted_is_refused() {
    let to = named(
        "node2",
        &[&[("security", "trusted", "10.0.0.0/8")], OLD, NODES],
    );
    let sent = send_at(NOW, &signing("node1"), "node2", &[]);
    assert_refused(
        &receive_at(NOW, &to, &arrival(&sent)),
        "the sender is not trusted",
    );
}

#[test]
fn an_unsigned_call_is_refused_where_there_is_a_secret_even_from_a_trusted_address() {
    let to = named(
        "node2",
        &[&[("security", "trusted", "192.0.2.0/24")], OLD, NODES],
    );
    let sent = send_at(NOW, &named("node1", &[NODES]), "node2", &[]);
    assert_eq!(sent.value("osip_x-signature"), None);
    assert_refused(
        &receive_at(NOW, &to, &arrival(&sent)),
        "it has no signature",
    );
    assert_eq!(to.count(Counter::Unsigned), 1);
}

#[test]
fn a_call_whose_headers_were_changed_on_the_way_is_refused() {
    let to = signing("node2");
    let call = arrival(&send_at(NOW, &signing("node1"), "node2", &[]));
    for (name, value) in [
        ("sip_x-callto", Some(&b"sip/sip:premium@gateway"[..])),
        ("sip_x-billid", Some(b"9-9")),
        ("sip_x-billid", None),
        ("sip_x-username", Some(b"root")),
        ("sip_x-nodename", Some(b"node3")),
        ("sip_x-nodename", None),
        ("sip_x-visited", Some(b"node3")),
        (
            "sip_x-signature",
            Some(b"1;1795383063;0-0;AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"),
        ),
        ("sip_x-signature", Some(b"1")),
        ("sip_x-signature", Some(b";;;")),
        ("sip_x-signature", Some(b"\xff\xfe")),
    ] {
        assert_refused(
            &receive_at(NOW, &to, &with(&call, name, value)),
            "its signature",
        );
    }
    assert_eq!(to.count(Counter::Forged), 11);
    assert!(
        is_taken(&receive_at(NOW, &to, &call)),
        "the call itself is still good"
    );
}

#[test]
fn a_header_that_stands_there_twice_is_refused_whichever_is_the_good_one() {
    let to = signing("node2");
    let call = arrival(&send_at(NOW, &signing("node1"), "node2", &[]));
    let forged = params(&[("sip_x-callto", "sip/sip:premium@gateway")]);
    for doubled in [
        [call.clone(), forged.clone()].concat(),
        [forged, call].concat(),
    ] {
        assert_refused(
            &receive_at(NOW, &to, &doubled),
            "a cluster header occurs twice",
        );
    }
}

/// The engine takes a header apart at its semicolons, and puts it together again without its empty parts.
#[test]
fn a_call_is_taken_whose_header_the_engine_has_written_in_its_own_way() {
    let (from, to) = (signing("node1"), signing("node2"));
    let sent = decide_at(
        NOW,
        &from,
        Kind::Execute,
        &params(&[(
            "callto",
            "cluster/node2/sip/sip:bob@192.0.2.9; line=;;ob ; a = b;",
        )]),
    );
    let carried = "sip/sip:bob@192.0.2.9;line;ob;a=b";
    let call = with(&arrival(&sent), "sip_x-callto", Some(carried.as_bytes()));
    let received = receive_at(NOW, &to, &call);
    let whole = "sip/sip:bob@192.0.2.9; line=;;ob ; a = b;";
    assert_eq!(received.retval.as_deref(), Some(whole.as_bytes()));
    // It comes from a node that doesn't repeat it in full.
    let call = with(&released(&call), "id", Some(b"sip/1"));
    let to = signing("node2");
    let received = receive_at(NOW, &to, &call);
    assert_eq!(received.retval.as_deref(), Some(carried.as_bytes()));
}

#[test]
fn a_call_that_was_signed_for_another_node_is_refused() {
    let call = arrival(&send_at(NOW, &signing("node1"), "node2", &[]));
    assert_refused(&receive_at(NOW, &signing("node3"), &call), "this node");
}

#[test]
fn a_call_is_taken_once() {
    let to = signing("node2");
    let call = arrival(&send_at(NOW, &signing("node1"), "node2", &[]));
    assert!(is_taken(&receive_at(NOW, &to, &call)));
    for later in [0, SECOND, 29 * SECOND] {
        assert_refused(&receive_at(NOW + later, &to, &call), "used before");
    }
    assert_eq!(to.count(Counter::Replayed), 3);
}

/// `lateroute` gives the `call.execute` of a call that was taken to `call.route` again, headers and all.
#[test]
fn a_call_that_is_routed_again_by_its_own_channel_is_no_replay() {
    let to = signing("node2");
    let call = arrival(&send_at(NOW, &signing("node1"), "node2", &[]));
    let on = |id: &[u8], call: &Params| with(call, "id", Some(id));
    assert!(is_taken(&receive_at(NOW, &to, &on(b"sip/1", &call))));
    let again = on(b"sip/1", &with(&call, "called", Some(b"bob")));
    let again = receive_at(NOW, &to, &again);
    assert_eq!(again.action, Action::Pass);
    assert_eq!(again.value("sip_x-nodename"), Some("node1"));
    assert_eq!(to.count(Counter::Replayed), 0);
    let other = receive_at(NOW, &to, &on(b"sip/2", &call));
    assert_refused(&other, "used before");
}

/// A branch of a fork is a copy of the call with an id of its own. `lateroute` has it routed, too.
#[test]
fn a_branch_of_a_call_that_was_taken_is_no_replay() {
    let to = signing("node2");
    let call = arrival(&send_at(NOW, &signing("node1"), "node2", &[]));
    let on = |id: &[u8], call: &Params| with(call, "id", Some(id));
    assert!(is_taken(&receive_at(NOW, &to, &on(b"sip/1", &call))));
    let branch = |id: &[u8], forked: &[u8]| {
        let call = with(&on(id, &call), "called", Some(b"bob"));
        receive_at(NOW, &to, &with(&call, "fork.origid", Some(forked)))
    };
    // A branch of the first fork is forked again.
    let branches: [(&[u8], &[u8]); 6] = [
        (b"fork/1/1", b"sip/1"),
        (b"fork/1/2", b"sip/1"),
        (b"fork/2/1", b"fork/1/2"),
        (b"fork/2/2", b"fork/1/2"),
        (b"fork/1/2", b"fork/1/2"),
        (b"sip/1", b"sip/1"),
    ];
    for (id, forked) in branches {
        let routed = branch(id, forked);
        assert_eq!(routed.action, Action::Pass, "{}", id.escape_ascii());
        assert_eq!(routed.value("sip_x-nodename"), Some("node1"));
    }
    assert_eq!(to.count(Counter::Replayed), 0);
    let others: [(&[u8], &[u8]); 4] = [
        (b"fork/3/1", b"sip/2"),
        (b"fork/3/1", b"fork/1/3"),
        // None that was forked, only such an id.
        (b"fork/1/3", b""),
        (b"sip/2", b""),
    ];
    for (count, (id, forked)) in (1..).zip(others) {
        let routed = branch(id, forked);
        assert_eq!(routed.value("sip_x-nodename"), None);
        assert_eq!(to.count(Counter::Replayed), count);
    }
    assert_refused(&receive_at(NOW, &to, &on(b"sip/2", &call)), "used before");
}

/// Another module has answered the first `call.route`, so that the branches are the first to be authenticated.
#[test]
fn all_branches_of_a_call_are_taken_that_was_not_authenticated_before() {
    let to = signing("node2");
    let call = arrival(&send_at(NOW, &signing("node1"), "node2", &[]));
    let branch = |id: &[u8], forked: &[u8]| {
        let call = with(&call, "fork.origid", Some(forked));
        receive_at(NOW, &to, &with(&call, "id", Some(id)))
    };
    assert!(is_taken(&branch(b"fork/1/1", b"sip/1")));
    assert!(is_taken(&branch(b"fork/1/2", b"sip/1")));
    assert_refused(&branch(b"fork/2/1", b"sip/2"), "used before");
}

#[test]
fn two_equal_calls_are_both_taken() {
    let (from, to) = (signing("node1"), signing("node2"));
    for _ in 0..2 {
        assert!(is_taken(&receive_at(
            NOW,
            &to,
            &arrival(&send_at(NOW, &from, "node2", &[]))
        )));
    }
}

#[test]
fn clocks_may_differ_by_the_window_in_either_direction() {
    let (from, to) = (signing("node1"), signing("node2"));
    for (received, taken) in [
        (NOW - 31 * SECOND, false),
        (NOW - 30 * SECOND, true),
        (NOW + 30 * SECOND, true),
        (NOW + 31 * SECOND, false),
    ] {
        let call = arrival(&send_at(NOW, &from, "node2", &[]));
        let decided = receive_at(received, &to, &call);
        if taken {
            assert!(is_taken(&decided));
        } else {
            assert_refused(
                &decided,
                "31 seconds off, the window is 30: check the clocks",
            );
        }
    }
    assert_eq!(to.count(Counter::Skewed), 2);
}

#[test]
fn a_call_that_was_taken_is_not_taken_again_after_the_window_was_raised() {
    let (from, to) = (signing("node1"), signing("node2"));
    let call = arrival(&send_at(NOW, &from, "node2", &[]));
    assert!(is_taken(&receive_at(NOW, &to, &call)));
    // More calls, later, so that the first one is forgotten.
    for later in [100 * SECOND, 200 * SECOND] {
        let other = arrival(&send_at(NOW + later, &from, "node2", &[]));
        assert!(is_taken(&receive_at(NOW + later, &to, &other)));
    }
    let raised: &Settings = &[("security", "window", "3600")];
    let settings = [raised, OLD, NODES].concat();
    to.load("clustering.conf", &entries(&settings)).unwrap();
    let decided = receive_at(NOW + 201 * SECOND, &to, &call);
    assert_refused(&decided, "too old to tell whether it was used before");
    assert_eq!(to.count(Counter::Skewed), 1);
    let slow_clock = arrival(&send_at(NOW + 110 * SECOND, &from, "node2", &[]));
    assert!(
        is_taken(&receive_at(NOW + 201 * SECOND, &to, &slow_clock)),
        "the new window is in force"
    );
}

#[test]
fn secrets_roll_over_node_by_node() {
    let steps: [&[&Settings]; 4] = [
        &[OLD, NODES],
        &[OLD, ALREADY_NEW, NODES],
        &[NEW, STILL_OLD, NODES],
        &[NEW, NODES],
    ];
    for pair in steps.windows(2) {
        for (from, to) in [(0, 0), (0, 1), (1, 0), (1, 1)] {
            let (from, to) = (named("node1", pair[from]), named("node2", pair[to]));
            let call = arrival(&send_at(NOW, &from, "node2", &[]));
            assert!(is_taken(&receive_at(NOW, &to, &call)));
        }
    }
    let call = arrival(&send_at(NOW, &named("node1", steps[0]), "node2", &[]));
    assert_refused(
        &receive_at(NOW, &named("node2", steps[3]), &call),
        "its signature",
    );
}

#[test]
fn no_secret_shows_anywhere() {
    let (from, to) = (signing("node1"), signing("node2"));
    let sent = send_at(NOW, &from, "node2", &[]);
    let call = with(&arrival(&sent), "sip_x-billid", None);
    let received = receive_at(NOW, &to, &call);
    let shown = format!(
        "{from:?}{:?}{:?}{}",
        sent.params,
        received.line,
        clustering::operator::status::params(&to)
    );
    assert!(!shown.contains("old secret"), "{shown}");
}

#[test]
fn a_call_goes_on_with_its_billid_before_it_is_routed_and_is_not_taken_for_a_replay_then() {
    let (from, to) = (signing("node1"), signing("node2"));
    let call = arrival(&send_at(NOW, &from, "node2", &[]));
    let before = decide_at(NOW, &to, Kind::Preroute, &call);
    assert_eq!(before.value("billid"), Some("1-2"));
    assert!(is_taken(&receive_at(NOW, &to, &call)));
    let again = decide_at(NOW, &to, Kind::Preroute, &call);
    assert_eq!(again.action, Action::Pass, "it was used by then");
}

#[test]
fn nobody_gives_a_call_a_billid_who_is_not_trusted() {
    let to = signing("node2");
    for call in [
        arrival(&send_at(NOW, &signing("node1"), "node3", &[])),
        params(&[("called", "cluster/"), ("sip_x-billid", "1-2")]),
        params(&[("called", "bob"), ("sip_x-billid", "1-2")]),
    ] {
        let decided = decide_at(NOW, &to, Kind::Preroute, &call);
        assert_eq!((decided.action, decided.line), (Action::Pass, None));
    }
}

#[test]
fn a_trusted_call_that_is_none_of_the_clusters_keeps_its_own_billid() {
    let trusting: &Settings = &[("security", "trusted", "*")];
    let to = named("node2", &[trusting, NODES]);
    for (called, action) in [("cluster/", Action::Change), ("bob", Action::Pass)] {
        let call = params(&[("called", called), ("sip_x-billid", "1-2")]);
        let decided = decide_at(NOW, &to, Kind::Preroute, &call);
        assert_eq!(decided.action, action, "{called}");
    }
}

#[test]
fn a_forged_instant_message_is_refused_with_a_number() {
    let to = signing("node2");
    let message = params(&[
        ("route_type", "msg"),
        ("called", "cluster/"),
        ("sip_x-callto", "sip/sip:bob@192.0.2.9"),
        ("ip_host", "203.0.113.9"),
    ]);
    let decided = decide_at(NOW, &to, Kind::Route, &message);
    assert_refused(&decided, "it has no signature");
    assert_eq!(decided.value("code"), Some("403"));
}
