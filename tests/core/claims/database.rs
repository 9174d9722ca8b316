// SPDX-License-Identifier: GPL-2.0-or-later

//! The rules that hold in every database, with the queries and the schema as they are delivered.

use std::collections::BTreeMap;
use std::sync::Barrier;
use std::thread;

use clustering::placement::claim::{Eligibility, Purpose, Source};

use super::nodes::Node;

/// A connection to a database that has the schema.
pub trait Connection {
    /// Runs a statement; the first column of each row.
    ///
    /// # Panics
    /// When it fails.
    fn run(&mut self, statement: &str) -> Vec<String>;
}

const RESOURCES: usize = 10_000;
/// Threads of each node.
const THREADS: usize = 8;

fn room(number: usize) -> String {
    format!("conf/{number}")
}

/// Two nodes with such different views of the others' weights that they seldom propose the same node.
fn two_nodes() -> [Node; 2] {
    [
        Node::new(&[("node1", 1000), ("node2", 100), ("node3", 1)]),
        Node::new(&[("node1", 1), ("node2", 100), ("node3", 1000)]),
    ]
    .map(|mut node| {
        node.terms.cache = 0;
        node
    })
}

fn claim(node: &Node, connection: &mut impl Connection, resource: &str) -> String {
    let ask = |query: &str| connection.run(query).pop();
    let (name, source) = node.find(Purpose::Claim, resource.as_bytes(), ask);
    assert_eq!(source, Some(Source::Database));
    name.unwrap()
}

/// Has all threads of both nodes claim, two of each node the same resources at the same time.
///
/// Returns the node of each resource, after checking that all got the same answer, and that the table has it,
/// too.
fn race<C: Connection>(nodes: &[Node; 2], connect: &(impl Fn() -> C + Sync)) -> Vec<String> {
    let start = Barrier::new(2 * THREADS);
    let told = thread::scope(|scope| {
        let claimer = |at: usize| {
            let (node, start) = (&nodes[at % 2], &start);
            scope.spawn(move || {
                let mut connection = connect();
                start.wait();
                let rooms =
                    (0..RESOURCES).filter(|room| room % (THREADS / 2) == at / 2 % (THREADS / 2));
                rooms
                    .map(|number| (number, claim(node, &mut connection, &room(number))))
                    .collect::<Vec<_>>()
            })
        };
        let claimers: Vec<_> = (0..2 * THREADS).map(claimer).collect();
        claimers
            .into_iter()
            .flat_map(|claimer| claimer.join().unwrap())
            .collect::<Vec<_>>()
    });
    assert_eq!(told.len(), 4 * RESOURCES);
    let table = connect().run("SELECT resource || ' ' || node FROM cluster_resources");
    assert_eq!(table.len(), RESOURCES);
    let table: BTreeMap<_, _> = table
        .iter()
        .map(|row| row.split_once(' ').unwrap())
        .collect();
    for (number, owner) in &told {
        assert_eq!(table[&*room(*number)], owner, "{number}");
    }
    (0..RESOURCES)
        .map(|number| table[&*room(number)].to_owned())
        .collect()
}

fn both(nodes: &mut [Node; 2], change: impl Fn(&mut Node)) {
    let [one, other] = nodes;
    change(one);
    change(other);
}

/// Two nodes claim at the same instant, lose a node, get it back, and outlive leases.
pub fn nodes_agree<C: Connection>(connect: &(impl Fn() -> C + Sync)) {
    let mut nodes = two_nodes();
    let first = race(&nodes, connect);
    for name in ["node1", "node2", "node3"] {
        let count = first.iter().filter(|owner| *owner == name).count();
        assert!(count > RESOURCES / 50, "{name}: {count}");
    }

    // The resources of node1 go elsewhere, once, and nothing else moves.
    both(&mut nodes, |node| node.set("node1", Eligibility::Nothing));
    let second = race(&nodes, connect);
    for (before, after) in first.iter().zip(&second) {
        assert!(if before == "node1" {
            after != "node1"
        } else {
            after == before
        });
    }

    // It stays there, also when node1 is back, and on a node that drains.
    both(&mut nodes, |node| node.set("node1", Eligibility::Take));
    both(&mut nodes, |node| node.set("node3", Eligibility::Keep));
    assert_eq!(race(&nodes, connect), second);

    // When the leases are over, all resources of node3 go elsewhere.
    both(&mut nodes, |node| {
        node.now += u64::from(node.terms.lease) + 1;
    });
    let third = race(&nodes, connect);
    assert!(third.iter().all(|owner| owner != "node3"));
    assert!(third.iter().any(|owner| owner == "node1"));
}

/// A lease runs from its last use.
pub fn use_renews_a_lease(connection: &mut impl Connection) {
    let [mut node, mut other] = two_nodes();
    let owner = claim(&node, connection, "conf/1");
    for _ in 0..3 {
        node.now += u64::from(node.terms.lease) - 1;
        other.now = node.now;
        for node in [&node, &other] {
            assert_eq!(claim(node, connection, "conf/1"), owner);
        }
    }
    let mut find = |node: &Node, resource: &[u8]| {
        let ask = |query: &str| connection.run(query).pop();
        node.find(Purpose::Lookup, resource, ask).0
    };
    assert_eq!(find(&node, b"conf/1"), Some(owner));
    assert_eq!(find(&node, b"conf/2"), None);
    node.now += u64::from(node.terms.lease) + 1;
    assert_eq!(find(&node, b"conf/1"), None);
}

/// A node that is down for some nodes keeps what it has while it has heartbeats, unless most nodes find it down.
pub fn a_node_that_only_some_find_down_keeps_its_resources(connection: &mut impl Connection) {
    const ROOM: &str = "conf/1";
    let mut nodes = two_nodes();
    both(&mut nodes, |node| {
        node.terms = node.terms.clone().with_heartbeats();
    });
    let owner = claim(&nodes[0], connection, ROOM);
    let [node, other] = &mut nodes;
    node.set(&owner, Eligibility::Down);
    let now = node.now;
    // Names that are a part of the owner's, and that it is a part of, are other names.
    let names = [&*owner, "judge", "juror", "x", &owner[1..]];
    let beat = |connection: &mut dyn Connection, name: &str, expires: u64, down: &str| {
        connection.run(&format!(
            "INSERT INTO cluster_heartbeats (name, seen, expires, down) VALUES ('{name}', {now}, {expires}, '{down}') \
             ON CONFLICT (name) DO UPDATE SET expires = excluded.expires, down = excluded.down"
        ));
    };
    let ask = |node: &Node, purpose, connection: &mut dyn Connection| {
        let ask = |query: &str| connection.run(query).pop();
        node.find(purpose, ROOM.as_bytes(), ask).0
    };
    let held = Some(owner.clone());
    for name in names {
        beat(connection, name, now, "|nobody||someone|");
    }
    let found = format!("|x{owner}||{owner}||z|");
    // Two of five, with the like of it in the others' lists.
    for (name, down) in names
        .iter()
        .zip(["|x|", &found, &found, "|node|", "|node11|"])
    {
        beat(connection, name, now, down);
        for purpose in [Purpose::Lookup, Purpose::Claim] {
            assert_eq!(ask(node, purpose, connection), held, "{name}");
            assert_eq!(ask(other, purpose, connection), held, "{name}");
        }
    }
    let expires = |connection: &mut dyn Connection| {
        connection
            .run("SELECT expires FROM cluster_resources")
            .pop()
    };
    let lasts = expires(connection);
    node.now += 1;
    for name in names {
        let down = if ["judge", "juror"].contains(&name) {
            &found
        } else {
            ""
        };
        beat(connection, name, now + 1, down);
    }
    assert_eq!(ask(node, Purpose::Claim, connection), held);
    assert_eq!(
        expires(connection),
        lasts,
        "nobody renews what they can't reach"
    );

    // Three of five find it down; but one that is gone itself has no voice.
    beat(connection, "x", now, &found);
    assert_eq!(ask(node, Purpose::Lookup, connection), held);
    beat(connection, "x", now + 1, &found);
    assert_eq!(ask(node, Purpose::Lookup, connection), None);
    beat(connection, "x", now + 1, "");
    assert_eq!(ask(node, Purpose::Lookup, connection), held);
    // No heartbeats any more.
    beat(connection, &owner, now, "");
    assert_eq!(ask(node, Purpose::Lookup, connection), None);
    let moved = ask(node, Purpose::Claim, connection);
    assert_ne!(moved, held);
    assert_eq!(ask(other, Purpose::Claim, connection), moved, "once");

    // One that an operator has disabled keeps nothing, however many reach it.
    beat(connection, moved.as_deref().unwrap(), now + 1, "");
    other.set(moved.as_deref().unwrap(), Eligibility::Nothing);
    assert_ne!(ask(other, Purpose::Claim, connection), moved);
}

/// A node that one list lacks keeps what it has; only those who know it renew its lease.
pub fn a_node_that_one_list_lacks_keeps_its_resources(connection: &mut impl Connection) {
    let mut whole = Node::new(&[("node3", 1)]);
    let mut part = Node::new(&[("node1", 1), ("node2", 1)]);
    for node in [&mut whole, &mut part] {
        node.terms.cache = 0;
    }
    assert_eq!(claim(&whole, connection, "conf/1"), "node3");
    assert_eq!(claim(&part, connection, "conf/1"), "node3");
    let mut find = |node: &Node| {
        let ask = |query: &str| connection.run(query).pop();
        node.find(Purpose::Lookup, b"conf/1", ask).0
    };
    assert_eq!(find(&part).as_deref(), Some("node3"));
    part.now += u64::from(part.terms.lease) + 1;
    assert_eq!(find(&part), None);
    assert_ne!(claim(&part, connection, "conf/1"), "node3");

    assert_eq!(claim(&whole, connection, "conf/2"), "node3");
    part.now = whole.now;
    part.claims.depart(b"node3");
    let owner = claim(&part, connection, "conf/2");
    assert_ne!(owner, "node3");
    // Whoever doesn't know that node sends its calls there.
    assert_eq!(claim(&whole, connection, "conf/2"), owner);
}

/// Names are names, whatever their bytes are.
pub fn any_name_is_a_name(connection: &mut impl Connection) {
    const HOSTILE: &str = "node'\\%\u{fc}\n${now}";
    let mut node = Node::new(&[(HOSTILE, 1)]);
    node.terms.cache = 0;
    let bytes: Vec<u8> = (0..=254).collect();
    let names: [&[u8]; 8] = [
        b"'; DROP TABLE cluster_resources; --",
        b"\\'; DROP TABLE cluster_resources; --",
        b"${node}",
        b"",
        b"'",
        b"%27",
        "b\u{fc}cher".as_bytes(),
        &bytes,
    ];
    for name in names {
        let ask = |query: &str| connection.run(query).pop();
        let found = node.find(Purpose::Claim, name, ask);
        assert_eq!(found, (Some(HOSTILE.to_owned()), Some(Source::Database)));
    }
    let count = connection.run("SELECT count(*) FROM cluster_resources");
    assert_eq!(count, [names.len().to_string()]);
    let first = "SELECT node FROM cluster_resources WHERE resource = '%27; DROP TABLE cluster_resources; --'";
    assert_eq!(connection.run(first), ["node%27%5C%25%C3%BC%0A${now}"]);
}

/// The clean-up in the comments of a schema removes the claims that ended long ago, and nothing else.
pub fn clean_up_takes_what_ended(connection: &mut impl Connection, schema: &str, now: &str) {
    let clean_up = schema
        .lines()
        .find_map(|line| line.strip_prefix("--   DELETE"));
    let clean_up = format!("DELETE{}", clean_up.unwrap());
    for (resource, seconds) in [("long ago", -4_000), ("just now", -10), ("not yet", 10)] {
        connection.run(&format!(
            "INSERT INTO cluster_resources VALUES ('{resource}', 'node1', {now} + {seconds})"
        ));
    }
    connection.run(&clean_up);
    let left = connection.run("SELECT resource FROM cluster_resources ORDER BY resource");
    assert_eq!(left, ["just now", "not yet"]);
}

/// Nodes ask for changes with a greater number than the last one that they know, so no other change may have the number of
/// a row that somebody has deleted. `again` runs the script that made the tables.
pub fn the_number_of_a_change_is_never_used_again<C: Connection>(
    connection: &mut C,
    again: impl Fn(&mut C),
) {
    let mut last = 0;
    for change in [
        "INSERT INTO cluster_nodes (name) VALUES ('node1')",
        "INSERT INTO cluster_nodes (name) VALUES ('node2')",
        "DELETE FROM cluster_nodes WHERE name = 'node2'",
        "UPDATE cluster_nodes SET weight = '50' WHERE name = 'node1'",
        "INSERT INTO cluster_nodes (name) VALUES ('node2'), ('node3')",
        "DELETE FROM cluster_nodes",
        "INSERT INTO cluster_nodes (name) VALUES ('node3')",
        "INSERT INTO cluster_nodes (name) VALUES ('node3') ON CONFLICT (name) DO UPDATE SET weight = '7'",
    ] {
        connection.run(change);
        again(connection);
        if change.starts_with("DELETE") {
            continue;
        }
        let numbers = connection.run("SELECT generation FROM cluster_nodes ORDER BY generation");
        let number = numbers.last().unwrap().parse().unwrap();
        assert!(number > last, "{number} after {last}: {change}");
        let is_new = |pair: &[String]| pair[0] != pair[1];
        assert!(numbers.windows(2).all(is_new), "{numbers:?}: {change}");
        last = number;
    }
}

/// Nodes place by figures that differ, and a room has one place all the same; where figures change it stays.
pub fn a_claim_goes_where_there_is_room_and_stays(connection: &mut impl Connection) {
    let weights = [("node1", 100), ("node2", 100), ("node3", 100)];
    let [mut one, mut other] = [Node::new(&weights), Node::new(&weights)];
    for (name, load, is_full) in [
        ("node1", 30, false),
        ("node2", 0, false),
        ("node3", 0, true),
    ] {
        one.figure(name, load, is_full);
    }
    for (node, number) in [(&one, 0), (&other, 1)] {
        for room in (0..60).map(|at| room(2 * at + number)) {
            claim(node, connection, &room);
        }
    }
    let count = |connection: &mut dyn FnMut(&str) -> Vec<String>, parity: usize, node: &str| {
        let rooms = connection(&format!(
            "SELECT resource FROM cluster_resources WHERE node = '{node}'"
        ));
        let number = |room: &String| room.trim_start_matches("conf/").parse::<usize>().unwrap();
        rooms
            .iter()
            .filter(|room| number(room) % 2 == parity)
            .count()
    };
    let mut run = |query: &str| connection.run(query);
    assert_eq!(count(&mut run, 0, "node2"), 60, "the only one with room");
    assert!(
        ALL.iter().all(|name| count(&mut run, 1, name) > 8),
        "by weights"
    );
    // Now it's the other way round.
    for (name, load, is_full) in [
        ("node1", 0, false),
        ("node2", 60, true),
        ("node3", 0, false),
    ] {
        one.figure(name, load, is_full);
        other.figure(name, load, is_full);
    }
    for at in (0..60).map(|at| 2 * at) {
        let node = claim(&other, connection, &room(at));
        assert_eq!(node, "node2", "a room in use stays");
    }
    for at in 200..260 {
        assert_ne!(claim(&one, connection, &room(at)), "node2");
    }
}

const ALL: [&str; 3] = ["node1", "node2", "node3"];
