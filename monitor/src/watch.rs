// SPDX-License-Identifier: GPL-2.0-or-later

//! Makes the state of the cluster of what the engines answer, and remembers the last hour.
//!
//! It does no I/O and reads no clock.

use std::collections::{BTreeMap, BTreeSet, HashMap, VecDeque};
use std::sync::Arc;
use std::time::Duration;

use crate::cluster::{
    Admin, Answer, Cluster, Condition, Database, EVENTS, Engine, Event, EventKind, History, Node,
    POINTS, SCHEMA, STEP, Seen, State, View,
};

/// The most nodes of a cluster. Those beyond, by their names, are left out.
pub const MOST_NODES: usize = 1000;

/// The seconds over which the rate of forwards is averaged.
const MINUTE: f64 = 60.0;

/// An engine's answer and the time that it took, or the reason why there is none.
pub type Reply = Result<(Answer, Duration), String>;

/// The engines' answers so far.
#[derive(Debug)]
pub struct Watch {
    interval: Duration,
    engines: Vec<Asked>,
    /// What is remembered of each node that is known.
    tracks: BTreeMap<String, Track>,
    events: VecDeque<Event>,
    /// The time of the last round.
    last: Option<u64>,
}

/// An engine that is asked.
#[derive(Debug, Default)]
struct Asked {
    shown: Engine,
    /// Its last good answer.
    answer: Option<Arc<Answer>>,
    /// What it has sent to each node.
    sent: HashMap<String, Sent>,
}

/// What a node has sent to another one.
#[derive(Clone, Copy, Debug, Default)]
struct Sent {
    forwards: u64,
    /// Since the round before; of a node that was silent for longer as many as on the average.
    new: u64,
    /// In a second.
    rate: f64,
}

/// What is remembered of a node.
#[derive(Debug, Default)]
struct Track {
    condition: Condition,
    since: u64,
    /// The number of the last point, counted from 1970.
    last: u64,
    points: VecDeque<Point>,
}

/// A point of the history.
#[derive(Clone, Copy, Debug, Default)]
struct Point {
    condition: Condition,
    latency: f32,
    forwards: u32,
    channels: u32,
}

impl Watch {
    /// Nothing is known yet of the engines at these addresses.
    #[must_use]
    pub fn new(addresses: impl IntoIterator<Item = String>, interval: Duration) -> Self {
        let asked = |address| Asked {
            shown: Engine {
                address,
                ..Engine::default()
            },
            ..Asked::default()
        };
        Self {
            interval,
            engines: addresses.into_iter().map(asked).collect(),
            tracks: BTreeMap::new(),
            events: VecDeque::new(),
            last: None,
        }
    }

    /// Takes the replies of all engines, in their order, and gives the state of the cluster. `now` is in seconds since
    /// 1970.
    pub fn round(&mut self, replies: Vec<Reply>, now: u64) -> Cluster {
        let is_first = self.last.is_none();
        let passed = self.last.map_or(0, |last| now.saturating_sub(last));
        self.last = Some(now);
        self.take(replies, passed, now);
        let mut nodes = self.nodes();
        for node in &mut nodes {
            self.remember(node, is_first, now);
        }
        let names: BTreeSet<_> = nodes.iter().map(|node| node.name.as_str()).collect();
        let gone = self
            .tracks
            .keys()
            .filter(|name| !names.contains(name.as_str()));
        for name in gone.cloned().collect::<Vec<_>>() {
            self.tracks.remove(&name);
            self.happened(
                now,
                &name,
                EventKind::Left,
                "no node knows it any more".to_owned(),
            );
        }
        Cluster {
            nodes,
            ..self.state(now)
        }
    }

    /// The state of the cluster without its nodes.
    #[must_use]
    pub fn state(&self, now: u64) -> Cluster {
        Cluster {
            schema: SCHEMA,
            monitor: clustering::VERSION.to_owned(),
            time: now,
            interval: self.interval.as_secs_f64(),
            engines: self
                .engines
                .iter()
                .map(|asked| asked.shown.clone())
                .collect(),
            nodes: Vec::new(),
            events: self.events.iter().rev().cloned().collect(),
        }
    }

    fn happened(&mut self, time: u64, node: &str, kind: EventKind, text: String) {
        if self.events.len() == EVENTS {
            self.events.pop_front();
        }
        self.events.push_back(Event {
            time,
            node: node.to_owned(),
            kind,
            condition: self
                .tracks
                .get(node)
                .map(|track| track.condition)
                .filter(|_| kind == EventKind::Condition),
            text,
        });
    }

    /// Takes the replies.
    fn take(&mut self, replies: Vec<Reply>, passed: u64, now: u64) {
        let mut names = BTreeSet::new();
        for (at, reply) in replies.into_iter().enumerate().take(self.engines.len()) {
            let asked = &mut self.engines[at];
            let (answer, took) = match reply {
                Ok((answer, _)) if !names.insert(answer.node.clone()) => {
                    asked.shown.error =
                        Some(format!("another engine is node '{}', too", answer.node));
                    continue;
                }
                Ok(answer) => answer,
                Err(error) => {
                    asked.shown.error = Some(error);
                    continue;
                }
            };
            let before = asked.answer.take();
            let silent = asked
                .shown
                .answered
                .map_or(0, |last| now.saturating_sub(last));
            asked.count(&answer, silent, passed);
            asked.shown.node = Some(answer.node.clone());
            asked.shown.error = None;
            asked.shown.answered = Some(now);
            asked.shown.took = Some(took.as_secs_f64());
            asked.shown.answer = Some(Arc::new(Answer {
                nodes: Vec::new(),
                ..answer.clone()
            }));
            let changes = before.map_or_else(Vec::new, |before| changes(&before, &answer));
            let name = answer.node.clone();
            asked.answer = Some(Arc::new(answer));
            for (kind, text) in changes {
                self.happened(now, &name, kind, text);
            }
        }
    }

    /// All nodes, by name.
    fn nodes(&self) -> Vec<Node> {
        let is_any_current = self.engines.iter().any(|asked| asked.current().is_some());
        let mut nodes: BTreeMap<&str, Node> = BTreeMap::new();
        for (at, asked) in self.engines.iter().enumerate() {
            let Some(answer) = &asked.answer else {
                continue;
            };
            // Of nodes that are gone an old answer would tell for ever, but it is better than none.
            if asked.current().is_some() || !is_any_current {
                for view in &answer.nodes {
                    nodes.entry(&view.name).or_default();
                }
            }
            nodes
                .entry(&answer.node)
                .or_default()
                .engine
                .get_or_insert(at);
        }
        for asked in &self.engines {
            let Some(answer) = asked.current() else {
                continue;
            };
            let by: Arc<str> = answer.node.as_str().into();
            for view in &answer.nodes {
                let Some(node) = nodes.get_mut(view.name.as_str()) else {
                    continue;
                };
                learn(node, view);
                if view.name != answer.node {
                    let sent = asked.sent.get(&view.name).copied().unwrap_or_default();
                    node.seen_by.push(seen(view, &by, sent.rate));
                }
            }
        }
        let finish = |(name, mut node): (&str, Node)| {
            name.clone_into(&mut node.name);
            let engine = node.engine.map(|at| &self.engines[at]);
            node.seen_by.sort_by(|one, other| one.by.cmp(&other.by));
            if let Some(own) = engine.and_then(Asked::current) {
                node.version = Some(own.version.clone());
            }
            let is_asked = engine.map(|asked| asked.current().is_some());
            let states = || node.seen_by.iter().map(|seen| seen.state);
            let is_answering = is_asked == Some(true);
            let own = if is_answering {
                State::Up
            } else {
                State::Unknown
            };
            node.state = states()
                .max()
                .filter(|state| *state != State::Unknown)
                .unwrap_or(own);
            let known = states().filter(|state| *state != State::Unknown);
            let is_split = known.clone().any(|state| state == State::Down)
                && known.clone().any(|state| state != State::Down);
            node.condition = condition(&node, is_asked, is_split);
            node
        };
        nodes.into_iter().take(MOST_NODES).map(finish).collect()
    }

    /// Adds what is remembered of a node, and remembers what is new.
    fn remember(&mut self, node: &mut Node, is_first: bool, now: u64) {
        let sent = |asked: &Asked| {
            asked
                .sent
                .get(&node.name)
                .filter(|_| asked.current().is_some())
                .map_or(0, |sent| sent.new)
        };
        let forwards: u64 = self.engines.iter().map(sent).sum();
        let is_new = !self.tracks.contains_key(&node.name);
        let track = self.tracks.entry(node.name.clone()).or_default();
        let before = (track.condition, track.since);
        if is_new || track.condition != node.condition {
            track.condition = node.condition;
            track.since = now;
        }
        node.since = track.since;
        track.add(node, forwards, now);
        node.history = track.history();
        if is_new && !is_first {
            let text = format!("a new node, {}", node.condition.word());
            self.happened(now, &node.name, EventKind::Joined, text);
        } else if !is_new && before.0 != node.condition {
            let text = changed(
                node,
                self.engines.get(node.engine.unwrap_or(usize::MAX)),
                before,
                now,
            );
            self.happened(now, &node.name, EventKind::Condition, text);
        }
    }
}

impl Asked {
    /// Its last answer, unless that is an old one.
    fn current(&self) -> Option<&Answer> {
        self.answer
            .as_deref()
            .filter(|_| self.shown.error.is_none())
    }

    /// Counts what it has sent since its last answer, which was `silent` seconds ago; the last round was `passed` seconds ago.
    fn count(&mut self, answer: &Answer, silent: u64, passed: u64) {
        #[allow(clippy::cast_precision_loss)] // a rate needs no more
        let seconds = silent.max(1) as f64;
        let keeps = (-seconds / MINUTE).exp();
        let mut sent = HashMap::with_capacity(answer.nodes.len());
        for view in &answer.nodes {
            let before = self.sent.get(&view.name);
            let new = match before {
                // An engine that was started again counts from 0.
                Some(before) => view
                    .forwards
                    .checked_sub(before.forwards)
                    .unwrap_or(view.forwards),
                None => 0,
            };
            #[allow(clippy::cast_precision_loss)] // a rate needs no more
            let fresh = new as f64 / seconds;
            let rate = before.map_or(0.0, |before| before.rate * keeps + fresh * (1.0 - keeps));
            // Less than one in an hour is none.
            let rate = if rate < 1.0 / 3600.0 { 0.0 } else { rate };
            let new = if silent > passed {
                new.saturating_mul(passed) / silent
            } else {
                new
            };
            let forwards = view.forwards;
            sent.insert(
                view.name.clone(),
                Sent {
                    forwards,
                    new,
                    rate,
                },
            );
        }
        self.sent = sent;
    }
}

impl Track {
    fn add(&mut self, node: &Node, forwards: u64, now: u64) {
        let number = now / STEP;
        // A clock that was set back adds to the last point.
        let missing = number.saturating_sub(self.last).min(POINTS as u64);
        if self.points.is_empty() {
            self.points.push_back(Point::default());
        } else {
            for _ in 0..missing {
                if self.points.len() == POINTS {
                    self.points.pop_front();
                }
                self.points.push_back(Point::default());
            }
        }
        self.last = self.last.max(number);
        if let Some(point) = self.points.back_mut() {
            let latency = node
                .seen_by
                .iter()
                .filter_map(|seen| seen.latency)
                .fold(0.0, f64::max);
            let clip = |number: u64| u32::try_from(number).unwrap_or(u32::MAX);
            point.condition = point.condition.max(node.condition);
            #[allow(clippy::cast_possible_truncation)] // a picture needs no more
            let millis = (latency * 1000.0) as f32;
            point.latency = point.latency.max(millis);
            point.forwards = point.forwards.saturating_add(clip(forwards));
            point.channels = point.channels.max(clip(node.channels.unwrap_or_default()));
        }
    }

    fn history(&self) -> History {
        let points = self.points.iter();
        History {
            end: (self.last + 1) * STEP,
            condition: points.clone().map(|point| point.condition).collect(),
            latency: points.clone().map(|point| point.latency).collect(),
            forwards: points.clone().map(|point| point.forwards).collect(),
            channels: points.map(|point| point.channels).collect(),
        }
    }
}

/// Adds to a node what one engine knows of it.
fn learn(node: &mut Node, view: &View) {
    node.admin = node.admin.max(view.admin);
    node.weight = node.weight.max(view.weight);
    // What a node says of itself is newer than any heartbeat.
    let newest = |known: &mut Option<u64>, said: Option<u64>| {
        if view.own || known.is_none() {
            *known = said.or(*known);
        }
    };
    newest(&mut node.channels, view.channels);
    newest(&mut node.rooms, view.rooms);
    newest(&mut node.registrations, view.registrations);
    node.seen = node.seen.max(view.seen);
    if node.version.is_none() {
        node.version.clone_from(&view.version);
    }
    for (known, said) in [
        (&mut node.drift, &view.drift),
        (&mut node.overruled, &view.overruled),
    ] {
        for setting in said.iter().flatten() {
            if !known.contains(setting) {
                known.push(setting.clone());
            }
        }
    }
    if node.backup.is_none() {
        node.backup.clone_from(&view.backup);
    }
}

fn seen(view: &View, by: &Arc<str>, rate: f64) -> Seen {
    Seen {
        by: Arc::clone(by),
        state: view.state,
        reason: view.reason.clone(),
        since: view.since,
        // Times that make no sense are none, wherever they come from.
        latency: view
            .latency
            .filter(|latency| (0.0..86_400.0).contains(latency)),
        forwards: view.forwards,
        failures: view.failures,
        rate,
    }
}

/// The one word for a node. `is_asked` says whether its engine answers, if that is asked; `is_split` that some nodes find
/// it down and others don't.
fn condition(node: &Node, is_asked: Option<bool>, is_split: bool) -> Condition {
    if node.admin == Admin::Disabled {
        return Condition::Disabled;
    }
    let mut condition = match (node.state, is_asked) {
        // It is down for the node that says so, or that node has taken it over, for which it is up to all others.
        _ if node.backup.is_some() => Condition::Replaced,
        (State::Down, _) if is_split => Condition::Partly,
        (State::Down, _) => Condition::Down,
        (State::Busy, _) => Condition::Busy,
        (State::Up, _) | (State::Unknown, Some(true)) => Condition::Up,
        (State::Unknown, _) => Condition::Unknown,
    };
    if is_asked == Some(false) && condition != Condition::Replaced {
        condition = condition.max(Condition::Silent);
    }
    if node.admin == Admin::Draining {
        condition = condition.max(Condition::Draining);
    }
    if !node.drift.is_empty() && condition == Condition::Up {
        condition = Condition::Drifting;
    }
    condition
}

/// What has changed in an engine's own state.
fn changes(before: &Answer, now: &Answer) -> Vec<(EventKind, String)> {
    let mut changes = Vec::new();
    if before.file != now.file {
        let text = match &*now.file {
            "refused" => "the file was refused, an older one is in force",
            "taken" => "the file was taken",
            _ => "no file was loaded",
        };
        changes.push((EventKind::File, text.to_owned()));
    }
    let databases = [
        (
            "the database of claimed resources",
            before.database,
            now.database,
        ),
        (
            "the database with the list of nodes",
            before.members,
            now.members,
        ),
    ];
    for (name, before, now) in databases {
        let word = match now {
            Some(Database::Up) => "answers",
            Some(Database::Down) => "does not answer",
            _ => continue,
        };
        if before.is_some()
            && before != now
            && (before, now) != (Some(Database::Unknown), Some(Database::Up))
        {
            changes.push((EventKind::Database, format!("{name} {word}")));
        }
    }
    changes
}

/// A change of a node's condition, in words.
fn changed(node: &Node, engine: Option<&Asked>, before: (Condition, u64), now: u64) -> String {
    let (word, since) = before;
    let lasted = now.saturating_sub(since);
    let text = format!(
        "{}, was {} for {lasted} s",
        node.condition.word(),
        word.word()
    );
    let worst = node.seen_by.iter().find(|seen| seen.state == node.state);
    let error = engine.and_then(|asked| asked.shown.error.as_ref());
    match (node.condition, worst, error) {
        (Condition::Silent, _, Some(error)) => format!("{text}: {error}"),
        (Condition::Drifting, ..) => format!("{text}: {}", node.drift.join(", ")),
        (Condition::Down | Condition::Partly | Condition::Busy, Some(seen), _) => {
            format!("{text}: {}, says {}", seen.reason, seen.by)
        }
        _ => text,
    }
}
