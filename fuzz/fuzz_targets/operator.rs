// SPDX-License-Identifier: GPL-2.0-or-later

//! What the C ABI has besides messages, by any sequence of calls: commands, status, probes and their
//! answers, and what is kept over a restart.
#![no_main]
#![allow(unsafe_code, reason = "the C ABI takes pointers")]

use std::mem::MaybeUninit;
use std::ptr;

use arbitrary::Arbitrary;
use clustering::ffi::{
    CLUSTERING_KINDS, clustering_check, clustering_chore_kind, clustering_chore_next,
    clustering_command, clustering_complete, clustering_core, clustering_decide, clustering_free,
    clustering_help, clustering_load, clustering_new, clustering_probed, clustering_restore,
    clustering_result, clustering_setting, clustering_state, clustering_status,
    clustering_status_format, clustering_status_nodes, clustering_tick, clustering_verdict_release,
};
use clustering_fuzz::host::{Empty, Message, bytes, read, take};
use clustering_fuzz::{File, Params, Text, is_line};
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
    /// How one of the probes ends that were asked for, or one that never was.
    Probed {
        probe: u8,
        outcome: u8,
        answer: u32,
    },
    Command(Text, Empty),
    Complete(Text, Empty),
    Status,
    /// The host ends and starts again.
    Restart,
    /// Instead of what was kept.
    Restore(Text, Empty),
    Message(u8, Params),
    /// All of it, without a node.
    Null,
}

/// A node's name and the number of a probe.
type Probe = (Vec<u8>, u64);

struct Host {
    name: Vec<u8>,
    core: *mut clustering_core,
    /// In microseconds.
    now: u64,
    probes: Vec<Probe>,
    /// The settings in force are these.
    file: Option<File>,
}

/// A text in lines that are fit to be printed.
fn assert_lines(text: &[u8]) {
    let lines = text.split_inclusive(|&byte| byte == b'\n');
    for line in lines {
        let line = line.strip_suffix(b"\n");
        assert!(line.is_some_and(is_line), "{}", text.escape_ascii());
    }
}

fn settings(file: &File) -> Vec<clustering_setting> {
    let entries = file.entries.iter();
    let setting = |[section, key, value]: &[Text; 3]| clustering_setting {
        section: bytes(&section.0, Empty::Dangling),
        key: bytes(&key.0, Empty::Dangling),
        value: bytes(&value.0, Empty::Dangling),
    };
    entries.map(setting).collect()
}

fn start(name: &[u8]) -> *mut clustering_core {
    // SAFETY: the name outlives the call.
    let core = unsafe { clustering_new(bytes(name, Empty::Null), 1) };
    assert!(!core.is_null());
    core
}

impl Host {
    fn new(name: Vec<u8>) -> Self {
        Self {
            core: start(&name),
            name,
            now: 0,
            probes: Vec::new(),
            file: None,
        }
    }

    fn load(&mut self, file: File) {
        let settings = settings(&file);
        // SAFETY: the settings outlive the call, and NULL is for nobody who wants the errors.
        let result = unsafe {
            let (name, count) = (bytes(b"clustering.conf", Empty::Null), settings.len());
            clustering_load(self.core, name, settings.as_ptr(), count, ptr::null_mut())
        };
        match result {
            clustering_result::CLUSTERING_OK => self.file = Some(file),
            refused => assert_eq!(refused, clustering_result::CLUSTERING_BAD_SETTINGS),
        }
    }

    fn check(&self, file: &File, empty: Empty) {
        let settings = settings(file);
        // SAFETY: the settings outlive the call.
        let text = unsafe {
            let (name, count) = (bytes(b"clustering.conf", empty), settings.len());
            take(clustering_check(self.core, name, settings.as_ptr(), count))
        };
        assert!(!text.is_empty());
        assert_lines(&text);
    }

    fn probed(&self, probe: u8, outcome: u8, answer: u32) {
        let never = (b"never".to_vec(), 0);
        let (node, number) = self.probes.get(usize::from(probe)).unwrap_or(&never);
        // SAFETY: the name outlives the call.
        unsafe {
            let node = bytes(node, Empty::Null);
            clustering_probed(self.core, node, *number, outcome.into(), answer, self.now);
        }
    }

    /// Does what the core has asked for.
    fn do_chores(&mut self) {
        for _ in 0..10_000 {
            let mut chore = MaybeUninit::uninit();
            // SAFETY: there is room for a chore, which is written where there is one; its texts
            // are the host's.
            let (kind, level, text, node, number, tries) = unsafe {
                if !clustering_chore_next(self.core, chore.as_mut_ptr()) {
                    return;
                }
                let chore = chore.assume_init();
                let texts = (take(chore.text), take(chore.node));
                let (text, node) = texts;
                (
                    chore.kind,
                    chore.level,
                    text,
                    node,
                    chore.number,
                    chore.tries,
                )
            };
            match kind {
                clustering_chore_kind::CLUSTERING_SAY => {
                    assert!(!text.is_empty() && is_line(&text) && node.is_empty() && level != 0);
                }
                clustering_chore_kind::CLUSTERING_PROBE => {
                    assert!(!text.is_empty() && !node.is_empty() && tries > 0);
                    assert!(
                        !self.probes.contains(&(node.clone(), number)),
                        "asked twice"
                    );
                    self.probes.push((node, number));
                }
                clustering_chore_kind::CLUSTERING_SAVE => {
                    assert!(text.is_empty() && node.is_empty());
                }
            }
        }
        panic!("there is no end of chores");
    }

    fn command(&self, line: &[u8], empty: Empty) {
        let mut answer = MaybeUninit::uninit();
        // SAFETY: the line outlives the call, the answer is written by it.
        let (taken, answer) = unsafe {
            let line = bytes(line, empty);
            let taken = clustering_command(self.core, line, answer.as_mut_ptr());
            (taken, take(answer.assume_init()))
        };
        assert!(taken || answer.is_empty());
        assert_lines(&answer);
    }

    fn complete(&self, line: &[u8], empty: Empty) {
        // SAFETY: the line outlives the call.
        let words = unsafe { take(clustering_complete(self.core, bytes(line, empty))) };
        assert!(words.is_empty() || words.ends_with(b"\n"));
    }

    fn status(&self) -> Vec<u8> {
        // SAFETY: the node is one, the texts are the host's, the columns stand for ever.
        unsafe {
            let status = take(clustering_status(self.core));
            let nodes = take(clustering_status_nodes(self.core));
            let columns = read(clustering_status_format());
            assert!(is_line(&status) && is_line(&nodes));
            let bars = |text: &[u8]| text.split(|&byte| byte == b'|').count();
            for node in nodes.split(|&byte| byte == b',') {
                assert!(
                    node.is_empty() || bars(node) == bars(&columns),
                    "{}",
                    node.escape_ascii()
                );
            }
            assert_lines(&take(clustering_help()));
            status
        }
    }

    fn state(&self) -> Vec<u8> {
        // SAFETY: the node is one, the text is the host's.
        unsafe { take(clustering_state(self.core)) }
    }

    /// Whether it was taken.
    fn restore(&self, state: &[u8], empty: Empty) -> bool {
        let mut error = MaybeUninit::uninit();
        // SAFETY: the state outlives the call, the error is written by it.
        let (result, error) = unsafe {
            let result = clustering_restore(self.core, bytes(state, empty), error.as_mut_ptr());
            (result, take(error.assume_init()))
        };
        let taken = result == clustering_result::CLUSTERING_OK;
        assert!(taken || result == clustering_result::CLUSTERING_BAD_SETTINGS);
        assert_eq!(error.is_empty(), taken);
        assert!(is_line(&error));
        taken
    }

    /// What was wanted of the nodes is wanted after it.
    fn restart(&mut self) {
        let state = self.state();
        self.end();
        self.core = start(&self.name);
        self.probes.clear();
        self.now = 0;
        if let Some(file) = self.file.take() {
            self.load(file);
        }
        assert!(
            self.restore(&state, Empty::Null),
            "{}",
            state.escape_ascii()
        );
        assert_eq!(self.state(), state);
    }

    fn message(&self, kind: u8, params: &Params) {
        let message = Message::new(params, true, self.now, Empty::Null);
        let kind = u32::from(kind) % u32::try_from(CLUSTERING_KINDS).expect("there are few");
        let mut verdict = Box::new(MaybeUninit::uninit());
        // SAFETY: the verdict is made, and released before the message goes.
        unsafe {
            let place = verdict.as_mut_ptr();
            let result = clustering_decide(self.core, kind, &message.abi(), place);
            assert_eq!(result, clustering_result::CLUSTERING_OK);
            clustering_verdict_release(place);
        }
    }

    fn end(&mut self) {
        let status = self.status();
        let mut counts = status.split(|&byte| byte == b',');
        assert!(
            counts.any(|count| count == b"panics=0"),
            "{}",
            status.escape_ascii()
        );
        // SAFETY: made by `new`, and nothing uses it any more.
        unsafe { clustering_free(self.core) }
    }
}

/// NULL for a node, or for where a result is to go, is allowed everywhere.
fn without_a_node() {
    let (node, text) = (ptr::null(), bytes(b"nodes", Empty::Null));
    // SAFETY: as just said.
    unsafe {
        clustering_tick(node, 1);
        assert!(!clustering_chore_next(node, ptr::null_mut()));
        clustering_probed(node, text, 1, 0, 200, 1);
        assert!(take(clustering_state(node)).is_empty());
        let result = clustering_restore(node, text, ptr::null_mut());
        assert_eq!(result, clustering_result::CLUSTERING_BAD_ARGUMENT);
        assert!(take(clustering_status(node)).is_empty());
        assert!(take(clustering_status_nodes(node)).is_empty());
        assert!(take(clustering_check(node, text, ptr::null(), 0)).is_empty());
        assert!(!clustering_command(node, text, ptr::null_mut()));
        assert!(take(clustering_complete(node, text)).is_empty());
    }
}

fuzz_target!(|input: Input| {
    let mut host = Host::new(input.node.0);
    for call in input.calls {
        match call {
            Call::Load(file) => host.load(file),
            Call::Check(file, empty) => host.check(&file, empty),
            Call::Tick(milliseconds) => {
                host.now += u64::from(milliseconds) * 1000;
                // SAFETY: the node is one.
                unsafe { clustering_tick(host.core, host.now) }
            }
            Call::Probed {
                probe,
                outcome,
                answer,
            } => host.probed(probe, outcome, answer),
            Call::Command(line, empty) => host.command(&line.0, empty),
            Call::Complete(line, empty) => host.complete(&line.0, empty),
            Call::Status => drop(host.status()),
            Call::Restart => host.restart(),
            Call::Restore(state, empty) => drop(host.restore(&state.0, empty)),
            Call::Message(kind, params) => host.message(kind, &params),
            Call::Null => without_a_node(),
        }
        host.do_chores();
    }
    host.end();
});
