// SPDX-License-Identifier: GPL-2.0-or-later
//! The growth of a message's cost with the size of a cluster: parameters, nodes with sections, nodes without,
//! the pattern's length, threads.
//!
//! One thing at a time grows from its usual size, in the loaded module. The sizes of each take turns in
//! rounds; a time is the lower decile of these, in ns per dispatch, the engine's own share included.
//! `YATE_ROOT` and `BENCH_ROUNDS` are as for the bench `dispatch`.

use std::fmt::Write;

use engine_bridge::bench::figures::{decile, figure, setting};
use engine_bridge::bench::measure;
use engine_bridge::bench::traffic::Kind;
use engine_bridge::{Engine, Message, Setup, engine, module_path, real_engine};

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
        sizes: &[0, 10, 100, 1000],
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
    let kinds = Kind::all();
    let host = if real_engine() { "real" } else { "mock" };
    println!("{host} engine, lower deciles of {rounds} rounds of {SLOT} ms: ns per message");
    for growth in &GROWTHS {
        print!("\n{:<21}", growth.title);
        for kind in &kinds {
            print!("{:>11}", kind.name);
        }
        println!();
        let mut times = vec![vec![Vec::new(); kinds.len()]; growth.sizes.len()];
        for _ in 0..rounds {
            for (size, times) in growth.sizes.iter().zip(&mut times) {
                round(engine, growth, *size, &kinds, times);
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
}

/// Adds a round's time of each kind to `times`.
fn round(engine: &Engine, growth: &Growth, size: usize, kinds: &[Kind], times: &mut [Vec<f64>]) {
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
