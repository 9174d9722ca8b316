// SPDX-License-Identifier: GPL-2.0-or-later

//! Trust where no setting names a sender: by the address of the node that the sender says it is.

use std::net::IpAddr;

use clustering::auth::lookups::{Answer, MOST_LOOKUPS, WAIT};
use clustering::cluster::Cluster;
use clustering::file::Document;
use clustering::messages::{Kind, Reply};
use clustering::operator::counters::Counter;
use clustering::operator::{check, command};
use clustering::time::{MessageTimes, SteadyTime, WallTime};
use clustering::verdict::{Action, Verdict};
use proptest::prelude::*;

use super::lab::{NOW, SECOND, Settings, assert_refused, is_taken};
use crate::node::{Decided, Params, cluster, decide_at, entries, params};

const PATTERN: (&str, &str, &str) = ("general", "regexp", "^node\\([0-9]*\\)$");
const ADDRESSES: &Settings = &[
    PATTERN,
    ("general", "callto", "sip/sip:cluster/@127.0.0.\\1"),
];
const NAMES: &Settings = &[
    PATTERN,
    ("general", "callto", "sip/sip:cluster/@\\0.lab.test"),
];

/// A call that says it comes from a node.
fn call(node: &str, address: &str) -> Params {
    params(&[
        ("id", "sip/7"),
        ("called", "cluster/"),
        ("ip_host", address),
        ("billid", "9-9"),
        ("sip_x-callto", "sip/sip:bob@192.0.2.9"),
        ("sip_x-billid", "1-2"),
        ("sip_x-nodename", node),
    ])
}

fn route(to: &Cluster, node: &str, address: &str) -> Decided {
    decide_at(NOW, to, Kind::Route, &call(node, address))
}

fn refused(to: &Cluster, node: &str, address: &str) {
    let decided = route(to, node, address);
    assert_refused(&decided, "");
    assert_eq!(decided.action, Action::Answer, "{node} {address}");
    let preroute = decide_at(NOW, to, Kind::Preroute, &call(node, address));
    assert_ne!(preroute.value("billid"), Some("1-2"), "{node} {address}");
}

fn taken(to: &Cluster, node: &str, address: &str) {
    assert!(is_taken(&route(to, node, address)), "{node} {address}");
    let preroute = decide_at(NOW, to, Kind::Preroute, &call(node, address));
    assert_eq!(preroute.value("billid"), Some("1-2"), "{node} {address}");
}

fn found(addresses: &[&str]) -> Answer {
    let parse = |text: &&str| text.parse::<IpAddr>().unwrap();
    Answer::Found(addresses.iter().map(parse).collect())
}

/// Answers all lookups that are due.
fn look_up(cluster: &Cluster, seconds: u64, addresses: impl Fn(&str) -> Answer) -> Vec<String> {
    let mut names = Vec::new();
    while let Some(name) = cluster.next_lookup() {
        cluster.looked_up(&name, addresses(&name), SteadyTime(seconds * SECOND));
        names.push(name.into());
    }
    names
}

fn lines(cluster: &Cluster) -> Vec<String> {
    let tasks = std::iter::from_fn(|| cluster.next_task());
    let lines = tasks.filter_map(|task| match task {
        clustering::task::Task::Log { line, .. } => Some(line),
        _ => None,
    });
    lines.collect()
}

/// A message that waits, and what becomes of it after the lookups are answered, or are not.
fn waits(kind: Kind, cluster: &Cluster, call: &Params, answer: Option<Answer>) -> Decided {
    let mut pending = Verdict::default();
    let times = MessageTimes::at(WallTime(NOW));
    cluster.decide(kind, &call.as_slice(), true, times, &mut pending);
    assert_eq!(pending.action, Action::Resolve);
    assert_eq!(pending.timeout(), WAIT);
    assert!(pending.edits().is_empty());
    let name = String::from_utf8(pending.retval().unwrap().to_vec()).unwrap();
    assert!(cluster.is_looked_up(&name));
    if let Some(answer) = answer {
        look_up(cluster, 1, |_| answer.clone());
        assert!(!cluster.is_looked_up(&name));
    }
    let mut verdict = Verdict::default();
    let later = MessageTimes {
        made: times.made,
        now: WallTime(NOW + SECOND),
    };
    cluster.resume(
        &pending,
        &call.as_slice(),
        &Reply::default(),
        later,
        &mut verdict,
    );
    Decided::new(&verdict, call)
}

/// Its clock says when the module was loaded, though no second has passed since.
#[test]
fn a_name_that_is_asked_for_before_the_first_tick_is_remembered_like_any_other() {
    const LOADED: u64 = 45_000;
    let cluster = cluster(&[NAMES]);
    let clock = SteadyTime(LOADED * SECOND);
    cluster.restore_connections(b"", b"run", clock).unwrap();
    waits(Kind::Route, &cluster, &call("node2", "127.0.0.2"), None);
    look_up(&cluster, LOADED + 6, |_| found(&["127.0.0.2"]));
    cluster.tick(SteadyTime((LOADED + 7) * SECOND));
    taken(&cluster, "node2", "127.0.0.2");
}

#[test]
fn a_sender_is_trusted_from_the_address_to_which_callto_leads() {
    let cluster = cluster(&[ADDRESSES]);
    taken(&cluster, "node2", "127.0.0.2");
    taken(&cluster, "node3", "::ffff:127.0.0.3");
    refused(&cluster, "node2", "127.0.0.3");
    refused(&cluster, "node3", "127.0.0.66");
    refused(&cluster, "node2", "10.9.9.9");
    refused(&cluster, "node2", "");
    refused(&cluster, "", "127.0.0.2");
    // A node sends itself nothing.
    refused(&cluster, "node1", "127.0.0.1");
    assert_eq!(cluster.count(Counter::Received), 2);
    assert_eq!(cluster.count(Counter::Untrusted), 6);
}

#[test]
fn a_refused_sender_is_logged_with_the_reason_and_the_setting() {
    let end = "; if it is a node of this cluster, set 'trusted' in [security] to the addresses of the nodes";
    for (node, address, reason) in [
        ("", "127.0.0.2", "the sender is not trusted"),
        ("phone", "127.0.0.2", "the sender is not trusted"),
        (
            "node2",
            "127.0.0.66",
            "the sender's address is not that of the node in its X-NodeName",
        ),
    ] {
        let line = route(&cluster(&[ADDRESSES]), node, address).line.unwrap();
        let whole = format!(
            "Call from {address} to 'cluster/' for 'sip/sip:bob@192.0.2.9' was refused: {reason}{end}"
        );
        assert_eq!(line, whole);
    }
}

#[test]
fn any_setting_of_trust_is_the_whole_of_it() {
    for setting in [
        ("security", "trusted", "10.0.0.0/8"),
        ("security", "secret", "the secret of the cluster"),
        ("node node9", "source", "10.0.0.9"),
    ] {
        let cluster = cluster(&[&[setting], ADDRESSES]);
        refused(&cluster, "node2", "127.0.0.2");
    }
}

#[test]
fn a_section_names_the_host_of_its_node_whatever_the_template_is() {
    let sections: &Settings = &[
        ("general", "callto", "sip/\\0"),
        ("node b", "callto", "sip/sip:cluster/@192.0.2.2:5070"),
        ("node c", "callto", "sip/sip:cluster/@[2001:db8::3]"),
        ("node d", "callto", "sip/sip:cluster/@d.lab.test;x=y"),
        ("node e", "callto", "sip/sip:cluster/@${domain}"),
    ];
    let cluster = cluster(&[sections]);
    assert_eq!(
        look_up(&cluster, 1, |_| found(&["192.0.2.4"])),
        ["d.lab.test"]
    );
    taken(&cluster, "b", "192.0.2.2");
    taken(&cluster, "c", "2001:db8::3");
    taken(&cluster, "c", "[2001:DB8:0::3]");
    taken(&cluster, "d", "192.0.2.4");
    refused(&cluster, "d", "192.0.2.2");
    refused(&cluster, "e", "192.0.2.2");
    refused(&cluster, "x", "192.0.2.2");
    let check = check::check(&cluster, "c.conf", &entries(sections), &Document::default());
    let line = "node 'e' is not trusted: its 'callto' has a parameter of the call in the host\n";
    assert!(check.contains(line), "{check}");
    assert!(!check.contains("no node is trusted"), "{check}");
}

#[test]
fn the_first_call_waits_for_its_nodes_name_before_it_is_routed_and_the_next_does_not() {
    let cluster = cluster(&[NAMES]);
    let call = call("node2", "192.0.2.2");
    let addresses = found(&["192.0.2.2", "2001:db8::2"]);
    let preroute = waits(Kind::Preroute, &cluster, &call, Some(addresses));
    assert_eq!(preroute.value("billid"), Some("1-2"));
    taken(&cluster, "node2", "192.0.2.2");
    // A node has as many addresses as its name.
    taken(&cluster, "node2", "2001:db8::2");
    refused(&cluster, "node2", "192.0.2.3");
    assert_eq!(cluster.next_lookup(), None);
}

#[test]
fn a_call_whose_nodes_name_comes_late_is_refused_and_the_next_one_taken() {
    let cluster = cluster(&[NAMES]);
    let call = call("node2", "192.0.2.2");
    let decided = waits(Kind::Route, &cluster, &call, None);
    assert_refused(
        &decided,
        "the address of the node in its X-NodeName is still being looked up",
    );
    look_up(&cluster, 9, |_| found(&["192.0.2.2"]));
    taken(&cluster, "node2", "192.0.2.2");
}

#[test]
fn a_name_that_has_no_address_is_nobodys() {
    for answer in [Answer::NoName, Answer::Failed, Answer::Found(Vec::new())] {
        let cluster = cluster(&[NAMES]);
        let call = call("node2", "192.0.2.2");
        let decided = waits(Kind::Route, &cluster, &call, Some(answer));
        assert_refused(
            &decided,
            "no address is known for the node in its X-NodeName",
        );
        refused(&cluster, "node2", "192.0.2.2");
        assert_eq!(cluster.next_lookup(), None);
        cluster.tick(SteadyTime(20 * SECOND));
        let decided = waits(Kind::Route, &cluster, &call, Some(found(&["192.0.2.2"])));
        assert!(is_taken(&decided));
    }
}

#[test]
fn an_address_that_changes_later_is_followed() {
    let cluster = cluster(&[NAMES, &[("node node1", "", ""), ("node node2", "", "")]]);
    assert_eq!(
        look_up(&cluster, 1, |_| found(&["192.0.2.2"])),
        ["node2.lab.test"]
    );
    cluster.tick(SteadyTime(2 * SECOND));
    taken(&cluster, "node2", "192.0.2.2");
    cluster.tick(SteadyTime(70 * SECOND));
    look_up(&cluster, 70, |_| found(&["192.0.2.5"]));
    taken(&cluster, "node2", "192.0.2.5");
    refused(&cluster, "node2", "192.0.2.2");
    assert_eq!(
        lines(&cluster),
        [
            "Calls from the host 'node2.lab.test' of callto are trusted: 192.0.2.2",
            "The host 'node2.lab.test' of callto has other addresses now: 192.0.2.5",
        ]
    );
    // A call from the new address has it looked up at once.
    cluster.tick(SteadyTime(85 * SECOND));
    let call = call("node2", "192.0.2.6");
    let decided = waits(Kind::Route, &cluster, &call, Some(found(&["192.0.2.6"])));
    assert!(is_taken(&decided));
}

#[test]
fn an_operator_hears_once_that_a_node_has_no_address() {
    let cluster = cluster(&[NAMES, &[("node node1", "", ""), ("node node2", "", "")]]);
    for round in 1..5 {
        cluster.tick(SteadyTime(round * 20 * SECOND));
        look_up(&cluster, round * 20, |_| Answer::NoName);
    }
    let line = "No address is known for the host 'node2.lab.test' of callto: calls from its node are refused";
    assert_eq!(lines(&cluster), [line]);
}

#[test]
fn nothing_is_derived_from_a_template_that_leaves_the_host_to_the_sender() {
    for pattern in [".*", "^\\(.*\\)$", "^\\(.*\\)@\\(.*\\)$"] {
        for callto in [
            "sip/\\0",
            "sip/sip:\\1@\\2",
            "sip/sip:cluster/@\\1.1",
            "sip/sip:cluster/@\\0",
            "sip/sip:cluster/@${ip_host}",
            "sip/sip:cluster/@\\0.net",
        ] {
            let settings: &Settings = &[
                ("general", "regexp", pattern),
                ("general", "callto", callto),
            ];
            let cluster = cluster(&[settings]);
            for node in [
                "sip:cluster/@10.9.9.9",
                "cluster/@10.9.9.9",
                "x@10.9.9.9",
                "10.9.9.9",
                "10.9.9",
                "evil",
            ] {
                refused(&cluster, node, "10.9.9.9");
            }
            assert_eq!(cluster.next_lookup(), None, "{pattern} {callto}");
            let check = check::check(&cluster, "c.conf", &entries(settings), &Document::default());
            let line = "no node is trusted, so calls from other nodes are refused: set 'trusted' or 'secret' in [security]\n";
            assert!(check.contains(line), "{check}");
            let explained = command::run(&cluster, b"where cluster/").unwrap();
            assert!(
                explained.contains("X-CallTo is refused from all senders"),
                "{explained}"
            );
        }
    }
}

#[test]
fn a_loose_pattern_leads_into_the_operators_own_network_or_domain_only() {
    let loose: &Settings = &[("general", "regexp", "^\\(.*\\)$")];
    let addresses = cluster(&[loose, ADDRESSES]);
    let names = cluster(&[loose, NAMES]);
    for node in [
        "2@10.9.9.9",
        "2@10.9.9.9;x=",
        "x@10.9.9.9:5060",
        "[::1]",
        "10.9.9.9",
        "2%00",
        "2/",
        "2\\0",
        "${ip_host}",
        "\u{e4}",
        ".",
        "..",
        "a b",
        "2.evil.net",
        "2\r\n",
    ] {
        refused(&addresses, node, "10.9.9.9");
    }
    assert_eq!(addresses.next_lookup(), None);
    for node in [
        "x@evil.net",
        "evil.net:5060",
        "evil.net;",
        "evil.net/",
        "evil.net?",
        "[::1]",
        "a..b",
        "%2e",
    ] {
        refused(&names, node, "10.9.9.9");
    }
    assert_eq!(names.next_lookup(), None);
    let call = call("evil.net", "10.9.9.9");
    let decided = waits(Kind::Route, &names, &call, Some(Answer::NoName));
    assert_refused(&decided, "no address is known");
}

#[test]
fn a_flood_of_invented_names_is_bounded_and_real_nodes_get_through() {
    let cluster = cluster(&[NAMES, &[("node node1", "", ""), ("node node2", "", "")]]);
    look_up(&cluster, 1, |_| found(&["192.0.2.2"]));
    let (mut waiting, mut started) = (0, 0);
    for number in 1000..21_000 {
        let call = call(&format!("node{number}"), "10.9.9.9");
        let decided = decide_at(NOW + number * 1000, &cluster, Kind::Route, &call);
        waiting += u32::from(decided.action == Action::Resolve);
        // The name servers never answer.
        started += usize::from(cluster.next_lookup().is_some());
    }
    assert!(
        (1..=400).contains(&waiting),
        "{waiting} of 20,000 in 20 seconds"
    );
    assert!(started < MOST_LOOKUPS, "{started}");
    taken(&cluster, "node2", "192.0.2.2");
    // The name of a node is looked up again, too.
    cluster.tick(SteadyTime(100 * SECOND));
    assert_eq!(cluster.next_lookup().as_deref(), Some("node2.lab.test"));
}

#[test]
fn an_operator_sees_the_nodes_that_are_trusted_and_why() {
    let cluster = cluster(&[NAMES, &[("node node3", "", "")]]);
    look_up(&cluster, 1, |_| found(&["192.0.2.3", "192.0.2.33"]));
    let call = call("node2", "192.0.2.2");
    assert!(is_taken(&waits(
        Kind::Route,
        &cluster,
        &call,
        Some(found(&["192.0.2.2"]))
    )));
    taken(&cluster, "node2", "192.0.2.2");
    taken(&cluster, "node3", "192.0.2.33");
    let nodes = command::run(&cluster, b"nodes").unwrap();
    let end = "Nodes without a section that have sent calls here, trusted by callto:\n\
               NODE           RECEIVED ADDRESS\n\
               node2                 2 192.0.2.2\n";
    assert!(nodes.ends_with(end), "{nodes}");
    for (target, line) in [
        (
            "cluster/node2/x",
            "Calls from it are trusted from 'node2.lab.test', by callto: 192.0.2.2\n",
        ),
        (
            "cluster/node3/x",
            "Calls from it are trusted from 'node3.lab.test', by callto: 192.0.2.3, 192.0.2.33\n",
        ),
        (
            "cluster/node4/x",
            "Calls from it are trusted from 'node4.lab.test', by callto: its address is looked up with the first call\n",
        ),
        (
            "cluster/",
            "X-CallTo is accepted from the addresses to which callto leads, each for its own node (no setting in \
             [security])\n",
        ),
    ] {
        let explained = command::run(&cluster, format!("where {target}").as_bytes()).unwrap();
        assert!(explained.contains(line), "{explained}");
    }
}

#[test]
fn a_reload_keeps_what_is_known_and_a_setting_of_trust_ends_it() {
    let cluster = cluster(&[NAMES]);
    let call = call("node2", "192.0.2.2");
    waits(Kind::Route, &cluster, &call, Some(found(&["192.0.2.2"])));
    cluster.load("c.conf", &entries(NAMES)).unwrap();
    taken(&cluster, "node2", "192.0.2.2");
    let trusted: &Settings = &[("security", "trusted", "10.0.0.1")];
    cluster
        .load("c.conf", &entries(&[trusted, NAMES].concat()))
        .unwrap();
    refused(&cluster, "node2", "192.0.2.2");
    assert_eq!(
        command::run(&cluster, b"nodes").unwrap(),
        "No node has a section in clustering.conf\n"
    );
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(20_000))]

    /// Whatever an outsider says, from an address outside of the template's network: nothing of it is taken.
    #[test]
    fn no_name_gets_an_outsider_in(
        node in "(node)?[0-9a-z.@:%\\[\\]/;?\\\\${}-]{0,24}",
        address in prop_oneof![
            Just("10.9.9.9".to_owned()), Just("127.0.1.2".to_owned()), Just("2001:db8::9".to_owned()), "[0-9.:]{0,16}",
        ],
        callto in prop::sample::select(vec![
            "sip/sip:cluster/@127.0.0.\\1", "sip/sip:cluster/@\\0.lab.test", "sip/sip:\\0@127.0.0.2", "sip/\\0",
            "sip/sip:cluster/@[::1:\\1]", "sip/sip:cluster/@\\1",
        ]),
    ) {
        prop_assume!(!address.contains("127.0.0.") && !address.starts_with("::") && !address.starts_with("0:"));
        let settings: &Settings = &[("general", "regexp", "^\\(.*\\)$"), ("general", "callto", callto)];
        let cluster = cluster(&[settings]);
        let call = call(&node, &address);
        let decided = decide_at(NOW, &cluster, Kind::Route, &call);
        if decided.action == Action::Resolve {
            let name = cluster.next_lookup().unwrap();
            prop_assert!(name.ends_with(".lab.test"), "{}", name);
        } else {
            prop_assert_eq!(decided.retval.as_deref(), Some(&b"-"[..]));
        }
    }
}
