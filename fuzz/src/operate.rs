// SPDX-License-Identifier: GPL-2.0-or-later

//! The work of a host besides messages, each result held to the header.
#![allow(unsafe_code, reason = "the C ABI takes pointers")]

use std::mem::MaybeUninit;
use std::ptr;

use arbitrary::Arbitrary;
use clustering::ffi::{
    clustering_check, clustering_command, clustering_command_line, clustering_command_query,
    clustering_complete, clustering_connections, clustering_core, clustering_counted,
    clustering_free, clustering_help, clustering_next_lookup, clustering_next_task,
    clustering_not_loaded, clustering_owned_text, clustering_probe_report, clustering_probed,
    clustering_queried, clustering_reply, clustering_resolved, clustering_resolving,
    clustering_restore, clustering_restore_connections, clustering_result, clustering_setting,
    clustering_state, clustering_status, clustering_status_format, clustering_status_nodes,
    clustering_task, clustering_task_free, clustering_task_kind, clustering_tick,
};

use crate::host::{Empty, bytes, read, read_owned, take};
use crate::{File, Text, is_line};

/// The run of the host.
const RUN: &[u8] = b"7";

/// An operation on a node, besides messages.
#[derive(Arbitrary, Debug)]
pub enum Operation {
    /// So many milliseconds pass.
    Tick(u16),
    /// The core's tasks are run.
    RunTasks,
    /// A probe ends: one that was asked for, or one that never was.
    Probed {
        /// The choice among them.
        probe: u8,
        /// The facts of its end, a bit each.
        facts: u8,
        /// The SIP code.
        code: u32,
    },
    /// The next name is looked up, with this outcome and these addresses.
    Resolve(u8, Vec<Text>),
    /// A query ends: the one that was asked for, or one that never was.
    Queried {
        /// The facts of its end, a bit each.
        facts: u8,
        /// The rows, with line feeds between.
        rows: Text,
    },
    /// A command is typed.
    Command(Text, Empty),
    /// The beginning of a command is typed.
    Complete(Text, Empty),
    /// A file is looked at.
    Check(File, Empty),
    /// The status is read.
    Status,
    /// The state to keep is restored.
    Keep,
    /// Another text is restored.
    Restore(Text, Empty),
}

/// Operates a node, or NULL.
#[derive(Debug)]
pub struct Operator {
    core: *mut clustering_core,
    /// In microseconds.
    now: u64,
    /// The node's name and the number of each probe that was asked for.
    probes: Vec<(Vec<u8>, u64)>,
    /// The number of the last query that was asked for.
    query: u64,
}

/// Without a node.
impl Default for Operator {
    fn default() -> Self {
        Self {
            core: ptr::null_mut(),
            now: 0,
            probes: Vec::new(),
            query: 0,
        }
    }
}

/// A text in lines that are fit to be printed.
fn assert_lines(text: &[u8]) {
    let lines = text.split_inclusive(|&byte| byte == b'\n');
    for line in lines {
        let line = line.strip_suffix(b"\n");
        assert!(line.is_some_and(is_line), "{}", text.escape_ascii());
    }
}

/// A file's text, whose lines need not be good ones.
#[must_use]
pub fn text(file: &File) -> Vec<u8> {
    let lines = file.entries.iter().map(|[section, key, value]| {
        [&b"["[..], &section.0, b"]\n", &key.0, b"=", &value.0, b"\n"].concat()
    });
    lines.collect::<Vec<_>>().concat()
}

/// A file's settings as the ABI takes them; they borrow.
#[must_use]
pub fn settings(file: &File, empty: Empty) -> Box<[clustering_setting]> {
    let entries = file.entries.iter();
    let setting = |[section, key, value]: &[Text; 3]| clustering_setting {
        section: bytes(&section.0, empty),
        key: bytes(&key.0, empty),
        value: bytes(&value.0, empty),
    };
    entries.map(setting).collect()
}

/// Settings as a pointer to the first of them, which may be NULL where there are none.
#[must_use]
pub fn first(settings: &[clustering_setting], empty: Empty) -> *const clustering_setting {
    match empty {
        Empty::Null if settings.is_empty() => ptr::null(),
        _ => settings.as_ptr(),
    }
}

/// All of it panics when the core does what the header doesn't promise.
#[expect(clippy::missing_panics_doc, reason = "that is what it's for")]
impl Operator {
    /// Begins to operate a node.
    ///
    /// # Safety
    ///
    /// `core` is NULL or a node, which outlives this.
    #[must_use]
    pub unsafe fn new(core: *mut clustering_core) -> Self {
        Self {
            core,
            ..Self::default()
        }
    }

    /// The node, or NULL.
    #[must_use]
    pub fn core(&self) -> *mut clustering_core {
        self.core
    }

    /// Frees the node.
    ///
    /// # Safety
    ///
    /// Nothing borrows from the node any more.
    pub unsafe fn free(mut self) {
        // SAFETY: NULL or a node, which nothing uses any more, as the caller promises; a pointer that is NULL may
        // be freed again.
        unsafe {
            clustering_free(&raw mut self.core);
            assert!(self.core.is_null());
            clustering_free(&raw mut self.core);
        }
    }

    /// The time, in microseconds.
    #[must_use]
    pub fn now(&self) -> u64 {
        self.now
    }

    /// Does one of these things.
    pub fn carry_out(&mut self, operation: &Operation) {
        match operation {
            Operation::Tick(milliseconds) => self.tick(*milliseconds),
            Operation::RunTasks => self.run_tasks(),
            Operation::Probed { probe, facts, code } => self.probed(*probe, *facts, *code),
            Operation::Resolve(outcome, addresses) => self.resolve(*outcome, addresses),
            Operation::Queried { facts, rows } => self.queried(*facts, &rows.0),
            Operation::Command(line, empty) => self.command(&line.0, *empty),
            Operation::Complete(line, empty) => self.complete(&line.0, *empty),
            Operation::Check(file, empty) => self.check(file, *empty),
            Operation::Status => drop(self.status()),
            Operation::Keep => {
                let taken = self.restore(&self.state(), Empty::Null);
                assert_ne!(taken, self.core.is_null());
                let taken = self.restore_connections(&self.connections(), Empty::Null);
                assert_ne!(taken, self.core.is_null());
            }
            Operation::Restore(state, empty) => {
                let _ = self.restore(&state.0, *empty);
                let _ = self.restore_connections(&state.0, *empty);
            }
        }
    }

    /// Time passes.
    pub fn tick(&mut self, milliseconds: u16) {
        self.now += u64::from(milliseconds) * 1000;
        // SAFETY: NULL or a node.
        unsafe { clustering_tick(self.core, self.now) }
    }

    /// Ends a probe: one that was asked for, or one that never was.
    pub fn probed(&self, probe: u8, facts: u8, code: u32) {
        let never = (b"never".to_vec(), 0);
        let (node, number) = self.probes.get(usize::from(probe)).unwrap_or(&never);
        let fact = |bit: u8| facts >> bit & 1 != 0;
        // A number, or none, in whatever form a node may send it.
        let retry_after = match code % 3 {
            0 => Vec::new(),
            1 => format!("{code};duration=60").into_bytes(),
            _ => code.to_le_bytes().to_vec(),
        };
        let report = clustering_probe_report {
            no_thread: fact(0),
            handled: fact(1),
            has_error: fact(2),
            has_headers: fact(3),
            code,
            retry_after: bytes(&retry_after, Empty::Null),
        };
        let given = if fact(4) {
            ptr::null()
        } else {
            &raw const report
        };
        // SAFETY: NULL or a node; the name and the report outlive the call.
        unsafe {
            let node = bytes(node, Empty::Null);
            clustering_probed(self.core, node, *number, given, self.now);
        }
    }

    /// Looks up the next name, and one that nobody has asked for.
    pub fn resolve(&self, outcome: u8, addresses: &[Text]) {
        let addresses: Vec<_> = addresses
            .iter()
            .map(|it| bytes(&it.0, Empty::Null))
            .collect();
        let mut name = MaybeUninit::uninit();
        // SAFETY: NULL or a node; the texts and the place of the name outlive the calls, and the name is the host's.
        unsafe {
            let is_there = clustering_next_lookup(self.core, name.as_mut_ptr());
            let name = take(name.assume_init());
            assert_eq!(is_there, !name.is_empty());
            assert!(name.iter().all(u8::is_ascii_graphic));
            for name in [&name[..], b"never", b"\xff"] {
                let text = bytes(name, Empty::Null);
                let (first, count) = (addresses.as_ptr(), addresses.len());
                clustering_resolved(self.core, text, outcome.into(), first, count, self.now);
                assert!(!clustering_resolving(self.core, text));
            }
        }
    }

    /// Ends a query: the last one that was asked for, or one that never was.
    pub fn queried(&self, facts: u8, rows: &[u8]) {
        let fact = |bit: u8| facts & 1 << bit != 0;
        let rows: Vec<_> = rows
            .split(|&byte| byte == b'\n')
            .map(|row| bytes(row, Empty::Null))
            .collect();
        let none = bytes(b"", Empty::Null);
        let reply = clustering_reply {
            no_thread: fact(0),
            timed_out: false,
            handled: fact(1),
            has_error: fact(2),
            retval: none,
            error: none,
            reason: none,
            rows: rows.as_ptr(),
            row_count: rows.len(),
        };
        let given = if fact(3) {
            ptr::null()
        } else {
            &raw const reply
        };
        let number = self.query + u64::from(fact(4));
        // SAFETY: NULL or a node; the reply and its rows outlive the call.
        unsafe { clustering_queried(self.core, number, given, self.now, self.now) }
    }

    /// Runs the core's tasks.
    pub fn run_tasks(&mut self) {
        for _ in 0..10_000 {
            let mut task = MaybeUninit::uninit();
            // SAFETY: NULL or a node; there is room for a task, which is written where there is one,
            // and its texts are the host's.
            let mut task: clustering_task = unsafe {
                if !clustering_next_task(self.core, task.as_mut_ptr()) {
                    return;
                }
                task.assume_init()
            };
            assert!(!self.core.is_null());
            // SAFETY: the task was written, since there was one.
            let (text, node) = unsafe { (read_owned(&task.text), read_owned(&task.node)) };
            // SAFETY: a task, whose texts are empty ones once it's freed: it may be freed again.
            unsafe {
                clustering_task_free(&raw mut task);
                assert!(read_owned(&task.text).is_empty() && read_owned(&task.node).is_empty());
                clustering_task_free(&raw mut task);
            }
            match task.kind {
                clustering_task_kind::CLUSTERING_TASK_KIND_LOG => {
                    assert!(!text.is_empty() && is_line(&text) && node.is_empty());
                    assert_ne!(task.level, 0);
                }
                clustering_task_kind::CLUSTERING_TASK_KIND_PROBE => {
                    assert!(!text.is_empty() && !node.is_empty() && task.tries > 0);
                    let probe = (node, task.number);
                    assert!(!self.probes.contains(&probe), "asked twice");
                    self.probes.push(probe);
                }
                clustering_task_kind::CLUSTERING_TASK_KIND_QUERY => {
                    assert!(!text.is_empty() && !node.is_empty());
                    assert!(task.number > self.query, "asked twice");
                    self.query = task.number;
                }
                clustering_task_kind::CLUSTERING_TASK_KIND_COUNT => {
                    assert!(text.is_empty() && node.is_empty());
                    // SAFETY: NULL or a node.
                    unsafe { clustering_counted(self.core, self.now) }
                }
                clustering_task_kind::CLUSTERING_TASK_KIND_EVENT => {
                    assert!(!text.is_empty() && node.is_empty());
                }
                clustering_task_kind::CLUSTERING_TASK_KIND_SAVE => {
                    assert!(text.is_empty() && node.is_empty());
                }
            }
        }
        panic!("there is no end of tasks");
    }

    /// Looks at a file.
    pub fn check(&self, file: &File, empty: Empty) {
        let (settings, text) = (settings(file, empty), text(file));
        // SAFETY: NULL or a node; the settings and the text outlive the call.
        let text = unsafe {
            let (name, count) = (bytes(b"clustering.conf", empty), settings.len());
            let (text, first) = (bytes(&text, empty), first(&settings, empty));
            take(clustering_check(self.core, name, text, first, count))
        };
        assert_eq!(text.is_empty(), self.core.is_null());
        assert_lines(&text);
        // SAFETY: NULL or a node.
        unsafe { clustering_not_loaded(self.core) };
    }

    /// Types a command.
    pub fn command(&self, line: &[u8], empty: Empty) {
        let mut answer = MaybeUninit::uninit();
        // SAFETY: NULL or a node; the line outlives the call, which writes the answer.
        let (taken, answer) = unsafe {
            let command = clustering_command_line {
                line: bytes(line, empty),
                from: bytes(b"127.0.0.1:5038", empty),
                now: 1,
                reply: ptr::null(),
            };
            let [mut account, mut query] = [const { MaybeUninit::uninit() }; 2];
            let mut timeout = 0;
            let asks = clustering_command_query(
                self.core,
                &raw const command,
                account.as_mut_ptr(),
                query.as_mut_ptr(),
                &raw mut timeout,
            );
            let (account, query) = (take(account.assume_init()), take(query.assume_init()));
            assert!(asks || account.is_empty() && query.is_empty() && timeout == 0);
            let taken = clustering_command(self.core, &raw const command, answer.as_mut_ptr());
            (taken, take(answer.assume_init()))
        };
        assert!(taken || answer.is_empty());
        assert!(!taken || !self.core.is_null());
        assert_lines(&answer);
    }

    /// Types the beginning of a command.
    pub fn complete(&self, line: &[u8], empty: Empty) {
        // SAFETY: NULL or a node; the line outlives the call.
        let words = unsafe { take(clustering_complete(self.core, bytes(line, empty))) };
        assert!(words.is_empty() || words.ends_with(b"\n"));
        assert!(words.is_empty() || !self.core.is_null());
    }

    /// Reads the status; its parameters.
    #[must_use]
    pub fn status(&self) -> Vec<u8> {
        // SAFETY: NULL or a node; the texts are the host's, the columns stand for ever.
        unsafe {
            let status = take(clustering_status(self.core));
            let nodes = take(clustering_status_nodes(self.core));
            let columns = read(clustering_status_format());
            assert!(is_line(&status) && is_line(&nodes));
            assert_eq!(status.is_empty(), self.core.is_null());
            assert!(nodes.is_empty() || !self.core.is_null());
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

    /// The state to keep.
    #[must_use]
    pub fn state(&self) -> Vec<u8> {
        // SAFETY: NULL or a node; the text is the host's.
        unsafe { take(clustering_state(self.core)) }
    }

    /// The connections of registrations.
    #[must_use]
    pub fn connections(&self) -> Vec<u8> {
        // SAFETY: NULL or a node; the text is the host's.
        unsafe { take(clustering_connections(self.core, bytes(RUN, Empty::Null))) }
    }

    /// Restores a kept state; returns whether it was taken.
    #[must_use]
    pub fn restore(&self, state: &[u8], empty: Empty) -> bool {
        // SAFETY: NULL or a node; the state outlives the call, which writes the error.
        self.takes(|core, error| unsafe { clustering_restore(core, bytes(state, empty), error) })
    }

    /// Restores the connections of registrations; returns whether they were taken.
    #[must_use]
    pub fn restore_connections(&self, text: &[u8], empty: Empty) -> bool {
        // SAFETY: NULL or a node; the texts outlive the call, which writes the error.
        self.takes(|core, error| unsafe {
            let (text, run) = (bytes(text, empty), bytes(RUN, Empty::Null));
            clustering_restore_connections(core, text, run, self.now, error)
        })
    }

    /// Whether a kept text is taken, by a function that writes an error where it isn't.
    fn takes(
        &self,
        restore: impl FnOnce(*mut clustering_core, *mut clustering_owned_text) -> clustering_result,
    ) -> bool {
        let mut error = MaybeUninit::uninit();
        let result = restore(self.core, error.as_mut_ptr());
        // SAFETY: it was written.
        let error = unsafe { take(error.assume_init()) };
        let taken = result == clustering_result::CLUSTERING_RESULT_OK;
        if self.core.is_null() {
            assert_eq!(result, clustering_result::CLUSTERING_RESULT_BAD_ARGUMENT);
            assert!(error.is_empty());
        } else {
            assert!(taken || result == clustering_result::CLUSTERING_RESULT_BAD_SETTINGS);
            assert_eq!(error.is_empty(), taken);
        }
        assert!(is_line(&error));
        taken
    }
}
