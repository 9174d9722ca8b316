// SPDX-License-Identifier: GPL-2.0-or-later

//! The message `cluster.node`: each change of a node's state is told once.

use clustering::cluster::Cluster;
use clustering::nodes::admin::AdminState;
use clustering::nodes::probe::Outcome;
use clustering::task::Task;
use clustering::time::SteadyTime;

use super::lab::{SECOND, nodes, tasks};

/// Lets seconds pass in which node2 answers so, and the others well; gives what is told of node2, in a line each.
fn told(cluster: &Cluster, seconds: std::ops::Range<u64>, outcome: Outcome) -> Vec<String> {
    let mut told = Vec::new();
    for now in seconds {
        cluster.tick(SteadyTime(now * SECOND));
        let mut list = tasks(cluster);
        for task in &list {
            if let Task::Probe(probe) = task {
                let outcome = match &*probe.node {
                    b"node2" => outcome,
                    _ => Outcome::Answered(200),
                };
                let now = SteadyTime(now * SECOND + 1500);
                cluster.probed(&probe.node, probe.number, outcome, now);
            }
        }
        list.append(&mut tasks(cluster));
        told.extend(list.into_iter().filter_map(event));
    }
    told
}

fn event(task: Task) -> Option<String> {
    match task {
        Task::Event(text) if text.starts_with("node=node2\n") => Some(text.replace('\n', " ")),
        _ => None,
    }
}

#[test]
fn each_change_of_a_nodes_health_is_told_once() {
    let cluster = nodes();
    let up = told(&cluster, 1..30, Outcome::Answered(200));
    assert_eq!(up.len(), 1, "{up:?}");
    let expected = "node=node2 event=health state=up admin=enabled previous=unknown reachable=true open=true \
                    reason=answered 200 lasted=";
    assert!(up[0].starts_with(expected), "{up:?}");
    for (second, outcome, expected) in [
        (
            30,
            Outcome::Answered(503),
            "state=busy admin=enabled previous=up reachable=true open=false reason=answered 503",
        ),
        (
            100,
            Outcome::NoAnswer,
            "state=down admin=enabled previous=busy reachable=false open=false reason=no answer to a probe",
        ),
        (
            200,
            Outcome::Answered(200),
            "state=up admin=enabled previous=down reachable=true open=true reason=answered 200",
        ),
    ] {
        let told = told(&cluster, second..second + 60, outcome);
        assert_eq!(told.len(), 1, "{told:?}");
        let expected = format!("node=node2 event=health {expected} lasted=");
        assert!(told[0].starts_with(&expected), "{told:?}");
    }
}

#[test]
fn each_command_that_changes_something_is_told() {
    let cluster = nodes();
    told(&cluster, 1..30, Outcome::Answered(200));
    let command = |admin, from: &str| {
        cluster.set_admin_for(b"node2", admin, from.as_bytes());
        let told = tasks(&cluster).into_iter().filter_map(event);
        told.collect::<Vec<_>>()
    };
    assert_eq!(
        command(AdminState::Draining, "192.0.2.7:40112"),
        [
            "node=node2 event=admin state=up admin=draining previous=enabled reachable=true open=false \
             reason=by command from 192.0.2.7:40112 "
        ]
    );
    assert_eq!(
        command(AdminState::Draining, ""),
        [""; 0],
        "nothing has changed"
    );
    assert_eq!(
        command(AdminState::Disabled, ""),
        [
            "node=node2 event=admin state=up admin=disabled previous=draining reachable=false open=false \
             reason=by command "
        ]
    );
    let told = command(AdminState::Enabled, "");
    assert_eq!(told.len(), 2, "its health is unknown, too: {told:?}");
    assert!(told[0].contains(" event=health state=unknown "), "{told:?}");
    assert!(
        told[1].contains(" event=admin state=unknown admin=enabled "),
        "{told:?}"
    );
}
