// SPDX-License-Identifier: GPL-2.0-or-later

//! The rules that hold for every message.

use clustering::messages::Kind;
use clustering::verdict::Action;
use proptest::prelude::*;

use crate::node::{Params, SETTINGS, cluster, decide, decide_at};

/// A message's parameters: names that matter and others, any bytes as values.
fn messages() -> impl Strategy<Value = Params> {
    let name = prop_oneof![
        prop::sample::select(vec![
            "callto",
            "called",
            "data",
            "billid",
            "username",
            "ip_host",
            "sip_x-callto",
            "sip_x-billid",
            "osip_x-callto",
            "oconnection_id",
            "oip_transport",
            "connection_id",
            "ip_transport",
            "nodename",
            "nodeprefix",
            "caller",
            "user",
            "route_type",
            "sip_x-nodename",
            "error",
            "reason",
            "code",
            "",
        ])
        .prop_map(|name| name.as_bytes().to_vec()),
        prop::collection::vec(any::<u8>(), 0..6),
    ];
    let value = prop_oneof![
        r"cluster/(node[0-3]|\*|)?/?[a-z/]{0,6}".prop_map(String::into_bytes),
        prop::collection::vec(any::<u8>(), 0..16),
        Just(b"192.0.2.1".to_vec()),
    ];
    prop::collection::vec((name, value), 0..12)
}

const NODES: &[(&str, &str, &str)] = &[
    ("general", "cdr.nodes", "yes"),
    ("node node2", "weight", "100"),
];

/// Whether a decision may write or remove a parameter; a `*` stands for any end of a name.
fn may_change(kind: Kind, name: &[u8]) -> bool {
    let names: &[&str] = match kind {
        Kind::Route => &[
            "called",
            "billid",
            "cluster_origin",
            "oconnection_id",
            "error",
            "reason",
            "code",
            "sip_x-*",
        ],
        Kind::Preroute => &["billid"],
        Kind::Execute | Kind::LateExecute => &[
            "callto",
            "cluster_target",
            "error",
            "reason",
            "oconnection_id",
            "oip_transport*",
            "osip_x-*",
        ],
        Kind::Message | Kind::LateMessage => &[
            "callto",
            "cluster_target",
            "error",
            "reason",
            "code",
            "user",
            "connection_id",
            "ip_transport",
            "osip-prefix",
            "osip_x-*",
            "sip_x-*",
        ],
        Kind::Register => &["data"],
        Kind::Unregister => &["data", "nodename"],
        Kind::Cdr => &["nodename", "nodeprefix"],
        Kind::Locate => &["error", "reason", "code"],
        Kind::Disconnected => &["reason"],
        Kind::Startup | Kind::Hangup => &[],
    };
    names.iter().any(|may| match may.strip_suffix('*') {
        Some(start) => name.starts_with(start.as_bytes()),
        None => name == may.as_bytes(),
    })
}

#[test]
fn a_message_without_its_parameter_passes() {
    let cluster = cluster(&[SETTINGS]);
    for kind in [Kind::Execute, Kind::Route, Kind::Register] {
        let decided = decide(&cluster, kind, &[("x", "y")]);
        assert_eq!(decided.action, Action::Pass, "{kind:?}");
    }
}

proptest! {
    #[test]
    fn a_location_that_is_called_where_it_was_registered_comes_back_as_it_was(
        // A call's target is trimmed, as everywhere in the engine.
        location in "[^ \t\0](.*[^ \t\0])?",
    ) {
        prop_assume!(!location.starts_with("cluster/"));
        let cluster = cluster(&[SETTINGS]);
        let stored = decide(&cluster, Kind::Register, &[("data", &location)]);
        let stored = stored.value("data").unwrap();
        let called = decide(&cluster, Kind::Execute, &[("callto", stored)]);
        prop_assert_eq!(called.value("callto"), Some(location.as_str()));
    }

    #[test]
    fn a_forwarded_call_has_the_same_resource_and_billid_where_it_arrives(
        resource in "[!-~]{1,20}", billid in "[!-~]{1,12}",
    ) {
        let template = [("general", "callto", "sip/sip:cluster/@\\0")];
        let cluster = cluster(&[&template, SETTINGS]);
        let target = format!("cluster/node2/{resource}");
        let sent = decide(&cluster, Kind::Execute, &[("callto", &target), ("billid", &billid)]);
        let header = |name| sent.value(name).unwrap();
        let (callto, bill) = (header("osip_x-callto"), header("osip_x-billid"));
        let arrived = decide(&cluster, Kind::Route, &[
            ("called", "cluster/"), ("ip_host", "192.0.2.1"),
            ("sip_x-callto", callto), ("sip_x-billid", bill),
        ]);
        prop_assert_eq!(arrived.retval.as_deref(), Some(resource.as_bytes()));
        prop_assert_eq!(arrived.value("billid"), Some(billid.as_str()));
    }

    /// A message that doesn't concern the cluster is left alone, and each changed message concerns it.
    #[test]
    fn what_does_not_concern_the_cluster_passes(list in messages()) {
        let cluster = cluster(&[SETTINGS]);
        for kind in Kind::ALL {
            let concerned = cluster.concerns(kind, &list.as_slice());
            let decided = decide_at(1, &cluster, kind, &list);
            prop_assert!(concerned || decided.action == Action::Pass);
        }
    }

    /// A parameter that isn't the decision's to change stays, in value and in order.
    #[test]
    fn parameters_that_are_none_of_a_decisions_business_stay(list in messages()) {
        let cluster = cluster(&[NODES, SETTINGS]);
        for kind in Kind::ALL {
            let others = |list: &Params| -> Params {
                list.iter().filter(|(name, _)| !may_change(kind, name)).cloned().collect()
            };
            let decided = decide_at(1, &cluster, kind, &list);
            if decided.action != Action::Locate {
                prop_assert_eq!(others(&decided.params), others(&list), "{:?}", kind);
            }
        }
    }
}
