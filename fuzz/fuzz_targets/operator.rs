// SPDX-License-Identifier: GPL-2.0-or-later

//! The C ABI besides messages, by any sequence of calls: commands, status, probes and their answers, and the
//! state that is kept over a restart.
#![no_main]
#![allow(unsafe_code, reason = "the C ABI takes pointers")]

use std::mem::MaybeUninit;
use std::ptr;

use arbitrary::Arbitrary;
use clustering::ffi::{
    CLUSTERING_KIND_COUNT, clustering_check, clustering_command, clustering_command_line,
    clustering_command_query, clustering_complete, clustering_connections, clustering_decide,
    clustering_load, clustering_new, clustering_next_lookup, clustering_next_task,
    clustering_not_loaded, clustering_probed, clustering_resolved, clustering_resolving,
    clustering_restore, clustering_restore_connections, clustering_result, clustering_state,
    clustering_status, clustering_status_nodes, clustering_tick, clustering_verdict_release,
};
use clustering::time::{MessageTimes, WallTime};
use clustering_fuzz::host::{Empty, Message, bytes, take};
use clustering_fuzz::operate::{Operator, settings};
use clustering_fuzz::{File, Params, Text};
use libfuzzer_sys::fuzz_target;

#[derive(Arbitrary, Debug)]
struct Input {
    node: Text,
    calls: Vec<Call>,
}

#[derive(Arbitrary, Debug)]
enum Call {
    Load(File),
    Check(File, Empty),
    /// So much later.
    Tick(u16),
    /// One of the probes ends that were asked for, or one that never was.
    Probed {
        probe: u8,
        facts: u8,
        code: u32,
    },
    Resolve(u8, Vec<Text>),
    Queried {
        facts: u8,
        rows: Text,
    },
    Command(Text, Empty),
    Complete(Text, Empty),
    Status,
    /// The host ends and starts again.
    Restart,
    /// Another text is restored, instead of the kept one.
    Restore(Text, Empty),
    Message(u8, Params),
    /// All of it, without a node.
    Null,
}

struct Host {
    name: Vec<u8>,
    node: Operator,
    /// The settings in force are these.
    file: Option<File>,
}

fn start(name: &[u8]) -> Operator {
    // SAFETY: the name outlives the call, and the node its operator, who goes before it.
    unsafe {
        let core = clustering_new(bytes(name, Empty::Null), 1);
        assert!(!core.is_null());
        Operator::new(core)
    }
}

impl Host {
    fn new(name: Vec<u8>) -> Self {
        Self {
            node: start(&name),
            name,
            file: None,
        }
    }

    fn load(&mut self, file: File) {
        let settings = settings(&file, Empty::Dangling);
        // SAFETY: the settings outlive the call, and NULL says that no errors are wanted.
        let result = unsafe {
            let (name, count) = (bytes(b"clustering.conf", Empty::Null), settings.len());
            clustering_load(
                self.node.core(),
                name,
                bytes(b"", Empty::Null),
                settings.as_ptr(),
                count,
                ptr::null_mut(),
            )
        };
        match result {
            clustering_result::CLUSTERING_RESULT_OK => self.file = Some(file),
            refused => assert_eq!(refused, clustering_result::CLUSTERING_RESULT_BAD_SETTINGS),
        }
    }

    /// The admin states are the same after it.
    fn restart(&mut self) {
        let state = self.node.state();
        self.end();
        self.node = start(&self.name);
        if let Some(file) = self.file.take() {
            self.load(file);
        }
        assert!(
            self.node.restore(&state, Empty::Null),
            "{}",
            state.escape_ascii()
        );
        assert_eq!(self.node.state(), state);
    }

    fn message(&self, kind: u8, params: &Params) {
        let times = MessageTimes::at(WallTime(self.node.now()));
        let message = Message::new(params, true, times, Empty::Null);
        let kind = u32::from(kind) % u32::try_from(CLUSTERING_KIND_COUNT).expect("there are few");
        let mut verdict = Box::new(MaybeUninit::uninit());
        // SAFETY: the verdict is made, and released before the message goes.
        unsafe {
            let place = verdict.as_mut_ptr();
            let result = clustering_decide(self.node.core(), kind, &message.abi(), place);
            assert_eq!(result, clustering_result::CLUSTERING_RESULT_OK);
            clustering_verdict_release(place);
        }
    }

    fn end(&mut self) {
        let status = self.node.status();
        let mut counts = status.split(|&byte| byte == b',');
        assert!(
            counts.any(|count| count == b"panics=0"),
            "{}",
            status.escape_ascii()
        );
        // SAFETY: made by `new`, and nothing uses it any more.
        unsafe { std::mem::take(&mut self.node).free() }
    }
}

/// NULL is allowed everywhere for a node, and for the place of a result.
fn without_a_node() {
    let (node, text) = (ptr::null(), bytes(b"nodes", Empty::Null));
    // SAFETY: the header allows NULL for both.
    unsafe {
        clustering_tick(node, 1);
        assert!(!clustering_next_task(node, ptr::null_mut()));
        clustering_probed(node, text, 1, ptr::null(), 1);
        assert!(!clustering_next_lookup(node, ptr::null_mut()));
        assert!(!clustering_resolving(node, text));
        clustering_resolved(node, text, 0, ptr::null(), 0, 1);
        assert!(take(clustering_state(node)).is_empty());
        let result = clustering_restore(node, text, ptr::null_mut());
        assert_eq!(result, clustering_result::CLUSTERING_RESULT_BAD_ARGUMENT);
        assert!(take(clustering_connections(node, text)).is_empty());
        let result = clustering_restore_connections(node, text, text, 1, ptr::null_mut());
        assert_eq!(result, clustering_result::CLUSTERING_RESULT_BAD_ARGUMENT);
        assert!(take(clustering_status(node)).is_empty());
        assert!(take(clustering_status_nodes(node)).is_empty());
        assert!(take(clustering_check(node, text, text, ptr::null(), 0)).is_empty());
        let command = clustering_command_line {
            line: text,
            from: text,
            now: 1,
            reply: ptr::null(),
        };
        assert!(!clustering_command(
            node,
            &raw const command,
            ptr::null_mut()
        ));
        let (texts, number) = (ptr::null_mut(), ptr::null_mut());
        assert!(!clustering_command_query(
            node,
            &raw const command,
            texts,
            texts,
            number
        ));
        clustering_not_loaded(node);
        assert!(take(clustering_complete(node, text)).is_empty());
    }
}

fuzz_target!(|input: Input| {
    let mut host = Host::new(input.node.0);
    for call in input.calls {
        match call {
            Call::Load(file) => host.load(file),
            Call::Check(file, empty) => host.node.check(&file, empty),
            Call::Tick(milliseconds) => host.node.tick(milliseconds),
            Call::Probed { probe, facts, code } => host.node.probed(probe, facts, code),
            Call::Resolve(outcome, addresses) => host.node.resolve(outcome, &addresses),
            Call::Queried { facts, rows } => host.node.queried(facts, &rows.0),
            Call::Command(line, empty) => host.node.command(&line.0, empty),
            Call::Complete(line, empty) => host.node.complete(&line.0, empty),
            Call::Status => drop(host.node.status()),
            Call::Restart => host.restart(),
            Call::Restore(state, empty) => drop(host.node.restore(&state.0, empty)),
            Call::Message(kind, params) => host.message(kind, &params),
            Call::Null => without_a_node(),
        }
        host.node.run_tasks();
    }
    host.end();
});
