// SPDX-License-Identifier: GPL-2.0-or-later

//! The schedule of the probes, and the consequences of an answer, or of none.
//!
//! Each node has its own second of the interval, told by its name, so that probes are spread over it. A probe
//! that isn't answered in time has failed, and the next one goes out when it is due, however long the engine goes on
//! waiting for the answer: only some such requests may be under way. A call that found nobody has its node probed at
//! once.
//!
//! A probe goes the way of calls to the node: by the same listener and transport.

use std::hash::BuildHasher;
use std::mem;

use rustc_hash::FxBuildHasher;

use crate::event::Level;
use crate::nodes::admin::AdminState;
use crate::nodes::event::tell_health;
use crate::nodes::health::{Answer, Cause, Rules, State, Transition};
use crate::nodes::{Node, Probing};
use crate::settings::Settings;
use crate::task::{Probe, Task, Tasks};
use crate::text::Escaped;
use crate::time::{SECOND, SteadyTime};

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
    /// The seconds that the answer's Retry-After names; 0 for none.
    pub retry_after: u32,
}

/// The outcome of a probe.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// The node answered with this code.
    Answered(u16),
    /// The node answered with this code, and wants to be asked again after so many seconds.
    AnsweredLater(u16, u32),
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
            Ok(code @ 1..) if self.handled && !is_own => match self.retry_after {
                0 => Outcome::Answered(code),
                seconds => Outcome::AnsweredLater(code, seconds),
            },
            _ => Outcome::NoAnswer,
        }
    }
}

/// The seconds that a header `Retry-After` names, such as `120` or `30;duration=600`; 0 where it names none.
#[must_use]
pub fn retry_after(header: &[u8]) -> u32 {
    let header = header.trim_ascii_start();
    let end = header.iter().position(|byte| !byte.is_ascii_digit());
    let digits = str::from_utf8(&header[..end.unwrap_or(header.len())]);
    let seconds = digits.ok().and_then(|digits| digits.parse::<u64>().ok());
    u32::try_from(seconds.unwrap_or(0)).unwrap_or(u32::MAX)
}

/// Looks after all nodes: finds probes that are late, and adds those that are due.
///
/// A tick that comes earlier than a probe is due by no more than `slack`, in microseconds, is on time: ticks come
/// regularly, but not to the microsecond, and a node must not be probed at every other tick for that.
pub(crate) fn tick(settings: &Settings, now: SteadyTime, slack: u64, tasks: &Tasks) {
    let (nodes, rules) = (&settings.nodes, &settings.health);
    let late = now.after(slack);
    for node in nodes {
        let why = why_not(node, rules);
        let (change, probe) = node.state.observe(|probing| {
            probing.health.begin(now);
            let change = probing.health.not_probed(why, now);
            if why.is_some() {
                return (change, None);
            }
            let timeout = u64::from(rules.timeout) * SECOND;
            let change = if probing.give_up(|sent| late >= sent.at.after(timeout)) {
                probing.health.failed(rules, Cause::NoAnswer, now)
            } else {
                change
            };
            // Nodes that start together don't all probe one in the same second.
            let pair = || FxBuildHasher.hash_one((&settings.location_prefix, &node.name));
            let place = || pair() % u64::from(rules.interval) * SECOND;
            (
                change,
                due(node, probing, (rules, place), (now, late), tasks),
            )
        });
        tell(node, change, tasks);
        if let Some(number) = probe {
            tasks.add(Task::Probe(Probe {
                node: node.name.clone(),
                number,
                uri: node.probe.clone(),
                connection: settings.connection.clone(),
                transport: settings.transport_to(node),
                tries: tries(rules.timeout),
            }));
        }
    }
}

/// The reason why a node isn't probed; `None` where it is, unless it is disabled.
fn why_not(node: &Node, rules: &Rules) -> Option<Cause> {
    match (rules.interval, node.probe.is_empty()) {
        _ if node.state.is_taken() => Some(Cause::TakenOver),
        (0, _) => Some(Cause::NoProbes),
        (_, true) => Some(Cause::NoUri),
        (_, false) => None,
    }
}

/// Takes the outcome of a node's probe; one that was late has failed before. Of a node that isn't probed any more
/// nothing is learnt.
pub(crate) fn done(
    node: &Node,
    rules: &Rules,
    number: u64,
    outcome: Outcome,
    now: SteadyTime,
    tasks: &Tasks,
) {
    let change = node.state.observe(|probing| {
        let sent = probing.end(number)?;
        if why_not(node, rules).is_some() || node.state.admin() == AdminState::Disabled {
            return None;
        }
        let answer = match outcome {
            Outcome::Answered(code) => code.into(),
            Outcome::AnsweredLater(code, retry_after) => Answer { code, retry_after },
            Outcome::NoAnswer => return probing.health.failed(rules, Cause::NoAnswer, now),
            Outcome::NotSupported => return probing.health.forget(Cause::NotSupported, now),
            Outcome::NotStarted => return None,
        };
        let latency = now.since(sent.at);
        probing.health.answered(rules, answer, latency, now)
    });
    tell(node, change, tasks);
}

/// Tells the log and the engine that a node's health has changed.
pub(crate) fn tell(node: &Node, change: Option<Transition>, tasks: &Tasks) {
    let Some(change) = change else {
        return;
    };
    let Transition {
        from,
        to,
        cause,
        lasted,
    } = change;
    let level = match (from, to) {
        (_, State::Down) => Level::Warn,
        (State::Down | State::Busy, _) | (_, State::Busy) => Level::Note,
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
    tell_health(node, &change, tasks);
}

/// The number of the request for a probe that is due now. `late` is the time up to which a probe is due, `place` the
/// node's own place in the interval: the microseconds after which the first probe is due.
fn due(
    node: &Node,
    probing: &mut Probing,
    (rules, place): (&Rules, impl Fn() -> u64),
    (now, late): (SteadyTime, SteadyTime),
    tasks: &Tasks,
) -> Option<u64> {
    if node.is_own || node.state.admin() == AdminState::Disabled {
        return None;
    }
    let interval = u64::from(rules.interval) * SECOND;
    // An interval that was made shorter counts at once.
    let due = probing.due.filter(|due| *due <= late.after(interval));
    let due = due.unwrap_or_else(|| now.after(place()));
    probing.due = Some(due);
    if late < due || probing.sent.is_some() {
        return None;
    }
    let next = due.after(interval).max(now.after(SECOND));
    probing.due = Some(if mem::take(&mut probing.renewed) {
        now.after(SECOND + place())
    } else {
        next
    });
    let number = tasks.number();
    probing.send(number, now).then_some(number)
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
