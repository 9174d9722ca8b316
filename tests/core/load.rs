// SPDX-License-Identifier: GPL-2.0-or-later

//! Placement by load: nodes that share their list and claim resources in a real `SQLite`, and time that passes for all.

use std::collections::BTreeMap;

use clustering::cluster::Cluster;
use clustering::messages::{Kind, Reply};
use clustering::operator::command::{self, Request};
use clustering::operator::counters::Counter;
use clustering::operator::status;
use clustering::settings::Settings;
use clustering::time::MessageTimes;
use clustering::verdict::{Action, Edit, Verdict};
use serde_json::Value;

use crate::membership::{FILE, Setting, THREE, World};
use crate::node::{entries, params};

const CLAIMS: &[Setting] = &[("locate", "account", "cluster")];
/// The time after which each node has counted, and all others have read that.
const KNOWN: u64 = 25;

fn room(number: usize) -> String {
    format!("conf/{number}")
}

/// Three nodes that claim; each has placed something, so it reads the loads from now on.
fn three(more: &[&[Setting]]) -> World {
    let mut world = World::of(&[]);
    for (at, name) in THREE.into_iter().enumerate() {
        let more = more.get(at).copied().unwrap_or_default();
        world.starts(name, &[more, CLAIMS, FILE]);
    }
    world.pass(20);
    for name in THREE {
        place(&world, name, "conf/first");
    }
    world.execute("DELETE FROM cluster_resources");
    world.pass(KNOWN);
    world
}

/// The node of a resource, as a node places it with the database.
fn place(world: &World, at: &str, resource: &str) -> String {
    let node: &Cluster = world.node(at);
    let list = params(&[("callto", resource)]);
    let message = list.as_slice();
    let times = MessageTimes::at(world.wall());
    let mut pending = Verdict::default();
    node.decide(Kind::Locate, &message, true, times, &mut pending);
    let retval = |verdict: &Verdict| {
        assert_eq!(verdict.action, Action::Answer);
        String::from_utf8(verdict.retval().unwrap().to_vec()).unwrap()
    };
    if pending.action != Action::Ask {
        return retval(&pending);
    }
    let query = pending.edits().iter().find_map(|edit| match edit {
        Edit::Set(name, value) if name.text() == "query" => Some(pending.resolve(value).to_vec()),
        _ => None,
    });
    let rows = world.ask(&query.expect("it asks")).unwrap();
    let reply = Reply {
        handled: true,
        row: rows.last().map(Vec::as_slice),
        ..Reply::default()
    };
    let mut verdict = Verdict::default();
    node.resume(&pending, &message, &reply, times, &mut verdict);
    retval(&verdict)
}

/// The number of claims of each node.
fn claims(world: &World) -> BTreeMap<String, usize> {
    let rows = world.ask(b"SELECT node FROM cluster_resources").unwrap();
    let mut claims = BTreeMap::new();
    for row in rows {
        *claims.entry(String::from_utf8(row).unwrap()).or_default() += 1;
    }
    claims
}

/// `node1` has claimed so many rooms before.
fn node1_holds(world: &World, rooms: usize) {
    let rows: Vec<_> = (0..rooms)
        .map(|number| format!("('old/{number}', 'node1', 9999999999)"))
        .collect();
    world.execute(&format!(
        "INSERT INTO cluster_resources VALUES {}",
        rows.join(", ")
    ));
}

/// The query that `where` asks, answered.
fn explain(world: &World, at: &str, resource: &str) -> String {
    let line = format!("where cluster/*/{resource}");
    let request = Request {
        line: line.as_bytes(),
        now: world.wall(),
        reply: Some(Reply {
            handled: true,
            ..Reply::default()
        }),
        ..Request::default()
    };
    command::run(world.node(at), request).unwrap()
}

#[test]
fn no_node_gets_more_than_its_bound_though_all_place_with_figures_that_are_old() {
    let mut world = three(&[]);
    for number in 0..60 {
        // In any order of rooms, and at any node.
        let at = THREE[number * 7 % 3];
        place(&world, at, &room(number));
        world.pass(8);
        let claims = claims(&world);
        let most = *claims.values().max().unwrap();
        // The share of three nodes, a quarter more, rounded up.
        let bound = (5 * (number + 1)).div_ceil(12);
        // The first ones are placed before anybody has counted any.
        assert!(most <= bound || number < 6, "{claims:?}");
    }
    let moved: u64 = THREE
        .iter()
        .map(|name| world.node(name).count(Counter::Balanced))
        .sum();
    assert!((1..30).contains(&moved), "{moved}");
}

#[test]
fn what_a_node_has_just_placed_counts_before_its_next_reading() {
    let world = three(&[]);
    for number in 0..60 {
        place(&world, "node1", &room(number));
    }
    // No time has passed. By weights alone one of them has 25.
    let claims = claims(&world);
    assert!(claims.values().all(|count| *count <= 25), "{claims:?}");
    assert!(claims.values().all(|count| *count >= 16), "{claims:?}");
}

#[test]
fn a_node_that_joins_gets_what_is_new_until_it_has_its_share_and_no_room_moves() {
    let mut world = World::of(&[]);
    for name in ["node1", "node2"] {
        world.starts(name, &[CLAIMS, FILE]);
    }
    world.pass(20);
    let rooms: BTreeMap<_, _> = (0..40)
        .map(|number| (number, place(&world, "node1", &room(number))))
        .collect();
    world.pass(KNOWN);
    world.starts("node3", &[CLAIMS, FILE]);
    world.pass(KNOWN + 15);
    place(&world, "node2", "conf/first");
    world.pass(KNOWN);
    let before = claims(&world);
    assert_eq!(before.get("node3"), None, "{before:?}");
    let mut new = Vec::new();
    for number in 100..110 {
        new.push(place(&world, "node2", &room(number)));
        world.pass(1);
    }
    // Two nodes had 41 rooms, so one of them at least has more than its share of three.
    for (node, count) in &before {
        let got = new.iter().filter(|own| *own == node).count();
        assert!(*count < 18 || got == 0, "{before:?}: {new:?}");
    }
    let got = new.iter().filter(|node| *node == "node3").count();
    assert!(got >= 6, "{before:?}: {new:?}");
    for number in 110..200 {
        place(&world, THREE[number % 3], &room(number));
        world.pass(5);
    }
    let after = claims(&world);
    assert!(
        after.values().all(|count| (33..=54).contains(count)),
        "{after:?}"
    );
    for (number, node) in rooms {
        assert_eq!(
            place(&world, "node2", &room(number)),
            node,
            "a room in use stays"
        );
    }
}

#[test]
fn a_node_whose_engine_has_as_many_channels_as_it_may_gets_nothing_new_and_keeps_what_it_has() {
    // All engines of this world have four channels.
    let full: &[Setting] = &[("node node2", "capacity", "4")];
    let mut world = three(&[&[], full]);
    let line = "Node 'node2' is full, nothing new is placed there while another node has room: 4 channels, capacity=4";
    for name in THREE {
        let said = world.said(name);
        assert_eq!(
            said.iter().filter(|said| *said == line).count(),
            1,
            "{name}: {said:?}"
        );
    }
    world.execute("INSERT INTO cluster_resources VALUES ('conf/old', 'node2', 9999999999)");
    let new: Vec<_> = (0..60)
        .map(|number| place(&world, THREE[number % 3], &room(number)))
        .collect();
    assert!(!new.contains(&"node2".to_owned()), "{new:?}");
    assert_eq!(place(&world, "node1", "conf/old"), "node2");
    let told = (0..60).map(|number| explain(&world, "node1", &format!("conf/new{number}")));
    let told: Vec<_> = told
        .filter(|text| text.contains("'node2' is passed over"))
        .collect();
    assert!(told.len() > 5);
    for text in told {
        let lines = "If no node holds it, it goes to 'node";
        assert!(
            text.contains(lines) && text.contains("by the nodes' weights and loads\n"),
            "{text}"
        );
        let line = "Node 'node2' is passed over: 4 channels, and capacity=4 in [node node2]\n";
        assert!(text.contains(line), "{text}");
    }
    let table = world.run_with_database("node1", "nodes");
    let row = table.lines().find(|row| row.starts_with("node2")).unwrap();
    assert!(row.contains(" 4/4 "), "{table}");
    let json: Value = serde_json::from_str(&world.run_with_database("node1", "json")).unwrap();
    assert_eq!(json["nodes"][1]["capacity"], 4);
    let metrics = status::metrics(world.node("node3"));
    let line = "yate_clustering_node_capacity{node=\"node2\"} 4\n";
    assert!(metrics.contains(line), "{metrics}");
    // The operator gives it more; that is said when it has lasted.
    world.execute("UPDATE cluster_nodes SET capacity = '5' WHERE name = 'node2'");
    let own: &[Setting] = &[("node node2", "capacity", "5")];
    let file = [own, CLAIMS, FILE].concat();
    world
        .node("node2")
        .load("clustering.conf", &entries(&file))
        .unwrap();
    world.pass(100);
    let line = "Node 'node2' has room again: 4 channels, capacity=5".to_owned();
    for name in THREE {
        assert!(world.said(name).contains(&line), "{name}");
    }
    let new: Vec<_> = (100..160)
        .map(|number| place(&world, "node1", &room(number)))
        .collect();
    assert!(new.contains(&"node2".to_owned()), "{new:?}");
}

#[test]
fn where_all_nodes_are_full_the_weights_decide() {
    let full = |node| -> Vec<Setting> { vec![(node, "capacity", "4")] };
    let full = [full("node node1"), full("node node2"), full("node node3")];
    let world = three(&full.each_ref().map(Vec::as_slice));
    for number in 0..60 {
        place(&world, "node1", &room(number));
    }
    assert_eq!(claims(&world).len(), 3);
    assert_eq!(world.node("node1").count(Counter::Balanced), 0);
}

#[test]
fn a_node_that_is_passed_over_is_named_with_its_load_and_its_bound() {
    let mut world = three(&[]);
    node1_holds(&world, 30);
    world.pass(KNOWN);
    let told = (0..30).map(|number| explain(&world, "node2", &room(number)));
    let told: Vec<_> = told
        .filter(|text| text.contains("'node1' is passed over"))
        .collect();
    assert!(!told.is_empty());
    let line = "Node 'node1' is passed over: 30 resources, while nodes aim at less than 12, and may have 13 ([locate] spread)";
    assert!(told[0].contains(line), "{}", told[0]);
    let metrics = status::metrics(world.node("node2"));
    let line = "yate_clustering_node_share_ratio{node=\"node1\"} 3\n";
    assert!(metrics.contains(line), "{metrics}");
    let table = world.run_with_database("node2", "nodes");
    let row = table.lines().find(|row| row.starts_with("node1")).unwrap();
    assert!(row.contains(" 300% "), "{table}");
}

/// As without loads, whatever the database has.
#[test]
fn without_a_bound_or_a_shared_list_the_weights_alone_decide() {
    let off: &[Setting] = &[("locate", "spread", "off")];
    let mut world = three(&[off, off, off]);
    node1_holds(&world, 300);
    world.pass(KNOWN);
    let off: Vec<_> = (0..60)
        .map(|number| place(&world, "node2", &room(number)))
        .collect();
    assert!(off.contains(&"node1".to_owned()));
    let alone: &[Setting] = &[
        ("node node1", "weight", ""),
        ("node node2", "weight", ""),
        ("node node3", "weight", ""),
    ];
    let file: Vec<_> = FILE
        .iter()
        .copied()
        .filter(|(section, ..)| *section != "cluster")
        .collect();
    let mut world = World::of(&[]);
    for name in THREE {
        world.starts(name, &[alone, CLAIMS, &file]);
    }
    let alone: Vec<_> = {
        node1_holds(&world, 300);
        world.pass(KNOWN);
        (0..60)
            .map(|number| place(&world, "node2", &room(number)))
            .collect()
    };
    assert_eq!(off, alone);
}

#[test]
fn a_node_that_no_longer_tells_its_load_has_none_and_without_the_database_nobody_has() {
    let mut world = three(&[]);
    node1_holds(&world, 300);
    world.pass(KNOWN);
    let rooms = |world: &World, of: &str| {
        let settings = world.node("node2").settings();
        settings.nodes.find(of.as_bytes()).unwrap().state.rooms()
    };
    assert_eq!(rooms(&world, "node1"), Some(300));
    assert_eq!(rooms(&world, "node2"), Some(0));
    world.ends("node1");
    world.pass(120);
    assert_eq!(rooms(&world, "node1"), None);
    assert_eq!(rooms(&world, "node2"), Some(0));
    world.execute("ALTER TABLE cluster_heartbeats RENAME TO elsewhere");
    world.said("node2");
    world.pass(60);
    assert_eq!(rooms(&world, "node2"), None);
    let said = world.said("node2");
    let line = "The loads of nodes in database account 'cluster' can't be read, so resources are placed by weights \
                alone: the query failed: no such table: cluster_heartbeats";
    assert_eq!(
        said.iter().filter(|said| said.starts_with(line)).count(),
        1,
        "{said:?}"
    );
    world.execute("ALTER TABLE elsewhere RENAME TO cluster_heartbeats");
    world.pass(60);
    assert_eq!(rooms(&world, "node2"), Some(0));
    let line = "The loads of nodes in database account 'cluster' are read again".to_owned();
    assert!(world.said("node2").contains(&line));
}

#[test]
fn a_node_that_places_nothing_reads_no_loads() {
    let mut world = World::of(&[]);
    for name in THREE {
        world.starts(name, &[CLAIMS, FILE]);
    }
    world.pass(120);
    let settings = world.node("node1").settings();
    assert!(
        settings
            .nodes
            .iter()
            .all(|node| node.state.rooms().is_none())
    );
    place(&world, "node1", "conf/1");
    world.pass(2);
    let settings = world.node("node1").settings();
    assert!(
        settings
            .nodes
            .iter()
            .all(|node| node.state.rooms().is_some())
    );
}

#[test]
fn settings_that_need_loads_are_warned_of_where_nobody_knows_any() {
    let warnings = |file: &[Setting]| -> Vec<String> {
        let checked = Settings::check(b"node1", "f", &entries(file), &<_>::default());
        let warnings = checked.warnings.iter();
        warnings
            .map(|warning| warning.warning.to_string())
            .collect()
    };
    let set: &[Setting] = &[("locate", "spread", "1.5"), ("node node1", "capacity", "7")];
    let said = warnings(&[set, FILE].concat());
    for key in ["spread", "capacity"] {
        let line = format!(
            "'{key}' has no effect: the loads of nodes are known with an account in [locate] and in [cluster]"
        );
        assert!(said.contains(&line), "{said:?}");
    }
    let said = warnings(&[set, CLAIMS, FILE].concat());
    assert!(
        said.iter().all(|line| !line.contains("has no effect")),
        "{said:?}"
    );
}
