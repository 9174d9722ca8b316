// SPDX-License-Identifier: GPL-2.0-or-later

//! Placement by load: rooms come and go, nodes join, die and are back, and every node places with figures of its own, as
//! old as the heartbeats, the counts and the readings of a real cluster are. The rule and the intervals are the core's.
//!
//! A room that is placed stays where it is until it ends or its node dies: that is what a claim is. So what is weighed is
//! where new rooms go.

use std::collections::VecDeque;
use std::ops::Range;
use std::time::Instant;

use clustering::membership::{COUNT, beat_interval, count_interval, oldest, read_interval};
use clustering::placement::bounded::{Figures, Spread, Sums, choose};
use clustering::placement::rendezvous::{Candidate, Key, Seed, place};

use crate::node::{self, SECOND, memory};

/// The seconds after which a dead node is down for all others, by the defaults of `[health]`.
const DETECTED: u64 = 32;
/// The seconds in which the rooms of a dead node are used again, and so placed anew.
const USED_AGAIN: u64 = 600;
const HOUR: u64 = 3600;
/// The seconds from one heartbeat to the next, by the defaults.
fn beat(nodes: usize) -> u64 {
    beat_interval(COUNT, nodes) / SECOND
}

/// A cluster, and what happens to it.
struct Scenario {
    nodes: usize,
    /// The nodes that are there at first.
    first: usize,
    rooms: u32,
    /// The seconds that a room and its lease last, in the mean.
    life: u32,
    /// The seconds in which the first rooms come.
    fill: u64,
    hours: u64,
    /// What happens, at which hour.
    events: Vec<(u64, Event)>,
    /// The part of all calls that come in by the first node, in percent; the others are even.
    at_first: u64,
}

#[derive(Clone)]
enum Event {
    /// These nodes start, without any room.
    Start(Range<usize>),
    /// These nodes die.
    Die(Range<usize>),
}

/// The figures by which nodes place.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Mode {
    /// None.
    Plain,
    /// Those of this very moment, which nobody can have.
    Fresh,
    /// Those that a real node has.
    Real,
}

/// Runs all scenarios, and says whether the bound held.
pub fn run() -> bool {
    let small = |at_first| Scenario {
        nodes: 3,
        first: 3,
        rooms: 30,
        life: 3600,
        fill: HOUR,
        hours: 1000,
        // The third one dies and is back, again and again.
        events: (1..100)
            .flat_map(|time| {
                [
                    (10 * time, Event::Die(2..3)),
                    (10 * time + 5, Event::Start(2..3)),
                ]
            })
            .collect(),
        at_first,
    };
    let growing = |nodes: usize, first, rooms| Scenario {
        nodes,
        first,
        rooms,
        life: 3600,
        fill: HOUR,
        hours: 6,
        events: vec![
            (2, Event::Start(first..nodes)),
            (4, Event::Die(0..nodes / 20 + 1)),
            (5, Event::Start(0..nodes / 20 + 1)),
        ],
        at_first: 0,
    };
    let scenarios = [
        small(0),
        small(100),
        growing(10, 5, 1000),
        growing(100, 50, 100_000),
        Scenario {
            life: 4 * 3600,
            fill: 2 * HOUR,
            ..growing(1000, 900, 10_000_000)
        },
    ];
    let mut is_good = true;
    println!(
        "busiest node / its fair share; bound 1.25, nodes aim at 1.125; one of ten nodes has half a weight, one a double"
    );
    for scenario in &scenarios {
        let Scenario {
            nodes,
            first,
            rooms,
            life,
            at_first,
            ..
        } = scenario;
        println!(
            "\n{nodes} nodes, {first} at first, {rooms} rooms that last {} min, {at_first}% of calls by one node",
            life / 60
        );
        println!(
            "{:<8}{:>10}{:>10}{:>10}{:>10}{:>10}{:>8}",
            "figures", "placed", "balanced", "placement", "above", "unknown", "s"
        );
        let runs =
            [Mode::Plain, Mode::Fresh, Mode::Real].map(|mode| World::new(scenario, mode).run());
        for (title, run) in ["none", "fresh", "real"].into_iter().zip(&runs) {
            println!(
                "{title:<8}{:>10}{:>10}{:>10.3}{:>10}{:>10}{:>8.0}",
                run.placed, run.balanced, run.worst, run.above, run.blind, run.seconds
            );
        }
        print!("{:<8}", "hour");
        for (hour, _) in runs[0].busiest.iter().take(MOST_SAMPLES) {
            print!("{hour:>8.2}");
        }
        println!();
        for (title, run) in ["none", "fresh", "real"].into_iter().zip(&runs) {
            print!("{title:<8}");
            for (_, busiest) in run.busiest.iter().take(MOST_SAMPLES) {
                print!("{busiest:>8.3}");
            }
            println!();
        }
        is_good &= runs[2].above == 0;
    }
    println!("\n{} MB of memory at the end", memory() >> 20);
    is_good
}

/// The most samples that are shown of a run.
const MOST_SAMPLES: usize = 10;

/// The outcome of a run.
#[derive(Default)]
struct Outcome {
    placed: u64,
    /// Placed elsewhere than by weights alone.
    balanced: u64,
    /// The greatest load that a node had when it got a room, compared with its fair share, once each has ten of them.
    worst: f64,
    /// Rooms that went to a node above its bound.
    above: u64,
    /// The same, when nobody could know: just after nodes came or went, and in a cluster that fills so fast that the figures
    /// lack more rooms than there is between what nodes aim at and the bound.
    blind: u64,
    /// The hour, and the busiest node then.
    busiest: Vec<(f64, f64)>,
    seconds: f64,
}

/// The heartbeat of a node in the database.
#[derive(Clone, Copy, Default)]
struct Heartbeat {
    /// 0 before the first.
    seen: u64,
    rooms: u64,
}

/// A node as one that places.
#[derive(Clone, Default)]
struct Placer {
    lives: bool,
    beats: u64,
    counts: u64,
    reads: u64,
    /// The loads that it knows.
    loads: Vec<Option<u64>>,
    /// What it has placed of late, with the second of each.
    recent: VecDeque<(u64, usize)>,
}

struct World<'s> {
    scenario: &'s Scenario,
    mode: Mode,
    now: u64,
    random: u64,
    /// The nodes that take rooms.
    takers: Vec<Candidate<usize>>,
    weights: Vec<u32>,
    /// The sum of the weights of these.
    weight: u32,
    placers: Vec<Placer>,
    heartbeats: Vec<Heartbeat>,
    /// The node of each room.
    rooms: Vec<u16>,
    /// The true loads.
    loads: Vec<u64>,
    /// Rooms of dead nodes that are not used again yet.
    lost: u64,
    number: u64,
    /// The time until which nobody can know all figures.
    blind_until: u64,
    /// The rooms that came within the age of figures, by seconds, and all of them.
    young: VecDeque<(u64, u64)>,
    young_rooms: u64,
    outcome: Outcome,
}

impl<'s> World<'s> {
    fn new(scenario: &'s Scenario, mode: Mode) -> Self {
        let nodes = scenario.nodes;
        let weight = |node: usize| match node % 10 {
            4 => 50,
            7 => 200,
            _ => 100,
        };
        let mut world = Self {
            scenario,
            mode,
            now: 1,
            random: 88_172_645_463_325_252,
            takers: Vec::new(),
            weights: (0..nodes).map(weight).collect(),
            weight: 0,
            placers: vec![
                Placer {
                    loads: vec![None; nodes],
                    ..Placer::default()
                };
                nodes
            ],
            heartbeats: vec![Heartbeat::default(); nodes],
            rooms: Vec::new(),
            loads: vec![0; nodes],
            lost: 0,
            number: 0,
            blind_until: 0,
            young: VecDeque::new(),
            young_rooms: 0,
            outcome: Outcome::default(),
        };
        world.start(0..scenario.first);
        world
    }

    fn run(mut self) -> Outcome {
        let begin = Instant::now();
        let end = self.scenario.hours * HOUR;
        let mut events: VecDeque<_> = self.scenario.events.iter().cloned().collect();
        let mut down = VecDeque::new();
        let samples = (MOST_SAMPLES as u64).min(self.scenario.hours * 2);
        while self.now < end {
            self.now += 1;
            if let Some((_, event)) = pop_if(&mut events, |(hour, _)| *hour * HOUR <= self.now) {
                match event {
                    Event::Start(nodes) => self.start(nodes),
                    Event::Die(nodes) => {
                        for node in nodes.clone() {
                            self.placers[node].lives = false;
                        }
                        down.push_back((self.now + DETECTED, nodes));
                    }
                }
            }
            if let Some((_, nodes)) = pop_if(&mut down, |(time, _)| *time <= self.now) {
                self.lose(&nodes);
            }
            if self.mode == Mode::Real {
                self.beat();
                self.read();
            }
            self.come();
            self.go();
            if self.now.is_multiple_of(end / samples) {
                let hour = float(self.now) / float(HOUR);
                let busiest = self.takers.iter().map(|node| self.part(node.node));
                let busiest = busiest.fold(0.0, f64::max);
                self.outcome.busiest.push((hour, busiest));
            }
        }
        self.outcome.seconds = begin.elapsed().as_secs_f64();
        self.outcome
    }

    fn start(&mut self, nodes: Range<usize>) {
        let now = self.now;
        let wait = beat(nodes.len());
        for node in nodes {
            let (beats, reads) = (now + self.below(wait), now + self.below(wait));
            let placer = &mut self.placers[node];
            placer.lives = true;
            placer.beats = beats;
            placer.counts = beats;
            placer.reads = reads;
            placer.loads.fill(None);
            placer.recent.clear();
            self.heartbeats[node] = Heartbeat::default();
            self.takers.push(Candidate {
                seed: Seed::of(node::name(node).as_bytes()),
                weight: self.weights[node],
                node,
            });
        }
        self.changed();
    }

    /// Takes dead nodes out, with their rooms.
    fn lose(&mut self, nodes: &Range<usize>) {
        self.takers.retain(|taker| !nodes.contains(&taker.node));
        let before = self.rooms.len();
        self.rooms
            .retain(|node| !nodes.contains(&usize::from(*node)));
        self.lost += (before - self.rooms.len()) as u64;
        self.loads[nodes.clone()].fill(0);
        self.changed();
    }

    /// Nobody knows all figures for a while.
    fn changed(&mut self) {
        let takers = self.takers.iter();
        self.weight = takers.map(|taker| taker.weight).sum();
        let nodes = self.takers.len();
        let wait = 2 * beat(nodes) + read_interval(nodes) / SECOND;
        self.blind_until = self.now + wait;
    }

    /// Nodes write their heartbeats.
    fn beat(&mut self) {
        let (now, nodes) = (self.now, self.takers.len());
        for node in 0..self.placers.len() {
            let placer = &mut self.placers[node];
            if !placer.lives || placer.beats > now {
                continue;
            }
            let heartbeat = &mut self.heartbeats[node];
            if placer.counts <= now {
                heartbeat.rooms = self.loads[node];
                placer.counts = now + count_interval(nodes, heartbeat.rooms) / SECOND;
            }
            heartbeat.seen = now;
            placer.beats = now + beat(nodes);
        }
    }

    /// Nodes read the heartbeats of all.
    fn read(&mut self) {
        let (now, nodes) = (self.now, self.takers.len());
        for placer in &mut self.placers {
            if !placer.lives || placer.reads > now {
                continue;
            }
            placer.reads = now + read_interval(nodes) / SECOND;
            let heartbeats = &self.heartbeats;
            for (load, heartbeat) in placer.loads.iter_mut().zip(heartbeats) {
                let is_known = heartbeat.seen > 0 && now - heartbeat.seen <= oldest(nodes);
                *load = is_known.then_some(heartbeat.rooms);
            }
            placer
                .recent
                .retain(|(time, node)| *time >= heartbeats[*node].seen);
            for (_, node) in &placer.recent {
                if let Some(load) = &mut placer.loads[*node] {
                    *load += 1;
                }
            }
        }
    }

    /// New rooms come, and those of dead nodes are used again.
    fn come(&mut self) {
        let (rooms, life) = (
            f64::from(self.scenario.rooms),
            f64::from(self.scenario.life),
        );
        let rate = if self.now < self.scenario.fill {
            rooms / float(self.scenario.fill) + float(self.rooms.len() as u64) / life
        } else {
            rooms / life
        };
        let mut count = self.poisson(rate);
        let again = self.lost.min(self.lost / USED_AGAIN + 1);
        self.lost -= again;
        count += again;
        self.young.push_back((self.now, count));
        self.young_rooms += count;
        let nodes = self.takers.len();
        let now = self.now;
        let age = beat(nodes) + read_interval(nodes) / SECOND;
        while let Some((_, count)) = pop_if(&mut self.young, |(time, _)| *time + age < now) {
            self.young_rooms -= count;
        }
        for _ in 0..count {
            self.place_one();
        }
    }

    /// The figures can't be good enough.
    fn is_blind(&self) -> bool {
        self.now < self.blind_until || 8 * self.young_rooms > self.rooms.len() as u64
    }

    fn place_one(&mut self) {
        let by = loop {
            let is_first = self.below(100) < self.scenario.at_first;
            let at = self.below(self.takers.len() as u64);
            let at = usize::try_from(at).expect("it is small");
            let node = if is_first { 0 } else { self.takers[at].node };
            if self.placers[node].lives {
                break node;
            }
        };
        self.number += 1;
        let key = Key::of(&self.number.to_be_bytes());
        let loads = &self.loads;
        let known = &self.placers[by].loads;
        let figures = |load| Figures {
            load,
            is_full: false,
        };
        let candidates = self.takers.iter();
        let choice = match self.mode {
            Mode::Plain => place(key, candidates.copied()).map(|node| (node, false)),
            Mode::Fresh => {
                let candidates = candidates.map(|node| (*node, figures(Some(loads[node.node]))));
                let choice = choose(key, Spread::USUAL, &candidates);
                choice.map(|choice| (choice.node, choice.is_moved))
            }
            Mode::Real => {
                let candidates = candidates.map(|node| (*node, figures(known[node.node])));
                let choice = choose(key, Spread::USUAL, &candidates);
                choice.map(|choice| (choice.node, choice.is_moved))
            }
        };
        let (node, is_moved) = choice.expect("there are nodes");
        if self.is_above(node) {
            if self.is_blind() {
                self.outcome.blind += 1;
            } else {
                self.outcome.above += 1;
            }
        }
        self.outcome.placed += 1;
        self.outcome.balanced += u64::from(is_moved);
        self.loads[node] += 1;
        self.rooms
            .push(u16::try_from(node).expect("it is a number of a node"));
        if self.rooms.len() >= 10 * self.takers.len() && !self.is_blind() {
            self.outcome.worst = self.outcome.worst.max(self.part(node));
        }
        if self.mode == Mode::Real {
            let placer = &mut self.placers[by];
            placer.recent.push_back((self.now, node));
            if let Some(load) = &mut placer.loads[node] {
                *load += 1;
            }
        }
    }

    /// Whether a node has no room, by the true loads.
    fn is_above(&self, node: usize) -> bool {
        // The sum of all nodes as if they were one.
        let all = Figures {
            load: Some(self.rooms.len() as u64),
            is_full: false,
        };
        let sums = Sums::of([(self.weight, all)].into_iter());
        let bound = sums.bound(Spread::USUAL, self.weights[node]);
        bound.is_some_and(|bound| self.loads[node] >= bound)
    }

    /// The load of a node, compared with its fair share.
    fn part(&self, node: usize) -> f64 {
        let share = f64::from(self.weights[node]) / f64::from(self.weight);
        let share = share * float(self.rooms.len() as u64);
        float(self.loads[node]) / share
    }

    /// Rooms end.
    fn go(&mut self) {
        let rate = float(self.rooms.len() as u64) / f64::from(self.scenario.life);
        for _ in 0..self.poisson(rate) {
            if self.rooms.is_empty() {
                break;
            }
            let room = self.below(self.rooms.len() as u64);
            let room = usize::try_from(room).expect("it is in memory");
            let node = self.rooms.swap_remove(room);
            self.loads[usize::from(node)] -= 1;
        }
    }

    fn next(&mut self) -> u64 {
        self.random ^= self.random << 13;
        self.random ^= self.random >> 7;
        self.random ^= self.random << 17;
        self.random
    }

    /// A number below this one.
    fn below(&mut self, bound: u64) -> u64 {
        (self.next() >> 11) % bound
    }

    /// A number between 0 and 1.
    fn part_of_one(&mut self) -> f64 {
        (float(self.below(1 << 32)) + 0.5) / float(1 << 32)
    }

    /// How often something happens in a second that happens so often in the mean.
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "it is positive, and no more than thousands"
    )]
    fn poisson(&mut self, mean: f64) -> u64 {
        if mean > 50.0 {
            let radius = (-2.0 * self.part_of_one().ln()).sqrt();
            let normal = radius * (std::f64::consts::TAU * self.part_of_one()).cos();
            return (mean + mean.sqrt() * normal).max(0.0).round() as u64;
        }
        let least = (-mean).exp();
        let mut product = self.part_of_one();
        let mut count = 0;
        while product > least {
            product *= self.part_of_one();
            count += 1;
        }
        count
    }
}

/// Takes the first one of a queue if it is due.
fn pop_if<T>(queue: &mut VecDeque<T>, is_due: impl Fn(&T) -> bool) -> Option<T> {
    queue.front().filter(|first| is_due(first))?;
    queue.pop_front()
}

#[expect(clippy::cast_precision_loss, reason = "figures to be shown")]
fn float(number: u64) -> f64 {
    number as f64
}
