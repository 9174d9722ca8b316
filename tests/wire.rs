// SPDX-License-Identifier: GPL-2.0-or-later

//! The parts of the mock's wire that no engine has: phones that answer as a test wants them to, and commands
//! that let them in. The facts cover the common parts.

use std::sync::OnceLock;

use engine_bridge::{Engine, Message, Setup, engine, real_engine};
use engine_process::eventually;
use tempfile::TempDir;

/// An engine with a wire.
fn wired() -> &'static Engine {
    static DIRECTORY: OnceLock<TempDir> = OnceLock::new();
    assert!(!real_engine(), "it takes the mock");
    let directory = DIRECTORY.get_or_init(|| TempDir::new().expect("there is room"));
    let mock = format!(
        "[wire]\ndirectory={}\naddress=192.0.2.11\ntimeout=150\ngenerate=yes\noptions=503\n\
         [phones]\n10.0.0.9=\n10.0.0.8=486\n10.0.0.7=never\n",
        directory.path().display()
    );
    let setup = Setup {
        files: vec![("yate-mock".into(), mock)],
        modules: Vec::new(),
        ..Setup::default()
    };
    engine(&setup)
}

fn command(engine: &Engine, line: &str) -> String {
    let answer = engine.command(line).expect("the command is known");
    String::from_utf8(answer)
        .expect("it is ASCII")
        .trim_end()
        .to_owned()
}

#[test]
fn options_are_answered_as_the_settings_say() {
    let engine = wired();
    for (host, code) in [
        ("10.0.0.9", "200"),
        ("10.0.0.8", "486"),
        ("10.0.0.7", "408"),
        ("node1", "503"),
    ] {
        let options = Message::new("xsip.generate")
            .with("method", "OPTIONS")
            .with("uri", format!("sip:{host}"))
            .with("wait", "true");
        let outcome = engine.dispatch(&options);
        assert!(outcome.handled, "{host}");
        assert_eq!(outcome.get("code"), Some(code.as_bytes()), "{host}");
        let silent = code == "408";
        assert_eq!(outcome.get("sip_server").is_none(), silent, "{host}");
    }
}

#[test]
fn a_call_ends_as_its_phone_answers() {
    let engine = wired();
    for (user, host, heard) in [
        ("idle", "10.0.0.9", "accepted"),
        ("busy", "10.0.0.8", "error=busy reason='Busy Here'"),
        (
            "away",
            "10.0.0.7",
            "error=noconn reason='Service Unavailable'",
        ),
    ] {
        let registered = command(engine, &format!("register {user} sip:{user}@{host}"));
        assert_eq!(registered, "code=200");
        assert_eq!(command(engine, &format!("call alice {user}")), heard);
    }
    let message = "message alice idle How are you?";
    assert_eq!(command(engine, message), "code=200");
    assert_eq!(command(engine, "message alice nobody Hello"), "code=405");
}

#[test]
fn a_registration_goes_with_its_user_or_its_connection() {
    let engine = wired();
    let gone = "error=noroute reason='No route to call target'";
    let register = "register bob sip:bob@10.0.0.9 tcp7";
    assert_eq!(command(engine, register), "code=200");
    assert_eq!(command(engine, "call alice bob"), "accepted");
    assert_eq!(
        command(engine, "unregister bob sip:bob@10.0.0.9 tcp7"),
        "code=200"
    );
    assert_eq!(command(engine, "call alice bob"), gone);
    assert_eq!(command(engine, register), "code=200");
    assert_eq!(command(engine, "disconnect tcp7"), "disconnected");
    let is_gone = || command(engine, "call alice bob") == gone;
    eventually(is_gone, || "bob is still there".to_owned());
}
