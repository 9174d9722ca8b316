// SPDX-License-Identifier: GPL-2.0-or-later

//! Nodes change from the stock module to this one, or back, one after the other: meanwhile both are one
//! cluster. `STOCK=FILE` names the stock module.

use std::env;
use std::path::PathBuf;

use crate::lab::Lab;

#[test]
#[ignore = "needs a real engine and the stock module: YATE_ROOT, STOCK"]
fn nodes_with_the_stock_module_and_nodes_with_this_one_call_each_other() {
    let stock = PathBuf::from(env::var_os("STOCK").expect("STOCK names it"));
    for node in ["node1", "node2"] {
        let plan = Lab::of(2).with_other_module(node, stock.clone());
        // By the stock module's own default it's left to chance whether a location gets a prefix.
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
