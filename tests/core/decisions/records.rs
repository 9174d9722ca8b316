// SPDX-License-Identifier: GPL-2.0-or-later

//! Registrations and CDRs.

use clustering::messages::Kind;
use clustering::verdict::Action;

use crate::node::{SETTINGS, cluster, decide, named, params};

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

#[test]
fn a_cdr_says_which_node_wrote_it_unless_it_says_so_already() {
    let cluster = cluster(&[SETTINGS]);
    let decided = decide(&cluster, Kind::Cdr, &[("nodename", "node7")]);
    let whole = [("nodename", "node7"), ("nodeprefix", "cluster/node1/")];
    assert_eq!(decided.params, params(&whole));
    assert_eq!(decide(&cluster, Kind::Cdr, &whole).action, Action::Pass);
}

/// The engine's own billids have the second in which it was started.
#[test]
fn nodes_that_were_started_in_the_same_second_make_no_billid_twice() {
    let sections = [
        ("node node1", "weight", "100"),
        ("node node 2;", "weight", "100"),
    ];
    let call = [("called", "600"), ("billid", "1795766513-2")];
    for (node, billid) in [
        ("node1", "node1-1795766513-2"),
        ("node 2;", "node_2_-1795766513-2"),
    ] {
        let cluster = named(node, &[&sections, SETTINGS]);
        let decided = decide(&cluster, Kind::Preroute, &call);
        assert_eq!(decided.value("billid"), Some(billid));
        // A header of an untrusted sender makes no difference.
        let forged = [&call[..], &[("sip_x-billid", "1-1")]].concat();
        let decided = decide(&cluster, Kind::Preroute, &forged);
        assert_eq!(decided.value("billid"), Some(billid));
        let without = decide(&cluster, Kind::Preroute, &[("called", "600")]);
        assert_eq!(without.action, Action::Pass);
    }
}

#[test]
fn billids_are_left_alone_where_nodes_have_no_sections_or_it_is_wished() {
    let no = [
        ("general", "billid.node", "no"),
        ("node node1", "weight", "100"),
    ];
    let yes = [("general", "billid.node", "yes")];
    let call = [("called", "600"), ("billid", "1-2")];
    let billid = |settings: &[(&'static str, &'static str, &'static str)]| {
        let decided = decide(&cluster(&[settings, SETTINGS]), Kind::Preroute, &call);
        decided.value("billid").map(str::to_owned)
    };
    assert_eq!(billid(&[]).as_deref(), Some("1-2"));
    assert_eq!(billid(&no).as_deref(), Some("1-2"));
    assert_eq!(billid(&yes).as_deref(), Some("node1-1-2"));
}
