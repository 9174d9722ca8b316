// SPDX-License-Identifier: GPL-2.0-or-later

//! The module is reloaded, unloaded and loaded again in the middle of the cluster's traffic.

use std::thread;

use crate::engine::Node;
use crate::installation::MODULE;
use crate::lab::Lab;

/// The number of times that an operator does it.
const ROUNDS: usize = 20;

/// Lets an operator work at both nodes while alice calls bob, again and again, and gives the codes of
/// the calls that were not answered. Each ends in one way or the other.
fn refused_during(lab: &Lab, operate: impl Fn(&Node) + Sync) -> Vec<u16> {
    let (alice, bob) = lab.alice_and_bob();
    bob.picks_up();
    let mut refused = Vec::new();
    thread::scope(|scope| {
        let operator = scope.spawn(|| {
            for _ in 0..ROUNDS {
                operate(lab.node("node1"));
                operate(lab.node("node2"));
            }
        });
        while !operator.is_finished() {
            match alice.call("bob").outcome() {
                Ok(talk) => talk.hang_up(),
                Err(refusal) => refused.push(refusal.code),
            }
        }
    });
    alice.call("bob").answered().hang_up();
    refused
}

#[test]
#[ignore = "needs a real engine: YATE_ROOT"]
fn no_call_suffers_from_a_reload() {
    let lab = Lab::of(2).start();
    let refused = refused_during(&lab, |node| {
        node.command("reload clustering");
        node.command("reload");
    });
    assert!(refused.is_empty(), "{refused:?}");
}

#[test]
#[ignore = "needs a real engine: YATE_ROOT"]
fn the_module_can_be_unloaded_and_loaded_between_calls() {
    let lab = Lab::of(2).start();
    let refused = refused_during(&lab, |node| {
        let unloaded = node.command("module unload clustering");
        assert_eq!(unloaded, "Unloaded module: clustering");
        node.command(&format!("module load {MODULE}"));
    });
    // Meanwhile a node knows neither the targets of the cluster nor its calls.
    let known = |code: &u16| [404, 503].contains(code);
    assert!(refused.iter().all(known), "{refused:?}");
    for node in ["node1", "node2"] {
        let status = lab.node(node).command("status clustering");
        assert!(status.contains("enabled=true"), "{status}");
    }
}
