// SPDX-License-Identifier: GPL-2.0-or-later

//! The rules and the dashboard, by Prometheus' own programs. `scripts/setup lint` installs them.

#[path = "../page/engines.rs"]
mod engines;

use std::fs;
use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use clustering::cluster::Cluster;
use clustering::operator::command;
use clustering::settings::Entry;
use serde_json::{Value, json};
use tempfile::TempDir;

use engines::{Engine, Monitor, PATIENCE};

/// The settings of a node, with everything that has a metric.
const SETTINGS: [(&str, &str, &str); 7] = [
    ("general", "regexp", "^node"),
    ("general", "callto", "sip/sip:cluster/@\\0.example.net"),
    ("security", "trusted", "192.0.2.0/24"),
    ("locate", "account", "cluster"),
    ("cluster", "account", "cluster"),
    ("node node1", "weight", "100"),
    ("node odd \"name\\", "callto", "sip/sip:cluster/@192.0.2.3"),
];

fn repository() -> &'static Path {
    Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/.."))
}

fn rules() -> PathBuf {
    repository().join("conf/prometheus/yate-clustering.rules.yml")
}

/// What `promtool` says of files, or of its input.
fn promtool(arguments: &[&str], file: Option<&Path>, input: &str) {
    let mut promtool = Command::new("promtool")
        .args(arguments)
        .args(file)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut to = promtool.stdin.take().unwrap();
    to.write_all(input.as_bytes()).unwrap();
    drop(to);
    let output = promtool.wait_with_output().unwrap();
    let said = [&output.stdout[..], &output.stderr].concat();
    let said = String::from_utf8_lossy(&said);
    assert!(output.status.success(), "{said}");
    // It warns of a metric without an error.
    assert!(file.is_some() || said.is_empty(), "{said}");
}

/// A module's metrics.
fn metrics() -> String {
    let cluster = Cluster::new(b"node1", 1);
    let entries = SETTINGS.map(|(section, key, value)| Entry {
        section: section.as_bytes(),
        key: key.as_bytes(),
        value: value.as_bytes(),
    });
    cluster.load("clustering.conf", &entries).unwrap();
    command::run(&cluster, b"metrics").unwrap()
}

#[test]
#[cfg_attr(not(prometheus), ignore = "needs promtool: apt-get install prometheus")]
fn the_metrics_of_the_module_are_as_prometheus_wants_them() {
    promtool(&["check", "metrics"], None, &metrics());
}

#[test]
#[cfg_attr(not(prometheus), ignore = "needs promtool: apt-get install prometheus")]
fn the_rules_are_good() {
    promtool(&["check", "rules"], Some(&rules()), "");
}

#[test]
#[cfg_attr(not(prometheus), ignore = "needs promtool: apt-get install prometheus")]
fn each_rule_fires_when_it_should() {
    let mut text = String::new();
    for file in ["rules.yml", "days.yml"] {
        let tests = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/prometheus");
        promtool(&["test", "rules"], Some(&tests.join(file)), "");
        text.push_str(&fs::read_to_string(tests.join(file)).unwrap());
    }
    // No rule without a test.
    let rules = fs::read_to_string(rules()).unwrap();
    let alerts: Vec<_> = rules.split("- alert: ").skip(1).collect();
    assert!(alerts.len() > 20);
    for alert in alerts {
        let name = alert.lines().next().unwrap();
        let fires = text.split("alertname: ").any(|part| {
            let part = part.split("alertname").next().unwrap_or_default();
            part.starts_with(&format!("{name}\n")) && part.contains("exp_alerts")
        });
        assert!(fires, "{name} has no test that it fires");
    }
}

/// A Prometheus that scrapes a monitor each second, and has the rules.
struct Prometheus {
    child: Child,
    address: String,
    _directory: TempDir,
}

impl Prometheus {
    fn of(monitor: &Monitor) -> Self {
        let directory = TempDir::new().unwrap();
        let config = directory.path().join("prometheus.yml");
        let target = monitor.url.trim_start_matches("http://");
        let target = target.trim_end_matches('/');
        let rules = rules().canonicalize().unwrap();
        let settings = format!(
            "global: {{scrape_interval: 1s, evaluation_interval: 1s}}\n\
             rule_files: [{}]\n\
             scrape_configs: [{{job_name: yate, static_configs: [{{targets: ['{target}']}}]}}]\n",
            rules.display()
        );
        fs::write(&config, settings).unwrap();
        // A port that is free, unless somebody takes it in between.
        let port = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = port.local_addr().unwrap().to_string();
        drop(port);
        let child = Command::new("prometheus")
            .arg(format!("--config.file={}", config.display()))
            .arg(format!(
                "--storage.tsdb.path={}",
                directory.path().join("data").display()
            ))
            .arg(format!("--web.listen-address={address}"))
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        Self {
            child,
            address,
            _directory: directory,
        }
    }

    /// What its HTTP API answers; nothing before it is up.
    fn get(&self, path: &str) -> Value {
        let Ok(mut connection) = TcpStream::connect(&self.address) else {
            return Value::Null;
        };
        let request = format!("GET {path} HTTP/1.0\r\n\r\n");
        let mut response = String::new();
        connection.write_all(request.as_bytes()).unwrap();
        connection.read_to_string(&mut response).unwrap();
        let body = response.split_once("\r\n\r\n").map(|(_, body)| body);
        body.and_then(|body| serde_json::from_str(body).ok())
            .unwrap_or_default()
    }

    /// The series that a query gives.
    fn query(&self, query: &str) -> Vec<Value> {
        let escaped: Vec<_> = query.bytes().map(|byte| format!("%{byte:02X}")).collect();
        let escaped = escaped.concat();
        let answer = self.get(&format!("/api/v1/query?query={escaped}"));
        if !answer.is_null() {
            let status = answer["status"].as_str();
            assert!(
                status == Some("success") || answer["errorType"] == "unavailable",
                "{query}: {answer}"
            );
        }
        let result = answer["data"]["result"].as_array();
        result.cloned().unwrap_or_default()
    }

    /// Waits until a query gives data.
    fn until(&self, query: &str) {
        let begin = Instant::now();
        while self.query(query).is_empty() {
            assert!(begin.elapsed() < PATIENCE, "no data: {query}");
            thread::sleep(Duration::from_millis(100));
        }
    }
}

impl Drop for Prometheus {
    fn drop(&mut self) {
        // It may be gone already.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// The queries of the dashboard, as Grafana sends them.
fn queries() -> Vec<String> {
    let dashboard = repository().join("conf/grafana/yate-clustering.json");
    let dashboard: Value = serde_json::from_str(&fs::read_to_string(dashboard).unwrap()).unwrap();
    let panels = dashboard["panels"].as_array().unwrap().iter();
    let targets = panels.flat_map(|panel| panel["targets"].as_array().into_iter().flatten());
    let queries = targets.map(|target| {
        let query = target["expr"].as_str().unwrap();
        query
            .replace("$job", ".+")
            .replace("$__rate_interval", "30s")
    });
    queries.collect()
}

#[test]
#[cfg_attr(
    not(prometheus),
    ignore = "needs Prometheus: apt-get install prometheus"
)]
fn a_prometheus_that_scrapes_the_monitor_has_data_for_each_query_and_raises_the_alarm() {
    let sample = include_str!("../data/node1.json");
    let engine = Engine::new(serde_json::from_str(sample).unwrap());
    let monitor = Monitor::of(&[&engine]);
    promtool(&["check", "metrics"], None, &monitor.get("/metrics"));
    let prometheus = Prometheus::of(&monitor);
    prometheus.until("yate_clustering_build_info");
    let queries = queries();
    assert!(queries.len() > 30);
    for query in &queries {
        prometheus.until(query);
    }
    let answer = prometheus.get("/api/v1/rules");
    let groups = answer["data"]["groups"].as_array().unwrap();
    let rules: Vec<_> = groups
        .iter()
        .flat_map(|group| group["rules"].as_array().unwrap())
        .collect();
    assert!(rules.len() > 20);
    for rule in rules {
        assert_eq!(rule["health"], "ok", "{rule}");
    }
    let alert = |name: &str, node: &str| format!("ALERTS{{alertname='{name}', node='{node}'}}");
    prometheus.until(&alert("YateClusterNodeDown", "node3"));
    prometheus.until(&alert("YateClusterDrift", "node2"));
    let node2 = alert("YateClusterNodeDown", "node2");
    assert_eq!(prometheus.query(&node2), [json!(null); 0]);
    engine.change(|answer| answer["nodes"][1]["state"] = json!("down"));
    prometheus.until(&node2);
}
