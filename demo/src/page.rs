// SPDX-License-Identifier: GPL-2.0-or-later

//! A cluster to look at: calls from node to node, a drain, a death, and the page of `yate-clustering-monitor`.
//!
//! The mock engine has no remote manager, so the demo plays that of each node: a console that hands the monitor's
//! commands to the node.

use std::env;
use std::ffi::OsStr;
use std::io::{self, BufRead, BufReader, Write};
use std::net::{TcpListener, TcpStream};
use std::process::{Command, Stdio};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use engine_process::failure;

use crate::nodes::{Binaries, Node, Nodes};
use crate::story::calls::{USERS, registration};
use crate::story::cluster::{self, CLUSTERING, NODES};

/// The time from one call to the next.
const CALL: Duration = Duration::from_millis(150);

/// Who calls whom, at which node.
const CALLS: [(&str, &str, &str); 10] = [
    ("alice", "bob", "node1"),
    ("judy", "bob", "node3"),
    ("bob", "alice", "node2"),
    ("carol", "room1", "node1"),
    ("alice", "judy", "node1"),
    ("dave", "room9", "node3"),
    ("judy", "alice", "node3"),
    ("erin", "room8", "node2"),
    ("alice", "bob", "node1"),
    ("bob", "judy", "node2"),
];

/// What happens to the nodes.
enum Step {
    /// A command at node1.
    Say(&'static str),
    Kill(&'static str),
    Start(&'static str),
}

/// What happens, and the second of each turn at which it does.
const STEPS: [(u64, Step, &str); 4] = [
    (
        15,
        Step::Say("clustering drain node3"),
        "node3 is drained: no new room is placed there",
    ),
    (30, Step::Kill("node2"), "node2 is killed with kill -9"),
    (70, Step::Start("node2"), "node2 is started again"),
    (
        85,
        Step::Say("clustering undrain node3"),
        "node3 takes part again",
    ),
];
const TURN: u64 = 100;

type Shared = Arc<Mutex<Nodes>>;

/// Serves the page at an address and a port, until something fails.
pub fn show(listen: &OsStr) -> io::Result<()> {
    let binaries = Binaries::find()?;

    let nodes: Shared = Arc::new(Mutex::new(Nodes::new()?));
    let mut engines = Vec::new();
    for name in NODES {
        cluster::start_with(&binaries, &mut locked(&nodes), name, CLUSTERING)?;
        engines.push(console(&nodes, name)?);
    }
    for (user, host, node) in USERS {
        let nodes = locked(&nodes);
        nodes
            .get(node)?
            .client()
            .dispatch(&registration(user, host))?;
    }
    let url = monitor(&nodes, &engines, listen)?;
    let mut out = io::stdout();
    writeln!(out, "Look at {url}\n\nCtrl-C ends the demo. Meanwhile:")?;
    loop {
        let begin = Instant::now();
        for (second, step, text) in &STEPS {
            calls_until(&nodes, begin + Duration::from_secs(*second));
            writeln!(out, "  {text}")?;
            let mut nodes = locked(&nodes);
            match step {
                Step::Say(line) => {
                    nodes.get("node1")?.client().command(line)?;
                }
                Step::Kill(name) => nodes.kill(name)?,
                Step::Start(name) => cluster::start_with(&binaries, &mut nodes, name, CLUSTERING)?,
            }
        }
        calls_until(&nodes, begin + Duration::from_secs(TURN));
    }
}

fn locked(nodes: &Shared) -> MutexGuard<'_, Nodes> {
    nodes.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Phones call each other, where their nodes run.
fn calls_until(nodes: &Shared, end: Instant) {
    for (caller, user, node) in CALLS.iter().cycle() {
        if Instant::now() >= end {
            break;
        }
        // A call to a node that has just died takes a while, and a node may die while it is asked.
        let client = locked(nodes).get(node).and_then(Node::connect);
        let _ = client.and_then(|client| client.command(&format!("call {caller} {user}")));
        thread::sleep(CALL);
    }
}

/// Plays the remote manager of a node; gives its address.
fn console(nodes: &Shared, name: &'static str) -> io::Result<String> {
    let listener = TcpListener::bind("127.0.0.1:0")?;
    let address = listener.local_addr()?.to_string();
    let nodes = Arc::clone(nodes);
    thread::spawn(move || {
        for connection in listener.incoming().flatten() {
            let nodes = Arc::clone(&nodes);
            // One that breaks is opened anew by the other side.
            thread::spawn(move || talk(&connection, &nodes, name));
        }
    });
    Ok(address)
}

/// Answers as a remote manager does, as long as its node runs.
fn talk(connection: &TcpStream, nodes: &Shared, name: &str) -> io::Result<()> {
    let client = locked(nodes).get(name)?.connect()?;
    let mut to = connection.try_clone()?;
    for line in BufReader::new(connection).lines() {
        let answer = match line?.trim_end() {
            "echo off" => "Remote echo: off\n".to_owned(),
            line if line.starts_with("clustering ") => client.command(line)?,
            _ => String::new(),
        };
        let lines: Vec<_> = answer.lines().chain([""]).collect();
        to.write_all(lines.join("\r\n").as_bytes())?;
    }
    Ok(())
}

/// Starts the monitor, which ends with the demo; gives the address of its page.
fn monitor(nodes: &Shared, engines: &[String], listen: &OsStr) -> io::Result<String> {
    let program = env::current_exe()?.with_file_name("yate-clustering-monitor");
    if !program.exists() {
        let program = program.display();
        return Err(failure(format!("no {program}: run `make demo PAGE=yes`")));
    }
    let mut command = Command::new(program);
    command.args(["--interval", "1", "--timeout", "1", "--listen"]);
    command.arg(listen);
    for engine in engines {
        command.args(["--engine", engine]);
    }
    let mut child = command.stderr(Stdio::piped()).spawn()?;
    locked(nodes).watch(child.id())?;
    let lines = child.stderr.take().map(BufReader::new);
    let mut lines = lines.ok_or_else(|| failure("the monitor has no output"))?;
    let mut line = String::new();
    lines.read_line(&mut line)?;
    let url = line.trim().strip_prefix("Serving at ");
    let url = url.ok_or_else(|| failure(line.trim()))?.to_owned();
    // What it says of engines that come and go is on the page.
    thread::spawn(move || {
        let _ = io::copy(&mut lines, &mut io::sink());
        let _ = child.wait();
    });
    Ok(url)
}
