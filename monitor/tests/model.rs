// SPDX-License-Identifier: GPL-2.0-or-later

//! The model of the cluster beside a sample answer.

use yate_clustering_monitor::cluster::{Answer, SCHEMA, State};

const SAMPLE: &str = include_str!("data/node1.json");

#[test]
fn a_sample_answer_is_read_and_written_without_loss() {
    let answer: Answer = serde_json::from_str(SAMPLE).unwrap();
    assert_eq!((answer.schema, &*answer.node), (SCHEMA, "node1"));
    assert_eq!(answer.nodes[2].state, State::Down);
    let again: serde_json::Value = serde_json::from_str(SAMPLE).unwrap();
    assert_eq!(serde_json::to_value(&answer).unwrap(), again);
}

#[test]
fn words_of_later_versions_are_read_as_unknown() {
    let answer = SAMPLE.replace("\"state\":\"down\"", "\"state\":\"asleep\",\"new\":{}");
    let answer: Answer = serde_json::from_str(&answer).unwrap();
    assert_eq!(answer.nodes[2].state, State::Unknown);
}
