// SPDX-License-Identifier: GPL-2.0-or-later

//! The nodes that resources are placed on.

use clustering::cluster::Cluster;
use clustering::messages::{Kind, Reply};
use clustering::nodes::admin::AdminState;
use clustering::placement::claim::DatabaseState;
use clustering::time::{MessageTimes, SteadyTime, WallTime};
use clustering::verdict::{Action, Verdict};

use super::lab::{NODES, SECOND, Setting, nodes, only_node2_is_dead, pass, tasks};
use crate::node::{SETTINGS, cluster, decide, entries, named, params};

fn located(cluster: &Cluster, resource: &str) -> Option<String> {
    let decided = decide(
        cluster,
        Kind::Locate,
        &[("allocate", "true"), ("callto", resource)],
    );
    decided.retval.map(|node| String::from_utf8(node).unwrap())
}

#[test]
fn every_node_places_a_resource_on_the_same_node() {
    let clusters = ["node1", "node2", "node3"].map(|name| named(name, &[NODES, SETTINGS]));
    let mut chosen = std::collections::BTreeSet::new();
    for room in 0..100 {
        let nodes = clusters
            .each_ref()
            .map(|cluster| located(cluster, &format!("conf/{room}")).unwrap());
        assert!(nodes.iter().all(|node| *node == nodes[0]), "{nodes:?}");
        chosen.insert(nodes[0].clone());
    }
    assert_eq!(chosen.len(), 4, "all nodes get something");
}

#[test]
fn nothing_new_is_placed_on_a_node_that_is_down_drained_or_disabled() {
    let cluster = nodes();
    let before: Vec<_> = (0..200)
        .map(|n| located(&cluster, &format!("conf/{n}")).unwrap())
        .collect();
    pass(&cluster, 1, 60, only_node2_is_dead);
    cluster.set_admin(b"node3", AdminState::Draining);
    cluster.set_admin(b"far-away", AdminState::Disabled);
    for (n, node) in before.iter().enumerate() {
        let now = located(&cluster, &format!("conf/{n}")).unwrap();
        assert_eq!(now, "node1");
        assert!(node == "node1" || now != *node);
    }
    cluster.set_admin(b"node1", AdminState::Draining);
    let decided = decide(&cluster, Kind::Locate, &[("callto", "conf/1")]);
    assert_eq!(decided.retval, None);
    assert_eq!(decided.value("error"), Some("offline"));
}

#[test]
fn without_sections_nobody_is_asked_for_a_node() {
    let cluster = cluster(&[SETTINGS]);
    assert!(!cluster.settings().decides(Kind::Locate));
    assert!(!cluster.settings().decides(Kind::Startup));
    assert_eq!(located(&cluster, "conf/1"), None);
    cluster.tick(SteadyTime(SECOND));
    assert_eq!(tasks(&cluster), []);
}

fn assert_nothing_is_remembered(old: &[Setting], new: &[Setting]) {
    let of = |locate: &[Setting]| [locate, NODES, SETTINGS].concat();
    let (old, new) = (of(old), of(new));
    let cluster = cluster(&[NODES, SETTINGS]);
    let question = params(&[("callto", "conf/1")]);
    let ask = || {
        let mut asked = Verdict::default();
        cluster.decide(
            Kind::Locate,
            &question.as_slice(),
            true,
            MessageTimes::at(WallTime(1)),
            &mut asked,
        );
        asked
    };
    for answer in [
        Reply {
            handled: true,
            row: Some(b"node2"),
            ..Reply::default()
        },
        Reply {
            timed_out: true,
            ..Reply::default()
        },
    ] {
        cluster.load("", &entries(&old)).unwrap();
        let pending = ask();
        cluster.load("", &entries(&new)).unwrap();
        let mut verdict = Verdict::default();
        cluster.resume(
            &pending,
            &question.as_slice(),
            &answer,
            MessageTimes::at(WallTime(1)),
            &mut verdict,
        );
        assert_eq!(verdict.action, Action::Answer);
        assert_eq!(ask().action, Action::Ask, "the new one is asked");
        assert_eq!(cluster.database(), Some(DatabaseState::Unknown));
    }
}

#[test]
fn what_a_database_says_to_former_settings_is_not_remembered() {
    const OLD: &[Setting] = &[("locate", "account", "old")];
    const NEW: &[Setting] = &[("locate", "account", "new")];
    const MENDED: &[Setting] = &[
        ("locate", "account", "old"),
        (
            "locate",
            "lookup",
            "SELECT node FROM rooms WHERE name = ${resource}",
        ),
    ];
    for new in [NEW, MENDED] {
        assert_nothing_is_remembered(OLD, new);
    }
}
