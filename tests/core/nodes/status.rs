// SPDX-License-Identifier: GPL-2.0-or-later

//! The state of a node in the status and in the metrics.

use clustering::cluster::Cluster;
use clustering::messages::{Kind, Reply};
use clustering::nodes::admin::AdminState;
use clustering::nodes::health::State;
use clustering::nodes::probe::Outcome;
use clustering::operator::command;
use clustering::operator::status;
use clustering::time::{MessageTimes, SteadyTime, WallTime};
use clustering::verdict::{Action, Verdict};

use super::lab::{NODES, SECOND, execute, nodes, only_node2_is_dead, pass, state};
use crate::node::{SETTINGS, cluster, decide, entries, params};

/// A call to node3 that gets no answer at all.
fn lost_call(cluster: &Cluster) {
    let target = execute(cluster, "cluster/node3/x/1");
    let target = target.value("callto").unwrap();
    let start = [
        ("id", "sip/1"),
        ("direction", "outgoing"),
        ("callto", target),
    ];
    decide(cluster, Kind::Startup, &start);
    let end = [("id", "sip/1"), ("answered", "false"), ("cause_sip", "408")];
    decide(cluster, Kind::Hangup, &end);
}

/// A node that has been up for 40 seconds, with three calls to it, of which one got no answer; another
/// that is dead; and a third that is disabled.
fn lived() -> Cluster {
    let cluster = nodes();
    let mut second = 0;
    while state(&cluster, "node3") != State::Up {
        second += 1;
        pass(&cluster, second, 1, only_node2_is_dead);
    }
    // The answer comes a moment after the start of the second.
    pass(&cluster, second + 1, 41, only_node2_is_dead);
    for _ in 0..2 {
        execute(&cluster, "cluster/node3/x/1");
    }
    lost_call(&cluster);
    cluster.set_admin(b"node3", AdminState::Draining);
    cluster.set_admin(b"far-away", AdminState::Disabled);
    cluster
}

#[test]
fn the_status_of_a_node_has_what_is_known_of_it() {
    let text = status::nodes(&lived());
    let columns = "node3=up|draining|100|40|1.500|3|1|answered 200";
    assert!(text.split(',').any(|node| node == columns), "{text}");
    assert!(text.contains("node2=down|enabled|100|"), "{text}");
}

#[test]
fn the_metrics_of_a_node_have_what_is_known_of_it() {
    let text = command::run(&lived(), b"metrics").unwrap();
    for sample in [
        "node_up{node=\"node3\"} 1",
        "node_up{node=\"node2\"} 0",
        "node_up{node=\"far-away\"} 1",
        "node_draining{node=\"node3\"} 1",
        "node_draining{node=\"far-away\"} 0",
        "node_disabled{node=\"node3\"} 0",
        "node_disabled{node=\"far-away\"} 1",
        "node_weight{node=\"node3\"} 100",
        "node_state_seconds{node=\"node3\"} 40.998500",
        "node_probe_seconds{node=\"node3\"} 0.001500",
        "node_forwards_total{node=\"node3\"} 3",
        "node_failures_total{node=\"node3\"} 1",
    ] {
        let sample = format!("yate_clustering_{sample}\n");
        assert!(text.contains(&sample), "{sample} is not in {text}");
    }
}

#[test]
fn the_status_says_whether_the_database_answers() {
    let account = [("locate", "account", "rooms")];
    let cluster = cluster(&[&account, NODES, SETTINGS]);
    let question = params(&[("callto", "conf/1")]);
    let message = question.as_slice();
    let assert_shown = |word: &str, number: Option<u32>| {
        let text = status::params(&cluster);
        assert!(text.contains(&format!(",database={word},")), "{text}");
        let text = command::run(&cluster, b"metrics").unwrap();
        let mut lines = text.lines();
        let sample = lines.find_map(|line| line.strip_prefix("yate_clustering_database_up "));
        assert_eq!(
            sample,
            number.map(|number| number.to_string()).as_deref(),
            "{text}"
        );
    };
    assert_shown("unknown", None);
    let mut pending = Verdict::default();
    cluster.decide(
        Kind::Locate,
        &message,
        true,
        MessageTimes::at(WallTime(1)),
        &mut pending,
    );
    assert_eq!(pending.action, Action::Ask);
    let silence = Reply {
        timed_out: true,
        ..Reply::default()
    };
    let mut verdict = Verdict::default();
    cluster.resume(
        &pending,
        &message,
        &silence,
        MessageTimes::at(WallTime(1)),
        &mut verdict,
    );
    assert_shown("down", Some(0));
    let row = Reply {
        handled: true,
        row: Some(b"node1"),
        ..Reply::default()
    };
    let mut verdict = Verdict::default();
    let times = MessageTimes::at(WallTime(2));
    cluster.resume(&pending, &message, &row, times, &mut verdict);
    assert_shown("up", Some(1));
}

#[test]
fn a_node_that_comes_back_says_how_far_it_is() {
    let settings = [("health", "interval", "1"), ("health", "hold", "3600")];
    let cluster = cluster(&[&settings, NODES, SETTINGS]);
    let reason = || {
        let table = command::run(&cluster, b"nodes").unwrap();
        let row = table.lines().find(|line| line.starts_with("node2 "));
        let (row, column) = (row.unwrap(), table.find("REASON").unwrap());
        let state = row.split_whitespace().nth(1).unwrap();
        (state.to_owned(), row[column..].to_owned())
    };
    let answers = |from, seconds, outcome| {
        pass(&cluster, from, seconds, |_| outcome);
        reason()
    };
    let alive = Outcome::Answered(200);
    assert_eq!(answers(1, 2, alive).1, "answered 200");
    let down = ("down".to_owned(), "no answer to a probe".to_owned());
    assert_eq!(answers(3, 5, Outcome::NoAnswer), down);
    let (state, said) = answers(8, 3, alive);
    assert_eq!(state, "down");
    assert_eq!(said, "answering, 3 of 4, held back after flapping");
    let columns = status::nodes(&cluster);
    let node = columns.split(',').find(|node| node.starts_with("node2="));
    let node = node.unwrap();
    assert!(
        node.ends_with("|answering 3 of 4 held back after flapping"),
        "{node}"
    );
    assert_eq!(answers(11, 1, alive).1, "answered 200");
}

#[test]
fn a_node_that_was_added_counts_its_time_from_then_on() {
    let cluster = cluster(&[&NODES[..1], SETTINGS]);
    // Long after the machine was started.
    cluster.tick(SteadyTime(500_000 * SECOND));
    cluster
        .load("", &entries(&[NODES, SETTINGS].concat()))
        .unwrap();
    let since = || {
        let table = command::run(&cluster, b"nodes").unwrap();
        let row = table.lines().find(|line| line.starts_with("node2 "));
        row.unwrap().split_whitespace().nth(2).map(str::to_owned)
    };
    assert_eq!(since().as_deref(), Some("0s"));
    cluster.tick(SteadyTime(500_007 * SECOND));
    assert_eq!(since().as_deref(), Some("7s"));
    // One that is not ticked, because the module is disabled, has no time yet.
    let disabled = [("general", "enabled", "no")];
    let cluster = crate::node::cluster(&[&disabled, NODES, SETTINGS]);
    cluster.tick(SteadyTime(500_000 * SECOND));
    let text = status::nodes(&cluster);
    assert!(text.contains("node2=unknown|enabled|100|0|"), "{text}");
}

#[test]
fn a_node_that_cannot_be_probed_is_told_from_one_that_is_up() {
    let text = command::run(&lived(), b"metrics").unwrap();
    for sample in [
        "node_known{node=\"node1\"} 1",
        "node_known{node=\"node2\"} 1",
        "node_known{node=\"node3\"} 1",
        "node_known{node=\"far-away\"} 0",
    ] {
        let sample = format!("yate_clustering_{sample}\n");
        assert!(text.contains(&sample), "{sample} is not in {text}");
    }
    let reasons = status::nodes(&lived());
    assert!(
        reasons.contains("far-away=unknown|disabled|100|"),
        "{reasons}"
    );
    assert!(reasons.ends_with("|it has no probe"), "{reasons}");
}
