// SPDX-License-Identifier: GPL-2.0-or-later

//! Calls that come from another node, or claim to.

use clustering::messages::Kind;
use clustering::operator::counters::Counter;
use clustering::verdict::Action;

use crate::node::{SETTINGS, cluster, decide, params};

#[test]
fn a_call_from_a_trusted_node_goes_where_it_says() {
    let call = [
        ("called", "cluster/"),
        ("ip_host", "192.0.2.2"),
        ("sip_x-callto", "park/1"),
        ("sip_x-billid", "1-2"),
        ("billid", "9-9"),
    ];
    let decided = decide(&cluster(&[SETTINGS]), Kind::Route, &call);
    assert_eq!(decided.action, Action::Answer);
    assert_eq!(decided.retval.as_deref(), Some(&b"park/1"[..]));
    assert_eq!(decided.value("billid"), Some("1-2"));
    assert_eq!(decided.value("called"), Some(""));
}

#[test]
fn a_stranger_who_names_a_target_is_refused_and_logged() {
    let call = [
        ("called", "cluster/"),
        ("ip_host", "203.0.113.66"),
        ("sip_x-callto", "sip/sip:premium@gateway"),
        ("sip_x-nodename", "node2"),
    ];
    let decided = decide(&cluster(&[SETTINGS]), Kind::Route, &call);
    assert_eq!(decided.action, Action::Answer);
    assert_eq!(decided.retval.as_deref(), Some(&b"-"[..]));
    assert_eq!(decided.value("error"), Some("forbidden"));
    assert_eq!(decided.value("sip_x-callto"), None);
    assert_eq!(decided.value("sip_x-nodename"), None);
    let line = "Call from 203.0.113.66 to 'cluster/' for 'sip/sip:premium@gateway' was refused: \
                the sender is not trusted";
    assert_eq!(decided.line.as_deref(), Some(line));
}

#[test]
fn the_sender_is_where_a_call_came_from_not_where_it_says() {
    let call = [
        ("called", "cluster/"),
        ("ip_host", "192.0.2.2"),
        ("ip_host_recv", "203.0.113.66"),
        ("sip_x-callto", "x"),
    ];
    let decided = decide(&cluster(&[SETTINGS]), Kind::Route, &call);
    assert_eq!(decided.value("error"), Some("forbidden"));
}

#[test]
fn a_strangers_instant_message_is_refused_by_number() {
    let message = [
        ("route_type", "msg"),
        ("called", "cluster/"),
        ("sip_x-callto", "x"),
    ];
    let decided = decide(&cluster(&[SETTINGS]), Kind::Route, &message);
    assert_eq!(decided.value("code"), Some("403"));
    assert_eq!(
        decided.line.as_deref(),
        Some(
            "Message from an unknown address to 'cluster/' for 'x' was refused: the sender is not trusted"
        )
    );
    let message = [message[0], ("called", "7"), message[2]];
    let decided = decide(&cluster(&[SETTINGS]), Kind::Route, &message);
    let line = decided.line.unwrap();
    let start = "Cluster headers of a message from an unknown address to '7' ";
    assert!(line.starts_with(start), "{line}");
}

/// They are told what is wrong, not that they aren't trusted.
#[test]
fn a_trusted_node_hears_that_a_header_stands_there_twice() {
    let call = [
        ("called", "cluster/"),
        ("ip_host", "192.0.2.2"),
        ("sip_x-callto", "x/1"),
        ("sip_x-nodename", "node2"),
        ("sip_x-nodename", "node3"),
    ];
    let decided = decide(&cluster(&[SETTINGS]), Kind::Route, &call);
    assert_eq!(decided.value("error"), Some("forbidden"));
    assert_eq!(
        decided.value("reason"),
        Some("cluster headers were not accepted: a cluster header occurs twice")
    );
}

/// Otherwise the sender would hear that there is no such number.
#[test]
fn a_target_in_a_second_row_is_refused_as_one_in_the_first() {
    for host in ["203.0.113.66", "192.0.2.2"] {
        let call = [
            ("called", "cluster/"),
            ("ip_host", host),
            ("sip_x-callto", ""),
            ("sip_x-callto", "sip/sip:premium@gateway"),
        ];
        let decided = decide(&cluster(&[SETTINGS]), Kind::Route, &call);
        assert_eq!(decided.value("error"), Some("forbidden"), "{host}");
        assert_eq!(decided.retval.as_deref(), Some(&b"-"[..]), "{host}");
        assert_eq!(decided.value("sip_x-callto"), None, "{host}");
    }
}

/// A cluster without a secret has no signature that could be wrong.
#[test]
fn headers_that_name_different_targets_are_not_called_a_wrong_signature() {
    let call = [
        ("called", "cluster/"),
        ("ip_host", "192.0.2.2"),
        ("sip_x-callto", "x/1"),
        ("sip_x-cluster", "2;callto=x/2"),
    ];
    let decided = decide(&cluster(&[SETTINGS]), Kind::Route, &call);
    let line = decided.line.unwrap();
    assert!(
        line.ends_with(" was refused: its X-CallTo and its X-Cluster name different targets"),
        "{line}"
    );
}

#[test]
fn where_nobody_is_trusted_the_log_says_which_setting_to_make() {
    let cluster = cluster(&[&[("security", "trusted", "")], SETTINGS]);
    let call = [
        ("called", "cluster/"),
        ("ip_host", "192.0.2.2"),
        ("sip_x-callto", "x"),
    ];
    let line = decide(&cluster, Kind::Route, &call).line.unwrap();
    assert!(line.contains("set 'trusted' in [security]"), "{line}");
}

#[test]
fn a_strangers_call_is_routed_without_prefix_and_headers() {
    let call = [
        ("called", "cluster/321"),
        ("sip_x-billid", "1-2"),
        ("billid", "9-9"),
    ];
    let decided = decide(&cluster(&[SETTINGS]), Kind::Route, &call);
    assert_eq!(decided.action, Action::Change);
    assert_eq!(
        decided.params,
        params(&[("called", "321"), ("billid", "9-9")])
    );
}

#[test]
fn cluster_headers_are_taken_off_a_strangers_ordinary_call_too() {
    let call = [
        ("called", "321"),
        ("sip_x-username", "root"),
        ("sip_x-username", "admin"),
    ];
    let decided = decide(&cluster(&[SETTINGS]), Kind::Route, &call);
    assert_eq!(decided.params, params(&[("called", "321")]));
}

/// No engine lets a line end through, but other control characters.
#[test]
fn a_cluster_header_with_a_control_character_is_refused_and_logged() {
    for name in [
        "sip_x-callto",
        "sip_x-billid",
        "sip_x-nodename",
        "sip_x-username",
        "sip_x-visited",
    ] {
        let cluster = cluster(&[SETTINGS]);
        let usual = [
            ("called", "cluster/"),
            ("ip_host", "192.0.2.2"),
            ("sip_x-callto", "park/1"),
            ("sip_x-billid", "1-2"),
            ("sip_x-nodename", "node2"),
            ("sip_x-username", "alice"),
            ("sip_x-visited", "node3"),
        ];
        assert_eq!(
            decide(&cluster, Kind::Route, &usual).retval.as_deref(),
            Some(&b"park/1"[..])
        );
        let with_control = |(of, value)| {
            if of == name {
                (of, "a\u{1}b")
            } else {
                (of, value)
            }
        };
        let call = usual.map(with_control);
        let decided = decide(&cluster, Kind::Route, &call);
        assert_eq!(decided.retval.as_deref(), Some(&b"-"[..]), "{name}");
        assert_eq!(decided.value("error"), Some("forbidden"));
        let line = decided.line.unwrap();
        assert!(
            line.ends_with(" was refused: a cluster header has a control character"),
            "{line}"
        );
        assert_eq!(cluster.count(Counter::Malformed), 1);
        // Its billid isn't taken before either.
        let before = decide(&cluster, Kind::Preroute, &call);
        assert_eq!(before.action, Action::Pass);
    }
}

/// The engine would say another code than the phone, and the caller's node another one than that.
#[test]
fn a_call_of_another_node_ends_by_the_phones_own_code() {
    let cluster = cluster(&[SETTINGS]);
    let end = [
        ("id", "sip/1"),
        ("reason", "noanswer"),
        ("cause_sip", "302"),
        ("reason_sip", "Moved Temporarily"),
    ];
    let reason = |end: &[(&str, &str)]| {
        let decided = decide(&cluster, Kind::Disconnected, end);
        decided.value("reason").map(str::to_owned)
    };
    assert_eq!(
        reason(&end).as_deref(),
        Some("noanswer"),
        "of a phone's call"
    );
    let call = [
        ("called", "cluster/"),
        ("id", "sip/1"),
        ("ip_host", "192.0.2.1"),
        ("sip_x-callto", "x/1"),
        ("sip_x-nodename", "node2"),
    ];
    assert_eq!(decide(&cluster, Kind::Route, &call).action, Action::Answer);
    assert_eq!(reason(&end).as_deref(), Some("302"));
    // Nobody has said it, or it is no code of a refusal.
    assert_eq!(reason(&end[..3]).as_deref(), Some("noanswer"));
    for code in ["", "200", "3020", "4x4", "-"] {
        let other = [end[0], end[1], ("cause_sip", code), end[3]];
        assert_eq!(reason(&other).as_deref(), Some("noanswer"), "{code}");
    }
    decide(&cluster, Kind::Hangup, &end[..1]);
    assert_eq!(
        reason(&end).as_deref(),
        Some("noanswer"),
        "of another channel by that name"
    );
}
