// SPDX-License-Identifier: GPL-2.0-or-later
//! The growth of costs with the size of a cluster.
//!
//! First that of a message: parameters, nodes with sections, nodes without, the pattern's length, threads.
//! One thing at a time grows from its usual size, in the loaded module. The sizes of each take turns in
//! rounds; a time is the lower decile of these, in ns per dispatch, the engine's own share included.
//! `YATE_ROOT` and `BENCH_ROUNDS` are as for the bench `dispatch`.
//!
//! Then that of each path and of each tick with all that the core remembers, in the core alone: ns, the least of some
//! batches, without an engine. A load and a tick look at each thing, so their time is given for each. A load compares the
//! file's section of a node with the list of all others once, which is a part of that.

use std::fmt::Write;
use std::hint::black_box;
use std::time::Instant;

use clustering::auth::nonce_cache::NonceCache;
use clustering::auth::signature::{Nonce, Signer, Verified};
use clustering::cluster::Cluster;
use clustering::file::Document;
use clustering::messages::{Kind, Reply};
use clustering::placement::bounded::{Figures, Spread, choose};
use clustering::placement::rendezvous::{Candidate, Key, Seed};
use clustering::settings::Entry;
use clustering::task::Task;
use clustering::time::{MessageTimes, SteadyTime, WallTime};
use clustering::verdict::{Action, Verdict};
use engine_bridge::bench::figures::{decile, figure, setting};
use engine_bridge::bench::measure;
use engine_bridge::bench::traffic;
use engine_bridge::{Engine, Message, Setup, engine, module_path, real_engine};
use rusqlite::Connection;

/// The time that each size is measured in a round, in milliseconds.
const SLOT: u32 = 4;

/// One thing that grows.
struct Growth {
    title: &'static str,
    sizes: &'static [usize],
    /// The file of settings for a size.
    config: fn(usize) -> String,
    /// Adds parameters to a message.
    more: fn(usize, Message) -> Message,
    /// The number of other nodes that are called before.
    called: fn(usize) -> usize,
    threads: fn(usize) -> u32,
}

/// Nothing grows.
const USUAL: Growth = Growth {
    title: "",
    sizes: &[],
    config: |_| config("node[0-9]\\+", 0),
    more: |_, message| message,
    called: |_| 0,
    threads: |_| 1,
};

const GROWTHS: [Growth; 5] = [
    Growth {
        title: "parameters besides",
        sizes: &[0, 20, 80, 320],
        more: |size, message| {
            (0..size).fold(message, |message, number| {
                message.with(format!("sip_x-header-{number}"), "a value")
            })
        },
        ..USUAL
    },
    Growth {
        title: "nodes with sections",
        sizes: &[0, 1, 100, 1000, 10_000],
        config: |size| config("node[0-9]\\+", size),
        ..USUAL
    },
    Growth {
        title: "nodes called before",
        sizes: &[0, 10, 100, 1000, 4000],
        called: |size| size,
        ..USUAL
    },
    Growth {
        title: "pattern's length",
        sizes: &[13, 61, 253],
        config: |size| {
            // The usual one has 13, with `^` and `$`.
            let others = "x*".repeat((size - 13) / 2);
            config(&format!("{others}node[0-9]\\+"), 0)
        },
        ..USUAL
    },
    Growth {
        title: "threads",
        sizes: &[1, 2, 4],
        threads: |size| u32::try_from(size).expect("it is small"),
        ..USUAL
    },
];

fn config(pattern: &str, sections: usize) -> String {
    let mut text = format!(
        "[general]\nregexp=^{pattern}$\ncallto=sip/sip:cluster/${{called}}@\\0.example.net:5060\n\
         [security]\ntrusted=10.0.0.0/8\n[health]\ninterval=0\n"
    );
    for number in 1..=sections {
        let _ = writeln!(text, "[node node{number}]");
    }
    text
}

fn main() {
    let rounds = setting("BENCH_ROUNDS", 40);
    let engine = engine(&Setup {
        files: vec![("clustering".into(), (USUAL.config)(0))],
        modules: Vec::new(),
        log_to_file: true,
        ..Setup::default()
    });
    let kinds = traffic::Kind::all();
    let host = if real_engine() { "real" } else { "mock" };
    println!("{host} engine, lower deciles of {rounds} rounds of {SLOT} ms: ns per message");
    for growth in &GROWTHS {
        print!("\n{:<21}", growth.title);
        for kind in &kinds {
            print!("{:>11}", kind.name);
        }
        println!();
        let mut times = vec![vec![Vec::new(); kinds.len()]; growth.sizes.len()];
        for number in 0..rounds {
            for (size, times) in growth.sizes.iter().zip(&mut times) {
                // The engine takes a second to read so many sections.
                if *size < 10_000 || number % 10 == 0 {
                    round(engine, growth, *size, &kinds, times);
                }
            }
        }
        for (size, times) in growth.sizes.iter().zip(times) {
            print!("{size:>21}");
            for times in times {
                figure(decile(times), 11, 0);
            }
            println!();
        }
    }
    in_the_core();
}

/// Adds a round's time of each kind to `times`.
fn round(
    engine: &Engine,
    growth: &Growth,
    size: usize,
    kinds: &[traffic::Kind],
    times: &mut [Vec<f64>],
) {
    engine.configure("clustering", (growth.config)(size));
    assert!(engine.load(&module_path(), "clustering"), "it is loaded");
    for number in 0..(growth.called)(size) {
        let target = format!("cluster/node{}/x", number + 10);
        let _ = engine.dispatch(&Message::new("call.execute").with("callto", target));
    }
    let threads = (growth.threads)(size);
    for (kind, times) in kinds.iter().zip(times) {
        let message = (growth.more)(size, kind.message.clone());
        let outcome = engine.dispatch(&message);
        assert!(kind.is_treated(&outcome), "{} of {size}", kind.name);
        times.push(measure(&message, threads, SLOT).dispatch);
    }
    assert!(engine.unload("clustering"), "it is unloaded");
}

/// The sizes of what the core knows.
const SIZES: [usize; 5] = [1, 100, 1000, 10_000, 1_000_000];

/// What grows in the core, and the time of something then.
struct Row {
    title: &'static str,
    /// The greatest of `SIZES` that is measured.
    most: usize,
    time: fn(usize) -> f64,
}

const ROWS: &[Row] = &[
    ten_thousand("load, each node", |size| {
        let cluster = Cluster::new(b"node0", 7);
        quickest(|| load(&cluster, size, CALLTO, WEIGHT)) / per(size)
    }),
    ten_thousand("load, each node, one address", |size| {
        let cluster = Cluster::new(b"node0", 7);
        quickest(|| load(&cluster, size, "sip/sip:x@10.0.0.1", WEIGHT)) / per(size)
    }),
    ten_thousand("file's text, each section", of_text),
    ten_thousand("tick, each node", |size| {
        tick(&of_nodes(size, CALLTO, WEIGHT)) / per(size)
    }),
    million("tick, each registration", |size| {
        tick(&registered(size)) / per(size)
    }),
    ten_thousand("members: tick, each node", |size| {
        tick(&Member::of(size).cluster) / per(size)
    }),
    ten_thousand("members: poll, nothing new", |size| {
        Member::of(size).polls(|_| Vec::new())
    }),
    ten_thousand("members: a join, each node", |size| {
        let join = |number| definitions(size + number, 1);
        Member::of(size).polls(join) / per(size)
    }),
    ten_thousand("startup, nodes", |size| {
        startup(size, CALLTO, "sip/sip:cluster/7@node")
    }),
    ten_thousand("startup, nodes, name first", |size| {
        startup(size, "sip/\\0;called=${called}", "sip/node")
    }),
    ten_thousand("startup, nodes, name between", |size| {
        startup(size, BETWEEN, "sip/sip:7@node")
    }),
    ten_thousand("startup, nodes, to none", |size| {
        startup(size, BETWEEN, "sip/sip:7@phone")
    }),
    ten_thousand("forward, nodes", |size| {
        let call = [("callto", "cluster/node1/conf/7"), ("called", "7")];
        decided(&of_nodes(size, CALLTO, WEIGHT), Kind::Execute, &call)
    }),
    ten_thousand("route, addresses of nodes", |size| {
        let call = [
            ("called", "cluster/"),
            ("ip_host", "10.0.0.1"),
            ("sip_x-callto", "conf/7"),
            ("sip_x-nodename", "node0"),
        ];
        decided(&of_nodes(size, CALLTO, ("source", "#")), Kind::Route, &call)
    }),
    ten_thousand("placement by load, nodes", by_load),
    ten_thousand("known room, nodes", |size| known_room(size, 1)),
    ten_thousand("known room, rooms", |size| known_room(3, size)),
    million("register, registrations", |size| {
        let known = registration(0);
        let known = known.each_ref().map(|(name, value)| (*name, &**value));
        decided(&registered(size), Kind::Register, &known)
    }),
    million("unregister, registrations", |size| {
        let gone = [("data", "sip/x"), ("username", "nobody")];
        decided(&registered(size), Kind::Unregister, &gone)
    }),
    million("local, registrations", |size| {
        let call = [("callto", "cluster/node0/sip/sip:0@10.0.0.1")];
        decided(&registered(size), Kind::Execute, &call)
    }),
    million("forward again, such forwards", forward_again),
    million("end, calls from nodes", |size| {
        let end = [
            ("id", "sip/0"),
            ("cause_sip", "302"),
            ("reason_sip", "Moved"),
        ];
        decided(&arrived(size), Kind::Disconnected, &end)
    }),
    ten_thousand("nonce, nonces seen", nonce),
    ten_thousand("hangup, calls under way", |size| hangup(size, 0)),
    ten_thousand("hangup, callers that wait", |size| hangup(0, size)),
];

/// A placement where half of the nodes have room.
fn by_load(size: usize) -> f64 {
    let candidates: Vec<_> = (0..size)
        .map(|node| {
            let candidate = Candidate {
                seed: Seed::of(format!("node{node}").as_bytes()),
                weight: 100,
                node,
            };
            let figures = Figures {
                load: Some(if node % 2 == 0 { 100 } else { 200 }),
                is_full: false,
            };
            (candidate, figures)
        })
        .collect();
    let mut number = 0_u32;
    quickest(|| {
        number += 1;
        let key = Key::of(&number.to_be_bytes());
        black_box(choose(key, Spread::USUAL, &candidates.iter().copied()));
    })
}

/// The usual template, and one of which the name of a node is neither at the start nor at the end.
const CALLTO: &str = "sip/sip:cluster/${called}@\\0";
const BETWEEN: &str = "sip/sip:${called}@\\0:${port$5060}";
/// What each node's section has, where that is of no importance.
const WEIGHT: (&str, &str) = ("weight", "100");

const fn ten_thousand(title: &'static str, time: fn(usize) -> f64) -> Row {
    Row {
        title,
        most: 10_000,
        time,
    }
}

const fn million(title: &'static str, time: fn(usize) -> f64) -> Row {
    Row {
        title,
        most: 1_000_000,
        time,
    }
}

#[expect(clippy::cast_precision_loss, reason = "sizes are small")]
fn per(size: usize) -> f64 {
    size as f64
}

fn in_the_core() {
    print!("\n{:<30}", "in the core alone, ns");
    for size in SIZES {
        print!("{size:>9}");
    }
    println!();
    for Row { title, most, time } in ROWS {
        print!("{title:<30}");
        for size in SIZES {
            let is_measured = size <= *most;
            figure(if is_measured { time(size) } else { f64::NAN }, 9, 0);
        }
        println!();
    }
}

/// The time of some work: of batches that take a while the quickest one.
fn quickest(mut work: impl FnMut()) -> f64 {
    let mut batch = |count: u32| {
        let begin = Instant::now();
        (0..count).for_each(|_| work());
        begin.elapsed().as_secs_f64() * 1e9 / f64::from(count)
    };
    let count = if batch(1) > 1e6 { 1 } else { 1000 };
    (0..9).map(|_| batch(count)).fold(f64::INFINITY, f64::min)
}

const CLOCK: SteadyTime = SteadyTime(1_000_000_000);
const TIMES: MessageTimes = MessageTimes::at(WallTime(1_767_225_600_000_000));

/// The node node0 of so many.
fn of_nodes(size: usize, callto: &str, each: (&str, &str)) -> Cluster {
    let cluster = Cluster::new(b"node0", 7);
    load(&cluster, size, callto, each);
    cluster
}

/// Puts settings in force. `each` is a line of each node's section; a `#` in it is an address of that node.
fn load(cluster: &Cluster, size: usize, callto: &str, (key, value): (&str, &str)) {
    let sections = (0..size).map(|number| {
        let address = format!("10.0.{}.{}", number / 250, number % 250 + 1);
        (format!("node node{number}"), value.replace('#', &address))
    });
    let sections: Vec<_> = sections.collect();
    let entry = |section, key, value| Entry {
        section: str::as_bytes(section),
        key: str::as_bytes(key),
        value: str::as_bytes(value),
    };
    let mut entries = vec![
        entry("general", "regexp", "^node[0-9]\\+$"),
        entry("general", "callto", callto),
        entry("general", "registrations", "10000000"),
        entry("locate", "account", "rooms"),
    ];
    entries.extend(sections.iter().map(|(name, value)| entry(name, key, value)));
    let loaded = cluster.load("growth.rs", &entries);
    loaded.expect("the settings are right");
    while cluster.next_task().is_some() {}
}

type Params = Vec<(Vec<u8>, Vec<u8>)>;

fn params(list: &[(&str, &str)]) -> Params {
    let bytes = |text: &str| text.as_bytes().to_vec();
    let params = list.iter();
    params
        .map(|(name, value)| (bytes(name), bytes(value)))
        .collect()
}

/// The time of a message, with the look whether it concerns the cluster. It must change the message, or observe it.
fn decided(cluster: &Cluster, kind: Kind, list: &[(&str, &str)]) -> f64 {
    let params = params(list);
    let message = params.as_slice();
    let decide = || {
        let mut verdict = Verdict::default();
        assert!(cluster.concerns(kind, &message), "{kind:?}");
        cluster.decide(kind, &message, true, TIMES, &mut verdict);
        verdict.action
    };
    let is_observed = matches!(kind, Kind::Startup | Kind::Hangup);
    assert_eq!(decide() == Action::Pass, is_observed, "{kind:?}");
    quickest(|| {
        black_box(decide());
    })
}

/// The places of a file's entries, which has so many sections.
fn of_text(size: usize) -> f64 {
    let sections: Vec<_> = (0..size)
        .map(|number| format!("node node{number}"))
        .collect();
    let mut text = String::new();
    for section in &sections {
        let _ = writeln!(text, "[{section}]\nweight=100");
    }
    let entries: Vec<_> = sections
        .iter()
        .map(|section| Entry {
            section: section.as_bytes(),
            key: b"weight",
            value: b"100",
        })
        .collect();
    let document = || Document::of(b"", text.as_bytes(), &entries, b"node0");
    assert_eq!(
        document().places.last().map(|place| place.line),
        u32::try_from(2 * size).ok()
    );
    quickest(|| {
        black_box(document());
    }) / per(size)
}

/// A node that has its list of nodes from a database.
struct Member {
    cluster: Cluster,
    now: SteadyTime,
}

/// The rows of nodes in the database, as the query gives them; the first one's number is `from`.
fn definitions(from: usize, size: usize) -> Vec<Vec<u8>> {
    let tables = include_str!("../conf/clustering.sqlite.sql");
    let database = Connection::open_in_memory().expect("SQLite works");
    let made = database.execute_batch(tables);
    made.expect("the tables are right");
    let row = "INSERT INTO cluster_nodes (name) VALUES ('node') RETURNING definition";
    let row: String = database
        .query_row(row, [], |row| row.get(0))
        .expect("a name is enough");
    let (_, rest) = row.split_once("|node|").expect("it has the name");
    let row = |number| format!("{}|node{number}|{rest}", number + 1).into_bytes();
    (from..from + size).map(row).collect()
}

impl Member {
    /// One of a cluster of so many.
    fn of(size: usize) -> Self {
        let cluster = Cluster::new(b"node0", 7);
        let entry = |section, key, value| Entry {
            section: str::as_bytes(section),
            key: str::as_bytes(key),
            value: str::as_bytes(value),
        };
        let entries = [
            entry("general", "regexp", "^node[0-9]\\+$"),
            entry("general", "callto", CALLTO),
            entry("health", "interval", "0"),
            entry("cluster", "account", "cluster"),
        ];
        let loaded = cluster.load("growth.rs", &entries);
        loaded.expect("the settings are right");
        let mut member = Self {
            cluster,
            now: CLOCK,
        };
        member.poll(&definitions(0, size));
        let known = member.cluster.settings().nodes.iter().count();
        assert_eq!(known, size);
        member
    }

    /// Lets time pass until it has looked at the list, which has these rows to tell; the time that the answer took.
    fn poll(&mut self, rows: &[Vec<u8>]) -> f64 {
        loop {
            self.now = self.now.after(1_000_000);
            self.cluster.tick(self.now);
            while let Some(task) = self.cluster.next_task() {
                let Task::Query(query) = task else { continue };
                let is_poll = query.query.starts_with(b"SELECT definition");
                let rows = rows.iter().filter(|_| is_poll).map(Vec::as_slice);
                let rows: Vec<_> = rows.collect();
                let reply = Reply {
                    handled: true,
                    ..Reply::default()
                };
                let begin = Instant::now();
                self.cluster
                    .queried(query.number, &reply, &rows, (self.now, TIMES.now));
                if is_poll {
                    return begin.elapsed().as_secs_f64() * 1e9;
                }
            }
        }
    }

    /// The time of the quickest of some looks at the list; `rows` tells what is new for each.
    fn polls(mut self, rows: impl Fn(usize) -> Vec<Vec<u8>>) -> f64 {
        let looks = (0..9).map(|number| self.poll(&rows(number)));
        looks.fold(f64::INFINITY, f64::min)
    }
}

/// A nonce, beside so many that were seen in the same window.
fn nonce(size: usize) -> f64 {
    let mut nonces = NonceCache::default();
    let mut count = 0;
    let mut seen = || {
        count += 1;
        let signed = Verified {
            seconds: 1000,
            nonce: Nonce { process: 7, count },
            signer: Signer::Plain,
        };
        nonces.consume(signed, 1000, 30, None)
    };
    (0..size).for_each(|_| assert_eq!(seen(), Ok(())));
    quickest(|| {
        let _ = black_box(seen());
    })
}

fn tick(cluster: &Cluster) -> f64 {
    let tick = || {
        cluster.tick(CLOCK);
        while cluster.next_task().is_some() {}
    };
    // The first one sends probes.
    tick();
    quickest(tick)
}

/// The look whether a channel that starts is a call to a node: to the last one of so many, or to none.
fn startup(size: usize, callto: &str, target: &str) -> f64 {
    let cluster = of_nodes(size, callto, WEIGHT);
    let end = match callto.rsplit_once("\\0") {
        Some((_, "")) => "",
        Some((_, ";called=${called}")) => ";called=7",
        _ => ":5060",
    };
    let target = format!("{target}{}{end}", size - 1);
    let params = params(&[
        ("id", "sip/17"),
        ("direction", "outgoing"),
        ("callto", &target),
    ]);
    let message = params.as_slice();
    let concerns = || cluster.concerns(Kind::Startup, &message);
    assert_eq!(concerns(), !target.contains("phone"), "{target}");
    quickest(|| {
        black_box(concerns());
    })
}

fn registration(number: usize) -> [(&'static str, String); 4] {
    [
        ("data", format!("sip/sip:{number}@10.0.0.1")),
        ("username", number.to_string()),
        ("oconnection_id", "general".to_owned()),
        ("expires", "1000000".to_owned()),
    ]
}

/// A node that has so many registrations.
fn registered(size: usize) -> Cluster {
    let cluster = of_nodes(1, CALLTO, WEIGHT);
    cluster.tick(CLOCK);
    for number in 0..size {
        let list = registration(number);
        let list = list.each_ref().map(|(name, value)| (*name, &**value));
        decide_once(&cluster, Kind::Register, &list);
    }
    assert_eq!(cluster.connections().len(), size);
    cluster
}

fn decide_once(cluster: &Cluster, kind: Kind, list: &[(&str, &str)]) -> Action {
    let params = params(list);
    let mut verdict = Verdict::default();
    cluster.decide(kind, &params.as_slice(), true, TIMES, &mut verdict);
    verdict.action
}

/// A room whose node the database has told, beside so many rooms, by the last of so many nodes.
fn known_room(size: usize, rooms: usize) -> f64 {
    let cluster = of_nodes(size, CALLTO, WEIGHT);
    let node = format!("node{}", size - 1);
    for room in 0..rooms {
        let params = params(&[("callto", &format!("conf/{room}"))]);
        let message = params.as_slice();
        let mut asked = Verdict::default();
        cluster.decide(Kind::Locate, &message, true, TIMES, &mut asked);
        assert_eq!(asked.action, Action::Ask);
        let reply = Reply {
            handled: true,
            row: Some(node.as_bytes()),
            ..Reply::default()
        };
        let mut told = Verdict::default();
        cluster.resume(&asked, &message, &reply, TIMES, &mut told);
        assert_eq!(told.retval(), Some(node.as_bytes()));
    }
    decided(&cluster, Kind::Locate, &[("callto", "conf/0")])
}

/// A call that came from another node and goes on, as many others did before, whose branches are counted.
fn forward_again(size: usize) -> f64 {
    let cluster = of_nodes(3, CALLTO, WEIGHT);
    let decide = |billid: usize| {
        let call = [
            ("callto", "cluster/node1/conf/7"),
            ("sip_x-nodename", "node2"),
            ("billid", &*format!("node2-{billid}")),
        ];
        assert_eq!(decide_once(&cluster, Kind::Execute, &call), Action::Change);
    };
    (0..size).for_each(decide);
    let mut billid = 0;
    // Each call is another one: a call has only so many branches.
    quickest(|| {
        billid += 1;
        decide(billid);
    })
}

/// A node that other nodes have sent so many calls to, the one with the id `sip/0` last.
fn arrived(size: usize) -> Cluster {
    let cluster = of_nodes(1, CALLTO, ("source", "#"));
    for number in (0..size).rev() {
        let call = [
            ("id", &*format!("sip/{number}")),
            ("called", "cluster/"),
            ("ip_host", "10.0.0.1"),
            ("sip_x-callto", "conf/7"),
            ("sip_x-nodename", "node0"),
        ];
        decide_once(&cluster, Kind::Route, &call);
    }
    cluster
}

/// The end of a channel that was none of the cluster's, beside so many calls to nodes, and so many callers that wait.
fn hangup(calls: usize, waiting: usize) -> f64 {
    let cluster = of_nodes(3, CALLTO, WEIGHT);
    for number in 0..calls {
        let id = format!("sip/{number}");
        let target = [
            ("id", &*id),
            ("direction", "outgoing"),
            ("callto", "sip/sip:cluster/7@node1"),
        ];
        decide_once(&cluster, Kind::Startup, &target);
    }
    let callers = (0..waiting).map(|number| {
        params(&[
            ("id", &format!("sip/{number}")),
            ("callto", "cluster/*/conf/7"),
        ])
    });
    let callers: Vec<_> = callers.collect();
    let pending = callers.iter().map(|params| {
        let mut verdict = Verdict::default();
        cluster.decide(Kind::Execute, &params.as_slice(), true, TIMES, &mut verdict);
        assert_eq!(verdict.action, Action::Locate);
        verdict
    });
    let _pending: Vec<_> = pending.collect();
    let params = params(&[("id", "sip/phone")]);
    let message = params.as_slice();
    quickest(|| {
        black_box(cluster.concerns(Kind::Hangup, &message));
        let mut verdict = Verdict::default();
        cluster.decide(Kind::Hangup, &message, true, TIMES, &mut verdict);
    })
}
