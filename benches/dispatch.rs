// SPDX-License-Identifier: GPL-2.0-or-later
//! The cost of the module per message, in the engine, beside handlers that mark the limits.
//!
//! Contestants: `none`, where nothing is installed; `noop`, handlers of the same names, priorities
//! and track name that do nothing; `floor`, the shortest C++ that writes the same parameters; `ideal`,
//! handwritten C++ that writes them with `setParam` and decides no more than it must; `full`, these beside as many handlers as
//! the module has, which do nothing, and a second look at a call's target; `ours`, the loaded module, with nodes, their
//! health and trust by address; `signed`, the same with a secret, where calls are forwarded; `released`, the module of the last release, that
//! `RELEASED` names; and `other`, any module that `STOCK` names. They take turns in rounds, so that the noise of a shared machine hits all alike. A time
//! is the lower decile of the rounds: where a machine halves its speed at times, a median jumps
//! between its two speeds. A ratio is one of such times. Each dispatch has a fresh copy of its
//! message. The first tables count the dispatch alone, the last ones the making and the end of the
//! message too, parameters that were added included. Short messages follow the usual ones: in these the look-ups of
//! `ideal` hide little. The log is at its default level and goes to a
//! file, as a daemon's does.
//!
//! `YATE_ROOT` names a real engine, `BENCH_ROUNDS` and `BENCH_MILLISECONDS` set the length of the run,
//! `BENCH_KINDS` selects kinds and `BENCH_CONTESTANTS` contestants, as for a profiler.

use std::env;
use std::path::PathBuf;
use std::thread;
use std::time::{Duration, Instant};

use engine_bridge::bench::figures::{decile, figure, setting};
use engine_bridge::bench::traffic::{Kind, located_call, registration};
use engine_bridge::bench::{Contestant, Timing, measure};
use engine_bridge::{Engine, Message, Setup, engine, is_mapped, module_path, real_engine};

const CONFIG: &str = "[general]\n\
    regexp=^node[0-9]\\+$\n\
    callto=sip/sip:cluster/${called}@\\0.example.net:5060\n\
    [security]\n\
    trusted=10.0.0.0/8\n\
    [node node1]\n\
    [node node2]\n\
    [node node3]\n\
    weight=200\n";
/// The settings by which `ours` signs. A number in the request URI would be signed besides; few put it there.
const SECRET: &str = "[security]\nsecret=a secret of a benchmark, not to be used elsewhere\n\
    [general]\ncallto=sip/sip:cluster/@\\0.example.net:5060\n";
const THREADS: [u32; 2] = [1, 2];
/// The time of a lookup while registrations are measured, and the number of them in a row.
const LOOKUP: Duration = Duration::from_millis(100);
const LOOKUPS: u32 = 10;
/// The time between two of these registrations.
const EVERY: Duration = Duration::from_micros(250);

/// A contestant.
enum Entry {
    None,
    Noop,
    Floor,
    Ideal,
    Full,
    Module {
        title: &'static str,
        file: PathBuf,
        config: String,
    },
}

/// The handle that keeps a contestant in the engine.
enum Entered {
    Nothing,
    Handlers { _installed: Contestant },
    Module,
}

impl Entry {
    /// All contestants that can be measured here.
    fn all() -> Vec<Self> {
        let named = |name| {
            env::var_os(name)
                .filter(|file| !file.is_empty())
                .map(PathBuf::from)
        };
        let modules = [
            ("ours", Some(module_path()), ""),
            ("signed", Some(module_path()), SECRET),
            ("released", named("RELEASED"), ""),
            ("other", named("STOCK"), ""),
        ];
        let modules = modules.into_iter().filter_map(|(title, file, more)| {
            let file = file?;
            if file.exists() {
                Some(Self::Module {
                    title,
                    file: file.canonicalize().ok()?,
                    // Of two entries the first counts.
                    config: format!("{more}{CONFIG}"),
                })
            } else {
                println!("{title} is left out: {} is missing", file.display());
                None
            }
        });
        [Self::None, Self::Noop, Self::Floor, Self::Ideal, Self::Full]
            .into_iter()
            .chain(modules)
            .collect()
    }

    fn title(&self) -> &'static str {
        match self {
            Self::None => "none",
            Self::Noop => "noop",
            Self::Floor => "floor",
            Self::Ideal => "ideal",
            Self::Full => "full",
            Self::Module { title, .. } => title,
        }
    }

    fn enter(&self, engine: &Engine) -> Entered {
        match self {
            Self::None => Entered::Nothing,
            Self::Noop => Entered::Handlers {
                _installed: Contestant::noop(),
            },
            Self::Floor => Entered::Handlers {
                _installed: Contestant::floor(),
            },
            Self::Ideal => Entered::Handlers {
                _installed: Contestant::ideal(),
            },
            Self::Full => Entered::Handlers {
                _installed: Contestant::full(),
            },
            Self::Module {
                title,
                file,
                config,
            } => {
                engine.configure("clustering", config);
                assert!(engine.load(file, title), "{} is loaded", file.display());
                Entered::Module
            }
        }
    }

    /// Takes it out of the engine; no message is under way then.
    fn leave(&self, engine: &Engine, entered: Entered) {
        if let (Self::Module { title, file, .. }, Entered::Module) = (self, entered) {
            assert!(engine.unload(title), "{} is unloaded", file.display());
            let file = file.to_str().expect("the path is UTF-8");
            assert!(!is_mapped(file), "{file} is unmapped");
        }
    }

    /// Whether this kind of message tells anything about it. A signature is made for a forwarded call; a
    /// received call can't be copied, as each counts once.
    fn is_measured(&self, kind: &Kind) -> bool {
        self.title() != "signed" || kind.name.starts_with("forward")
    }

    /// Checks that a contestant that does the cluster's work really does it, so that no wrong result is
    /// timed.
    fn check(&self, engine: &Engine, kinds: &[Kind]) {
        if matches!(self, Self::None | Self::Noop) {
            return;
        }
        for kind in kinds.iter().filter(|kind| self.is_measured(kind)) {
            let outcome = engine.dispatch(&kind.message);
            let (title, name) = (self.title(), kind.name);
            // The signed call leaves the number out of its target.
            let is_treated = if title == "signed" {
                outcome.get("osip_x-signature").is_some()
            } else {
                kind.is_treated(&outcome)
            };
            assert!(is_treated, "{title} treats {name} wrongly: {outcome:?}");
        }
    }
}

fn main() {
    let (rounds, milliseconds) = (
        setting("BENCH_ROUNDS", 40),
        setting("BENCH_MILLISECONDS", 4),
    );
    let engine = engine(&Setup {
        files: vec![("clustering".into(), CONFIG.into())],
        modules: Vec::new(),
        log_to_file: true,
        ..Setup::default()
    });
    let mut kinds = Kind::all();
    kinds.extend(Kind::short());
    let mut entries = Entry::all();
    if let Ok(chosen) = env::var("BENCH_CONTESTANTS") {
        entries.retain(|entry| chosen.split(',').any(|title| title == entry.title()));
        assert!(!entries.is_empty(), "BENCH_CONTESTANTS={chosen} names none");
    }
    let chosen = env::var("BENCH_KINDS").ok();
    if let Some(chosen) = &chosen {
        kinds.retain(|kind| chosen.split(',').any(|name| name == kind.name));
        assert!(!kinds.is_empty(), "BENCH_KINDS={chosen} names no kind");
    }
    let host = if real_engine() { "real" } else { "mock" };
    println!("{host} engine, lower deciles of {rounds} rounds of {milliseconds} ms");

    // By round, then as `slots` runs through them.
    let mut timings = vec![Vec::new(); entries.len()];
    for round in 0..rounds {
        for (entry, timings) in entries.iter().zip(&mut timings) {
            let entered = entry.enter(engine);
            if round == 0 {
                entry.check(engine, &kinds);
            }
            timings.push(slots(entry, &kinds, milliseconds));
            entry.leave(engine, entered);
        }
    }
    let titles: Vec<_> = entries.iter().map(Entry::title).collect();
    for (what, of) in [
        (
            "dispatch alone",
            (|timing| timing.dispatch) as fn(Timing) -> f64,
        ),
        ("with making and ending the message", |timing| timing.whole),
    ] {
        for (index, threads) in THREADS.iter().enumerate() {
            println!("\n{what}, {threads} thread(s): ns per message");
            table(&titles, &kinds, |entry, kind| {
                let slot = index * kinds.len() + kind;
                let rounds = timings[entry].iter().filter_map(|round| round[slot]);
                rounds.map(of).collect()
            });
        }
    }
    if chosen.is_some() {
        return;
    }
    println!(
        "\nregistrations every {} us while lookups take 100 ms: us",
        EVERY.as_micros()
    );
    for entry in &entries {
        let call = match entry {
            Entry::None => Message::new("cluster.locate"),
            Entry::Module { .. } if entry.title() != "signed" => located_call(),
            Entry::Module { .. } | Entry::Noop | Entry::Floor | Entry::Ideal | Entry::Full => {
                continue;
            }
        };
        let entered = entry.enter(engine);
        lookups(engine, entry.title(), &call);
        entry.leave(engine, entered);
    }
}

/// One round of one contestant: all kinds with each number of threads, `None` for one that isn't
/// measured.
fn slots(entry: &Entry, kinds: &[Kind], milliseconds: u32) -> Vec<Option<Timing>> {
    // A contestant that was just loaded must warm up, for the first kind as for the others.
    let _ = measure(&kinds[0].message, THREADS[0], milliseconds);
    let each = |threads| {
        kinds.iter().map(move |kind| {
            let measured = entry.is_measured(kind);
            measured.then(|| measure(&kind.message, threads, milliseconds))
        })
    };
    THREADS.into_iter().flat_map(each).collect()
}

/// Prints times and the ratios that the project is held to; `rounds` has the rounds of a contestant
/// and a kind.
fn table(titles: &[&str], kinds: &[Kind], rounds: impl Fn(usize, usize) -> Vec<f64>) {
    let place = |title: &str| titles.iter().position(|own| *own == title);
    let ratios: Vec<_> = [
        ("floor", "noop"),
        ("ours", "noop"),
        ("ours", "floor"),
        ("full", "ideal"),
        ("ours", "ideal"),
        ("ours", "full"),
        ("ours", "released"),
        ("signed", "ideal"),
        ("other", "noop"),
        ("other", "ideal"),
    ]
    .into_iter()
    .chain([("other", "ours")])
    .filter_map(|(over, under)| {
        Some((
            format!("{}/{}", short(over), short(under)),
            place(over)?,
            place(under)?,
        ))
    })
    .collect();
    print!("{:<11}", "");
    for title in titles {
        print!("{:>7}", &title[..title.len().min(6)]);
    }
    for (title, ..) in &ratios {
        print!("{title:>7}");
    }
    println!();
    for (kind, Kind { name, .. }) in kinds.iter().enumerate() {
        let times: Vec<_> = (0..titles.len())
            .map(|entry| decile(rounds(entry, kind)))
            .collect();
        print!("{name:<11}");
        for time in &times {
            figure(*time, 7, 0);
        }
        for (_, over, under) in &ratios {
            figure(times[*over] / times[*under], 7, 2);
        }
        println!();
    }
}

/// A contestant's name in the title of a ratio.
fn short(title: &str) -> &str {
    match title {
        "floor" => "fl",
        "full" => "ful",
        "ideal" => "id",
        "noop" => "no",
        "signed" => "sig",
        "released" => "rel",
        "other" => "ot",
        _ => "our",
    }
}

/// Registrations on a fixed schedule while one thread places calls whose lookup takes its time, or only looks
/// up where there is no module. The figure is the delay after the time at which each registration was due: so
/// those that a blocked one held up count, too.
fn lookups(engine: &'static Engine, title: &str, call: &Message) {
    let _handler = engine.handle("cluster.locate", 50, |call| {
        thread::sleep(LOOKUP);
        call.set_retval("node2");
        true
    });
    let register = registration();
    let mut delays = Vec::new();
    thread::scope(|scope| {
        let calls = scope.spawn(|| {
            for _ in 0..LOOKUPS {
                let begin = Instant::now();
                let _ = engine.dispatch(call);
                assert!(begin.elapsed() >= LOOKUP, "it is looked up");
            }
        });
        let mut due = Instant::now();
        while !calls.is_finished() {
            thread::sleep(due.saturating_duration_since(Instant::now()));
            let _ = engine.dispatch(&register);
            delays.push(due.elapsed().as_micros());
            due += EVERY;
        }
    });
    delays.sort_unstable();
    let [p50, p99, max] = [50, 99, 100].map(|percent| delays[(delays.len() - 1) * percent / 100]);
    println!("{title:<11}p50 {p50:>8}  p99 {p99:>8}  max {max:>8}");
}
