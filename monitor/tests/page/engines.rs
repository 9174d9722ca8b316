// SPDX-License-Identifier: GPL-2.0-or-later

//! A remote manager that says what a test wants, and the program that asks it.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use yate_clustering_monitor::cluster::{Answer, Cluster, Condition};

use crate::browser::PATIENCE;

/// An engine's remote manager. Its answer can be changed.
#[derive(Clone)]
pub struct Engine {
    answer: Arc<Mutex<Value>>,
    port: u16,
}

impl Engine {
    pub fn new(answer: Value) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        let answer = Arc::new(Mutex::new(answer));
        let says = Arc::clone(&answer);
        // It ends with the test's process.
        thread::spawn(move || {
            for connection in listener.incoming() {
                let says = Arc::clone(&says);
                thread::spawn(move || talk(&connection.unwrap(), &says));
            }
        });
        Self { answer, port }
    }

    /// Changes the answer.
    pub fn change(&self, change: impl FnOnce(&mut Value)) {
        change(&mut self.answer.lock().unwrap());
    }
}

fn talk(connection: &TcpStream, says: &Mutex<Value>) {
    let mut to = connection.try_clone().unwrap();
    for line in BufReader::new(connection).lines() {
        let Ok(line) = line else { return };
        let answer = match line.trim_end() {
            "echo off" => "Remote echo: off\r\n".to_owned(),
            line if line.starts_with("clustering json") => {
                // In the order of the module's keys.
                let answer: Answer = serde_json::from_value(says.lock().unwrap().clone()).unwrap();
                serde_json::to_string(&answer).unwrap() + "\r\n"
            }
            _ => String::new(),
        };
        if to.write_all(answer.as_bytes()).is_err() {
            return;
        }
    }
}

/// The answer of node1 in a cluster of these nodes.
pub fn answer(names: &[String]) -> Value {
    let nodes = names.iter().enumerate().map(|(at, name)| {
        json!({
            "name": name, "own": at == 0, "state": "up", "reason": "answered 200",
            "admin": "enabled", "weight": 100, "since": 4000, "latency": 0.0007,
            "forwards": at * 7, "failures": 0, "version": "1.1.0", "drift": [],
            "calls": at, "rooms": at / 2, "registrations": at * 10,
        })
    });
    json!({
        "schema": 1, "node": names[0], "version": "1.1.0", "time": 1_795_790_000, "enabled": true,
        "reload": 1, "file": "taken", "database": "up", "members": "up", "connections": 20,
        "signatures": "required", "counters": {"local": 1}, "nodes": nodes.collect::<Vec<_>>(),
    })
}

/// The monitor of engines.
pub struct Monitor {
    child: Child,
    pub url: String,
}

impl Monitor {
    pub fn of(engines: &[&Engine]) -> Self {
        let mut program = Command::new(env!("CARGO_BIN_EXE_yate-clustering-monitor"));
        program.args([
            "--interval",
            "1",
            "--timeout",
            "1",
            "--listen",
            "127.0.0.1:0",
        ]);
        for engine in engines {
            program.args(["--engine", &format!("127.0.0.1:{}", engine.port)]);
        }
        let mut child = program.stderr(Stdio::piped()).spawn().unwrap();
        let mut lines = BufReader::new(child.stderr.take().unwrap());
        let mut line = String::new();
        lines.read_line(&mut line).unwrap();
        let url = line.trim().strip_prefix("Serving at ").unwrap().to_owned();
        // Nothing blocks the program, however much it says.
        thread::spawn(move || lines.read_to_end(&mut Vec::new()));
        let monitor = Self { child, url };
        monitor.until(|cluster| !cluster.nodes.is_empty());
        monitor
    }

    /// Waits until it knows that a node is down.
    pub fn knows_death_of(&self, node: usize) {
        self.until(|cluster| cluster.nodes[node].condition == Condition::Down);
    }

    fn until(&self, is_so: impl Fn(&Cluster) -> bool) {
        let begin = Instant::now();
        while !is_so(&self.cluster()) {
            assert!(begin.elapsed() < PATIENCE, "{:?}", self.cluster());
            thread::sleep(Duration::from_millis(20));
        }
    }

    /// What it knows.
    fn cluster(&self) -> Cluster {
        let authority = self.url.trim_start_matches("http://").trim_end_matches('/');
        let mut connection = TcpStream::connect(authority).unwrap();
        let request =
            format!("GET /api/cluster HTTP/1.1\r\nHost: {authority}\r\nConnection: close\r\n\r\n");
        connection.write_all(request.as_bytes()).unwrap();
        let mut response = String::new();
        connection.read_to_string(&mut response).unwrap();
        let (_, body) = response.split_once("\r\n\r\n").unwrap();
        serde_json::from_str(body).unwrap()
    }
}

impl Drop for Monitor {
    fn drop(&mut self) {
        // It may be gone already.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
