// SPDX-License-Identifier: GPL-2.0-or-later

//! When nodes are probed, and what follows of an answer, or of none.
//!
//! Each node has its own second of the interval, told by its name, so that probes are spread over it. A probe
//! that isn't answered in time has failed, however long the engine goes on waiting for its answer; the
//! next one waits until that has ended, so that no node ever has two. A call that found nobody has its node
//! probed at once.

use std::hash::BuildHasher;

use rustc_hash::FxBuildHasher;

use crate::event::Level;
use crate::nodes::admin::AdminState;
use crate::nodes::health::{Cause, Rules, State, Transition};
use crate::nodes::{Node, Nodes, Probing, Sent};
use crate::task::{Probe, Task, Tasks};
use crate::text::Escaped;
use crate::time::SECOND;

/// Ticks come once a second, but not to the microsecond: one that comes so much too early is on time. Else
/// a node that is due every second would be probed every other second.
const EARLY: u64 = SECOND / 2;

/// How a probe ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// An answer came, with this code.
    Answered(u16),
    /// None came, or it could not be sent.
    Failed,
    /// Nobody sends probes here.
    Unhandled,
}

/// Looks after all nodes: finds probes that are late, and adds those that are due. To be called every second.
pub(crate) fn tick(nodes: &Nodes, rules: &Rules, now: u64, tasks: &Tasks) {
    for node in nodes {
        let is_probed = rules.interval > 0 && !node.probe.is_empty();
        let change = node.state.observe(|probing| {
            probing.health.begin(now);
            // It may have been until the last reload, and nobody would notice that it is back.
            let is_over = !is_probed && probing.health.state() != State::Unknown;
            is_over.then(|| probing.health.forget(Cause::NoProbes, now))?
        });
        tell(node, change, tasks);
    }
    if rules.interval == 0 {
        return;
    }
    let interval = u64::from(rules.interval) * SECOND;
    for node in nodes {
        let (change, probe) = node.state.observe(|probing| {
            let late = probing.sent.as_mut().filter(|sent| {
                !sent.late && now.saturating_sub(sent.at) >= u64::from(rules.timeout) * SECOND
            });
            let change = late.and_then(|sent| {
                sent.late = true;
                probing.health.failed(rules, Cause::NoAnswer, now)
            });
            (change, due(node, probing, interval, now))
        });
        tell(node, change, tasks);
        if let Some(number) = probe {
            tasks.add(Task::Probe(Probe {
                node: node.name.clone(),
                number,
                uri: node.probe.clone(),
                tries: tries(rules.timeout),
            }));
        }
    }
}

/// Takes how a node's probe ended; one that was late has failed before.
pub(crate) fn done(
    node: &Node,
    rules: &Rules,
    number: u64,
    outcome: Outcome,
    now: u64,
    tasks: &Tasks,
) {
    let change = node.state.observe(|probing| {
        if probing.number != number {
            return None;
        }
        probing.expedited = false;
        let sent = probing.sent.take().filter(|sent| !sent.late)?;
        match outcome {
            Outcome::Answered(code) => {
                let latency = now.saturating_sub(sent.at);
                probing.health.answered(rules, code, latency, now)
            }
            Outcome::Failed => probing.health.failed(rules, Cause::NoAnswer, now),
            Outcome::Unhandled => probing.health.forget(Cause::NoProbes, now),
        }
    });
    tell(node, change, tasks);
}

/// Says that a node's state has changed.
fn tell(node: &Node, change: Option<Transition>, tasks: &Tasks) {
    let Some(Transition {
        from,
        to,
        cause,
        lasted,
    }) = change
    else {
        return;
    };
    let level = match (from, to) {
        (_, State::Down) => Level::Warn,
        (State::Down, _) => Level::Note,
        _ => Level::Info,
    };
    let (name, seconds) = (Escaped(&node.name), lasted / SECOND);
    tasks.say(
        level,
        format!("Node '{name}' is {to}: {cause}; it was {from} for {seconds} s"),
    );
}

/// The number of a probe that is due now.
fn due(node: &Node, probing: &mut Probing, interval: u64, now: u64) -> Option<u64> {
    if node.is_own || node.probe.is_empty() || node.state.admin() == AdminState::Disabled {
        return None;
    }
    // An interval that was made shorter counts at once.
    let place = || FxBuildHasher.hash_one(&node.name) % (interval / SECOND);
    let first = || now + place() * SECOND;
    let due = *probing.due.get_or_insert_with(first);
    let due = due.min(now + interval);
    if now + EARLY < due || probing.sent.is_some() {
        return None;
    }
    probing.due = Some((due + interval).max(now + SECOND));
    probing.sent = Some(Sent {
        at: now,
        late: false,
    });
    probing.number += 1;
    Some(probing.number)
}

/// How often the engine sends a request within so many seconds: at first after half a second, then
/// after twice as long each time.
fn tries(timeout: u32) -> u32 {
    match timeout {
        0..=1 => 2,
        2..=3 => 3,
        4..=7 => 4,
        _ => 5,
    }
}
