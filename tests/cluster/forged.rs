// SPDX-License-Identifier: GPL-2.0-or-later

//! Calls that only a node may make, made by somebody else.

use crate::lab::Lab;

const SECRET: &str = "[security]\nsecret=of-all-nodes-of-the-lab\n";
const OTHER: &str = "[security]\nsecret=of-nobody-in-the-lab\n";

#[test]
#[ignore = "needs a real engine: YATE_ROOT"]
fn a_stranger_who_names_a_target_is_refused_and_logged() {
    let lab = Lab::of(2).start();
    let bob = lab.phone("bob");
    bob.register_at("node2");
    let mallory = lab.stranger("mallory").at("node2");
    let call = mallory.call_with("cluster/", &[("X-CallTo", &bob.target())]);
    assert_eq!(call.refused().code, 403);
    let line = lab.log("node2").wait_for(" was refused: ");
    let address = mallory.address().to_string();
    assert!(line.contains(&format!(" from {address} ")), "{line}");
    assert!(line.contains("Call from "), "{line}");
}

#[test]
#[ignore = "needs a real engine: YATE_ROOT"]
fn nodes_that_share_a_secret_trust_each_others_calls_and_no_others() {
    let lab = Lab::of(3).clustering(SECRET).start();
    let (alice, bob) = lab.alice_and_bob();
    bob.picks_up();
    alice.call("bob").answered().hang_up();

    let usual = lab.node("node3").configuration("clustering.conf");
    let other = usual.replace(SECRET, OTHER);
    lab.node("node3").configure("clustering.conf", &other);
    lab.node("node3").command("reload clustering");
    let carol = lab.phone("carol").at("node3");
    assert_eq!(carol.call("bob").refused().code, 403);
    lab.log("node2")
        .wait_for("its signature is not valid for this call, this node and the cluster's secret");
}
