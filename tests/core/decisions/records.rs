// SPDX-License-Identifier: GPL-2.0-or-later

//! Registrations and CDRs.

use clustering::messages::Kind;
use clustering::verdict::Action;

use crate::node::{SETTINGS, cluster, decide, params};

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
