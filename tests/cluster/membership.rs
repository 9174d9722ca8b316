// SPDX-License-Identifier: GPL-2.0-or-later

//! Nodes that share their list in a database, in `SQLite` and in `PostgreSQL`: no file has a section of a node.

use std::time::{Duration, Instant};

use engine_process::eventually;

use crate::engine::Node;
use crate::installation::MODULE;
use crate::lab::{Lab, Plan};

const OLD: [&str; 3] = ["node1", "node2", "node3"];
const LOST: &str = "The list of nodes in database account 'members' can't be read";

/// Four nodes, of which three are started, and the account of their list.
fn plan_with(account: &str) -> Plan {
    Lab::of(4)
        .starting(3)
        .clustering(&format!("[cluster]\naccount={account}\npoll=1\n"))
        .clustering("[health]\ninterval=1\ntimeout=1\nfall=2\nrise=1\n")
        .dial("^room\\([0-9]*\\)$=cluster/*/conf/\\1")
}

fn plan() -> Plan {
    plan_with("claims")
}

/// They know each other.
fn start(plan: Plan) -> Lab {
    let lab = plan.start();
    for name in OLD {
        knows(lab.node(name), &OLD);
    }
    lab
}

/// Waits until a node lists exactly these.
fn knows(node: &Node, names: &[&str]) {
    let list = || {
        let status = node.status();
        let mut ids: Vec<_> = status.ids().iter().map(|id| (*id).to_owned()).collect();
        ids.sort();
        ids
    };
    eventually(
        || list() == names,
        || format!("{} has {:?}", node.name, list()),
    );
}

fn admin(node: &Node, of: &str) -> String {
    node.status().column(of, "Admin").to_owned()
}

/// Waits until an admin state is known to a node.
fn obeys(node: &Node, of: &str, state: &str) {
    eventually(
        || admin(node, of) == state,
        || format!("for {} {of} is {}", node.name, admin(node, of)),
    );
}

fn a_fourth_node_joins(plan: Plan) {
    let lab = start(plan);
    let files = OLD.map(|name| lab.node(name).configuration("clustering.conf"));
    let begin = Instant::now();
    lab.node("node4").start();
    for name in OLD {
        lab.log(name)
            .wait_for("Node 'node4' has joined the cluster");
    }
    let took = begin.elapsed();
    let all = ["node1", "node2", "node3", "node4"];
    for name in all {
        knows(lab.node(name), &all);
        for other in all.iter().filter(|other| **other != name) {
            lab.log(name).wait_for(&format!("Node '{other}' is up"));
        }
    }
    let bob = lab.phone("bob");
    bob.picks_up();
    bob.register_at("node4");
    for name in OLD {
        lab.phone("alice").at(name).call("bob").answered().hang_up();
    }
    let mut is_used = false;
    for room in 0..40 {
        let places = all.map(|name| lab.node(name).places(room));
        assert!(places.iter().all(|one| *one == places[0]), "{places:?}");
        is_used |= places[0] == "node4";
    }
    assert!(is_used, "no room is on node4");
    for (name, file) in OLD.iter().zip(&files) {
        assert_eq!(lab.node(name).configuration("clustering.conf"), *file);
        assert_eq!(lab.node(name).status().get("reload"), "1", "{name}");
    }
    println!("known everywhere {took:?} after its start");
}

#[test]
#[ignore = "needs a real engine: YATE_ROOT"]
fn a_fourth_node_joins_in_sqlite() {
    a_fourth_node_joins(plan());
}

fn a_drain_is_said_once(plan: Plan) {
    let lab = start(plan);
    let said = lab.node("node1").command("clustering drain node3");
    assert_eq!(said, "Node 'node3' is draining");
    for name in OLD {
        obeys(lab.node(name), "node3", "draining");
    }
    for name in OLD {
        lab.node(name).stop().unwrap();
    }
    for name in OLD {
        lab.node(name).start();
    }
    for name in OLD {
        knows(lab.node(name), &OLD);
        obeys(lab.node(name), "node3", "draining");
    }
    lab.node("node2").command("clustering undrain node3");
    for name in OLD {
        obeys(lab.node(name), "node3", "enabled");
    }
}

#[test]
#[ignore = "needs a real engine: YATE_ROOT"]
fn a_drain_is_said_once_in_sqlite() {
    a_drain_is_said_once(plan());
}

#[test]
#[ignore = "needs a real engine: YATE_ROOT"]
fn a_dead_node_is_forgotten_by_command() {
    let lab = start(plan());
    let node = lab.node("node1");
    let answer = node.command("clustering forget node3");
    assert_eq!(
        answer,
        "Node 'node3' is not forgotten: it is neither down nor disabled"
    );
    lab.node("node3").kill();
    lab.log("node1").wait_for("Node 'node3' is down");
    let answer = node.command("clustering forget node3");
    assert_eq!(answer, "Node 'node3' is forgotten by all nodes");
    for name in ["node1", "node2"] {
        knows(lab.node(name), &["node1", "node2"]);
    }
}

#[test]
#[ignore = "needs a real engine: YATE_ROOT"]
fn settings_that_differ_are_said_on_both_sides() {
    let lab = start(plan());
    let node = lab.node("node2");
    let file = node.configuration("clustering.conf");
    node.configure("clustering.conf", &format!("[security]\nwindow=60\n{file}"));
    node.command("reload clustering");
    for (name, other) in [("node1", "node2"), ("node2", "node1")] {
        let line = format!("Node '{other}' has other settings than this node: window");
        lab.log(name).wait_for(&line);
    }
    let table = lab.node("node1").command("clustering nodes");
    assert!(table.contains("other window"), "{table}");
}

mod in_postgres {
    use super::*;

    fn plan() -> Plan {
        plan_with("members").members_in_postgres()
    }

    #[test]
    #[ignore = "needs a real engine that asks PostgreSQL: YATE_ROOT"]
    fn a_fourth_node_joins() {
        super::a_fourth_node_joins(plan());
    }

    #[test]
    #[ignore = "needs a real engine that asks PostgreSQL: YATE_ROOT"]
    fn a_drain_is_said_once() {
        super::a_drain_is_said_once(plan());
    }

    /// Rooms of a node.
    const ROOMS: &str = "^there\\([0-9]\\)$=cluster/node\\1/conf/\\1";

    fn calls_work(lab: &Lab) {
        let begin = Instant::now();
        lab.phone("alice")
            .at("node1")
            .call("there2")
            .answered()
            .hang_up();
        assert!(
            begin.elapsed() < Duration::from_secs(5),
            "{:?}",
            begin.elapsed()
        );
    }

    #[test]
    #[ignore = "needs a real engine that asks PostgreSQL: YATE_ROOT"]
    fn the_last_list_stays_while_the_server_is_stopped_or_paused() {
        let plan = plan().dial(ROOMS);
        let lab = start(plan);
        lab.node("node1").command("clustering drain node3");
        for name in OLD {
            obeys(lab.node(name), "node3", "draining");
        }
        for (halt, go_on) in [("stop", "start"), ("pause", "resume")] {
            lab.database(halt);
            let logs = OLD.map(|name| lab.log(name).since_now());
            calls_work(&lab);
            for log in &logs {
                log.wait_for(LOST);
            }
            calls_work(&lab);
            for name in OLD {
                assert_eq!(admin(lab.node(name), "node3"), "draining", "{halt}");
                assert_eq!(lab.node(name).status().get("members"), "down");
            }
            // A node that starts now has the list of before.
            if halt == "stop" {
                lab.node("node2").stop().unwrap();
                lab.node("node2").start();
                knows(lab.node("node2"), &OLD);
                assert_eq!(admin(lab.node("node2"), "node3"), "draining");
                calls_work(&lab);
            }
            lab.database(go_on);
            if halt == "stop" {
                // The engine's `pgsqldb` opens its accounts once, when it starts.
                lab.node("node2").stop().unwrap();
                lab.node("node2").start();
            }
            for name in ["node1", "node3"] {
                lab.log(name)
                    .wait_for("The list of nodes in database account 'members' is read again");
            }
            for name in OLD {
                eventually(
                    || lab.node(name).status().get("members") == "up",
                    || format!("{name} after {go_on}"),
                );
            }
            for log in &logs {
                assert!(log.count(LOST) <= 2, "{}", log.text());
            }
        }
    }

    #[test]
    #[ignore = "needs a real engine that asks PostgreSQL: YATE_ROOT"]
    fn an_engine_ends_and_a_module_goes_while_a_query_is_under_way() {
        let lab = start(plan());
        lab.database("pause");
        lab.log("node1").since_now().wait_for(LOST);
        let node = lab.node("node1");
        // It goes, or says why not; the engine lives.
        node.command(&format!("module reload {MODULE}"));
        assert_eq!(node.status().get("enabled"), "true");
        lab.node("node2").stop().unwrap();
        lab.database("resume");
        eventually(
            || node.command(&format!("module reload {MODULE}")).is_empty(),
            || "the module can't be replaced".to_owned(),
        );
        knows(node, &OLD);
    }
}
