// SPDX-License-Identifier: GPL-2.0-or-later

//! Databases that are slow, fail or talk nonsense: a call is answered in bounded time all the same, and the
//! operator learns why. The mock has such databases, a real engine's are good.

use std::sync::Barrier;
use std::sync::atomic::Ordering::SeqCst;
use std::thread;
use std::time::{Duration, Instant};

use engine_bridge::real_engine;
use engine_process::eventually;

use super::lab::{Lab, clustering};
use super::rooms;

/// The limit for an answer that has 200 ms; the machine may be busy.
const SOON: Duration = Duration::from_secs(4);

const NODES: &[(&str, u32)] = &[("node1", 100), ("node2", 100)];
/// All resources go to `node2`, unless the database answers otherwise.
pub const SECOND: &[(&str, u32)] = &[("node1", 0), ("node2", 100)];

/// The databases that have gone bad, each in its own way; the last is only slow.
const BAD: &str = "[slow]\ndelay=5000\nanswer=node|node1\n\
    [gone]\nerror=failure\n\
    [refusing]\nerror=ERROR:  permission denied\n\
    [silent]\n\
    [confused]\nanswer=node|Gateway\n\
    [busy]\ndelay=300\npoolsize=64\nanswer=node|node1\n";

/// A node with bad databases.
fn lab(clustering: String) -> Lab {
    assert!(!real_engine(), "it takes the mock: --skip mock_only");
    let mut lab = Lab::new();
    let files = [
        ("toydb.conf", BAD.to_owned()),
        ("clustering.conf", clustering),
    ];
    lab.start("node1", &files);
    lab
}

#[test]
fn a_bad_database_costs_one_call_a_moment() {
    let lab = lab(clustering(NODES, ""));
    let node = &lab.nodes[0];
    let resources = rooms("conf", 100);
    let hashed = lab.agreed(&resources);
    let questions = node.questions();
    for (account, why) in [
        ("slow", "no answer within 200 ms"),
        ("gone", "the query failed: failure"),
        ("refusing", "the query failed: ERROR:  permission denied"),
        ("silent", "the query that claims a resource gave no row"),
        (
            "nobody",
            "no database module has this account; accounts are read when the engine starts",
        ),
    ] {
        questions.store(0, SeqCst);
        let terms = format!("account={account}\ntimeout=200\nretry=3600");
        node.reload(&clustering(NODES, &terms));
        assert_eq!(node.status("database"), "unknown");
        let begin = Instant::now();
        assert_eq!(node.locate(&resources[0]), hashed[0], "{account}");
        assert!(begin.elapsed() < SOON, "{account}: {:?}", begin.elapsed());
        let said = "Resources are placed without the database ([locate] account)";
        node.wait_for(&format!("{said}: {why}"));
        assert_eq!(node.status("database"), "down", "{account}");
        // Nobody else asks, so 100 of them take less than 200 ms each.
        let begin = Instant::now();
        assert_eq!(lab.agreed(&resources), hashed, "{account}");
        assert!(begin.elapsed() < SOON, "{account}: {:?}", begin.elapsed());
        assert_eq!(questions.load(SeqCst), 1, "{account}");
    }
}

#[test]
fn a_node_that_no_section_and_no_pattern_names_loses_its_claims_with_a_line() {
    let lab = lab(clustering(SECOND, "account=confused\ncache=0"));
    let node = &lab.nodes[0];
    assert_eq!(node.locate("conf/1"), "node2");
    node.wait_for(
        "is held by node 'Gateway', which has no section [node Gateway] here: its claims end, since it can't be called",
    );
    assert_eq!(node.status("database"), "up");
}

#[test]
fn many_calls_at_once_wait_for_their_turn() {
    const CALLS: usize = 40;
    let lab = lab(clustering(SECOND, "account=busy\ntimeout=10000"));
    let node = &lab.nodes[0];
    let start = Barrier::new(CALLS);
    let resources = rooms("conf", CALLS);
    thread::scope(|scope| {
        for resource in &resources {
            scope.spawn(|| {
                start.wait();
                assert_eq!(node.locate(resource), "node1", "{}", node.log());
            });
        }
    });
    assert_eq!(node.status("claimed"), CALLS.to_string());
    assert_eq!(node.status("database"), "up");
}

#[test]
fn an_unload_waits_for_a_question_that_nobody_waits_for() {
    let lab = lab(clustering(SECOND, "account=slow\ntimeout=200"));
    let node = &lab.nodes[0];
    assert_eq!(node.locate("conf/1"), "node2");
    assert_eq!(node.status("database"), "down");
    let unload = || node.command("module unload clustering") == "Unloaded module: clustering";
    eventually(unload, || node.log());
    assert_eq!(node.locate("conf/1"), "");
    assert!(!node.command("module list").contains("clustering"));
}

#[test]
fn an_unload_is_refused_while_a_call_waits_for_the_database() {
    let lab = lab(clustering(SECOND, "account=slow\ntimeout=10000"));
    let node = &lab.nodes[0];
    let questions = node.questions();
    thread::scope(|scope| {
        let call = scope.spawn(|| node.locate("conf/1"));
        eventually(|| questions.load(SeqCst) == 1, || node.log());
        let refused = node.command("module unload clustering");
        assert_eq!(refused, "Could not unload module: clustering");
        node.wait_for("Unload refused: 1 calls or messages wait for other modules");
        assert_eq!(call.join().expect("it is answered"), "node1");
    });
    let unloaded = node.command("module unload clustering");
    assert_eq!(unloaded, "Unloaded module: clustering");
}
