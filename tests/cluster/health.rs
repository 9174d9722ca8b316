// SPDX-License-Identifier: GPL-2.0-or-later

//! Nodes that die and come back: they are noticed, calls to them fail meanwhile, and other failures don't
//! count against a node.

use std::thread;
use std::time::{Duration, Instant};

use crate::call::Refusal;
use crate::dummy::Dummy;
use crate::lab::Lab;
use crate::log::Log;

/// A node that is dead and has no process: nobody answers in its place.
const SECTION: &str = "[node node3]\n";

/// A node's log, once the node has found these others to be up.
pub fn log_with_up(lab: &Lab, node: &str, others: &[&str]) -> Log {
    let log = lab.log(node);
    for other in others {
        log.wait_for(&format!("Node '{other}' is up: answered 200"));
    }
    log.since_now()
}

#[test]
#[ignore = "needs a real engine: YATE_ROOT"]
fn calls_to_a_dead_node_fail_at_once_and_go_there_again_when_it_is_back() {
    let lab = Lab::of(3).probed().start();
    let (alice, bob) = lab.alice_and_bob();
    bob.picks_up();
    alice.call("bob").answered().hang_up();
    let log = log_with_up(&lab, "node1", &["node2", "node3"]);
    let probes = lab.log("node3").since_now();

    lab.node("node2").kill();
    let dead = Dummy::at(lab.sip("node2"));
    let line = log.wait_for("Node 'node2' is down");
    assert!(
        line.contains("no answer to a probe; it was up for "),
        "{line}"
    );
    let begin = Instant::now();
    let refused = alice.call("bob").refused();
    assert!(
        begin.elapsed() < Duration::from_secs(2),
        "as it was promised"
    );
    let reason = "cluster node 'node2' is down".to_owned();
    assert_eq!(refused, Refusal { code: 404, reason });
    let line = log.wait_for(" failed: node ");
    assert!(line.ends_with(" failed: node 'node2' is down"), "{line}");
    // It gets probes, and nothing else but the end of the call before, which may have been on its way.
    let first = dead.hears(lab.sip("node1")).message;
    for request in [vec![first], dead.heard()].concat() {
        assert!(request.is("OPTIONS") || request.is("BYE"), "{request}");
    }
    // Nor do the others suffer.
    probes.wait_for_nth("OPTIONS sip:", 3);
    assert_eq!(log.count("Node 'node3' is"), 0);

    drop(dead);
    lab.node("node2").start();
    log.wait_for("Node 'node2' is up: answered 200; it was down for ");
    alice.call("bob").answered().hang_up();
    assert_eq!(log.count("Node 'node"), 2, "{}", log.text());
}

#[test]
#[ignore = "needs a real engine: YATE_ROOT"]
fn callers_who_hang_up_on_a_dead_node_keep_it_up_no_longer() {
    let lab = Lab::of(2).probed().start();
    let (alice, bob) = lab.alice_and_bob();
    bob.picks_up();
    let log = log_with_up(&lab, "node1", &["node2"]);
    let calls: Vec<_> = (0..20).map(|_| alice.call("bob").answered()).collect();
    lab.node("node2").kill();
    let _dead = Dummy::at(lab.sip("node2"));
    let mut hung_up = 0;
    for call in calls {
        if log.count("Node 'node2' is down") > 0 {
            break;
        }
        call.hang_up();
        hung_up += 1;
        // More often than the two probes that take it down.
        thread::sleep(Duration::from_millis(400));
    }
    assert!((1..20).contains(&hung_up), "{hung_up}: {}", log.text());
}

#[test]
#[ignore = "needs a real engine: YATE_ROOT"]
fn a_probe_that_waits_delays_no_other_nodes_probes() {
    let plan = Lab::of(2).clustering("[health]\ninterval=1\ntimeout=10\n");
    let lab = plan.probed().clustering(SECTION).start();
    let silent = Dummy::at(lab.sip("node3"));
    silent.hears(lab.sip("node1"));
    lab.log("node2").since_now().wait_for_nth("OPTIONS sip:", 3);
    // The one probe is still waiting for its answer.
    let more = silent.heard();
    let others: Vec<_> = more
        .iter()
        .filter(|request| {
            request
                .header("Via")
                .contains(&lab.sip("node1").to_string())
        })
        .collect();
    assert!(others.is_empty(), "{others:?}");
}

#[test]
#[ignore = "needs a real engine: YATE_ROOT"]
fn a_fork_passes_over_a_node_that_is_down() {
    let plan = Lab::of(2)
        .probed()
        .dial("^both$=fork cluster/node2/sip/sip:bob@NET.101:5060 | sip/sip:bob@NET.101:5060");
    let lab = plan.start();
    let bob = lab.phone("bob");
    let alice = lab.phone("alice").at("node1");
    let log = log_with_up(&lab, "node1", &["node2"]);
    lab.node("node2").kill();
    let dead = Dummy::at(lab.sip("node2"));
    log.wait_for("Node 'node2' is down");
    let calling = alice.call("both");
    let called = bob.called();
    assert_eq!(called.from(), lab.sip("node1").into());
    called.answer();
    calling.answered().hang_up();
    assert!(dead.heard().iter().all(|request| request.is("OPTIONS")));
}

#[test]
#[ignore = "needs a real engine: YATE_ROOT"]
fn one_lost_probe_changes_nothing_and_two_in_a_row_do() {
    let lab = Lab::of(1).clustering("[node node2]\n").probed().start();
    let (node, log) = (lab.sip("node1"), lab.log("node1"));
    let dummy = Dummy::at(lab.sip("node2"));
    dummy.answers(&dummy.hears(node), 480);
    // A node that refuses is alive.
    log.wait_for("Node 'node2' is up: answered 480; it was unknown for ");
    for _ in 0..2 {
        dummy.hears(node);
        dummy.answers(&dummy.hears(node), 200);
    }
    dummy.hears(node);
    assert_eq!(log.count("Node 'node2' is down"), 0, "{}", log.text());
    dummy.hears(node);
    log.wait_for("Node 'node2' is down: no answer to a probe; it was up for ");
}

#[test]
#[ignore = "needs a real engine: YATE_ROOT"]
fn calls_that_come_to_nothing_at_a_live_node_say_nothing_against_it() {
    // The engine gives a phone up after 6.4 s if the phone only reports that it tries.
    let lab = Lab::of(2).probed().sip("t1=100").start();
    let (alice, bob) = lab.alice_and_bob();
    let log = log_with_up(&lab, "node1", &["node2"]);
    for (said, heard) in [(486, 486), (603, 403), (408, 503), (503, 503)] {
        let (calling, called) = alice.rings_at(&bob);
        called.refuse(said);
        assert_eq!(calling.refused().code, heard);
    }
    let (calling, called) = alice.rings_at(&bob);
    calling.give_up(called);
    assert_eq!(lab.node("node1").status().column("node2", "Failures"), "0");

    // This one looks as if nobody were there at all, so that a probe has to tell.
    lab.node("node1").watch(&["chan.hangup"]);
    let calling = alice.call("bob");
    bob.called().tries();
    calling.refused();
    lab.node("node1").seen("the end of the leg", |message| {
        message.get("cause_sip") == "408" && message.get("reason_sip").is_empty()
    });
    lab.log("node2").since_now().wait_for_nth("OPTIONS sip:", 2);
    assert_eq!(lab.node("node1").status().column("node2", "State"), "up");
    assert_eq!(lab.node("node1").status().column("node2", "Failures"), "1");
    assert_eq!(log.count("Node 'node2' is"), 0, "{}", log.text());
}

#[test]
#[ignore = "needs a real engine: YATE_ROOT"]
fn where_nobody_sends_probes_that_is_logged_once_and_calls_go_on() {
    let lab = Lab::of(2).probed().sip("generate=no").start();
    let (alice, bob) = lab.alice_and_bob();
    bob.picks_up();
    let log = lab.log("node1");
    let line = log.wait_for("Nodes can't be probed");
    assert!(
        line.contains("set generate=yes in [general] of ysipchan.conf"),
        "{line}"
    );
    lab.node("node1").watch(&["engine.timer"]);
    for _ in 0..4 {
        lab.node("node1").seen("a second", |_| true);
    }
    assert_eq!(log.count("Nodes can't be probed"), 1);
    alice.call("bob").answered().hang_up();
    assert_eq!(
        lab.node("node1").status().column("node2", "State"),
        "unknown"
    );
}
