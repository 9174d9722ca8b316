// SPDX-License-Identifier: GPL-2.0-or-later

use super::*;
use crate::cluster::{Engine, History, Node, POINTS, Seen, State};

/// A cluster of nodes that all see each other.
fn cluster(names: &[&str]) -> Cluster {
    let seen_by = |name: &str| {
        let others = names.iter().filter(|other| **other != name);
        let seen = others.map(|other| Seen {
            by: (*other).into(),
            state: State::Up,
            rate: 0.5,
            ..Seen::default()
        });
        seen.collect()
    };
    Cluster {
        time: 1_795_791_602,
        interval: 5.0,
        nodes: names
            .iter()
            .map(|name| Node {
                name: (*name).to_owned(),
                condition: Condition::Up,
                since: 1_795_788_000,
                state: State::Up,
                seen_by: seen_by(name),
                ..Node::default()
            })
            .collect(),
        ..Cluster::default()
    }
}

#[test]
fn a_text_of_another_machine_is_only_a_text() {
    let hostile = "<script>alert('&\"')</script>";
    let mut cluster = cluster(&[hostile, "node2"]);
    cluster.nodes[0].backup = Some(hostile.to_owned());
    cluster.nodes[0].version = Some(hostile.to_owned());
    cluster.nodes[0].drift = vec![hostile.to_owned()];
    cluster.nodes[0].seen_by[0].reason = hostile.to_owned();
    cluster.nodes[0].seen_by[0].state = State::Down;
    cluster.nodes[0].state = State::Down;
    cluster.engines.push(Engine {
        address: hostile.to_owned(),
        error: Some(hostile.to_owned()),
        node: Some(hostile.to_owned()),
        ..Engine::default()
    });
    cluster.events.push(Event {
        node: hostile.to_owned(),
        text: hostile.to_owned(),
        ..Event::default()
    });
    let page = render(&cluster);
    assert!(!page.contains("<script>alert"), "{page}");
    assert!(!page.contains("'&\""), "{page}");
    assert!(page.matches("alert(").count() >= 8, "{page}");
}

#[test]
fn nothing_of_the_page_is_inline_or_elsewhere() {
    let page = render(&cluster(&["node1", "node2"]));
    for forbidden in [
        " style=",
        "<style",
        " onclick=",
        "javascript:",
        "http://",
        "https://",
        "//",
    ] {
        assert!(!page.contains(forbidden), "{forbidden}");
    }
    assert_eq!(page.matches("<script").count(), 1);
    for (path, ..) in ASSETS {
        assert!(page.contains(path), "{path}");
    }
}

#[test]
fn each_condition_has_a_word_an_icon_and_a_colour_of_its_own() {
    let css = include_str!("../../assets/page.css");
    let mut words = Vec::new();
    for condition in CONDITIONS {
        let mut cluster = cluster(&["node1", "node2"]);
        cluster.nodes[0].condition = condition;
        let page = render(&cluster);
        let look = look(condition);
        assert!(page.contains(&format!("<symbol id=\"i-{look}\"")), "{look}");
        assert!(
            page.contains(&format!("<use href=\"#i-{look}\"/>")),
            "{look}"
        );
        for class in [format!(".c-{look} {{"), format!(".b-{look} {{")] {
            assert!(css.contains(&class), "{class}");
        }
        words.push(word(condition));
    }
    words.sort_unstable();
    words.dedup();
    assert_eq!(words.len(), CONDITIONS.len());
}

#[test]
fn the_first_words_name_who_is_down() {
    let mut cluster = cluster(&["node1", "node2", "node3"]);
    assert!(render(&cluster).contains(">3 up.</p>"));
    cluster.nodes[1].condition = Condition::Down;
    let page = render(&cluster);
    assert!(page.contains(">2 up, 1 down: node2 is down.</p>"), "{page}");
    assert!(page.contains("<title>1 down of 3 nodes · Yate cluster</title>"));
}

#[test]
fn the_last_hour_is_a_picture_and_words() {
    let mut cluster = cluster(&["node1", "node2"]);
    let mut condition = vec![Condition::Up; 60];
    condition[50..56].fill(Condition::Down);
    cluster.nodes[0].history = History {
        end: cluster.time,
        condition,
        forwards: (0..60).collect(),
        ..History::default()
    };
    let page = render(&cluster);
    let words = "Last hour: down for 3 min, up for 27 min; at most 118 forwards a minute";
    assert!(page.contains(words), "{page}");
    assert!(page.contains("<rect class=\"b-down\" x=\"110\" y=\"22\" width=\"6\" height=\"4\"/>"));
    // More points than there is room for.
    cluster.nodes[0].history.condition = vec![Condition::Up; POINTS + 7];
    assert!(render(&cluster).contains("x=\"0\" y=\"22\" width=\"120\""));
}

#[test]
fn each_pair_is_in_the_picture_of_many_nodes() {
    let names: Vec<_> = (0..200).map(|number| format!("node{number:03}")).collect();
    let names: Vec<_> = names.iter().map(String::as_str).collect();
    let mut cluster = cluster(&names);
    cluster.nodes[7].seen_by[0].state = State::Down;
    let page = render(&cluster);
    assert!(page.contains("viewBox=\"0 0 200 200\""));
    assert!(page.contains("<path class=\"hx\" d=\"M7 0h1\"/>"));
    assert!(page.contains("<path class=\"h6\" d=\"M1 0h6M8 0h192"));
    assert!(page.len() < 700_000, "{} bytes", page.len());
}

#[test]
fn numbers_from_elsewhere_break_nothing() {
    let mut cluster = cluster(&["node1", "node2"]);
    cluster.time = u64::MAX;
    cluster.interval = f64::NAN;
    for (rate, latency) in [
        (f64::NAN, f64::INFINITY),
        (f64::MAX, -1.0),
        (-1.0, f64::NAN),
    ] {
        let seen = &mut cluster.nodes[0].seen_by[0];
        (seen.rate, seen.latency, seen.failures) = (rate, Some(latency), u64::MAX);
        cluster.nodes[0].since = u64::MAX;
        cluster.nodes[0].engine = Some(usize::MAX);
        assert!(render(&cluster).ends_with("</html>"));
    }
}

#[test]
fn figures_are_short() {
    assert_eq!(duration(59), "59 s");
    assert_eq!(duration(61), "1 min 1 s");
    assert_eq!(duration(3599), "59 min");
    assert_eq!(duration(90_061), "1 d 1 h");
    assert_eq!(date_time(1_795_791_602), "2026-11-27 15:00:02");
    assert_eq!(machine_time(1_795_791_602), "2026-11-27T15:00:02Z");
    assert_eq!(words::rate(0.04), "<0.1");
    assert_eq!(words::rate(9.96), "10.0");
    assert_eq!(words::rate(12_345.6), "12\u{202f}346");
    assert_eq!(words::milliseconds(0.0012), "1.2 ms");
    assert_eq!(Count(1, "node").to_string(), "1 node");
}
