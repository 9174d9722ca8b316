// SPDX-License-Identifier: GPL-2.0-or-later

//! Each kind of message lists the parameter names that matter in it, and an engine looks for no others. So no
//! decision may ask for another one, or write it.

use clustering::messages::{Kind, Name, NameSet, Parameters, Reply};
use clustering::time::{MessageTimes, WallTime};
use clustering::verdict::{Action, Edit, Verdict};
use proptest::prelude::*;
use proptest::sample::select;

use crate::node::{Params, SETTINGS, cluster, decide};

/// The target of calls to node2, where it has a section.
const NODE2: &str = "sip/sip:cluster/@192.0.2.2";

/// The settings that a decision may depend on, each with another file.
const CONFIGURED: &[&[(&str, &str, &str)]] = &[
    &[],
    &[
        ("general", "cdr.nodes", "yes"),
        ("general", "connection", "backbone"),
        (
            "general",
            "callto",
            "sip/${called}@\\0;${caller};${code$none}",
        ),
    ],
    &[("security", "secret", "correct horse battery staple")],
    &[
        ("node node1", "weight", "10"),
        ("node node2", "callto", NODE2),
        ("locate", "account", "cluster"),
    ],
    &[("general", "hops", "1")],
];

/// A message that fails the test where a name is asked for that isn't among those of its kind.
struct Watched {
    params: Params,
    names: NameSet,
}

impl Watched {
    fn watch(&self, name: Name) {
        assert!(self.names.contains(name), "{name:?} is asked for");
    }
}

impl<'m> Parameters<'m> for &'m Watched {
    fn get(&self, name: Name) -> Option<&'m [u8]> {
        self.watch(name);
        Parameters::get(&self.params.as_slice(), name)
    }

    fn is_repeated(&self, name: Name) -> bool {
        self.watch(name);
        self.params.as_slice().is_repeated(name)
    }

    fn other(&self, name: &[u8]) -> Option<&'m [u8]> {
        self.params.as_slice().other(name)
    }

    fn all(&self) -> impl Iterator<Item = (&'m [u8], &'m [u8])> {
        Parameters::all(&self.params.as_slice())
            .collect::<Vec<_>>()
            .into_iter()
    }
}

fn check(verdict: &Verdict, names: NameSet) {
    if matches!(verdict.action, Action::Locate | Action::Ask) {
        // The edits are the parameters of a message of the core's own.
        return;
    }
    for edit in verdict.edits() {
        let (Edit::Set(name, _) | Edit::Clear(name)) = edit;
        assert!(names.contains(*name), "{name:?} is written");
    }
}

fn value() -> impl Strategy<Value = &'static str> {
    select(vec![
        "",
        "cluster/",
        "cluster/node1/x",
        "cluster/node2/x",
        "cluster/other/x",
        "cluster/*/x",
        "node1",
        "node2",
        "node2,node3",
        "192.0.2.1",
        "203.0.113.1",
        "msg",
        "outgoing",
        "true",
        "408",
        "sip/sip:cluster/@192.0.2.2",
        "1;2;3;4",
        "x",
    ])
}

/// A value with which a message comes far.
fn usual(name: &str) -> &'static str {
    match name {
        "called" | "sip_x-callto" => "cluster/x",
        "callto" => "cluster/node2/x",
        "ip_host" => "192.0.2.1",
        "direction" => "outgoing",
        "answered" => "false",
        "nodename" | "sip_x-nodename" => "node2",
        _ => "x",
    }
}

fn message() -> impl Strategy<Value = Params> {
    let param = |name: &Name| {
        let name = name.text().replace('*', "_x");
        let value = prop_oneof![4 => Just(usual(&name)), 1 => value()];
        let value = value.prop_map(|value| value.as_bytes().to_vec());
        prop::option::of((Just(name.into_bytes()), value))
    };
    let params: Vec<_> = Name::ALL.iter().map(param).collect();
    params.prop_map(|params| params.into_iter().flatten().collect())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(4000))]

    #[test]
    fn no_decision_asks_for_a_name_or_writes_one_that_its_kind_does_not_list(
        kind in select(Kind::ALL.to_vec()), more in select(CONFIGURED.to_vec()), params in message(),
        complete: bool, handled: bool, has_row: bool, timed_out: bool, node in value(),
        error in prop::option::of(value()), reason in value(),
    ) {
        let cluster = cluster(&[more, SETTINGS]);
        // A channel's end needs a start before it.
        let begin = [("id", "x"), ("direction", "outgoing"), ("callto", NODE2)];
        decide(&cluster, Kind::Startup, &begin);
        let message = Watched { params, names: kind.names() };
        cluster.concerns(kind, &&message);
        let mut verdict = Verdict::default();
        cluster.decide(kind, &&message, complete, MessageTimes::at(WallTime(1)), &mut verdict);
        check(&verdict, kind.names());
        let answer = Reply {
            no_thread: false,
            timed_out,
            handled,
            retval: node.as_bytes(),
            row: has_row.then_some(node.as_bytes()),
            error: error.map(str::as_bytes),
            reason: reason.as_bytes(),
        };
        let mut answered = Verdict::default();
        cluster.resume(&verdict, &&message, &answer, MessageTimes::at(WallTime(1)), &mut answered);
        check(&answered, kind.names());
    }
}
