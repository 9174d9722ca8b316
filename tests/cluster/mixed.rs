// SPDX-License-Identifier: GPL-2.0-or-later

//! Nodes change from the stock module to this one, or back, one after the other: meanwhile both are one
//! cluster. `STOCK=FILE` names the stock module, `RELEASED=FILE` this one of version 1.0.

use std::env;
use std::path::PathBuf;

use engine_process::Message;

use crate::lab::Lab;

const SECRET: &str = "[security]\nsecret=of-all-nodes-of-the-lab\n";

#[test]
#[ignore = "needs a real engine and the stock module: YATE_ROOT, STOCK"]
fn nodes_with_the_stock_module_and_nodes_with_this_one_call_each_other() {
    let stock = PathBuf::from(env::var_os("STOCK").expect("STOCK names it"));
    for node in ["node1", "node2"] {
        let plan = Lab::of(2).with_other_module(node, stock.clone());
        // The stock module's default leaves it to chance whether a location gets a prefix.
        let plan = plan.clustering("[priorities]\nuser.register=49\n");
        let lab = plan.start();
        let (alice, bob) = lab.alice_and_bob();
        let calling = alice.call("bob");
        let called = bob.called();
        assert_eq!(
            called.from(),
            lab.sip("node2").into(),
            "{node} has the stock module"
        );
        called.ring();
        calling.rings();
        let bobs = called.answer();
        calling.answered().hang_up();
        bobs.ended();
    }
}

/// Version 1.0 leaves unknown parts alone: no call fails for them, in either direction.
#[test]
#[ignore = "needs a real engine and version 1.0 of this module: YATE_ROOT, RELEASED"]
fn nodes_with_version_1_0_take_calls_that_carry_more_than_they_know() {
    let released = PathBuf::from(env::var_os("RELEASED").expect("RELEASED names it"));
    for (node, secret) in [
        ("node1", ""),
        ("node2", ""),
        ("node1", SECRET),
        ("node2", SECRET),
    ] {
        let plan = Lab::of(2).with_other_module(node, released.clone());
        let lab = plan.clustering(secret).start();
        let add = |route: &mut Message| {
            if route.get("called") == "bob" {
                route.set("osip_Alert-Info", "info=alert-autoanswer");
                route.set("calledname", "Bob");
            }
            false
        };
        lab.node("node1").handle("call.route", 40, Box::new(add));
        let alice = lab.phone("alice").at("node1");
        let bob = lab.phone("bob");
        bob.register_as("node2", &format!("sip:bob@{}:5060;line=;ob", bob.address()));
        let calling = alice.call("bob");
        let called = bob.called();
        assert_eq!(called.from(), lab.sip("node2").into(), "{node} has 1.0");
        called.ring();
        calling.rings();
        let bobs = called.answer();
        calling.answered().hang_up();
        bobs.ended();
        assert_eq!(alice.sends("bob", "Dinner is ready."), 200);
        assert_eq!(bob.message().body, "Dinner is ready.");
        for node in ["node1", "node2"] {
            let status = lab.node(node).status();
            assert_eq!(status.get("forged"), "0", "{node}");
        }
    }
}

/// A node with version 1.0 sends no call back to a node that it was on, but lets it in again.
#[test]
#[ignore = "needs a real engine and version 1.0 of this module: YATE_ROOT, RELEASED"]
fn a_spiral_comes_back_to_a_node_with_version_1_0() {
    let released = PathBuf::from(env::var_os("RELEASED").expect("RELEASED names it"));
    let plan = Lab::of(2)
        .with_other_module("node1", released)
        .clustering(SECRET)
        .dial("^back$=cluster/node2/cluster/node1/sip/sip:carol@NET.101:5060");
    let lab = plan.start();
    let carol = lab.phone("carol");
    carol.picks_up();
    let alice = lab.phone("alice").at("node1");
    alice.call("back").answered().hang_up();
}
