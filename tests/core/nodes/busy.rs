// SPDX-License-Identifier: GPL-2.0-or-later

//! Nodes that answer and want nothing new for now.

use clustering::cluster::Cluster;
use clustering::messages::Kind;
use clustering::nodes::admin::AdminState;
use clustering::nodes::health::State;
use clustering::nodes::probe::{Outcome, Report, retry_after};
use clustering::operator::{command, status};

use super::lab::{NODES, Setting, execute, nodes, pass, state};
use crate::node::{SETTINGS, cluster, decide};

fn only_node2_says(outcome: Outcome) -> impl Fn(&str) -> Outcome {
    move |node| match node {
        "node2" => outcome,
        _ => Outcome::Answered(200),
    }
}

/// The number of rooms of a hundred that are placed on node2.
fn placed_on_node2(cluster: &Cluster) -> usize {
    let place = |room: usize| {
        let room = format!("conf/{room}");
        decide(cluster, Kind::Locate, &[("callto", &room)]).retval
    };
    let rooms = (0..100).map(place);
    rooms
        .filter(|node| node.as_deref() == Some(b"node2"))
        .count()
}

/// The state and the reason of node2 in the table.
fn row(cluster: &Cluster) -> (String, String) {
    let table = command::run(cluster, b"nodes").unwrap();
    let row = table.lines().find(|line| line.starts_with("node2 "));
    let (row, column) = (row.unwrap(), table.find("REASON").unwrap());
    let state = row.split_whitespace().nth(1).unwrap();
    (state.to_owned(), row[column..].to_owned())
}

#[test]
fn nothing_new_is_placed_on_a_busy_node_and_what_is_there_is_reached() {
    let cluster = nodes();
    pass(&cluster, 1, 20, |_| Outcome::Answered(200));
    assert!(placed_on_node2(&cluster) > 10);
    let said = pass(&cluster, 21, 20, only_node2_says(Outcome::Answered(503)));
    assert_eq!(said.len(), 1, "{said:?}");
    assert!(
        said[0].starts_with("Node 'node2' is busy: answered 503; it was up for "),
        "{said:?}"
    );
    assert_eq!(placed_on_node2(&cluster), 0);
    assert_eq!(
        execute(&cluster, "cluster/node2/conf/1").value("error"),
        None
    );
    assert_eq!(
        row(&cluster),
        ("busy".to_owned(), "answered 503".to_owned())
    );
    let text = status::nodes(&cluster);
    assert!(text.contains("node2=busy|enabled|100|"), "{text}");
    let text = command::run(&cluster, b"metrics").unwrap();
    for sample in [
        "busy{node=\"node2\"} 1",
        "busy{node=\"node3\"} 0",
        "up{node=\"node2\"} 1",
    ] {
        let sample = format!("\nyate_clustering_node_{sample}\n");
        assert!(text.contains(&sample), "{sample} is not in {text}");
    }
    let said = pass(&cluster, 41, 20, |_| Outcome::Answered(200));
    assert_eq!(said.len(), 1, "{said:?}");
    assert!(
        said[0].starts_with("Node 'node2' is up: answered 200; it was busy for "),
        "{said:?}"
    );
    assert!(placed_on_node2(&cluster) > 10);
}

#[test]
fn a_busy_node_stays_so_until_its_retry_after_is_over() {
    let cluster = nodes();
    pass(&cluster, 1, 20, |_| Outcome::Answered(200));
    pass(
        &cluster,
        21,
        10,
        only_node2_says(Outcome::AnsweredLater(503, 30)),
    );
    assert_eq!(row(&cluster).1, "answered 503");
    pass(&cluster, 31, 20, |_| Outcome::Answered(200));
    let busy = (
        "busy".to_owned(),
        "answered 200, busy by its Retry-After".to_owned(),
    );
    assert_eq!(row(&cluster), busy);
    assert_eq!(placed_on_node2(&cluster), 0);
    pass(&cluster, 51, 20, |_| Outcome::Answered(200));
    assert_eq!(row(&cluster), ("up".to_owned(), "answered 200".to_owned()));
}

#[test]
fn codes_of_a_busy_node_come_before_those_of_a_living_one() {
    let alive: &[Setting] = &[("health", "alive", "200-499")];
    let states = |settings: &[Setting], code| {
        let cluster = cluster(&[settings, NODES, SETTINGS]);
        pass(&cluster, 1, 60, only_node2_says(Outcome::Answered(code)));
        state(&cluster, "node2")
    };
    assert_eq!(states(alive, 503), State::Busy);
    assert_eq!(states(alive, 500), State::Down);
    let other = [alive, &[("health", "busy", "480,500")]].concat();
    assert_eq!(states(&other, 480), State::Busy);
    assert_eq!(states(&other, 500), State::Busy);
    assert_eq!(states(&other, 503), State::Down);
    let none: &[Setting] = &[("health", "busy", "none")];
    assert_eq!(states(none, 503), State::Up);
}

#[test]
fn an_operator_says_more_than_a_busy_node() {
    let cluster = nodes();
    pass(&cluster, 1, 20, only_node2_says(Outcome::Answered(503)));
    for (admin, shown) in [
        (AdminState::Draining, "draining"),
        (AdminState::Disabled, "disabled"),
    ] {
        cluster.set_admin(b"node2", admin);
        assert_eq!(row(&cluster).0, shown);
        assert_eq!(placed_on_node2(&cluster), 0);
    }
}

#[test]
fn the_time_to_wait_is_read_as_sip_has_it() {
    for (header, seconds) in [
        ("30", 30),
        (" 120 (in a meeting)", 120),
        ("18000;duration=3600", 18_000),
        ("99999999999", u32::MAX),
        ("99999999999999999999999999", 0),
        ("soon", 0),
        ("-1", 0),
        ("", 0),
    ] {
        assert_eq!(retry_after(header.as_bytes()), seconds, "{header}");
    }
    let report = Report {
        handled: true,
        code: 503,
        has_headers: true,
        retry_after: 30,
        ..Report::default()
    };
    assert_eq!(report.outcome(), Outcome::AnsweredLater(503, 30));
}
