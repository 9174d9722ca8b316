// SPDX-License-Identifier: GPL-2.0-or-later

//! Nodes that are taken out of service by command: nothing new goes there, their resources are still reached.

use crate::engine::Node;
use crate::lab::{Lab, Plan};

/// Rooms are placed by the module itself, and `there7` is room 7 on `node3`.
fn plan() -> Plan {
    Lab::of(3)
        .probed()
        .dial("^room\\([0-9]*\\)$=cluster/*/conf/\\1")
        .dial("^there\\([0-9]*\\)$=cluster/node3/conf/\\1")
}

/// Rooms that are placed on `node3`.
fn rooms_of_node3(node: &Node) -> impl Iterator<Item = u32> {
    (1..).filter(|&room| node.places(room) == "node3")
}

/// Whether one of the first rooms is placed on `node3`.
fn is_in_use(node: &Node) -> bool {
    (1..=50).any(|room| node.places(room) == "node3")
}

#[test]
#[ignore = "needs a real engine: YATE_ROOT"]
fn nothing_new_is_placed_on_a_drained_node_and_what_is_there_is_reached() {
    let lab = plan().start();
    let (first, host) = (lab.node("node1"), lab.node("node3"));
    host.watch(&["call.execute"]);
    let entered = |room: u32, users: &str| {
        host.seen("a guest", |message| {
            message.get("room") == format!("conf/{room}") && message.get("users") == users
        });
    };
    let (alice, bob) = (lab.phone("alice").at("node1"), lab.phone("bob"));
    bob.register_at("node3");
    bob.picks_up();
    let carol = lab.phone("carol").at("node2");
    let rooms: Vec<_> = rooms_of_node3(first).take(2).collect();
    let [old, new] = rooms[..] else {
        unreachable!("two were taken")
    };
    // Nodes with the same knowledge place a room in the same place.
    let mut talks = vec![alice.call(&format!("room{old}")).answered()];
    entered(old, "1");
    talks.push(carol.call(&format!("room{old}")).answered());
    entered(old, "2");

    for node in ["node1", "node2", "node3"] {
        let answer = lab.node(node).command("clustering drain node3");
        assert_eq!(answer, "Node 'node3' is draining");
    }
    talks.push(alice.call(&format!("room{new}")).answered());
    assert_ne!(first.places(new), "node3");
    let rooms = host.command("status conf");
    assert!(rooms.contains("chans=2,rooms=1;"), "{rooms}");

    // Without a database nobody remembers that this one is there already.
    assert_ne!(first.places(old), "node3");
    talks.push(alice.call(&format!("there{old}")).answered());
    entered(old, "3");
    talks.push(alice.call("bob").answered());
    talks.into_iter().for_each(crate::call::Talk::hang_up);

    assert_eq!(
        first.command("clustering undrain node3"),
        "Node 'node3' is enabled"
    );
    alice.call(&format!("room{new}")).answered().hang_up();
    entered(new, "1");
}

#[test]
#[ignore = "needs a real engine: YATE_ROOT"]
fn a_drain_survives_a_reload_and_the_death_of_the_engine() {
    let lab = plan().start();
    let node = lab.node("node1");
    assert!(is_in_use(node));
    node.command("clustering drain node3");
    let is_draining = || {
        assert_eq!(node.status().column("node3", "Admin"), "draining");
        assert_eq!(node.status().column("node2", "Admin"), "enabled");
        assert!(!is_in_use(node));
    };
    is_draining();
    node.command("reload clustering");
    is_draining();
    node.kill();
    node.start();
    is_draining();
    node.command("clustering undrain node3");
    node.kill();
    node.start();
    assert!(is_in_use(node));
}

#[test]
#[ignore = "needs a real engine: YATE_ROOT"]
fn a_damaged_note_of_what_is_drained_is_ignored_with_a_warning() {
    const STATE: &str = "clustering_state.conf";
    let lab = plan().start();
    let node = lab.node("node1");
    node.command("clustering drain node3");
    node.kill();
    let state = node.configuration(STATE);
    node.configure(STATE, &state[..state.len() / 2]);
    let log = node.log().since_now();
    node.start();
    let line = log.wait_for(STATE);
    assert!(line.contains("<clustering:WARN> Could not use '"), "{line}");
    assert!(
        line.ends_with("so no node is drained or disabled: its beginning or its end is missing"),
        "{line}"
    );
    assert_eq!(node.status().column("node3", "Admin"), "enabled");
    assert!(is_in_use(node));

    node.command("clustering drain node3");
    assert_eq!(node.configuration(STATE), state);
}

#[test]
#[ignore = "needs a real engine: YATE_ROOT"]
fn nothing_is_sent_to_a_disabled_node_until_it_is_enabled() {
    let lab = plan().start();
    let (alice, bob) = lab.alice_and_bob();
    bob.picks_up();
    let node = lab.node("node1");
    lab.log("node1").wait_for("Node 'node2' is up");
    assert_eq!(
        node.command("clustering disable node2"),
        "Node 'node2' is disabled"
    );
    let refused = alice.call("bob").refused();
    assert_eq!(
        (refused.code, refused.reason.as_str()),
        (404, "cluster node 'node2' is disabled")
    );
    assert_eq!(
        node.command("clustering enable node2"),
        "Node 'node2' is enabled"
    );
    alice.call("bob").answered().hang_up();
}
