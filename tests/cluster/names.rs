// SPDX-License-Identifier: GPL-2.0-or-later

//! Names and locations with all bytes that URIs may have, through registrar, headers and signatures: the
//! dialled bytes are those that one server would dial.

use std::sync::mpsc;

use engine_process::Message;
use proptest::prelude::*;
use proptest::test_runner::{Config, TestCaseError, TestRunner};

use crate::lab::Lab;

const SECRET: &str = "[security]\nsecret=of-all-nodes-of-the-lab\n";

/// The URI that a phone is dialled by at a node, after the signature was verified.
fn dialled(lab: &Lab, node: &str, user: &str, uri: &str) -> String {
    let phone = lab.phone(user);
    let address = phone.address();
    let uri = uri.replace("HOST", &format!("{address}:5060"));
    phone.register_as(node, &uri);
    let alice = lab.phone("alice").at("node1");
    let calling = alice.call(user);
    let called = phone.called();
    assert_eq!(called.from(), lab.sip(node).into(), "{user} {uri}");
    let dialled = called.invite().uri().replace(&address.to_string(), "HOST");
    called.ring();
    calling.rings();
    calling.give_up(called);
    dialled
}

#[test]
#[ignore = "needs a real engine: YATE_ROOT"]
fn users_of_odd_names_at_odd_places_are_dialled_as_by_their_own_node() {
    let lab = Lab::of(2).clustering(SECRET).start();
    let push = format!(
        "sip:bob@HOST;pn-provider=apns;pn-prid={}",
        "00c0ffee".repeat(50)
    );
    for (user, uri) in [
        ("o'neil", "sip:o'neil@HOST"),
        ("bob%3Bx=1", "sip:bob%3Bx=1@HOST"),
        ("%22bob%22%20%3Cb%3E", "sip:%22bob%22%20%3Cb%3E@HOST"),
        ("b%C3%B6b", "sip:b%C3%B6b@HOST"),
        ("a%23b&c", "sip:a%23b&c@HOST"),
        ("+4930%40example.net", "sip:+4930%40example.net@HOST"),
        ("bob", "sip:bob@HOST;user=phone;phone-context=+33@dom"),
        ("bob", "sip:bob@HOST;line=;ob"),
        ("bob", "sip:bob@HOST;ob;line= 7 ;;x"),
        ("bob", &push),
    ] {
        let at_home = dialled(&lab, "node1", user, uri);
        assert_eq!(dialled(&lab, "node2", user, uri), at_home, "{user} {uri}");
    }
    for node in ["node1", "node2"] {
        let status = lab.node(node).status();
        for counter in ["untrusted", "unsigned", "forged", "skewed", "replayed"] {
            assert_eq!(status.get(counter), "0", "{counter} of {node}");
        }
    }
}

/// Has the first node's routes send calls to an odd target, with odd ids.
fn route_to(lab: &Lab, target: &'static str, (id, value): (&'static str, &'static str)) {
    let route = move |route: &mut Message| {
        if route.get("called") == "odd" {
            target.clone_into(&mut route.retval);
            route.set(id, value);
        }
        !route.retval.is_empty()
    };
    lab.node("node1").handle("call.route", 40, Box::new(route));
}

/// Each would make a header, or a line, of its own.
#[test]
#[ignore = "needs a real engine: YATE_ROOT"]
fn control_characters_never_leave_the_node() {
    let usual = ("username", "alice");
    for (target, id, part) in [
        (
            "cluster/node2/sip/sip:bob@h\r\nX-BillID: forged",
            usual,
            "the target",
        ),
        ("cluster/node2/sip/sip:b\u{1}b@h", usual, "the target"),
        (
            "cluster/node2/none/x",
            ("billid", "1\r\nX-CallTo: forged"),
            "the billid",
        ),
        (
            "cluster/node2/none/x",
            ("username", "a\nX-CallTo: forged"),
            "the username",
        ),
        (
            "cluster/node2\r\nX-CallTo: forged/none/x",
            usual,
            "the node's URI",
        ),
    ] {
        let plan = Lab::of(2).clustering(
            "[general]\nregexp=^node\\([0-9].*\\)$\n[node node2]\ncallto=sip/sip:cluster/@NET.2:5060\n",
        );
        let lab = plan.clustering(SECRET).start();
        route_to(&lab, target, id);
        let alice = lab.phone("alice").at("node1");
        assert_eq!(alice.call("odd").refused().code, 400, "{target:?} {id:?}");
        let end = format!("was refused: {part} has a control character");
        lab.log("node1").wait_for(&end);
        let log = lab.log("node1").text();
        assert!(!log.contains("INVITE sip:cluster/"), "{log}");
        assert_eq!(lab.node("node1").status().get("malformed"), "1");
        assert_eq!(alice.sends("odd", "Dinner is ready."), 400);
        assert_eq!(lab.node("node2").status().get("received"), "0");
    }
}

/// A location that a phone has registered like that is refused to callers of other nodes.
#[test]
#[ignore = "needs a real engine: YATE_ROOT"]
fn a_location_with_a_control_character_is_called_by_nobody_elsewhere() {
    let lab = Lab::of(2).clustering(SECRET).start();
    let bob = lab.phone("bob");
    bob.register_as("node2", &format!("sip:b\u{1}b@{}:5060", bob.address()));
    let alice = lab.phone("alice").at("node1");
    assert_eq!(alice.call("bob").refused().code, 400);
    lab.log("node1")
        .wait_for("was refused: the target has a control character");
    assert_eq!(alice.sends("bob", "Dinner is ready."), 400);
    bob.has_nothing_left();
}

/// Somebody whose address is trusted sends what no node would.
#[test]
#[ignore = "needs a real engine: YATE_ROOT"]
fn cluster_headers_with_control_characters_are_refused_where_they_arrive() {
    let lab = Lab::of(1).clustering("[security]\ntrusted=*\n").start();
    let mallory = lab.phone("mallory").at("node1");
    for (name, value) in [
        ("X-CallTo", "conf/\u{1}"),
        ("X-BillID", "1\u{1b}[2J"),
        ("X-Username", "a\u{7f}"),
    ] {
        let usual = [("X-CallTo", "conf/7"), ("X-NodeName", "node2")];
        let usual = usual.into_iter().filter(|(of, _)| *of != name);
        let headers: Vec<_> = usual.chain([(name, value)]).collect();
        let call = mallory.call_with("cluster/", &headers);
        assert_eq!(call.refused().code, 403, "{name}");
    }
    lab.log("node1")
        .wait_for("a cluster header has a control character");
    assert_eq!(lab.node("node1").status().get("malformed"), "3");
}

/// Any location, between two engines that take headers apart and put them together as engines do.
#[test]
#[ignore = "needs a real engine: YATE_ROOT"]
fn arbitrary_locations_arrive_byte_for_byte() {
    let lab = Lab::of(2).clustering(SECRET).start();
    let (next, locations) = mpsc::channel::<String>();
    let route = move |route: &mut Message| {
        let Ok(location) = locations.try_recv() else {
            return false;
        };
        route.retval = format!("cluster/node2/{location}");
        true
    };
    lab.node("node1").handle("call.route", 40, Box::new(route));
    let (arrive, arrived) = mpsc::channel::<String>();
    let see = move |execute: &mut Message| {
        let _ = arrive.send(execute.get("callto").to_owned());
        execute.set("error", "busy");
        false
    };
    lab.node("node2").handle("call.execute", 40, Box::new(see));
    let alice = lab.phone("alice").at("node1");
    let mut runner = TestRunner::new(Config {
        cases: 200,
        failure_persistence: None,
        ..Config::default()
    });
    // Without blanks at its ends, which are no part of a target.
    let any = "none/[ -~\u{e4}-\u{fc}\t]{0,40}[!-~]|none/[ab;=\"<>, %\t]{0,30}[ab;=\"<>%]";
    let outcome = runner.run(&any, |location| {
        next.send(location.clone()).expect("it is taken");
        let code = alice.call("anybody").refused().code;
        let got = arrived.try_recv();
        let got = got.map_err(|_| TestCaseError::fail(format!("'{location}' ends with {code}")))?;
        prop_assert_eq!(got, location);
        Ok(())
    });
    outcome.unwrap_or_else(|error| panic!("{error}"));
}
