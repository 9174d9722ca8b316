// SPDX-License-Identifier: GPL-2.0-or-later

//! The module is unloaded while a node that is probed has not answered yet.

use engine_process::eventually;

use crate::dummy::Dummy;
use crate::installation::MODULE;
use crate::lab::{Lab, Plan};
use crate::link::Transport;

const UNLOAD: &str = "module unload clustering";
const UNLOADED: &str = "Unloaded module: clustering";

/// Two nodes that are there, and somebody silent in the place of a third one. The first probe has just gone
/// there when this comes back.
fn lab_with_silence(plan: Plan) -> (Lab, Dummy) {
    let lab = plan.probed().clustering("[node node3]\n").start();
    let silent = Dummy::at(lab.sip("node3"));
    silent.hears(lab.sip("node1"));
    (lab, silent)
}

fn module_works(lab: &Lab) {
    let (alice, bob) = lab.alice_and_bob();
    bob.picks_up();
    alice.call("bob").answered().hang_up();
}

#[test]
#[ignore = "needs a real engine: YATE_ROOT"]
fn an_unload_waits_for_a_probe() {
    let (lab, _silent) = lab_with_silence(Lab::of(2));
    let node = lab.node("node1");
    for _ in 0..3 {
        assert_eq!(node.command(UNLOAD), UNLOADED);
        node.command(&format!("module load {MODULE}"));
    }
    module_works(&lab);
}

#[test]
#[ignore = "needs a real engine: YATE_ROOT"]
fn phones_on_tcp_are_called_after_an_unload_and_a_load() {
    let lab = Lab::of(2).start();
    let bob = lab.phone_over(Transport::Tcp, "bob", "node2");
    bob.picks_up();
    bob.register_at("node2");
    let node = lab.node("node2");
    assert_eq!(node.command(UNLOAD), UNLOADED);
    node.command(&format!("module load {MODULE}"));
    for from in ["node1", "node2"] {
        lab.phone("alice").at(from).call("bob").answered().hang_up();
    }
}

#[test]
#[ignore = "needs a real engine: YATE_ROOT"]
fn an_unload_that_would_wait_long_is_refused_and_a_later_one_is_not() {
    let plan = Lab::of(2).clustering("[health]\ninterval=1\ntimeout=10\n");
    let (lab, _silent) = lab_with_silence(plan);
    let node = lab.node("node1");
    assert_ne!(node.command(UNLOAD), UNLOADED);
    let line = "Unload refused: a node, a database or a name server has not answered yet";
    node.log().wait_for(line);
    module_works(&lab);
    eventually(
        || node.command(UNLOAD) == UNLOADED,
        || "the module can't be unloaded".to_owned(),
    );
    node.command(&format!("module load {MODULE}"));
    module_works(&lab);
}
