// SPDX-License-Identifier: GPL-2.0-or-later

//! Nodes that an operator drains or disables, by the command.

use clustering::cluster::Cluster;
use clustering::event::Level;
use clustering::nodes::admin::AdminState;
use clustering::nodes::probe::Outcome;
use clustering::operator::command::{self, Request};
use clustering::task::Task;

use super::lab::{NODES, Setting, execute, lines, nodes, only_node2_is_dead, pass, tasks};
use crate::node::{SETTINGS, entries};

#[test]
fn a_drain_outlives_a_file_without_sections_and_the_engine() {
    let cluster = nodes();
    assert!(cluster.set_admin(b"node2", AdminState::Draining));
    assert_eq!(tasks(&cluster).last(), Some(&Task::Save));
    cluster.load("", &entries(SETTINGS)).unwrap();
    cluster
        .load("", &entries(&[NODES, SETTINGS].concat()))
        .unwrap();
    let admin =
        |cluster: &Cluster, name: &[u8]| cluster.settings().nodes.find(name).unwrap().state.admin();
    assert_eq!(admin(&cluster, b"node2"), AdminState::Draining);

    let next = Cluster::new(b"node1", 2);
    next.restore(&cluster.state()).unwrap();
    next.load("", &entries(&[NODES, SETTINGS].concat()))
        .unwrap();
    assert_eq!(
        lines(&next),
        ["Node 'node2' is still draining, by an earlier command"]
    );
    assert_eq!(admin(&next, b"node2"), AdminState::Draining);
    let mut damaged = cluster.state();
    damaged.truncate(damaged.len() - 1);
    assert!(next.restore(&damaged).is_err());
    assert_eq!(
        admin(&next, b"node2"),
        AdminState::Draining,
        "nothing of it is taken"
    );
}

/// Otherwise a node that is put back a year later would be drained, and nobody would know why.
#[test]
fn the_drain_of_a_node_that_is_taken_out_is_forgotten_and_said() {
    let cluster = nodes();
    cluster.set_admin(b"node2", AdminState::Draining);
    cluster.set_admin(b"node3", AdminState::Disabled);
    tasks(&cluster);
    let load = |settings: &[Setting]| {
        cluster
            .load("", &entries(&[settings, SETTINGS].concat()))
            .map_err(|_| ())
    };
    // A file that is refused takes nothing out.
    assert_eq!(load(&[NODES[0], ("health", "fall", "0")]), Err(()));
    assert_eq!(tasks(&cluster), []);
    load(&[NODES[0], NODES[2]]).unwrap();
    let kept = cluster.state();
    let done = tasks(&cluster);
    assert_eq!(done.last(), Some(&Task::Save));
    let Task::Log { level, line } = &done[0] else {
        panic!("{done:?}");
    };
    assert_eq!(*level, Level::Note);
    assert_eq!(
        line,
        "Node 'node2' has no section any more: it was draining, which is forgotten"
    );
    assert_eq!(done.len(), 2, "{done:?}");
    load(NODES).unwrap();
    assert_eq!(tasks(&cluster), [], "node3 never went");
    let settings = cluster.settings();
    let admin = |name: &[u8]| settings.nodes.find(name).unwrap().state.admin();
    assert_eq!(admin(b"node2"), AdminState::Enabled);
    assert_eq!(admin(b"node3"), AdminState::Disabled);
    assert_eq!(cluster.state(), kept);
}

#[test]
fn each_change_by_command_is_logged_with_the_console_that_it_came_from() {
    let cluster = nodes();
    for (line, said) in [
        (
            "drain node2",
            &["Node 'node2' is draining, by command from 127.0.0.1:40112; it was enabled"][..],
        ),
        ("drain node2", &[]),
        (
            "disable node2",
            &["Node 'node2' is disabled, by command from 127.0.0.1:40112; it was draining"],
        ),
        ("undrain node2", &[]),
        (
            "enable node2",
            &["Node 'node2' is enabled, by command from 127.0.0.1:40112; it was disabled"],
        ),
        (
            "drain node3",
            &["Node 'node3' is draining, by command from 127.0.0.1:40112; it was enabled"],
        ),
        (
            "undrain node3",
            &["Node 'node3' is enabled, by command from 127.0.0.1:40112; it was draining"],
        ),
    ] {
        let request = Request {
            line: line.as_bytes(),
            from: b"127.0.0.1:40112",
            ..Request::default()
        };
        assert!(command::run(&cluster, request).is_some());
        assert_eq!(lines(&cluster), said, "{line}");
    }
}

#[test]
fn a_drained_node_is_reached_and_a_disabled_one_is_not() {
    let cluster = nodes();
    cluster.set_admin(b"node2", AdminState::Draining);
    assert_eq!(execute(&cluster, "cluster/node2/x/1").value("error"), None);
    cluster.set_admin(b"node2", AdminState::Disabled);
    let decided = execute(&cluster, "cluster/node2/x/1");
    assert_eq!(
        decided.value("reason"),
        Some("cluster node 'node2' is disabled")
    );
    tasks(&cluster);
    let said = pass(&cluster, 1, 60, |node| {
        assert_ne!(node, "node2", "a disabled node isn't probed");
        Outcome::Answered(200)
    });
    assert!(said.iter().all(|line| !line.contains("node2")), "{said:?}");
}

fn run(cluster: &Cluster, line: &str) -> Option<String> {
    command::run(cluster, line.as_bytes())
}

#[test]
fn an_operator_drains_and_disables_nodes_by_command() {
    let cluster = nodes();
    for (line, answer) in [
        ("drain node2", "Node 'node2' is draining\n"),
        ("  undrain   node2 ", "Node 'node2' is enabled\n"),
        ("disable node2", "Node 'node2' is disabled\n"),
        (
            "undrain node2",
            "Node 'node2' is disabled, not drained: use enable\n",
        ),
        ("enable node2", "Node 'node2' is enabled\n"),
        (
            "drain node9",
            "Section [node node9] does not exist, the known nodes are node1, node2, node3, far-away\n",
        ),
    ] {
        assert_eq!(run(&cluster, line).as_deref(), Some(answer), "{line}");
    }
    for line in ["drain", "nodes node2", "drained node2"] {
        assert_eq!(run(&cluster, line), None, "{line}");
    }
    for line in ["", "  "] {
        assert_eq!(run(&cluster, line), run(&cluster, "nodes"));
    }
}

#[test]
fn the_table_of_nodes_lines_up_in_80_columns() {
    let cluster = nodes();
    pass(&cluster, 1, 60, only_node2_is_dead);
    cluster.set_admin(b"node2", AdminState::Draining);
    cluster.set_admin(b"node3", AdminState::Disabled);
    execute(&cluster, "cluster/node2/x/1");
    let table = run(&cluster, "nodes").unwrap();
    let rows: Vec<_> = table.lines().collect();
    assert_eq!(rows.len(), 5);
    let reason = rows[0].find("REASON").unwrap();
    for row in &rows {
        assert!(row.len() <= 80, "{row}");
        assert!(
            row.as_bytes()[reason - 1] == b' ' && row.as_bytes()[reason] != b' ',
            "{table}"
        );
    }
    for (row, words) in [
        (1, "node1 up"),
        (2, "node2 down,draining"),
        (3, "node3 disabled"),
        (4, "far-away unknown"),
    ] {
        let row: Vec<_> = rows[row].split_whitespace().take(2).collect();
        assert_eq!(row.join(" "), words);
    }
}

#[test]
fn words_of_the_command_are_completed() {
    let cluster = nodes();
    let words = |line: &str| {
        let words = command::complete(&cluster, line.as_bytes());
        words
            .iter()
            .map(|word| String::from_utf8(word.to_vec()).unwrap())
            .collect::<Vec<_>>()
    };
    assert_eq!(
        words(""),
        [
            "nodes", "where", "rooms", "drain", "undrain", "disable", "enable", "takeover",
            "release", "forget", "check", "metrics", "json",
        ]
    );
    assert_eq!(words("drain"), ["node1", "node2", "node3", "far-away"]);
    assert_eq!(words("nodes"), [""; 0]);
    for word in words("") {
        assert!(
            command::help().contains(&format!("  clustering {word}")),
            "{word}"
        );
    }
    assert!(command::help().lines().all(|line| line.len() <= 80));
}
