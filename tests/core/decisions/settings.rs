// SPDX-License-Identifier: GPL-2.0-or-later

//! Settings that are refused, or leave the node disabled.

use clustering::messages::Kind;
use clustering::task::Task;
use clustering::verdict::Action;

use crate::node::{SETTINGS, cluster, decide, entries, named};

#[test]
fn refused_settings_leave_those_in_force() {
    let cluster = cluster(&[SETTINGS]);
    let broken = [("general", "prefix", "other"), ("general", "regexp", "\\(")];
    assert!(cluster.load("clustering.conf", &entries(&broken)).is_err());
    let decided = decide(&cluster, Kind::Register, &[("data", "x")]);
    assert_eq!(decided.value("data"), Some("cluster/node1/x"));
}

#[test]
fn a_node_whose_name_has_a_control_character_is_disabled_and_says_so() {
    let cluster = named("n\r\nX: 1", &[SETTINGS]);
    let call = [("callto", "cluster/node2/x")];
    assert_eq!(decide(&cluster, Kind::Execute, &call).action, Action::Pass);
    let Some(Task::Log { line, .. }) = cluster.next_task() else {
        panic!("it says nothing");
    };
    let said = r"Node name 'n\x0d\x0aX: 1' has a control character, so clustering is disabled";
    assert_eq!(line, said);
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
