// SPDX-License-Identifier: GPL-2.0-or-later
//! Trust without a setting, in the engine: by addresses that the system's resolver finds.

use std::thread;
use std::time::{Duration, Instant};

use engine_bridge::{Message, Outcome};

use crate::lab::{Lab, MODULE, PATIENCE, text};

const GENERAL: &str = "[general]\nregexp=^node\\([0-9]\\)$\ncallto=sip/sip:cluster/@";

fn call(lab: &Lab, node: &str, address: &str) -> Outcome {
    let call = Message::new("call.route")
        .with("called", "cluster/")
        .with("ip_host", address)
        .with("sip_x-nodename", node)
        .with("sip_x-callto", "sip/sip:bob@192.0.2.9");
    lab.engine.dispatch(&call)
}

fn is_taken(outcome: &Outcome) -> bool {
    outcome.retval == b"sip/sip:bob@192.0.2.9"
}

fn is_refused(outcome: &Outcome) -> bool {
    outcome.retval == b"-" && text(outcome.get("error")) == "forbidden"
}

#[test]
fn literal_addresses_of_both_families_are_trusted_at_once() {
    let lab = Lab::with(&format!("{GENERAL}127.0.0.\\1\n"));
    assert!(is_taken(&call(&lab, "node2", "127.0.0.2")));
    assert!(is_refused(&call(&lab, "node2", "127.0.0.3")));
    lab.reload(&format!("{GENERAL}[2001:db8::\\1]\n"));
    assert!(is_taken(&call(&lab, "node2", "2001:db8::2")));
    assert!(is_refused(&call(&lab, "node2", "2001:db8::3")));
}

#[test]
fn the_name_of_a_section_is_looked_up_when_the_settings_are_loaded() {
    let lab = Lab::with(&format!(
        "{GENERAL}localhost\n[node node2]\n[health]\ninterval=0\n"
    ));
    let end = Instant::now() + PATIENCE;
    let where_to = || {
        let command = "clustering where cluster/node2/x";
        text(lab.engine.command(command).as_deref())
    };

    while !where_to().contains("Calls from it are trusted from 'localhost', by callto: 127.0.0.1") {
        assert!(Instant::now() < end, "{}", where_to());
        thread::sleep(Duration::from_millis(20));
    }
    assert!(is_taken(&call(&lab, "node2", "127.0.0.1")));
    assert!(is_refused(&call(&lab, "node2", "127.0.0.2")));
}

#[test]
fn the_name_of_any_other_node_is_looked_up_while_its_first_call_waits() {
    // The host is the same for all nodes, and none has a section.
    let lab = Lab::with(&format!("{GENERAL}localhost:506\\1\n"));
    assert!(is_taken(&call(&lab, "node3", "127.0.0.1")));
}

#[test]
fn a_name_that_is_none_keeps_its_call_waiting_for_two_seconds_at_most() {
    let lab = Lab::with(&format!("{GENERAL}\\0.nobody.test\n"));
    for node in ["node2", "node3"] {
        let begin = Instant::now();
        assert!(is_refused(&call(&lab, node, "127.0.0.1")));
        let waited = begin.elapsed();
        assert!(waited < Duration::from_secs(5), "{waited:?}");
    }
}

#[test]
fn the_module_is_unloaded_after_lookups_and_loaded_again() {
    let lab = Lab::with(&format!(
        "{GENERAL}localhost\n[node node2]\n[health]\ninterval=0\n"
    ));
    assert!(is_taken(&call(&lab, "node2", "127.0.0.1")));
    assert!(lab.engine.unload(MODULE), "it can be unloaded");
}
