// SPDX-License-Identifier: GPL-2.0-or-later

//! Changes of nodes as the engine's modules hear of them.

use crate::lab::Lab;

#[test]
#[ignore = "needs a real engine: YATE_ROOT"]
fn an_external_module_hears_of_a_node_that_dies() {
    let lab = Lab::of(2).probed().start();
    let node = lab.node("node1");
    node.watch(&["cluster.node"]);
    // What was before it died may still come.
    let heard = |event: &str, state: &str| {
        node.seen(&format!("{event} {state}"), |message| {
            message.get("node") == "node2"
                && message.get("event") == event
                && message.get("state") == state
                && message.get("previous") != "unknown"
        })
    };
    lab.log("node1").wait_for("Node 'node2' is up");
    lab.node("node2").kill();
    let down = heard("health", "down");
    for (name, value) in [
        ("nodename", "node1"),
        ("previous", "up"),
        ("admin", "enabled"),
        ("reachable", "false"),
        ("open", "false"),
        ("reason", "no answer to a probe"),
    ] {
        assert_eq!(down.get(name), value, "{down:?}");
    }
    node.command("clustering drain node2");
    let drained = heard("admin", "down");
    assert_eq!(drained.get("admin"), "draining");
    let reason = drained.get("reason");
    assert!(reason.starts_with("by command from 127."), "{drained:?}");
    lab.node("node2").start();
    assert_eq!(heard("health", "up").get("previous"), "down");
    node.command("clustering undrain node2");
}

#[test]
#[ignore = "needs a real engine: YATE_ROOT"]
fn the_script_of_the_documentation_raises_an_alarm() {
    let script = concat!(env!("CARGO_MANIFEST_DIR"), "/docs/cluster-events.js");
    let scripts = format!("cluster={script}\n");
    let lab = Lab::of(2).probed().javascript(&scripts).start();
    let log = lab.log("node1");
    log.wait_for("Node node2 is up and enabled: answered 200");
    lab.node("node2").kill();
    log.wait_for("Node node2 is down and enabled: no answer to a probe");
    lab.node("node1").command("clustering drain node2");
    log.wait_for("Node node2 is down and draining: by command from 127.");
    lab.node("node1").command("clustering drain node1");
    log.wait_for("Node node1 is unknown and draining, channels left: 0");
}
