// SPDX-License-Identifier: GPL-2.0-or-later

//! A module whose core fails again and again, in an engine that goes on. `scripts/faults` builds such a
//! module, sets the rate of its failures, and runs this alone, since the module has the whole engine.

use std::env;

use engine_bridge::{Message, Setup, engine, module_path};

const SETTINGS: &str = "[general]\nregexp=^node[0-9]$\ncallto=sip/sip:cluster/@\\0.lab\n";

#[test]
#[ignore = "needs a core that fails: make faults"]
fn each_message_is_treated_or_passes_unchanged_and_failures_are_logged_once_and_counted() {
    env::var_os("CLUSTERING_FAULT").expect("CLUSTERING_FAULT says how often it fails");
    let module = env::current_dir()
        .expect("there is a directory")
        .join(module_path());
    let files = vec![("clustering".into(), SETTINGS.into())];
    let engine = engine(&Setup {
        files,
        modules: vec![module],
        ..Setup::default()
    });
    // A reload may fail as well; then the current settings stay in force.
    while !String::from_utf8_lossy(&engine.status("clustering")).contains("enabled=true") {
        assert!(engine.reload(Some("clustering")));
    }
    let _ = engine.take_log();
    let (mut treated, mut untouched) = (0, 0);
    for _ in 0..500 {
        let call = Message::new("call.execute").with("callto", "cluster/node1/park/1");
        match engine.dispatch(&call).get("callto") {
            Some(b"park/1") => treated += 1,
            Some(b"cluster/node1/park/1") => untouched += 1,
            other => panic!("half a change: {other:?}"),
        }
        let phone = Message::new("user.register").with("data", "sip/sip:bob@lab");
        match engine.dispatch(&phone).get("data") {
            Some(b"cluster/node1/sip/sip:bob@lab") => treated += 1,
            Some(b"sip/sip:bob@lab") => untouched += 1,
            other => panic!("half a change: {other:?}"),
        }
    }
    assert!(
        treated > 0 && untouched > 0,
        "{treated} treated, {untouched} untouched"
    );
    let log = engine.take_log();
    let said = log
        .iter()
        .filter(|line| line.contains("A message passes unchanged"))
        .count();
    assert!(said <= 2, "{log:#?}");
    // The status may fail, too, and is then shorter. Messages between, now more, now less, move the next failure.
    let panics = (0..20).find_map(|round| {
        for _ in 0..round % 3 {
            let _ = engine.dispatch(&Message::new("call.execute").with("callto", "sip/x"));
        }
        let status = String::from_utf8(engine.status("clustering")).expect("it is ASCII");
        let (_, panics) = status.split_once("panics=")?;
        panics
            .trim_end()
            .split([';', ','])
            .next()?
            .parse::<u32>()
            .ok()
    });
    assert!(panics.is_some_and(|panics| panics > 0), "{panics:?}");
}
