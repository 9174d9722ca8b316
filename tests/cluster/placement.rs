// SPDX-License-Identifier: GPL-2.0-or-later

//! Rooms go where there is room: nodes that claim them in a database, and share their list and their loads there.

use std::collections::BTreeMap;
use std::ops::Range;

use engine_process::eventually;

use crate::engine::Node;
use crate::lab::Lab;

const ALL: [&str; 3] = ["node1", "node2", "node3"];
/// The node that a test fills.
const FULL: &str = "\n[node node3]\ncapacity=4\n";

fn start(files: fn(&str) -> &'static str) -> Lab {
    let lab = Lab::of(3)
        .starting(0)
        .clustering("[cluster]\naccount=claims\npoll=1\n")
        .clustering("[health]\ninterval=1\ntimeout=1\nfall=2\nrise=1\n")
        .sticky()
        .dial("^room\\([0-9]*\\)$=cluster/*/conf/\\1")
        .start();
    for name in ALL {
        let node = lab.node(name);
        let file = node.configuration("clustering.conf");
        node.configure("clustering.conf", &(file + files(name)));
        node.start();
    }
    for name in ALL {
        for other in ALL.into_iter().filter(|other| *other != name) {
            lab.log(name).wait_for(&format!("Node '{other}' is up"));
        }
    }
    lab
}

/// Has a node place these rooms; gives the number of those that each node got.
fn place(node: &Node, rooms: Range<u32>) -> BTreeMap<String, usize> {
    let mut placed = BTreeMap::new();
    for room in rooms {
        *placed.entry(node.places(room)).or_default() += 1;
    }
    placed
}

fn room_on(node: &Node, name: &str, mut rooms: Range<u32>) -> u32 {
    let room = rooms.find(|room| node.places(*room) == name);
    room.expect("it gets its share")
}

#[test]
#[ignore = "needs a real engine: YATE_ROOT"]
fn a_full_node_gets_nothing_new_and_a_room_in_use_stays_there() {
    let lab = start(|name| if name == "node3" { FULL } else { "" });
    let node = lab.node("node1");
    let host = lab.node("node3");
    let room = room_on(node, "node3", 1..100);
    let (carol, dave) = (
        lab.phone("carol").at("node1"),
        lab.phone("dave").at("node2"),
    );
    // Each guest has two channels there: the one from their node, and the one of the room.
    let mut talks = vec![carol.call(&format!("room{room}")).answered()];
    talks.push(carol.call(&format!("room{room}")).answered());
    let line = "Node 'node3' is full, nothing new is placed there while another node has room: 4 channels, capacity=4";
    node.log().wait_for(line);
    let placed = place(node, 1000..1060);
    assert_eq!(placed.get("node3"), None, "{placed:?}");
    assert!(placed.len() == 2, "{placed:?}");
    let told =
        (2000..2060).map(|room| node.command(&format!("clustering where cluster/*/conf/{room}")));
    let line = "Node 'node3' is passed over: 4 channels, and capacity=4 in [node node3]";
    assert!(told.into_iter().any(|told| told.contains(line)));
    let table = node.command("clustering nodes");
    let row = table.lines().find(|row| row.starts_with("node3"));
    assert!(row.is_some_and(|row| row.contains(" 4/4 ")), "{table}");
    assert_ne!(node.status().get("balanced"), "0");

    talks.push(dave.call(&format!("room{room}")).answered());
    let rooms = host.command("status conf");
    assert!(rooms.contains("chans=3,rooms=1;"), "{rooms}");
    for talk in talks {
        talk.hang_up();
    }
    // It has room at once, which is said when that has lasted for a minute.
    eventually(
        || {
            lab.node("node2")
                .command("clustering nodes")
                .contains(" 0/4 ")
        },
        || lab.node("node2").command("clustering nodes"),
    );
}

#[test]
#[ignore = "needs a real engine: YATE_ROOT"]
fn a_node_that_is_back_gets_new_rooms_until_it_has_its_share_and_none_that_is_in_use() {
    let lab = start(|_| "");
    let node = lab.node("node1");
    lab.node("node2").kill();
    node.log().wait_for("Node 'node2' is down");
    let before = place(node, 0..40);
    assert_eq!(before.len(), 2, "{before:?}");
    let talk = lab.phone("carol").at("node3");
    let room = room_on(node, "node3", 0..40);
    let talk = talk.call(&format!("room{room}")).answered();

    let log = node.log().since_now();
    lab.node("node2").start();
    log.wait_for("Node 'node2' is up");
    // It has told that it has none, and this node has read it.
    let share = || {
        let metrics = node.command("clustering metrics");
        let line = "yate_clustering_node_share_ratio{node=\"node2\"} 0";
        metrics.lines().any(|own| own.trim_end() == line)
    };
    eventually(share, || node.command("clustering metrics"));
    let first = place(node, 100..110);
    let most = before.iter().max_by_key(|(_, count)| **count);
    let (busiest, _) = most.expect("there are two");
    assert_eq!(first.get(busiest), None, "{before:?}, then {first:?}");
    assert!(
        first.get("node2").is_some_and(|count| *count >= 7),
        "{first:?}"
    );
    let then = place(node, 110..180);
    let mut all: BTreeMap<String, usize> = BTreeMap::new();
    for placed in [&before, &first, &then] {
        for (name, count) in placed {
            *all.entry(name.clone()).or_default() += count;
        }
    }
    // 120 rooms in all: the share is 40, and the bound 50.
    assert!(
        all.values().all(|count| (30..=50).contains(count)),
        "{all:?}"
    );
    for room in 0..40 {
        assert_ne!(node.places(room), "node2", "a room in use stays");
    }
    let guest = lab.phone("dave").at("node2");
    let other = guest.call(&format!("room{room}")).answered();
    let rooms = lab.node("node3").command("status conf");
    assert!(rooms.contains("chans=2,rooms=1;"), "{rooms}");
    talk.hang_up();
    other.hang_up();
}
