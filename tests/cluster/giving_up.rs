// SPDX-License-Identifier: GPL-2.0-or-later

//! A caller who gives up while the node is still looked for.

use std::sync::mpsc::{self, Receiver, Sender};

use engine_process::{Message, PATIENCE, eventually};

use crate::lab::{Lab, Plan};

/// The number of times that a caller gives up.
const TRIES: usize = 200;

/// A lookup that is as slow as the test wants.
struct Lookup {
    begun: Receiver<()>,
    end: Sender<()>,
}

impl Lookup {
    /// The lookups of a lab's first node.
    fn of(lab: &Lab) -> Self {
        let (report, begun) = mpsc::channel();
        let (end, ended) = mpsc::channel();
        let slow = move |locate: &mut Message| {
            // Nobody waits any more at the end of a test.
            let _ = report.send(());
            let _ = ended.recv_timeout(PATIENCE);
            "node2".clone_into(&mut locate.retval);
            true
        };
        lab.node("node1")
            .handle("cluster.locate", 50, Box::new(slow));
        Self { begun, end }
    }

    fn begins(&self) {
        self.begun
            .recv_timeout(PATIENCE)
            .expect("the node is looked for");
    }

    fn ends(&self) {
        self.end.send(()).expect("it is waited for");
    }
}

fn plan() -> Plan {
    Lab::of(2)
        .dial("^room\\([0-9]*\\)$=cluster/*/conf/\\1")
        .dial("^group$=fork cluster/*/none/x")
}

fn no_channel_is_left(lab: &Lab) {
    for node in ["node1", "node2"].map(|node| lab.node(node)) {
        eventually(
            || node.command("status sip").contains("chans=0"),
            || node.command("status sip"),
        );
    }
}

/// No channel is left, and the second node has had no call.
fn nothing_is_left(lab: &Lab) {
    no_channel_is_left(lab);
    assert_eq!(lab.node("node1").status().get("forwarded"), "0");
    let rooms = lab.node("node2").command("status conf");
    assert!(rooms.contains("rooms=0"), "{rooms}");
    assert_eq!(lab.node("node2").status().get("received"), "0");
}

#[test]
#[ignore = "needs a real engine: YATE_ROOT"]
fn a_call_that_was_given_up_while_its_node_was_looked_for_goes_nowhere() {
    let lab = plan().start();
    let lookup = Lookup::of(&lab);
    let alice = lab.phone("alice").at("node1");
    for _ in 0..TRIES {
        let calling = alice.call("room7");
        lookup.begins();
        assert_eq!(calling.give_up_early().code, 487);
        lookup.ends();
    }
    let log = lab.log("node1");
    log.wait_for_nth("the caller hung up while", TRIES);
    nothing_is_left(&lab);
    // A caller who waits gets there.
    lookup.ends();
    let talk = alice.call("room7").answered();
    talk.hang_up();
}

/// The engine holds up all calls while it places the branches of a fork, the end of the caller's, too. So nobody can tell
/// that they are gone, and the call is sent. It ends as soon as the engine goes on.
#[test]
#[ignore = "needs a real engine: YATE_ROOT"]
fn a_fork_that_was_given_up_while_its_node_was_looked_for_leaves_no_channel() {
    let lab = plan().start();
    let lookup = Lookup::of(&lab);
    let alice = lab.phone("alice").at("node1");
    for _ in 0..TRIES {
        let calling = alice.call("group");
        lookup.begins();
        let calling = calling.gives_up();
        lookup.ends();
        // The other node refuses it at the same time.
        calling.refused();
    }
    no_channel_is_left(&lab);
}
