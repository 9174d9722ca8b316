// SPDX-License-Identifier: GPL-2.0-or-later

//! A node that has sections for itself and three others, and time that passes for it.

use clustering::chore::{Chore, Probe};
use clustering::cluster::Cluster;
use clustering::health::State;
use clustering::message::Kind;
use clustering::probe::Outcome;

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

pub fn chores(cluster: &Cluster) -> Vec<Chore> {
    std::iter::from_fn(|| cluster.next_chore()).collect()
}

pub fn lines(cluster: &Cluster) -> Vec<String> {
    let line = |chore| match chore {
        Chore::Say { line, .. } => Some(line),
        _ => None,
    };
    chores(cluster).into_iter().filter_map(line).collect()
}

pub fn probes(cluster: &Cluster) -> Vec<Probe> {
    let probe = |chore| match chore {
        Chore::Probe(probe) => Some(probe),
        _ => None,
    };
    chores(cluster).into_iter().filter_map(probe).collect()
}

/// Lets a second pass at a time; each probe of a node is answered or not. Gives what was said.
pub fn pass(
    cluster: &Cluster,
    from: u64,
    seconds: u64,
    answers: impl Fn(&str) -> Outcome,
) -> Vec<String> {
    let mut said = Vec::new();
    for now in (from..from + seconds).map(|second| second * SECOND) {
        cluster.tick(now);
        for chore in chores(cluster) {
            match chore {
                Chore::Say { line, .. } => said.push(line),
                Chore::Probe(probe) => {
                    let node = std::str::from_utf8(&probe.node).unwrap();
                    cluster.probed(&probe.node, probe.number, answers(node), now + 1500);
                    said.append(&mut lines(cluster));
                }
                Chore::Save => {}
            }
        }
    }
    said
}

pub fn state(cluster: &Cluster, node: &str) -> State {
    let settings = cluster.settings();
    settings
        .nodes
        .find(node.as_bytes())
        .unwrap()
        .live
        .health()
        .state()
}

pub fn only_node2_is_dead(node: &str) -> Outcome {
    if node == "node2" {
        Outcome::Failed
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
