// SPDX-License-Identifier: GPL-2.0-or-later

//! Sticky placement from end to end: nodes that are processes of their own, the module loaded as an operator
//! loads it, and one database between them, made by the schemas that are installed.

mod database;
mod lab;
mod mock_only;
mod outage;
mod setup;

use engine_bridge::real_engine;

use database::Database;
use lab::Lab;

/// Each node gives all resources to itself. So nodes agree by the database or not at all.
const SELFISH: [&[(&str, u32)]; 2] = [
    &[("node1", 100), ("node2", 0)],
    &[("node1", 0), ("node2", 100)],
];

/// One node gives the resources of `node2` to `node1` when it is out, and the other to `node3`.
const HEIRS: [&[(&str, u32)]; 2] = [
    &[("node1", 100), ("node2", 100), ("node3", 0)],
    &[("node1", 0), ("node2", 100), ("node3", 100)],
];

/// 10,000 in the mock, where both databases take some 10 seconds for the 20,000 questions of two nodes; fewer in a real
/// engine, whose claims are the same queries.
fn many() -> usize {
    if real_engine() { 1_000 } else { 10_000 }
}

fn rooms(kind: &str, count: usize) -> Vec<String> {
    (0..count)
        .map(|number| format!("{kind}/{number}"))
        .collect()
}

/// Eight threads ask two nodes for the same resources at the same time.
fn each_resource_has_one_owner(database: &Database) {
    let lab = Lab::of_two(database, SELFISH, "");
    let resources = rooms("conf", many());
    // Each is the first to claim one, however unevenly they run from then on.
    for ((node, name), resource) in lab.nodes.iter().zip(["node1", "node2"]).zip(&resources) {
        assert_eq!(node.locate(resource), name);
    }
    let owners = lab.agreed(&resources);
    for (node, name) in lab.nodes.iter().zip(["node1", "node2"]) {
        assert_eq!(node.status("placed"), "0", "{}", node.log());
        assert_eq!(node.status("claimed"), many().to_string());
        assert!(owners.iter().any(|owner| owner == name), "{name}");
    }
    assert!(database.table().into_iter().eq(sorted(&resources, &owners)));
    // Now from the cache.
    assert_eq!(lab.agreed(&resources), owners);
    for node in &lab.nodes {
        assert_eq!(node.status("placed"), "0", "{}", node.log());
        assert_eq!(node.status("database"), "up");
    }
}

fn sorted(resources: &[String], owners: &[String]) -> Vec<(String, String)> {
    let mut rows: Vec<_> = resources
        .iter()
        .cloned()
        .zip(owners.iter().cloned())
        .collect();
    rows.sort();
    rows
}

fn rooms_stay_until_their_node_is_out(database: &Database) {
    let lab = Lab::of_two(database, HEIRS, "cache=0");
    let old = rooms("conf", 200);
    let before = lab.agreed(&old);
    assert!(before.iter().any(|owner| owner == "node2"));

    lab.command("clustering drain node2");
    assert_eq!(lab.agreed(&old), before);
    let new = lab.agreed(&rooms("later", 100));
    assert!(new.iter().all(|owner| owner != "node2"), "{new:?}");

    lab.command("clustering disable node2");
    let after = lab.agreed(&old);
    for (before, after) in before.iter().zip(&after) {
        if before == "node2" {
            assert!(["node1", "node3"].contains(&after.as_str()), "{after}");
        } else {
            assert_eq!(before, after);
        }
    }
    // Once: they don't move again, not even when the node is back.
    assert_eq!(lab.agreed(&old), after);
    lab.command("clustering enable node2");
    assert_eq!(lab.agreed(&old), after);
    for node in &lab.nodes {
        assert_eq!(node.status("placed"), "0", "{}", node.log());
    }
    let table = database.table();
    assert_eq!(table.len(), 300);
    for (resource, owner) in old.iter().zip(&after) {
        assert_eq!(&table[resource], owner);
    }
}

fn a_query_is_a_resource_like_any_other(database: &Database) {
    let lab = Lab::of_two(database, SELFISH, "");
    let names = [
        "x'); DROP TABLE cluster_resources; --",
        "x\\'); DROP TABLE cluster_resources; --",
        "${node}",
        "100%",
    ];
    let owners = lab.agreed(&names.map(str::to_owned));
    let written = [
        "x%27); DROP TABLE cluster_resources; --",
        "x%5C%27); DROP TABLE cluster_resources; --",
        "${node}",
        "100%25",
    ];
    let table = database.table();
    assert!(
        table
            .into_iter()
            .eq(sorted(&written.map(str::to_owned), &owners))
    );
}

/// Makes tests of rules that hold in both databases.
macro_rules! in_both {
    ($($rule:ident)*) => {
        mod in_sqlite {
            use super::Database;

            $(#[test]
            fn $rule() {
                super::$rule(&Database::sqlite());
            })*
        }

        mod in_postgres {
            use super::Database;

            $(#[test]
            fn $rule() {
                super::$rule(&Database::postgres());
            })*
        }
    };
}

in_both! {
    each_resource_has_one_owner
    rooms_stay_until_their_node_is_out
    a_query_is_a_resource_like_any_other
}
