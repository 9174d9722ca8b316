// SPDX-License-Identifier: GPL-2.0-or-later

//! The schedule of the probes, and the state of nodes that don't answer.

use clustering::cluster::Cluster;
use clustering::nodes::admin::AdminState;
use clustering::nodes::health::State;
use clustering::nodes::probe::Outcome;
use clustering::operator::command;
use clustering::operator::counters::Counter;
use clustering::task::Probe;
use clustering::time::SteadyTime;
use clustering::verdict::Action;

use super::lab::{
    NODES, SECOND, Setting, execute, lines, nodes, only_node2_is_dead, pass, probes, state,
};
use crate::node::{SETTINGS, cluster, entries};

#[test]
fn a_call_to_a_node_that_is_down_fails_at_once_and_says_why() {
    let cluster = nodes();
    let said = pass(&cluster, 1, 60, only_node2_is_dead);
    assert_eq!(
        said.iter()
            .filter(|line| line.contains("node2"))
            .collect::<Vec<_>>()
            .len(),
        1,
        "{said:?}"
    );
    let decided = execute(&cluster, "cluster/node2/x/1");
    assert_eq!(decided.action, Action::Change);
    assert_eq!(decided.value("error"), Some("offline"));
    assert_eq!(
        decided.value("reason"),
        Some("cluster node 'node2' is down")
    );
    assert_eq!(decided.value("callto"), Some("cluster/node2/x/1"));
    let line = "Call to 'x/1' failed: node 'node2' is down";
    assert_eq!(decided.line.as_deref(), Some(line));
    assert_eq!(cluster.count(Counter::Offline), 1);
    assert_eq!(execute(&cluster, "cluster/node3/x/1").value("error"), None);
}

#[test]
fn one_lost_probe_changes_nothing_and_a_change_is_one_line_with_cause_and_duration() {
    let cluster = nodes();
    let up = |_: &str| Outcome::Answered(200);
    pass(&cluster, 1, 100, up);
    assert_eq!(pass(&cluster, 101, 10, only_node2_is_dead), [""; 0]);
    assert_eq!(pass(&cluster, 111, 89, up), [""; 0]);
    let said = pass(&cluster, 200, 60, only_node2_is_dead);
    assert_eq!(said.len(), 1, "{said:?}");
    let words: Vec<_> = said[0].split(' ').collect();
    assert_eq!(
        words[..11].join(" "),
        "Node 'node2' is down: no answer to a probe; it was"
    );
    assert_eq!(state(&cluster, "node2"), State::Down);
    let said = pass(&cluster, 260, 40, up);
    assert_eq!(said.len(), 1, "{said:?}");
    assert!(
        said[0].starts_with("Node 'node2' is up: answered 200; it was down for "),
        "{said:?}"
    );
}

#[test]
fn what_is_known_of_a_node_counts_from_when_the_module_first_looked() {
    let cluster = nodes();
    let machine_is_up = 100_000;
    let said = pass(&cluster, machine_is_up, 20, only_node2_is_dead);
    assert_eq!(said.len(), 1, "{said:?}");
    let seconds = said[0].strip_prefix("Node 'node3' is up: answered 200; it was unknown for ");
    let seconds = seconds.and_then(|rest| rest.strip_suffix(" s")?.parse().ok());
    assert!(
        seconds.is_some_and(|seconds: u64| seconds <= 20),
        "{said:?}"
    );
}

/// The probes of node2 alone.
fn probes_of_node2(cluster: &Cluster) -> Vec<Probe> {
    let mut probes = probes(cluster);
    probes.retain(|probe| &*probe.node == b"node2");
    probes
}

fn answered(cluster: &Cluster, probe: &Probe, second: u64) {
    let now = SteadyTime(second * SECOND);
    cluster.probed(&probe.node, probe.number, Outcome::Answered(200), now);
}

#[test]
fn requests_that_the_engine_does_not_end_keep_no_node_up() {
    let cluster = nodes();
    let mut hanging = Vec::new();
    let mut down = 0;
    for second in 1..200 {
        cluster.tick(SteadyTime(second * SECOND));
        hanging.extend(probes_of_node2(&cluster));
        if state(&cluster, "node2") == State::Down && down == 0 {
            down = second;
        }
    }
    assert!((22..=32).contains(&down), "as if they had ended: {down}");
    assert_eq!(hanging.len(), 4, "no more of them are under way");
    // Late answers change nothing, but make room for the next request.
    answered(&cluster, &hanging[0], 200);
    answered(&cluster, &hanging[1], 200);
    let table = command::run(&cluster, b"nodes").unwrap();
    assert!(!table.contains("answering"), "{table}");
    let mut next = Vec::new();
    for second in 200..220 {
        cluster.tick(SteadyTime(second * SECOND));
        for probe in probes_of_node2(&cluster) {
            answered(&cluster, &probe, second);
            next.push(probe);
        }
    }
    assert_eq!(next.len(), 2);
    assert_eq!(state(&cluster, "node2"), State::Up);
}

#[test]
fn a_blackholed_node_is_down_in_four_seconds_whenever_it_dies() {
    let settings: &[Setting] = &[
        ("health", "interval", "3"),
        ("health", "timeout", "1"),
        ("health", "fall", "1"),
    ];
    for dies in (0..3000)
        .step_by(37)
        .map(|millis| 20 * SECOND + millis * 1000)
    {
        let cluster = cluster(&[settings, NODES, SETTINGS]);
        let mut found = None;
        // Ten ticks a second, which come a little late.
        for tick in 1..300 {
            let now = tick * SECOND / 10 + tick * 7919 % 1000;
            cluster.tick(SteadyTime(now));
            for probe in probes_of_node2(&cluster) {
                if now < dies {
                    let now = SteadyTime(now + 1500);
                    cluster.probed(&probe.node, probe.number, Outcome::Answered(200), now);
                }
            }
            if state(&cluster, "node2") == State::Down && found.is_none() {
                found = Some(now);
            }
        }
        let found = found.expect("it is found out") - dies;
        assert!(found <= 4 * SECOND, "after {found} us");
    }
}

#[test]
fn a_late_answer_changes_nothing_after_its_node_was_disabled_removed_or_moved() {
    let without = [NODES[0], NODES[2], NODES[3]];
    let elsewhere = [
        &[("node node2", "callto", "sip/sip:x@192.0.2.9")],
        NODES,
        SETTINGS,
    ]
    .concat();
    let unprobed = [&[("health", "interval", "0")], NODES, SETTINGS].concat();
    let removed = [&without, SETTINGS].concat();
    let usual = [NODES, SETTINGS].concat();
    let load = |cluster: &Cluster, settings: &[Setting]| {
        cluster.load("", &entries(settings)).unwrap();
    };
    let changes: [&dyn Fn(&Cluster); 5] = [
        &|cluster| assert!(cluster.set_admin(b"node2", AdminState::Disabled)),
        &|cluster| {
            cluster.set_admin(b"node2", AdminState::Disabled);
            cluster.set_admin(b"node2", AdminState::Enabled);
        },
        &|cluster| load(cluster, &elsewhere),
        &|cluster| load(cluster, &unprobed),
        &|cluster| {
            load(cluster, &removed);
            load(cluster, &usual);
            // The node is a new one, with a probe of its own.
            cluster.tick(SteadyTime(21 * SECOND));
        },
    ];
    for (at, change) in changes.iter().enumerate() {
        let cluster = nodes();
        let mut sent = Vec::new();
        let mut second = 0;
        while sent.is_empty() {
            second += 1;
            cluster.tick(SteadyTime(second * SECOND));
            sent = probes_of_node2(&cluster);
        }
        change(&cluster);
        answered(&cluster, &sent[0], second);
        assert_eq!(state(&cluster, "node2"), State::Unknown, "change {at}");
    }
    // One that nothing has happened to takes it.
    let cluster = nodes();
    pass(&cluster, 1, 12, |_| Outcome::Answered(200));
    assert_eq!(state(&cluster, "node2"), State::Up);
}

#[test]
fn a_node_whose_place_was_corrected_is_a_new_one_and_probed_at_once() {
    let changes: [&[Setting]; 4] = [
        &[("node node2", "callto", "sip/sip:x@192.0.2.9")],
        &[("node node2", "probe", "sip:192.0.2.9")],
        &[("node node2", "transport", "tcp")],
        &[("general", "connection", "inner")],
    ];
    for change in changes {
        let cluster = nodes();
        pass(&cluster, 1, 60, only_node2_is_dead);
        assert_eq!(state(&cluster, "node2"), State::Down);
        let settings = [change, NODES, SETTINGS].concat();
        cluster.load("", &entries(&settings)).unwrap();
        assert_eq!(
            execute(&cluster, "cluster/node2/x/1").value("error"),
            None,
            "{change:?}"
        );
        let said = lines(&cluster);
        let line = "Node 'node2' is unknown: its place has changed in the file; it was down for ";
        assert!(said.iter().any(|it| it.starts_with(line)), "{said:?}");
        cluster.tick(SteadyTime(60 * SECOND));
        assert_eq!(probes_of_node2(&cluster).len(), 1, "{change:?}");
        // The same file once more changes nothing.
        pass(&cluster, 61, 60, only_node2_is_dead);
        cluster.load("", &entries(&settings)).unwrap();
        assert_eq!(state(&cluster, "node2"), State::Down);
    }
}

#[test]
fn a_probe_goes_the_way_of_calls() {
    let settings: &[Setting] = &[
        ("general", "connection", "inner"),
        ("general", "transport", "tcp"),
        ("node node3", "transport", "tls"),
    ];
    let cluster = cluster(&[settings, NODES, SETTINGS]);
    let mut ways = Vec::new();
    for second in 1..=10 {
        cluster.tick(SteadyTime(second * SECOND));
        for Probe {
            node,
            connection,
            transport,
            ..
        } in probes(&cluster)
        {
            assert_eq!(&*connection, b"inner");
            ways.push((String::from_utf8(node.into()).unwrap(), transport.text()));
        }
    }
    ways.sort();
    let expected = [("node2", "tcp"), ("node3", "tls")];
    assert_eq!(ways, expected.map(|(node, way)| (node.to_owned(), way)));
}

#[test]
fn probes_are_spread_over_the_interval() {
    let settings: Vec<_> = (0..1000)
        .map(|n| {
            (
                format!("node n{n}"),
                "callto",
                format!("sip/sip:cluster/@192.0.2.{n}"),
            )
        })
        .collect();
    let settings: Vec<_> = settings
        .iter()
        .map(|(section, key, value)| (section.as_str(), *key, value.as_str()))
        .collect();
    let cluster = Cluster::new(b"n0", 1);
    cluster.load("", &entries(&settings)).unwrap();
    let mut all = 0;
    for second in 1..=10 {
        cluster.tick(SteadyTime(second * SECOND));
        let now = probes(&cluster).len();
        assert!((50..150).contains(&now), "{now} in second {second}");
        all += now;
    }
    assert_eq!(all, 999, "all but the node itself, once in 10 seconds");
    // All at once where all have another place, and not from then on.
    let moved = ("general", "connection", "inner");
    let settings = [&settings[..], &[moved]].concat();
    cluster.load("", &entries(&settings)).unwrap();
    let probed = |second: u64| {
        let now = SteadyTime(second * SECOND);
        cluster.tick(now);
        let probes = probes(&cluster);
        for probe in &probes {
            let answer = Outcome::Answered(200);
            cluster.probed(&probe.node, probe.number, answer, now);
        }
        probes.len()
    };
    assert_eq!(probed(11), 999);
    for second in 12..40 {
        let now = probed(second);
        assert!(
            (50..150).contains(&now) || second == 12,
            "{now} in second {second}"
        );
    }
}

#[test]
fn an_interval_that_is_made_shorter_counts_at_once() {
    let every_hour: &[Setting] = &[("health", "interval", "3600")];
    let cluster = cluster(&[every_hour, NODES, SETTINGS]);
    pass(&cluster, 1, 3600, |_| Outcome::Answered(200));
    let settings = [NODES, SETTINGS].concat();
    cluster.load("", &entries(&settings)).unwrap();
    pass(&cluster, 3601, 45, only_node2_is_dead);
    assert_eq!(state(&cluster, "node2"), State::Down);
}

#[test]
fn nodes_that_start_together_do_not_all_probe_one_in_the_same_second() {
    let clusters: Vec<_> = (0..100)
        .map(|number| {
            let cluster = Cluster::new(format!("n{number}").as_bytes(), 1);
            let one: &[Setting] = &[("node one", "callto", "sip/sip:cluster/@192.0.2.1")];
            cluster.load("", &entries(one)).unwrap();
            cluster
        })
        .collect();
    for second in 1..=10 {
        let probes = clusters.iter().filter(|cluster| {
            cluster.tick(SteadyTime(second * SECOND));
            !probes(cluster).is_empty()
        });
        let count = probes.count();
        assert!((1..25).contains(&count), "{count} in second {second}");
    }
}

#[test]
fn a_tick_that_comes_a_little_early_leaves_out_no_probe() {
    let every_second: &[Setting] = &[("health", "interval", "1")];
    let cluster = cluster(&[every_second, NODES, SETTINGS]);
    for tick in 1..=20 {
        let now = tick * (SECOND - 50);
        cluster.tick(SteadyTime(now));
        let probes = probes(&cluster);
        assert_eq!(probes.len(), 2, "at tick {tick}");
        for probe in probes {
            cluster.probed(
                &probe.node,
                probe.number,
                Outcome::Answered(200),
                SteadyTime(now),
            );
        }
    }
}

#[test]
fn where_nobody_sends_probes_that_is_logged_once_and_all_nodes_count_as_up() {
    let cluster = nodes();
    pass(&cluster, 1, 100, |_| Outcome::NoAnswer);
    assert_eq!(state(&cluster, "node2"), State::Down);
    let said = pass(&cluster, 101, 400, |_| Outcome::NotSupported);
    let advice = said
        .iter()
        .filter(|line| line.contains("generate=yes"))
        .count();
    assert_eq!(advice, 1, "{said:?}");
    assert_eq!(execute(&cluster, "cluster/node2/x/1").value("error"), None);
}

#[test]
fn a_node_that_is_down_counts_as_up_once_it_is_not_probed_any_more() {
    let no_probes: &[Setting] = &[("health", "interval", "0")];
    let no_uri: &[Setting] = &[("node node2", "callto", "iax/cluster@198.51.100.2")];
    for (settings, why) in [
        (no_probes, "nodes are not probed"),
        (no_uri, "it has no probe"),
    ] {
        let cluster = nodes();
        pass(&cluster, 1, 60, only_node2_is_dead);
        assert_eq!(state(&cluster, "node2"), State::Down);
        let settings = [settings, NODES, SETTINGS].concat();
        cluster.load("", &entries(&settings)).unwrap();
        let said = pass(&cluster, 61, 60, only_node2_is_dead);
        let about = said.iter().filter(|line| line.contains("'node2'"));
        let about: Vec<_> = about.collect();
        assert_eq!(about.len(), 1, "{said:?}");
        let line = format!("Node 'node2' is unknown: {why}; it was down for ");
        assert!(about[0].starts_with(&line), "{said:?}");
        assert_eq!(execute(&cluster, "cluster/node2/x/1").value("error"), None);
    }
}

#[test]
fn the_line_of_a_node_that_goes_down_names_the_address_that_was_probed() {
    let cluster = nodes();
    let said = pass(&cluster, 1, 60, only_node2_is_dead);
    let line = said.iter().find(|line| line.contains("'node2' is down"));
    let line = line.unwrap_or_else(|| panic!("{said:?}"));
    let end = "; it is probed at 'sip:node2.example.net:502'";
    assert!(line.ends_with(end), "{line}");
}
