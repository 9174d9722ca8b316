// SPDX-License-Identifier: GPL-2.0-or-later
//! Events that may happen while a call waits for its node to be located.

use std::sync::Mutex;
use std::sync::mpsc::{Receiver, Sender, channel};
use std::thread::{self, Scope, ScopedJoinHandle};
use std::time::Duration;

use engine_bridge::{Handler, is_mapped, module_path};

use crate::lab::{GENERAL, Lab, MODULE, PATIENCE, execute, text};

/// A handler of `cluster.locate` that reports when it is entered, and answers `node2` when it is let go.
struct Gate {
    entered: Receiver<()>,
    let_go: Sender<()>,
    _handler: Handler,
}

impl Gate {
    fn new(lab: &Lab) -> Self {
        let (enter, entered) = channel();
        let (let_go, wait) = channel::<()>();
        let wait = Mutex::new(wait);
        let handler = lab.engine.handle("cluster.locate", 50, move |call| {
            let _ = enter.send(());
            let wait = wait.lock().expect("one lookup at a time");
            let released = wait.recv_timeout(PATIENCE).is_ok();
            call.set_retval(if released { "node2" } else { "-" });
            true
        });
        Self {
            entered,
            let_go,
            _handler: handler,
        }
    }

    /// Begins a call, and returns when it waits for its node; its thread gives the target that it got.
    fn waiting_call<'scope>(
        &self,
        scope: &'scope Scope<'scope, '_>,
        lab: &'scope Lab,
    ) -> ScopedJoinHandle<'scope, String> {
        let call = scope.spawn(|| lab.target("cluster/*/conf/7"));
        self.entered
            .recv_timeout(PATIENCE)
            .expect("it is looked up");
        call
    }
}

#[test]
fn unload_is_refused_while_a_call_waits_for_its_node_and_the_call_ends_right() {
    let lab = Lab::with(GENERAL);
    let gate = Gate::new(&lab);
    thread::scope(|scope| {
        let call = gate.waiting_call(scope, &lab);
        drop(lab.engine.take_log());
        let answer = lab.engine.command("module unload clustering");
        assert!(
            text(answer.as_deref())
                .to_lowercase()
                .contains("not unload"),
            "{answer:?}"
        );
        assert!(lab.engine.is_loaded(MODULE));
        let log = lab.engine.take_log().join("\n");
        assert!(
            log.contains("Unload refused: 1 calls or messages wait"),
            "{log}"
        );
        assert_eq!(lab.register(), "cluster/node1/sip/bob@lab", "it serves on");
        gate.let_go.send(()).expect("the lookup waits");
        let target = call.join().expect("the call ends");
        assert_eq!(target, "sip/sip:4021@node2.lab");
    });
    assert!(lab.engine.unload(MODULE), "later it works");
    assert!(!is_mapped("clustering.yate"));
    assert!(lab.engine.load(&module_path(), MODULE));
}

#[test]
fn unload_waits_for_a_lookup_that_is_about_to_end() {
    let lab = Lab::with(GENERAL);
    let gate = Gate::new(&lab);
    thread::scope(|scope| {
        let call = gate.waiting_call(scope, &lab);
        scope.spawn(|| {
            thread::sleep(Duration::from_millis(100));
            gate.let_go.send(()).expect("the lookup waits");
        });
        assert!(lab.engine.unload(MODULE));
        assert!(!is_mapped("clustering.yate"));
        let target = call.join().expect("the call ends");
        assert_eq!(target, "sip/sip:4021@node2.lab");
    });
    assert!(lab.engine.load(&module_path(), MODULE));
}

/// Has a handler of `cluster.locate` do `what` in the middle of a call, on the call's own thread; gives the
/// result of `what`, and the target that the call got.
fn in_a_lookup<T: Send + 'static>(
    lab: &Lab,
    what: impl Fn() -> T + Send + Sync + 'static,
) -> (T, String) {
    let (say, said) = channel();
    let _handler = lab.engine.handle("cluster.locate", 50, move |call| {
        let _ = say.send(what());
        call.set_retval("node2");
        true
    });
    // Not a scoped thread: one that hangs must fail the test, not hang it.
    let engine = lab.engine;
    let (end, ended) = channel();
    thread::spawn(move || {
        let outcome = engine.dispatch(&execute("cluster/*/conf/7"));
        let _ = end.send(text(outcome.get("callto")));
    });
    let target = ended.recv_timeout(PATIENCE).expect("nothing hangs");
    (said.recv().expect("it was looked up"), target)
}

#[test]
fn reload_from_inside_a_lookup_neither_hangs_nor_is_lost() {
    let lab = Lab::with(GENERAL);
    let engine = lab.engine;
    let (known, target) = in_a_lookup(&lab, move || {
        let general = "[general]\nprefix=farm\nregexp=^host\ncallto=iax/\\0\n";
        engine.configure("clustering", general);
        engine.reload(Some(MODULE))
    });
    assert!(known);
    assert_eq!(
        target, "sip/sip:4021@node2.lab",
        "the call is decided by the settings that it was begun with"
    );
    assert_eq!(lab.register(), "farm/node1/sip/bob@lab");
    assert_eq!(lab.target("farm/host7/x"), "iax/host");
}

#[test]
fn reload_from_another_thread_does_not_wait_for_a_lookup() {
    let lab = Lab::with(GENERAL);
    let gate = Gate::new(&lab);
    thread::scope(|scope| {
        let call = gate.waiting_call(scope, &lab);
        lab.reload(&format!("{GENERAL}user.register=no\n"));
        assert_eq!(lab.register(), "sip/bob@lab");
        gate.let_go.send(()).expect("the lookup waits");
        let target = call.join().expect("the call ends");
        assert_eq!(target, "sip/sip:4021@node2.lab");
    });
}

#[test]
fn unload_from_inside_a_lookup_is_refused() {
    let lab = Lab::with(GENERAL);
    let engine = lab.engine;
    let (gone, target) = in_a_lookup(&lab, move || engine.unload(MODULE));
    assert!(!gone);
    assert_eq!(target, "sip/sip:4021@node2.lab");
    assert!(lab.engine.unload(MODULE), "later it works");
    assert!(lab.engine.load(&module_path(), MODULE));
}
