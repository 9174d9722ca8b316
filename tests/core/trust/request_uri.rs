// SPDX-License-Identifier: GPL-2.0-or-later

//! The request URI of a signed call: the number behind the prefix decides where the call goes, as much as
//! `X-CallTo` does.

use clustering::cluster::Cluster;
use clustering::messages::Kind;
use clustering::operator::counters::Counter;
use clustering::time::{MessageTimes, WallTime};
use clustering::verdict::{Action, Verdict};
use proptest::prelude::*;

use super::lab::{
    NODES, NOW, OLD, Settings, arrival, assert_refused, is_taken, receive_at, released, send_at,
    signing,
};
use crate::node::{Decided, Params, decide_at, named, params};

/// The number that alice called is in the request URI.
const NUMBERS: &Settings = &[
    ("general", "regexp", "^node[0-9]$"),
    ("general", "callto", "sip/sip:cluster/${called}@\\0"),
];

fn numbering(name: &str) -> Cluster {
    named(name, &[OLD, NUMBERS])
}

/// The call as it arrives with a request URI to this user.
fn at(sent: &Decided, user: &str) -> Params {
    let mut call = arrival(sent);
    for (name, value) in &mut call {
        name.make_ascii_lowercase();
        match &**name {
            b"called" => *value = user.into(),
            b"sip_uri" => *value = format!("sip:{user}@node2").into(),
            _ => {}
        }
    }
    call
}

/// Asserts that nobody hears of the call, in whose name ever.
fn assert_goes_nowhere(to: &Cluster, call: &Params) {
    assert_refused(&receive_at(NOW, to, call), "its request URI");
    assert_eq!(to.count(Counter::Forged), 1);
    assert_eq!(to.count(Counter::Received), 0);
}

#[test]
fn a_number_that_was_put_behind_the_prefix_on_the_way_is_not_called() {
    for headers in [&[][..], &[("calledname", "Bob")]] {
        let sent = send_at(NOW, &signing("node1"), "node2", headers);
        for user in ["cluster/00900555", "00900555", "cluster", "x/cluster/"] {
            assert_goes_nowhere(&signing("node2"), &at(&sent, user));
        }
        assert!(is_taken(&receive_at(
            NOW,
            &signing("node2"),
            &at(&sent, "cluster/")
        )));
    }
}

#[test]
fn a_number_that_callto_puts_there_is_called_and_cannot_be_changed() {
    let headers = [("called", "700")];
    let sent = send_at(NOW, &numbering("node1"), "node2", &headers);
    assert_eq!(sent.value("callto"), Some("sip/sip:cluster/700@node2"));
    let good = at(&sent, "cluster/700");
    let received = receive_at(NOW, &numbering("node2"), &good);
    assert_eq!(received.value("called"), Some("700"));
    assert_eq!(received.value("sip_x-username"), Some("alice"));
    for user in ["cluster/00900555", "cluster/", "cluster/700;", "700"] {
        assert_goes_nowhere(&numbering("node2"), &at(&sent, user));
    }
    let mut without = good;
    without.retain(|(name, _)| name != b"sip_x-cluster");
    assert_goes_nowhere(&numbering("node2"), &without);
}

/// They sign nothing of the request URI.
#[test]
fn a_number_of_an_older_node_is_called_where_callto_puts_one_there() {
    let headers = [("called", "700")];
    let sent = send_at(NOW, &numbering("node1"), "node2", &headers);
    let call = released(&at(&sent, "cluster/700"));
    let received = receive_at(NOW, &numbering("node2"), &call);
    assert_eq!(received.value("called"), Some("700"));
    assert_eq!(received.value("sip_x-username"), Some("alice"));

    assert_goes_nowhere(&signing("node2"), &call);
    let bare = released(&at(&sent, "cluster/"));
    assert!(is_taken(&receive_at(NOW, &signing("node2"), &bare)));
}

#[test]
fn a_text_of_an_older_node_is_taken_if_callto_has_the_same() {
    let fixed = |callto| named("node2", &[OLD, &[("general", "callto", callto)], NODES]);
    let sent = send_at(NOW, &signing("node1"), "node2", &[]);
    let call = |user| released(&at(&sent, user));
    for (callto, user, other) in [
        ("sip/sip:cluster/in@\\0", "cluster/in", "cluster/out"),
        ("sip/sip:cluster/\\0@h", "cluster/node2", "cluster/node3"),
        ("sip/sip:\\0@h;x=${y}", "node2", "node3"),
    ] {
        let received = receive_at(NOW, &fixed(callto), &call(user));
        assert_eq!(received.value("sip_x-username"), Some("alice"), "{callto}");
        assert_goes_nowhere(&fixed(callto), &call(other));
    }
}

#[test]
fn the_section_of_a_node_says_what_its_own_calls_look_like() {
    let section: &Settings = &[("node node2", "callto", "sip/sip:cluster/${called}@\\0")];
    let sent = send_at(NOW, &signing("node1"), "node2", &[]);
    let call = released(&at(&sent, "cluster/700"));
    let received = receive_at(NOW, &named("node2", &[OLD, section, NODES]), &call);
    assert_eq!(received.value("called"), Some("700"));
    let others: &Settings = &[("node node3", "callto", "sip/sip:cluster/${called}@\\0")];
    assert_goes_nowhere(&named("node2", &[OLD, others, NODES]), &call);
}

/// Otherwise all that an older node doesn't sign could be changed in calls of newer ones, too.
#[test]
fn a_call_of_a_newer_node_cannot_pass_for_one_of_an_older_node() {
    let headers = [("called", "700")];
    let sent = send_at(NOW, &numbering("node1"), "node2", &headers);
    let mut call = at(&sent, "cluster/00900555");
    call.retain(|(name, _)| name != b"sip_x-cluster");
    let signature = sent.value("osip_x-signature").unwrap();
    for (zeros, cause) in [
        (";00", "its request URI"),
        (";0", "its signature is not valid"),
        (";", "its signature is not valid"),
    ] {
        let (to, signature) = (numbering("node2"), signature.replacen(";00", zeros, 1));
        for (name, value) in &mut call {
            if name == b"sip_x-signature" {
                *value = signature.clone().into();
            }
        }
        let decided = receive_at(NOW, &to, &call);
        assert_eq!(decided.value("sip_x-username"), None);
        let line = decided.line.unwrap();
        assert!(line.contains(cause), "{line}");
    }
}

/// A module of the operator's own may do so before the call is routed.
#[test]
fn a_number_that_this_node_itself_has_changed_is_called() {
    let sent = send_at(NOW, &signing("node1"), "node2", &[]);
    let mut call = at(&sent, "cluster/");
    call[0].1 = "cluster/700".into();
    let received = receive_at(NOW, &signing("node2"), &call);
    assert_eq!(received.value("called"), Some("700"));
}

#[test]
fn an_instant_message_is_refused_with_a_number_if_its_request_uri_was_changed() {
    let message = params(&[
        ("callto", "cluster/node2/sip/sip:bob@192.0.2.9"),
        ("route_type", "msg"),
    ]);
    let sent = decide_at(NOW, &signing("node1"), Kind::Message, &message);
    let mut message = at(&sent, "cluster/00900555");
    message.push((b"route_type".to_vec(), b"msg".to_vec()));
    let decided = receive_at(NOW, &signing("node2"), &message);
    assert_refused(&decided, "its request URI");
    assert_eq!(decided.value("code"), Some("403"));
}

#[test]
fn the_whole_message_is_needed_only_where_more_than_the_prefix_was_called() {
    let sent = send_at(NOW, &signing("node1"), "node2", &[]);
    for (user, action) in [
        ("cluster/", Action::Answer),
        ("cluster/7", Action::NeedAll),
        ("7", Action::NeedAll),
    ] {
        let call = at(&sent, user);
        let (to, mut verdict) = (signing("node2"), Verdict::default());
        let times = MessageTimes::at(WallTime(NOW));
        to.decide(Kind::Route, &call.as_slice(), false, times, &mut verdict);
        assert_eq!(verdict.action, action, "{user}");
    }
}

proptest! {
    #[test]
    fn only_the_request_uri_that_was_signed_is_taken(
        number in "[0-9a-z+*#.]{0,6}",
        user in prop_oneof!["cluster/[0-9a-z+*#.]{0,6}", "[0-9a-z/]{1,9}"],
        old in any::<bool>(),
    ) {
        let headers = [("called", number.as_str())];
        let sent = send_at(NOW, &numbering("node1"), "node2", &headers);
        let mut call = at(&sent, &user);
        if old {
            call.retain(|(name, _)| name != b"sip_x-cluster");
        }
        let received = receive_at(NOW, &numbering("node2"), &call);
        let is_right = user == format!("cluster/{number}") && (!old || number.is_empty());
        prop_assert_eq!(received.value("sip_x-username").is_some(), is_right);
    }
}
