// SPDX-License-Identifier: GPL-2.0-or-later

//! Nodes that share their list in a database, in `SQLite` and in `PostgreSQL`: no file has a section of a node.

use std::env;
use std::path::PathBuf;
use std::thread;
use std::time::{Duration, Instant};

use engine_bridge::module_path;
use engine_process::eventually;

use crate::engine::Node;
use crate::installation::MODULE;
use crate::lab::{Lab, Plan};
use crate::phone::Phone;

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
    for (section, key, value) in [
        ("security", "window", "60"),
        ("general", "prefix", "farm"),
        ("general", "regexp", "^node\\([0-9]*\\)$"),
        ("security", "secret", "of-node2-alone-in-the-lab"),
        ("locate", "lease", "7200"),
    ] {
        let other = format!("[{section}]\n{key}={value}\n{file}");
        // The first one of a key counts.
        node.configure("clustering.conf", &other);
        let logs = OLD.map(|name| lab.log(name).since_now());
        node.command("reload clustering");
        for (log, other) in logs.iter().zip(["node2", "node1", "node2"]) {
            let line = format!("Node '{other}' has other settings than this node: {key}");
            log.wait_for(&line);
        }
        let table = lab.node("node1").command("clustering nodes");
        assert!(table.contains(&format!("other {key}")), "{table}");
        let check = lab.node("node3").command("clustering check");
        assert!(
            check.contains(&format!(
                "Node 'node2' has other settings than this file: {key}"
            )),
            "{check}"
        );
        node.configure("clustering.conf", &file);
        node.command("reload clustering");
        for (log, other) in logs.iter().zip(["node2", "node1", "node2"]) {
            let line = format!("The settings of node '{other}' are those of this node again");
            log.wait_for(&line);
        }
    }
}

/// Guests come into a room by two nodes; gives the node where both are.
fn two_guests_meet(lab: &Lab, room: u32, by: [&str; 2]) -> String {
    let guest = |(user, name): (&str, &str)| lab.phone(user).at(name);
    let guests = ["carol", "dave"].into_iter().zip(by).map(guest);
    let guests: Vec<_> = guests.collect();
    let call = |guest: &Phone| guest.call(&format!("room{room}")).answered();
    let talks: Vec<_> = guests.iter().map(call).collect();
    let has_both = |name: &&&str| {
        let rooms = lab.node(name).command("status conf");
        rooms.contains("chans=2,rooms=1;")
    };
    let host = OLD.iter().find(has_both);
    let host = host.unwrap_or_else(|| panic!("the guests of room {room} don't meet"));
    for talk in talks {
        talk.hang_up();
    }
    (*host).to_owned()
}

/// A room whose place is `node3`.
fn room_of_node3(lab: &Lab) -> u32 {
    let node = lab.node("node1");
    let room = (1..1000).find(|&room| node.places(room) == "node3");
    room.expect("it takes a third of them")
}

/// Three nodes with these settings, which claim rooms; the file of `node2` has no section for `node3`.
fn without_a_section_at_node2(settings: &str) -> Lab {
    let lab = Lab::of(3)
        .probed()
        .sticky()
        .clustering(&format!("cache=0\n{settings}"))
        .dial("^room\\([0-9]*\\)$=cluster/*/conf/\\1")
        .start();
    let node = lab.node("node2");
    let file = node.configuration("clustering.conf");
    node.configure("clustering.conf", &file.replace("[node node3]\n", ""));
    node.stop().unwrap();
    node.start();
    lab
}

#[test]
#[ignore = "needs a real engine: YATE_ROOT"]
fn a_section_that_one_file_lacks_is_in_the_list() {
    let lab = without_a_section_at_node2("[cluster]\naccount=claims\npoll=1\n");
    let node = lab.node("node2");
    knows(node, &OLD);
    let said = node.command("clustering where cluster/node3/conf/1");
    assert!(
        said.contains("The list in the database has the node"),
        "{said}"
    );
    let room = room_of_node3(&lab);
    assert_eq!(two_guests_meet(&lab, room, ["node1", "node2"]), "node3");
}

#[test]
#[ignore = "needs a real engine: YATE_ROOT"]
fn without_a_list_a_room_on_a_node_that_one_file_lacks_is_not_taken_away() {
    let lab = without_a_section_at_node2("");
    let node = lab.node("node2");
    let room = room_of_node3(&lab);
    assert_eq!(two_guests_meet(&lab, room, ["node1", "node2"]), "node3");
    node.log().wait_for(&format!(
        "Resource 'conf/{room}' is held by node 'node3', which has no section [node node3] here: the call goes there"
    ));
    assert_eq!(two_guests_meet(&lab, room, ["node2", "node1"]), "node3");
}

#[test]
#[ignore = "needs a real engine: YATE_ROOT"]
fn the_table_of_nodes_has_the_load_of_all() {
    let lab = start(plan().sticky());
    let room = room_of_node3(&lab);
    let guest = lab.phone("carol").at("node1");
    let talk = guest.call(&format!("room{room}")).answered();
    let bob = lab.phone("bob");
    bob.register_at("node3");
    let row = || {
        let table = lab.node("node2").command("clustering nodes");
        let row = table.lines().find(|row| row.starts_with("node3"));
        let columns = row.unwrap_or_default().split_ascii_whitespace();
        columns.map(str::to_owned).collect::<Vec<_>>()
    };
    // The channel from node1, and the one of the room.
    let load = || {
        let row = row();
        let columns = [7, 8, 10].map(|at| row.get(at).cloned().unwrap_or_default());
        columns.join(" ")
    };
    eventually(|| load() == "2 1 1", || format!("{:?}", row()));
    assert!(row()[11].ends_with('s'), "{:?}", row());
    talk.hang_up();
    eventually(|| load() == "0 1 1", || format!("{:?}", row()));
}

#[test]
#[ignore = "needs a real engine: YATE_ROOT"]
fn two_engines_with_one_name_and_one_with_a_new_name_are_said() {
    let lab = start(plan());
    let line = "Another engine runs under the name of this node, 'node3'";
    lab.node("node4").start_as("node3");
    lab.log("node3").wait_for(line);
    lab.log("node4").wait_for(line);
    lab.node("node4").stop().unwrap();
    lab.node("node2").stop().unwrap();
    lab.node("node2").start_as("node5");
    lab.log("node2")
        .wait_for("This node is 'node5', and was 'node2' when it ran before");
    for name in ["node1", "node3"] {
        lab.log(name)
            .wait_for("Node 'node5' was 'node2' when it ran before");
    }
}

#[test]
#[ignore = "needs a real engine: YATE_ROOT"]
fn of_two_things_that_are_said_at_once_one_is_the_outcome_everywhere() {
    let lab = start(plan());
    thread::scope(|scope| {
        for (name, line) in [("node1", "drain"), ("node2", "disable")] {
            let node = lab.node(name);
            scope.spawn(move || node.command(&format!("clustering {line} node3")));
        }
    });
    let outcomes = || OLD.map(|name| admin(lab.node(name), "node3"));
    // What both have said is in the table.
    thread::sleep(Duration::from_secs(3));
    eventually(
        || {
            let outcomes = outcomes();
            outcomes[0] != "enabled" && outcomes.iter().all(|one| *one == outcomes[0])
        },
        || format!("{:?}", outcomes()),
    );
}

#[test]
#[ignore = "needs a real engine and version 1.0 of this module: YATE_ROOT, RELEASED"]
fn nodes_change_from_files_with_version_1_0_to_the_list_and_back() {
    let released = PathBuf::from(env::var_os("RELEASED").expect("RELEASED names it"));
    let lab = Lab::of(3)
        .probed()
        .sticky()
        .clustering("cache=0\n")
        .dial("^room\\([0-9]*\\)$=cluster/*/conf/\\1")
        .with_other_modules(released)
        .start();
    let (alice, bob) = lab.alice_and_bob();
    bob.picks_up();
    let works = |at: &str| {
        alice.call("bob").answered().hang_up();
        let room = room_of_node3(&lab);
        assert_eq!(
            two_guests_meet(&lab, room, ["node1", "node2"]),
            "node3",
            "{at}"
        );
    };
    works("1.0");
    for name in OLD {
        let node = lab.node(name);
        node.has_module(&module_path());
        assert_eq!(node.command(&format!("module reload {MODULE}")), "");
        works(&format!("{name} is upgraded"));
    }
    let files = OLD.map(|name| lab.node(name).configuration("clustering.conf"));
    for (name, file) in OLD.iter().zip(&files) {
        let listed = format!("[cluster]\naccount=claims\npoll=1\n{file}");
        lab.node(name).configure("clustering.conf", &listed);
        lab.node(name).command("reload clustering");
        works(&format!("{name} has an account"));
    }
    for name in OLD {
        let node = lab.node(name);
        eventually(
            || {
                !node
                    .command("clustering nodes")
                    .contains("only in the file")
            },
            || node.command("clustering nodes"),
        );
    }
    for name in OLD {
        let node = lab.node(name);
        let mut file = node.configuration("clustering.conf");
        for other in OLD.iter().filter(|other| **other != name) {
            file = file.replace(&format!("[node {other}]\n"), "");
        }
        node.configure("clustering.conf", &file);
        node.command("reload clustering");
        knows(node, &OLD);
        works(&format!("{name} has the list"));
    }
    for (name, file) in OLD.iter().zip(&files) {
        lab.node(name).configure("clustering.conf", file);
        lab.node(name).command("reload clustering");
        knows(lab.node(name), &OLD);
        works(&format!("{name} has its file again"));
    }
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

    /// Rows and columns that no node has written.
    const HOSTILE: &str = "\
        ALTER TABLE cluster_nodes ADD COLUMN colour text DEFAULT 'red';
        INSERT INTO cluster_nodes (name, callto) VALUES
            ('it''s a \"node\"', ''), (E'a\\nb\\001', ''), ('a/b', ''), ('*', ''), (repeat('x', 65536), ''),
            ('node6', repeat('y', 65536)), ('node7', 'sip/${'), ('%00', '%00');
        INSERT INTO cluster_nodes (name, admin) VALUES ('node8', 'lazy');
        INSERT INTO cluster_nodes (name, callto, source) VALUES ('node9', 'sip/sip:cluster/@OUTSIDER', 'OUTSIDER')";

    #[test]
    #[ignore = "needs a real engine that asks PostgreSQL: YATE_ROOT"]
    fn hostile_rows_harm_no_call_and_with_a_secret_make_nobody_trusted() {
        let secret = "[security]\nsecret=of-all-nodes-of-the-lab\n";
        let lab = start(plan().clustering(secret).dial(ROOMS));
        let outsider = lab.stranger("mallory").at("node1");
        let host = outsider.address().to_string();
        lab.sql(&HOSTILE.replace("OUTSIDER", &host));
        for name in OLD {
            for node in ["a/b", "node7", "node8"] {
                lab.log(name)
                    .wait_for(&format!("Node '{node}' in the database is left out: "));
            }
            // A name may have a quote.
            knows(
                lab.node(name),
                &["it's a \"node\"", "node1", "node2", "node3", "node9"],
            );
        }
        calls_work(&lab);
        let bob = lab.phone("bob");
        bob.register_at("node1");
        let headers = [
            ("X-CallTo", &*bob.target()),
            ("X-NodeName", "node9"),
            ("X-BillID", "1-2"),
        ];
        assert_eq!(outsider.call_with("cluster/", &headers).refused().code, 403);
        let said = lab.log("node1").text();
        assert!(said.lines().all(|line| !line.contains('\u{1}')), "{said}");
    }

    #[test]
    #[ignore = "needs a real engine that asks PostgreSQL: YATE_ROOT"]
    fn a_table_that_is_missing_or_can_only_be_read_is_said_and_recovers() {
        let lab = start(plan().dial(ROOMS));
        let said = || OLD.map(|name| lab.log(name).since_now());
        let logs = said();
        lab.sql("ALTER TABLE cluster_nodes RENAME TO elsewhere");
        for log in &logs {
            log.wait_for(LOST);
        }
        calls_work(&lab);
        for name in OLD {
            knows(lab.node(name), &OLD);
        }
        lab.sql("ALTER TABLE elsewhere RENAME TO cluster_nodes");
        for log in &logs {
            log.wait_for("The list of nodes in database account 'members' is read again");
            assert_eq!(log.count(LOST), 1, "{}", log.text());
        }
        let logs = said();
        lab.sql("ALTER SYSTEM SET default_transaction_read_only = on");
        lab.sql("SELECT pg_reload_conf()");
        lab.node("node1").command("clustering drain node3");
        let unwritten = "Nothing can be written to the list of nodes in database account 'members'";
        logs[0].wait_for(unwritten);
        calls_work(&lab);
        assert_eq!(admin(lab.node("node1"), "node3"), "draining");
        assert_eq!(admin(lab.node("node2"), "node3"), "enabled");
        lab.sql("ALTER SYSTEM RESET default_transaction_read_only");
        lab.sql("SELECT pg_reload_conf()");
        for name in OLD {
            obeys(lab.node(name), "node3", "draining");
        }
        logs[0].wait_for("The list of nodes in database account 'members' is written again");
        assert_eq!(logs[0].count(unwritten), 1, "{}", logs[0].text());
    }

    #[test]
    #[ignore = "needs a real engine that asks PostgreSQL: YATE_ROOT"]
    fn an_engine_ends_and_a_module_goes_while_a_query_is_under_way() {
        let lab = start(plan().dial(ROOMS));
        lab.database("pause");
        lab.log("node1").since_now().wait_for(LOST);
        let node = lab.node("node1");
        node.command("reload clustering");
        calls_work(&lab);
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
