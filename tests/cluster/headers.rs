// SPDX-License-Identifier: GPL-2.0-or-later

//! Headers that a route makes for the phone: they reach a phone of another node as they reach one of this
//! node.

use engine_process::Message;

use crate::call::IncomingCall;
use crate::lab::{Lab, Plan};

/// Some usual headers.
const USUAL: [(&str, &str); 5] = [
    ("Alert-Info", "info=alert-autoanswer"),
    ("Diversion", "<sip:100@example.net>;reason=no-answer"),
    (
        "Identity",
        "eyJhbGciOiJFUzI1NiJ9.e30.c2ln;info=<https://c>;alg=ES256",
    ),
    ("X-My-Id", "42"),
    ("X-mIxEd", "\"a;b\"; c = d"),
];
/// Some headers that are no business of a phone's.
const CLUSTER: [&str; 7] = [
    "X-CallTo",
    "X-BillID",
    "X-NodeName",
    "X-Username",
    "X-Visited",
    "X-Signature",
    "X-Cluster",
];
const SECRET: &str = "[security]\nsecret=of-all-nodes-of-the-lab\n";

/// Has the first node's routes set these parameters for calls to bob.
fn route_with(lab: &Lab, params: &[(&str, &str)]) {
    let own = |(name, value): &(&str, &str)| ((*name).to_owned(), (*value).to_owned());
    let params: Vec<_> = params.iter().map(own).collect();
    let add = move |route: &mut Message| {
        if route.get("called") == "bob" {
            for (name, value) in &params {
                route.params.push((name.clone(), value.clone()));
            }
        }
        false
    };
    lab.node("node1").handle("call.route", 40, Box::new(add));
}

fn headers(call: &IncomingCall, name: &str) -> Vec<String> {
    let headers = call.invite().headers.iter();
    let of_name = headers.filter(|(key, _)| key == name);
    of_name.map(|(_, value)| value.clone()).collect()
}

/// The values of these headers that bob gets, as the phone at a node.
fn bob_gets(lab: &Lab, node: &str, names: &[&str]) -> Vec<Vec<String>> {
    let bob = lab.phone("bob");
    bob.register_at(node);
    let alice = lab.phone("alice").at("node1");
    let calling = alice.call("bob");
    let called = bob.called();
    assert_eq!(called.from(), lab.sip(node).into());
    for name in CLUSTER {
        assert_eq!(called.invite().header(name), "", "{}", called.invite());
    }
    let got = names.iter().map(|name| headers(&called, name)).collect();
    called.ring();
    calling.rings();
    calling.give_up(called);
    got
}

/// A lab with a secret, and one without.
fn labs() -> impl Iterator<Item = Lab> {
    [Lab::of(2), Lab::of(2).clustering(SECRET)]
        .into_iter()
        .map(Plan::start)
}

#[test]
#[ignore = "needs a real engine: YATE_ROOT"]
fn a_phone_of_another_node_gets_the_headers_that_the_route_has_made() {
    for lab in labs() {
        let params = USUAL.map(|(name, value)| (format!("osip_{name}"), value));
        let params: Vec<_> = params.iter().map(|(n, v)| (n.as_str(), *v)).collect();
        route_with(&lab, &params);
        let names = USUAL.map(|(name, _)| name);
        let at_home = bob_gets(&lab, "node1", &names);
        assert!(at_home.iter().all(|got| got.len() == 1), "{at_home:?}");
        assert_eq!(bob_gets(&lab, "node2", &names), at_home);
    }
}

#[test]
#[ignore = "needs a real engine: YATE_ROOT"]
fn a_phone_of_another_node_shows_the_name_that_the_route_has_for_whom_is_called() {
    for lab in labs() {
        route_with(&lab, &[("calledname", "Bob; \"B\u{f6}b\"")]);
        let bob = lab.phone("bob");
        let display = |node: &str| {
            bob.register_at(node);
            let alice = lab.phone("alice").at("node1");
            let calling = alice.call("bob");
            let called = bob.called();
            assert_eq!(called.from(), lab.sip(node).into());
            let to = called.invite().header("To").to_owned();
            called.ring();
            calling.rings();
            calling.give_up(called);
            to.split('<').next().map(str::to_owned)
        };
        let at_home = display("node1");
        assert!(
            at_home.as_ref().is_some_and(|name| name.contains("Bob")),
            "{at_home:?}"
        );
        assert_eq!(display("node2"), at_home);
    }
}

/// Two headers of a name, which differ by its case: on one node the phone gets both, over two nodes the first one, and
/// the log says so.
#[test]
#[ignore = "needs a real engine: YATE_ROOT"]
fn of_two_headers_of_a_name_a_phone_of_another_node_gets_the_first_one() {
    for lab in labs() {
        let names = ["X-My-Id", "x-my-id"];
        route_with(&lab, &[("osip_X-My-Id", "1"), ("osip_x-my-id", "2")]);
        assert_eq!(bob_gets(&lab, "node1", &names), [["1"], ["2"]]);
        assert_eq!(bob_gets(&lab, "node2", &names), [vec!["1"], vec![]]);
        lab.log("node1")
            .wait_for("1 headers for the phone of a call to node 'node2' were left out");
    }
}

/// What would begin another header never leaves the node.
#[test]
#[ignore = "needs a real engine: YATE_ROOT"]
fn a_header_or_a_name_with_a_line_end_is_left_out_with_a_line() {
    for lab in labs() {
        route_with(
            &lab,
            &[
                ("osip_X-Bad", "a\r\nX-CallTo: conf/7"),
                ("osip_X-Bad\r\nX-BillID", "1-2"),
                ("osip_X-Good", "1"),
                ("calledname", "Bob\"\r\nX-Signature: x"),
            ],
        );
        let got = bob_gets(&lab, "node2", &["X-Bad", "X-Good", "To"]);
        assert!(
            got[0].is_empty() && got[1] == ["1"] && !got[2][0].contains("Bob"),
            "{got:?}"
        );
        let sent = lab.log("node1").text();
        assert!(!sent.contains("\nX-Bad"), "{sent}");
        let line = "3 headers for the phone of a call to node 'node2' were left out, the first is 'calledname'";
        lab.log("node1").wait_for(line);
    }
}

/// A phone's header ends at its node, whether it's a usual one or one by which nodes talk to each other.
#[test]
#[ignore = "needs a real engine: YATE_ROOT"]
fn a_phone_can_write_no_headers_for_another_one() {
    for lab in labs() {
        let bob = lab.phone("bob");
        bob.register_at("node2");
        let mallory = lab.stranger("mallory");
        for (caller, node) in [
            (&lab.phone("alice"), "node1"),
            (&mallory, "node1"),
            (&mallory, "node2"),
        ] {
            caller.speak_to(node);
            let smuggled = [
                ("Alert-Info", "info=alert-autoanswer"),
                ("X-Cluster", "1;headers=Alert-Info;calledname=Mallory"),
            ];
            let calling = caller.call_with("bob", &smuggled);
            let called = bob.called();
            let invite = called.invite();
            for name in CLUSTER.iter().chain(&["Alert-Info"]) {
                assert_eq!(invite.header(name), "", "{invite}");
            }
            assert!(!invite.header("To").contains("Mallory"), "{invite}");
            called.ring();
            calling.rings();
            calling.give_up(called);
        }
    }
}
