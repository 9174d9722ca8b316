// SPDX-License-Identifier: GPL-2.0-or-later
//! Other modules beside this one: a stranger with Rust in it, and a second copy of its own.

use std::env;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;

use engine_bridge::{Message, engine_library, has_filters, is_mapped, module_path, real_engine};

use crate::lab::{GENERAL, Lab, MODULE, execute, text};
use crate::traffic::{Traffic, rounds, whole_or_untouched};

/// The stranger's name in the engine.
const OTHER: &str = "other";
/// The name of a second copy of the module.
const SECOND: &str = "clustering2";

/// The stranger's module, built for the engine that this test runs in.
fn other_module() -> &'static Path {
    static BUILT: OnceLock<PathBuf> = OnceLock::new();
    BUILT.get_or_init(|| {
        let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/other-module");
        let kind = if real_engine() { "yate" } else { "mock" };
        let build = Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("other-module-{kind}"));
        let engine = if real_engine() {
            let root = env::var("YATE_ROOT").expect("a real engine has a root");
            format!("-DYATE_ROOT={root}")
        } else {
            format!("-DMOCK_LIBRARY={}", engine_library().display())
        };
        let cmake = |arguments: &[&str]| {
            let output = Command::new("cmake").args(arguments).output();
            let output = output.expect("cmake is there, the module itself was built with it");
            let said = String::from_utf8_lossy(&output.stderr);
            assert!(output.status.success(), "cmake {arguments:?}: {said}");
        };
        let build_text = build.to_str().expect("a path in UTF-8");
        let source = source.to_str().expect("a path in UTF-8");
        cmake(&["-S", source, "-B", build_text, &engine]);
        cmake(&["--build", build_text]);
        build.join("other.yate")
    })
}

fn ask_other(lab: &Lab, question: &str) -> String {
    text(Some(&lab.engine.dispatch(&Message::new(question)).retval))
}

/// Both modules do their work.
fn assert_both_serve(lab: &Lab) {
    assert!(whole_or_untouched(lab));
    assert_ne!(ask_other(lab, "other.count"), "");
    assert_eq!(ask_other(lab, "other.panic"), "1", "its panics are its own");
    assert!(text(Some(&lab.engine.status(MODULE))).contains("panics=0"));
}

#[test]
fn another_module_with_rust_in_it_can_be_loaded_and_unloaded_in_any_order() {
    let lab = Lab::with(GENERAL);
    for _ in 0..rounds(10) {
        assert!(lab.engine.load(other_module(), OTHER), "after ours");
        assert_both_serve(&lab);
        assert!(lab.engine.unload(MODULE), "ours first");
        assert!(!is_mapped("clustering.yate"));
        assert_ne!(
            ask_other(&lab, "other.count"),
            "",
            "the other one serves on"
        );

        assert!(lab.engine.load(&module_path(), MODULE), "after the other");
        assert_both_serve(&lab);
        assert!(lab.engine.unload(OTHER), "the other one first");
        assert!(!is_mapped("other.yate"), "nothing of it is in use");
        assert_eq!(ask_other(&lab, "other.count"), "");
        assert!(whole_or_untouched(&lab), "ours serves on");
    }
}

#[test]
fn loading_any_other_module_reads_the_settings_again_under_traffic() {
    let lab = Lab::with(GENERAL);
    let callto = |host: &str| format!("[general]\nregexp=^node[0-9]\\+$\ncallto=sip/\\0.{host}\n");
    let reached = || {
        let target = lab.target("cluster/node2/x");
        let known = ["sip/sip:4021@node2.lab", "sip/node2.a", "sip/node2.b"];
        assert!(known.contains(&&*target), "{target}");
        true
    };
    Traffic::around(reached, |traffic| {
        for round in 0..rounds(100) {
            let host = if round % 2 == 0 { "a" } else { "b" };
            lab.engine.configure(MODULE, callto(host));
            assert!(lab.engine.load(other_module(), OTHER), "round {round}");
            let target = lab.target("cluster/node2/x");
            assert_eq!(target, format!("sip/node2.{host}"), "round {round}");
            traffic.flows();
            assert!(lab.engine.unload(OTHER), "round {round}");
            drop(lab.engine.take_log());
        }
    });
}

/// Both copies have the messages, one after the other. A message that the first has decided doesn't concern
/// the cluster any more, so the result is that of one module.
#[test]
fn second_copy_of_the_module_changes_no_result_and_either_can_go_first() {
    let lab = Lab::with(GENERAL);
    let copy = Path::new(env!("CARGO_TARGET_TMPDIR")).join("clustering2.yate");
    fs::copy(module_path(), &copy).expect("the module can be copied");
    for (first, last) in [(MODULE, SECOND), (SECOND, MODULE)] {
        let both = |lab: &Lab| {
            assert!(lab.engine.load(&copy, SECOND));
            assert!(is_mapped("clustering2.yate") && is_mapped("clustering.yate"));
            assert!(whole_or_untouched(lab));
            let outcome = lab.engine.dispatch(&execute("cluster/node2/x"));
            let sent = outcome
                .params
                .iter()
                .filter(|(name, _)| name == b"osip_x-callto");
            assert_eq!(sent.count(), 1);
            let record = lab.engine.dispatch(&Message::new("call.cdr"));
            assert_eq!(
                record.untraced(),
                [("nodename", "node1"), ("nodeprefix", "cluster/node1/")]
                    .map(|(name, value)| (name.into(), Some(value.into())))
            );
            let met = text(record.get("handlers"));
            assert!(
                !has_filters() || met == "clustering:25,clustering:25",
                "{met}"
            );
        };
        both(&lab);
        assert!(lab.engine.unload(first));
        assert!(!is_mapped(&format!("/{first}.yate")));
        assert!(whole_or_untouched(&lab), "the one that is left serves on");
        assert!(lab.engine.unload(last));
        assert!(!is_mapped(&format!("/{last}.yate")));
        assert!(!whole_or_untouched(&lab), "none is left");
        assert!(lab.engine.load(&module_path(), MODULE));
    }
}
