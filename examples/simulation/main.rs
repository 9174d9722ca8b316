// SPDX-License-Identifier: GPL-2.0-or-later

//! Clusters of many nodes, without engines: each node is the real core, and has its own clock, probes and queries.
//!
//!     make simulate
//!     cargo run --release --example simulation -- cluster [PICTURE]
//!     cargo run --release --example simulation -- placement|postgres|sqlite
//!
//! `cluster` lets time pass as fast as the machine can, in a network that loses and delays what is sent. It says how long
//! it takes until all nodes know of a death, a return, a drain and a join, and draws that. `placement` has ten million rooms come
//! and go, and says how full the fullest node is. `postgres` lets a cluster live at its own pace
//! on a real server, and weighs that server. `sqlite` has several processes share one file.

mod chart;
mod cluster;
mod node;
mod placement;
mod postgres;
mod sqlite;

use std::process::ExitCode;

fn main() -> ExitCode {
    let arguments: Vec<_> = std::env::args().skip(1).collect();
    let words: Vec<_> = arguments.iter().map(String::as_str).collect();
    let is_good = match words[..] {
        ["cluster"] => cluster::run(None),
        ["cluster", picture] => cluster::run(Some(picture)),
        ["placement"] => placement::run(),
        ["postgres"] => postgres::run(),
        ["sqlite"] => sqlite::run(),
        [sqlite::WORD, ref rest @ ..] => sqlite::process(rest),
        _ => {
            eprintln!("usage: simulation cluster [PICTURE] | placement | postgres | sqlite");
            false
        }
    };
    if is_good {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    }
}
