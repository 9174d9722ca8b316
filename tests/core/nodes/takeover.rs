// SPDX-License-Identifier: GPL-2.0-or-later

//! A node that this one has taken over, because it has got its address: by an operator's command alone.

use clustering::cluster::Cluster;
use clustering::messages::Kind;
use clustering::nodes::admin::AdminState;
use clustering::nodes::probe::Outcome;
use clustering::operator::command::{self, Request};
use clustering::operator::counters::Counter;
use clustering::operator::status;
use clustering::task::Task;

use super::lab::{NODES, Setting, execute, lines, nodes, only_node2_is_dead, pass, probes, tasks};
use crate::node::{SETTINGS, decide, entries};

const BOB: &str = "sip/sip:bob@192.0.2.9";
const TO_BOB: &str = "cluster/node2/sip/sip:bob@192.0.2.9";

fn run(cluster: &Cluster, line: &str) -> String {
    command::run(cluster, line.as_bytes()).unwrap()
}

/// A node that has found node2 dead and has taken it over.
fn taker() -> Cluster {
    let cluster = nodes();
    pass(&cluster, 1, 60, only_node2_is_dead);
    assert_eq!(
        run(&cluster, "takeover node2"),
        "Node 'node2' is taken over by this node\n"
    );
    cluster
}

fn file(settings: &[&[Setting]], cluster: &Cluster) {
    cluster.load("", &entries(&settings.concat())).unwrap();
}

#[test]
fn what_is_another_nodes_is_this_nodes_own_while_it_is_taken_over() {
    let cluster = taker();
    let call = [("callto", TO_BOB), ("oconnection_id", "tcp:far")];
    let decided = decide(&cluster, Kind::Execute, &call);
    assert_eq!(decided.value("callto"), Some(BOB));
    assert_eq!(decided.value("oconnection_id"), None);
    assert_eq!(cluster.count(Counter::Local), 1);
    assert_eq!(cluster.count(Counter::Replaced), 0);
    let decided = decide(&cluster, Kind::Message, &[("callto", TO_BOB)]);
    assert_eq!(decided.value("callto"), Some(BOB));
    // What is this node's own keeps its name.
    let decided = decide(&cluster, Kind::Register, &[("data", BOB)]);
    let location = format!("cluster/node1/{BOB}");
    assert_eq!(decided.value("data"), Some(location.as_str()));
    let decided = decide(&cluster, Kind::Cdr, &[]);
    assert_eq!(decided.value("nodename"), Some("node1"));

    run(&cluster, "release node2");
    let decided = execute(&cluster, TO_BOB);
    assert_eq!(decided.value("osip_x-callto"), Some(BOB));
}

#[test]
fn a_node_that_is_taken_over_is_not_probed_until_it_is_released() {
    let cluster = taker();
    pass(&cluster, 61, 60, |node| {
        assert_ne!(node, "node2", "this node would probe itself");
        Outcome::Answered(200)
    });
    run(&cluster, "release node2");
    tasks(&cluster);
    cluster.tick(clustering::time::SteadyTime(121_000_000));
    assert!(
        probes(&cluster)
            .iter()
            .any(|probe| &*probe.node == b"node2")
    );
    // A late answer from before says nothing.
    let cluster = nodes();
    cluster.tick(clustering::time::SteadyTime(1_000_000));
    cluster.tick(clustering::time::SteadyTime(11_000_000));
    let probe = probes(&cluster)
        .into_iter()
        .find(|probe| &*probe.node == b"node2");
    run(&cluster, "takeover node2");
    let number = probe.unwrap().number;
    let now = clustering::time::SteadyTime(12_000_000);
    cluster.probed(b"node2", number, Outcome::Answered(200), now);
    assert!(run(&cluster, "nodes").contains("\nnode2          taken "));
}

#[test]
fn an_operator_sees_what_is_taken_over() {
    let cluster = taker();
    let table = run(&cluster, "nodes");
    let row = table
        .lines()
        .find(|line| line.starts_with("node2 "))
        .unwrap();
    assert!(row.starts_with("node2          taken "), "{row}");
    assert!(row.ends_with(" taken over by this node"), "{row}");
    let text = status::nodes(&cluster);
    assert!(text.contains("node2=unknown|enabled|"), "{text}");
    assert!(text.contains("|taken over by this node,"), "{text}");
    let json: serde_json::Value = serde_json::from_str(&run(&cluster, "json")).unwrap();
    let mut list = json["nodes"].as_array().unwrap().iter();
    let node = list.find(|node| node["name"] == "node2").unwrap();
    assert_eq!(node["backup"], "node1");
    assert_eq!(node["takeover"], true);
    let text = run(&cluster, &format!("where {TO_BOB}"));
    assert_eq!(
        text,
        format!(
            "Node 'node2' is unknown: taken over by this node\nThis node stands in: the call goes on to '{BOB}'\n"
        )
    );
}

#[test]
fn a_command_that_can_not_be_meant_says_what_to_do() {
    let cluster = nodes();
    for (line, answer) in [
        (
            "takeover node1",
            "Node 'node1' is this node: another one can take it over, give the command there\n",
        ),
        (
            "takeover node9",
            "Section [node node9] does not exist, the known nodes are node1, node2, node3, far-away\n",
        ),
        (
            "release node2",
            "Node 'node2' is not taken over by this node: there is nothing to release\n",
        ),
        (
            "takeover node2",
            "Node 'node2' is taken over by this node\n",
        ),
        (
            "takeover node2",
            "Node 'node2' is taken over by this node already: to end that, use release\n",
        ),
        ("release node2", "Node 'node2' is released by this node\n"),
    ] {
        assert_eq!(run(&cluster, line), answer, "{line}");
    }
    for line in ["takeover", "release"] {
        assert_eq!(command::run(&cluster, line.as_bytes()), None);
    }
}

#[test]
fn each_takeover_is_logged_and_told() {
    let cluster = nodes();
    pass(&cluster, 1, 60, only_node2_is_dead);
    for (line, said, event) in [
        (
            "takeover node2",
            "Node 'node2' is taken over by this node, by command from 127.0.0.1:40112",
            "reachable=true\nopen=true\nreason=by command from 127.0.0.1:40112\ntaken=true\n",
        ),
        (
            "release node2",
            "Node 'node2' is released by this node, by command from 127.0.0.1:40112",
            "reachable=true\nopen=true\nreason=by command from 127.0.0.1:40112\ntaken=false\n",
        ),
    ] {
        let request = Request {
            line: line.as_bytes(),
            from: b"127.0.0.1:40112",
            ..Request::default()
        };
        assert!(command::run(&cluster, request).is_some());
        let tasks = tasks(&cluster);
        assert!(
            matches!(&tasks[0], Task::Log { line, .. } if line == said),
            "{tasks:?}"
        );
        assert_eq!(tasks.last(), Some(&Task::Save));
        let head = "node=node2\nevent=takeover\nstate=unknown\nadmin=enabled\nprevious=\n";
        let expected = Task::Event(format!("{head}{event}"));
        assert!(tasks.contains(&expected), "{tasks:?}");
    }
}

#[test]
fn only_what_is_taken_over_can_be_released_by_its_first_letters() {
    let cluster = taker();
    let words = |line: &str| command::complete(&cluster, line.as_bytes());
    assert_eq!(words("release"), [Box::from(&b"node2"[..])]);
    assert_eq!(words("takeover").len(), 4);
}

#[test]
fn a_takeover_outlives_reloads_and_the_engine_and_not_the_section() {
    let cluster = taker();
    run(&cluster, "drain node2");
    file(&[NODES, SETTINGS], &cluster);
    assert_eq!(execute(&cluster, TO_BOB).value("callto"), Some(BOB));
    let state = cluster.state();

    for is_loaded_first in [false, true] {
        let next = Cluster::new(b"node1", 2);
        if is_loaded_first {
            file(&[NODES, SETTINGS], &next);
        }
        next.restore(&state).unwrap();
        if !is_loaded_first {
            file(&[NODES, SETTINGS], &next);
        }
        assert_eq!(execute(&next, TO_BOB).value("callto"), Some(BOB));
        assert_eq!(
            lines(&next),
            [
                "Node 'node2' is still draining, by an earlier command",
                "Node 'node2' is still taken over by this node, by an earlier command",
            ]
        );
        assert_eq!(next.state(), state);
    }

    tasks(&cluster);
    file(&[&NODES[..1], SETTINGS], &cluster);
    assert_eq!(
        lines(&cluster),
        [
            "Node 'node2' has no section any more: it was draining, which is forgotten",
            "Node 'node2' has no section any more: it was taken over, which is forgotten",
        ]
    );
    file(&[NODES, SETTINGS], &cluster);
    assert_eq!(execute(&cluster, TO_BOB).value("osip_x-callto"), Some(BOB));
}

#[test]
fn what_operators_want_of_a_node_says_nothing_against_its_takeover() {
    let cluster = taker();
    for admin in AdminState::ALL {
        cluster.set_admin(b"node2", admin);
        assert_eq!(
            execute(&cluster, TO_BOB).value("callto"),
            Some(BOB),
            "{admin}"
        );
    }
}

/// All nodes place it on node2, which is this node.
#[test]
fn a_room_that_is_placed_on_a_node_that_is_taken_over_is_here_and_not_split() {
    let cluster = taker();
    let place = |room: &String| decide(&cluster, Kind::Locate, &[("callto", room)]).retval;
    let mut rooms = (0..100).map(|room| format!("conf/{room}"));
    let room = rooms
        .find(|room| place(room).as_deref() == Some(b"node2"))
        .unwrap();
    let target = format!("cluster/node2/{room}");
    let decided = execute(&cluster, &target);
    assert_eq!(decided.value("callto"), Some(room.as_str()));
    let arrived = [
        ("called", "cluster/"),
        ("ip_host", "192.0.2.3"),
        ("sip_x-nodename", "node3"),
        ("sip_x-callto", room.as_str()),
    ];
    let decided = decide(&cluster, Kind::Route, &arrived);
    assert_eq!(decided.retval.as_deref(), Some(room.as_bytes()));
    assert_eq!(cluster.count(Counter::Split), 0);
}

#[test]
fn a_backup_that_is_taken_over_is_this_node() {
    let backups: &[Setting] = &[("node node3", "backup", "node2")];
    let cluster = nodes();
    file(&[backups, NODES, SETTINGS], &cluster);
    pass(&cluster, 1, 60, |node| match node {
        "node3" => Outcome::NoAnswer,
        _ => Outcome::Answered(200),
    });
    let to_node3 = format!("cluster/node3/{BOB}");
    let forwarded = execute(&cluster, &to_node3);
    assert_eq!(forwarded.value("osip_x-callto"), Some(BOB));
    run(&cluster, "takeover node2");
    assert_eq!(execute(&cluster, &to_node3).value("callto"), Some(BOB));
}
