// SPDX-License-Identifier: GPL-2.0-or-later

//! The call records of the nodes, and the billid that joins them.

use std::collections::HashSet;

use crate::cdr::Cdr;
use crate::lab::Lab;

#[test]
#[ignore = "needs a real engine: YATE_ROOT"]
fn the_records_of_a_call_name_their_node_and_join_over_all_of_them() {
    let lab = Lab::of(2).start();
    let (alice, bob) = lab.alice_and_bob();
    bob.picks_up();
    // Nodes that are started in the same second give the same billids. One more call on one of them makes the
    // billids differ.
    assert_eq!(alice.call("nobody").refused().code, 404);
    alice.call("bob").answered().hang_up();

    let first = lab.node("node1").cdrs(3);
    let second = lab.node("node2").cdrs(2);
    for (node, cdrs) in [("node1", &first), ("node2", &second)] {
        for cdr in cdrs {
            assert_eq!(cdr.get("nodename"), node, "{cdr:?}");
            assert_eq!(cdr.get("nodeprefix"), format!("cluster/{node}/"), "{cdr:?}");
        }
    }
    let answered = |cdr: &&Cdr| cdr.get("status") == "answered";
    let of_call: Vec<_> = first.iter().chain(&second).filter(answered).collect();
    assert_eq!(
        of_call.len(),
        4,
        "two legs at each node: {first:#?}{second:#?}"
    );
    let billids: HashSet<_> = of_call.iter().map(|cdr| cdr.get("billid")).collect();
    assert_eq!(billids.len(), 1, "{of_call:#?}");
}
