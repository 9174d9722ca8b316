// SPDX-License-Identifier: GPL-2.0-or-later

//! Calls to a resource whose node must be found first.

use clustering::messages::{Kind, Reply};
use clustering::operator::counters::Counter;
use clustering::time::{MessageTimes, WallTime};
use clustering::verdict::{Action, Verdict};

use crate::node::{Decided, Params, SETTINGS, apply, cluster, entries, params};

/// Begins a call to a resource of any node and ends it with an answer.
fn locate(
    cluster: &clustering::cluster::Cluster,
    call: &[(&str, &str)],
    answer: &Reply<'_>,
) -> Decided {
    let list = params(call);
    let mut pending = Verdict::default();
    cluster.decide(
        Kind::Execute,
        &list.as_slice(),
        true,
        MessageTimes::at(WallTime(1)),
        &mut pending,
    );
    assert_eq!(pending.action, Action::Locate);
    let mut verdict = Verdict::default();
    let message = list.as_slice();
    // In the engine the reply's texts outlive the verdict; here both have the call's life.
    cluster.resume(
        &pending,
        &message,
        answer,
        MessageTimes::at(WallTime(1)),
        &mut verdict,
    );
    Decided::new(&verdict, &list)
}

/// A lookup places nothing, so nodes that could accept the resource don't matter.
#[test]
fn a_lookup_without_a_result_does_not_say_that_no_node_can_accept_the_resource() {
    let settings = [
        ("locate", "account", "rooms"),
        ("node node2", "weight", "1"),
    ];
    let cluster = cluster(&[&settings, SETTINGS]);
    let list = params(&[("callto", "conf/7"), ("allocate", "false")]);
    let message = list.as_slice();
    let times = MessageTimes::at(WallTime(1));
    let mut pending = Verdict::default();
    cluster.decide(Kind::Locate, &message, true, times, &mut pending);
    assert_eq!(pending.action, Action::Ask);
    let nothing = Reply {
        handled: true,
        ..Reply::default()
    };
    let mut verdict = Verdict::default();
    cluster.resume(&pending, &message, &nothing, times, &mut verdict);
    let decided = Decided::new(&verdict, &list);
    assert_eq!(decided.value("reason"), Some("no node holds this resource"));
}

const ANY: [(&str, &str); 2] = [("callto", "cluster/*/conf/7"), ("billid", "1-2")];

#[test]
fn the_locate_message_says_what_is_looked_for() {
    let (cluster, list) = (cluster(&[SETTINGS]), params(&ANY));
    let mut pending = Verdict::default();
    cluster.decide(
        Kind::Execute,
        &list.as_slice(),
        true,
        MessageTimes::at(WallTime(1)),
        &mut pending,
    );
    assert_eq!(pending.retval(), Some(&b"cluster.locate"[..]));
    let asked = [
        ("allocate", "true"),
        ("nodename", "node1"),
        ("callto", "conf/7"),
        ("billid", "1-2"),
    ];
    assert_eq!(apply(&pending, &Params::new()), params(&asked));
}

#[test]
fn a_located_node_gets_the_call() {
    for (node, target) in [
        ("node2", "sip/sip:cluster/@node2.example.net:502"),
        (" node3 ", "sip/sip:cluster/@node3.example.net:503"),
        ("node1", "conf/7"),
        ("", "conf/7"),
    ] {
        let answer = Reply {
            handled: true,
            retval: node.as_bytes(),
            ..Reply::default()
        };
        let cluster = cluster(&[SETTINGS]);
        let decided = locate(&cluster, &ANY, &answer);
        assert_eq!(decided.value("callto"), Some(target), "{node}");
        assert_eq!(cluster.count(Counter::Located), 1, "{node}");
    }
}

#[test]
fn a_call_whose_node_is_not_located_fails_with_the_given_error() {
    let full = Reply {
        error: Some(b"congestion"),
        reason: b"all full",
        ..Reply::default()
    };
    let decided = locate(&cluster(&[SETTINGS]), &ANY, &full);
    assert_eq!(decided.value("callto"), Some("cluster/*/conf/7"));
    assert_eq!(decided.value("error"), Some("congestion"));
    assert_eq!(decided.value("reason"), Some("all full"));
    let line = "No node was found for 'conf/7': congestion: all full";
    assert_eq!(decided.line.as_deref(), Some(line));

    for node in [&b"-"[..], b"error"] {
        let refused = Reply {
            handled: true,
            retval: node,
            ..Reply::default()
        };
        let decided = locate(&cluster(&[SETTINGS]), &ANY, &refused);
        assert_eq!(decided.value("error"), Some("failure"));
    }
}

#[test]
fn a_call_ends_with_the_settings_that_it_began_with() {
    let cluster = cluster(&[SETTINGS]);
    let list = params(&ANY);
    let mut pending = Verdict::default();
    cluster.decide(
        Kind::Execute,
        &list.as_slice(),
        true,
        MessageTimes::at(WallTime(1)),
        &mut pending,
    );
    cluster
        .load(
            "clustering.conf",
            &entries(&[("general", "prefix", "other"), ("general", "enabled", "no")]),
        )
        .unwrap();
    let answer = Reply {
        handled: true,
        retval: b"node2",
        ..Reply::default()
    };
    let mut verdict = Verdict::default();
    cluster.resume(
        &pending,
        &list.as_slice(),
        &answer,
        MessageTimes::at(WallTime(1)),
        &mut verdict,
    );
    let target = "sip/sip:cluster/@node2.example.net:502";
    assert_eq!(Decided::new(&verdict, &list).value("callto"), Some(target));
}

/// The engine would place the call all the same, from a channel that nobody has any more.
#[test]
fn a_call_whose_caller_has_hung_up_meanwhile_goes_nowhere() {
    let cluster = cluster(&[SETTINGS]);
    let list = params(&[&ANY[..], &[("id", "sip/1")]].concat());
    let decide = |hung_up: &str| {
        let times = MessageTimes::at(WallTime(1));
        let message = list.as_slice();
        let mut pending = Verdict::default();
        cluster.decide(Kind::Execute, &message, true, times, &mut pending);
        let end = params(&[("id", hung_up)]);
        let end = end.as_slice();
        assert_eq!(cluster.concerns(Kind::Hangup, &end), hung_up == "sip/1");
        cluster.decide(Kind::Hangup, &end, true, times, &mut Verdict::default());
        let answer = Reply {
            handled: true,
            retval: b"node2",
            ..Reply::default()
        };
        let mut verdict = Verdict::default();
        cluster.resume(&pending, &message, &answer, times, &mut verdict);
        Decided::new(&verdict, &list)
    };
    let gone = decide("sip/1");
    assert_eq!(gone.value("error"), Some("cancelled"));
    assert_eq!(gone.value("callto"), Some("cluster/*/conf/7"));
    assert_eq!(cluster.count(Counter::Forwarded), 0);
    // Another one hangs up; and the channel's name may be another call's later.
    let here = decide("sip/2");
    assert_eq!(here.value("error"), None);
    assert_eq!(cluster.count(Counter::Forwarded), 1);
}
