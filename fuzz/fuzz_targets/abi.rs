// SPDX-License-Identifier: GPL-2.0-or-later

//! All functions of the C ABI, by any sequence of calls that the header allows: several nodes, NULLs, numbers
//! out of range, verdicts that are held while settings change, while operators give commands and while other
//! verdicts are made.
//!
//! The address sanitizer looks for steps aside and for leaks; this target for results that the header doesn't
//! promise. The core catches its panics; here each one ends the run.
#![no_main]
#![allow(unsafe_code, reason = "the C ABI takes pointers")]

#[path = "abi/call.rs"]
mod call;

use std::{mem, panic, process, ptr, slice};

use call::{Asked, Call, Place};
use clustering::ffi::{
    CLUSTERING_ABI_VERSION, CLUSTERING_KIND_COUNT, CLUSTERING_NAME_COUNT, clustering_abi_check,
    clustering_abi_version, clustering_action, clustering_concerns, clustering_core,
    clustering_decide, clustering_decides, clustering_edit_kind, clustering_enabled,
    clustering_free, clustering_kind_concern_names, clustering_kind_filtered, clustering_kind_name,
    clustering_kind_names, clustering_kind_needs_now, clustering_load, clustering_name,
    clustering_new, clustering_owned_text, clustering_owned_text_free, clustering_priority,
    clustering_result, clustering_resume, clustering_status, clustering_task_free,
    clustering_verdict, clustering_verdict_line, clustering_verdict_release, clustering_version,
};
use clustering_fuzz::host::{AbiReply, Answer, Empty, Message, bytes, read, take, times};
use clustering_fuzz::operate::{Operation, Operator, first, settings, text};
use clustering_fuzz::{File, Params, Text, is_line};
use libfuzzer_sys::fuzz_target;

/// Places for nodes, and for verdicts.
const CORES: usize = 2;
const VERDICTS: usize = 4;

/// A verdict with all that it may borrow from.
struct Held {
    verdict: Box<clustering_verdict>,
    core: Option<usize>,
    params: Option<Params>,
    /// The verdict as it was when it was made: nothing that comes later may change it.
    seen: Vec<Vec<u8>>,
    /// Gone once the edits are written.
    texts: Option<(Message, Option<Answer>)>,
}

fn is_kind(number: u32) -> bool {
    (number as usize) < CLUSTERING_KIND_COUNT
}

/// Memory for a verdict, as full of nonsense as a stack is.
fn memory() -> Box<clustering_verdict> {
    let mut place = Box::<clustering_verdict>::new_uninit();
    // SAFETY: all fields but those that are written may hold any bits.
    unsafe {
        ptr::write_bytes(place.as_mut_ptr(), 0xA5, 1);
        (&raw mut (*place.as_mut_ptr()).action).write(clustering_action::CLUSTERING_ACTION_PASS);
        (&raw mut (*place.as_mut_ptr()).core_made).write(false);
        place.assume_init()
    }
}

/// Reads all of a verdict, and holds it to the header.
///
/// # Safety
///
/// It's a verdict whose borrowed texts stand.
unsafe fn look(verdict: &clustering_verdict) -> Vec<Vec<u8>> {
    // SAFETY: promised by the caller.
    unsafe {
        let line = take(clustering_verdict_line(verdict));
        assert_eq!(line.is_empty(), verdict.level == 0);
        assert!(is_line(&line), "{}", line.escape_ascii());
        let retval = read(verdict.retval);
        let returns = matches!(
            verdict.action,
            clustering_action::CLUSTERING_ACTION_ANSWER
                | clustering_action::CLUSTERING_ACTION_LOCATE
                | clustering_action::CLUSTERING_ACTION_ASK
                | clustering_action::CLUSTERING_ACTION_RESOLVE
        );
        assert_eq!(retval.is_empty(), !returns);
        let waits = matches!(
            verdict.action,
            clustering_action::CLUSTERING_ACTION_ASK | clustering_action::CLUSTERING_ACTION_RESOLVE
        );
        assert_eq!(verdict.timeout > 0, waits);
        let mut seen = vec![vec![verdict.action as u8], line, retval];
        let edits = match verdict.edit_count {
            0 => &[],
            count => slice::from_raw_parts(verdict.edits, count),
        };
        for edit in edits {
            assert!((edit.name as usize) < CLUSTERING_NAME_COUNT);
            let value = read(edit.value);
            let clears = edit.kind == clustering_edit_kind::CLUSTERING_EDIT_KIND_CLEAR;
            assert!(!clears || value.is_empty());
            seen.extend([read(clustering_name(edit.name)), vec![clears.into()], value]);
        }
        seen
    }
}

impl Held {
    /// Whether it may be handed to `clustering_resume`: at any time if it asked for something, and else
    /// as long as its texts stand.
    fn may_go_on(&self) -> bool {
        let asks = matches!(
            self.verdict.action,
            clustering_action::CLUSTERING_ACTION_LOCATE
                | clustering_action::CLUSTERING_ACTION_ASK
                | clustering_action::CLUSTERING_ACTION_RESOLVE
        );
        asks || self.texts.is_some()
    }
}

/// A host with its nodes and the verdicts that it holds.
#[derive(Default)]
struct Host {
    cores: [Operator; CORES],
    verdicts: [Option<Held>; VERDICTS],
}

impl Host {
    /// The node of a place, NULL where there is none.
    fn core(&self, place: Place) -> *mut clustering_core {
        let core = place.of(CORES).map(|place| self.cores[place].core());
        core.unwrap_or(ptr::null_mut())
    }

    fn new_core(&mut self, place: Place, node: &Text, empty: Empty) {
        let Some(number) = place.of(CORES) else {
            return;
        };
        self.free(number);
        // SAFETY: the name outlives the call.
        let core = unsafe { clustering_new(bytes(&node.0, empty), number as u64) };
        assert!(!core.is_null());
        // SAFETY: `free` ends the node and its operator together.
        self.cores[number] = unsafe { Operator::new(core) };
        // In place of the core's own hook: some entries have no result that tells of a panic.
        panic::set_hook(Box::new(|panic| {
            eprintln!("{panic}");
            process::abort();
        }));
    }

    fn free(&mut self, number: usize) {
        for place in (0_u8..).take(VERDICTS).map(Place) {
            let held = place
                .of(VERDICTS)
                .and_then(|place| self.verdicts[place].as_ref());
            if held.is_some_and(|held| held.core == Some(number)) {
                self.release(place);
            }
        }
        let operator = mem::take(&mut self.cores[number]);
        // SAFETY: NULL, or a node that nothing borrows from any more.
        unsafe { operator.free() }
    }

    fn load(&self, core: Place, file: &File, with_errors: bool, empty: Empty) {
        let core = self.core(core);
        let (settings, text) = (settings(file, empty), text(file));
        // Not a valid text, so that it's noticed if nothing was written.
        let mut errors = clustering_owned_text {
            ptr: ptr::dangling_mut(),
            len: usize::MAX,
        };
        let first = first(&settings, empty);
        // SAFETY: all that is passed outlives the call, the text is the core's own.
        let (result, lines) = unsafe {
            let file = bytes(b"conf\xff/clustering.conf", empty);
            let (count, text) = (settings.len(), bytes(&text, empty));
            if with_errors {
                let result = clustering_load(core, file, text, first, count, &raw mut errors);
                (result, take(errors))
            } else {
                let result = clustering_load(core, file, text, first, count, ptr::null_mut());
                (result, Vec::new())
            }
        };
        match result {
            clustering_result::CLUSTERING_RESULT_OK => assert!(!core.is_null() && lines.is_empty()),
            clustering_result::CLUSTERING_RESULT_BAD_ARGUMENT => {
                assert!(core.is_null() && lines.is_empty());
            }
            clustering_result::CLUSTERING_RESULT_BAD_SETTINGS => {
                assert!(!core.is_null());
                assert_eq!(lines.is_empty(), !with_errors);
                let mut lines = lines.split(|&byte| byte == b'\n');
                assert!(!with_errors || lines.all(|line| !line.is_empty() && is_line(line)));
            }
            failure => panic!("the core failed: {failure:?}"),
        }
    }

    /// Calls the functions that only tell something.
    fn ask(&self, core: Place, number: u32) {
        let core = self.core(core);
        // SAFETY: NULL or a node; the names are for ever, the text is the core's own.
        unsafe {
            let status = take(clustering_status(core));
            assert_eq!(status.is_empty(), core.is_null());
            let mut counts = status.split(|&byte| byte == b',');
            assert!(core.is_null() || counts.any(|count| count == b"panics=0"));
            let enabled = clustering_enabled(core);
            for kind in [number, number % 16] {
                let known = !read(clustering_kind_name(kind)).is_empty();
                assert_eq!(known, is_kind(kind));
                let priority = clustering_priority(core, kind);
                assert!(priority == 0 || known);
                assert!(!clustering_decides(core, kind) || (priority > 0 && enabled));
                assert_eq!(clustering_kind_names(kind) != 0, known);
                assert_eq!(
                    clustering_kind_concern_names(kind) != 0,
                    clustering_kind_filtered(kind)
                );
                assert_eq!(
                    clustering_kind_concern_names(kind) & !clustering_kind_names(kind),
                    0
                );
                assert!(known || !clustering_kind_filtered(kind));
                assert!(known || !clustering_kind_needs_now(kind));
            }
            let named = !read(clustering_name(number)).is_empty();
            assert_eq!(named, (number as usize) < CLUSTERING_NAME_COUNT);
            assert!(!read(clustering_version()).is_empty());
            assert_eq!(clustering_abi_version(), CLUSTERING_ABI_VERSION);
            let mut errors = clustering_owned_text {
                ptr: ptr::null_mut(),
                len: 0,
            };
            let fits = clustering_abi_check(number, &raw mut errors);
            assert_eq!(
                fits == clustering_result::CLUSTERING_RESULT_OK,
                number == CLUSTERING_ABI_VERSION
            );
            assert_eq!(take(errors).is_empty(), number == CLUSTERING_ABI_VERSION);
        }
    }

    fn concerns(&self, core: Place, kind: u8, params: Option<&Params>, empty: Empty) {
        let core = self.core(core);
        let message = params.map(|params| Message::new(params, false, times(0, 0), empty));
        let message = message.as_ref().map(Message::abi);
        let message = message.as_ref().map_or(ptr::null(), ptr::from_ref);
        // SAFETY: all that is passed outlives the call.
        let concerns = unsafe { clustering_concerns(core, kind.into(), message) };
        assert!(!concerns || (is_kind(kind.into()) && !core.is_null() && !message.is_null()));
    }

    /// Has a message decided, and holds the verdict.
    fn decide(&mut self, core: Place, kind: u8, params: Option<Params>, asked: Asked) {
        let message = asked.message(params.as_ref());
        let abi = message.abi();
        let given = params.as_ref().map_or(ptr::null(), |_| &raw const abi);
        let mut verdict = memory();
        let to = asked.place(&mut verdict);
        let node = self.core(core);
        // SAFETY: NULL or a node; the verdict is new and held together with what it borrows.
        let result = unsafe { clustering_decide(node, kind.into(), given, to) };
        let good = !node.is_null() && is_kind(kind.into()) && params.is_some();
        let held = Held {
            verdict,
            core: core.of(CORES),
            params,
            seen: Vec::new(),
            texts: Some((message, None)),
        };
        self.hold(asked.verdict, held, good, result);
    }

    fn operate(&mut self, core: Place, operation: &Operation) {
        match core.of(CORES) {
            Some(core) => self.cores[core].carry_out(operation),
            None => Operator::default().carry_out(operation),
        }
    }

    /// Goes on from a verdict that is held, and holds the next one.
    fn resume(
        &mut self,
        pending: Place,
        core: Place,
        params: Option<Params>,
        answer: Option<Answer>,
        asked: Asked,
    ) {
        let pending = pending
            .of(VERDICTS)
            .and_then(|place| self.verdicts[place].as_ref());
        if pending.is_some_and(|pending| !pending.may_go_on()) {
            return;
        }
        let core = pending.map_or(core.of(CORES), |pending| pending.core);
        let params = params.or_else(|| pending.and_then(|pending| pending.params.clone()));
        let message = asked.message(params.as_ref());
        let abi = message.abi();
        let given = params.as_ref().map_or(ptr::null(), |_| &raw const abi);
        let found = answer.as_ref().map(|answer| answer.abi(asked.empty));
        let found = found.as_ref().map_or(ptr::null(), AbiReply::as_ptr);
        let mut verdict = memory();
        let to = asked.place(&mut verdict);
        let node = core.map_or(ptr::null_mut(), |core| self.cores[core].core());
        // SAFETY: `pending` is NULL or a verdict of the same node; the rest as for `decide`.
        let result = unsafe {
            let pending = pending.map_or(ptr::null(), |pending| &raw const *pending.verdict);
            clustering_resume(node, pending, given, found, to)
        };
        let good = pending.is_some() && !node.is_null() && params.is_some() && answer.is_some();
        let held = Held {
            verdict,
            core,
            params,
            seen: Vec::new(),
            texts: Some((message, answer)),
        };
        self.hold(asked.verdict, held, good, result);
    }

    /// Holds the verdict of an entry, which is made even where the arguments were not `good`.
    fn hold(&mut self, place: Place, mut held: Held, good: bool, result: clustering_result) {
        let Some(number) = place.of(VERDICTS) else {
            assert_eq!(result, clustering_result::CLUSTERING_RESULT_BAD_ARGUMENT);
            return;
        };
        if let Some((message, _)) = &mut held.texts {
            message.keep_texts();
        }
        // SAFETY: an entry has just made the verdict, and what it borrows is held beside it.
        held.seen = unsafe { look(&held.verdict) };
        if good {
            assert_eq!(result, clustering_result::CLUSTERING_RESULT_OK);
        } else {
            assert_eq!(result, clustering_result::CLUSTERING_RESULT_BAD_ARGUMENT);
            assert_eq!(held.seen, [vec![0], Vec::new(), Vec::new()], "not a pass");
        }
        self.release(place);
        self.verdicts[number] = Some(held);
    }

    fn look(&self, place: Place) {
        let held = place
            .of(VERDICTS)
            .and_then(|place| self.verdicts[place].as_ref());
        if let Some(held) = held {
            if held.texts.is_some() {
                // SAFETY: what the verdict borrows is held beside it.
                let seen = unsafe { look(&held.verdict) };
                assert_eq!(seen, held.seen, "a verdict has changed");
            }
        } else {
            // SAFETY: NULL is allowed.
            let line = unsafe { take(clustering_verdict_line(ptr::null())) };
            assert!(line.is_empty());
        }
    }

    fn write(&mut self, place: Place) {
        if let Some(number) = place.of(VERDICTS)
            && let Some(held) = &mut self.verdicts[number]
        {
            held.texts = None;
        }
    }

    fn release(&mut self, place: Place) {
        let mut held = place
            .of(VERDICTS)
            .and_then(|place| self.verdicts[place].take());
        let verdict = held
            .as_mut()
            .map_or(ptr::null_mut(), |held| &raw mut *held.verdict);
        // SAFETY: NULL, or a verdict that is used no more; one that was released asks for nothing, and may be
        // released again.
        unsafe {
            clustering_verdict_release(verdict);
            if let Some(verdict) = verdict.as_ref() {
                assert_eq!(look(verdict), [vec![0], Vec::new(), Vec::new()]);
            }
            clustering_verdict_release(verdict);
        }
    }
}

impl Drop for Host {
    fn drop(&mut self) {
        for core in 0..CORES {
            self.free(core);
        }
    }
}

/// NULL may be freed, and released.
fn free_nothing() {
    // SAFETY: the header allows NULL.
    unsafe {
        clustering_free(ptr::null_mut());
        clustering_owned_text_free(ptr::null_mut());
        clustering_task_free(ptr::null_mut());
        clustering_verdict_release(ptr::null_mut());
    }
}

fuzz_target!(|calls: Vec<Call>| {
    let mut host = Host::default();
    for call in calls {
        match call {
            Call::New { core, node, empty } => host.new_core(core, &node, empty),
            Call::Free { core } => {
                if let Some(core) = core.of(CORES) {
                    host.free(core);
                } else {
                    free_nothing();
                }
            }
            Call::Load {
                core,
                file,
                with_errors,
                empty,
            } => host.load(core, &file, with_errors, empty),
            Call::Ask { core, number } => host.ask(core, number),
            Call::Concerns {
                core,
                kind,
                message,
                empty,
            } => {
                host.concerns(core, kind, message.as_ref(), empty);
            }
            Call::Decide {
                core,
                kind,
                message,
                asked,
            } => {
                host.decide(core, kind, message, asked);
            }
            Call::Resume {
                pending,
                core,
                message,
                answer,
                asked,
            } => {
                host.resume(pending, core, message, answer, asked);
            }
            Call::Look { verdict } => host.look(verdict),
            Call::Write { verdict } => host.write(verdict),
            Call::Release { verdict } => host.release(verdict),
            Call::Operate { core, operation } => host.operate(core, &operation),
        }
    }
});
