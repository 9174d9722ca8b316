// SPDX-License-Identifier: GPL-2.0-or-later

//! The connection of a registration is that of the calls and messages to its location. The transport of calls
//! and messages to a node is that of the settings.

use clustering::cluster::Cluster;
use clustering::messages::Kind;
use clustering::operator::{command, status};
use clustering::time::SteadyTime;
use clustering::verdict::Action;

use crate::node::{Decided, SETTINGS, cluster, decide};

const LOCATION: &str = "sip/sip:bob@10.0.0.9:5060;transport=tcp";
const HERE: &str = "cluster/node1/sip/sip:bob@10.0.0.9:5060;transport=tcp";
const ELSEWHERE: &str = "cluster/node2/sip/sip:bob@10.0.0.9:5060;transport=tcp";
const CONNECTION: &str = "tcp:192.0.2.1:5060-10.0.0.9:40000";

fn register(cluster: &Cluster, user: &str, connection: &str, transport: &str) -> Decided {
    let registration = [
        ("data", LOCATION),
        ("username", user),
        ("oconnection_id", connection),
        ("ip_transport", transport),
        ("expires", "600"),
    ];
    decide(cluster, Kind::Register, &registration)
}

/// A node where bob has registered over TCP.
fn registered(settings: &[&[(&str, &str, &str)]]) -> Cluster {
    let cluster = cluster(settings);
    let decided = register(&cluster, "bob", CONNECTION, "TCP");
    assert_eq!(decided.value("data"), Some(HERE));
    cluster
}

/// The connection that a call of this node to bob is sent over.
fn of_local_call(cluster: &Cluster) -> Option<String> {
    let decided = decide(cluster, Kind::Execute, &[("callto", HERE)]);
    assert_eq!(decided.value("callto"), Some(LOCATION));
    decided.value("oconnection_id").map(str::to_owned)
}

fn ticked(cluster: &Cluster, seconds: u64) {
    cluster.tick(SteadyTime(seconds * 1_000_000));
}

#[test]
fn a_call_of_the_node_goes_over_the_connection_of_the_registration() {
    let cluster = registered(&[SETTINGS]);
    assert_eq!(of_local_call(&cluster).as_deref(), Some(CONNECTION));
    let own = [("callto", HERE), ("oconnection_id", "tcp:other")];
    let decided = decide(&cluster, Kind::Execute, &own);
    assert_eq!(decided.value("oconnection_id"), Some("tcp:other"));
    let unknown = [("callto", "cluster/node1/sip/sip:bob@10.0.0.9")];
    let decided = decide(&cluster, Kind::Execute, &unknown);
    assert_eq!(decided.value("oconnection_id"), None);
}

#[test]
fn a_call_of_another_node_does_too() {
    let cluster = registered(&[SETTINGS]);
    let call = [
        ("called", "cluster/"),
        ("ip_host", "192.0.2.2"),
        ("sip_x-callto", LOCATION),
        ("sip_x-nodename", "node2"),
    ];
    let decided = decide(&cluster, Kind::Route, &call);
    assert_eq!(decided.retval.as_deref(), Some(LOCATION.as_bytes()));
    assert_eq!(decided.value("oconnection_id"), Some(CONNECTION));
    // Nobody else gets there.
    let stranger = [&[("ip_host", "203.0.113.9")], &call[..]].concat();
    let decided = decide(&cluster, Kind::Route, &stranger);
    assert_eq!(decided.value("oconnection_id"), None);
}

#[test]
fn an_instant_message_leaves_the_connection_of_its_sender() {
    let cluster = registered(&[SETTINGS]);
    let came = [
        ("connection_id", "tcp:alice"),
        ("ip_transport", "TCP"),
        ("caller", "alice"),
    ];
    let to = |callto, more: &[(&'static str, &'static str)]| {
        let message = [&[("callto", callto)], &came[..], more].concat();
        decide(&cluster, Kind::Message, &message)
    };
    let of_node = [("sip_x-nodename", "node2")];
    for decided in [to(HERE, &[]), to(LOCATION, &of_node)] {
        assert_eq!(decided.action, Action::Change);
        assert_eq!(decided.value("callto"), Some(LOCATION));
        assert_eq!(decided.value("connection_id"), Some(CONNECTION));
        assert_eq!(decided.value("ip_transport"), None);
    }
    for decided in [
        to("cluster/node1/sip/sip:x@10.0.0.8", &[]),
        to("sip/sip:x@10.0.0.8", &of_node),
        to(ELSEWHERE, &[]),
    ] {
        assert_eq!(decided.value("connection_id"), None);
        assert_eq!(decided.value("ip_transport"), None);
    }
    // A message that no node has sent and that isn't for the cluster is left alone.
    let decided = to(LOCATION, &[]);
    assert_eq!(decided.action, Action::Pass);
    assert_eq!(decided.value("connection_id"), Some("tcp:alice"));
}

#[test]
fn the_connection_is_forgotten_with_its_registration() {
    let gone: [&[(&str, &str)]; 2] = [
        &[
            ("data", LOCATION),
            ("username", "bob"),
            ("connection_id", "tcp:new"),
        ],
        &[("connection_id", CONNECTION)],
    ];
    for gone in gone {
        let cluster = registered(&[SETTINGS]);
        decide(&cluster, Kind::Unregister, gone);
        assert_eq!(of_local_call(&cluster), None);
        assert!(cluster.connections().is_empty());
    }
    let others: [&[(&str, &str)]; 3] = [
        &[("data", LOCATION), ("username", "carol")],
        &[("data", "sip/sip:bob@10.0.0.9"), ("username", "bob")],
        &[("connection_id", "tcp:other")],
    ];
    for other in others {
        let cluster = registered(&[SETTINGS]);
        decide(&cluster, Kind::Unregister, other);
        assert_eq!(of_local_call(&cluster).as_deref(), Some(CONNECTION));
    }
    let cluster = registered(&[SETTINGS]);
    ticked(&cluster, 599);
    assert_eq!(of_local_call(&cluster).as_deref(), Some(CONNECTION));
    ticked(&cluster, 600);
    assert_eq!(of_local_call(&cluster), None);
}

#[test]
fn who_claims_anothers_location_gets_none_of_its_calls() {
    let cluster = registered(&[SETTINGS]);
    register(&cluster, "mallory", "tcp:mallory", "TCP");
    assert_eq!(of_local_call(&cluster), None);
    decide(
        &cluster,
        Kind::Unregister,
        &[("connection_id", "tcp:mallory")],
    );
    assert_eq!(of_local_call(&cluster).as_deref(), Some(CONNECTION));
}

#[test]
fn so_many_registrations_are_remembered_as_the_settings_say() {
    let cluster = cluster(&[&[("general", "registrations", "1")], SETTINGS]);
    let first = register(&cluster, "bob", CONNECTION, "TCP");
    assert_eq!(first.line, None);
    let second = register(&cluster, "carol", CONNECTION, "TCP");
    let line = second.line.as_deref().expect("it is said");
    assert!(
        line.contains("the limit is 1 ([general] registrations)"),
        "{line}"
    );
    assert_eq!(second.value("data"), Some(HERE));
    assert_eq!(cluster.connections().len(), 1);
}

#[test]
fn what_knows_no_connection_is_not_remembered() {
    let cluster = cluster(&[SETTINGS]);
    for registration in [
        &[("data", LOCATION), ("connection_id", "general")][..],
        &[("data", HERE), ("oconnection_id", CONNECTION)],
        &[("oconnection_id", CONNECTION)],
    ] {
        decide(&cluster, Kind::Register, registration);
        assert!(cluster.connections().is_empty(), "{registration:?}");
    }
}

#[test]
fn a_registration_with_a_control_character_is_not_remembered_and_that_is_logged() {
    for name in ["data", "oconnection_id", "username"] {
        let cluster = cluster(&[SETTINGS]);
        let registration = [
            ("data", LOCATION),
            ("oconnection_id", CONNECTION),
            ("username", "bob"),
        ];
        let with_control = |(of, value)| {
            if of == name {
                (of, "a\u{1}b")
            } else {
                (of, value)
            }
        };
        let decided = decide(&cluster, Kind::Register, &registration.map(with_control));
        assert!(cluster.connections().is_empty(), "{name}");
        let line = decided.line.clone().unwrap();
        assert!(
            line.contains("can't be remembered: its name, its user or the location"),
            "{line}"
        );
        // The registration itself goes on.
        assert!(decided.value("data").unwrap().starts_with("cluster/node1/"));
    }
}

#[test]
fn the_way_to_a_node_is_by_its_transport() {
    const NODES: &[(&str, &str, &str)] = &[
        ("general", "transport", "tcp"),
        ("node node3", "transport", "tls"),
        ("node node4", "transport", "udp"),
    ];
    let cluster = cluster(&[NODES, SETTINGS]);
    let to = |node: &str, more: &[(&'static str, &'static str)]| {
        let callto = format!("cluster/{node}/park/1");
        let call = [&[("callto", callto.as_str())], more].concat();
        let decided = decide(&cluster, Kind::Execute, &call);
        decided.value("oip_transport").map(str::to_owned)
    };
    assert_eq!(to("node2", &[]).as_deref(), Some("TCP"));
    assert_eq!(to("node3", &[]).as_deref(), Some("TLS"));
    assert_eq!(to("node4", &[]), None);
    // The route has the last word, a phone's own transport has none.
    let of_route = [("oip_transport", "UDP")];
    assert_eq!(to("node2", &of_route).as_deref(), Some("UDP"));
    let of_phone = [("oip_transport", "TLS"), ("oconnection_id", "tls:phone")];
    assert_eq!(to("node2", &of_phone).as_deref(), Some("TCP"));
    assert_eq!(to("node4", &of_phone), None);
    assert_eq!(to("node1", &[]), None);
}

#[test]
fn a_message_to_a_node_goes_by_the_same() {
    let settings: &[_] = &[
        ("general", "transport", "tls"),
        ("general", "connection", "lan"),
    ];
    let cluster = cluster(&[settings, SETTINGS]);
    let message = [
        ("callto", ELSEWHERE),
        ("connection_id", "general"),
        ("ip_transport", "UDP"),
    ];
    let decided = decide(&cluster, Kind::Message, &message);
    assert_eq!(decided.action, Action::Send);
    assert_eq!(decided.value("ip_transport"), Some("TLS"));
    assert_eq!(decided.value("connection_id"), Some("lan"));
}

#[test]
fn the_way_is_explained_and_counted() {
    let cluster = registered(&[&[("general", "transport", "tcp")], SETTINGS]);
    let explained = |target: &str| command::run(&cluster, format!("where {target}").as_bytes());
    let here = explained(HERE).expect("it is a command");
    assert!(
        here.contains(&format!(
            "over the connection of its registration, '{CONNECTION}'"
        )),
        "{here}"
    );
    let elsewhere = explained(ELSEWHERE).expect("it is a command");
    assert!(
        elsewhere.contains("The call is sent over tcp"),
        "{elsewhere}"
    );
    let counts = status::params(&cluster);
    assert!(counts.contains(",connections=1,"), "{counts}");
}
