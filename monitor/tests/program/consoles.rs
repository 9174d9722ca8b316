// SPDX-License-Identifier: GPL-2.0-or-later

//! Engines that are up, down, slow, or lie.

use std::fs;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};

use tempfile::TempDir;
use yate_clustering_monitor::cluster::{Cluster, Condition};

use crate::console::{Say, good, json, open, start};
use crate::monitor::Monitor;

/// Every engine was asked.
fn all_asked(cluster: &Cluster) -> bool {
    let mut engines = cluster.engines.iter();
    engines.all(|engine| engine.answered.is_some() || engine.error.is_some())
}

/// What the program says of one console, which answers the command like this.
fn error(json: impl Fn(&str) -> Say + Send + Sync + Clone + 'static) -> Option<String> {
    let console = start(move |line| open(line, &json)).to_string();
    let monitor = Monitor::start(&["--engine", &console]);
    let cluster = monitor.wait(all_asked);
    cluster.engines[0].error.clone()
}

#[test]
fn the_cluster_is_made_of_all_that_answer() {
    let two = |line: &str| open(line, |_| Say::Text(json("node2", "node1") + "\r\n"));
    let (one, two) = (start(good).to_string(), start(two).to_string());
    let monitor = Monitor::start(&["--engine", &one, "--engine", &two]);
    let cluster = monitor.wait(all_asked);
    let names: Vec<_> = cluster
        .engines
        .iter()
        .map(|engine| engine.node.as_deref())
        .collect();
    assert_eq!(names, [Some("node1"), Some("node2")]);
    let nodes: Vec<_> = cluster
        .nodes
        .iter()
        .map(|node| (&*node.name, node.condition))
        .collect();
    assert_eq!(
        nodes,
        [("node1", Condition::Down), ("node2", Condition::Down)]
    );
    assert_eq!(cluster.nodes[1].seen_by[0].forwards, 3);
    assert!(
        monitor
            .get("/metrics")
            .1
            .contains("_node_forwards_total{engine=\"node1\",node=\"node2\"} 3\n")
    );
}

#[test]
fn consoles_that_are_no_help_are_told_apart() {
    let garbage = |_: &str| Say::Text("{\"schema\":1,\"node\":}\r\n".to_owned());
    assert!(
        error(garbage)
            .unwrap()
            .starts_with("the answer can't be read: ")
    );
    let binary = |_: &str| Say::Text("\u{0}\u{1b}[2J\u{7f}{}[\r\n".repeat(100));
    assert_eq!(
        error(binary).as_deref(),
        Some("it answers nothing that can be read")
    );
    let later = |_: &str| Say::Text("{\"schema\":2,\"node\":\"node1\"}\r\n".to_owned());
    assert_eq!(
        error(later).as_deref(),
        Some("the answer has schema 2, which this program doesn't know")
    );
    let none = |_: &str| Say::Text("Cannot understand: clustering json\r\n".to_owned());
    assert_eq!(
        error(none).as_deref(),
        Some("the clustering module is not loaded there, or is older than 1.1")
    );
    let half = |_: &str| Say::End(json("node1", "node2")[..100].to_owned());
    assert_eq!(
        error(half).as_deref(),
        Some("the connection was ended before the answer")
    );
    let stuck = |_: &str| Say::Stall(json("node1", "node2")[..100].to_owned());
    assert_eq!(error(stuck).as_deref(), Some("no answer within 0.5 s"));
    let silent = |_: &str| Say::Stall(String::new());
    assert_eq!(error(silent).as_deref(), Some("no answer within 0.5 s"));
}

#[test]
fn an_answer_that_is_too_long_is_given_up() {
    let too_long = "the answer is longer than 524288 bytes or 2000 nodes";
    // 10 MB without the end of a line.
    let endless = |_: &str| Say::Stall("x".repeat(10_000_000));
    assert_eq!(error(endless).as_deref(), Some(too_long));
    let lines = |_: &str| Say::Stall("x\r\n".repeat(3_000_000));
    assert_eq!(error(lines).as_deref(), Some(too_long));
    let nodes = |_: &str| {
        let nodes: Vec<_> = (0..2001)
            .map(|number| format!("{{\"name\":\"{number}\"}}"))
            .collect();
        Say::Text(format!(
            "{{\"schema\":1,\"node\":\"node1\",\"nodes\":[{}]}}\r\n",
            nodes.join(",")
        ))
    };
    assert_eq!(error(nodes).as_deref(), Some(too_long));
    // Parts without end.
    let parts = |from: &str| {
        let next = from.trim_end_matches('+').parse().unwrap_or(0) + 1;
        Say::Text(format!(
            "{{\"schema\":1,\"node\":\"node1\",\"filler\":\"{}\",\"next\":\"{next}+\"}}\r\n",
            "x".repeat(10_000)
        ))
    };
    assert_eq!(error(parts).as_deref(), Some(too_long));
    let again =
        |_: &str| Say::Text("{\"schema\":1,\"node\":\"node1\",\"next\":\"0\"}\r\n".to_owned());
    assert_eq!(
        error(again).as_deref(),
        Some("it answers nothing that can be read")
    );
    let deep = |_: &str| Say::Text(format!("{{\"schema\":{}\r\n", "[".repeat(400_000)));
    assert!(
        error(deep)
            .unwrap()
            .starts_with("the answer can't be read: ")
    );
}

/// Text that somebody sends to an engine may be in its log, which the console may show.
#[test]
fn an_answer_that_stands_in_the_log_is_not_believed() {
    let forged = |_: &str| {
        Say::Text(format!(
            "{}\r\n{}\r\n",
            json("evil", "x"),
            json("node1", "node2")
        ))
    };
    assert_eq!(
        error(forged).as_deref(),
        Some("it answers nothing that can be read")
    );
}

#[test]
fn an_answer_comes_in_parts_and_the_connection_is_kept() {
    let connections = Arc::new(AtomicUsize::new(0));
    let counted = Arc::clone(&connections);
    let console = start(move |line| {
        if line == "output off" {
            counted.fetch_add(1, Relaxed);
        }
        open(line, |from| {
            let part = |names: [&str; 2], next: &str| {
                let nodes = names
                    .map(|name| format!("{{\"name\":\"{name}\",\"state\":\"up\"}}"))
                    .join(",");
                Say::Text(format!(
                    "{{\"schema\":1,\"node\":\"a\",\"nodes\":[{nodes}]{next}}}\r\n"
                ))
            };
            match from {
                "0+" => part(["a", "b"], ",\"next\":\"2+\""),
                // One has come meanwhile.
                "2+" => part(["b", "c"], ",\"next\":\"4+\""),
                _ => part(["d", "e"], ""),
            }
        })
    });
    let monitor = Monitor::start(&["--engine", &console.to_string()]);
    let first = monitor.wait(all_asked);
    let cluster = monitor.wait(|cluster| cluster.time > first.time + 2);
    let names: Vec<_> = cluster.nodes.iter().map(|node| &*node.name).collect();
    assert_eq!(names, ["a", "b", "c", "d", "e"]);
    assert_eq!(connections.load(Relaxed), 1);
}

#[test]
fn an_engine_that_starts_again_is_asked_again() {
    let calls = Arc::new(AtomicUsize::new(0));
    // Each second answer ends the connection.
    let console = start(move |line| {
        open(line, |_| match calls.fetch_add(1, Relaxed) {
            0 | 2 | 3 => Say::Text(json("node1", "node2") + "\r\n"),
            1 => Say::End(String::new()),
            _ => Say::End("x".to_owned()),
        })
    });
    let monitor = Monitor::start(&["--engine", &console.to_string()]);
    let cluster = monitor.wait(|cluster| cluster.engines[0].error.is_some());
    assert!(cluster.engines[0].answered.is_some());
    assert_eq!(
        monitor.said().matches("answers\n").count(),
        0,
        "it answered all the time: {}",
        monitor.said()
    );
    // What was last known of it stays, and is marked as old.
    assert_eq!(cluster.nodes[0].condition, Condition::Silent);
}

#[test]
fn an_engine_that_is_down_holds_up_nobody() {
    let down = {
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        listener.local_addr().unwrap().to_string()
    };
    let console = start(good).to_string();
    let slow = start(|line| open(line, |_| Say::Stall(String::new()))).to_string();
    let monitor = Monitor::start(&["--engine", &down, "--engine", &slow, "--engine", &console]);
    let cluster = monitor.wait(all_asked);
    let error = |at: usize| cluster.engines[at].error.as_deref().unwrap_or_default();
    assert!(error(0).starts_with("no connection: "), "{}", error(0));
    assert_eq!(error(1), "no answer within 0.5 s");
    assert_eq!(cluster.engines[2].node.as_deref(), Some("node1"));
}

/// A console with a password: it answers only those who know it.
fn locked(line: &str) -> Say {
    // A connection is in one state here, as the program gives the password first.
    thread_local!(static KNOWN: std::cell::Cell<bool> = const { std::cell::Cell::new(false) });
    match line {
        "auth sesame" => {
            KNOWN.set(true);
            Say::Text("Authenticated successfully as user!\r\n".to_owned())
        }
        line if line.starts_with("auth ") => {
            Say::Text("Bad authentication password!\r\n".to_owned())
        }
        "echo off" => good(line),
        _ if KNOWN.get() => good(line),
        _ => Say::Text("Not authenticated!\r\n".to_owned()),
    }
}

#[test]
fn passwords_open_consoles_and_are_told_to_nobody() {
    let directory = TempDir::new().unwrap();
    let file = |name: &str, text: &str| {
        let path = directory.path().join(name);
        fs::write(&path, text).unwrap();
        path.to_str().unwrap().to_owned()
    };
    let (right, wrong) = (file("right", "sesame\nmore\n"), file("wrong", "guessed-at"));
    let login = file("login", "viewer:open:barley\n");
    let console = start(locked).to_string();
    let monitor = Monitor::start(&[
        "--engine",
        &console,
        "--password-file",
        &wrong,
        "--engine",
        &console,
        "--password-file",
        &right,
        "--engine",
        &console,
        "--login-file",
        &login,
    ]);
    let credentials = "Authorization: Basic dmlld2VyOm9wZW46YmFybGV5\r\n";
    let get =
        |path: &str| monitor.request(&format!("GET {path} HTTP/1.1\r\nHost: x\r\n{credentials}"));
    let begin = std::time::Instant::now();
    let cluster = loop {
        let cluster: Cluster = serde_json::from_str(&get("/api/cluster").1).unwrap();
        if all_asked(&cluster) {
            break cluster;
        }
        assert!(begin.elapsed() < crate::monitor::PATIENCE);
    };
    let errors: Vec<_> = cluster
        .engines
        .iter()
        .map(|engine| engine.error.as_deref())
        .collect();
    assert_eq!(
        errors,
        [
            Some("not allowed: give the console's password"),
            Some("wrong password"),
            None
        ]
    );
    let mut all = monitor.said();
    for path in ["/", "/api/cluster", "/metrics", "/no"] {
        let (head, body) = get(path);
        all += &(head + &body + &monitor.get(path).1);
    }
    for secret in ["sesame", "guessed-at", "barley", "dmlld2Vy"] {
        assert!(!all.contains(secret), "{secret}: {all}");
    }
}
