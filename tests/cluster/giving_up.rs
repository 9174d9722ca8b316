// SPDX-License-Identifier: GPL-2.0-or-later

//! A caller who gives up while the node is still looked for.

use std::thread;
use std::time::Duration;

use engine_process::{Message, eventually};

use crate::lab::Lab;

/// The number of times that a caller gives up.
const TRIES: usize = 5;

#[test]
#[ignore = "needs a real engine: YATE_ROOT"]
fn a_call_that_was_given_up_while_its_node_was_looked_for_goes_nowhere() {
    let lab = Lab::of(2)
        .dial("^room\\([0-9]*\\)$=cluster/*/conf/\\1")
        .start();
    let slow = |locate: &mut Message| {
        thread::sleep(Duration::from_millis(600));
        "node2".clone_into(&mut locate.retval);
        true
    };
    let node = lab.node("node1");
    node.handle("cluster.locate", 50, Box::new(slow));
    let alice = lab.phone("alice").at("node1");
    for _ in 0..TRIES {
        let calling = alice.call("room7");
        thread::sleep(Duration::from_millis(200));
        assert_eq!(calling.give_up_early().code, 487);
    }
    let log = lab.log("node1");
    log.wait_for_nth("the caller hung up while", TRIES);
    eventually(
        || node.command("status sip").contains("chans=0"),
        || node.command("status sip"),
    );
    assert_eq!(node.status().get("forwarded"), "0");
    let rooms = lab.node("node2").command("status conf");
    assert!(rooms.contains("rooms=0"), "{rooms}");
    assert_eq!(lab.node("node2").status().get("received"), "0");
    // A caller who waits gets there.
    let talk = alice.call("room7").answered();
    talk.hang_up();
}
