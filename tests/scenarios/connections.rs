// SPDX-License-Identifier: GPL-2.0-or-later
//! A phone's connection, from its registration to a call, in a running engine.

use engine_bridge::{Message, module_path};

use crate::lab::{GENERAL, Lab, MODULE, execute, text};

const CONNECTION: &str = "tcp:192.0.2.11:5060-10.0.0.9:40000";
const LOCATION: &str = "sip/sip:bob@10.0.0.9:5060;transport=tcp";

/// The SIP channel's report of a registration over TCP.
fn registration() -> Message {
    Message::new("user.register")
        .with("sip_callid", "bob@10.0.0.9")
        .with("expires", "600")
        .with("username", "bob")
        .with("driver", "sip")
        .with("data", LOCATION)
        .with("ip_host", "10.0.0.9")
        .with("ip_port", "40000")
        .with("ip_transport", "TCP")
        .with("connection_id", CONNECTION)
        .with("connection_reliable", "true")
        .with("route_params", "oconnection_id")
        .with("oconnection_id", CONNECTION)
}

/// The connection that a call to the location goes over.
fn of_call(lab: &Lab) -> String {
    let call = execute(format!("cluster/node1/{LOCATION}"));
    let outcome = lab.engine.dispatch(&call);
    assert_eq!(text(outcome.get("callto")), LOCATION);
    text(outcome.get("oconnection_id"))
}

#[test]
fn a_connection_is_remembered_over_reloads_and_loads_until_it_breaks() {
    let lab = Lab::with(GENERAL);
    assert_eq!(of_call(&lab), "");
    let _ = lab.engine.dispatch(&registration());
    assert_eq!(of_call(&lab), CONNECTION);
    lab.reload(GENERAL);
    assert_eq!(of_call(&lab), CONNECTION);
    for _ in 0..2 {
        assert!(lab.engine.unload(MODULE), "nobody waits");
        assert!(
            lab.engine.load(&module_path(), MODULE),
            "the module is loaded"
        );
        lab.reload(GENERAL);
        assert_eq!(of_call(&lab), CONNECTION);
        let kept = lab.engine.configuration("clustering_connections");
        assert!(!kept.exists(), "it is of use only once");
    }
    let broken = Message::new("user.unregister").with("connection_id", CONNECTION);
    let _ = lab.engine.dispatch(&broken);
    assert_eq!(of_call(&lab), "");
}

#[test]
fn a_damaged_note_of_connections_is_ignored_with_a_warning() {
    let lab = Lab::with(GENERAL);
    assert!(lab.engine.unload(MODULE), "nobody waits");
    lab.engine.configure("clustering_connections", "[nodes]\n");
    let _ = lab.engine.take_log();
    assert!(
        lab.engine.load(&module_path(), MODULE),
        "the module is loaded"
    );
    let log = lab.engine.take_log().join("\n");
    let warning =
        "so phones on TCP may not be reached for a while: its beginning or its end is missing";
    assert!(log.contains(warning), "{log}");
    assert_eq!(of_call(&lab), "");
}

#[test]
fn a_call_of_another_node_goes_over_the_connection() {
    let lab = Lab::with(&format!("{GENERAL}[security]\ntrusted=192.0.2.0/24\n"));
    let _ = lab.engine.dispatch(&registration());
    let call = Message::new("call.route")
        .with("called", "cluster/")
        .with("ip_host", "192.0.2.2")
        .with("sip_x-callto", LOCATION)
        .with("sip_x-nodename", "node2");
    let outcome = lab.engine.dispatch(&call);
    assert_eq!(text(Some(&outcome.retval)), LOCATION);
    assert_eq!(text(outcome.get("oconnection_id")), CONNECTION);
    let _ = lab.engine.dispatch(
        &Message::new("user.unregister")
            .with("data", LOCATION)
            .with("username", "bob"),
    );
    let outcome = lab.engine.dispatch(&call);
    assert_eq!(text(outcome.get("oconnection_id")), "");
}
