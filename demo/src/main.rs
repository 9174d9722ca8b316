// SPDX-License-Identifier: GPL-2.0-or-later

//! Shows what the clustering module is for: three nodes on one host, the way of each call through
//! them, as the nodes themselves tell it, and what becomes of calls when a node goes.
//!
//! The nodes are processes of the mock engine with the real module. All that is printed was seen in
//! the nodes' messages, and all of it is compared with what it should be.

use std::env;
use std::ffi::OsString;
use std::io::{self, Write};
use std::path::Path;
use std::process::ExitCode;

use nodes::{Binaries, Nodes};

mod cases;
mod nodes;
mod page;
mod story;
mod teller;

const USAGE: &str = "\
Usage: clustering-demo [--cases FILE | --page ADDRESS:PORT]

With no option, starts a cluster of three nodes and shows the way of each call.

   --cases FILE   sends the messages of a file and shows what became of each.
                  One JSON object a line: config (the text of clustering.conf),
                  node, message, params; if it is to be compared, also handled,
                  retval, result, locate. See demo/cases.jsonl.

   --page ADDRESS:PORT
                  starts the cluster and serves a page of it there, until it
                  is stopped: calls go from node to node, a node is drained,
                  another one dies and comes back, again and again.

YATE_MOCK_DIR names the directory of yate-mock and clustering.yate.
";

fn main() -> ExitCode {
    let args: Vec<OsString> = env::args_os().skip(1).collect();
    let args: Vec<&OsString> = args.iter().collect();
    let done = match args[..] {
        [] => with_nodes(story::play),
        [option, file] if option == "--cases" => {
            with_nodes(|binaries, nodes, out| cases::run(Path::new(file), binaries, nodes, out))
        }
        [option, address] if option == "--page" => page::show(address).map(|()| true),
        [option] if option == "--help" || option == "-h" => {
            io::stdout().write_all(USAGE.as_bytes()).map(|()| true)
        }
        _ => {
            eprint!("{USAGE}");
            Ok(false)
        }
    };
    match done {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) => {
            eprintln!("clustering-demo: {error}");
            ExitCode::FAILURE
        }
    }
}

/// Plays something that may start nodes, and shows their logs if it goes wrong.
fn with_nodes(
    play: impl FnOnce(&Binaries, &mut Nodes, &mut dyn Write) -> io::Result<bool>,
) -> io::Result<bool> {
    let binaries = Binaries::find()?;
    let mut nodes = Nodes::new()?;
    let right = play(&binaries, &mut nodes, &mut io::stdout().lock());
    if !matches!(right, Ok(true)) {
        eprint!("{}", nodes.logs());
    }
    right
}
