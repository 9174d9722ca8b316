// SPDX-License-Identifier: GPL-2.0-or-later

//! The rules and the dashboard, by Prometheus' own programs. `scripts/setup lint` installs them.

use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use clustering::cluster::Cluster;
use clustering::operator::command;
use clustering::settings::Entry;

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
