// SPDX-License-Identifier: GPL-2.0-or-later

//! The extension of a call, which nodes with version 1.0 don't know: headers and a name for the phone, the
//! target byte for byte.

use clustering::cluster::Cluster;
use clustering::messages::Kind;
use clustering::operator::counters::Counter;

use super::lab::{
    NODES, NOW, Settings, arrival, assert_refused, receive_at, released, send_at, signing,
};
use crate::node::{Decided, Params, decide_at, named, params};

const FOR_PHONE: &[(&str, &str)] = &[
    ("osip_Alert-Info", "info=alert-autoanswer"),
    ("osip_My-Id", "42"),
    ("calledname", "Bob; B"),
];

/// The call as it arrives: names of headers come in lower case.
fn arrives(sent: &Decided) -> Params {
    let mut call = arrival(sent);
    for (name, _) in &mut call {
        name.make_ascii_lowercase();
    }
    call
}

fn set(call: &mut Params, name: &str, value: &str) {
    let param = call.iter_mut().find(|(n, _)| n == name.as_bytes());
    param.unwrap().1 = value.into();
}

fn trusting(name: &str) -> Cluster {
    let trusting: &Settings = &[("security", "trusted", "192.0.2.0/24")];
    named(name, &[trusting, NODES])
}

#[test]
fn headers_and_name_are_as_the_route_made_them() {
    for node in [signing, trusting] {
        let sent = send_at(NOW, &node("node1"), "node2", FOR_PHONE);
        let received = receive_at(NOW, &node("node2"), &arrives(&sent));
        for (name, value) in FOR_PHONE {
            assert_eq!(received.value(name), Some(*value), "{name}");
        }
    }
}

#[test]
fn a_call_that_needs_nothing_of_it_is_as_with_version_1_0() {
    let sent = send_at(NOW, &signing("node1"), "node2", &[]);
    assert_eq!(sent.value("osip_x-cluster"), None);
}

#[test]
fn what_a_call_carries_more_cannot_be_removed_on_the_way() {
    let sent = send_at(NOW, &signing("node1"), "node2", FOR_PHONE);
    let mut call = arrives(&sent);
    call.retain(|(name, _)| name != b"sip_x-cluster");
    assert_refused(&receive_at(NOW, &signing("node2"), &call), "its signature");
}

#[test]
fn a_call_of_an_older_node_carries_no_more() {
    let sent = send_at(NOW, &signing("node1"), "node2", FOR_PHONE);
    let call = released(&arrives(&sent));
    let received = receive_at(NOW, &signing("node2"), &call);
    assert_eq!(
        received.retval.as_deref(),
        Some(&b"sip/sip:bob@192.0.2.9"[..])
    );
    assert_eq!(received.value("osip_Alert-Info"), None);
}

#[test]
fn what_a_call_carries_more_cannot_be_changed_on_the_way() {
    let sent = send_at(NOW, &signing("node1"), "node2", FOR_PHONE);
    let whole = sent.value("osip_x-cluster").unwrap();
    let (text, mac) = whole.split_once(";mac=").unwrap();
    for (name, value) in [
        ("sip_alert-info", "info=x".to_owned()),
        ("sip_my-id", String::new()),
        ("sip_uri", "sip:cluster/00900555@node2".to_owned()),
        ("sip_x-cluster", text.to_owned()),
        ("sip_x-cluster", format!("{text};mac=")),
        ("sip_x-cluster", format!("{text},X-Other;mac={mac}")),
        ("sip_x-cluster", format!("{whole};headers=X-Other")),
        ("sip_x-cluster", format!("2;calledname=M;mac={mac}")),
    ] {
        let mut call = arrives(&sent);
        set(&mut call, name, &value);
        assert_refused(&receive_at(NOW, &signing("node2"), &call), "its signature");
    }
}

/// Without a secret there is no HMAC, but two readers must not read two targets.
#[test]
fn a_copy_of_another_target_is_refused() {
    let target = ("callto", "cluster/node2/sip/sip:bob@192.0.2.9;line=;ob");
    let sent = decide_at(NOW, &trusting("node1"), Kind::Execute, &params(&[target]));
    let mut call = arrives(&sent);
    set(&mut call, "sip_x-callto", "sip/sip:bob@192.0.2.9;line;ob");
    let received = receive_at(NOW, &trusting("node2"), &call);
    let whole = &b"sip/sip:bob@192.0.2.9;line=;ob"[..];
    assert_eq!(received.retval.as_deref(), Some(whole));
    set(&mut call, "sip_x-callto", "park/1");
    let cause = "its X-CallTo and its X-Cluster name different targets";
    assert_refused(&receive_at(NOW, &trusting("node2"), &call), cause);
}

#[test]
fn a_strangers_header_of_that_kind_changes_nothing() {
    let node = trusting("node2");
    let call = params(&[
        ("called", "600"),
        ("ip_host", "198.51.100.66"),
        ("sip_alert-info", "info=x"),
        ("sip_x-cluster", "2;headers=Alert-Info;calledname=Mallory"),
    ]);
    let received = receive_at(NOW, &node, &call);
    assert_eq!(received.value("sip_x-cluster"), None);
    assert_eq!(received.value("osip_Alert-Info"), None);
    assert_eq!(received.value("calledname"), None);
    assert_eq!(node.count(Counter::Untrusted), 1);
}

#[test]
fn headers_that_can_not_travel_are_left_out_with_a_line() {
    // Each would be sent as it is: a second header of the cluster's own, or one that begins within another.
    let bad = [
        ("osip_X-CallTo", "park/1"),
        ("osip_X-Bad", "a\r\nX-CallTo: park/1"),
        ("osip_X-Bad\r\nX-BillID", "1-2"),
        ("osip_Via", "a\r\nX-CallTo: park/1"),
    ];
    let good = [("osip_X-Good", "1"), ("osip_X-Blank", "a\tb")];
    let headers = [&bad[..], &good].concat();
    let sent = send_at(NOW, &trusting("node1"), "node2", &headers);
    let named = Some("2;headers=X-Good,X-Blank");
    assert_eq!(sent.value("osip_x-cluster"), named);
    for (name, _) in bad {
        assert_eq!(sent.value(name), None, "{name}");
    }
    let line = sent.line.unwrap();
    assert!(
        line.contains("4 headers for the phone of a call to node"),
        "{line}"
    );
    assert!(line.contains("the first is 'X-CallTo'"), "{line}");

    let message = [&[("callto", "cluster/node2/x")], &headers[..]].concat();
    let sent = decide_at(NOW, &trusting("node1"), Kind::Message, &params(&message));
    assert_eq!(sent.value("osip_x-cluster"), None);
    for (name, _) in bad {
        assert_eq!(sent.value(name), None, "{name} of a message");
    }
    assert!(sent.line.unwrap().contains("4 headers for the phone"));
}

#[test]
fn a_name_for_the_phone_that_can_not_travel_is_left_out_with_a_line() {
    let name = [("calledname", "Bob\"\r\nX-CallTo: park/1")];
    let sent = send_at(NOW, &trusting("node1"), "node2", &name);
    assert_eq!(sent.value("osip_x-cluster"), None);
    assert_eq!(sent.value("calledname"), None);
    let line = sent.line.unwrap();
    assert!(line.contains("the first is 'calledname'"), "{line}");
}

/// A node of another kind may have sent it.
#[test]
fn a_header_or_a_name_for_the_phone_with_a_control_character_is_refused_where_it_arrives() {
    let sent = send_at(NOW, &trusting("node1"), "node2", FOR_PHONE);
    for (name, value) in [
        ("sip_my-id", "4\u{1b}2"),
        ("sip_x-cluster", "2;calledname=Bob%0d%0aX-CallTo:%20x"),
        ("sip_x-cluster", "2;calledname=\u{1b}"),
    ] {
        let mut call = arrives(&sent);
        set(&mut call, name, value);
        let received = receive_at(NOW, &trusting("node2"), &call);
        assert_refused(&received, "a cluster header has a control character");
    }
}

/// Two headers of a name, as a route may set them: the first one counts.
#[test]
fn of_two_headers_of_a_name_the_first_one_reaches_the_phone() {
    let headers = [
        ("osip_X-My-Id", "1"),
        ("osip_X-My-Id", "2"),
        ("osip_x-my-id", "3"),
    ];
    let sent = send_at(NOW, &trusting("node1"), "node2", &headers);
    assert_eq!(sent.value("osip_x-cluster"), Some("2;headers=X-My-Id"));
    let line = sent.line.as_deref().unwrap();
    assert!(line.starts_with("2 headers for the phone"), "{line}");
    let received = receive_at(NOW, &trusting("node2"), &arrives(&sent));
    let got = received
        .params
        .iter()
        .filter(|(name, _)| name.eq_ignore_ascii_case(b"osip_x-my-id"));
    let got: Vec<_> = got.map(|(_, value)| value.as_slice()).collect();
    assert_eq!(got, [b"1"]);
}

/// The engine makes parameters of some headers, and another header of these.
#[test]
fn a_diversion_reaches_the_phone_once() {
    let headers = [("osip_Diversion", "<sip:100@example.net>;reason=no-answer")];
    let sent = send_at(NOW, &trusting("node1"), "node2", &headers);
    let mut call = arrives(&sent);
    let made = [
        ("diverter", "100"),
        ("diverteruri", "sip:100@example.net"),
        ("divert_reason", "no-answer"),
        ("reason", "divert"),
    ];
    call.extend(params(&made));
    let received = receive_at(NOW, &trusting("node2"), &call);
    for (name, _) in made {
        assert_eq!(received.value(name), None, "{name}");
    }
    assert_eq!(received.value("osip_Diversion"), Some(headers[0].1));
}

#[test]
fn an_instant_message_carries_its_target_byte_for_byte_and_no_headers() {
    let message = params(&[
        ("callto", "cluster/node2/sip/sip:bob@192.0.2.9;line=;ob"),
        ("osip_My-Id", "42"),
        ("calledname", "Bob"),
        ("route_type", "msg"),
    ]);
    let sent = decide_at(NOW, &trusting("node1"), Kind::Message, &message);
    let header = sent.value("osip_x-cluster");
    assert_eq!(
        header,
        Some("2;callto=sip/sip:bob@192.0.2.9%3Bline%3D%3Bob")
    );
}
