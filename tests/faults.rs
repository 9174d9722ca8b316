// SPDX-License-Identifier: GPL-2.0-or-later

//! The core fails on purpose: at each function of the C ABI, and wherever it runs out of memory. That costs one
//! message, or one request of an operator, and nothing else.
//!
//! `scripts/faults` runs this with the needed flags, also against a module in an engine.
#![cfg_attr(oom_panics, feature(alloc_error_hook))]
#![allow(
    unsafe_code,
    reason = "the C ABI is called, and an allocator is made to fail"
)]

use std::alloc::{GlobalAlloc, Layout, System};
use std::mem::MaybeUninit;
use std::sync::Mutex;
use std::sync::atomic::{AtomicI64, Ordering::Relaxed};

use clustering::failure::fault;
use clustering::ffi::{
    CLUSTERING_NAME_COUNT, clustering_action, clustering_borrowed_text, clustering_check,
    clustering_command, clustering_command_line, clustering_command_query, clustering_complete,
    clustering_concerns, clustering_connections, clustering_core, clustering_decide,
    clustering_enabled, clustering_free, clustering_help, clustering_kind, clustering_load,
    clustering_message, clustering_new, clustering_next_lookup, clustering_next_task,
    clustering_owned_text, clustering_owned_text_free, clustering_priority,
    clustering_probe_report, clustering_probed, clustering_reply, clustering_resolved,
    clustering_resolving, clustering_restore, clustering_restore_connections, clustering_result,
    clustering_resume, clustering_setting, clustering_state, clustering_status,
    clustering_status_nodes, clustering_task, clustering_task_free, clustering_tick,
    clustering_verdict, clustering_verdict_line, clustering_verdict_release,
};
use clustering::messages::Name;

use clustering_action::{
    CLUSTERING_ACTION_CHANGE, CLUSTERING_ACTION_LOCATE, CLUSTERING_ACTION_PASS,
};
use clustering_kind::{
    CLUSTERING_KIND_EXECUTE, CLUSTERING_KIND_REGISTER, CLUSTERING_KIND_UNREGISTER,
};
use clustering_result::{CLUSTERING_RESULT_OK, CLUSTERING_RESULT_PANIC};

/// Fails one allocation, as often as a test wants.
struct Failing;

/// The number of allocations that still succeed; negative for all.
static LEFT: AtomicI64 = AtomicI64::new(-1);

#[global_allocator]
static ALLOCATOR: Failing = Failing;

// SAFETY: it's the system's allocator, which may return NULL, too.
unsafe impl GlobalAlloc for Failing {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        if LEFT.load(Relaxed) >= 0 && LEFT.fetch_sub(1, Relaxed) == 0 {
            return std::ptr::null_mut();
        }
        // SAFETY: as this function's caller promises.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, ptr: *mut u8, layout: Layout) {
        // SAFETY: as this function's caller promises.
        unsafe { System.dealloc(ptr, layout) }
    }
}

/// Faults hit the whole process, so one test at a time.
static ALONE: Mutex<()> = Mutex::new(());

fn bytes(text: &'static str) -> clustering_borrowed_text {
    clustering_borrowed_text {
        ptr: text.as_ptr(),
        len: text.len(),
    }
}

const SETTINGS: [(&str, &str, &str); 6] = [
    ("general", "regexp", "^node[0-9]$"),
    ("general", "callto", "sip/sip:cluster/@\\0.example.net"),
    ("security", "secret", "a secret of at least sixteen bytes"),
    ("node node1", "weight", "100"),
    ("node node2", "weight", "100"),
    ("health", "interval", "1"),
];

/// Frees a text of the core's.
///
/// # Safety
///
/// `text` came from the core and was not freed.
unsafe fn free(mut text: clustering_owned_text) {
    // SAFETY: promised by the caller.
    unsafe { clustering_owned_text_free(&raw mut text) };
    assert!(text.ptr.is_null() && text.len == 0);
}

/// A node, by way of the C ABI.
struct Node(*mut clustering_core);

impl Node {
    fn new() -> Self {
        // SAFETY: the text is static.
        let node = Self(unsafe { clustering_new(bytes("node1"), 7) });
        assert!(!node.0.is_null());
        assert_eq!(node.load(), CLUSTERING_RESULT_OK);
        node
    }

    fn load(&self) -> clustering_result {
        let settings = SETTINGS.map(|(section, key, value)| clustering_setting {
            section: bytes(section),
            key: bytes(key),
            value: bytes(value),
        });
        let (file, text) = (bytes("clustering.conf"), bytes("[general]\n"));
        let mut errors = MaybeUninit::<clustering_owned_text>::uninit();
        // SAFETY: all arguments outlive the call; `errors` is written by it.
        unsafe {
            let count = settings.len();
            let result = clustering_load(
                self.0,
                file,
                text,
                settings.as_ptr(),
                count,
                errors.as_mut_ptr(),
            );
            free(errors.assume_init());
            result
        }
    }

    /// Decides a message, and leaves it at that.
    fn tell(&self, kind: clustering_kind, params: &[(Name, &'static str)]) {
        let mut known = [bytes(""); CLUSTERING_NAME_COUNT];
        let mut present = 0;
        for (name, value) in params {
            known[*name as usize] = bytes(value);
            present |= 1 << (*name as u32);
        }
        let message = clustering_message {
            known: known.as_ptr(),
            present,
            repeated: 0,
            params: std::ptr::null(),
            count: 0,
            complete: true,
            made: 1_000_000,
            now: 1_000_000,
        };
        let mut verdict = MaybeUninit::<clustering_verdict>::uninit();
        // SAFETY: the message outlives the verdict, which is made and then released.
        unsafe {
            let place = verdict.as_mut_ptr();
            clustering_decide(self.0, kind as u32, &raw const message, place);
            clustering_verdict_release(place);
        }
    }

    /// A phone registers over a connection.
    fn register(&self, connection: &'static str) {
        let registration = [
            (Name::Data, "sip/sip:bob@192.0.2.9"),
            (Name::Username, "bob"),
            (Name::ConnectionId, connection),
            (Name::InTransport, "TCP"),
            (Name::Expires, "600"),
        ];
        self.tell(CLUSTERING_KIND_REGISTER, &registration);
    }

    /// Places a call, all the way through a locate if need be; gives the last result and action.
    fn call(&self, callto: &'static str) -> (clustering_result, clustering_action) {
        let mut known = [bytes(""); CLUSTERING_NAME_COUNT];
        known[Name::Callto as usize] = bytes(callto);
        let message = clustering_message {
            known: known.as_ptr(),
            present: 1 << (Name::Callto as u32),
            repeated: 0,
            params: std::ptr::null(),
            count: 0,
            complete: true,
            made: 1_000_000,
            now: 1_000_000,
        };
        let mut first = MaybeUninit::<clustering_verdict>::uninit();
        let mut second = MaybeUninit::<clustering_verdict>::uninit();
        // SAFETY: the message outlives the verdicts, each of which is made before it is looked at and
        // released once, where it was made.
        unsafe {
            let kind = CLUSTERING_KIND_EXECUTE as u32;
            let mut result =
                clustering_decide(self.0, kind, &raw const message, first.as_mut_ptr());
            let mut action = (*first.as_ptr()).action;
            if action == CLUSTERING_ACTION_LOCATE {
                let reply = clustering_reply {
                    no_thread: false,
                    timed_out: false,
                    handled: true,
                    has_error: false,
                    retval: bytes("node2"),
                    error: bytes(""),
                    reason: bytes(""),
                    rows: std::ptr::null(),
                    row_count: 0,
                };
                let (pending, place) = (first.as_ptr(), second.as_mut_ptr());
                result =
                    clustering_resume(self.0, pending, &raw const message, &raw const reply, place);
                action = (*place).action;
                free(clustering_verdict_line(place));
                clustering_verdict_release(place);
            }
            free(clustering_verdict_line(first.as_ptr()));
            clustering_verdict_release(first.as_mut_ptr());
            (result, action)
        }
    }

    /// Does all that an operator and the engine's timer may bring about, with the clock at `now`.
    fn operate(&self, now: u64) {
        let mut text = MaybeUninit::<clustering_owned_text>::uninit();
        let mut task = MaybeUninit::<clustering_task>::uninit();
        // SAFETY: the node lives; each text is made before it is freed, once, and so is each task.
        unsafe {
            clustering_tick(self.0, now);
            while clustering_next_task(self.0, task.as_mut_ptr()) {
                let mut task = task.assume_init_read();
                let node = clustering_borrowed_text {
                    ptr: task.node.ptr,
                    len: task.node.len,
                };
                let report = clustering_probe_report {
                    no_thread: false,
                    handled: true,
                    has_error: false,
                    has_headers: true,
                    code: 200,
                    retry_after: bytes("30"),
                };
                clustering_probed(self.0, node, task.number, &raw const report, now + 1000);
                clustering_task_free(&raw mut task);
                assert!(task.node.ptr.is_null() && task.text.ptr.is_null());
            }
            while clustering_next_lookup(self.0, text.as_mut_ptr()) {
                let name = text.assume_init_read();
                let borrowed = clustering_borrowed_text {
                    ptr: name.ptr,
                    len: name.len,
                };
                let address = bytes("192.0.2.2");
                clustering_resolving(self.0, borrowed);
                clustering_resolved(self.0, borrowed, 0, &raw const address, 1, now);
                free(name);
            }
            for line in [
                "nodes",
                "drain node2",
                "enable node2",
                "where cluster/*/x",
                "metrics",
            ] {
                // The query is asked for before there is a reply.
                let mut command = clustering_command_line {
                    line: bytes(line),
                    from: bytes(""),
                    now,
                    reply: std::ptr::dangling(),
                };
                let (account, query) = (std::ptr::null_mut(), text.as_mut_ptr());
                clustering_command_query(
                    self.0,
                    &raw const command,
                    account,
                    query,
                    std::ptr::null_mut(),
                );
                free(text.assume_init_read());
                command.reply = std::ptr::null();
                clustering_command(self.0, &raw const command, text.as_mut_ptr());
                free(text.assume_init_read());
            }
            let state = clustering_state(self.0);
            let kept = clustering_borrowed_text {
                ptr: state.ptr,
                len: state.len,
            };
            clustering_restore(self.0, kept, text.as_mut_ptr());
            free(text.assume_init_read());
            let run = bytes("7");
            for connection in ["tcp:1", "tcp:2"] {
                self.register(connection);
            }
            let connections = clustering_connections(self.0, run);
            let kept = clustering_borrowed_text {
                ptr: connections.ptr,
                len: connections.len,
            };
            clustering_restore_connections(self.0, kept, run, now, text.as_mut_ptr());
            free(text.assume_init_read());
            let broken = [(Name::InConnectionId, "tcp:2")];
            self.tell(CLUSTERING_KIND_UNREGISTER, &broken);
            for made in [
                state,
                connections,
                clustering_complete(self.0, bytes("drain")),
                clustering_check(self.0, bytes("c.conf"), bytes("[a"), std::ptr::null(), 0),
                clustering_status(self.0),
                clustering_status_nodes(self.0),
                clustering_help(),
            ] {
                free(made);
            }
        }
    }

    fn status(&self) -> String {
        // SAFETY: the text is valid until it is freed.
        unsafe {
            let text = clustering_status(self.0);
            let bytes = if text.ptr.is_null() {
                &[]
            } else {
                std::slice::from_raw_parts(text.ptr, text.len)
            };
            let copy = String::from_utf8(bytes.to_vec()).unwrap();
            free(text);
            copy
        }
    }

    fn panics(&self) -> u64 {
        let status = self.status();
        let (_, count) = status.rsplit_once("panics=").unwrap();
        count.parse().unwrap()
    }

    /// Checks that everything works as before.
    fn assert_sound(&self) {
        assert_eq!(self.load(), CLUSTERING_RESULT_OK);
        for callto in ["cluster/node1/x", "cluster/node2/x", "cluster/*/x"] {
            assert_eq!(
                self.call(callto),
                (CLUSTERING_RESULT_OK, CLUSTERING_ACTION_CHANGE),
                "{callto}"
            );
        }
        assert_eq!(
            self.call("sip/x"),
            (CLUSTERING_RESULT_OK, CLUSTERING_ACTION_PASS)
        );
    }
}

impl Drop for Node {
    fn drop(&mut self) {
        // SAFETY: made by `new`, used no more.
        unsafe { clustering_free(&raw mut self.0) };
        assert!(self.0.is_null());
    }
}

#[test]
fn a_panic_at_any_entry_changes_nothing_and_poisons_nothing() {
    let _alone = ALONE.lock().unwrap();
    let node = Node::new();
    for first in 1..=8 {
        fault::every(first);
        let (result, action) = node.call("cluster/*/x");
        let loaded = node.load();
        // SAFETY: the node lives, no message is given.
        unsafe {
            let enabled = clustering_enabled(node.0);
            let priority = clustering_priority(node.0, CLUSTERING_KIND_EXECUTE as u32);
            assert!(first > 1 || (!enabled && priority == 0));
            assert!(!clustering_concerns(node.0, 1, std::ptr::null()));
        }
        let _ = node.status();
        node.operate(first * 2_000_000);
        fault::every(0);
        assert!(
            result == CLUSTERING_RESULT_OK || action == CLUSTERING_ACTION_PASS,
            "{result:?} {action:?}"
        );
        assert!([CLUSTERING_RESULT_OK, CLUSTERING_RESULT_PANIC].contains(&loaded));
        node.assert_sound();
    }
    assert!(node.panics() > 0);
    fault::every(1);
    // SAFETY: the text is static.
    assert!(unsafe { clustering_new(bytes("node1"), 7) }.is_null());
    fault::every(0);
}

#[test]
fn a_panic_is_logged_once_an_interval_and_counted_each_time() {
    let _alone = ALONE.lock().unwrap();
    let node = Node::new();
    let mut logged = 0;
    fault::every(1);
    for _ in 0..5 {
        let message = clustering_message {
            known: std::ptr::null(),
            present: 0,
            repeated: 0,
            params: std::ptr::null(),
            count: 0,
            complete: true,
            made: 1_000_000,
            now: 1_000_000,
        };
        let mut verdict = MaybeUninit::<clustering_verdict>::uninit();
        let kind = CLUSTERING_KIND_EXECUTE as u32;
        // SAFETY: the verdict is made, looked at, and then released once.
        unsafe {
            let place = verdict.as_mut_ptr();
            let result = clustering_decide(node.0, kind, &raw const message, place);
            assert_eq!(result, CLUSTERING_RESULT_PANIC);
            logged += u32::from((*place).level != 0);
            fault::every(0);
            clustering_verdict_release(place);
            fault::every(1);
        }
    }
    fault::every(0);
    assert_eq!((logged, node.panics()), (1, 5));
}

#[cfg(oom_panics)]
#[test]
fn running_out_of_memory_at_any_allocation_costs_one_message() {
    std::alloc::set_alloc_error_hook(|layout| panic!("no memory for {} bytes", layout.size()));
    let _alone = ALONE.lock().unwrap();
    let node = Node::new();
    let mut failures = 0;
    // Up to the one that no step has.
    for allocation in 0.. {
        // Sound settings first, then each step with one allocation that fails.
        LEFT.store(allocation, Relaxed);
        let loaded = node.load();
        let mut has_failed = LEFT.swap(-1, Relaxed) < 0;
        LEFT.store(allocation, Relaxed);
        node.operate(2_000_000 * u64::try_from(allocation).unwrap_or_default());
        has_failed |= LEFT.swap(-1, Relaxed) < 0;
        assert!(
            [CLUSTERING_RESULT_OK, CLUSTERING_RESULT_PANIC].contains(&loaded),
            "{loaded:?}"
        );
        node.assert_sound();
        for callto in [
            "cluster/node2/x",
            "cluster/*/x",
            "cluster/nowhere/x",
            "cluster/node1/x",
        ] {
            assert_eq!(node.load(), CLUSTERING_RESULT_OK);
            LEFT.store(allocation, Relaxed);
            let (result, action) = node.call(callto);
            has_failed |= LEFT.swap(-1, Relaxed) < 0;
            assert!(
                result == CLUSTERING_RESULT_OK || action == CLUSTERING_ACTION_PASS,
                "{result:?} {action:?}"
            );
            failures += u32::from(result == CLUSTERING_RESULT_PANIC);
            node.assert_sound();
        }
        failures += u32::from(loaded == CLUSTERING_RESULT_PANIC);
        if !has_failed {
            println!("{allocation} allocations at most, {failures} failures");
            break;
        }
    }
    assert!(failures > 10, "only {failures} allocations failed");
}
