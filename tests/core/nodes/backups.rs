// SPDX-License-Identifier: GPL-2.0-or-later

//! Backups: while a node is down its calls go to the first one that takes calls.

use clustering::cluster::Cluster;
use clustering::messages::{Kind, Reply};
use clustering::nodes::admin::AdminState;
use clustering::nodes::health::State;
use clustering::nodes::probe::Outcome;
use clustering::operator::command::{self, Request};
use clustering::operator::counters::Counter;
use clustering::operator::status;
use clustering::settings::Settings;
use clustering::task::Task;
use clustering::time::{MessageTimes, SteadyTime, WallTime};
use clustering::verdict::Verdict;
use proptest::prelude::*;

use super::lab::{NODES, SECOND, Setting, execute, only_node2_is_dead, pass, state, tasks};
use crate::node::{Decided, SETTINGS, cluster, decide, entries, named, params};

const BOB: &str = "sip/sip:bob@192.0.2.9";
const TO_BOB: &str = "cluster/node2/sip/sip:bob@192.0.2.9";

/// A node whose node2 has these backups, after a time in which the probes were answered so.
fn with_backups(backup: &'static str, answers: impl Fn(&str) -> Outcome) -> Cluster {
    let backups: &[Setting] = &[("node node2", "backup", backup)];
    let cluster = cluster(&[backups, NODES, SETTINGS]);
    pass(&cluster, 1, 60, answers);
    cluster
}

fn callto(decided: &Decided) -> &str {
    decided.value("callto").unwrap()
}

#[test]
fn a_call_to_a_node_that_is_down_is_forwarded_to_its_backup() {
    let cluster = with_backups("node3, node1", only_node2_is_dead);
    let decided = execute(&cluster, TO_BOB);
    assert_eq!(callto(&decided), "sip/sip:x@192.0.2.3:5070");
    assert_eq!(decided.value("osip_x-callto"), Some(BOB));
    assert_eq!(decided.value("osip_x-nodename"), Some("node1"));
    assert_eq!(decided.value("error"), None);
    let line = format!("Call to '{BOB}' on node 'node3' goes to 'sip/sip:x@192.0.2.3:5070'");
    assert_eq!(decided.line.as_deref(), Some(line.as_str()));
    let count = |counter| cluster.count(counter);
    assert_eq!(count(Counter::Replaced), 1);
    assert_eq!((count(Counter::Forwarded), count(Counter::Offline)), (1, 0));
    let settings = cluster.settings();
    let forwards = |node: &[u8]| settings.nodes.find(node).unwrap().state.forwards();
    assert_eq!((forwards(b"node2"), forwards(b"node3")), (0, 1));
}

#[test]
fn a_backup_that_needs_all_parameters_is_counted_once() {
    let cluster = with_backups("node4", only_node2_is_dead);
    execute(&cluster, TO_BOB);
    assert_eq!(cluster.count(Counter::Replaced), 1);
    let target = decide(&cluster, Kind::Execute, &[("callto", TO_BOB)]);
    // It has no section, and is a node by its name.
    assert_eq!(callto(&target), "sip/sip:cluster/@node4.example.net:504");
}

#[test]
fn the_record_of_a_call_names_the_backup_that_it_went_to() {
    let settings: &[Setting] = &[
        ("general", "cdr.nodes", "yes"),
        ("node node2", "backup", "node3"),
    ];
    let cluster = cluster(&[settings, NODES, SETTINGS]);
    pass(&cluster, 1, 60, only_node2_is_dead);
    let decided = execute(&cluster, TO_BOB);
    assert_eq!(decided.value("cluster_target"), Some("node3"));
}

/// The way of the call is that to the backup: who was asked for the same before is not asked again.
#[test]
fn a_call_that_would_come_to_a_backup_a_second_time_for_the_same_is_looping() {
    let to_node3: &[Setting] = &[("node node3", "callto", "sip/sip:cluster/@192.0.2.3")];
    let backups: &[Setting] = &[("node node2", "backup", "node3")];
    let settings = [to_node3, backups, NODES, SETTINGS];
    let [node1, node3] = ["node1", "node3"].map(|name| named(name, &settings));
    pass(&node1, 1, 60, only_node2_is_dead);
    let first = execute(&node1, TO_BOB);
    assert_eq!(callto(&first), "sip/sip:cluster/@192.0.2.3");
    // The backup sends it back, by a route of its own.
    let back = [
        ("callto", "cluster/node1/x"),
        ("sip_uri", "sip:cluster/@192.0.2.3"),
        ("sip_x-nodename", "node1"),
        ("sip_x-callto", BOB),
    ];
    let back = decide(&node3, Kind::Execute, &back);
    let visited = back.value("osip_x-visited").unwrap();
    for (resource, error) in [(BOB, Some("looping")), ("sip/sip:carol@192.0.2.8", None)] {
        let target = format!("cluster/node2/{resource}");
        let again = [
            ("callto", target.as_str()),
            ("sip_uri", "sip:cluster/@192.0.2.1"),
            ("sip_x-nodename", "node3"),
            ("sip_x-callto", "x"),
            ("sip_x-visited", visited),
        ];
        let again = decide(&node1, Kind::Execute, &again);
        assert_eq!(again.value("error"), error, "{resource}");
    }
}

#[test]
fn the_backup_that_this_node_is_calls_the_phone_without_the_dead_nodes_connection() {
    let cluster = with_backups("node1", only_node2_is_dead);
    let call = [
        ("callto", TO_BOB),
        ("oconnection_id", "tcp:198.51.100.2:5060-192.0.2.9:40000"),
        ("oip_transport", "TCP"),
        ("oip_transport_localip", "198.51.100.2"),
    ];
    let decided = decide(&cluster, Kind::Execute, &call);
    assert_eq!(callto(&decided), BOB);
    assert_eq!(decided.value("oconnection_id"), None);
    assert_eq!(decided.value("oip_transport_localip"), None);
    assert_eq!(decided.value("oip_transport"), Some("TCP"));
    assert!(
        decided
            .params
            .iter()
            .all(|(name, _)| !name.starts_with(b"osip_"))
    );
    assert_eq!(cluster.count(Counter::Replaced), 1);
    assert_eq!(cluster.count(Counter::Local), 1);

    // The phone has come here meanwhile, and its old location is still asked for.
    let connection = "tcp:192.0.2.1:5060-192.0.2.9:40001";
    let registration = [
        ("data", BOB),
        ("username", "bob"),
        ("oconnection_id", connection),
        ("expires", "600"),
    ];
    decide(&cluster, Kind::Register, &registration);
    let decided = decide(&cluster, Kind::Execute, &call);
    assert_eq!(decided.value("oconnection_id"), Some(connection));
}

#[test]
fn an_instant_message_goes_the_same_way() {
    let message = [("callto", TO_BOB), ("sip_x-foo", "bar")];
    let cluster = with_backups("node3", only_node2_is_dead);
    let decided = decide(&cluster, Kind::Message, &message);
    assert_eq!(callto(&decided), "sip/sip:x@192.0.2.3:5070");
    let cluster = with_backups("node1", only_node2_is_dead);
    let decided = decide(&cluster, Kind::Message, &message);
    assert_eq!(callto(&decided), BOB);
    assert_eq!(cluster.count(Counter::Replaced), 1);
}

#[test]
fn a_room_on_a_named_node_is_on_its_backup_while_that_is_down() {
    let cluster = with_backups("node3", only_node2_is_dead);
    let decided = execute(&cluster, "cluster/node2/conf/7");
    assert_eq!(decided.value("osip_x-callto"), Some("conf/7"));
    assert_eq!(callto(&decided), "sip/sip:x@192.0.2.3:5070");
}

/// Others may reach the node, and meet there.
#[test]
fn a_room_of_any_node_that_is_found_on_a_node_that_is_down_is_not_on_its_backup() {
    let cluster = with_backups("node3, node1", only_node2_is_dead);
    let list = params(&[("callto", "cluster/*/conf/7")]);
    let (times, mut first) = (MessageTimes::at(WallTime(1)), Verdict::default());
    cluster.decide(Kind::Execute, &list.as_slice(), true, times, &mut first);
    let reply = Reply {
        handled: true,
        retval: b"node2",
        ..Reply::default()
    };
    let mut verdict = Verdict::default();
    cluster.resume(&first, &list.as_slice(), &reply, times, &mut verdict);
    let decided = Decided::new(&verdict, &list);
    assert_eq!(decided.value("error"), Some("offline"));
    assert_eq!(cluster.count(Counter::Replaced), 0);
}

#[test]
fn where_says_so_of_a_room_whose_holder_is_down() {
    let settings: &[Setting] = &[
        ("locate", "account", "rooms"),
        ("node node2", "backup", "node3, node1"),
    ];
    let cluster = cluster(&[settings, NODES, SETTINGS]);
    pass(&cluster, 1, 60, only_node2_is_dead);
    let said = |line: &str| {
        let request = Request {
            reply: Some(Reply {
                handled: true,
                row: Some(b"node2"),
                ..Reply::default()
            }),
            ..line.as_bytes().into()
        };
        command::run(&cluster, request).unwrap()
    };
    let failed = "A call fails at once with error=offline\n";
    let found = said("where cluster/*/conf/7");
    assert!(found.ends_with(failed), "{found}");
    let named = said("where cluster/node2/conf/7");
    assert!(!named.contains(failed), "{named}");
}

#[test]
fn a_backup_is_passed_over_while_it_takes_no_calls() {
    let cluster = with_backups("node3, node1", |node| match node {
        "node2" => Outcome::NoAnswer,
        "node3" => Outcome::Answered(503),
        _ => Outcome::Answered(200),
    });
    assert_eq!(callto(&execute(&cluster, TO_BOB)), BOB, "node3 is busy");
    pass(&cluster, 61, 60, only_node2_is_dead);
    let to_node3 = "sip/sip:x@192.0.2.3:5070";
    assert_eq!(callto(&execute(&cluster, TO_BOB)), to_node3);
    for admin in [AdminState::Draining, AdminState::Disabled] {
        cluster.set_admin(b"node3", admin);
        assert_eq!(callto(&execute(&cluster, TO_BOB)), BOB, "{admin}");
    }
    cluster.set_admin(b"node1", AdminState::Draining);
    let decided = execute(&cluster, TO_BOB);
    assert_eq!(decided.value("error"), Some("offline"));
    assert_eq!(
        decided.value("reason"),
        Some("cluster node 'node2' is down")
    );
}

/// It may be well, with the phones' connections: whoever disables it has said that nothing is sent to it.
#[test]
fn nobody_stands_in_for_a_node_that_an_operator_has_disabled() {
    let cluster = with_backups("node3, node1", only_node2_is_dead);
    cluster.set_admin(b"node2", AdminState::Disabled);
    let decided = execute(&cluster, TO_BOB);
    assert_eq!(decided.value("error"), Some("offline"));
    cluster.set_admin(b"node2", AdminState::Enabled);
    pass(&cluster, 61, 60, only_node2_is_dead);
    assert_eq!(execute(&cluster, TO_BOB).value("error"), None);
    cluster.set_admin(b"node2", AdminState::Draining);
    assert_eq!(execute(&cluster, TO_BOB).value("error"), None);
}

#[test]
fn each_change_is_said_once_and_all_is_as_before_when_the_node_is_back() {
    let backups: &[Setting] = &[("node node2", "backup", "node3,node1")];
    let cluster = cluster(&[backups, NODES, SETTINGS]);
    pass(&cluster, 1, 60, |_| Outcome::Answered(200));
    let own = callto(&execute(&cluster, TO_BOB)).to_owned();
    for _ in 0..3 {
        execute(&cluster, TO_BOB);
    }
    let dead = |names: &'static [&str]| {
        move |node: &str| {
            if names.contains(&node) {
                Outcome::NoAnswer
            } else {
                Outcome::Answered(200)
            }
        }
    };
    let about = |lines: Vec<String>| -> Vec<String> {
        let is_about =
            |line: &String| !line.contains(": answered") && !line.contains(": no answer");
        lines.into_iter().filter(is_about).collect()
    };
    let mut now = 61;
    let mut said = |names| {
        now += 60;
        about(pass(&cluster, now, 60, dead(names)))
    };
    assert_eq!(
        said(&["node2"]),
        ["Node 'node2' is down: node 'node3' stands in for it"]
    );
    assert_eq!(
        said(&["node2", "node3"]),
        ["Node 'node2' is down: node 'node1' stands in for it"]
    );
    cluster.set_admin(b"node1", AdminState::Draining);
    tasks(&cluster);
    assert_eq!(
        said(&["node2", "node3"]),
        ["Node 'node2' is down, and none of its backups takes calls"]
    );
    assert_eq!(
        said(&["node2"]),
        ["Node 'node2' is down: node 'node3' stands in for it"]
    );
    assert_eq!(
        said(&[]),
        ["Node 'node3' no longer stands in for node 'node2'"]
    );
    assert_eq!(state(&cluster, "node2"), State::Up);
    assert_eq!(callto(&execute(&cluster, TO_BOB)), own);
    assert_eq!(said(&[]), [""; 0]);
}

#[test]
fn scripts_are_told_who_stands_in() {
    let cluster = with_backups("node3", |_| Outcome::Answered(200));
    let mut told = Vec::new();
    for now in (61..121).map(|second| second * SECOND) {
        cluster.tick(SteadyTime(now));
        for task in tasks(&cluster) {
            match task {
                Task::Probe(probe) => {
                    let outcome = only_node2_is_dead(std::str::from_utf8(&probe.node).unwrap());
                    let now = SteadyTime(now + 1500);
                    cluster.probed(&probe.node, probe.number, outcome, now);
                }
                Task::Event(text) if text.contains("event=backup\n") => told.push(text),
                _ => {}
            }
        }
    }
    assert_eq!(
        told,
        [
            "node=node2\nevent=backup\nstate=down\nadmin=enabled\nprevious=\nreachable=false\nopen=false\nreason=node3 stands in\nbackup=node3\n"
        ]
    );
}

#[test]
fn an_operator_sees_who_stands_in() {
    let cluster = with_backups("node3, node1", only_node2_is_dead);
    let table = command::run(&cluster, b"nodes").unwrap();
    let row = table
        .lines()
        .find(|line| line.starts_with("node2 "))
        .unwrap();
    assert!(
        row.ends_with("no answer to a probe (node3 stands in)"),
        "{row}"
    );
    let text = status::nodes(&cluster);
    let row = text
        .split(',')
        .find(|row| row.starts_with("node2="))
        .unwrap();
    assert!(
        row.ends_with("|no answer to a probe (node3 stands in)"),
        "{row}"
    );
    let json = command::run(&cluster, b"json").unwrap();
    let json: serde_json::Value = serde_json::from_str(&json).unwrap();
    let node = |name: &str| {
        let mut nodes = json["nodes"].as_array().unwrap().iter();
        nodes.find(|node| node["name"] == name).unwrap().clone()
    };
    assert_eq!(node("node2")["backup"], "node3");
    assert!(node("node3").get("backup").is_none());
    let text = command::run(&cluster, format!("where {TO_BOB}").as_bytes()).unwrap();
    for line in [
        "Its backups are node3, node1 ([node node2] backup): 'node3' stands in for it",
        "Node 'node3' is up: answered 200",
        "A call goes to 'sip/sip:x@192.0.2.3:5070' by callto of [node node3], with X-CallTo: sip/sip:bob@192.0.2.9",
    ] {
        assert!(text.lines().any(|it| it == line), "{line} is not in {text}");
    }
    cluster.set_admin(b"node3", AdminState::Draining);
    let text = command::run(&cluster, format!("where {TO_BOB}").as_bytes()).unwrap();
    let line = format!("This node stands in: the call goes on to '{BOB}'");
    assert!(text.lines().any(|it| it == line), "{text}");
    cluster.set_admin(b"node1", AdminState::Draining);
    let text = command::run(&cluster, format!("where {TO_BOB}").as_bytes()).unwrap();
    assert!(
        text.contains("backup): none of them takes calls\nA call fails at once"),
        "{text}"
    );
}

#[test]
fn a_backup_that_can_be_none_is_warned_of_with_its_place() {
    let backups: &[Setting] = &[(
        "node node2",
        "backup",
        "node3, other,node2,,node3 , far-away, node77",
    )];
    let warnings = |settings: &[&[Setting]]| -> Vec<String> {
        let settings = settings.concat();
        let list = entries(&settings);
        let checked = Settings::check(b"node1", "clustering.conf", &list, &<_>::default());
        let warnings = checked.warnings.iter().map(ToString::to_string);
        warnings.filter(|line| line.contains("backup")).collect()
    };
    let key = "clustering.conf: warning: [node node2] backup=node3, other, node2, node3, far-away, node77:";
    assert_eq!(
        warnings(&[backups, NODES, SETTINGS]),
        [
            format!("{key} 'other' is not the name of a node, and is left out"),
            format!("{key} 'node2' is the node itself, and is left out"),
            format!("{key} 'node3' is listed twice"),
        ]
    );
    // The database may have it.
    let members: &[Setting] = &[("cluster", "account", "cluster")];
    assert_eq!(warnings(&[members, backups, NODES, SETTINGS]).len(), 2);
    let cluster = cluster(&[backups, NODES, SETTINGS]);
    pass(&cluster, 1, 60, |node| match node {
        "node2" | "node3" => Outcome::NoAnswer,
        _ => Outcome::Answered(200),
    });
    assert_eq!(
        callto(&execute(&cluster, TO_BOB)),
        "iax/cluster@203.0.113.1"
    );
}

/// The states that a backup may be in.
const STATES: [(Outcome, AdminState); 5] = [
    (Outcome::Answered(200), AdminState::Enabled),
    (Outcome::NoAnswer, AdminState::Enabled),
    (Outcome::Answered(503), AdminState::Enabled),
    (Outcome::Answered(200), AdminState::Draining),
    (Outcome::Answered(200), AdminState::Disabled),
];

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn a_call_goes_to_exactly_the_first_backup_that_takes_calls(
        order in Just((1..6).collect::<Vec<usize>>()).prop_shuffle(),
        listed in 0..6_usize,
        states in prop::collection::vec(0..STATES.len(), 7),
    ) {
        // node1 is this node, node6 is down.
        let order = &order[..listed];
        let names: Vec<_> = order.iter().map(|number| format!("node{number}")).collect();
        let backup = names.join(",");
        let sections = ["node node1", "node node2", "node node3", "node node4", "node node5"];
        let mut settings = vec![("node node6", "backup", backup.as_str())];
        settings.extend(sections.map(|section| (section, "weight", "100")));
        let cluster = cluster(&[&settings, SETTINGS]);
        let state_of = |number: usize| STATES[states[number]];
        pass(&cluster, 1, 60, |node| match node {
            "node6" => Outcome::NoAnswer,
            node => state_of(node[4..].parse().unwrap()).0,
        });
        for number in 1..6 {
            cluster.set_admin(format!("node{number}").as_bytes(), state_of(number).1);
        }
        // This node is always up.
        let takes = |number: usize| match state_of(number) {
            (outcome, AdminState::Enabled) => number == 1 || outcome == Outcome::Answered(200),
            _ => false,
        };
        let expected = order.iter().copied().find(|number| takes(*number));
        let call = [("callto", "cluster/node6/sip/sip:bob@192.0.2.9")];
        let decided = decide(&cluster, Kind::Execute, &call);
        let target = match expected {
            None => call[0].1.to_owned(),
            Some(1) => BOB.to_owned(),
            Some(number) => format!("sip/sip:cluster/@node{number}.example.net:50{number}"),
        };
        prop_assert_eq!(callto(&decided), target);
        let error = expected.is_none().then_some("offline");
        prop_assert_eq!(decided.value("error"), error);
        prop_assert_eq!(cluster.count(Counter::Replaced), u64::from(expected.is_some()));
        prop_assert_eq!(cluster.count(Counter::Offline), u64::from(expected.is_none()));
    }
}
