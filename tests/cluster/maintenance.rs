// SPDX-License-Identifier: GPL-2.0-or-later

//! Nodes come and go, step by step as docs/maintenance.md has it, in the middle of traffic.

use std::env;
use std::path::PathBuf;
use std::thread;

use engine_bridge::module_path;

use crate::engine::Node;
use crate::installation::MODULE;
use crate::lab::{Lab, Plan};

const OLD: [&str; 3] = ["node1", "node2", "node3"];
const FILE: &str = "clustering.conf";
const OWN: &str = "[node node4]\n";
const NOT_YET: &str = "[node node4]\nweight=0\n";

/// Four nodes, whose files have a section for each.
fn plan() -> Plan {
    Lab::of(4)
        .probed()
        .dial("^room\\([0-9]*\\)$=cluster/*/conf/\\1")
}

/// Changes a node's file, and does what an operator does then.
fn change(node: &Node, from: &str, to: &str) {
    let text = node.configuration(FILE);
    assert!(text.contains(from), "{text}");
    node.configure(FILE, &text.replace(from, to));
    let check = node.command("clustering check");
    assert!(check.contains("is good"), "{check}");
    node.command("reload clustering");
}

/// The same rooms have the same place for all nodes; gives whether `node4` has one.
fn rooms_agree(nodes: &[&Node]) -> bool {
    let places = |room| -> Vec<String> { nodes.iter().map(|node| node.places(room)).collect() };
    (0..40).fold(false, |found, room| {
        let places = places(room);
        assert!(
            places.iter().all(|one| *one == places[0]),
            "room {room}: {places:?}"
        );
        found || places[0] == "node4"
    })
}

#[test]
#[ignore = "needs a real engine: YATE_ROOT"]
fn a_node_is_added() {
    let lab = plan().start();
    let old = OLD.map(|name| lab.node(name));
    let new = lab.node("node4");
    // Nobody has heard of it yet.
    new.stop().unwrap();
    for node in old {
        change(node, OWN, "");
    }
    assert!(!rooms_agree(&old));

    let text = new.configuration(FILE);
    new.configure(FILE, &text.replace(OWN, NOT_YET));
    new.start();
    for (at, node) in old.iter().enumerate() {
        node.configure(FILE, &(NOT_YET.to_owned() + &node.configuration(FILE)));
        assert!(node.command("clustering check").contains("is good"));
        node.command("reload clustering");
        node.log().wait_for("Node 'node4' is up");
        // While some know it and some don't, no room is in two places.
        assert!(!rooms_agree(&[old[0], old[1], old[2], new]), "after {at}");
    }
    let bob = lab.phone("bob");
    bob.picks_up();
    bob.register_at("node4");
    for name in OLD {
        let caller = lab.phone("alice").at(name);
        caller.call("bob").answered().hang_up();
    }
    for node in [old[0], old[1], old[2], new] {
        change(node, NOT_YET, OWN);
    }
    assert!(rooms_agree(&[old[0], old[1], old[2], new]));
    let room = (1..1000)
        .find(|&room| old[0].places(room) == "node4")
        .unwrap();
    let guest = lab.phone("carol").at("node2");
    guest.call(&format!("room{room}")).answered().hang_up();
}

#[test]
#[ignore = "needs a real engine: YATE_ROOT"]
fn a_node_is_removed_for_good() {
    let lab = plan().start();
    let old = OLD.map(|name| lab.node(name));
    let gone = lab.node("node4");
    let (alice, bob) = (lab.phone("alice").at("node1"), lab.phone("bob"));
    bob.picks_up();
    bob.register_at("node4");
    alice.call("bob").answered().hang_up();
    for node in [old[0], old[1], old[2], gone] {
        node.command("clustering drain node4");
    }
    assert!(!rooms_agree(&[old[0], old[1], old[2], gone]));
    alice.call("bob").answered().hang_up();
    bob.register_at("node3");
    gone.stop().unwrap();
    for node in old {
        change(node, OWN, "");
        assert!(!node.command("clustering nodes").contains("node4"));
        // The others go on without a failure; what is left of it in a database is named by nobody.
        assert!(!rooms_agree(&old));
        alice.call("bob").answered().hang_up();
    }
}

/// Replaces the module of a node as an upgrade does.
fn upgrade(node: &Node) {
    node.has_module(&module_path());
    assert_eq!(node.command(&format!("module reload {MODULE}")), "");
}

#[test]
#[ignore = "needs a real engine and version 1.0 of this module: YATE_ROOT, RELEASED"]
fn nodes_are_upgraded_from_version_1_0_one_after_the_other_under_calls() {
    let released = PathBuf::from(env::var_os("RELEASED").expect("RELEASED names it"));
    let secret = "[security]\nsecret=of-all-nodes-of-the-lab\n";
    let lab = Lab::of(3)
        .probed()
        .clustering(secret)
        .with_other_modules(released)
        .start();
    let (alice, bob) = lab.alice_and_bob();
    // A call over all the upgrade.
    let calling = alice.call("bob");
    let bobs = bob.called().answer();
    let alices = calling.answered();
    let carol = lab.phone("carol");
    carol.picks_up();
    carol.register_at("node3");
    let dave = lab.phone("dave").at("node1");
    let (mut calls, mut refused) = (0, Vec::new());
    thread::scope(|scope| {
        let operator = scope.spawn(|| {
            for name in OLD {
                upgrade(lab.node(name));
                lab.node(name).log().wait_for("Loaded module Clustering");
                let status = lab.node(name).command("status clustering");
                assert!(status.contains("enabled=true"), "{status}");
            }
        });
        while !operator.is_finished() || calls < 20 {
            calls += 1;
            match dave.call("carol").outcome() {
                Ok(talk) => talk.hang_up(),
                Err(refusal) => refused.push(refusal.code),
            }
        }
    });
    // A call may fall into the moment in which a node has no module: one at each of the two nodes.
    let known = |code: &u16| [404, 503].contains(code);
    assert!(
        refused.len() <= 2 && refused.iter().all(known),
        "{refused:?} of {calls}"
    );
    alices.hang_up();
    bobs.ended();
    dave.call("carol").answered().hang_up();
    for name in OLD {
        let status = lab.node(name).status();
        assert_eq!((status.get("forged"), status.get("unsigned")), ("0", "0"));
    }
}
