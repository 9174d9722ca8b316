// SPDX-License-Identifier: GPL-2.0-or-later

//! A node's row in the table.

use super::spark::Spark;
use super::words::{self, date_time, duration, look, machine_time, word};
use crate::cluster::{Admin, Cluster, Condition, Node, State};

pub struct Row<'a> {
    pub name: &'a str,
    pub look: &'static str,
    pub word: &'static str,
    pub note: String,
    pub since: String,
    pub since_machine: String,
    pub since_date: String,
    pub spark: Spark,
    pub channels: String,
    pub rooms: String,
    pub registrations: String,
    pub rate: String,
    pub failures: String,
    pub failing: bool,
    pub latency: String,
    pub weight: u32,
    pub version: &'a str,
}

impl<'a> Row<'a> {
    pub fn of(node: &'a Node, cluster: &'a Cluster) -> Self {
        let number = |number: Option<u64>| number.map_or_else(|| "–".to_owned(), words::grouped);
        let latency = node.seen_by.iter().filter_map(|seen| seen.latency);
        let latency = latency.reduce(f64::max);
        let rate: f64 = node.seen_by.iter().map(|seen| seen.rate * 60.0).sum();
        let failures = node.seen_by.iter().map(|seen| seen.failures);
        let failures = failures.fold(0, u64::saturating_add);
        Self {
            name: &node.name,
            look: look(node.condition),
            word: word(node.condition),
            note: note(node, cluster),
            since: duration(cluster.time.saturating_sub(node.since)),
            since_machine: machine_time(node.since),
            since_date: date_time(node.since),
            spark: Spark::of(&node.history),
            channels: number(node.channels),
            rooms: number(node.rooms),
            registrations: number(node.registrations),
            rate: words::rate(rate),
            failures: words::grouped(failures),
            failing: failures > 0,
            latency: latency.map_or_else(|| "–".to_owned(), words::milliseconds),
            weight: node.weight,
            version: node.version.as_deref().unwrap_or("–"),
        }
    }
}

/// What there is to say about a node beside its condition.
fn note(node: &Node, cluster: &Cluster) -> String {
    let mut parts = Vec::new();
    if let Some(backup) = node.backup.as_deref() {
        parts.push(format!("{backup} stands in"));
    }
    let worst = node
        .seen_by
        .iter()
        .filter(|seen| seen.state == node.state && matches!(seen.state, State::Down | State::Busy));
    let mut worst = worst.peekable();
    if let Some(first) = worst.peek() {
        let reason = first.reason.clone();
        let (some, all) = (worst.count(), node.seen_by.len());
        parts.push(if some == all {
            reason
        } else {
            format!("{reason} ({some} of {all} nodes find so)")
        });
    }
    // Of a node that is down it is no news.
    let engine = node.engine.and_then(|at| cluster.engines.get(at));
    let error = engine.and_then(|engine| engine.error.as_deref());
    if let Some(error) = error.filter(|_| parts.is_empty()) {
        parts.push(format!("no answer to the monitor: {error}"));
    }
    match node.admin {
        Admin::Draining if node.condition != Condition::Draining => {
            parts.push("draining".to_owned());
        }
        Admin::Disabled if node.condition != Condition::Disabled => {
            parts.push("disabled".to_owned());
        }
        _ => {}
    }
    if !node.drift.is_empty() {
        parts.push(format!("other settings: {}", node.drift.join(", ")));
    }
    if !node.overruled.is_empty() {
        let keys = node.overruled.join(", ");
        parts.push(format!("a file overrules the list: {keys}"));
    }
    parts.join("; ")
}
