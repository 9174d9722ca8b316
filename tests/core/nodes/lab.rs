// SPDX-License-Identifier: GPL-2.0-or-later

//! A node that has sections for itself and three others, and time that passes for it.

use clustering::cluster::Cluster;
use clustering::messages::Kind;
use clustering::nodes::probe::Outcome;
use clustering::task::{Probe, Task};
use clustering::time::SteadyTime;

pub use crate::node::state;
use crate::node::{Decided, SETTINGS, cluster, decide};

pub const SECOND: u64 = 1_000_000;

pub type Setting = (&'static str, &'static str, &'static str);

pub const NODES: &[Setting] = &[
    ("node node1", "weight", "100"),
    ("node node2", "source", "198.51.100.2"),
    ("node node3", "callto", "sip/sip:x@192.0.2.3:5070"),
    ("node far-away", "callto", "iax/cluster@203.0.113.1"),
];

pub fn nodes() -> Cluster {
    cluster(&[NODES, SETTINGS])
}

pub fn tasks(cluster: &Cluster) -> Vec<Task> {
    std::iter::from_fn(|| cluster.next_task()).collect()
}

pub fn lines(cluster: &Cluster) -> Vec<String> {
    let line = |task| match task {
        Task::Log { line, .. } => Some(line),
        _ => None,
    };
    tasks(cluster).into_iter().filter_map(line).collect()
}

pub fn probes(cluster: &Cluster) -> Vec<Probe> {
    let probe = |task| match task {
        Task::Probe(probe) => Some(probe),
        _ => None,
    };
    tasks(cluster).into_iter().filter_map(probe).collect()
}

/// Lets a second pass at a time; each probe of a node is answered or not. Gives the lines of the log.
pub fn pass(
    cluster: &Cluster,
    from: u64,
    seconds: u64,
    answers: impl Fn(&str) -> Outcome,
) -> Vec<String> {
    let mut said = Vec::new();
    for now in (from..from + seconds).map(|second| second * SECOND) {
        cluster.tick(SteadyTime(now));
        for task in tasks(cluster) {
            match task {
                Task::Log { line, .. } => said.push(line),
                Task::Probe(probe) => {
                    let node = std::str::from_utf8(&probe.node).unwrap();
                    cluster.probed(
                        &probe.node,
                        probe.number,
                        answers(node),
                        SteadyTime(now + 1500),
                    );
                    said.append(&mut lines(cluster));
                }
                Task::Save | Task::Query(_) | Task::CountChannels | Task::Event(_) => {}
            }
        }
    }
    said
}

pub fn only_node2_is_dead(node: &str) -> Outcome {
    if node == "node2" {
        Outcome::NoAnswer
    } else {
        Outcome::Answered(200)
    }
}

pub fn call(to: &str) -> Vec<(&'static str, String)> {
    vec![("callto", to.to_owned()), ("called", "bob".to_owned())]
}

pub fn execute(cluster: &Cluster, to: &str) -> Decided {
    let call = call(to);
    let call: Vec<_> = call
        .iter()
        .map(|(name, value)| (*name, value.as_str()))
        .collect();
    decide(cluster, Kind::Execute, &call)
}
