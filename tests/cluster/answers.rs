// SPDX-License-Identifier: GPL-2.0-or-later

//! A caller hears the same answers from a phone of another node as from one of their own node.

use crate::lab::Lab;
use crate::phone::Phone;
use crate::sip::SipMessage;

/// All refusals of RFC 3261, and those that were registered since.
const CODES: [u16; 61] = [
    300, 301, 302, 305, 380, 400, 401, 402, 403, 404, 405, 406, 407, 408, 410, 412, 413, 414, 415,
    416, 417, 420, 421, 422, 423, 424, 425, 428, 429, 430, 433, 436, 437, 438, 439, 440, 469, 470,
    480, 481, 482, 483, 484, 485, 486, 487, 488, 489, 491, 493, 494, 500, 501, 502, 503, 504, 505,
    513, 600, 603, 604,
];

/// The code of which the engine knows no phrase, and so takes the number for one.
const ENGINES_OWN: u16 = 425;

/// The answer that the caller hears.
fn heard(alice: &Phone, bob: &Phone, code: u16, headers: &[(&str, &str)]) -> SipMessage {
    let (calling, called) = alice.rings_at(bob);
    called.refuse_with(code, headers);
    calling.refusal()
}

#[test]
#[ignore = "needs a real engine: YATE_ROOT"]
fn a_refusal_is_heard_over_one_node_as_on_the_same_one() {
    let lab = Lab::of(2).start();
    let alice = lab.phone("alice").at("node1");
    let bob = lab.phone("bob");
    let all = |node: &str| {
        bob.register_at(node);
        CODES.map(|code| {
            let answer = heard(&alice, &bob, code, &[("Retry-After", "7")]);
            (code, answer.code(), answer.header("Retry-After").to_owned())
        })
    };
    let (at_home, away) = (all("node1"), all("node2"));
    let others = at_home.iter().zip(&away).filter(|(a, b)| a != b);
    let others: Vec<_> = others.filter(|(a, _)| a.0 != ENGINES_OWN).collect();
    assert!(others.is_empty(), "{others:#?}");
}

#[test]
#[ignore = "needs a real engine: YATE_ROOT"]
fn a_refusal_in_usual_words_is_heard_with_these() {
    let lab = Lab::of(3)
        .dial("^far$=cluster/node2/cluster/node3/sip/sip:bob@NET.102:5060")
        .start();
    let alice = lab.phone("alice").at("node1");
    let bob = lab.phone("bob");
    for (node, user) in [("node1", "bob"), ("node2", "bob"), ("node2", "far")] {
        bob.register_at(node);
        for (said, words, heard) in [
            (302, "Moved Temporarily", "487 Moved Temporarily"),
            (
                407,
                "Proxy Authentication Required",
                "487 Proxy Authentication Required",
            ),
            (
                480,
                "Temporarily Unavailable",
                "480 Temporarily Unavailable",
            ),
            (486, "Busy Here", "486 Busy Here"),
            (488, "Not Acceptable Here", "488 Not Acceptable Here"),
            (504, "Server Time-out", "408 Request Timeout"),
            (600, "Busy Everywhere", "486 Busy Here"),
            (603, "Decline", "403 Forbidden"),
        ] {
            let calling = alice.call(user);
            let called = bob.called();
            called.ring();
            calling.rings();
            called.refuse_saying(said, words);
            let answer = calling.refusal();
            let got = format!("{} {}", answer.code(), answer.reason());
            assert_eq!(got, heard, "{said} of {user} at {node}");
        }
    }
}
