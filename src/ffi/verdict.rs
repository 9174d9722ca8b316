// SPDX-License-Identifier: GPL-2.0-or-later

//! Verdicts: the decision of a message, as the host sees it.

use std::mem::MaybeUninit;

use super::clustering_result;
use super::clustering_result::{
    CLUSTERING_RESULT_BAD_ARGUMENT, CLUSTERING_RESULT_OK, CLUSTERING_RESULT_PANIC,
};
use super::message::{HostMessage, clustering_message, kind_of};
use super::node::clustering_core;
use super::text::{array, clustering_borrowed_text, clustering_owned_text};
use crate::cluster::Cluster;
use crate::failure::guard;
use crate::messages::Reply;
use crate::verdict::{Action, Edit, OtherEdit, Verdict};

/// The action that a verdict asks for.
#[repr(C)]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum clustering_action {
    /// Nothing: the message goes on as it is.
    CLUSTERING_ACTION_PASS = 0,
    /// Write the edits; the message goes on.
    CLUSTERING_ACTION_CHANGE = 1,
    /// Write the edits and the return value; the message is handled.
    CLUSTERING_ACTION_ANSWER = 2,
    /// Dispatch a message that is named as `retval` and has the edits as its parameters, then call
    /// `clustering_resume`.
    CLUSTERING_ACTION_LOCATE = 3,
    /// Release this verdict and ask again with all the parameters of the message.
    CLUSTERING_ACTION_NEED_ALL = 4,
    /// Dispatch a copy of the message with the edits written into it; the message gets the return value
    /// and the parameters `code`, `error` and `reason` that the copy then has, and is handled if the copy is. Where it
    /// isn't, and has no error, that is `noconn`.
    CLUSTERING_ACTION_SEND = 5,
    /// Ask a database by a message that is named as `retval` and has the edits as its parameters, for no
    /// longer than `timeout`, then call `clustering_resume`.
    CLUSTERING_ACTION_ASK = 6,
    /// Look up what `clustering_next_lookup` gives, wait until `clustering_resolving` is false for the name that
    /// stands in `retval`, for no longer than `timeout`, then call `clustering_resume`.
    CLUSTERING_ACTION_RESOLVE = 7,
    /// Write the edits, and keep the message from all further handlers; it counts as not handled.
    CLUSTERING_ACTION_REFUSE = 8,
}

/// The kind of an edit.
#[repr(C)]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum clustering_edit_kind {
    /// Set the first parameter of that name to the value, or append one.
    CLUSTERING_EDIT_KIND_SET = 0,
    /// Remove all parameters of that name, or of all names that it stands for.
    CLUSTERING_EDIT_KIND_CLEAR = 1,
}

/// One change of a message's parameters.
#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub struct clustering_edit {
    /// The kind.
    pub kind: clustering_edit_kind,
    /// The number of the parameter's name, see `clustering_name`.
    pub name: u32,
    /// The value to set.
    pub value: clustering_borrowed_text,
}

/// One change of a parameter whose name has no number.
#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub struct clustering_other_edit {
    /// The kind.
    pub kind: clustering_edit_kind,
    /// The parameter's name.
    pub name: clustering_borrowed_text,
    /// The value to set.
    pub value: clustering_borrowed_text,
}

/// The number of words that a `clustering_verdict` keeps for the core.
pub const CLUSTERING_VERDICT_WORDS: usize = 212;

/// The most queries that a host has under way at a time, each with a thread of its own: so a database that
/// doesn't answer takes no more. Others wait for their turn, within their time.
pub const CLUSTERING_MAX_QUERIES: u32 = 16;

/// The verdict on a message, in memory of the host's, such as its stack. The host must not move or copy it, and
/// releases it with `clustering_verdict_release`. All texts in it are borrowed, until then.
#[repr(C)]
pub struct clustering_verdict {
    /// The action.
    pub action: clustering_action,
    /// The level of a line for the log, see `clustering_verdict_line`; 0 where there is none.
    pub level: i32,
    /// The edits, to be written in this order.
    pub edits: *const clustering_edit,
    /// The number of edits.
    pub edit_count: usize,
    /// Edits of parameters whose names have no number, to be written in this order after the others.
    pub other_edits: *const clustering_other_edit,
    /// The number of these.
    pub other_edit_count: usize,
    /// The return value of an answer, the name of a message that is to be dispatched, the name of a host.
    pub retval: clustering_borrowed_text,
    /// The longest time to wait for a database or for the name of a host, in milliseconds.
    pub timeout: u32,
    /// The core's own: there is something to release.
    pub core_made: bool,
    /// The core's own.
    pub core_private: [MaybeUninit<u64>; CLUSTERING_VERDICT_WORDS],
}

/// The reply to a message that the core had the host dispatch: facts, whose meaning the core decides. All of
/// it is borrowed.
#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub struct clustering_reply {
    /// No thread could be started for a query, so it was not made.
    pub no_thread: bool,
    /// A database has not answered in time.
    pub timed_out: bool,
    /// Some handler took the message.
    pub handled: bool,
    /// There is an `error` parameter.
    pub has_error: bool,
    /// The return value.
    pub retval: clustering_borrowed_text,
    /// The value of the `error` parameter.
    pub error: clustering_borrowed_text,
    /// The value of the `reason` parameter, empty where there is none.
    pub reason: clustering_borrowed_text,
    /// The first column of a database's rows, `row_count` texts. NULL for none.
    pub rows: *const clustering_borrowed_text,
    /// The number of rows.
    pub row_count: usize,
}

impl clustering_reply {
    /// # Safety
    ///
    /// All that the reply points to is valid, and stays as it is for `'m`.
    pub(super) unsafe fn get<'m>(&self) -> Reply<'m> {
        // SAFETY: promised by the caller.
        unsafe {
            Reply {
                no_thread: self.no_thread,
                timed_out: self.timed_out,
                handled: self.handled,
                retval: self.retval.get(),
                error: self.has_error.then(|| self.error.get()),
                reason: self.reason.get(),
                // Yate's `sqlitedb` repeats a statement that it could not commit, and leaves the rows of the
                // first try in front.
                row: array(self.rows, self.row_count)
                    .last()
                    .map(|text| text.get()),
            }
        }
    }
}

impl clustering_reply {
    /// The first column of all rows.
    ///
    /// # Safety
    ///
    /// As for [`get`](Self::get).
    pub(super) unsafe fn rows<'m>(&self) -> Vec<&'m [u8]> {
        // SAFETY: promised by the caller.
        let rows = unsafe { array(self.rows, self.row_count) };
        // SAFETY: promised by the caller.
        rows.iter().map(|text| unsafe { text.get() }).collect()
    }
}

/// The most edits that need no memory of their own: those of usual messages.
const FEW: usize = 8;

/// The value in a verdict's private words.
struct Private {
    verdict: Verdict<'static>,
    /// The edits, where they are few.
    few_edits: [MaybeUninit<clustering_edit>; FEW],
    many_edits: Option<Box<[clustering_edit]>>,
    other_edits: Option<Box<[clustering_other_edit]>>,
}

const _: () = {
    assert!(size_of::<Private>() <= CLUSTERING_VERDICT_WORDS * size_of::<u64>());
    assert!(align_of::<Private>() <= align_of::<u64>());
};

/// A verdict's place in the caller's memory, with a [`Private`] in it.
struct Place(*mut clustering_verdict);

impl Place {
    /// Starts a verdict, whose other public fields [`Place::publish`] writes, whatever happens between.
    ///
    /// # Safety
    ///
    /// `place` points to memory for a verdict, which holds none and is nobody else's.
    unsafe fn start(place: *mut clustering_verdict) -> Self {
        // SAFETY: `place` is valid for writes. The private words are big enough and aligned for a
        // `Private` (asserted above); the fields that aren't written here may hold any bits.
        unsafe {
            (&raw mut (*place).other_edits).write(std::ptr::null());
            (&raw mut (*place).other_edit_count).write(0);
            (&raw mut (*place).core_made).write(true);
            let private = (&raw mut (*place).core_private).cast::<Private>();
            (&raw mut (*private).verdict).write(Verdict::default());
            (&raw mut (*private).many_edits).write(None);
            (&raw mut (*private).other_edits).write(None);
        }
        Self(place)
    }

    fn private(&mut self) -> &mut Private {
        // SAFETY: `start` made one there, and this value alone knows the place.
        unsafe { &mut *(&raw mut (*self.0).core_private).cast::<Private>() }
    }

    /// Writes the finished verdict where the caller reads it.
    fn publish(mut self) {
        let place = self.0;
        let Private {
            verdict,
            few_edits,
            many_edits,
            other_edits,
        } = self.private();
        let list = verdict.edits();
        let edits = if list.len() <= FEW {
            for (place, edit) in few_edits.iter_mut().zip(list) {
                place.write(publish_edit(verdict, edit));
            }
            few_edits.as_ptr().cast()
        } else {
            let edits = many_edits.insert(publish_many_edits(verdict));
            edits.as_ptr()
        };
        let edit_count = list.len();
        if !verdict.other_edits().is_empty() {
            let edits = publish_other_edits(verdict);
            // SAFETY: as below.
            unsafe {
                (&raw mut (*place).other_edits).write(edits.as_ptr());
                (&raw mut (*place).other_edit_count).write(edits.len());
            }
            *other_edits = Some(edits);
        }
        let action = match verdict.action {
            Action::Pass => clustering_action::CLUSTERING_ACTION_PASS,
            Action::Change => clustering_action::CLUSTERING_ACTION_CHANGE,
            Action::Answer => clustering_action::CLUSTERING_ACTION_ANSWER,
            Action::Locate => clustering_action::CLUSTERING_ACTION_LOCATE,
            Action::NeedAll => clustering_action::CLUSTERING_ACTION_NEED_ALL,
            Action::Send => clustering_action::CLUSTERING_ACTION_SEND,
            Action::Ask => clustering_action::CLUSTERING_ACTION_ASK,
            Action::Resolve => clustering_action::CLUSTERING_ACTION_RESOLVE,
            Action::Refuse => clustering_action::CLUSTERING_ACTION_REFUSE,
        };
        let level = verdict
            .event
            .as_ref()
            .map_or(0, |event| event.level() as i32);
        let retval = verdict.retval().map_or(
            clustering_borrowed_text::EMPTY,
            clustering_borrowed_text::new,
        );
        let timeout = verdict.timeout();
        // SAFETY: `place` is valid for writes, as promised to `start`; none of these fields is a
        // part of the private words that are borrowed above.
        unsafe {
            (&raw mut (*place).action).write(action);
            (&raw mut (*place).level).write(level);
            (&raw mut (*place).edits).write(edits);
            (&raw mut (*place).edit_count).write(edit_count);
            (&raw mut (*place).retval).write(retval);
            (&raw mut (*place).timeout).write(timeout);
        }
    }
}

fn publish_edit(verdict: &Verdict, edit: &Edit) -> clustering_edit {
    let (kind, name, value) = match edit {
        Edit::Set(name, value) => (
            clustering_edit_kind::CLUSTERING_EDIT_KIND_SET,
            *name,
            verdict.resolve(value),
        ),
        Edit::Clear(name) => (
            clustering_edit_kind::CLUSTERING_EDIT_KIND_CLEAR,
            *name,
            &[][..],
        ),
    };
    clustering_edit {
        kind,
        name: name as u32,
        value: clustering_borrowed_text::new(value),
    }
}

#[cold]
fn publish_many_edits(verdict: &Verdict) -> Box<[clustering_edit]> {
    let edits = verdict.edits().iter();
    edits.map(|edit| publish_edit(verdict, edit)).collect()
}

/// Writes the edits of parameters whose names the core makes up. Few messages have any.
#[cold]
fn publish_other_edits(verdict: &Verdict) -> Box<[clustering_other_edit]> {
    let publish = |edit: &OtherEdit| {
        let value = edit.value.as_ref().map(|value| verdict.resolve(value));
        clustering_other_edit {
            kind: if value.is_some() {
                clustering_edit_kind::CLUSTERING_EDIT_KIND_SET
            } else {
                clustering_edit_kind::CLUSTERING_EDIT_KIND_CLEAR
            },
            name: clustering_borrowed_text::new(verdict.resolve(&edit.name)),
            value: clustering_borrowed_text::new(value.unwrap_or_default()),
        }
    };
    verdict.other_edits().iter().map(publish).collect()
}

/// Tells whether a message concerns the cluster. If not, it passes, and nothing else need be asked.
///
/// * `core`: the node.
/// * `kind`: a `clustering_kind`.
/// * `message`: the message, which need not be complete.
///
/// Returns `false` for NULL, and where there is no such kind; `true` where the core failed, so that the failure
/// shows where the message is decided. Threads: any.
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
    guard(|| core.0.concerns(kind, &message)).unwrap_or(true)
}

/// Decides a message.
///
/// * `core`: the node.
/// * `kind`: a `clustering_kind`.
/// * `message`: the message.
/// * `verdict`: gets the verdict, which borrows from the core and from the parameters' texts. It is always made,
///   unless this is NULL, and must be released.
///
/// Returns `CLUSTERING_RESULT_OK`; `CLUSTERING_RESULT_PANIC` where the core failed: then the verdict lets the message
/// pass, with a line for the log; `CLUSTERING_RESULT_BAD_ARGUMENT` for any NULL and where there is no such kind:
/// then nothing is decided. Threads: any; a verdict is one thread's at a time.
///
/// # Safety
///
/// `core` is NULL or a node, which outlives the verdict; `message` is NULL or valid for the call, the
/// texts of its parameters until the edits are written, after which the verdict may only be released
/// or, if it asks for something, handed to `clustering_resume`; `verdict` is NULL or memory for a verdict that
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
            cluster.decide(
                kind,
                message,
                message.is_complete(),
                message.times(),
                verdict,
            );
        })
    }
}

/// Goes on with a message for which the host has dispatched another one, by `CLUSTERING_ACTION_LOCATE` or
/// `CLUSTERING_ACTION_ASK`, or that has waited, by `CLUSTERING_ACTION_RESOLVE`.
///
/// * `core`: the node.
/// * `pending`: the verdict that asked for it, not yet released, and not the place of `verdict`.
/// * `message`: the message again, complete and with the time of now.
/// * `reply`: the reply; any one where the message has waited.
/// * `verdict`: gets the final verdict, as in `clustering_decide`.
///
/// Returns, and threads: as for `clustering_decide`.
///
/// # Safety
///
/// As for `clustering_decide`; `pending` is NULL or a verdict, `reply` is NULL or valid for the call,
/// its texts until `verdict` is released.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn clustering_resume(
    core: *const clustering_core,
    pending: *const clustering_verdict,
    message: *const clustering_message,
    reply: *const clustering_reply,
    verdict: *mut clustering_verdict,
) -> clustering_result {
    // SAFETY: promised by the caller; that what the verdict borrows outlives it is, too.
    unsafe {
        let pending = private_of(pending).zip(reply.as_ref());
        let asked = core.as_ref().zip(HostMessage::new(message)).zip(pending);
        answer(
            asked,
            verdict,
            |cluster, message, (pending, reply), verdict| {
                let reply = reply.get();
                cluster.resume(&pending.verdict, message, &reply, message.times(), verdict);
            },
        )
    }
}

/// Gives the line that a verdict has for the log. To be asked before the edits are written.
///
/// * `verdict`: the verdict. NULL gives an empty text.
///
/// Returns a text that the host owns; an empty one where there is no line, and where the core failed. Threads: any;
/// a verdict is one thread's at a time.
///
/// # Safety
///
/// `verdict` is NULL or a verdict whose borrowed texts are as they were.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn clustering_verdict_line(
    verdict: *const clustering_verdict,
) -> clustering_owned_text {
    // SAFETY: promised by the caller.
    let Some(Private { verdict, .. }) = (unsafe { private_of(verdict) }) else {
        return clustering_owned_text::EMPTY;
    };
    clustering_owned_text::new(|| {
        let line = verdict.line().map(|line| line.to_string());
        line.unwrap_or_default().into_bytes()
    })
}

/// Releases a verdict, and makes it one that asks for nothing, so that releasing it again is harmless. Its memory may
/// then be used for another.
///
/// * `verdict`: the verdict. NULL is fine.
///
/// Threads: any; a verdict is one thread's at a time.
///
/// # Safety
///
/// `verdict` is NULL or a verdict, released or not.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn clustering_verdict_release(verdict: *mut clustering_verdict) {
    // SAFETY: promised by the caller.
    if verdict.is_null() || !unsafe { (*verdict).core_made } {
        return;
    }
    // SAFETY: promised by the caller; a verdict that was made holds a `Private`.
    unsafe {
        (&raw mut (*verdict).action).write(clustering_action::CLUSTERING_ACTION_PASS);
        (&raw mut (*verdict).level).write(0);
        (&raw mut (*verdict).edit_count).write(0);
        (&raw mut (*verdict).other_edit_count).write(0);
        (&raw mut (*verdict).retval).write(clustering_borrowed_text::EMPTY);
        (&raw mut (*verdict).core_made).write(false);
        let private = (&raw mut (*verdict).core_private).cast::<Private>();
        let _ = guard(|| private.drop_in_place());
    }
}

/// The value in a verdict; `None` for NULL, and for one that was released.
///
/// # Safety
///
/// `verdict` is NULL or a verdict, released or not, that stays as it is for `'v`.
unsafe fn private_of<'v>(verdict: *const clustering_verdict) -> Option<&'v Private> {
    // SAFETY: promised by the caller; a verdict that was made holds a `Private`.
    unsafe {
        let verdict = verdict.as_ref().filter(|verdict| verdict.core_made)?;
        Some(&*verdict.core_private.as_ptr().cast::<Private>())
    }
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
        return CLUSTERING_RESULT_BAD_ARGUMENT;
    }
    // SAFETY: not NULL, and the rest is promised by the caller.
    let mut place = unsafe { Place::start(place) };
    let Some(((clustering_core(cluster), message), question)) = asked else {
        place.publish();
        return CLUSTERING_RESULT_BAD_ARGUMENT;
    };
    let verdict = &mut place.private().verdict;
    let result = guard(|| decide(cluster, &message, question, verdict));
    if let Err(failure) = &result {
        cluster.failed(failure, message.times().now, verdict);
    }
    place.publish();
    if result.is_ok() {
        CLUSTERING_RESULT_OK
    } else {
        CLUSTERING_RESULT_PANIC
    }
}
