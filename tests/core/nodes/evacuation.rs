// SPDX-License-Identifier: GPL-2.0-or-later

//! A node that is to be left: it may refuse registrations, and says what is left on it.

use clustering::cluster::Cluster;
use clustering::messages::Kind;
use clustering::nodes::admin::AdminState;
use clustering::nodes::probe::Outcome;
use clustering::operator::counters::Counter;
use clustering::operator::{command, status};
use clustering::task::Task;
use clustering::time::SteadyTime;
use clustering::verdict::Action;

use super::lab::{NODES, SECOND, nodes, tasks};
use crate::node::{Decided, SETTINGS, cluster, decide};

const REGISTRATION: &[(&str, &str)] = &[
    ("username", "bob"),
    ("data", "sip/sip:bob@10.0.0.9:5060"),
    ("oconnection_id", "udp:192.0.2.11:5060-10.0.0.9:5060"),
    ("expires", "600"),
];

/// Lets five seconds pass, at the end of which the engine has so many channels. Gives the lines of the log, and the
/// numbers in the events.
fn counted(cluster: &Cluster, second: u64, channels: u64) -> Vec<String> {
    let mut said = Vec::new();
    for second in second..second + 6 {
        cluster.tick(SteadyTime(second * SECOND));
        for task in tasks(cluster) {
            match task {
                Task::CountChannels => cluster.counted(channels),
                Task::Log { line, .. } if line.ends_with(" left") => said.push(line),
                Task::Event(params) if params.contains("event=evacuation\n") => {
                    let numbers = params.split_once("open=false\n").unwrap().1;
                    said.push(numbers.replace('\n', " "));
                }
                Task::Probe(probe) => {
                    let (number, now) = (probe.number, SteadyTime(second * SECOND));
                    cluster.probed(&probe.node, number, Outcome::Answered(200), now);
                }
                _ => {}
            }
        }
    }
    said
}

#[test]
fn a_registration_is_refused_where_the_node_is_to_be_left() {
    let refuse = &[("general", "drain.register", "refuse")];
    for (settings, refuses) in [(&refuse[..], true), (&[], false)] {
        let cluster = cluster(&[settings, NODES, SETTINGS]);
        let register = || decide(&cluster, Kind::Register, REGISTRATION);
        let is_taken = |decided: &Decided| {
            assert_eq!(decided.action, Action::Change);
            assert_eq!(
                decided.value("data"),
                Some("cluster/node1/sip/sip:bob@10.0.0.9:5060")
            );
        };
        is_taken(&register());
        cluster.set_admin(b"node2", AdminState::Draining);
        is_taken(&register());
        for admin in [AdminState::Draining, AdminState::Disabled] {
            cluster.set_admin(b"node1", admin);
            let decided = register();
            if !refuses {
                is_taken(&decided);
                continue;
            }
            assert_eq!(decided.action, Action::Refuse);
            let value = |name| decided.value(name);
            assert_eq!(value("code"), Some("503"));
            assert_eq!(value("osip_Retry-After"), Some("60"));
            assert_eq!(value("data"), Some("sip/sip:bob@10.0.0.9:5060"));
            assert_eq!(
                decided.line.as_deref(),
                Some(&*format!(
                    "Registration of 'sip/sip:bob@10.0.0.9:5060' was refused: this node is {admin}"
                ))
            );
        }
        let count = cluster.count(Counter::RegistrationsRefused);
        assert_eq!(count, if refuses { 2 } else { 0 });
        // A phone can always say that it has gone.
        let unregistered = decide(&cluster, Kind::Unregister, REGISTRATION);
        assert_eq!(unregistered.action, Action::Change);
        cluster.set_admin(b"node1", AdminState::Enabled);
        is_taken(&register());
    }
}

#[test]
fn a_node_without_a_section_of_its_own_refuses_nothing() {
    let cluster = cluster(&[&[("general", "drain.register", "refuse")], SETTINGS]);
    let decided = decide(&cluster, Kind::Register, REGISTRATION);
    assert_eq!(decided.action, Action::Change);
}

#[test]
fn what_is_left_on_a_drained_node_is_said_once_for_each_stage() {
    let cluster = nodes();
    decide(&cluster, Kind::Register, REGISTRATION);
    assert_eq!(counted(&cluster, 1, 7), [""; 0], "nobody leaves it");
    cluster.set_admin(b"node1", AdminState::Draining);
    tasks(&cluster);
    let table = || command::run(&cluster, b"nodes").unwrap();
    let metric = |line: &str| status::metrics(&cluster).contains(line);
    assert!(
        !metric("yate_clustering_empty"),
        "nothing was counted since"
    );
    assert_eq!(
        counted(&cluster, 10, 2),
        [
            "Node 'node1' is draining, and has 2 channels, 1 registration left",
            "channels=2 registrations=1 "
        ]
    );
    assert!(table().contains("this node; 2 channels, 1 registration left\n"));
    assert!(metric("\nyate_clustering_channels 2\n"));
    assert!(metric("\nyate_clustering_empty 0\n"));
    assert_eq!(counted(&cluster, 20, 1), [""; 0], "still there");
    assert_eq!(
        counted(&cluster, 30, 0),
        [
            "Node 'node1' is draining, and has 0 channels, 1 registration left",
            "channels=0 registrations=1 "
        ]
    );
    assert_eq!(counted(&cluster, 40, 1), [""; 0], "a phone called again");
    decide(&cluster, Kind::Unregister, REGISTRATION);
    let empty = [
        "Node 'node1' is draining, and has nothing left",
        "channels=0 registrations=0 ",
    ];
    assert_eq!(counted(&cluster, 50, 0), empty);
    assert!(table().contains("this node; nothing left\n"));
    assert!(metric("\nyate_clustering_empty 1\n"));
    assert_eq!(counted(&cluster, 60, 0), [""; 0]);

    cluster.set_admin(b"node1", AdminState::Enabled);
    tasks(&cluster);
    assert_eq!(counted(&cluster, 70, 0), [""; 0]);
    assert!(!table().contains("left"));
    assert!(!metric("yate_clustering_empty"));
    assert!(!metric("yate_clustering_channels"), "nobody counts them");
    cluster.set_admin(b"node1", AdminState::Draining);
    tasks(&cluster);
    assert_eq!(counted(&cluster, 80, 0), empty, "another drain");
}

#[test]
fn registrations_that_nobody_remembers_are_not_said_to_be_gone() {
    let none = &[("general", "registrations", "0")];
    let cluster = cluster(&[none, NODES, SETTINGS]);
    cluster.set_admin(b"node1", AdminState::Draining);
    tasks(&cluster);
    assert_eq!(
        counted(&cluster, 1, 3),
        [
            "Node 'node1' is draining, and has 3 channels left",
            "channels=3 "
        ]
    );
}
