// SPDX-License-Identifier: GPL-2.0-or-later

//! Failed calls as evidence about their node.

use std::cell::Cell;

use clustering::cluster::Cluster;
use clustering::messages::Kind;
use clustering::nodes::health::State;
use clustering::nodes::probe::Outcome;

use super::lab::{NODES, Setting, execute, nodes, only_node2_is_dead, pass, state};
use crate::node::{SETTINGS, cluster, decide};

fn outgoing(cluster: &Cluster, id: &str, end: &[(&str, &str)]) {
    let target = execute(cluster, "cluster/node2/x/1");
    let target = target.value("callto").unwrap();
    let start = [("id", id), ("direction", "outgoing"), ("callto", target)];
    decide(cluster, Kind::Startup, &start);
    let end = [&[("id", id), ("direction", "outgoing")], end].concat();
    decide(cluster, Kind::Hangup, &end);
}

/// Whether node2 is probed in the second after one of its usual probes.
fn is_expedited(end: &[(&str, &str)]) -> bool {
    let cluster = nodes();
    let up = |_: &str| Outcome::Answered(200);
    pass(&cluster, 1, 100, up);
    let probed = Cell::new(false);
    let watch = |node: &str| {
        probed.set(probed.get() || node == "node2");
        up(node)
    };
    let second = (101..112).find(|&second| {
        pass(&cluster, second, 1, watch);
        probed.take()
    });
    outgoing(&cluster, "sip/1", end);
    pass(&cluster, second.unwrap() + 1, 1, watch);
    let settings = cluster.settings();
    let failures = settings.nodes.find(b"node2").unwrap().state.failures();
    assert_eq!(failures, u64::from(probed.get()));
    probed.get()
}

#[test]
fn a_call_that_meets_nobody_has_its_node_probed_at_once_and_others_do_not() {
    for code in ["408", "500"] {
        assert!(
            is_expedited(&[("answered", "false"), ("cause_sip", code)]),
            "{code}"
        );
    }
    let others: [&[(&str, &str)]; 5] = [
        &[("answered", "true")],
        &[
            ("answered", "false"),
            ("cause_sip", "486"),
            ("reason_sip", "Busy Here"),
        ],
        &[
            ("answered", "false"),
            ("cause_sip", "408"),
            ("reason_sip", "Request Timeout"),
        ],
        &[("answered", "false"), ("reason", "Cancelled")],
        &[("answered", "true"), ("cause_sip", "408")],
    ];
    for end in others {
        assert!(!is_expedited(end), "{end:?}");
    }
}

#[test]
fn calls_that_fail_take_a_dead_node_down_sooner_but_never_a_live_one() {
    let settings = [NODES, SETTINGS];
    let failed: &[(&str, &str)] = &[("answered", "false"), ("cause_sip", "408")];
    let until_down = |calls: bool| {
        let cluster = cluster(&settings);
        pass(&cluster, 1, 100, |_| Outcome::Answered(200));
        (101..200).find(|&second| {
            if calls {
                outgoing(&cluster, "sip/1", failed);
            }
            pass(&cluster, second, 1, only_node2_is_dead);
            state(&cluster, "node2") == State::Down
        })
    };
    assert!(until_down(true).unwrap() < until_down(false).unwrap());
    let live = cluster(&settings);
    for second in 1..300 {
        for call in 0..5 {
            outgoing(&live, &format!("sip/{call}"), failed);
        }
        pass(&live, second, 1, |_| Outcome::Answered(200));
        assert_ne!(state(&live, "node2"), State::Down);
    }
}

#[test]
fn a_call_that_gets_any_answer_ends_a_row_of_failures() {
    let busy: &[(&str, &str)] = &[
        ("answered", "false"),
        ("cause_sip", "486"),
        ("reason_sip", "Busy Here"),
    ];
    let cancelled: &[(&str, &str)] = &[("answered", "false"), ("reason", "Cancelled")];
    let talked: &[(&str, &str)] = &[("answered", "true")];
    for (end, left) in [
        (busy, State::Up),
        (talked, State::Up),
        (cancelled, State::Down),
    ] {
        let cluster = nodes();
        pass(&cluster, 1, 100, |_| Outcome::Answered(200));
        let mut second = 100;
        for _ in 0..2 {
            // One less than the number that takes it down.
            let lost = Cell::new(0);
            while lost.get() < 2 {
                second += 1;
                pass(&cluster, second, 1, |node| {
                    lost.set(lost.get() + u32::from(node == "node2"));
                    only_node2_is_dead(node)
                });
            }
            outgoing(&cluster, "sip/1", end);
        }
        assert_eq!(state(&cluster, "node2"), left, "{end:?}");
    }
}

#[test]
fn calls_from_before_a_node_died_do_not_keep_it_up() {
    let up = |_: &str| Outcome::Answered(200);
    let until_down = |calls: u32| {
        let cluster = nodes();
        pass(&cluster, 1, 100, up);
        let target = execute(&cluster, "cluster/node2/x/1");
        let target = target.value("callto").unwrap();
        for number in 0..calls {
            let id = format!("sip/{number}");
            let start = [("id", &*id), ("direction", "outgoing"), ("callto", target)];
            decide(&cluster, Kind::Startup, &start);
        }
        let mut number = 0;
        (101..200).find(|&second| {
            pass(&cluster, second, 1, only_node2_is_dead);
            // The callers hear nothing any more, and hang up one after the other.
            let id = format!("sip/{number}");
            decide(&cluster, Kind::Hangup, &[("id", &id), ("answered", "true")]);
            number += 1;
            state(&cluster, "node2") == State::Down
        })
    };
    assert_eq!(until_down(100), until_down(0));
}

#[test]
fn calls_whose_ends_are_never_heard_of_are_forgotten_some_time() {
    let cluster = nodes();
    let target = execute(&cluster, "cluster/node2/x/1");
    let target = target.value("callto").unwrap();
    let start = |id: &str| {
        let start = [("id", id), ("direction", "outgoing"), ("callto", target)];
        decide(&cluster, Kind::Startup, &start);
    };
    let failures_after = |id: &str| {
        let end = [("id", id), ("answered", "false"), ("cause_sip", "408")];
        decide(&cluster, Kind::Hangup, &end);
        let settings = cluster.settings();
        settings.nodes.find(b"node2").unwrap().state.failures()
    };
    for number in 0..=1 << 16 {
        start(&format!("sip/{number}"));
    }
    assert_eq!(failures_after("sip/0"), 0, "it is forgotten");
    assert_eq!(failures_after("sip/65536"), 1, "it is not");
}

/// Their ends are seen everywhere: a caller may hang up while a node is looked for.
#[test]
fn calls_are_only_watched_where_nodes_are_probed() {
    let decided = |settings: &[&[Setting]]| {
        let settings = cluster(settings).settings();
        [Kind::Startup, Kind::Hangup].map(|kind| settings.decides(kind))
    };
    let off = [("health", "interval", "0")];
    assert_eq!(decided(&[NODES, SETTINGS]), [true, true]);
    assert_eq!(decided(&[&off, NODES, SETTINGS]), [false, true]);
    assert_eq!(decided(&[SETTINGS]), [false, true]);
}
