// SPDX-License-Identifier: GPL-2.0-or-later

//! The program while it runs.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::{Duration, Instant};

use yate_clustering_monitor::cluster::Cluster;

/// How long anything may take that is sure to come.
pub const PATIENCE: Duration = Duration::from_secs(30);

/// The program, which ends with the test.
pub struct Monitor {
    child: Child,
    /// The place where it serves.
    pub place: String,
    /// What it has said so far.
    said: Arc<Mutex<String>>,
}

impl Monitor {
    /// Starts it with these options, at a port of its own unless they say where.
    pub fn start(options: &[&str]) -> Self {
        let mut command = command();
        command.args(["--interval", "0.5", "--timeout", "0.5"]);
        if !options.contains(&"--listen") {
            command.args(["--listen", "127.0.0.1:0"]);
        }
        let mut child = command
            .args(options)
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let mut lines = BufReader::new(child.stderr.take().unwrap()).lines();
        let first = lines.next().unwrap().unwrap();
        let place = first.strip_prefix("Serving at ").expect(&first).to_owned();
        let said = Arc::new(Mutex::new(String::new()));
        let more = Arc::clone(&said);
        thread::spawn(move || {
            for line in lines.map_while(Result::ok) {
                let mut said = more.lock().unwrap();
                said.push_str(&line);
                said.push('\n');
            }
        });
        Self { child, place, said }
    }

    /// The address of its port.
    pub fn address(&self) -> SocketAddr {
        let place = self.place.strip_prefix("http://").unwrap();
        place.trim_end_matches('/').parse().unwrap()
    }

    /// What it has said so far.
    pub fn said(&self) -> String {
        self.said.lock().unwrap().clone()
    }

    /// Its answer to a request of these lines: head and body.
    pub fn request(&self, lines: &str) -> (String, String) {
        let mut stream = TcpStream::connect(self.address()).unwrap();
        exchange(&mut stream, lines)
    }

    /// Its answer to `GET`.
    pub fn get(&self, path: &str) -> (String, String) {
        self.request(&format!("GET {path} HTTP/1.1\r\nHost: 127.0.0.1\r\n"))
    }

    /// The cluster as it sees it.
    pub fn cluster(&self) -> Cluster {
        let (head, body) = self.get("/api/cluster");
        assert!(head.starts_with("HTTP/1.1 200 "), "{head}");
        serde_json::from_str(&body).expect(&body)
    }

    /// The cluster once that is so.
    pub fn wait(&self, is_so: impl Fn(&Cluster) -> bool) -> Cluster {
        let begin = Instant::now();
        loop {
            let cluster = self.cluster();
            if is_so(&cluster) {
                return cluster;
            }
            assert!(begin.elapsed() < PATIENCE, "{cluster:#?}");
            thread::sleep(Duration::from_millis(50));
        }
    }

    /// Asks it to end, and waits until it has; its exit code.
    pub fn terminate(mut self) -> Option<i32> {
        let id = self.child.id().to_string();
        assert!(Command::new("kill").arg(id).status().unwrap().success());
        self.child.wait().unwrap().code()
    }
}

impl Drop for Monitor {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// The program.
pub fn command() -> Command {
    Command::new(env!("CARGO_BIN_EXE_yate-clustering-monitor"))
}

/// Sends a request and reads the answer: head and body.
fn exchange(stream: &mut (impl Read + Write), lines: &str) -> (String, String) {
    let request = format!("{lines}Connection: close\r\n\r\n");
    stream.write_all(request.as_bytes()).unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    let (head, body) = answer.split_once("\r\n\r\n").expect(&answer);
    (head.to_owned(), body.to_owned())
}

/// The answer to `GET` at a Unix socket.
pub fn get_at(path: &Path, page: &str) -> (String, String) {
    let mut stream = UnixStream::connect(path).unwrap();
    exchange(
        &mut stream,
        &format!("GET {page} HTTP/1.1\r\nHost: anything\r\n"),
    )
}
