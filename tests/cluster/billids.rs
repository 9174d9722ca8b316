// SPDX-License-Identifier: GPL-2.0-or-later

//! The billids of nodes that were started in the same second: they tell the traces of a call from those of
//! others.

use std::collections::{BTreeMap, BTreeSet};
use std::thread;
use std::time::{Duration, SystemTime};

use engine_process::patiently;

use crate::lab::Lab;
use crate::phone::Phone;

/// Starts both nodes anew until both have started in the same second, which is the start of the engine's
/// billids. Each has had a call that came to nothing then.
fn start_together(lab: &Lab, callers: [&Phone; 2]) {
    let second = |node: &str, caller: &Phone| {
        let before = lab.node(node).cdrs(0).len();
        assert_eq!(caller.call("nobody").refused().code, 404);
        let cdrs = lab.node(node).cdrs(before + 1);
        let billid = cdrs.last().map(|cdr| cdr.get("billid"));
        // There may be a node's name in front.
        let second = billid.and_then(|billid| billid.rsplit('-').nth(1));
        second.unwrap_or_else(|| panic!("{cdrs:?}")).to_owned()
    };
    let nodes = ["node1", "node2"].map(|node| lab.node(node));
    for _ in 0..10 {
        for node in &nodes {
            node.kill();
        }
        let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH);
        let within = now.expect("it is after 1970").subsec_millis();
        thread::sleep(Duration::from_millis((1000 - within).into()));
        for node in &nodes {
            node.start();
        }
        if second("node1", callers[0]) == second("node2", callers[1]) {
            return;
        }
    }
    panic!("the nodes are never started in the same second");
}

#[test]
#[ignore = "needs a real engine: YATE_ROOT"]
fn nodes_that_start_in_the_same_second_make_no_billid_twice() {
    let lab = Lab::of(2)
        .clustering("[node node1]\n[node node2]\n[health]\ninterval=0\n")
        .start();
    let alice = lab.phone("alice").at("node1");
    let dave = lab.phone("dave").at("node2");
    start_together(&lab, [&alice, &dave]);
    let (bob, carol) = (lab.phone("bob"), lab.phone("carol"));
    bob.picks_up();
    carol.picks_up();
    bob.register_at("node2");
    carol.register_at("node1");
    // The first calls of both nodes, at once; each goes over to the other.
    let (first, second) = (alice.call("bob"), dave.call("carol"));
    first.answered().hang_up();
    second.answered().hang_up();

    // Both legs of both calls on both nodes.
    let mut legs = BTreeMap::<String, BTreeSet<String>>::new();
    for node in ["node1", "node2"] {
        let answered = || {
            let cdrs = lab.node(node).cdrs(0).into_iter();
            let answered = cdrs.filter(|cdr| cdr.get("status") == "answered");
            Some(answered.collect::<Vec<_>>()).filter(|cdrs| cdrs.len() == 4)
        };
        for cdr in patiently(answered, || format!("{node} writes the records")) {
            let leg = format!("{} at {node} {}", cdr.get("caller"), cdr.get("direction"));
            let of_call = legs.entry(cdr.get("billid").to_owned()).or_default();
            of_call.insert(leg);
        }
    }
    assert_eq!(legs.len(), 2, "two calls: {legs:#?}");
    for legs in legs.values() {
        let callers: BTreeSet<_> = legs.iter().map(|leg| leg.split(' ').next()).collect();
        assert_eq!((legs.len(), callers.len()), (4, 1), "{legs:#?}");
    }
}
