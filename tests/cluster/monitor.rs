// SPDX-License-Identifier: GPL-2.0-or-later

//! The monitor, beside the remote managers of real engines.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::process::{Child, Command, Stdio};
use std::thread;

use engine_process::patiently;
use serde_json::Value;
use tempfile::TempDir;

use crate::configuration::MANAGER;
use crate::engine::Node;
use crate::lab::Lab;

/// The monitor, which ends with this.
struct Monitor {
    process: Child,
    /// The address and the port where it serves.
    place: String,
}

impl Drop for Monitor {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

impl Monitor {
    /// Starts it with these options.
    fn start(options: &[&str]) -> Self {
        let mut process = Command::new(env!("CARGO"))
            .args([
                "run",
                "--quiet",
                "--locked",
                "--package",
                "yate-clustering-monitor",
                "--",
            ])
            .args([
                "--listen",
                "127.0.0.1:0",
                "--interval",
                "0.5",
                "--timeout",
                "0.5",
            ])
            .args(options)
            .current_dir(env!("CARGO_MANIFEST_DIR"))
            .stderr(Stdio::piped())
            .spawn()
            .expect("cargo can be run");
        let mut lines = BufReader::new(process.stderr.take().expect("it is piped")).lines();
        let place = lines.by_ref().map_while(Result::ok).find_map(|line| {
            let place = line.strip_prefix("Serving at http://")?;
            Some(place.trim_end_matches('/').to_owned())
        });
        thread::spawn(move || lines.map_while(Result::ok).for_each(drop));
        let place = place.expect("the monitor serves");
        Self { process, place }
    }

    fn get(&self, path: &str) -> String {
        let mut stream = TcpStream::connect(&self.place).expect("the monitor serves");
        let request =
            format!("GET {path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n");
        stream.write_all(request.as_bytes()).expect("it reads");
        let mut answer = String::new();
        stream.read_to_string(&mut answer).expect("it answers");
        let (head, body) = answer.split_once("\r\n\r\n").expect("it is an answer");
        assert!(head.starts_with("HTTP/1.1 200 "), "{head}");
        body.to_owned()
    }

    /// The cluster once that is so.
    fn wait(&self, wanted: &str, is_so: impl Fn(&Value) -> bool) -> Value {
        let cluster =
            || -> Value { serde_json::from_str(&self.get("/api/cluster")).expect("it is JSON") };
        let look = || Some(cluster()).filter(|cluster| is_so(cluster));
        patiently(look, || format!("{wanted}: {:#}", cluster()))
    }

    /// Waits until a node is in a condition.
    fn sees(&self, name: &str, condition: &str) -> Value {
        self.wait(&format!("{name} {condition}"), |cluster| {
            node(cluster, name)["condition"] == condition
        })
    }
}

fn node<'c>(cluster: &'c Value, name: &str) -> &'c Value {
    let nodes = cluster["nodes"].as_array().expect("there are nodes");
    let node = nodes.iter().find(|node| node["name"] == name);
    node.unwrap_or(&Value::Null)
}

fn manager(node: &Node) -> String {
    format!("{}:{MANAGER}", node.address)
}

#[test]
#[ignore = "needs a real engine: YATE_ROOT"]
fn a_node_that_is_down_slow_or_drained_is_seen_from_outside() {
    let lab = Lab::of(3).probed().start();
    let (alice, bob) = lab.alice_and_bob();
    bob.picks_up();
    lab.log("node1").wait_for("Node 'node2' is up");
    alice.call("bob").answered().hang_up();
    let [one, two, three] = ["node1", "node2", "node3"].map(|name| lab.node(name));
    let engines = [one, two, three].map(manager);
    let [first, second, third] = engines.each_ref().map(String::as_str);
    let monitor = Monitor::start(&["--engine", first, "--engine", second, "--engine", third]);
    for name in ["node1", "node2", "node3"] {
        monitor.sees(name, "up");
    }
    let cluster = monitor.wait("forwards", |cluster| {
        let seen = node(cluster, "node2")["seen_by"].as_array();
        seen.is_some_and(|seen| {
            seen.iter()
                .any(|seen| seen["by"] == "node1" && seen["forwards"] == 1)
        })
    });
    assert!(
        node(&cluster, "node2")["seen_by"][0]["latency"].as_f64() > Some(0.0),
        "{cluster:#}"
    );
    let metrics = monitor.get("/metrics");
    for sample in [
        "yate_clustering_forwarded_total{engine=\"node1\"} 1",
        "yate_clustering_node_forwards_total{engine=\"node1\",node=\"node2\"} 1",
        "yate_clustering_node_condition{node=\"node3\",condition=\"up\"} 1",
    ] {
        assert!(
            metrics.lines().any(|line| line == sample),
            "{sample}:\n{metrics}"
        );
    }
    assert!(monitor.get("/").contains("node3"));

    one.command("clustering drain node2");
    monitor.sees("node2", "draining");

    // Nothing of the others is late for it.
    three.signal("STOP");
    let cluster = monitor.sees("node3", "down");
    assert_eq!(cluster["engines"][2]["error"], "no answer within 0.5 s");
    assert_eq!(cluster["engines"][0]["error"], Value::Null);
    let history = node(&cluster, "node3")["history"]["condition"].as_array();
    assert_eq!(
        history
            .and_then(|points| points.last())
            .map(|word| word == "down"),
        Some(true)
    );
    three.signal("CONT");
    monitor.sees("node3", "up");

    three.kill();
    let cluster = monitor.sees("node3", "down");
    let error = cluster["engines"][2]["error"].as_str().unwrap_or_default();
    assert!(error.starts_with("no connection: "), "{error}");
    three.start();
    let cluster = monitor.sees("node3", "up");
    let events = cluster["events"].as_array().expect("there are events");
    assert!(
        events
            .iter()
            .any(|event| event["node"] == "node3" && event["condition"] == "down"),
        "{events:#?}"
    );
}

#[test]
#[ignore = "needs a real engine: YATE_ROOT"]
fn a_node_for_which_another_one_stands_in_is_replaced() {
    let backups = "[node node2]\nbackup=node1\n";
    let lab = Lab::of(2).clustering(backups).probed().start();
    let [one, two] = ["node1", "node2"].map(|name| lab.node(name));
    let engines = [one, two].map(manager);
    let [first, second] = engines.each_ref().map(String::as_str);
    let monitor = Monitor::start(&["--engine", first, "--engine", second]);
    monitor.sees("node2", "up");
    two.kill();
    let cluster = monitor.sees("node2", "replaced");
    assert_eq!(node(&cluster, "node2")["backup"], "node1");
    two.start();
    let cluster = monitor.sees("node2", "up");
    assert_eq!(node(&cluster, "node2")["backup"], Value::Null);
    one.command("clustering takeover node2");
    let cluster = monitor.sees("node2", "replaced");
    assert_eq!(node(&cluster, "node2")["backup"], "node1");
    one.command("clustering release node2");
    monitor.sees("node2", "up");
}

/// For all ways to set up a console.
#[test]
#[ignore = "needs a real engine: YATE_ROOT"]
fn the_monitor_understands_any_console_with_and_without_a_password() {
    let lab = Lab::of(1).start();
    let one = lab.node("node1");
    let usual = one.configuration("rmanager.conf");
    let directory = TempDir::new().expect("there is room for a directory");
    let file = directory.path().join("password");
    let file = file.to_str().expect("it is plain text");
    for (console, password, error) in [
        ("telnet=yes\nheader=Hello\ngoodbye=Bye\n", None, None),
        ("echoing=yes\nprompt=\"${nodename}> \"\n", None, None),
        ("output=yes\ndebug=yes\n", None, None),
        ("password=secret\n", Some("secret"), None),
        ("password=secret\nuser_prefix=clustering json\n", None, None),
        (
            "password=a\nuserpass=b\nuser_prefix=clustering json\n",
            Some("b"),
            None,
        ),
        (
            "password=secret\n",
            None,
            Some("not allowed: give the console's password"),
        ),
        ("password=secret\n", Some("sesame"), Some("wrong password")),
        (
            "password=a\nuserpass=b\n",
            Some("b"),
            Some("not allowed: give the console's password"),
        ),
    ] {
        // It takes no command to stop from somebody without a password.
        one.kill();
        let general = format!("[general]\n{console}");
        one.configure("rmanager.conf", &usual.replace("[general]\n", &general));
        one.start();
        let engine = manager(one);
        let mut options = vec!["--engine", &engine];
        if let Some(password) = password {
            std::fs::write(file, password).expect("there is room for a file");
            options.splice(0..0, ["--password-file", file]);
        }
        let monitor = Monitor::start(&options);
        let cluster = monitor.wait(console, |cluster| {
            cluster["engines"][0]["error"].is_string() || cluster["engines"][0]["node"].is_string()
        });
        assert_eq!(cluster["engines"][0]["error"].as_str(), error, "{console}");
        if error.is_none() {
            assert_eq!(node(&cluster, "node1")["condition"], "up", "{console}");
        }
        assert!(!cluster.to_string().contains("secret"), "{cluster:#}");
    }
    // The lab stops its nodes by command.
    one.kill();
    one.configure("rmanager.conf", &usual);
    one.start();
}

#[test]
#[ignore = "needs a real engine: YATE_ROOT"]
fn a_thousand_nodes_come_through_a_real_console() {
    let mut plan = Lab::of(1);
    for number in 2..=1000 {
        let section =
            format!("[node node{number}]\ncallto=sip/sip:cluster/@node{number}.dc1.example.net\n");
        plan = plan.clustering(&section);
    }
    let lab = plan
        .clustering("[general]\nregexp=^node[0-9]\\+$\n[node node1]\n[health]\ninterval=0\n")
        .start();
    let monitor = Monitor::start(&["--engine", &manager(lab.node("node1"))]);
    let cluster = monitor.wait("all nodes", |cluster| {
        cluster["engines"][0]["node"] == "node1"
    });
    assert_eq!(cluster["nodes"].as_array().map(Vec::len), Some(1000));
    assert!(lab.node("node1").command("clustering json").len() < 16_384);
}
