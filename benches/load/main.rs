// SPDX-License-Identifier: GPL-2.0-or-later
//! The cost of whole calls and registrations, over real SIP, on real nodes.
//!
//! Each contestant is a pair of engines: `node1` gets the calls, `node2` rings the phone. `plain` has no clustering
//! module; its nodes hand a call on by `regexroute`, as two nodes would that know nothing of each other. All others have
//! a module, and are measured against it; `single` is one node that does both. They take turns in rounds. A cost is the CPU time
//! of the engine's process, which no neighbour on the machine adds to; a ratio is the median of the ratios of the
//! rounds. All addresses are loopback ones, and the rate and the number of calls are bounded.
//!
//! `YATE_ROOT` names the engine, `STOCK` and `RELEASED` name other modules, `LOAD_ROUNDS`, `LOAD_RATE` and `LOAD_CALLS` set the length of
//! the run, `LOAD_ONLY` selects contestants, as for a profiler.

#[allow(
    dead_code,
    reason = "shared with the tests of a cluster, which use all of it"
)]
#[path = "../../tests/cluster/installation.rs"]
mod installation;
#[allow(
    dead_code,
    reason = "shared with the tests of a cluster, which use all of it"
)]
#[path = "../../tests/cluster/network.rs"]
mod network;
#[allow(
    dead_code,
    reason = "shared with the tests of a cluster, which use all of it"
)]
#[path = "../../tests/cluster/sip.rs"]
mod sip;

mod contestant;
mod traffic;

use std::env;
use std::sync::Arc;
use std::thread;
use std::time::{Duration, Instant};

use engine_bridge::bench::figures::{figure, setting};
use engine_bridge::real_engine;
use engine_process::Guard;
use tempfile::TempDir;

use contestant::{Contestant, Kind};
use installation::Installation;
use traffic::{Heard, Load};

/// The contestant that the others are measured against.
const BASELINE: &str = "plain";
/// The time that is left to a node for what it does after the last call.
const AFTER: Duration = Duration::from_millis(200);
/// The time in which nothing happens, for the cost of a node that has nothing to do.
const IDLE: Duration = Duration::from_secs(10);

/// The time after which a SIP transaction has ended, whatever came of it.
const TRANSACTION: Duration = Duration::from_secs(35);
/// Probes a second, for the cost of one.
const PROBES: u32 = 100;

/// What the rounds have shown of one contestant.
#[derive(Default)]
struct Rounds {
    /// CPU time per call or registration on each node in each round, in microseconds.
    cost: [Vec<f64>; 2],
    /// Times until the answer, in milliseconds.
    times: Vec<f64>,
    failures: usize,
}

impl Rounds {
    fn add(&mut self, cost: [f64; 2], heard: &Heard) {
        for (costs, cost) in self.cost.iter_mut().zip(cost) {
            costs.push(cost);
        }
        self.times
            .extend(heard.times.iter().map(|time| time.as_secs_f64() * 1e3));
        self.failures += heard.failures;
    }

    /// The median of the ratios of a node's cost to the baseline's in the same round, and the standard error of that median.
    fn ratio(&self, node: usize, baseline: &Self) -> (f64, f64) {
        let pairs = self.cost[node].iter().zip(&baseline.cost[node]);
        let ratios: Vec<_> = pairs.map(|(own, base)| own / base).collect();
        // As of a normal distribution: its quartiles are 1.35 deviations apart, and a median's error is 1.25 that of a mean.
        let deviation = (quantile(ratios.clone(), 0.75) - quantile(ratios.clone(), 0.25)) / 1.35;
        let rounds = f64::from(u32::try_from(ratios.len()).expect("it is bounded"));
        (quantile(ratios, 0.5), 1.25 * deviation / rounds.sqrt())
    }
}

fn main() {
    if !real_engine() {
        println!("It takes a real engine: make load YATE_ROOT=DIR");
        return;
    }
    let rounds = setting("LOAD_ROUNDS", 21).clamp(1, 1_000);
    let rate = setting("LOAD_RATE", 100).clamp(1, 500);
    let calls = setting("LOAD_CALLS", 100).clamp(1, 10_000);
    let load = Load {
        count: calls as usize,
        interval: Duration::from_secs(1) / rate,
    };

    let installation = Installation::find();
    let directory = TempDir::with_prefix("load-").expect("there is room for a directory");
    let guard = Guard::new(directory.path()).expect("there is a shell");
    let guard = Arc::new(guard);
    let only = env::var("LOAD_ONLY").ok();
    let is_wanted = |kind: &Kind| {
        let only = only.as_deref().map(|names| names.split(','));
        only.is_none_or(|mut names| names.any(|name| name == kind.name))
    };
    let contestants: Vec<_> = contestant::kinds()
        .into_iter()
        .filter(is_wanted)
        .map(|kind| Contestant::start(kind, &installation, &guard, directory.path()))
        .collect();

    // They cost less than calls do.
    let more = Load {
        count: load.count * 4,
        interval: load.interval / 4,
    };
    println!(
        "{rounds} rounds; {calls} calls, {rate} a second; {} registrations, {} a second\n",
        more.count,
        4 * rate
    );
    let idle = idle(&contestants);
    let calls = rounds_of(&contestants, rounds, load, Contestant::calls);
    // A node has forgotten a call only when its transactions have ended.
    thread::sleep(TRANSACTION);
    let registrations = rounds_of(&contestants, rounds, more, Contestant::registrations);
    let names: Vec<_> = contestants.iter().map(|one| one.kind.name).collect();
    show("calls", "set-up", &names, &calls);
    show("registrations", "answer", &names, &registrations);
    println!("idle: CPU ms per second");
    for (name, cost) in names.iter().zip(&idle) {
        print!("{name:<10}");
        for cost in cost {
            figure(*cost, 9, 2);
        }
        println!();
    }
    let base = names.iter().position(|name| *name == BASELINE);
    let Some(base) = base.map(|place| idle[place]) else {
        return;
    };
    drop(contestants);
    let kind = contestant::probing(PROBES);
    let probing = [Contestant::start(
        kind,
        &installation,
        &guard,
        directory.path(),
    )];
    // The first probes go out within the first seconds.
    thread::sleep(IDLE / 2);
    let [sender, receiver] = self::idle(&probing)[0];
    let each = |cost: f64, base: f64| (cost - base) * 1e3 / f64::from(PROBES);
    println!("\na probe: CPU us");
    print!("to send it{:>9.0}\nto answer it", each(sender, base[0]));
    println!("{:>7.0}", each(receiver, base[1]));
}

/// Lets traffic run through all contestants in turns.
fn rounds_of(
    contestants: &[Contestant],
    rounds: u32,
    load: Load,
    run: impl Fn(&Contestant, Load) -> Heard,
) -> Vec<Rounds> {
    // The first ones find everything cold.
    for one in contestants {
        run(one, load);
    }
    let mut all: Vec<Rounds> = contestants.iter().map(|_| Rounds::default()).collect();
    for round in 0..rounds as usize {
        // Each is the first one in its turn.
        for place in 0..contestants.len() {
            let place = (place + round) % contestants.len();
            let one = &contestants[place];
            let (cost, heard) = measured(one, load, || run(one, load));
            all[place].add(cost, &heard);
        }
    }
    all
}

/// Lets traffic run, and gives the CPU time that each node took for one call of it, in microseconds.
fn measured(one: &Contestant, load: Load, run: impl FnOnce() -> Heard) -> ([f64; 2], Heard) {
    let before = one.cpu();
    let begin = Instant::now();
    let heard = run();
    // Windows of one length, so that what a node does without calls adds the same to all.
    let window = load.interval * u32::try_from(load.count).expect("it is bounded") + AFTER;
    thread::sleep(window.saturating_sub(begin.elapsed()));
    let after = one.cpu();
    let count = f64::from(u32::try_from(load.count).expect("it is bounded"));
    let cost =
        [0, 1].map(|node| after[node].saturating_sub(before[node]).as_secs_f64() * 1e6 / count);
    (cost, heard)
}

/// The CPU time of each node of each contestant while nothing happens, in milliseconds a second.
fn idle(contestants: &[Contestant]) -> Vec<[f64; 2]> {
    let before: Vec<_> = contestants.iter().map(Contestant::cpu).collect();
    thread::sleep(IDLE);
    let after = contestants.iter().map(Contestant::cpu);
    let pairs = before.into_iter().zip(after);
    let cost = |(before, after): ([Duration; 2], [Duration; 2])| {
        [0, 1].map(|node| {
            after[node].saturating_sub(before[node]).as_secs_f64() * 1e3 / IDLE.as_secs_f64()
        })
    };
    pairs.map(cost).collect()
}

fn show(what: &str, time: &str, names: &[&str], all: &[Rounds]) {
    let baseline = names.iter().position(|name| *name == BASELINE);
    println!("{what}: CPU us, median; to {BASELINE}, median of the rounds; {time} ms");
    println!(
        "{:<10}{:>9}{:>9}{:>9}{:>7}{:>9}{:>7}{:>9}{:>9}{:>9}",
        "", "node1", "node2", "node1/pl", "+-", "node2/pl", "+-", "p50", "p99", "failed"
    );
    for (name, rounds) in names.iter().zip(all) {
        print!("{name:<10}");
        for costs in &rounds.cost {
            figure(quantile(costs.clone(), 0.5), 9, 0);
        }
        for node in 0..2 {
            let ratio = baseline.map(|place| rounds.ratio(node, &all[place]));
            let (ratio, error) = ratio.unwrap_or((f64::NAN, f64::NAN));
            figure(ratio, 9, 3);
            figure(error, 7, 3);
        }
        for part in [0.5, 0.99] {
            figure(quantile(rounds.times.clone(), part), 9, 2);
        }
        println!("{:>9}", rounds.failures);
    }
    println!();
}

/// The value below which this part of the values is; not a number where there is none.
#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_precision_loss,
    clippy::cast_sign_loss,
    reason = "a place in a list that is in memory"
)]
fn quantile(mut values: Vec<f64>, part: f64) -> f64 {
    values.retain(|value| value.is_finite());
    values.sort_by(f64::total_cmp);
    let place = (values.len() as f64 * part) as usize;
    let place = place.min(values.len().saturating_sub(1));
    values.get(place).copied().unwrap_or(f64::NAN)
}
