// SPDX-License-Identifier: GPL-2.0-or-later

//! The state of a node in the status and in the metrics.

use clustering::cluster::Cluster;
use clustering::messages::{Kind, Reply};
use clustering::nodes::admin::AdminState;
use clustering::nodes::health::State;
use clustering::operator::command;
use clustering::operator::status;
use clustering::time::{MessageTimes, WallTime};
use clustering::verdict::{Action, Verdict};

use super::lab::{NODES, execute, nodes, only_node2_is_dead, pass, state};
use crate::node::{SETTINGS, cluster, decide, params};

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
    let assert_shown = |word: &str, number: u32| {
        let text = status::params(&cluster);
        assert!(text.contains(&format!(",database={word},")), "{text}");
        let text = command::run(&cluster, b"metrics").unwrap();
        let sample = format!("\nyate_clustering_database_up {number}\n");
        assert!(text.contains(&sample), "{text}");
    };
    assert_shown("up", 1);
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
    assert_shown("down", 0);
}
