// SPDX-License-Identifier: GPL-2.0-or-later

//! What the core decides, in plain Rust: settings and a message in, the changed message out.

use clustering::event::QUIET;
use clustering::message::{Kind, Located, Name};
use clustering::stats::Counter;
use clustering::verdict::{Action, Verdict};
use proptest::prelude::*;

mod node;

use node::{Decided, Params, SETTINGS, apply, cluster, decide, decide_at, entries, params};

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
        ("username", ""),
    ];
    let decided = decide(&cluster(&[SETTINGS]), Kind::Execute, &call);
    assert_eq!(decided.value("osip_x-billid"), None);
    assert_eq!(decided.value("osip_x-username"), None);
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
fn what_callers_can_bring_about_is_logged_once_in_a_while_with_its_count() {
    let cluster = cluster(&[SETTINGS]);
    let call = params(&[("callto", "cluster/gw/x")]);
    let line = |now| decide_at(now, &cluster, Kind::Execute, &call).line;
    let said = "No such cluster node 'gw' for 'x': 'regexp' in [general] doesn't match it";
    assert_eq!(line(1).as_deref(), Some(said));
    assert_eq!(line(2), None);
    assert_eq!(line(3), None);
    assert_eq!(
        line(QUIET + 1),
        Some(format!("{said} (2 more like this not shown)"))
    );
    assert_eq!(cluster.count(Counter::NoNode), 4);
}

#[test]
fn a_target_that_comes_out_empty_leaves_the_call_alone() {
    let cluster = cluster(&[&[("general", "callto", " ${gone} ")], SETTINGS]);
    let decided = decide(&cluster, Kind::Execute, &[("callto", "cluster/node2/x")]);
    assert_eq!(decided.action, Action::Pass);
    assert_eq!(decided.params, params(&[("callto", "cluster/node2/x")]));
}

/// Begins a call to a resource of any node and ends it with an answer.
fn locate(
    cluster: &clustering::cluster::Cluster,
    call: &[(&str, &str)],
    answer: &Located<'_>,
) -> Decided {
    let list = params(call);
    let mut begun = Verdict::default();
    cluster.decide(Kind::Execute, &list.as_slice(), true, 1, &mut begun);
    assert_eq!(begun.action, Action::Locate);
    let mut verdict = Verdict::default();
    let message = list.as_slice();
    // The answer's texts outlive the verdict in the engine; here both are cut to the call's life.
    cluster.decide_located(&begun, &message, answer, 1, &mut verdict);
    Decided::new(&verdict, &list)
}

const ANY: [(&str, &str); 2] = [("callto", "cluster/*/conf/7"), ("billid", "1-2")];

#[test]
fn the_locate_message_says_what_is_looked_for() {
    let (cluster, list) = (cluster(&[SETTINGS]), params(&ANY));
    let mut begun = Verdict::default();
    cluster.decide(Kind::Execute, &list.as_slice(), true, 1, &mut begun);
    assert_eq!(begun.retval(), Some(&b"cluster.locate"[..]));
    let asked = [
        ("allocate", "true"),
        ("nodename", "node1"),
        ("callto", "conf/7"),
        ("billid", "1-2"),
    ];
    assert_eq!(apply(&begun, &Params::new()), params(&asked));
}

#[test]
fn a_located_node_gets_the_call() {
    for (node, target) in [
        ("node2", "sip/sip:cluster/@node2.example.net:502"),
        (" node3 ", "sip/sip:cluster/@node3.example.net:503"),
        ("node1", "conf/7"),
        ("", "conf/7"),
    ] {
        let answer = Located {
            handled: true,
            node: node.as_bytes(),
            ..Located::default()
        };
        let decided = locate(&cluster(&[SETTINGS]), &ANY, &answer);
        assert_eq!(decided.value("callto"), Some(target), "{node}");
    }
}

#[test]
fn a_call_whose_node_is_not_located_fails_with_the_given_error() {
    let full = Located {
        error: Some(b"congestion"),
        reason: b"all full",
        ..Located::default()
    };
    let decided = locate(&cluster(&[SETTINGS]), &ANY, &full);
    assert_eq!(decided.value("callto"), Some("cluster/*/conf/7"));
    assert_eq!(decided.value("error"), Some("congestion"));
    assert_eq!(decided.value("reason"), Some("all full"));
    let line = "Could not get node for 'conf/7': congestion: all full";
    assert_eq!(decided.line.as_deref(), Some(line));

    for node in [&b"-"[..], b"error"] {
        let refused = Located {
            handled: true,
            node,
            ..Located::default()
        };
        let decided = locate(&cluster(&[SETTINGS]), &ANY, &refused);
        assert_eq!(decided.value("error"), Some("failure"));
    }
}

#[test]
fn a_call_is_ended_with_the_settings_that_it_was_begun_with() {
    let cluster = cluster(&[SETTINGS]);
    let list = params(&ANY);
    let mut begun = Verdict::default();
    cluster.decide(Kind::Execute, &list.as_slice(), true, 1, &mut begun);
    cluster
        .load(
            "clustering.conf",
            &entries(&[("general", "prefix", "other")]),
        )
        .unwrap();
    let answer = Located {
        handled: true,
        node: b"node2",
        ..Located::default()
    };
    let mut verdict = Verdict::default();
    cluster.decide_located(&begun, &list.as_slice(), &answer, 1, &mut verdict);
    let target = "sip/sip:cluster/@node2.example.net:502";
    assert_eq!(Decided::new(&verdict, &list).value("callto"), Some(target));
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
        cluster.decide(Kind::Execute, &list.as_slice(), false, 1, &mut verdict);
        assert_eq!(verdict.action, action, "{target}");
    }
}

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
    let line = "Refused a call from 203.0.113.66 to 'cluster/' for 'sip/sip:premium@gateway': \
                not a trusted sender";
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

#[test]
fn a_location_gets_the_node_in_front_once() {
    let cluster = cluster(&[SETTINGS]);
    let decided = decide(
        &cluster,
        Kind::Register,
        &[("data", "sip/sip:bob@192.0.2.9")],
    );
    let location = "cluster/node1/sip/sip:bob@192.0.2.9";
    assert_eq!(decided.value("data"), Some(location));
    let again = decide(&cluster, Kind::Register, &[("data", location)]);
    assert_eq!(again.action, Action::Pass);
}

#[test]
fn a_cdr_says_which_node_wrote_it_unless_it_says_so_already() {
    let cluster = cluster(&[SETTINGS]);
    let decided = decide(&cluster, Kind::Cdr, &[("nodename", "node7")]);
    let whole = [("nodename", "node7"), ("nodeprefix", "cluster/node1/")];
    assert_eq!(decided.params, params(&whole));
    assert_eq!(decide(&cluster, Kind::Cdr, &whole).action, Action::Pass);
}

#[test]
fn refused_settings_leave_those_in_force() {
    let cluster = cluster(&[SETTINGS]);
    let broken = [("general", "prefix", "other"), ("general", "regexp", "\\(")];
    assert!(cluster.load("clustering.conf", &entries(&broken)).is_err());
    let decided = decide(&cluster, Kind::Register, &[("data", "x")]);
    assert_eq!(decided.value("data"), Some("cluster/node1/x"));
}

#[test]
fn a_disabled_node_leaves_every_message_alone() {
    let cluster = cluster(&[&[("general", "enabled", "no")], SETTINGS]);
    let message = [
        ("callto", "cluster/node1/x"),
        ("called", "cluster/1"),
        ("data", "x"),
    ];
    for kind in Kind::ALL {
        assert_eq!(decide(&cluster, kind, &message).action, Action::Pass);
    }
}

/// A message's parameters: names that matter and others, any bytes as values.
fn messages() -> impl Strategy<Value = Params> {
    let name = prop_oneof![
        prop::sample::select(vec![
            "callto",
            "called",
            "data",
            "billid",
            "username",
            "ip_host",
            "sip_x-callto",
            "sip_x-billid",
            "osip_x-callto",
            "oconnection_id",
            "oip_transport",
            "nodename",
            "error",
            "",
        ])
        .prop_map(|name| name.as_bytes().to_vec()),
        prop::collection::vec(any::<u8>(), 0..6),
    ];
    let value = prop_oneof![
        r"cluster/(node[0-3]|\*|)?/?[a-z/]{0,6}".prop_map(String::into_bytes),
        prop::collection::vec(any::<u8>(), 0..16),
        Just(b"192.0.2.1".to_vec()),
    ];
    prop::collection::vec((name, value), 0..12)
}

proptest! {
    #[test]
    fn a_location_that_is_called_where_it_was_registered_comes_back_as_it_was(
        // A call's target is trimmed, as everywhere in the engine.
        location in "[^ \t\0](.*[^ \t\0])?",
    ) {
        prop_assume!(!location.starts_with("cluster/"));
        let cluster = cluster(&[SETTINGS]);
        let stored = decide(&cluster, Kind::Register, &[("data", &location)]);
        let stored = stored.value("data").unwrap();
        let called = decide(&cluster, Kind::Execute, &[("callto", stored)]);
        prop_assert_eq!(called.value("callto"), Some(location.as_str()));
    }

    #[test]
    fn a_forwarded_call_has_the_same_resource_and_billid_where_it_arrives(
        resource in "[!-~]{1,20}", billid in "[!-~]{1,12}",
    ) {
        let template = [("general", "callto", "sip/sip:cluster/@\\0")];
        let cluster = cluster(&[&template, SETTINGS]);
        let target = format!("cluster/node2/{resource}");
        let sent = decide(&cluster, Kind::Execute, &[("callto", &target), ("billid", &billid)]);
        let header = |name| sent.value(name).unwrap();
        let (callto, bill) = (header("osip_x-callto"), header("osip_x-billid"));
        let arrived = decide(&cluster, Kind::Route, &[
            ("called", "cluster/"), ("ip_host", "192.0.2.1"),
            ("sip_x-callto", callto), ("sip_x-billid", bill),
        ]);
        prop_assert_eq!(arrived.retval.as_deref(), Some(resource.as_bytes()));
        prop_assert_eq!(arrived.value("billid"), Some(billid.as_str()));
    }

    /// What is no business of the cluster's is left alone, and whatever is changed is its business.
    #[test]
    fn what_does_not_concern_the_cluster_passes(list in messages()) {
        let cluster = cluster(&[SETTINGS]);
        for kind in Kind::ALL {
            let concerned = cluster.concerns(kind, &list.as_slice());
            let decided = decide_at(1, &cluster, kind, &list);
            prop_assert!(concerned || decided.action == Action::Pass);
        }
    }

    /// What no edit names stays, in value and in order.
    #[test]
    fn parameters_that_are_not_the_clusters_stay(list in messages()) {
        let cluster = cluster(&[SETTINGS]);
        let ours = |text: &[u8]| Name::ALL.iter().any(|name| name.matches(text));
        let others = |list: &Params| -> Params {
            list.iter().filter(|(name, _)| !ours(name)).cloned().collect()
        };
        for kind in Kind::ALL {
            let decided = decide_at(1, &cluster, kind, &list);
            if decided.action != Action::Locate {
                prop_assert_eq!(others(&decided.params), others(&list));
            }
        }
    }
}

#[test]
fn the_end_of_a_registration_names_the_location_that_was_stored_and_the_node() {
    let cluster = cluster(&[SETTINGS]);
    let phone = [("data", "sip/sip:bob@192.0.2.9"), ("username", "bob")];
    let stored = decide(&cluster, Kind::Register, &phone);
    assert_eq!(stored.value("nodename"), None);
    let ended = decide(&cluster, Kind::Unregister, &phone);
    assert_eq!(ended.value("data"), stored.value("data"));
    assert_eq!(ended.value("nodename"), Some("node1"));
    let dropped = decide(&cluster, Kind::Unregister, &[("connection_id", "tls1")]);
    assert_eq!(dropped.value("nodename"), Some("node1"));
    assert_eq!(dropped.value("data"), None);
}

const MESSAGE: [(&str, &str); 7] = [
    ("callto", "cluster/node2/sip/sip:bob@192.0.2.9"),
    ("called", "bob"),
    ("caller", "alice"),
    ("username", "alice"),
    ("sip_from", "<sip:alice@192.0.2.8>"),
    ("sip_x-nodename", "node9"),
    ("xsip_body", "hello"),
];

#[test]
fn an_instant_message_is_sent_as_a_copy_with_headers_of_the_cluster_only() {
    let decided = decide(&cluster(&[SETTINGS]), Kind::Message, &MESSAGE);
    assert_eq!(decided.action, Action::Send);
    for (name, value) in [
        ("callto", Some("sip/sip:cluster/bob@node2.example.net:502")),
        ("osip-prefix", Some("osip_")),
        ("osip_x-callto", Some("sip/sip:bob@192.0.2.9")),
        ("osip_x-nodename", Some("node1")),
        ("osip_x-username", Some("alice")),
        ("osip_x-visited", Some("node9")),
        ("sip_x-nodename", None),
        ("xsip_body", Some("hello")),
        ("user", Some("alice")),
    ] {
        assert_eq!(decided.value(name), value, "{name}");
    }
}

#[test]
fn an_instant_message_that_reaches_the_phone_has_no_headers_of_the_cluster() {
    let cluster = cluster(&[SETTINGS]);
    for to in [
        "cluster/node1/sip/sip:bob@192.0.2.9",
        "sip/sip:bob@192.0.2.9",
    ] {
        let message = [&[("callto", to)], &MESSAGE[1..]].concat();
        let decided = decide(&cluster, Kind::Message, &message);
        assert_eq!(decided.action, Action::Change, "{to}");
        assert_eq!(decided.value("callto"), Some("sip/sip:bob@192.0.2.9"));
        assert_eq!(decided.value("sip_x-nodename"), None);
        assert_eq!(decided.value("osip-prefix"), Some("osip_"));
        assert_eq!(decided.value("user"), Some("alice"));
    }
}

#[test]
fn an_instant_message_that_fails_has_a_numeric_code() {
    let cluster = cluster(&[SETTINGS]);
    for (to, origin, error, code) in [
        ("cluster/pbx9/x/1", "node9", "noroute", "404"),
        ("cluster/node2/x/1", "node2", "looping", "483"),
    ] {
        let message = [("callto", to), ("sip_x-nodename", origin)];
        let decided = decide(&cluster, Kind::Message, &message);
        assert_eq!(decided.value("error"), Some(error));
        assert_eq!(decided.value("code"), Some(code));
        let call = decide(&cluster, Kind::Execute, &message);
        assert_eq!(call.value("code"), None, "of a call the word decides");
    }
}

#[test]
fn a_message_whose_node_is_looked_for_is_sent_when_it_is_found() {
    let cluster = cluster(&[SETTINGS]);
    let message = params(&[("callto", "cluster/*/conf/1"), ("called", "room")]);
    let message = message.as_slice();
    let mut begun = Verdict::default();
    cluster.decide(Kind::Message, &message, true, 1, &mut begun);
    assert_eq!(begun.action, Action::Locate);
    for (node, action) in [("node2", Action::Send), ("node1", Action::Change)] {
        let answer = Located {
            handled: true,
            node: node.as_bytes(),
            ..Located::default()
        };
        let mut verdict = Verdict::default();
        cluster.decide_located(&begun, &message, &answer, 1, &mut verdict);
        assert_eq!(verdict.action, action, "{node}");
    }
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
