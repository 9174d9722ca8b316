// SPDX-License-Identifier: GPL-2.0-or-later

//! Calls to cluster targets: sent to another node, or kept here.

use clustering::event::{Event, INTERVAL, Level};
use clustering::messages::{Kind, Reply};
use clustering::operator::counters::Counter;
use clustering::time::{MessageTimes, WallTime};
use clustering::verdict::{Action, Verdict};

use crate::node::{SETTINGS, cluster, decide, decide_at, params};

#[test]
fn a_call_to_another_node_takes_billid_and_user_along() {
    let call = [
        ("callto", "cluster/node2/sip/sip:bob@192.0.2.9"),
        ("called", "bob"),
        ("billid", "1-2"),
        ("username", "alice"),
    ];
    let decided = decide(&cluster(&[SETTINGS]), Kind::Execute, &call);
    assert_eq!(decided.action, Action::Change);
    for (name, value) in [
        ("callto", "sip/sip:cluster/bob@node2.example.net:502"),
        ("osip_x-callto", "sip/sip:bob@192.0.2.9"),
        ("osip_x-billid", "1-2"),
        ("osip_x-nodename", "node1"),
        ("osip_x-username", "alice"),
    ] {
        assert_eq!(decided.value(name), Some(value), "{name}");
    }
    let line = "Call to 'sip/sip:bob@192.0.2.9' on node 'node2' goes to \
                'sip/sip:cluster/bob@node2.example.net:502'";
    assert_eq!(decided.line.as_deref(), Some(line));
}

#[test]
fn a_header_without_a_value_is_not_sent_and_a_stale_one_is_taken_off() {
    let call = [
        ("callto", "cluster/node2/park/1"),
        ("osip_x-billid", "old"),
        ("osip_x-visited", "node3"),
        ("osip_x-signature", "1;2;3;4"),
        ("username", ""),
    ];
    let decided = decide(&cluster(&[SETTINGS]), Kind::Execute, &call);
    for name in ["billid", "username", "visited", "signature"] {
        assert_eq!(decided.value(&format!("osip_x-{name}")), None, "{name}");
    }
}

#[test]
fn a_call_to_another_node_leaves_the_phones_transport_behind() {
    let call = [
        ("callto", "cluster/node2/park/1"),
        ("oconnection_id", "tls-phone"),
        ("oip_transport", "TLS"),
        ("oip_transport_remoteip", "192.0.2.9"),
        ("oip_transport", "TCP"),
        ("oip_port", "5061"),
    ];
    let decided = decide(&cluster(&[SETTINGS]), Kind::Execute, &call);
    let names: Vec<_> = decided
        .params
        .iter()
        .map(|(name, _)| name.as_slice())
        .collect();
    let kept: [&[u8]; 4] = [b"callto", b"oip_port", b"osip_x-callto", b"osip_x-nodename"];
    assert_eq!(names, kept);
}

#[test]
fn the_target_that_a_template_brings_in_is_the_resource() {
    let cluster = cluster(&[&[("general", "callto", "iax/${callto}@\\0")], SETTINGS]);
    let decided = decide(
        &cluster,
        Kind::Execute,
        &[("callto", "cluster/node2/park/1")],
    );
    assert_eq!(decided.value("callto"), Some("iax/park/1@node2"));
}

#[test]
fn all_parameters_are_asked_for_only_where_the_template_uses_others() {
    let other = cluster(&[&[("general", "callto", "sip/${x_port}@\\0")], SETTINGS]);
    for (cluster, target, action) in [
        (&cluster(&[SETTINGS]), "cluster/node2/x", Action::Change),
        (&other, "cluster/node2/x", Action::NeedAll),
        (&other, "cluster/node1/x", Action::Change),
        (&other, "cluster/gw/x", Action::Change),
        (&other, "cluster/*/x", Action::Locate),
    ] {
        let list = params(&[("callto", target)]);
        let mut verdict = Verdict::default();
        cluster.decide(
            Kind::Execute,
            &list.as_slice(),
            false,
            MessageTimes::at(WallTime(1)),
            &mut verdict,
        );
        assert_eq!(verdict.action, action, "{target}");
    }
}

#[test]
fn a_setting_names_the_connection_to_other_nodes() {
    let cluster = cluster(&[&[("general", "connection", "backbone")], SETTINGS]);
    let call = [
        ("callto", "cluster/node2/park/1"),
        ("oconnection_id", "tls-phone"),
    ];
    assert_eq!(
        decide(&cluster, Kind::Execute, &call).value("oconnection_id"),
        Some("backbone")
    );
}

#[test]
fn a_call_to_this_node_loses_prefix_and_node() {
    for target in [
        "cluster/node1/park/1",
        "cluster//park/1",
        "cluster/ node1 / park/1 ",
    ] {
        let decided = decide(&cluster(&[SETTINGS]), Kind::Execute, &[("callto", target)]);
        assert_eq!(decided.params, params(&[("callto", "park/1")]), "{target}");
        assert_eq!(decided.line, None);
    }
}

#[test]
fn a_name_that_is_no_nodes_fails_the_call_with_a_reason_fit_for_sip() {
    let decided = decide(
        &cluster(&[SETTINGS]),
        Kind::Execute,
        &[("callto", "cluster/gw\r\nX: y/sip/x")],
    );
    assert_eq!(decided.value("callto"), Some("cluster/gw\r\nX: y/sip/x"));
    assert_eq!(decided.value("error"), Some("noroute"));
    assert_eq!(
        decided.value("reason"),
        Some(r"no such cluster node 'gw\x0d\x0aX: y'")
    );
}

#[test]
fn a_call_with_a_control_character_goes_to_no_other_node() {
    // A section can't have such a name, but a pattern may match one.
    let any_name = [
        ("general", "regexp", "^node.*$"),
        ("general", "callto", "sip/sip:${called}@\\0.example.net"),
    ];
    for (param, value, part) in [
        (
            "callto",
            "cluster/node2/sip/sip:bob@h\r\nX-BillID: 1",
            "the target",
        ),
        ("callto", "cluster/node2/sip/sip:bob@h\u{1}", "the target"),
        ("callto", "cluster/node\u{1b}3/sip/x", "the node's URI"),
        ("called", "bob\r\nX-BillID: 1", "the node's URI"),
        ("billid", "1-2\nX: y", "the billid"),
        ("username", "bob\u{7f}", "the username"),
    ] {
        for kind in [Kind::Execute, Kind::Message] {
            let cluster = cluster(&[&any_name, SETTINGS]);
            let usual = [("callto", "cluster/node2/sip/sip:bob@h"), ("called", "bob")];
            let usual = usual.into_iter().filter(|(name, _)| *name != param);
            let call: Vec<_> = usual.chain([(param, value)]).collect();
            let decided = decide(&cluster, kind, &call);
            assert_eq!(decided.value("error"), Some("invalid-message"), "{value:?}");
            let reason = format!("{part} has a control character");
            assert_eq!(decided.value("reason"), Some(&*reason));
            let code = (kind == Kind::Message).then_some("400");
            assert_eq!(decided.value("code"), code);
            assert_eq!(decided.value("osip_x-callto"), None);
            let line = decided.line.unwrap();
            assert!(line.ends_with(&format!("was refused: {reason}")), "{line}");
            assert_eq!(cluster.count(Counter::Malformed), 1);
        }
    }
    // On its own node it is the engine's business, as on one server.
    let cluster = cluster(&[SETTINGS]);
    let decided = decide(
        &cluster,
        Kind::Execute,
        &[("callto", "cluster/node1/x\u{1}y")],
    );
    assert_eq!(decided.value("callto"), Some("x\u{1}y"));
    // A tab is a blank.
    let decided = decide(&cluster, Kind::Execute, &[("callto", "cluster/node2/x\ty")]);
    assert_eq!(decided.value("osip_x-callto"), Some("x\ty"));
}

#[test]
fn what_callers_can_bring_about_is_logged_once_in_a_while_with_its_count() {
    let cluster = cluster(&[SETTINGS]);
    let call = params(&[("callto", "cluster/gw/x")]);
    let line = |now| decide_at(now, &cluster, Kind::Execute, &call).line;
    let said = "No such cluster node 'gw' for 'x': it has no section [node gw], and 'regexp' in [general] doesn't \
                match it";
    assert_eq!(line(1).as_deref(), Some(said));
    assert_eq!(line(2), None);
    assert_eq!(line(3), None);
    assert_eq!(
        line(INTERVAL + 1),
        Some(format!("{said} (2 more like this not shown)"))
    );
    assert_eq!(cluster.count(Counter::NoNode), 4);
}

#[test]
fn a_call_whose_target_comes_out_empty_fails() {
    let cluster = cluster(&[&[("general", "callto", " ${gone} ")], SETTINGS]);
    let decided = decide(&cluster, Kind::Execute, &[("callto", "cluster/node2/x")]);
    assert_eq!(decided.value("callto"), Some("cluster/node2/x"));
    assert_eq!(decided.value("error"), Some("noroute"));
    let reason = "no target for cluster node 'node2'";
    assert_eq!(decided.value("reason"), Some(reason));
    let said = "No target for cluster node 'node2': its 'callto' is empty for this call";
    assert_eq!(decided.line.as_deref(), Some(said));
}

#[test]
fn nodes_are_named_for_cdrs_on_request() {
    let wanted = cluster(&[&[("general", "cdr.nodes", "yes")], SETTINGS]);
    let call = [("callto", "cluster/node2/x/1")];
    let arrived = [
        ("called", "cluster/"),
        ("ip_host", "192.0.2.1"),
        ("sip_x-callto", "x/1"),
        ("sip_x-nodename", "node2"),
    ];
    assert_eq!(
        decide(&wanted, Kind::Execute, &call).value("cluster_target"),
        Some("node2")
    );
    assert_eq!(
        decide(&wanted, Kind::Route, &arrived).value("cluster_origin"),
        Some("node2")
    );
    let usual = cluster(&[SETTINGS]);
    assert_eq!(
        decide(&usual, Kind::Execute, &call).value("cluster_target"),
        None
    );
    assert_eq!(
        decide(&usual, Kind::Route, &arrived).value("cluster_origin"),
        None
    );
}

/// The engine's default is the level of notes.
#[test]
fn nothing_is_logged_about_a_usual_message_at_the_default_level() {
    let cluster = cluster(&[SETTINGS]);
    for (kind, name, value) in [
        (Kind::Execute, "callto", "cluster/node2/x"),
        (Kind::Execute, "callto", "cluster/node1/x"),
        (Kind::Execute, "callto", "cluster/*/x"),
        (Kind::Execute, "callto", "sip/sip:bob@192.0.2.9"),
        (Kind::Message, "callto", "cluster/node2/x"),
        (Kind::Route, "called", "cluster/7"),
        (Kind::Route, "called", "7"),
        (Kind::Register, "data", "sip/sip:bob@192.0.2.9"),
        (Kind::Unregister, "data", "sip/sip:bob@192.0.2.9"),
        (Kind::Cdr, "billid", "1-2"),
    ] {
        let list = params(&[(name, value)]);
        let (message, mut verdict) = (list.as_slice(), Verdict::default());
        cluster.decide(
            kind,
            &message,
            true,
            MessageTimes::at(WallTime(1)),
            &mut verdict,
        );
        let mut levels = vec![verdict.event.as_ref().map(Event::level)];
        if verdict.action == Action::Locate {
            let found = Reply {
                handled: true,
                retval: b"node1",
                ..Reply::default()
            };
            let mut end = Verdict::default();
            cluster.resume(
                &verdict,
                &message,
                &found,
                MessageTimes::at(WallTime(1)),
                &mut end,
            );
            levels.push(end.event.as_ref().map(Event::level));
        }
        for level in levels.into_iter().flatten() {
            assert!(level > Level::Note, "{kind:?} {value}");
        }
    }
}

/// A module between has brought the target, or nobody has.
#[test]
fn a_target_is_decided_late_only_where_it_was_not_decided_before() {
    let cluster = cluster(&[SETTINGS]);
    let target = ("callto", "cluster/node2/sip/sip:bob@192.0.2.9");
    for (late, early) in [
        (Kind::LateExecute, Kind::Execute),
        (Kind::LateMessage, Kind::Message),
    ] {
        let decided = decide(&cluster, late, &[target]);
        let usual = decide(&cluster, early, &[target]);
        assert_eq!(decided.params, usual.params);
        assert_eq!(decided.action, usual.action);
        let refused = decide(&cluster, early, &[("callto", "cluster/pbx9/x")]);
        assert_eq!(refused.value("error"), Some("noroute"));
        let again = decide_at(1, &cluster, late, &refused.params);
        assert_eq!(again.action, Action::Pass);
        assert_eq!(again.params, refused.params);
    }
    assert_eq!(cluster.count(Counter::NoNode), 2);
}
