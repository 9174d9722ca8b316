// SPDX-License-Identifier: GPL-2.0-or-later

//! Nodes whose addresses are known, in a cluster that has a secret.

use clustering::cluster::Cluster;

use super::lab::{
    NODES, NOW, OLD, Settings, arrival, assert_refused, is_taken, receive_at, send_at,
};
use crate::node::{Decided, named};

const CAUSE: &str = "the sender is not trusted";
/// The address of one node.
const SOURCE: &Settings = &[("node node1", "source", "192.0.2.1")];

/// A call of a node that has the secret, from an address.
fn from(node: &str, address: &str, to: &Cluster) -> Decided {
    let sent = send_at(NOW, &named(node, &[OLD, NODES]), "node2", &[]);
    let mut call = arrival(&sent);
    for (name, value) in &mut call {
        if name == b"ip_host" {
            *value = address.into();
        }
    }
    receive_at(NOW, to, &call)
}

#[test]
fn an_address_of_one_node_is_for_that_node_alone() {
    let to = || named("node2", &[OLD, SOURCE, NODES]);
    assert!(is_taken(&from("node1", "192.0.2.1", &to())));
    assert_refused(&from("node1", "192.0.2.3", &to()), CAUSE);
    for address in ["192.0.2.3", "198.51.100.3"] {
        assert!(is_taken(&from("node3", address, &to())), "{address}");
    }
    let unsigned = send_at(NOW, &named("node3", &[NODES]), "node2", &[]);
    assert_refused(
        &receive_at(NOW, &to(), &arrival(&unsigned)),
        "it has no signature",
    );
}

#[test]
fn a_name_that_is_no_nodes_needs_an_address() {
    let to = named("node2", &[OLD, SOURCE, NODES]);
    assert_refused(&from("gateway", "192.0.2.3", &to), CAUSE);
}

#[test]
fn a_section_without_an_address_is_of_a_node_whose_signature_is_enough() {
    let section: &Settings = &[("node annex", "weight", "1")];
    let to = named("node2", &[OLD, SOURCE, section, NODES]);
    assert!(is_taken(&from("annex", "198.51.100.3", &to)));
}

#[test]
fn where_senders_are_trusted_by_address_each_node_must_be_among_them() {
    let trusted: &Settings = &[("security", "trusted", "192.0.2.3")];
    let to = || named("node2", &[OLD, trusted, SOURCE, NODES]);
    assert!(is_taken(&from("node1", "192.0.2.1", &to())));
    assert!(is_taken(&from("node3", "192.0.2.3", &to())));
    assert_refused(&from("node3", "198.51.100.3", &to()), CAUSE);
}

#[test]
fn without_a_secret_the_address_of_a_node_is_all_there_is() {
    let to = || named("node2", &[SOURCE, NODES]);
    assert!(is_taken(&from("node1", "192.0.2.1", &to())));
    assert_refused(&from("node3", "192.0.2.3", &to()), CAUSE);
}
