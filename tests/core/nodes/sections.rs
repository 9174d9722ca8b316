// SPDX-License-Identifier: GPL-2.0-or-later

//! The sections of nodes, and the mistakes in them.

use clustering::messages::Kind;
use clustering::nodes::admin::AdminState;
use clustering::nodes::health::State;

use super::lab::{Setting, execute, nodes, only_node2_is_dead, pass, state};
use crate::node::{SETTINGS, cluster, decide, entries, named};

#[test]
fn a_node_may_have_a_target_of_its_own() {
    let cluster = nodes();
    for (to, target) in [
        (
            "cluster/node2/x/1",
            "sip/sip:cluster/bob@node2.example.net:502",
        ),
        ("cluster/node3/x/1", "sip/sip:x@192.0.2.3:5070"),
        ("cluster/far-away/x/1", "iax/cluster@203.0.113.1"),
        (
            "cluster/node9/x/1",
            "sip/sip:cluster/bob@node9.example.net:509",
        ),
    ] {
        let decided = execute(&cluster, to);
        assert_eq!(decided.value("callto"), Some(target), "{to}");
        assert_eq!(decided.value("osip_x-callto"), Some("x/1"), "{to}");
    }
    assert_eq!(
        execute(&cluster, "cluster/elsewhere/x/1").value("error"),
        Some("noroute")
    );
}

#[test]
fn sections_of_nodes_are_enough_to_enable_the_module() {
    let section: &[Setting] = &[("node b", "callto", "sip/sip:cluster/@192.0.2.2")];
    let cluster = named("a", &[section]);
    assert!(cluster.settings().enabled);
    assert_eq!(
        execute(&cluster, "cluster/b/x/1").value("callto"),
        Some("sip/sip:cluster/@192.0.2.2")
    );
}

#[test]
fn a_section_needs_no_entries_but_must_be_known() {
    let bare: &[Setting] = &[("node b", "", ""), ("health", "", "")];
    let cluster = named("a", &[bare, SETTINGS]);
    assert_eq!(
        execute(&cluster, "cluster/b/x/1").value("callto"),
        Some("sip/sip:cluster/bob@b.example.net:50b")
    );
    let unknown = [&[("nodes b", "", "")], SETTINGS].concat();
    let errors = cluster.load("c.conf", &entries(&unknown)).unwrap_err();
    assert_eq!(
        errors[0].to_string(),
        "c.conf: [nodes b]: unknown section, did you mean [node NAME]?"
    );
}

#[test]
fn what_is_wrong_with_a_node_is_named() {
    for (entry, reason) in [
        (("node ", "weight", "1"), "a node needs a name"),
        (
            ("node a/b", "weight", "1"),
            "the name of a node can't have a slash",
        ),
        (("node a", "weight", "-1"), "not a number from 0 to 10000"),
        (("node a", "source", "*"), "* is not the address of a node"),
        (
            ("node a", "probe", "192.0.2.2"),
            "not a SIP URI like sip:192.0.2.2:5060",
        ),
        (
            ("node a", "probe", "sip:"),
            "not a SIP URI like sip:192.0.2.2:5060",
        ),
        (
            ("node a", "callto", "x${"),
            "'${' at byte 1 has no closing '}'",
        ),
        (
            ("node a", "wieght", "1"),
            "unknown key, did you mean 'weight'?",
        ),
        (
            ("health", "alive", "ok"),
            "not SIP codes or ranges of them, like 200,404 or 100-499",
        ),
    ] {
        let (section, key, value) = entry;
        let settings = [&[entry], SETTINGS].concat();
        let errors = cluster(&[SETTINGS])
            .load("c.conf", &entries(&settings))
            .unwrap_err();
        let error = errors[0].to_string();
        assert_eq!(
            error,
            format!("c.conf: [{section}] {key}={value}: {reason}")
        );
    }
    let errors = cluster(&[SETTINGS]).load("c.conf", &entries(&[("node a", "weight", "1")]));
    assert!(
        errors.unwrap_err()[0]
            .to_string()
            .ends_with("since [general] has none")
    );
}

#[test]
fn the_addresses_of_nodes_are_trusted() {
    let forward = [
        ("called", "cluster/"),
        ("sip_x-callto", "x/1"),
        ("sip_x-nodename", "node2"),
        ("ip_host", "198.51.100.2"),
    ];
    assert_eq!(
        decide(&nodes(), Kind::Route, &forward).retval.as_deref(),
        Some(&b"x/1"[..])
    );
    let refused = decide(&cluster(&[SETTINGS]), Kind::Route, &forward);
    assert_eq!(refused.value("error"), Some("forbidden"));
}

#[test]
fn a_node_that_stays_keeps_what_is_known_of_it_on_reload() {
    let cluster = nodes();
    pass(&cluster, 1, 60, only_node2_is_dead);
    execute(&cluster, "cluster/node3/x/1");
    cluster.set_admin(b"node3", AdminState::Draining);
    let without: &[Setting] = &[("node node2", "weight", "7"), ("node node3", "weight", "8")];
    cluster
        .load("", &entries(&[without, SETTINGS].concat()))
        .unwrap();
    assert_eq!(state(&cluster, "node2"), State::Down);
    let settings = cluster.settings();
    let node = settings.nodes.find(b"node3").unwrap();
    assert_eq!((node.weight, node.state.forwards()), (8, 1));
    assert_eq!(node.state.admin(), AdminState::Draining);
}
