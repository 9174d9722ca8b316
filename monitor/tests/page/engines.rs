// SPDX-License-Identifier: GPL-2.0-or-later

//! A remote manager that says what a test wants, and the program that asks it.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::{Duration, Instant};

use serde_json::Value;
use yate_clustering_monitor::cluster::{Answer, Cluster};

/// The time after which something won't come any more.
pub const PATIENCE: Duration = Duration::from_secs(30);

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

    /// Waits until it knows something.
    pub fn until(&self, is_so: impl Fn(&Cluster) -> bool) {
        let begin = Instant::now();
        while !is_so(&self.cluster()) {
            assert!(begin.elapsed() < PATIENCE, "{:?}", self.cluster());
            thread::sleep(Duration::from_millis(20));
        }
    }

    /// What it knows.
    fn cluster(&self) -> Cluster {
        serde_json::from_str(&self.get("/api/cluster")).unwrap()
    }

    /// What it serves at a path.
    pub fn get(&self, path: &str) -> String {
        let authority = self.url.trim_start_matches("http://").trim_end_matches('/');
        let mut connection = TcpStream::connect(authority).unwrap();
        let request =
            format!("GET {path} HTTP/1.1\r\nHost: {authority}\r\nConnection: close\r\n\r\n");
        connection.write_all(request.as_bytes()).unwrap();
        let mut response = String::new();
        connection.read_to_string(&mut response).unwrap();
        let (_, body) = response.split_once("\r\n\r\n").unwrap();
        body.to_owned()
    }
}

impl Drop for Monitor {
    fn drop(&mut self) {
        // It may be gone already.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
