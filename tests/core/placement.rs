// SPDX-License-Identifier: GPL-2.0-or-later

//! Placement agrees with the recorded placements, and with the program in the docs.

use std::fmt::Write as _;
use std::fs;
use std::io::Write;
use std::path::Path;
use std::process::{Command, Stdio};

use clustering::placement::bounded::{Figures, Spread, choose};
use clustering::placement::rendezvous::{Candidate, Key, Seed, place};
use serde_json::{Value, json};

fn read(file: &str) -> String {
    fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join(file)).unwrap()
}

/// The results that are kept, one JSON object a line.
fn results() -> String {
    read("tests/data/placement.jsonl")
}

fn bytes(hexadecimal: &Value) -> Vec<u8> {
    let digits = hexadecimal.as_str().unwrap();
    (0..digits.len())
        .step_by(2)
        .map(|at| u8::from_str_radix(&digits[at..at + 2], 16).unwrap())
        .collect()
}

#[test]
fn the_results_that_other_versions_had_still_hold() {
    let text = results();
    for line in text.lines() {
        let result: Value = serde_json::from_str(line).unwrap();
        let candidates = result["nodes"].as_array().unwrap().iter().map(|node| {
            let name = bytes(&node[0]);
            Candidate {
                seed: Seed::of(&name),
                weight: node[1].as_u64().unwrap().try_into().unwrap(),
                node: name,
            }
        });
        let winner = place(Key::of(&bytes(&result["resource"])), candidates);
        let expected = result.get("winner").filter(|winner| !winner.is_null());
        assert_eq!(winner, expected.map(bytes), "{line}");
    }
    assert!(text.lines().count() > 50);
}

#[test]
fn the_program_in_the_docs_has_the_same_results() {
    const CHECK: &str = r#"
import json, sys

for line in sys.stdin:
    result = json.loads(line)
    nodes = [(bytes.fromhex(name), weight) for name, weight in result["nodes"]]
    winner = place(bytes.fromhex(result["resource"]), nodes)
    assert (winner and winner.hex()) == result["winner"], line
print("agreed")
"#;
    assert_eq!(run(1, CHECK, &results()), "agreed\n");
}

/// Gives the first programs of the docs, and one more behind them, an input; returns what they print.
fn run(programs: usize, check: &str, input: &str) -> String {
    let docs = read("docs/placement.md");
    let parts = docs.split("```python\n").skip(1).take(programs);
    let parts = parts.filter_map(|part| Some(part.split_once("```")?.0));
    let program: String = parts.chain([check]).collect();
    let python = Command::new("python3")
        .args(["-c", &program])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn();
    let mut python = python.expect("python3 is installed: `scripts/setup lint` does it");
    let mut stdin = python.stdin.take().unwrap();
    stdin.write_all(input.as_bytes()).unwrap();
    drop(stdin);
    let output = python.wait_with_output().unwrap();
    String::from_utf8_lossy(&output.stdout).into_owned()
}

#[test]
fn the_program_for_loads_in_the_docs_has_the_same_results() {
    const CHECK: &str = r#"
import json, sys

for line in sys.stdin:
    result = json.loads(line)
    nodes = [(name.encode(), weight, load, full) for name, weight, load, full in result["nodes"]]
    node = choose(result["resource"].encode(), nodes, result["spread"])
    assert (node and node.decode()) == result["node"], line
print("agreed")
"#;
    // A sequence of numbers that look random.
    let mut state = 7_u64;
    let mut below = |bound: u64| {
        state = state
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        (state >> 33) % bound
    };
    let mut lines = String::new();
    let (mut moved, mut full) = (0, 0);
    for number in 0..3000 {
        let resource = format!("conf/{number}");
        let nodes: Vec<_> = (0..=below(8))
            .map(|node| {
                let weight = [0, 50, 100, 100][usize::try_from(below(4)).unwrap()];
                let load = Some(below(20)).filter(|load| *load > 0);
                (format!("node{node}"), weight, load, below(5) == 0)
            })
            .collect();
        let spread = [0, 1250, 1001][usize::try_from(below(3)).unwrap()];
        let text = match spread {
            0 => "off".to_owned(),
            spread => format!("{}.{:03}", spread / 1000, spread % 1000),
        };
        let candidates = nodes.iter().map(|(name, weight, load, is_full)| {
            let candidate = Candidate {
                seed: Seed::of(name.as_bytes()),
                weight: *weight,
                node: &**name,
            };
            let figures = Figures {
                load: *load,
                is_full: *is_full,
            };
            (candidate, figures)
        });
        let bound = Spread::parse(text.as_bytes()).unwrap();
        let choice = choose(Key::of(resource.as_bytes()), bound, &candidates);
        moved += usize::from(choice.is_some_and(|choice| choice.is_moved));
        full += usize::from(nodes.iter().any(|node| node.3));
        let line = json!({
            "resource": resource,
            "nodes": nodes,
            "spread": spread,
            "node": choice.map(|choice| choice.node),
        });
        let _ = writeln!(lines, "{line}");
    }
    assert!(moved > 500 && full > 500, "{moved} {full}");
    assert_eq!(run(2, CHECK, &lines), "agreed\n");
}
