// SPDX-License-Identifier: GPL-2.0-or-later

//! Each outcome has its counter. Of outcomes that callers can bring about at will the log has no more lines
//! than the rate limit allows.

use clustering::cluster::Cluster;
use clustering::event::{INTERVAL, Level};
use clustering::messages::{Kind, Reply};
use clustering::nodes::admin::AdminState;
use clustering::operator::counters::Counter;
use clustering::time::{MessageTimes, WallTime};
use clustering::verdict::{Action, Verdict};

use crate::node::{SETTINGS, cluster, params};

/// A message that comes to one outcome.
struct Case {
    kind: Kind,
    params: &'static [(&'static str, &'static str)],
    /// Its counter.
    counter: Counter,
    /// Callers can bring its line about.
    is_logged: bool,
}

const fn usual(
    kind: Kind,
    params: &'static [(&'static str, &'static str)],
    counter: Counter,
) -> Case {
    Case {
        kind,
        params,
        counter,
        is_logged: false,
    }
}

const fn logged(
    kind: Kind,
    params: &'static [(&'static str, &'static str)],
    counter: Counter,
) -> Case {
    Case {
        is_logged: true,
        ..usual(kind, params, counter)
    }
}

const CASES: [Case; 14] = [
    usual(
        Kind::Execute,
        &[("callto", "cluster/node1/x")],
        Counter::Local,
    ),
    usual(
        Kind::Execute,
        &[("callto", "cluster/node2/x")],
        Counter::Forwarded,
    ),
    usual(
        Kind::Message,
        &[("callto", "cluster/node2/x")],
        Counter::Forwarded,
    ),
    usual(Kind::Route, &[("called", "cluster/7")], Counter::Received),
    usual(Kind::Register, &[("data", "sip/x")], Counter::Registered),
    usual(
        Kind::Unregister,
        &[("data", "sip/x")],
        Counter::Unregistered,
    ),
    usual(Kind::Cdr, &[], Counter::Cdrs),
    usual(Kind::Locate, &[("callto", "conf/7")], Counter::Placed),
    logged(
        Kind::Execute,
        &[("callto", "cluster/gw/x")],
        Counter::NoNode,
    ),
    logged(
        Kind::Execute,
        &[("callto", "cluster/node9/x")],
        Counter::Offline,
    ),
    logged(
        Kind::Execute,
        &[("callto", "cluster/*/x")],
        Counter::NotLocated,
    ),
    logged(
        Kind::Execute,
        &[
            ("callto", "cluster/node2/x"),
            ("sip_x-nodename", "node2"),
            ("sip_x-visited", "node3"),
        ],
        Counter::Looping,
    ),
    logged(
        Kind::Route,
        &[("called", "cluster/"), ("sip_x-callto", "x")],
        Counter::Untrusted,
    ),
    logged(
        Kind::Execute,
        &[("callto", "cluster/node2/x\n")],
        Counter::Malformed,
    ),
];

/// Decides a message, for which nobody knows a node; the line at the engine's default level.
fn line(cluster: &Cluster, case: &Case, now: u64) -> Option<String> {
    let list = params(case.params);
    let (message, mut verdict) = (list.as_slice(), Verdict::default());
    cluster.decide(
        case.kind,
        &message,
        true,
        MessageTimes::at(WallTime(now)),
        &mut verdict,
    );
    let mut end = Verdict::default();
    if verdict.action == Action::Locate {
        let nobody = Reply::default();
        cluster.resume(
            &verdict,
            &message,
            &nobody,
            MessageTimes::at(WallTime(now)),
            &mut end,
        );
        verdict = end;
    }
    let shown = verdict
        .event
        .as_ref()
        .is_some_and(|event| event.level() <= Level::Note);
    let line = verdict.line().filter(|_| shown);
    line.map(|line| line.to_string())
}

fn node() -> Cluster {
    let sections = [("node node1", "weight", "1"), ("node node9", "weight", "1")];
    let cluster = cluster(&[&sections, SETTINGS]);
    cluster.set_admin(b"node9", AdminState::Disabled);
    cluster
}

#[test]
fn each_outcome_is_counted_once_by_its_counter() {
    for case in CASES {
        let cluster = node();
        line(&cluster, &case, 1);
        for &counter in Counter::ALL {
            let count = u64::from(counter == case.counter);
            assert_eq!(
                cluster.count(counter),
                count,
                "{counter:?} of {:?} {:?}",
                case.kind,
                case.params
            );
        }
    }
}

#[test]
fn a_flood_of_any_cause_is_one_line_with_the_number_of_the_others() {
    for case in CASES {
        let cluster = node();
        let lines: Vec<_> = [1, 2, 3, INTERVAL + 1]
            .into_iter()
            .map(|now| line(&cluster, &case, now))
            .collect();
        let shown: Vec<_> = lines.iter().map(Option::is_some).collect();
        let first = case.is_logged;
        assert_eq!(shown, [first, false, false, first], "{lines:?}");
        if let (Some(first), Some(last)) = (&lines[0], &lines[3]) {
            assert_eq!(*last, format!("{first} (2 more like this not shown)"));
        }
    }
}
