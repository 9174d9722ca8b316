// SPDX-License-Identifier: GPL-2.0-or-later

//! What the core makes of nodes that have sections: how they are reached, probed, drained, and what is
//! placed on them.

use clustering::chore::{Chore, Probe};
use clustering::cluster::Cluster;
use clustering::command;
use clustering::health::State;
use clustering::message::Kind;
use clustering::probe::Outcome;
use clustering::standing::Standing;
use clustering::stats::Counter;
use clustering::verdict::Action;

mod node;

use node::{SETTINGS, cluster, decide, entries, named};

const SECOND: u64 = 1_000_000;

type Setting = (&'static str, &'static str, &'static str);

const NODES: &[Setting] = &[
    ("node node1", "weight", "100"),
    ("node node2", "source", "198.51.100.2"),
    ("node node3", "callto", "sip/sip:x@192.0.2.3:5070"),
    ("node far-away", "callto", "iax/cluster@203.0.113.1"),
];

fn nodes() -> Cluster {
    cluster(&[NODES, SETTINGS])
}

fn chores(cluster: &Cluster) -> Vec<Chore> {
    std::iter::from_fn(|| cluster.next_chore()).collect()
}

fn lines(cluster: &Cluster) -> Vec<String> {
    let line = |chore| match chore {
        Chore::Say { line, .. } => Some(line),
        _ => None,
    };
    chores(cluster).into_iter().filter_map(line).collect()
}

fn probes(cluster: &Cluster) -> Vec<Probe> {
    let probe = |chore| match chore {
        Chore::Probe(probe) => Some(probe),
        _ => None,
    };
    chores(cluster).into_iter().filter_map(probe).collect()
}

/// Lets a second pass at a time; each probe of a node is answered or not. Gives what was said.
fn pass(
    cluster: &Cluster,
    from: u64,
    seconds: u64,
    answers: impl Fn(&str) -> Outcome,
) -> Vec<String> {
    let mut said = Vec::new();
    for now in (from..from + seconds).map(|second| second * SECOND) {
        cluster.tick(now);
        for chore in chores(cluster) {
            match chore {
                Chore::Say { line, .. } => said.push(line),
                Chore::Probe(probe) => {
                    let node = std::str::from_utf8(&probe.node).unwrap();
                    cluster.probed(&probe.node, probe.number, answers(node), now + 1500);
                    said.append(&mut lines(cluster));
                }
                Chore::Save => {}
            }
        }
    }
    said
}

fn state(cluster: &Cluster, node: &str) -> State {
    let settings = cluster.settings();
    settings
        .nodes
        .find(node.as_bytes())
        .unwrap()
        .live
        .health()
        .state()
}

fn only_node2_is_dead(node: &str) -> Outcome {
    if node == "node2" {
        Outcome::Failed
    } else {
        Outcome::Answered(200)
    }
}

fn call(to: &str) -> Vec<(&'static str, String)> {
    vec![("callto", to.to_owned()), ("called", "bob".to_owned())]
}

fn execute(cluster: &Cluster, to: &str) -> node::Decided {
    let call = call(to);
    let call: Vec<_> = call
        .iter()
        .map(|(name, value)| (*name, value.as_str()))
        .collect();
    decide(cluster, Kind::Execute, &call)
}

#[test]
fn a_node_may_have_a_target_of_its_own() {
    let cluster = nodes();
    for (to, target) in [
        (
            "cluster/node2/x/1",
            "sip/sip:cluster/bob@node2.example.net:502",
        ),
        ("cluster/node3/x/1", "sip/sip:x@192.0.2.3:5070"),
        ("cluster/far-away/x/1", "iax/cluster@203.0.113.1"),
        (
            "cluster/node9/x/1",
            "sip/sip:cluster/bob@node9.example.net:509",
        ),
    ] {
        let decided = execute(&cluster, to);
        assert_eq!(decided.value("callto"), Some(target), "{to}");
        assert_eq!(decided.value("osip_x-callto"), Some("x/1"), "{to}");
    }
    assert_eq!(
        execute(&cluster, "cluster/elsewhere/x/1").value("error"),
        Some("noroute")
    );
}

#[test]
fn sections_of_nodes_are_enough_to_enable_the_module() {
    let section: &[Setting] = &[("node b", "callto", "sip/sip:cluster/@192.0.2.2")];
    let cluster = named("a", &[section]);
    assert!(cluster.settings().enabled);
    assert_eq!(
        execute(&cluster, "cluster/b/x/1").value("callto"),
        Some("sip/sip:cluster/@192.0.2.2")
    );
}

#[test]
fn a_section_needs_no_entries_but_must_be_known() {
    let bare: &[Setting] = &[("node b", "", ""), ("health", "", "")];
    let cluster = named("a", &[bare, SETTINGS]);
    assert_eq!(
        execute(&cluster, "cluster/b/x/1").value("callto"),
        Some("sip/sip:cluster/bob@b.example.net:50b")
    );
    let unknown = [&[("nodes b", "", "")], SETTINGS].concat();
    let errors = cluster.load("c.conf", &entries(&unknown)).unwrap_err();
    assert_eq!(
        errors[0].to_string(),
        "c.conf: [nodes b]: unknown section, known are general, priorities, security, health, locate, node NAME"
    );
}

#[test]
fn what_is_wrong_with_a_node_is_named() {
    for (entry, reason) in [
        (("node ", "weight", "1"), "a node needs a name"),
        (
            ("node a/b", "weight", "1"),
            "no call can go to a node with a slash in its name",
        ),
        (("node a", "weight", "-1"), "not a number from 0 to 10000"),
        (("node a", "source", "*"), "* is no node's address"),
        (
            ("node a", "callto", "x${"),
            "'${' at byte 1 has no closing '}'",
        ),
        (
            ("node a", "wieght", "1"),
            "unknown key, known are callto, weight, source, probe",
        ),
        (
            ("health", "alive", "ok"),
            "not SIP codes or ranges of them, like 200,404 or 100-499",
        ),
    ] {
        let (section, key, value) = entry;
        let settings = [&[entry], SETTINGS].concat();
        let errors = cluster(&[SETTINGS])
            .load("c.conf", &entries(&settings))
            .unwrap_err();
        let error = errors[0].to_string();
        assert_eq!(
            error,
            format!("c.conf: [{section}] {key}={value}: {reason}")
        );
    }
    let errors = cluster(&[SETTINGS]).load("c.conf", &entries(&[("node a", "weight", "1")]));
    assert!(
        errors.unwrap_err()[0]
            .to_string()
            .ends_with("there is none in [general]")
    );
}

#[test]
fn the_addresses_of_nodes_are_trusted() {
    let forward = [
        ("called", "cluster/"),
        ("sip_x-callto", "x/1"),
        ("sip_x-nodename", "node2"),
        ("ip_host", "198.51.100.2"),
    ];
    assert_eq!(
        decide(&nodes(), Kind::Route, &forward).retval.as_deref(),
        Some(&b"x/1"[..])
    );
    let refused = decide(&cluster(&[SETTINGS]), Kind::Route, &forward);
    assert_eq!(refused.value("error"), Some("forbidden"));
}

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
    let line = "No call to 'x/1' on node 'node2', which is down";
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

#[test]
fn a_probe_that_takes_too_long_has_failed_and_no_other_one_goes_out_before_it_has_ended() {
    let cluster = nodes();
    let mut hanging = Vec::new();
    for second in 1..200 {
        cluster.tick(second * SECOND);
        hanging.extend(
            probes(&cluster)
                .into_iter()
                .filter(|probe| &*probe.node == b"node2"),
        );
    }
    assert_eq!(hanging.len(), 1);
    assert_eq!(state(&cluster, "node2"), State::Unknown);
    let late = &hanging[0];
    cluster.probed(
        &late.node,
        late.number,
        Outcome::Answered(200),
        200 * SECOND,
    );
    assert_eq!(state(&cluster, "node2"), State::Unknown, "it was late");
    cluster.tick(201 * SECOND);
    assert_eq!(
        probes(&cluster)
            .iter()
            .filter(|probe| &*probe.node == b"node2")
            .count(),
        1
    );
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
        cluster.tick(second * SECOND);
        let now = probes(&cluster).len();
        assert!((50..150).contains(&now), "{now} in second {second}");
        all += now;
    }
    assert_eq!(all, 999, "all but the node itself, once in 10 seconds");
}

#[test]
fn a_tick_that_comes_a_little_early_leaves_out_no_probe() {
    let every_second: &[Setting] = &[("health", "interval", "1")];
    let cluster = cluster(&[every_second, NODES, SETTINGS]);
    for tick in 1..=20 {
        let now = tick * (SECOND - 50);
        cluster.tick(now);
        let probes = probes(&cluster);
        assert_eq!(probes.len(), 2, "at tick {tick}");
        for probe in probes {
            cluster.probed(&probe.node, probe.number, Outcome::Answered(200), now);
        }
    }
}

#[test]
fn where_nobody_sends_probes_that_is_said_once_and_all_nodes_count_as_up() {
    let cluster = nodes();
    pass(&cluster, 1, 100, |_| Outcome::Failed);
    assert_eq!(state(&cluster, "node2"), State::Down);
    let said = pass(&cluster, 101, 400, |_| Outcome::Unhandled);
    let advice = said
        .iter()
        .filter(|line| line.contains("generate=yes"))
        .count();
    assert_eq!(advice, 1, "{said:?}");
    assert_eq!(execute(&cluster, "cluster/node2/x/1").value("error"), None);
}

#[test]
fn a_node_that_stays_keeps_what_is_known_of_it_on_reload() {
    let cluster = nodes();
    pass(&cluster, 1, 60, only_node2_is_dead);
    execute(&cluster, "cluster/node3/x/1");
    cluster.stand(b"node3", Standing::Draining);
    let without: &[Setting] = &[("node node2", "weight", "7"), ("node node3", "weight", "8")];
    cluster
        .load("", &entries(&[without, SETTINGS].concat()))
        .unwrap();
    assert_eq!(state(&cluster, "node2"), State::Down);
    let settings = cluster.settings();
    let node = settings.nodes.find(b"node3").unwrap();
    assert_eq!((node.weight, node.live.forwards()), (8, 1));
    assert_eq!(node.live.standing(), Standing::Draining);
}

#[test]
fn a_drain_outlives_its_section_and_the_engine() {
    let cluster = nodes();
    assert!(cluster.stand(b"node2", Standing::Draining));
    assert_eq!(chores(&cluster), [Chore::Save]);
    cluster.load("", &entries(SETTINGS)).unwrap();
    cluster
        .load("", &entries(&[NODES, SETTINGS].concat()))
        .unwrap();
    let standing = |cluster: &Cluster, name: &[u8]| {
        cluster.settings().nodes.find(name).unwrap().live.standing()
    };
    assert_eq!(standing(&cluster, b"node2"), Standing::Draining);

    let next = Cluster::new(b"node1", 2);
    next.restore(&cluster.state()).unwrap();
    next.load("", &entries(&[NODES, SETTINGS].concat()))
        .unwrap();
    assert_eq!(standing(&next, b"node2"), Standing::Draining);
    let mut damaged = cluster.state();
    damaged.truncate(damaged.len() - 1);
    assert!(next.restore(&damaged).is_err());
    assert_eq!(
        standing(&next, b"node2"),
        Standing::Draining,
        "nothing of it is taken"
    );
}

#[test]
fn a_drained_node_is_reached_and_a_disabled_one_is_not() {
    let cluster = nodes();
    cluster.stand(b"node2", Standing::Draining);
    assert_eq!(execute(&cluster, "cluster/node2/x/1").value("error"), None);
    cluster.stand(b"node2", Standing::Disabled);
    let decided = execute(&cluster, "cluster/node2/x/1");
    assert_eq!(
        decided.value("reason"),
        Some("cluster node 'node2' is disabled")
    );
    chores(&cluster);
    let said = pass(&cluster, 1, 60, |node| {
        assert_ne!(node, "node2", "a disabled node isn't probed");
        Outcome::Answered(200)
    });
    assert!(said.iter().all(|line| !line.contains("node2")), "{said:?}");
}

fn located(cluster: &Cluster, resource: &str) -> Option<String> {
    let decided = decide(
        cluster,
        Kind::Locate,
        &[("allocate", "true"), ("callto", resource)],
    );
    decided.retval.map(|node| String::from_utf8(node).unwrap())
}

#[test]
fn every_node_places_a_resource_on_the_same_node() {
    let clusters = ["node1", "node2", "node3"].map(|name| named(name, &[NODES, SETTINGS]));
    let mut chosen = std::collections::BTreeSet::new();
    for room in 0..100 {
        let nodes = clusters
            .each_ref()
            .map(|cluster| located(cluster, &format!("conf/{room}")).unwrap());
        assert!(nodes.iter().all(|node| *node == nodes[0]), "{nodes:?}");
        chosen.insert(nodes[0].clone());
    }
    assert_eq!(chosen.len(), 4, "all nodes get something");
}

#[test]
fn nothing_new_is_placed_on_a_node_that_is_down_drained_or_disabled() {
    let cluster = nodes();
    let before: Vec<_> = (0..200)
        .map(|n| located(&cluster, &format!("conf/{n}")).unwrap())
        .collect();
    pass(&cluster, 1, 60, only_node2_is_dead);
    cluster.stand(b"node3", Standing::Draining);
    cluster.stand(b"far-away", Standing::Disabled);
    for (n, node) in before.iter().enumerate() {
        let now = located(&cluster, &format!("conf/{n}")).unwrap();
        assert_eq!(now, "node1");
        assert!(node == "node1" || now != *node);
    }
    cluster.stand(b"node1", Standing::Draining);
    let decided = decide(&cluster, Kind::Locate, &[("callto", "conf/1")]);
    assert_eq!(decided.retval, None);
    assert_eq!(decided.value("error"), Some("offline"));
}

#[test]
fn without_sections_nobody_is_asked_for_a_node() {
    let cluster = cluster(&[SETTINGS]);
    assert_eq!(cluster.settings().priority(Kind::Locate), None);
    assert_eq!(cluster.settings().priority(Kind::Hangup), None);
    assert_eq!(located(&cluster, "conf/1"), None);
    cluster.tick(SECOND);
    assert_eq!(chores(&cluster), []);
}

fn outgoing(cluster: &Cluster, id: &str, end: &[(&str, &str)]) {
    let target = execute(cluster, "cluster/node2/x/1");
    let target = target.value("callto").unwrap();
    let start = [("id", id), ("direction", "outgoing"), ("callto", target)];
    decide(cluster, Kind::Startup, &start);
    let end = [&[("id", id), ("direction", "outgoing")], end].concat();
    decide(cluster, Kind::Hangup, &end);
}

/// Whether node2 is probed in the second after one of its usual probes.
fn is_hurried(end: &[(&str, &str)]) -> bool {
    let cluster = nodes();
    let up = |_: &str| Outcome::Answered(200);
    pass(&cluster, 1, 100, up);
    let probed = std::cell::Cell::new(false);
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
    let failures = settings.nodes.find(b"node2").unwrap().live.failures();
    assert_eq!(failures, u64::from(probed.get()));
    probed.get()
}

#[test]
fn a_call_that_meets_nobody_has_its_node_probed_at_once_and_others_do_not() {
    for code in ["408", "500"] {
        assert!(
            is_hurried(&[("answered", "false"), ("cause_sip", code)]),
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
        assert!(!is_hurried(end), "{end:?}");
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

fn run(cluster: &Cluster, line: &str) -> Option<String> {
    command::run(cluster, line.as_bytes())
}

#[test]
fn an_operator_drains_and_disables_nodes_by_command() {
    let cluster = nodes();
    for (line, answer) in [
        ("drain node2", "Node 'node2' is draining\n"),
        ("  undrain   node2 ", "Node 'node2' is enabled\n"),
        ("disable node2", "Node 'node2' is disabled\n"),
        (
            "undrain node2",
            "Node 'node2' is disabled, not drained: enable it\n",
        ),
        ("enable node2", "Node 'node2' is enabled\n"),
        (
            "drain node9",
            "No section [node node9], there is node1, node2, node3, far-away\n",
        ),
    ] {
        assert_eq!(run(&cluster, line).as_deref(), Some(answer), "{line}");
    }
    for line in ["", "drain", "nodes node2", "drained node2"] {
        assert_eq!(run(&cluster, line), None, "{line}");
    }
}

#[test]
fn the_table_of_nodes_lines_up_in_80_columns() {
    let cluster = nodes();
    pass(&cluster, 1, 60, only_node2_is_dead);
    cluster.stand(b"node2", Standing::Draining);
    cluster.stand(b"node3", Standing::Disabled);
    execute(&cluster, "cluster/node2/x/1");
    let table = run(&cluster, "nodes").unwrap();
    let rows: Vec<_> = table.lines().collect();
    assert_eq!(rows.len(), 5);
    let reason = rows[0].find("REASON").unwrap();
    for row in &rows {
        assert!(row.len() <= 80, "{row}");
        assert!(
            row.as_bytes()[reason - 1] == b' ' && row.as_bytes()[reason] != b' ',
            "{table}"
        );
    }
    for (row, words) in [
        (1, "node1 up"),
        (2, "node2 down,draining"),
        (3, "node3 disabled"),
        (4, "far-away unknown"),
    ] {
        let row: Vec<_> = rows[row].split_whitespace().take(2).collect();
        assert_eq!(row.join(" "), words);
    }
}

#[test]
fn words_of_the_command_are_completed() {
    let cluster = nodes();
    let words = |line: &str| {
        let words = command::complete(&cluster, line.as_bytes());
        words
            .iter()
            .map(|word| String::from_utf8(word.to_vec()).unwrap())
            .collect::<Vec<_>>()
    };
    assert_eq!(
        words(""),
        [
            "nodes", "where", "drain", "undrain", "disable", "enable", "check", "metrics"
        ]
    );
    assert_eq!(words("drain"), ["node1", "node2", "node3", "far-away"]);
    assert_eq!(words("nodes"), [""; 0]);
    for word in words("") {
        assert!(
            command::help().contains(&format!("  clustering {word}")),
            "{word}"
        );
    }
    assert!(command::help().lines().all(|line| line.len() <= 80));
}
