// SPDX-License-Identifier: GPL-2.0-or-later

//! The operator's view: status, metrics, explanations, and the check of a file.

use std::collections::{BTreeMap, BTreeSet};

use clustering::cluster::Cluster;
use clustering::file::Document;
use clustering::messages::{Kind, Reply};
use clustering::nodes::admin::AdminState;
use clustering::operator::check::check;
use clustering::operator::command::{self, Request};
use clustering::operator::counters::Counter;
use clustering::operator::status;
use clustering::task::Task;
use clustering::time::{MessageTimes, WallTime};
use clustering::verdict::{Action, Verdict};
use serde_json::Value;

use crate::node::{SETTINGS, cluster, decide, entries, params};

const NODES: &[(&str, &str, &str)] = &[
    ("general", "callto", "sip/sip:cluster/@\\0.example.net"),
    ("node node1", "weight", "100"),
    ("node node2", "weight", "50"),
    ("node odd, |;=\"name\\", "callto", "sip/sip:x@192.0.2.3"),
];

fn nodes() -> Cluster {
    cluster(&[NODES, SETTINGS])
}

#[test]
fn status_names_every_counter() {
    let cluster = cluster(&[SETTINGS]);
    decide(&cluster, Kind::Execute, &[("callto", "cluster/node1/x")]);
    let text = status::params(&cluster);
    let shown: BTreeMap<_, _> = text
        .split(',')
        .map(|item| item.split_once('=').unwrap())
        .collect();
    assert_eq!(
        (
            shown["enabled"],
            shown["reload"],
            shown["nodes"],
            shown["database"]
        ),
        ("true", "1", "0", "none")
    );
    for counter in Counter::ALL {
        let count = if *counter == Counter::Local { "1" } else { "0" };
        assert_eq!(shown[counter.text()], count, "{}", counter.text());
    }
}

/// Read as other modules read a status: items at commas, columns at bars.
#[test]
fn every_node_has_its_columns_whatever_its_name() {
    let cluster = nodes();
    cluster.set_admin(b"node2", AdminState::Disabled);
    let columns = status::FORMAT
        .strip_prefix("format=")
        .unwrap()
        .split('|')
        .count();
    let text = status::nodes(&cluster);
    assert!(!text.contains(';'), "{text}");
    let nodes: BTreeMap<_, Vec<_>> = text
        .split(',')
        .map(|item| item.split_once('=').unwrap())
        .map(|(name, node)| (name, node.split('|').collect()))
        .collect();
    assert_eq!(nodes.len(), 3);
    assert!(nodes.values().all(|node| node.len() == columns), "{text}");
    assert_eq!(nodes["node1"][..3], ["up", "enabled", "100"]);
    assert_eq!(nodes["node2"][..3], ["unknown", "disabled", "50"]);
    assert!(nodes.contains_key("odd%2c %7c%3b%3d\"name\\"), "{text}");
}

/// The rules of `promtool check metrics`.
#[test]
fn metrics_are_as_prometheus_wants_them() {
    let cluster = nodes();
    decide(&cluster, Kind::Execute, &[("callto", "cluster/node2/x")]);
    let text = command::run(&cluster, b"metrics").unwrap();
    let (mut helped, mut kinds, mut samples) = (BTreeSet::new(), BTreeMap::new(), BTreeSet::new());
    for line in text.lines() {
        if let Some(help) = line.strip_prefix("# HELP ") {
            let (name, help) = help.split_once(' ').unwrap();
            assert!(helped.insert(name) && help.ends_with('.'), "{line}");
        } else if let Some(kind) = line.strip_prefix("# TYPE ") {
            let (name, kind) = kind.split_once(' ').unwrap();
            assert!(helped.contains(name), "{line}");
            assert_eq!(kind == "counter", name.ends_with("_total"), "{line}");
            assert!(
                name.bytes()
                    .all(|byte| byte.is_ascii_lowercase() || byte == b'_'),
                "{line}"
            );
            assert!(kinds.insert(name, kind).is_none(), "{line}");
        } else {
            let (sample, value) = line.rsplit_once(' ').unwrap();
            let (name, _) = sample.split_once('{').unwrap_or((sample, ""));
            assert!(kinds.contains_key(name), "{line}");
            assert!(value.parse::<f64>().unwrap() >= 0.0, "{line}");
            assert!(samples.insert(sample), "{line}");
        }
    }
    for counter in Counter::ALL {
        let name = format!("yate_clustering_{}_total", counter.text());
        assert!(samples.contains(name.as_str()), "{name}");
    }
    assert!(text.contains("yate_clustering_node_forwards_total{node=\"node2\"} 1\n"));
    assert!(text.contains("{node=\"odd, |;=\\\"name\\\\\"}"), "{text}");
}

#[test]
fn what_would_happen_is_explained_by_the_settings_that_decide_it() {
    let cluster = nodes();
    cluster.set_admin(b"node2", AdminState::Disabled);
    for (text, lines) in [
        (
            "bob",
            "The cluster does not handle it: it does not start with 'cluster/' ([general] prefix)\n\
                 The location of a user who registers here with it is stored as 'cluster/node1/bob'\n\
                 A called number is routed by the engine's other modules first: ask for the target that they give\n",
        ),
        (
            "cluster/node1/conf/1",
            "It is on this node: the call goes on to 'conf/1'\n",
        ),
        (
            "cluster/node3/conf/1",
            "A call goes to 'sip/sip:cluster/@node3.example.net' by callto of [general], with X-CallTo: conf/1\n",
        ),
        (
            "cluster/pbx/conf/1",
            "A call fails with error=noroute: 'pbx' has no section [node NAME] and does not match [general] regexp\n",
        ),
        (
            "cluster/node2/conf/1",
            "Node 'node2' is unknown: not probed yet\n\
          The node is disabled by command\n\
          A call fails at once with error=offline\n",
        ),
        (
            "cluster/123",
            "A call from outside is routed as '123'\n\
          X-CallTo is accepted from trusted senders ([security] trusted, secret, [node] source)\n\
          It is not the target of a call, because it has no resource: PREFIX/NODE/RESOURCE\n",
        ),
    ] {
        let explained = command::run(&cluster, format!("where {text}").as_bytes());
        assert_eq!(explained.as_deref(), Some(lines), "{text}");
    }
    let placed = command::run(&cluster, b"where cluster/*/conf/1").unwrap();
    let first = "The message 'cluster.locate' asks for the node ([general] locate)\nIf no node holds it, it goes to '";
    assert!(placed.starts_with(first), "{placed}");
    assert!(
        Counter::ALL
            .iter()
            .all(|&counter| cluster.count(counter) == 0),
        "nothing is counted"
    );
}

#[test]
fn an_explanation_names_each_setting_that_has_a_say() {
    let said = |settings: &[&[(&str, &str, &str)]], to: &str| {
        let cluster = cluster(settings);
        command::run(&cluster, format!("where {to}").as_bytes()).unwrap()
    };
    let signed = [("security", "secret", "correct horse battery staple")];
    let text = said(&[&signed, SETTINGS], "cluster/node2/x");
    assert!(
        text.ends_with("\nThe call is signed ([security] secret)\n"),
        "{text}"
    );
    assert!(!text.contains("horse"), "{text}");

    let account = [("locate", "account", "rooms")];
    let text = said(&[&account, NODES, SETTINGS], "cluster/*/x");
    assert!(
        text.contains("the database names the node ([locate] account)"),
        "{text}"
    );

    for (settings, to, line) in [
        (
            &[SETTINGS][..],
            "cluster/*/x",
            "Another module must answer: no node has a section [node NAME]\n",
        ),
        (
            &[&[("general", "locate", "lab.locate")], NODES, SETTINGS],
            "cluster/*/x",
            "Another module must answer: this one answers cluster.locate only\n",
        ),
        (
            &[&[("priorities", "cluster.locate", "0")], NODES, SETTINGS],
            "cluster/*/x",
            "Another module must answer: this one is switched off ([priorities] cluster.locate)\n",
        ),
        (
            &[&[("node node2", "weight", "0")], SETTINGS],
            "cluster/*/x",
            "No node can accept it: none is up, enabled and of a weight above 0\n",
        ),
        (
            &[&[("general", "callto", "${gone}")], SETTINGS],
            "cluster/node2/x",
            "A call fails with error=noroute: callto of [general] is empty for it\n",
        ),
        (
            &[&[("general", "enabled", "no")], SETTINGS],
            "cluster/node1/x",
            "The module is disabled ([general] enabled, regexp, callto): it does nothing\n",
        ),
        (
            &[
                &[
                    ("security", "trusted", ""),
                    ("general", "callto", "sip/\\0"),
                ],
                SETTINGS,
            ],
            "cluster/7",
            "X-CallTo is refused from all senders: set 'trusted' or 'secret' in [security], since callto names no \
             node's address\n",
        ),
    ] {
        let text = said(settings, to);
        assert!(text.contains(line), "{text}");
        assert!(!said(&[NODES, SETTINGS], to).contains(line), "{line}");
    }
}

/// A call goes as it is explained.
#[test]
fn a_call_goes_as_it_was_explained() {
    let cluster = nodes();
    for to in [
        "cluster/node3/conf/1",
        "cluster/node2/x/1",
        "cluster/node1/x/1",
        "cluster/pbx/x/1",
    ] {
        let said = command::run(&cluster, format!("where {to}").as_bytes()).unwrap();
        let decided = decide(&cluster, Kind::Execute, &[("callto", to)]);
        let went = decided.value("error").map_or_else(
            || decided.value("callto").unwrap().to_owned(),
            |error| format!("error={error}"),
        );
        assert!(said.contains(&went), "{said}: {went}");
    }
}

#[test]
fn a_file_is_checked_and_the_settings_in_force_stay() {
    let cluster = nodes();
    let check = |settings: &[(&str, &str, &str)]| {
        check(&cluster, "c.conf", &entries(settings), &Document::default())
    };
    assert_eq!(
        check(&[NODES, SETTINGS].concat()),
        "c.conf: warning: 'callto' is set a second time here; the first one counts\nc.conf is good\n"
    );
    assert_eq!(
        check(&[("general", "hops", "0"), ("x", "y", "z")]),
        "c.conf: [general] hops=0: not a number from 1 to 64\n\
         c.conf: [x] y=z: unknown section, the known ones are general, priorities, security, health, locate, cluster, node NAME\n\
         The file would be refused\n"
    );
    assert_eq!(
        check(&[("node b", "callto", "iax/b")]),
        "c.conf: warning: no node is trusted, so calls from other nodes are refused: set 'trusted' or 'secret' in \
         [security]\n\
         c.conf: warning: node 'b' is not trusted: its 'callto' is not 'sip/sip:' with a host\n\
         c.conf: warning: this node is named 'node1', which has no section [node node1] and does not match 'regexp': \
         nodes with this file can't call users who register here\n\
         c.conf: warning: node 'b' is not probed and counts as up: [node b] needs a 'probe'\n\
         c.conf is good\n"
    );
    assert_eq!(
        check(&[&[("general", "enabled", "no")], SETTINGS].concat()),
        "The module would be disabled: [general] enabled, regexp, callto\nc.conf is good\n"
    );
    assert_eq!(cluster.settings().nodes.len(), 3);
    assert_eq!(cluster.generation(), 1);
}

#[test]
fn the_status_and_the_check_say_whether_the_last_file_was_taken() {
    let cluster = Cluster::new(b"node1", 1);
    let shown = || {
        let text = status::params(&cluster);
        let mut items = text.split(',').filter_map(|item| item.split_once('='));
        let file = items.find(|(key, _)| *key == "file").unwrap().1.to_owned();
        let metrics = command::run(&cluster, b"metrics").unwrap();
        let refused = metrics.contains("\nyate_clustering_settings_refused 1\n");
        assert!(refused || metrics.contains("\nyate_clustering_settings_refused 0\n"));
        let check = check(&cluster, "c.conf", &entries(SETTINGS), &Document::default());
        let said = check.ends_with(
            "c.conf is good\nThe last load was refused, so older settings are in force\n",
        );
        assert_eq!(refused, said, "{check}");
        (file, refused)
    };
    let load = |settings: &[(&str, &str, &str)]| cluster.load("c.conf", &entries(settings)).is_ok();
    assert_eq!(shown(), ("none".to_owned(), false));
    assert!(load(SETTINGS));
    assert_eq!(shown(), ("taken".to_owned(), false));
    assert!(!load(&[("general", "hops", "0")]));
    assert_eq!(shown(), ("refused".to_owned(), true));
    assert!(load(SETTINGS));
    assert_eq!(shown(), ("taken".to_owned(), false));
    cluster.not_loaded();
    assert_eq!(shown(), ("refused".to_owned(), true));
}

#[test]
fn each_load_says_that_nobody_is_trusted() {
    let said = |settings: &[&[(&str, &str, &str)]]| {
        let cluster = cluster(settings);
        let mut lines = Vec::new();
        while let Some(task) = cluster.next_task() {
            if let Task::Log { line, .. } = task {
                lines.push(line);
            }
        }
        lines
    };
    let line = "clustering.conf: warning: no node is trusted, so calls from other nodes are refused: set 'trusted' or \
                'secret' in [security]";
    let nobody = [
        ("general", "regexp", "^node"),
        ("general", "callto", "sip/\\0"),
    ];
    assert_eq!(said(&[&nobody])[0], line);
    assert_eq!(said(&[SETTINGS]), [""; 0]);
    let disabled = [("general", "enabled", "no")];
    assert_eq!(said(&[&disabled, &nobody]), [""; 0]);
}

#[test]
fn the_metrics_name_the_build() {
    let text = command::run(&nodes(), b"metrics").unwrap();
    let sample = format!(
        "\nyate_clustering_build_info{{version=\"{}\"}} 1\n",
        env!("CARGO_PKG_VERSION")
    );
    assert!(text.contains(&sample), "{text}");
}

const ROOMS: &[(&str, &str, &str)] = &[("locate", "account", "rooms")];

/// A command at this second of the day, with the database's reply.
fn run_at(cluster: &Cluster, second: u64, line: &str, reply: Option<Reply>) -> String {
    let request = Request {
        line: line.as_bytes(),
        now: WallTime(second * 1_000_000),
        reply,
        ..Request::default()
    };
    command::run(cluster, request).unwrap()
}

/// Has a node claim a resource at this second.
fn claim(cluster: &Cluster, second: u64, resource: &str, holder: &[u8]) {
    let list = params(&[("callto", resource)]);
    let message = list.as_slice();
    let times = MessageTimes::at(WallTime(second * 1_000_000));
    let mut pending = Verdict::default();
    cluster.decide(Kind::Locate, &message, true, times, &mut pending);
    let row = Reply {
        handled: true,
        row: Some(holder),
        ..Reply::default()
    };
    let mut verdict = Verdict::default();
    cluster.resume(&pending, &message, &row, times, &mut verdict);
    assert_eq!(verdict.action, Action::Answer);
}

#[test]
fn where_looks_into_the_database_for_a_room() {
    let cluster = cluster(&[ROOMS, NODES, SETTINGS]);
    let line = "where cluster/*/conf/1";
    let request = Request {
        now: WallTime(1_000_000),
        ..line.as_bytes().into()
    };
    let query = command::query(&cluster, &request).unwrap();
    assert_eq!((&*query.account, query.timeout), (&b"rooms"[..], 500));
    let text = String::from_utf8(query.text).unwrap();
    assert!(
        text.starts_with(
            "SELECT node FROM cluster_resources AS held WHERE resource = 'conf/1' AND expires >= 1 "
        ),
        "nothing is claimed: {text}"
    );
    let begin = "The message 'cluster.locate' asks for the node ([general] locate)\n\
                 If no other module answers, the database names the node ([locate] account)";
    let reply = |row: Option<&'static [u8]>| Reply {
        handled: true,
        row,
        ..Reply::default()
    };
    let said = run_at(&cluster, 1, line, Some(reply(Some(b"node2"))));
    let way = format!(
        "{begin}: 'node2' holds it now\nNode 'node2' is unknown: not probed yet\nA call goes to "
    );
    assert!(said.starts_with(&way), "{said}");
    let said = run_at(&cluster, 1, line, Some(reply(Some(b"node7"))));
    let way = format!(
        "{begin}: 'node7' holds it now, which has no section [node node7] here\nA call goes to "
    );
    assert!(said.starts_with(&way), "{said}");
    let placed = "If no node holds it, it goes to '";
    for (reply, words) in [
        (reply(None), ": no node holds it now"),
        (
            reply(Some(b"ghost")),
            ": 'ghost' holds it now, which has no section [node ghost] here",
        ),
        (
            Reply {
                timed_out: true,
                ..Reply::default()
            },
            ", but now it does not: no answer within 500 ms",
        ),
        (
            Reply::default(),
            ", but now it does not: no database module has this account; accounts are read when the engine starts",
        ),
    ] {
        let said = run_at(&cluster, 1, line, Some(reply));
        let way = format!("{begin}{words}\n{placed}");
        assert!(said.starts_with(&way), "{said}");
    }
    assert!(status::params(&cluster).contains(",database=unknown,"));

    claim(&cluster, 1, "conf/1", b"node2");
    assert_eq!(command::query(&cluster, &request), None);
    let said = run_at(&cluster, 1, line, None);
    let way = "If no other module answers, it goes to its holder 'node2', as this node remembers ([locate] cache)\n";
    assert!(said.contains(way), "{said}");
    for line in ["nodes", "where cluster/node2/conf/1", "where 75", "where"] {
        assert_eq!(command::query(&cluster, &line.as_bytes().into()), None);
    }
}

#[test]
fn rooms_are_listed_with_their_holders_and_not_without_end() {
    let without = nodes();
    assert_eq!(
        command::run(&without, b"rooms").unwrap(),
        "Nobody keeps a list: without a database ([locate] account) resources are placed by weights\n"
    );
    let cluster = cluster(&[ROOMS, NODES, SETTINGS]);
    let list = |second| run_at(&cluster, second, "rooms", None);
    let nothing = "This node knows of no claimed resource; the database has those of all nodes\n";
    assert_eq!(list(100), nothing);
    claim(&cluster, 100, "conf/2", b"node2");
    claim(&cluster, 110, "conf/1", b"node1");
    assert_eq!(
        list(130),
        "NODE              AGE RESOURCE\n\
         node1             20s conf/1\n\
         node2             30s conf/2\n"
    );
    // Their leases are over.
    assert_eq!(list(110 + 14_400), nothing);
    for number in 0..300 {
        claim(&cluster, 100, &format!("room/{number:03}"), b"node2");
    }
    let text = list(130);
    assert_eq!(text.lines().count(), 202);
    assert!(
        text.ends_with(
            "room/197\nThere are more, which are not shown; the database has those of all nodes\n"
        ),
        "{text}"
    );
}

/// The parts of `clustering json`, put together as a program does.
fn json(cluster: &Cluster) -> (Value, usize) {
    let mut from = Value::from("0");
    let mut whole = Value::Null;
    for parts in 1.. {
        let line = format!("json {}", from.as_str().unwrap());
        let text = command::run(cluster, line.as_bytes()).unwrap();
        assert!(text.len() < 16_384, "{} bytes", text.len());
        assert_eq!(text.find('\n'), Some(text.len() - 1), "it's one line");
        assert!(!text.trim_end().contains(char::is_control), "{text}");
        let mut part: Value = serde_json::from_str(&text).unwrap();
        let next = part.as_object_mut().unwrap().remove("next");
        if whole.is_null() {
            whole = part;
        } else {
            for list in ["nodes", "senders"] {
                let more = part[list].as_array_mut().unwrap();
                whole[list].as_array_mut().unwrap().append(more);
            }
        }
        match next {
            Some(next) => from = next,
            None => return (whole, parts),
        }
    }
    unreachable!()
}

#[test]
fn programs_get_all_that_status_and_metrics_know_in_one_object() {
    let cluster = nodes();
    cluster.set_admin(b"node2", AdminState::Disabled);
    decide(&cluster, Kind::Execute, &[("callto", "cluster/node1/x")]);
    let (all, parts) = json(&cluster);
    assert_eq!(parts, 1);
    let plain = command::run(&cluster, b"json").unwrap();
    assert_eq!(serde_json::from_str::<Value>(&plain).unwrap(), all);
    for (key, value) in [
        ("schema", Value::from(1)),
        ("node", "node1".into()),
        ("version", env!("CARGO_PKG_VERSION").into()),
        ("enabled", true.into()),
        ("reload", 1.into()),
        ("file", "taken".into()),
        ("connections", 0.into()),
        ("signatures", "none".into()),
    ] {
        assert_eq!(all[key], value, "{key}");
    }
    for counter in Counter::ALL {
        let count = u64::from(*counter == Counter::Local);
        assert_eq!(all["counters"][counter.text()], count, "{counter:?}");
    }
    let nodes = all["nodes"].as_array().unwrap();
    let of = |key: &str| nodes.iter().map(|node| &node[key]).collect::<Vec<_>>();
    assert_eq!(of("name"), ["node1", "node2", "odd, |;=\"name\\"]);
    assert_eq!(of("state"), ["up", "unknown", "unknown"]);
    assert_eq!(of("admin"), ["enabled", "disabled", "enabled"]);
    assert_eq!(of("weight"), [100, 50, 100]);
    assert_eq!(of("own"), [&Value::from(true), &Value::Null, &Value::Null]);
    // What isn't known isn't there.
    for key in ["latency", "version", "drift"] {
        assert_eq!(of(key), [&Value::Null; 3], "{key}");
    }
    assert_eq!(all.get("database"), None);
    let refused = command::run(&cluster, b"json x").unwrap();
    assert_eq!(refused, "'x' is not the number of a node\n");
}

/// The remote manager ends a connection whose socket doesn't take an answer in one piece.
#[test]
fn a_thousand_nodes_are_told_in_parts_whatever_their_names() {
    let sections: Vec<_> = (0..1000)
        .map(|number| format!("node n\"\\\u{9b}\u{e9}{number}"))
        .collect();
    let mut settings: Vec<_> = sections
        .iter()
        .map(|section| (section.as_str(), "weight", "7"))
        .collect();
    settings.extend_from_slice(NODES);
    let cluster = cluster(&[&settings, SETTINGS]);
    let (all, parts) = json(&cluster);
    let nodes = all["nodes"].as_array().unwrap();
    assert_eq!(nodes.len(), 1003);
    for (node, section) in nodes.iter().zip(&sections) {
        assert_eq!(format!("node {}", node["name"].as_str().unwrap()), *section);
    }
    assert!((2..20).contains(&parts), "{parts}");
}
