// SPDX-License-Identifier: GPL-2.0-or-later
//! Calls and registrations on their way past the module's other handlers, by the messages that an engine sends.

use std::sync::mpsc::channel;
use std::thread;

use engine_bridge::Message;

use crate::lab::{GENERAL, Lab, PATIENCE, execute, text};

const NODES: &str = "[node node1]\n[node node2]\n[health]\ninterval=0\n";
const TRUSTED: &str = "[security]\ntrusted=192.0.2.0/24\n";

#[test]
fn a_call_that_begins_here_has_the_nodes_name_in_its_billid() {
    let lab = Lab::with(&format!("{GENERAL}{NODES}"));
    let call = Message::new("call.preroute").with("billid", "1795766513-2");
    assert_eq!(
        text(lab.engine.dispatch(&call).get("billid")),
        "node1-1795766513-2"
    );
}

#[test]
fn the_end_of_a_registration_names_the_stored_location_and_the_node() {
    let lab = Lab::with(GENERAL);
    let end = Message::new("user.unregister").with("data", "sip/sip:bob@192.0.2.9:40001");
    let end = lab.engine.dispatch(&end);
    assert_eq!(
        text(end.get("data")),
        "cluster/node1/sip/sip:bob@192.0.2.9:40001"
    );
    assert_eq!(text(end.get("nodename")), "node1");
}

#[test]
fn a_target_that_another_module_brings_late_reaches_its_node() {
    let lab = Lab::with(GENERAL);
    let _late = lab.engine.handle("call.execute", 75, |call| {
        if call.get("callto").as_deref() == Some(b"lateroute/bob") {
            call.set("callto", "cluster/node2/sip/sip:bob@192.0.2.9");
        }
        false
    });
    assert_eq!(lab.target("lateroute/bob"), "sip/sip:4021@node2.lab");
}

#[test]
fn a_call_whose_caller_hangs_up_while_its_node_is_looked_for_goes_nowhere() {
    let lab = Lab::with(GENERAL);
    let (enter, entered) = channel();
    let (let_go, wait) = channel::<()>();
    let wait = std::sync::Mutex::new(wait);
    let _lookup = lab.engine.handle("cluster.locate", 50, move |call| {
        let _ = enter.send(());
        let _ = wait.lock().expect("one at a time").recv_timeout(PATIENCE);
        call.set_retval("node2");
        true
    });
    thread::scope(|scope| {
        let call = scope.spawn(|| {
            let call = execute("cluster/*/conf/7").with("id", "sip/7");
            lab.engine.dispatch(&call)
        });
        entered.recv_timeout(PATIENCE).expect("it is looked for");
        drop(
            lab.engine
                .dispatch(&Message::new("chan.hangup").with("id", "sip/7")),
        );
        let_go.send(()).expect("it waits");
        let call = call.join().expect("it ends");
        assert_eq!(text(call.get("callto")), "cluster/*/conf/7");
        assert_ne!(text(call.get("error")), "");
    });
}

#[test]
fn a_call_from_another_node_ends_by_the_phones_own_code() {
    let lab = Lab::with(&format!("{GENERAL}{TRUSTED}"));
    let call = Message::new("call.route")
        .with("id", "sip/8")
        .with("called", "cluster/")
        .with("ip_host", "192.0.2.2")
        .with("sip_x-callto", "sip/sip:bob@192.0.2.9")
        .with("sip_x-nodename", "node2");
    assert!(lab.engine.dispatch(&call).handled);
    let reason = |channel: &str| {
        let end = Message::new("chan.disconnected")
            .with("id", channel)
            .with("reason", "noconn")
            .with("cause_sip", "302")
            .with("reason_sip", "Moved Temporarily");
        text(lab.engine.dispatch(&end).get("reason"))
    };
    assert_eq!(reason("sip/8"), "302");
    assert_eq!(reason("sip/9"), "noconn", "a call of this node's own");
}
