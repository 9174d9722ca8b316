// SPDX-License-Identifier: GPL-2.0-or-later

//! A node whose engine is under congestion: nothing new goes there, who is there is still called.

use crate::lab::Lab;

/// The shortest time that the engine can name.
const SIP: &str = "congestion_retry=10";

fn accepting(lab: &Lab, state: &str) {
    let line = format!("javascript eval Engine.accepting(\"{state}\");");
    lab.node("node2").command(&line);
}

#[test]
#[ignore = "needs a real engine: YATE_ROOT"]
fn nothing_new_is_placed_on_a_busy_node_until_it_says_otherwise() {
    let lab = Lab::of(3).probed().sip(SIP).javascript("").start();
    let log = lab.log("node1");
    log.wait_for("Node 'node2' is up: answered 200");
    let placed = || -> Vec<String> {
        (0..300)
            .map(|room| lab.node("node1").places(room))
            .collect()
    };
    let before = placed();
    assert!(before.iter().filter(|node| *node == "node2").count() > 50);

    accepting(&lab, "congestion");
    let line = log.wait_for("Node 'node2' is busy");
    assert!(line.contains("answered 503; it was up for "), "{line}");
    let during = placed();
    for (before, during) in before.iter().zip(&during) {
        assert_ne!(during, "node2");
        assert!(
            before == "node2" || before == during,
            "others stay where they are"
        );
    }
    let table = lab.node("node1").command("clustering nodes");
    let row = table.lines().find(|line| line.starts_with("node2"));
    let row = row.expect("it has one");
    assert!(
        row.contains(" busy ") && row.ends_with("answered 503"),
        "{row}"
    );

    let log = log.since_now();
    accepting(&lab, "accept");
    let line = log.wait_for("Node 'node2' is up: answered 200; it was busy for ");
    let seconds = line
        .rsplit(' ')
        .nth(1)
        .and_then(|number| number.parse::<u64>().ok());
    assert!(
        seconds.is_some_and(|seconds| seconds >= 9),
        "Retry-After was 10: {line}"
    );
    assert_eq!(placed(), before);
    assert_eq!(log.count("Node 'node2' is"), 1, "{}", log.text());
}

#[test]
#[ignore = "needs a real engine: YATE_ROOT"]
fn users_of_a_busy_node_are_called() {
    // As an operator had it with 1.0, where the node was down by that.
    let codes = "[health]\nalive=200-499\n";
    let lab = Lab::of(2)
        .clustering(codes)
        .probed()
        .sip(SIP)
        .javascript("")
        .start();
    let (alice, bob) = lab.alice_and_bob();
    bob.picks_up();
    let log = lab.log("node1");
    log.wait_for("Node 'node2' is up: answered 200");
    // The engine itself refuses new calls under congestion, so the answer to probes is the test's.
    lab.node("node2")
        .command("javascript eval Engine.accepting(\"partial\");");
    alice.call("bob").answered().hang_up();
    accepting(&lab, "congestion");
    log.wait_for("Node 'node2' is busy: answered 503");
    assert_eq!(lab.node("node1").status().column("node2", "State"), "busy");
    // It is the node that refuses it, not the cluster.
    let refused = alice.call("bob").refused();
    assert_ne!(refused.code, 404, "{refused:?}");
    assert_eq!(lab.node("node1").status().get("offline"), "0");
    accepting(&lab, "accept");
    alice.call("bob").answered().hang_up();
}
