// SPDX-License-Identifier: GPL-2.0-or-later

//! The engine's reports of an OPTIONS request to a node.
//!
//! They decide the health of nodes.

use engine_process::Message;

use crate::lab::Lab;

/// An OPTIONS request to a node, after its dispatch.
fn probe(lab: &Lab, node: &str, transport: &str) -> Message {
    let probe = Message::new("xsip.generate")
        .with("method", "OPTIONS")
        .with("uri", &format!("sip:{}", lab.sip(node)))
        .with("ip_transport", transport)
        .with("sip_X-Probe", "yes")
        .with("xsip_trans_count", "2")
        .with("wait", "true");
    lab.node("node1").dispatch(&probe)
}

#[test]
#[ignore = "needs a real engine: YATE_ROOT"]
fn a_node_that_is_there_answers_with_headers() {
    let lab = Lab::of(2).start();
    let probed = probe(&lab, "node2", "udp");
    assert!(probed.handled);
    assert_eq!(probed.get("code"), "200", "{probed:?}");
    assert_eq!(probed.get("sip_X-Probe"), "", "{probed:?}");
    assert!(!probed.get("sip_server").is_empty(), "{probed:?}");
}

#[test]
#[ignore = "needs a real engine: YATE_ROOT"]
fn a_node_that_is_dead_makes_a_timeout_without_headers() {
    let lab = Lab::of(2).start();
    lab.node("node2").kill();
    let probed = probe(&lab, "node2", "udp");
    assert!(probed.handled);
    assert_eq!(probed.get("code"), "408", "{probed:?}");
    let mut names = probed.params.iter().map(|(name, _)| name);
    assert!(!names.any(|name| name.starts_with("sip_")), "{probed:?}");
}

#[test]
#[ignore = "needs a real engine: YATE_ROOT"]
fn a_connection_that_is_refused_leaves_no_code() {
    let lab = Lab::of(1).start();
    let probed = probe(&lab, "node2", "tcp");
    assert!(probed.handled);
    assert_eq!(probed.get("code"), "", "{probed:?}");
}
