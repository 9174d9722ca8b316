// SPDX-License-Identifier: GPL-2.0-or-later

//! A caller hears the same answers from a phone of another node as from one of their own node.

use crate::lab::Lab;
use crate::phone::Phone;
use crate::sip::SipMessage;

/// All refusals of RFC 3261, those that were registered since, and some that phones have from HTTP (426, 431, 451).
const CODES: [u16; 69] = [
    300, 301, 302, 305, 380, 400, 401, 402, 403, 404, 405, 406, 407, 408, 410, 412, 413, 414, 415,
    416, 417, 420, 421, 422, 423, 424, 425, 426, 428, 429, 430, 431, 433, 436, 437, 438, 439, 440,
    451, 469, 470, 480, 481, 482, 483, 484, 485, 486, 487, 488, 489, 491, 493, 494, 500, 501, 502,
    503, 504, 505, 513, 555, 580, 600, 603, 604, 606, 607, 608,
];

/// The codes of which the engine knows no phrase, and so takes the number for one: over another node the caller
/// hears the code itself.
const WITHOUT_PHRASE: [u16; 7] = [425, 426, 431, 451, 555, 607, 608];

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
    let others: Vec<_> = others.map(|(_, away)| away.clone()).collect();
    assert_eq!(
        others,
        WITHOUT_PHRASE.map(|code| (code, code, String::new()))
    );
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

/// What bob's phone reports before it refuses is heard, too.
#[test]
#[ignore = "needs a real engine: YATE_ROOT"]
fn what_comes_before_an_answer_is_heard_over_one_node_as_on_the_same_one() {
    let lab = Lab::of(2).start();
    let alice = lab.phone("alice").at("node1");
    let bob = lab.phone("bob");
    let heard = |node: &str| {
        bob.register_at(node);
        [181, 182, 183, 199].map(|code| {
            let calling = alice.call("bob");
            let called = bob.called();
            called.report(code);
            let progress = calling.hears_progress();
            called.refuse(486);
            (progress, calling.refusal().code())
        })
    };
    let at_home = heard("node1");
    assert_eq!(at_home[2], (183, 486));
    assert_eq!(heard("node2"), at_home);
}

/// The called phone makes the offer of media, and either phone makes another one later.
#[test]
#[ignore = "needs a real engine: YATE_ROOT"]
fn a_call_without_an_offer_works_over_one_node_as_on_the_same_one() {
    let lab = Lab::of(2).start();
    let alice = lab.phone("alice").at("node1");
    let bob = lab.phone("bob");
    let course = |node: &str| {
        bob.register_at(node);
        let calling = alice.call_without_offer("bob");
        let called = bob.called();
        called.ring();
        calling.rings();
        let bobs = called.answer();
        let (alices, offer) = calling.answered_with_offer();
        let formats = offer.lines().find(|line| line.starts_with("m=audio"));
        let formats = formats.map(|line| {
            line.split(' ')
                .skip(2)
                .map(str::to_owned)
                .collect::<Vec<_>>()
        });
        let again = [alices.offers_again(), bobs.offers_again()];
        alices.hang_up();
        bobs.ended();
        (formats, again)
    };
    let at_home = course("node1");
    assert!(
        at_home.0.is_some() && at_home.1 == [200, 200],
        "{at_home:?}"
    );
    assert_eq!(course("node2"), at_home);
}
