// SPDX-License-Identifier: GPL-2.0-or-later

//! The schedule of the probes, and the consequences of an answer, or of none.
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
use crate::time::{SECOND, SteadyTime};

/// The slack of a tick. Ticks come once a second, but not to the microsecond: one that comes so much too
/// early is on time. Else a node that is due every second would be probed every other second.
const EARLY: u64 = SECOND / 2;

/// The facts of a probe's end, as the engine tells them.
#[expect(clippy::struct_excessive_bools, reason = "each is a fact of its own")]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Report {
    /// No thread could be started for the probe, so it was not sent.
    pub no_thread: bool,
    /// A module took the request.
    pub handled: bool,
    /// The module gave an error.
    pub has_error: bool,
    /// The SIP code that the request came back with; 0 for none.
    pub code: u32,
    /// The request came back with headers of an answer.
    pub has_headers: bool,
}

/// The outcome of a probe.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// The node answered with this code.
    Answered(u16),
    /// No answer came, or the request could not be sent.
    NoAnswer,
    /// The engine sends no requests.
    NotSupported,
    /// No thread could be started for it: nothing is learnt about the node.
    NotStarted,
}

impl Report {
    /// The outcome that the facts add up to.
    ///
    /// The engine itself gives code 408 or 500 where nobody answers or nothing can be sent, without any
    /// header of an answer.
    #[must_use]
    pub fn outcome(self) -> Outcome {
        let is_own = matches!(self.code, 408 | 500) && !self.has_headers;
        match u16::try_from(self.code) {
            _ if self.no_thread => Outcome::NotStarted,
            _ if !self.handled && !self.has_error => Outcome::NotSupported,
            Ok(code @ 1..) if self.handled && !is_own => Outcome::Answered(code),
            _ => Outcome::NoAnswer,
        }
    }
}

/// Looks after all nodes: finds probes that are late, and adds those that are due. To be called every second.
pub(crate) fn tick(nodes: &Nodes, rules: &Rules, now: SteadyTime, tasks: &Tasks) {
    for node in nodes {
        let why = match (rules.interval, node.probe.is_empty()) {
            (0, _) => Some(Cause::NoProbes),
            (_, true) => Some(Cause::NoUri),
            (_, false) => None,
        };
        let change = node.state.observe(|probing| {
            probing.health.begin(now);
            probing.health.not_probed(why, now)
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
                !sent.late && now.since(sent.at) >= u64::from(rules.timeout) * SECOND
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

/// Takes the outcome of a node's probe; one that was late has failed before.
pub(crate) fn done(
    node: &Node,
    rules: &Rules,
    number: u64,
    outcome: Outcome,
    now: SteadyTime,
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
                let latency = now.since(sent.at);
                probing.health.answered(rules, code, latency, now)
            }
            Outcome::NoAnswer => probing.health.failed(rules, Cause::NoAnswer, now),
            Outcome::NotSupported => probing.health.forget(Cause::NotSupported, now),
            Outcome::NotStarted => None,
        }
    });
    tell(node, change, tasks);
}

/// Logs that a node's state has changed.
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
    let place = match to {
        State::Down => format!("; it is probed at '{}'", Escaped(&node.probe)),
        _ => String::new(),
    };
    tasks.log(
        level,
        format!("Node '{name}' is {to}: {cause}; it was {from} for {seconds} s{place}"),
    );
}

/// The number of a probe that is due now.
fn due(node: &Node, probing: &mut Probing, interval: u64, now: SteadyTime) -> Option<u64> {
    if node.is_own || node.probe.is_empty() || node.state.admin() == AdminState::Disabled {
        return None;
    }
    // An interval that was made shorter counts at once.
    let place = || FxBuildHasher.hash_one(&node.name) % (interval / SECOND);
    let first = || now.after(place() * SECOND);
    let due = *probing.due.get_or_insert_with(first);
    let due = due.min(now.after(interval));
    if now.after(EARLY) < due || probing.sent.is_some() {
        return None;
    }
    probing.due = Some(due.after(interval).max(now.after(SECOND)));
    probing.sent = Some(Sent {
        at: now,
        late: false,
    });
    probing.number += 1;
    Some(probing.number)
}

/// The number of times that the engine sends a request within so many seconds: at first after half a second,
/// then after twice as long each time.
fn tries(timeout: u32) -> u32 {
    match timeout {
        0..=1 => 2,
        2..=3 => 3,
        4..=7 => 4,
        _ => 5,
    }
}
