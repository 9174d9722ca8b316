// SPDX-License-Identifier: GPL-2.0-or-later
//! The engine's end, and a start without a node name: each in a process of its own.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use engine_bridge::{Engine, Manners, Message, Setup};
use engine_process::eventually;

use crate::child::in_child;
use crate::lab::{GENERAL, MODULE, execute, registration, text};
use crate::traffic::rounds;

/// The longest time that an engine may take to end: its own waits are of a second or two.
const END: Duration = Duration::from_secs(30);

fn start() -> &'static Engine {
    start_with(GENERAL)
}

fn start_with(settings: &str) -> &'static Engine {
    let setup = Setup {
        files: vec![(MODULE.into(), settings.into())],
        ..Setup::default()
    };
    Engine::start(&setup).expect("the engine starts")
}

/// Stops the engine; its exit code, where that took no longer than it should.
fn stop(engine: &Engine) -> i32 {
    let begin = Instant::now();
    let code = engine.stop();
    assert!(begin.elapsed() < END, "{:?}", begin.elapsed());
    code
}

/// Ends the engine while a worker of its own waits for a call's node.
fn stop_in_a_lookup(manners: Manners) -> i32 {
    let engine = start();
    let _lookup = engine.sleep_in("cluster.locate", 50, Duration::from_secs(60), manners);
    assert!(engine.enqueue(&execute("cluster/*/conf/7")));
    let missing = || "nobody asks for the node".to_owned();
    eventually(|| engine.sleeping() > 0, missing);
    stop(engine)
}

#[test]
fn engine_ends_with_messages_in_flight() {
    let ended = in_child("exits::engine_ends_with_messages_in_flight", || {
        let engine = start();
        let messages = [
            execute("cluster/node1/x"),
            execute("cluster/node2/x"),
            registration(),
            Message::new("call.cdr"),
            Message::new("call.route").with("called", "cluster/7"),
        ];
        for _ in 0..rounds(4000) {
            for message in &messages {
                assert!(engine.enqueue(message));
            }
        }
        stop(engine)
    });
    ended.assert_clean();
}

#[test]
fn engine_ends_while_a_lookup_is_under_way_that_heeds_the_end() {
    in_child(
        "exits::engine_ends_while_a_lookup_is_under_way_that_heeds_the_end",
        || stop_in_a_lookup(Manners::Heeds),
    )
    .assert_clean();
}

#[test]
fn engine_ends_while_a_lookup_is_under_way_that_must_be_killed() {
    in_child(
        "exits::engine_ends_while_a_lookup_is_under_way_that_must_be_killed",
        || stop_in_a_lookup(Manners::Ignores),
    )
    .assert_clean();
}

#[test]
fn engine_that_ends_probes_no_node() {
    const NODES: &str =
        "[general]\ncallto=sip/sip:cluster/@\\0.lab\n[node node2]\n[health]\ninterval=1\n";
    // The SIP channel is among the first to go, and crashes when it is asked for a request then.
    in_child("exits::engine_that_ends_probes_no_node", || {
        let engine = start_with(NODES);
        let probes = Arc::new(AtomicUsize::new(0));
        let _sip = {
            let probes = Arc::clone(&probes);
            engine.handle("xsip.generate", 100, move |call| {
                probes.fetch_add(1, Ordering::Relaxed);
                call.set("code", "200");
                call.set("sip_server", "lab");
                true
            })
        };
        let missing = || "no node is probed".to_owned();
        eventually(|| probes.load(Ordering::Relaxed) > 0, missing);
        let late = Arc::new(AtomicUsize::new(0));
        let _halt = {
            let late = Arc::clone(&late);
            engine.handle("engine.halt", 1, move |_| {
                let before = probes.load(Ordering::Relaxed);
                let begin = Instant::now();
                // Longer than from one probe to the next.
                while begin.elapsed() < Duration::from_secs(3) {
                    let _ = engine.dispatch(&Message::new("engine.timer"));
                    thread::sleep(Duration::from_millis(20));
                }
                late.store(probes.load(Ordering::Relaxed) - before, Ordering::Relaxed);
                false
            })
        };
        let code = stop(engine);
        assert_eq!(late.load(Ordering::Relaxed), 0, "probes");
        code
    })
    .assert_clean();
}

#[test]
fn engine_that_ends_asks_no_database() {
    const ROOMS: &str = "[general]\ncallto=sip/sip:cluster/@\\0.lab\n[node node1]\n[node node2]\n\
        [locate]\naccount=claims\ncache=0\n";
    // The last messages are handled after all threads were stopped, and then the libraries are closed: a
    // thread that asked a database then would be left in them.
    in_child("exits::engine_that_ends_asks_no_database", || {
        let engine = start_with(ROOMS);
        let asked = Arc::new(AtomicUsize::new(0));
        let _database = {
            let asked = Arc::clone(&asked);
            engine.handle("database", 100, move |_| {
                asked.fetch_add(1, Ordering::Relaxed);
                true
            })
        };
        // It finds no node, and asks again each time.
        let look = Message::new("cluster.locate")
            .with("callto", "conf/7")
            .with("allocate", "false");
        for times in 1..=2 {
            let _ = engine.dispatch(&look);
            assert_eq!(asked.load(Ordering::Relaxed), times, "asked");
        }
        let _halt = engine.handle("engine.halt", 1, move |_| {
            let _ = engine.dispatch(&look);
            false
        });
        let code = stop(engine);
        assert_eq!(asked.load(Ordering::Relaxed), 2, "asked at the end, too");
        code
    })
    .assert_clean();
}

#[test]
fn engine_ends_with_the_module_loaded_by_command_or_unloaded_before() {
    in_child(
        "exits::engine_ends_with_the_module_loaded_by_command_or_unloaded_before",
        || {
            let engine = start();
            assert!(engine.unload(MODULE));
            assert!(engine.load(&engine_bridge::module_path(), MODULE));
            let _ = engine.dispatch(&execute("cluster/node2/x"));
            stop(engine)
        },
    )
    .assert_clean();
}

#[test]
fn node_without_a_name_is_disabled_and_says_so() {
    let ended = in_child("exits::node_without_a_name_is_disabled_and_says_so", || {
        // Else the engine would take the host's name.
        let nameless = || "[general]\nnodename=\n".to_owned();
        let setup = Setup {
            node: String::new(),
            files: vec![(MODULE.into(), GENERAL.into()), ("yate".into(), nameless())],
            ..Setup::default()
        };
        let engine = Engine::start(&setup).expect("the engine starts");
        assert_eq!(engine.node_name(), b"");
        let outcome = engine.dispatch(&execute("cluster/node2/x"));
        assert_eq!(text(outcome.get("callto")), "cluster/node2/x");
        assert_eq!(outcome.get("handlers"), None, "no handler is installed");
        let outcome = engine.dispatch(&registration());
        assert_eq!(text(outcome.get("data")), "sip/bob@lab");
        let status = text(Some(&engine.status(MODULE)));
        assert!(
            status.starts_with("name=clustering,type=misc,format="),
            "{status}"
        );
        assert!(status.contains("enabled=false"), "{status}");
        stop(engine)
    });
    ended.assert_clean();
    let said = "Node name is empty, so clustering is disabled";
    assert!(ended.output.contains(said), "{}", ended.output);
}
