// SPDX-License-Identifier: GPL-2.0-or-later

//! A cluster in a network that loses and delays what is sent, its list in one database. Time is simulated.

use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::fs;
use std::time::Instant;

use clustering::cluster::Cluster;
use clustering::messages::Reply;
use clustering::nodes::admin::AdminState;
use clustering::nodes::probe::Outcome;
use clustering::task::{Query, Task};
use clustering::time::{SteadyTime, WallTime};
use rusqlite::Connection;

use crate::chart::{Chart, Curve};
use crate::node::{self, News, SECOND, memory, quantile};

/// The tables of the cluster.
const TABLES: &str = include_str!("../../conf/clustering.sqlite.sql");
/// The mean time that a message is under way, in microseconds.
const DELAY: f64 = 20_000.0;
/// The time after which the engine sends a request once more, for the first time; then it doubles.
const RESEND: u64 = SECOND / 2;
/// The time after which a lost packet of a connection is sent once more.
const RESEND_PACKET: u64 = SECOND / 5;
/// The second of 1970 at which time begins.
const EPOCH: u64 = 1_795_000_000;
/// The most pairs of nodes of which one knows the other: beyond it not all nodes look.
const PAIRS: usize = 250_000;

/// The seconds within which the nodes start.
const STARTS: u64 = 10;
/// Seconds at which something happens.
const DEATH: u64 = 80;
const RETURN: u64 = 120;
const DRAIN: u64 = 150;
const JOIN: u64 = 160;
const END: u64 = 172;
/// The nodes to which it happens; the one that joins is the last.
const DEAD: usize = 1;
const DRAINED: usize = 2;
/// The node that is told to drain.
const TOLD: usize = 0;

/// What is to happen.
#[derive(Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Event {
    /// A node looks after the others, once a second.
    Tick(usize),
    /// A probe ends.
    Probed(usize, usize, u64, Option<u16>),
    /// A query reaches the database.
    Asked(usize, u64, Box<[u8]>),
    /// Its rows reach the node.
    Answered(usize, u64, Vec<Vec<u8>>),
}

/// The observations of a run.
struct Observed {
    /// Seconds after the event at which each node knew of it: a death, a return, a drain, a join.
    times: [Vec<f64>; 4],
    /// Nodes that were taken to be down and were not.
    mistakes: usize,
    observers: usize,
    /// Probes that a node sent in a second.
    probes: f64,
    /// Bytes of memory that a node takes for another one.
    memory: f64,
    /// Milliseconds of CPU time that a node takes in a second, the simulation's part included.
    cpu: f64,
    /// Seconds from one look at the list to the next.
    poll: f64,
}

struct World {
    nodes: Vec<Cluster>,
    lives: Vec<bool>,
    database: Connection,
    loss: f64,
    random: u64,
    now: u64,
    /// In order of time; the second number keeps the order of those at one time.
    events: BinaryHeap<Reverse<(u64, u64, Event)>>,
    number: u64,
    probes: u64,
    polls: u64,
    news: Vec<(u64, usize, usize, News)>,
}

/// Runs clusters of several sizes in networks of several kinds, and draws those of the largest.
pub fn run(picture: Option<&str>) -> bool {
    println!(
        "seconds until half of the nodes / all of them know; delay 20 ms each way, exponential; defaults\n\n\
         {:>6} {:>5} {:>15} {:>15} {:>13} {:>13} {:>8} {:>8} {:>6} {:>6} {:>6}",
        "nodes",
        "loss",
        "death",
        "return",
        "drain",
        "join",
        "mistakes",
        "probes/s",
        "poll s",
        "KB/nd",
        "ms/s"
    );
    let mut curves = Vec::new();
    for (nodes, losses) in [
        (10, &[0.0][..]),
        (100, &[0.0]),
        (1_000, &[0.0, 0.05, 0.2]),
        (5_000, &[0.0]),
    ] {
        for &loss in losses {
            let observed = World::new(nodes, loss).observe();
            show(nodes, loss, &observed);
            if nodes == 1_000 {
                let events = ["death", "return", "drain", "join"];
                for (event, times) in events.into_iter().zip(observed.times) {
                    curves.push(Curve {
                        title: format!("{event}, {:.0}% lost", loss * 100.0),
                        observers: observed.observers,
                        times,
                    });
                }
            }
        }
    }
    // Those of a network that loses nothing, and of one that is bad.
    curves.retain(|curve| curve.title.ends_with(" 0% lost") || curve.title.ends_with(" 20% lost"));
    let Some(path) = picture else {
        return true;
    };
    let chart = Chart {
        title: "1,000 nodes: how many know of it",
        curves: &curves,
    };
    let written = fs::write(path, chart.to_string());
    if let Err(error) = &written {
        eprintln!("{path}: {error}");
    }
    written.is_ok()
}

fn show(nodes: usize, loss: f64, observed: &Observed) {
    print!("{nodes:>6} {:>4.0}%", loss * 100.0);
    for (times, width) in observed.times.iter().zip([15, 15, 13, 13]) {
        let all = if times.len() < observed.observers {
            "some not".to_owned()
        } else {
            format!("{:.1}", quantile(times, 1.0))
        };
        print!(
            " {:>width$}",
            format!("{:.1} / {all}", quantile(times, 0.5))
        );
    }
    // What one run has given back is there for the next one, so only the first large one shows it.
    let memory = if nodes == 1_000 && loss == 0.0 {
        format!("{:.2}", observed.memory / 1024.0)
    } else {
        "-".to_owned()
    };
    println!(
        " {:>8} {:>8.1} {:>6.2} {:>6} {:>6.2}",
        observed.mistakes, observed.probes, observed.poll, memory, observed.cpu
    );
}

impl World {
    /// A cluster whose nodes start within the first seconds. Where it is too large for all to look, the first ones do; the others only
    /// answer.
    fn new(nodes: usize, loss: f64) -> Self {
        let database = Connection::open_in_memory().expect("there is memory");
        database.execute_batch(TABLES).expect("the tables are good");
        let mut world = Self {
            nodes: Vec::new(),
            lives: vec![true; nodes],
            database,
            loss,
            random: 88_172_645_463_325_252,
            now: 0,
            events: BinaryHeap::new(),
            number: 0,
            probes: 0,
            polls: 0,
            news: Vec::new(),
        };
        let observers = nodes.min(PAIRS / nodes);
        for number in 0..observers {
            world.nodes.push(node::start(number, &[]));
            let first = SECOND + world.uniform(STARTS * SECOND);
            world.at(first, Event::Tick(number));
        }
        // The definitions of the rest are there as if they had written them.
        for number in observers..nodes {
            world.define(number);
        }
        world
    }

    /// Adds the definition of a node that doesn't look.
    fn define(&self, number: usize) {
        let insert = "INSERT INTO cluster_nodes (name, version) VALUES (?1, '1.0')";
        let inserted = self.database.execute(insert, [node::name(number)]);
        inserted.expect("the table is there");
    }

    #[expect(clippy::cast_precision_loss, reason = "figures to be shown")]
    fn observe(mut self) -> Observed {
        let before = memory();
        let (nodes, observers) = (self.lives.len(), self.nodes.len());
        self.until(DEATH);
        let used = memory().saturating_sub(before) as f64;
        let (probes, polls, begin) = (self.probes, self.polls, Instant::now());
        self.lives[DEAD] = false;
        self.until(RETURN);
        let seconds = (RETURN - DEATH) as f64 * (observers - 1) as f64;
        let cpu = begin.elapsed().as_secs_f64() * 1e3 / seconds;
        let (probes, polls) = (self.probes - probes, self.polls - polls);
        self.lives[DEAD] = true;
        if DEAD < observers {
            self.at(RETURN * SECOND, Event::Tick(DEAD));
        }
        self.until(DRAIN);
        let drained = node::name(DRAINED);
        let is_known = self.nodes[TOLD].set_admin(drained.as_bytes(), AdminState::Draining);
        assert!(is_known, "the node is known");
        self.tasks(TOLD);
        self.until(JOIN);
        let joining = nodes;
        self.lives.push(true);
        if observers == nodes {
            self.nodes.push(node::start(joining, &[]));
            let first = JOIN * SECOND + self.uniform(SECOND);
            self.at(first, Event::Tick(joining));
        } else {
            self.define(joining);
        }
        self.until(END);

        let times = |of: usize, what: News, begin: u64, end: u64| {
            let mut known = vec![None; observers];
            for &(time, observer, number, news) in &self.news {
                let is_it = number == of && news == what && observer < observers;
                if is_it && (begin * SECOND..end * SECOND).contains(&time) {
                    known[observer].get_or_insert(time - begin * SECOND);
                }
            }
            let known = known.into_iter().flatten();
            known.map(|time| time as f64 / SECOND as f64).collect()
        };
        let mut drain: Vec<f64> = times(DRAINED, News::Draining, DRAIN, JOIN);
        drain.retain(|time| *time > 0.0);
        let mistakes = self.news.iter().filter(|(time, _, number, news)| {
            let is_dead = (DEATH..DRAIN).contains(&(time / SECOND));
            *news == News::Down && !(*number == DEAD && is_dead)
        });
        // The dead node observes nothing, nor does a node observe itself.
        Observed {
            mistakes: mistakes.count(),
            times: [
                times(DEAD, News::Down, DEATH, RETURN),
                times(DEAD, News::Up, RETURN, DRAIN),
                drain,
                times(joining, News::Joined, JOIN, END),
            ],
            observers: observers - 1,
            probes: probes as f64 / seconds,
            poll: seconds / polls as f64,
            memory: used / (observers as f64 * nodes as f64),
            cpu,
        }
    }

    /// A number below this one.
    fn uniform(&mut self, bound: u64) -> u64 {
        self.random ^= self.random << 13;
        self.random ^= self.random >> 7;
        self.random ^= self.random << 17;
        (self.random >> 11) % bound
    }

    /// A number between 0 and 1.
    #[expect(clippy::cast_precision_loss, reason = "it is random")]
    fn part(&mut self) -> f64 {
        (self.uniform(1 << 32) as f64 + 0.5) / (1u64 << 32) as f64
    }

    /// The time that a message is under way.
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "it is positive, and no more than seconds"
    )]
    fn delay(&mut self) -> u64 {
        (-DELAY * self.part().ln()) as u64
    }

    fn is_lost(&mut self) -> bool {
        self.part() < self.loss
    }

    /// The time that something takes over a connection, which sends again what is lost.
    fn connection(&mut self) -> u64 {
        let mut time = self.delay();
        let mut wait = RESEND_PACKET;
        while self.is_lost() {
            time += wait;
            wait *= 2;
        }
        time
    }

    fn at(&mut self, time: u64, event: Event) {
        self.number += 1;
        self.events.push(Reverse((time, self.number, event)));
    }

    fn until(&mut self, second: u64) {
        while let Some(Reverse((time, _, event))) = self.events.pop() {
            if time >= second * SECOND {
                self.number += 1;
                self.events.push(Reverse((time, 0, event)));
                break;
            }
            self.now = time;
            self.happens(event);
        }
        self.now = second * SECOND;
    }

    fn happens(&mut self, event: Event) {
        let now = SteadyTime(self.now);
        match event {
            Event::Tick(node) => {
                if !self.lives[node] {
                    return;
                }
                self.nodes[node].tick(now);
                self.at(self.now + SECOND, Event::Tick(node));
                self.tasks(node);
            }
            Event::Probed(node, of, number, code) => {
                let outcome = code.map_or(Outcome::NoAnswer, Outcome::Answered);
                self.nodes[node].probed(node::name(of).as_bytes(), number, outcome, now);
                self.tasks(node);
            }
            Event::Asked(node, number, query) => {
                let rows = self.rows(&query);
                let time = self.now + self.connection();
                self.at(time, Event::Answered(node, number, rows));
            }
            Event::Answered(node, number, rows) => {
                let rows: Vec<_> = rows.iter().map(|row| &row[..]).collect();
                let reply = Reply {
                    handled: true,
                    ..Reply::default()
                };
                let wall = WallTime(EPOCH * SECOND + self.now);
                self.nodes[node].queried(number, &reply, &rows, (now, wall));
                self.tasks(node);
            }
        }
    }

    /// Does what a node has to do.
    fn tasks(&mut self, node: usize) {
        while let Some(task) = self.nodes[node].next_task() {
            match task {
                Task::Log { line, .. } => {
                    if let Some((of, news)) = node::news(&line) {
                        self.news.push((self.now, node, of, news));
                    }
                }
                Task::Probe(probe) => {
                    self.probes += 1;
                    let name = std::str::from_utf8(&probe.node).expect("it is a name");
                    let of = name.trim_start_matches("node").parse();
                    let of = of.expect("it ends with a number");
                    let (time, code) = self.probe(of, probe.tries);
                    self.at(time, Event::Probed(node, of, probe.number, code));
                }
                Task::Query(Query { number, query, .. }) => {
                    self.polls += u64::from(query.starts_with(b"SELECT definition"));
                    let time = self.now + self.connection();
                    self.at(time, Event::Asked(node, number, query));
                }
                Task::CountChannels | Task::Event(_) | Task::Save => {}
            }
        }
    }

    /// The end of a probe, which the engine sends several times.
    fn probe(&mut self, of: usize, tries: u32) -> (u64, Option<u16>) {
        let mut sent = self.now;
        let mut wait = RESEND;
        for _ in 0..tries {
            if self.lives[of] && !self.is_lost() && !self.is_lost() {
                return (sent + self.delay() + self.delay(), Some(200));
            }
            sent += wait;
            wait *= 2;
        }
        (sent, None)
    }

    /// The first column of the rows of a query.
    fn rows(&self, query: &[u8]) -> Vec<Vec<u8>> {
        let query = std::str::from_utf8(query).expect("it is ASCII");
        let statement = self.database.prepare(query);
        let mut statement = statement.unwrap_or_else(|error| panic!("{query}: {error}"));
        let rows = statement.query_map([], |row| row.get::<_, Option<String>>(0));
        let rows = rows.unwrap_or_else(|error| panic!("{query}: {error}"));
        rows.map(|row| row.expect("a text").unwrap_or_default().into_bytes())
            .collect()
    }
}
