// SPDX-License-Identifier: GPL-2.0-or-later

//! Placement agrees with the recorded placements, and with the program in the docs.

use std::fs;
use std::io::Write;
use std::path::Path;
use std::process::{Command, Stdio};

use clustering::placement::rendezvous::{Candidate, Key, Seed, place};
use serde_json::Value;

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
    let docs = read("docs/placement.md");
    let program = docs.split_once("```python\n").unwrap().1;
    let program = program.split_once("```").unwrap().0;
    let python = Command::new("python3")
        .args(["-c", &format!("{program}{CHECK}")])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn();
    let mut python = python.expect("python3 is installed: `scripts/setup lint` does it");
    let mut input = python.stdin.take().unwrap();
    input.write_all(results().as_bytes()).unwrap();
    drop(input);
    let output = python.wait_with_output().unwrap();
    assert_eq!(String::from_utf8_lossy(&output.stdout), "agreed\n");
}
