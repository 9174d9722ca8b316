// SPDX-License-Identifier: GPL-2.0-or-later

//! Two nodes under one name, and a callto that leads back: a call comes from a node of this node's own name.

use super::lab::{NODES, NOW, arrival, assert_refused, is_taken, receive_at, send_at, signing};
use crate::node::named;

#[test]
fn a_call_from_a_node_of_this_nodes_name_is_a_line_of_the_log() {
    let open = &[("security", "trusted", "192.0.2.0/24")];
    let [sender, receiver] = [(); 2].map(|()| named("node1", &[open, NODES]));
    let call = arrival(&send_at(NOW, &sender, "node2", &[]));
    let decided = receive_at(NOW, &receiver, &call);
    assert!(is_taken(&decided));
    let line = decided.line.unwrap();
    assert!(
        line.starts_with("Call from 192.0.2.1 says that it comes from this node"),
        "{line}"
    );
    // From another one it's none.
    let other = named("node2", &[open, NODES]);
    let decided = receive_at(NOW, &other, &call);
    assert!(decided.line.unwrap().contains("came to this node, for"));
}

#[test]
fn where_calls_are_signed_it_is_the_reason_for_the_refusal() {
    let [sender, receiver] = [(); 2].map(|()| signing("node1"));
    let call = arrival(&send_at(NOW, &sender, "node2", &[]));
    let decided = receive_at(NOW, &receiver, &call);
    assert_refused(
        &decided,
        "it says that it comes from this node, but was not signed for it",
    );
    assert!(decided.line.is_some());
}
