// SPDX-License-Identifier: GPL-2.0-or-later

//! Verdicts: how messages are decided, and what came of it as the host sees it.

use std::mem::MaybeUninit;

use smallvec::SmallVec;

use super::clustering_result;
use super::clustering_result::{CLUSTERING_BAD_ARGUMENT, CLUSTERING_OK, CLUSTERING_PANIC};
use super::message::{HostMessage, clustering_message, kind_of};
use super::node::clustering_core;
use super::text::{clustering_bytes, clustering_text};
use crate::cluster::Cluster;
use crate::failure::guard;
use crate::messages::Reply;
use crate::verdict::{Action, Edit, Verdict};

/// What a verdict asks for.
#[repr(C)]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum clustering_action {
    /// Nothing: the message goes on as it is.
    CLUSTERING_PASS = 0,
    /// Write the edits; the message goes on.
    CLUSTERING_CHANGE = 1,
    /// Write the edits and the return value; the message is handled.
    CLUSTERING_ANSWER = 2,
    /// Dispatch a message that is named as `retval` and has the edits as its parameters, then call
    /// `clustering_located`.
    CLUSTERING_LOCATE = 3,
    /// Release this verdict and ask again with all the parameters of the message.
    CLUSTERING_NEED_ALL = 4,
    /// Dispatch a copy of the message with the edits written into it; the message gets the return value
    /// and the parameters `code`, `error` and `reason` that the copy then has, and is handled if the copy is.
    CLUSTERING_SEND = 5,
    /// Ask a database by a message that is named as `retval` and has the edits as its parameters, for no
    /// longer than `timeout`, then call `clustering_located`.
    CLUSTERING_ASK = 6,
}

/// What to do with a parameter.
#[repr(C)]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum clustering_edit_kind {
    /// Set the first parameter of that name to the value, or append one.
    CLUSTERING_SET = 0,
    /// Remove all parameters of that name, or of all names that it stands for.
    CLUSTERING_CLEAR = 1,
}

/// One change of a message's parameters.
#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub struct clustering_edit {
    /// What to do.
    pub kind: clustering_edit_kind,
    /// The number of the parameter's name, see `clustering_name`.
    pub name: u32,
    /// The value to set.
    pub value: clustering_bytes,
}

/// One change of a parameter whose name has no number.
#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub struct clustering_other_edit {
    /// What to do.
    pub kind: clustering_edit_kind,
    /// The parameter's name.
    pub name: clustering_bytes,
    /// The value to set.
    pub value: clustering_bytes,
}

/// The words that a `clustering_verdict` keeps for the core.
pub const CLUSTERING_VERDICT_WORDS: usize = 216;

/// The answer to a message, in memory of the caller's; it must not be moved or copied.
#[repr(C)]
pub struct clustering_verdict {
    /// What to do.
    pub action: clustering_action,
    /// The level at which something is to be said, 0 for nothing to say.
    pub level: i32,
    /// The edits, to be written in this order.
    pub edits: *const clustering_edit,
    /// How many edits.
    pub edit_count: usize,
    /// Edits of parameters that have no number, to be written in this order after the others.
    pub other_edits: *const clustering_other_edit,
    /// How many of these.
    pub other_edit_count: usize,
    /// The return value of an answer, the name of a message that is to be dispatched.
    pub retval: clustering_bytes,
    /// How long to wait for a database, in milliseconds.
    pub timeout: u32,
    /// The core's own: leave it alone.
    pub core_private: [MaybeUninit<u64>; CLUSTERING_VERDICT_WORDS],
}

/// What a message of the core's came back with.
#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub struct clustering_answer {
    /// Some handler took the message.
    pub handled: bool,
    /// Its return value; of a database the first column of the last row.
    pub node: clustering_bytes,
    /// A database has given a row.
    pub has_row: bool,
    /// A database has not answered in time.
    pub timed_out: bool,
    /// There is an `error` parameter.
    pub has_error: bool,
    /// The value of the `error` parameter.
    pub error: clustering_bytes,
    /// The value of the `reason` parameter, empty where there is none.
    pub reason: clustering_bytes,
}

/// What lies in a verdict's private words.
struct Private {
    verdict: Verdict<'static>,
    edits: SmallVec<[clustering_edit; 8]>,
    other_edits: Vec<clustering_other_edit>,
}

const _: () = {
    assert!(size_of::<Private>() <= CLUSTERING_VERDICT_WORDS * size_of::<u64>());
    assert!(align_of::<Private>() <= align_of::<u64>());
};

/// A verdict's place in the caller's memory, with a [`Private`] in it.
struct Place(*mut clustering_verdict);

impl Place {
    /// Starts a verdict, which says "pass" until [`Place::publish`].
    ///
    /// # Safety
    ///
    /// `place` points to memory for a verdict, which holds none and is nobody else's.
    unsafe fn start(place: *mut clustering_verdict) -> Self {
        // SAFETY: `place` is valid for writes. The private words are big enough and aligned for a
        // `Private` (asserted above); what isn't written here may hold any bits.
        unsafe {
            (&raw mut (*place).action).write(clustering_action::CLUSTERING_PASS);
            (&raw mut (*place).level).write(0);
            (&raw mut (*place).edits).write(std::ptr::null());
            (&raw mut (*place).edit_count).write(0);
            (&raw mut (*place).other_edits).write(std::ptr::null());
            (&raw mut (*place).other_edit_count).write(0);
            (&raw mut (*place).retval).write(clustering_bytes::EMPTY);
            (&raw mut (*place).timeout).write(0);
            let private = (&raw mut (*place).core_private).cast::<Private>();
            (&raw mut (*private).verdict).write(Verdict::default());
            (&raw mut (*private).edits).write(SmallVec::new());
            (&raw mut (*private).other_edits).write(Vec::new());
        }
        Self(place)
    }

    fn private(&mut self) -> &mut Private {
        // SAFETY: `start` made one there, and this value alone knows the place.
        unsafe { &mut *(&raw mut (*self.0).core_private).cast::<Private>() }
    }

    /// Shows the caller what the verdict has come to.
    fn publish(mut self) {
        let place = self.0;
        let Private {
            verdict,
            edits,
            other_edits,
        } = self.private();
        edits.extend(verdict.edits().iter().map(|edit| {
            let (kind, name, value) = match edit {
                Edit::Set(name, value) => (
                    clustering_edit_kind::CLUSTERING_SET,
                    *name,
                    verdict.resolve(value),
                ),
                Edit::Clear(name) => (clustering_edit_kind::CLUSTERING_CLEAR, *name, &[][..]),
            };
            clustering_edit {
                kind,
                name: name as u32,
                value: clustering_bytes::new(value),
            }
        }));
        other_edits.extend(verdict.other_edits().iter().map(|edit| {
            let value = edit.value.as_ref().map(|value| verdict.resolve(value));
            clustering_other_edit {
                kind: if value.is_some() {
                    clustering_edit_kind::CLUSTERING_SET
                } else {
                    clustering_edit_kind::CLUSTERING_CLEAR
                },
                name: clustering_bytes::new(verdict.resolve(&edit.name)),
                value: clustering_bytes::new(value.unwrap_or_default()),
            }
        }));
        let action = match verdict.action {
            Action::Pass => clustering_action::CLUSTERING_PASS,
            Action::Change => clustering_action::CLUSTERING_CHANGE,
            Action::Answer => clustering_action::CLUSTERING_ANSWER,
            Action::Locate => clustering_action::CLUSTERING_LOCATE,
            Action::NeedAll => clustering_action::CLUSTERING_NEED_ALL,
            Action::Send => clustering_action::CLUSTERING_SEND,
            Action::Ask => clustering_action::CLUSTERING_ASK,
        };
        let level = verdict
            .event
            .as_ref()
            .map_or(0, |event| event.level() as i32);
        let retval = verdict
            .retval()
            .map_or(clustering_bytes::EMPTY, clustering_bytes::new);
        let (edits, edit_count) = (edits.as_ptr(), edits.len());
        let (other_edits, other_edit_count) = (other_edits.as_ptr(), other_edits.len());
        let timeout = verdict.timeout();
        // SAFETY: `place` is valid for writes, as promised to `start`; none of these fields is a
        // part of the private words that are borrowed above.
        unsafe {
            (&raw mut (*place).action).write(action);
            (&raw mut (*place).level).write(level);
            (&raw mut (*place).edits).write(edits);
            (&raw mut (*place).edit_count).write(edit_count);
            (&raw mut (*place).other_edits).write(other_edits);
            (&raw mut (*place).other_edit_count).write(other_edit_count);
            (&raw mut (*place).retval).write(retval);
            (&raw mut (*place).timeout).write(timeout);
        }
    }
}

/// Whether a message is any business of the cluster's: if not, it passes, and nothing else need be
/// asked. `false` for NULL, and where `kind` is no `clustering_kind`.
///
/// The message need not be complete.
///
/// # Safety
///
/// `core` is NULL or a node; `message` is NULL or valid for the call, with all that it points to.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn clustering_concerns(
    core: *const clustering_core,
    kind: u32,
    message: *const clustering_message,
) -> bool {
    // SAFETY: promised by the caller.
    let (core, message) = unsafe { (core.as_ref(), HostMessage::new(message)) };
    let (Some(core), Some(kind), Some(message)) = (core, kind_of(kind), message) else {
        return false;
    };
    // A failure shows, and is counted, where the message is decided.
    guard(|| core.0.concerns(kind, &message)).unwrap_or(true)
}

/// Decides a message.
///
/// `kind` is a `clustering_kind`. With any NULL or another `kind` nothing is decided. `verdict`, unless
/// NULL itself, is always made and must be released; it borrows from the core and from the parameters'
/// texts.
///
/// # Safety
///
/// `core` is NULL or a node, which outlives the verdict; `message` is NULL or valid for the call, the
/// texts of its parameters until the edits are written, after which the verdict may only be released
/// or, if it asks for something, handed to `clustering_located`; `verdict` is NULL or memory for a verdict that
/// holds none, as for every entry that makes one.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn clustering_decide(
    core: *const clustering_core,
    kind: u32,
    message: *const clustering_message,
    verdict: *mut clustering_verdict,
) -> clustering_result {
    // SAFETY: promised by the caller; that what the verdict borrows outlives it is, too.
    unsafe {
        let (kind, message) = (kind_of(kind), HostMessage::new(message));
        let asked = core.as_ref().zip(message).zip(kind);
        answer(asked, verdict, |cluster, message, kind, verdict| {
            cluster.decide(kind, message, message.complete, message.now, verdict);
        })
    }
}

/// Goes on with a message for which something was asked, by `CLUSTERING_LOCATE` or `CLUSTERING_ASK`.
///
/// `pending` is the verdict that asked for it, not yet released, and not the place of `verdict`. `message` is again
/// the message, complete and with the time of now. `answer` is what came back. The rest is as for
/// `clustering_decide`.
///
/// # Safety
///
/// As for `clustering_decide`; `pending` is NULL or a verdict, `answer` is NULL or valid for the call,
/// its texts until `verdict` is released.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn clustering_located(
    core: *const clustering_core,
    pending: *const clustering_verdict,
    message: *const clustering_message,
    answer: *const clustering_answer,
    verdict: *mut clustering_verdict,
) -> clustering_result {
    // SAFETY: promised by the caller; that what the verdict borrows outlives it is, too. Every
    // verdict of the caller's holds a `Private`.
    unsafe {
        let pending = pending.as_ref().zip(answer.as_ref());
        let asked = core.as_ref().zip(HostMessage::new(message)).zip(pending);
        self::answer(
            asked,
            verdict,
            |cluster, message, (pending, answer), verdict| {
                let pending = &(*pending.core_private.as_ptr().cast::<Private>()).verdict;
                let reply = Reply {
                    handled: answer.handled,
                    node: answer.node.get(),
                    has_row: answer.has_row,
                    timed_out: answer.timed_out,
                    error: answer.has_error.then(|| answer.error.get()),
                    reason: answer.reason.get(),
                };
                cluster.resume(pending, message, &reply, message.now, verdict);
            },
        )
    }
}

/// The line that a verdict has for the log; free it. To be asked before the edits are written. NULL gives
/// no text.
///
/// # Safety
///
/// `verdict` is NULL or a verdict whose borrowed texts are as they were.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn clustering_verdict_line(
    verdict: *const clustering_verdict,
) -> clustering_text {
    // SAFETY: promised by the caller; every verdict of his holds a `Private`.
    let private = unsafe {
        verdict
            .as_ref()
            .map(|verdict| &*verdict.core_private.as_ptr().cast::<Private>())
    };
    let Some(Private { verdict, .. }) = private else {
        return clustering_text::EMPTY;
    };
    clustering_text::new(|| {
        let line = verdict.line().map(|line| line.to_string());
        line.unwrap_or_default().into_bytes()
    })
}

/// Releases a verdict, after which its memory may be used for another. NULL is fine.
///
/// # Safety
///
/// `verdict` is NULL or a verdict, which is used no more.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn clustering_verdict_release(verdict: *mut clustering_verdict) {
    if verdict.is_null() {
        return;
    }
    let _ = guard(|| {
        // SAFETY: promised by the caller; every verdict of his holds a `Private`.
        unsafe {
            (&raw mut (*verdict).core_private)
                .cast::<Private>()
                .drop_in_place();
        };
    });
}

/// Starts a verdict, lets `decide` fill it if it was `asked` something, and publishes it.
///
/// # Safety
///
/// As for [`clustering_decide`].
unsafe fn answer<'m, Q>(
    asked: Option<((&'static clustering_core, HostMessage<'m>), Q)>,
    place: *mut clustering_verdict,
    decide: impl FnOnce(&'static Cluster, &HostMessage<'m>, Q, &mut Verdict<'static>),
) -> clustering_result {
    if place.is_null() {
        return CLUSTERING_BAD_ARGUMENT;
    }
    // SAFETY: not NULL, and the rest is promised by the caller.
    let mut place = unsafe { Place::start(place) };
    let Some(((clustering_core(cluster), message), question)) = asked else {
        place.publish();
        return CLUSTERING_BAD_ARGUMENT;
    };
    let verdict = &mut place.private().verdict;
    let result = guard(|| decide(cluster, &message, question, verdict));
    if let Err(failure) = &result {
        cluster.failed(failure, message.now, verdict);
    }
    place.publish();
    if result.is_ok() {
        CLUSTERING_OK
    } else {
        CLUSTERING_PANIC
    }
}
