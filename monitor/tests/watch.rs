// SPDX-License-Identifier: GPL-2.0-or-later

//! What the monitor makes of the engines' answers, without any engine.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use yate_clustering_monitor::cluster::{
    Admin, Answer, Cluster, Condition, Database, EventKind, POINTS, STEP, State, View,
};
use yate_clustering_monitor::metrics;
use yate_clustering_monitor::watch::{MOST_NODES, Reply, Watch};

/// A time in the middle of a point.
const BEGIN: u64 = 1_795_790_000 / STEP * STEP + STEP / 2;

fn watch(engines: usize) -> Watch {
    let addresses = (1..=engines).map(|number| format!("192.0.2.{number}:5038"));
    Watch::new(addresses, Duration::from_secs(5))
}

/// The answer of a node, which knows these.
fn answer(node: &str, views: &[View]) -> Answer {
    Answer {
        schema: 1,
        node: node.to_owned(),
        enabled: true,
        file: "taken".to_owned(),
        nodes: views.to_vec(),
        ..Answer::default()
    }
}

fn view(name: &str, state: State) -> View {
    View {
        name: name.to_owned(),
        state,
        admin: Admin::Enabled,
        weight: 100,
        reason: "for a test".to_owned(),
        ..View::default()
    }
}

#[allow(clippy::unnecessary_wraps)] // others have none
fn ok(answer: Answer) -> Reply {
    Ok((answer, Duration::from_millis(3)))
}

fn silent() -> Reply {
    Err("no answer within 3 s".to_owned())
}

fn conditions(cluster: &Cluster) -> Vec<(&str, Condition)> {
    let nodes = cluster.nodes.iter();
    nodes.map(|node| (&*node.name, node.condition)).collect()
}

/// The condition of node2, of which node1 and node3 say this.
fn condition(says1: &View, says3: &View, replies: bool) -> Condition {
    let mut watch = watch(3);
    let two = || ok(answer("node2", &[view("node2", State::Up)]));
    let all = [view("node1", State::Up), view("node3", State::Up)];
    let with = |view: &View| [&all[..], std::slice::from_ref(view)].concat();
    let ask = |second| {
        vec![
            ok(answer("node1", &with(says1))),
            second,
            ok(answer("node3", &with(says3))),
        ]
    };
    let mut cluster = watch.round(ask(two()), BEGIN);
    if !replies {
        cluster = watch.round(ask(silent()), BEGIN + 5);
    }
    let node = cluster.nodes.iter().find(|node| node.name == "node2");
    node.unwrap().condition
}

#[test]
fn each_condition_has_its_cause() {
    let up = || view("node2", State::Up);
    let down = || view("node2", State::Down);
    let admin = |view: View, admin| View { admin, ..view };
    let drifting = View {
        drift: Some(vec!["secret".to_owned()]),
        ..up()
    };
    let replaced = View {
        backup: Some("node3".to_owned()),
        ..down()
    };
    // Its address is elsewhere, where it answers the others.
    let taken = View {
        backup: Some("node1".to_owned()),
        ..view("node2", State::Unknown)
    };
    for (one, three, replies, wanted) in [
        (up(), up(), true, Condition::Up),
        (
            view("node2", State::Unknown),
            view("node2", State::Unknown),
            true,
            Condition::Up,
        ),
        (up(), up(), false, Condition::Silent),
        (view("node2", State::Busy), up(), true, Condition::Busy),
        (down(), down(), false, Condition::Down),
        (down(), down(), true, Condition::Down),
        (down(), up(), true, Condition::Partly),
        (down(), view("node2", State::Unknown), true, Condition::Down),
        (down(), replaced, false, Condition::Replaced),
        (taken, up(), false, Condition::Replaced),
        (up(), drifting, true, Condition::Drifting),
        (
            admin(up(), Admin::Draining),
            up(),
            true,
            Condition::Draining,
        ),
        (
            admin(down(), Admin::Draining),
            down(),
            true,
            Condition::Down,
        ),
        (
            admin(down(), Admin::Disabled),
            down(),
            false,
            Condition::Disabled,
        ),
    ] {
        let said = format!("{one:?} {three:?} {replies}");
        assert_eq!(condition(&one, &three, replies), wanted, "{said}");
    }
}

#[test]
fn a_node_that_lists_no_nodes_is_one_all_the_same() {
    let mut watch = watch(2);
    let cluster = watch.round(vec![ok(answer("node1", &[])), silent()], BEGIN);
    assert_eq!(conditions(&cluster), [("node1", Condition::Up)]);
    assert_eq!(
        cluster.engines[1].error.as_deref(),
        Some("no answer within 3 s")
    );
    assert_eq!(cluster.engines[1].node, None);
    // All that is left is what was known before.
    let cluster = watch.round(vec![silent(), silent()], BEGIN + 5);
    assert_eq!(conditions(&cluster), [("node1", Condition::Silent)]);
}

#[test]
fn two_engines_of_one_name_are_told() {
    let mut watch = watch(2);
    let twice = || ok(answer("node1", &[]));
    let cluster = watch.round(vec![twice(), twice()], BEGIN);
    assert_eq!(cluster.engines[0].error, None);
    let error = cluster.engines[1].error.as_deref();
    assert_eq!(error, Some("another engine is node 'node1', too"));
}

#[test]
fn changes_are_events_the_newest_first() {
    let mut watch = watch(1);
    let mut said = answer("node1", &[view("node2", State::Up)]);
    said.database = Some(Database::Up);
    assert_eq!(watch.round(vec![ok(said.clone())], BEGIN).events, []);
    said.nodes[0].state = State::Down;
    said.nodes.push(view("node3", State::Unknown));
    said.database = Some(Database::Down);
    said.file = "refused".to_owned();
    watch.round(vec![ok(said.clone())], BEGIN + 60);
    said.nodes.pop();
    let cluster = watch.round(vec![ok(said)], BEGIN + 65);
    let events: Vec<_> = cluster
        .events
        .iter()
        .map(|event| (event.time - BEGIN, &*event.node, event.kind, &*event.text))
        .collect();
    assert_eq!(
        events,
        [
            (65, "node3", EventKind::Left, "no node knows it any more"),
            (60, "node3", EventKind::Joined, "a new node, unknown"),
            (
                60,
                "node2",
                EventKind::Condition,
                "down, was up for 60 s: for a test, says node1"
            ),
            (
                60,
                "node1",
                EventKind::Database,
                "the database of claimed resources does not answer"
            ),
            (
                60,
                "node1",
                EventKind::File,
                "the file was refused, an older one is in force"
            ),
        ]
    );
    assert_eq!(cluster.events[2].condition, Some(Condition::Down));
    let node2 = &cluster.nodes[1];
    assert_eq!((&*node2.name, node2.since), ("node2", BEGIN + 60));
}

#[test]
fn an_hour_is_kept_and_no_more() {
    let mut watch = watch(1);
    let mut cluster = Cluster::default();
    for round in 0..2000 {
        let mut node2 = view("node2", State::Up);
        node2.forwards = round * 10;
        node2.latency = Some(0.002);
        node2.channels = Some(round);
        if round == 1990 {
            node2.state = State::Down;
        }
        cluster = watch.round(vec![ok(answer("node1", &[node2]))], BEGIN + round * 5);
    }
    let node = &cluster.nodes[1];
    let history = &node.history;
    assert_eq!(history.end, (BEGIN + 1999 * 5) / STEP * STEP + STEP);
    for length in [
        history.condition.len(),
        history.latency.len(),
        history.forwards.len(),
        history.channels.len(),
    ] {
        assert_eq!(length, POINTS);
    }
    // The time in which it was down for a moment.
    assert_eq!(
        history
            .condition
            .iter()
            .filter(|one| **one == Condition::Down)
            .count(),
        1
    );
    assert!(
        history
            .latency
            .iter()
            .all(|millis| (millis - 2.0).abs() < 0.01)
    );
    assert_eq!(history.forwards[1], 60, "six rounds of ten");
    assert_eq!(history.channels[POINTS - 1], 1999);
    assert!(
        (node.seen_by[0].rate - 2.0).abs() < 0.01,
        "{}",
        node.seen_by[0].rate
    );
    // A time in which nobody asked is empty.
    let later = BEGIN + 1999 * 5 + 10 * STEP;
    let cluster = watch.round(
        vec![ok(answer("node1", &[view("node2", State::Up)]))],
        later,
    );
    let history = &cluster.nodes[1].history;
    assert_eq!(
        history.condition[POINTS - 10..POINTS - 1],
        [Condition::Unknown; 9]
    );
    assert_eq!(history.condition[POINTS - 1], Condition::Up);
    // A clock that goes backwards harms nothing.
    let cluster = watch.round(
        vec![ok(answer("node1", &[view("node2", State::Up)]))],
        BEGIN,
    );
    assert_eq!(cluster.nodes[1].history.condition.len(), POINTS);
}

/// An engine that was started again counts from 0, which is no negative number of forwards.
#[test]
fn an_engine_that_starts_again_adds_what_it_sent_since() {
    let mut watch = watch(1);
    let mut cluster = Cluster::default();
    for (round, forwards) in [(0, 1000), (1, 1010), (2, 3)] {
        let mut node2 = view("node2", State::Up);
        node2.forwards = forwards;
        cluster = watch.round(vec![ok(answer("node1", &[node2]))], BEGIN + round);
    }
    assert_eq!(cluster.nodes[1].history.forwards, [13]);
}

#[test]
fn what_an_engine_has_sent_while_it_was_silent_is_no_sudden_traffic() {
    let mut watch = watch(1);
    let mut cluster = Cluster::default();
    for second in (0..=700).step_by(5) {
        let mut node2 = view("node2", State::Up);
        node2.forwards = second;
        let is_silent = (50..650).contains(&second);
        let reply = if is_silent {
            silent()
        } else {
            ok(answer("node1", &[node2]))
        };
        cluster = watch.round(vec![reply], BEGIN + second);
    }
    let node2 = &cluster.nodes[1];
    assert!(node2.seen_by[0].rate < 1.01, "{}", node2.seen_by[0].rate);
    let most = node2.history.forwards.iter().max();
    assert_eq!(most, Some(&u32::try_from(STEP).unwrap()), "one in a second");
}

#[test]
fn the_number_of_nodes_has_a_bound() {
    let mut watch = watch(2);
    let many = |prefix: &str| -> Vec<_> {
        (0..MOST_NODES)
            .map(|number| view(&format!("{prefix}{number}"), State::Up))
            .collect()
    };
    let replies = vec![
        ok(answer("node1", &many("a"))),
        ok(answer("node2", &many("b"))),
    ];
    assert_eq!(watch.round(replies, BEGIN).nodes.len(), MOST_NODES);
}

fn assert_each_sample_once(metrics: &str) {
    let samples = metrics.lines().filter(|line| !line.starts_with('#'));
    let mut names = BTreeSet::new();
    for sample in samples {
        let (name, _) = sample.rsplit_once(' ').unwrap();
        assert!(names.insert(name), "{sample}:\n{metrics}");
    }
}

#[test]
fn a_node_that_has_moved_to_another_host_has_each_metric_once() {
    let mut watch = watch(2);
    let node1 = || ok(answer("node1", &[view("node1", State::Up)]));
    watch.round(vec![node1(), silent()], BEGIN);
    let cluster = watch.round(vec![silent(), node1()], BEGIN + 5);
    assert_each_sample_once(&metrics::render(&Arc::new(cluster)));
}

/// By the rules of `promtool check metrics`, which `tests/core/operator.rs` has, too.
#[test]
fn metrics_name_engines_nodes_and_pairs_whatever_their_names() {
    let mut watch = watch(3);
    let odd = "<script>\"\\\n";
    let mut node2 = view("node2", State::Down);
    node2.forwards = 7;
    node2.failures = 1;
    let mut one = answer(
        "node1",
        &[view("node1", State::Up), node2, view(odd, State::Up)],
    );
    one.counters.insert("forwarded".to_owned(), 7);
    one.counters.insert("of a later version".to_owned(), 1);
    let cluster = watch.round(vec![ok(one), silent(), ok(answer(odd, &[]))], BEGIN);
    let text = metrics::render(&Arc::new(cluster));
    for sample in [
        "yate_clustering_engine_up{engine=\"node1\",address=\"192.0.2.1:5038\"} 1",
        "yate_clustering_engine_up{engine=\"192.0.2.2:5038\",address=\"192.0.2.2:5038\"} 0",
        "yate_clustering_forwarded_total{engine=\"node1\"} 7",
        "yate_clustering_node_up{node=\"node2\"} 0",
        "yate_clustering_node_condition{node=\"node2\",condition=\"down\"} 1",
        "yate_clustering_node_forwards_total{engine=\"node1\",node=\"node2\"} 7",
        "yate_clustering_node_failures_total{engine=\"node1\",node=\"node2\"} 1",
        "yate_clustering_node_weight{node=\"<script>\\\"\\\\\\n\"} 100",
    ] {
        assert!(text.lines().any(|line| line == sample), "{sample}:\n{text}");
    }
    assert!(!text.contains("later version"));
    assert_each_sample_once(&text);
    for line in text.lines().filter_map(|line| line.strip_prefix("# TYPE ")) {
        let (name, kind) = line.split_once(' ').unwrap();
        assert_eq!(kind == "counter", name.ends_with("_total"), "{line}");
    }
}
