// SPDX-License-Identifier: GPL-2.0-or-later

//! What the monitor costs: `load [NODES [SECONDS]]` runs it beside consoles of so many nodes, of which each knows all
//! others, asks it for metrics once a second, and shows what that took. 200 nodes and a minute by default.

use std::fmt::Write as _;
use std::fs;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::thread;
use std::time::{Duration, Instant};

/// The nodes in one part of an answer, as many as fit in one of the module's.
const PART: usize = 50;

/// Calls so far, which go up all the time.
static CALLS: AtomicU64 = AtomicU64::new(0);

/// A part of a node's answer.
fn part(node: usize, nodes: usize, from: usize) -> String {
    let calls = CALLS.fetch_add(1, Relaxed);
    let mut text = format!(
        "{{\"schema\":1,\"node\":\"node{node}\",\"version\":\"1.1.0\",\"time\":1795790000,\"enabled\":true,\"reload\":1,\
         \"file\":\"taken\",\"database\":\"up\",\"members\":\"up\",\"connections\":1000,\"signatures\":\"required\",\
         \"counters\":{{"
    );
    for (at, counter) in clustering::operator::counters::Counter::ALL
        .iter()
        .enumerate()
    {
        let comma = if at > 0 { "," } else { "" };
        // Writing to a string doesn't fail.
        let _ = write!(text, "{comma}\"{}\":{calls}", counter.text());
    }
    text.push_str("},\"nodes\":[");
    let end = (from + PART).min(nodes);
    for other in from..end {
        let comma = if other > from { "," } else { "" };
        let _ = write!(
            text,
            "{comma}{{\"name\":\"node{other}\",\"state\":\"up\",\"reason\":\"answered 200\",\"admin\":\"enabled\",\
             \"weight\":100,\"since\":86400,\"latency\":0.000734,\"forwards\":{calls},\"failures\":0,\
             \"version\":\"1.1.0\",\"drift\":[],\"overruled\":[],\"channels\":40,\"rooms\":12,\"registrations\":900,\
             \"seen\":1795789991}}"
        );
    }
    text.push_str("],\"senders\":[]");
    if end < nodes {
        let _ = write!(text, ",\"next\":\"{end}\"");
    }
    text.push_str("}\r\n");
    text
}

/// Answers on one connection.
fn talk(connection: &TcpStream, node: usize, nodes: usize) -> std::io::Result<()> {
    let mut to = connection.try_clone()?;
    for line in BufReader::new(connection).lines() {
        let line = line?;
        let line = line.trim_end();
        let answer = match line.strip_prefix("clustering json ") {
            Some(from) => part(node, nodes, from.trim_end_matches('+').parse().unwrap_or(0)),
            None if line == "echo off" => "Remote echo: off\r\n".to_owned(),
            None => continue,
        };
        to.write_all(answer.as_bytes())?;
    }
    Ok(())
}

/// Starts a node's console, and gives its address.
fn console(node: usize, nodes: usize) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").expect("there is a port");
    let address = listener.local_addr().expect("it has an address");
    thread::spawn(move || {
        for connection in listener.incoming().map_while(Result::ok) {
            thread::spawn(move || talk(&connection, node, nodes));
        }
    });
    address.to_string()
}

/// The CPU time of a process so far, in seconds.
fn cpu(process: &Child) -> f64 {
    let text = fs::read_to_string(format!("/proc/{}/stat", process.id())).unwrap_or_default();
    let (_, fields) = text.rsplit_once(") ").unwrap_or_default();
    let fields: Vec<_> = fields.split(' ').collect();
    let ticks = fields.get(11..13).unwrap_or_default().iter();
    // Of which all systems have 100 a second.
    ticks
        .filter_map(|ticks| ticks.parse::<f64>().ok())
        .sum::<f64>()
        / 100.0
}

/// The most memory that a process has had, as the system says it.
fn memory(process: &Child) -> String {
    let text = fs::read_to_string(format!("/proc/{}/status", process.id())).unwrap_or_default();
    let line = text.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    line.unwrap_or("unknown").trim().to_owned()
}

fn get(place: &str, path: &str) -> usize {
    let mut stream = TcpStream::connect(place).expect("the monitor serves");
    let request = format!("GET {path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n");
    stream.write_all(request.as_bytes()).expect("it reads");
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer).expect("it answers");
    assert!(answer.starts_with(b"HTTP/1.1 200"));
    answer.len()
}

fn main() {
    let mut numbers = std::env::args()
        .skip(1)
        .filter_map(|text| text.parse().ok());
    let nodes = numbers.next().unwrap_or(200);
    let seconds = numbers.next().unwrap_or(60);
    let example = std::env::current_exe().expect("this program is a file");
    let directory = example
        .parent()
        .and_then(Path::parent)
        .expect("it is in a directory");
    let program = directory.join("yate-clustering-monitor");
    let mut command = Command::new(&program);
    command.args(["--listen", "127.0.0.1:0"]);
    for node in 0..nodes {
        command.args(["--engine", &console(node, nodes)]);
    }
    let mut process = command
        .stderr(Stdio::piped())
        .spawn()
        .expect("the monitor is built");
    let mut lines = BufReader::new(process.stderr.take().expect("it is piped")).lines();
    let first = lines.next().and_then(Result::ok).unwrap_or_default();
    thread::spawn(move || lines.map_while(Result::ok).for_each(drop));
    let place = first
        .trim_start_matches("Serving at http://")
        .trim_end_matches('/')
        .to_owned();
    // Until all have answered, and once more.
    thread::sleep(Duration::from_secs(12));
    let (begin, before) = (Instant::now(), cpu(&process));
    let mut slowest = Duration::ZERO;
    let mut size = 0;
    for _ in 0..seconds {
        let scrape = Instant::now();
        size = get(&place, "/metrics");
        slowest = slowest.max(scrape.elapsed());
        thread::sleep(Duration::from_secs(1).saturating_sub(scrape.elapsed()));
    }
    let share = (cpu(&process) - before) / begin.elapsed().as_secs_f64() * 100.0;
    println!(
        "{nodes} nodes, each asked every 5 s, {} pairs",
        nodes * nodes
    );
    println!(
        "a scrape a second: {size} bytes, the slowest took {} ms",
        slowest.as_millis()
    );
    println!(
        "/api/cluster: {} bytes, /: {} bytes",
        get(&place, "/api/cluster"),
        get(&place, "/")
    );
    println!("CPU: {share:.1}% of one core; memory: {}", memory(&process));
    let _ = process.kill();
    let _ = process.wait();
}
