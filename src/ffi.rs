// SPDX-License-Identifier: GPL-2.0-or-later

//! The C ABI: the only way in from C and C++.
//!
//! The header `include/clustering.h` is made from this file, its conventions stand at its top
//! (`cbindgen.toml`). The rules of this side:
//!
//! * Whatever an entry does with the core runs inside [`guard`]: a panic costs that one message, never
//!   the engine. Outside is only the translation of arguments and results, which has nothing to fail at.
//! * Pointers become references only here, each where a SAFETY comment names what the caller owes.
//! * A [`clustering_verdict`] is the caller's memory with a Rust value in it, from the entry that
//!   made it until `clustering_verdict_release`.
#![allow(unsafe_code)]
#![allow(non_camel_case_types, reason = "these are the names that C sees")]

pub mod abi;
pub mod operate;

use std::mem::MaybeUninit;
use std::slice;

use smallvec::SmallVec;

use crate::cluster::Cluster;
use crate::failure::guard;
use crate::message::{Kind, Located, Name, Parameters};
use crate::settings::Entry;
use crate::text::Shown;
use crate::verdict::{Action, Edit, Verdict};

/// How an entry ended. Numbers are never given another meaning.
#[repr(C)]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum clustering_result {
    /// As it should.
    CLUSTERING_OK = 0,
    /// The core failed; nothing was changed, the failure was counted.
    CLUSTERING_PANIC = 1,
    /// An argument was NULL or out of range.
    CLUSTERING_BAD_ARGUMENT = 2,
    /// The settings are wrong, or the state is damaged; nothing of it was taken.
    CLUSTERING_BAD_SETTINGS = 3,
    /// The host was built for another ABI.
    CLUSTERING_BAD_ABI = 4,
}
use clustering_result::{
    CLUSTERING_BAD_ARGUMENT, CLUSTERING_BAD_SETTINGS, CLUSTERING_OK, CLUSTERING_PANIC,
};

/// The messages that the cluster has a say in.
#[repr(C)]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum clustering_kind {
    /// `call.route`
    CLUSTERING_ROUTE = 0,
    /// `call.execute`
    CLUSTERING_EXECUTE = 1,
    /// `user.register`
    CLUSTERING_REGISTER = 2,
    /// `call.cdr`
    CLUSTERING_CDR = 3,
    /// `cluster.locate`
    CLUSTERING_LOCATION = 4,
    /// `chan.startup`
    CLUSTERING_STARTUP = 5,
    /// `chan.hangup`
    CLUSTERING_HANGUP = 6,
    /// `call.preroute`
    CLUSTERING_PREROUTE = 7,
    /// `user.unregister`
    CLUSTERING_UNREGISTER = 8,
    /// `msg.execute`
    CLUSTERING_MESSAGE = 9,
}

/// How many kinds there are.
pub const CLUSTERING_KINDS: usize = 10;

const _: () = assert!(CLUSTERING_KINDS == Kind::ALL.len());

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
    /// Ask a database by a message that is named as `retval` and has the edits as its parameters, for no
    /// longer than `timeout`, then call `clustering_located`.
    CLUSTERING_ASK = 6,
    /// Dispatch a copy of the message with the edits written into it; the message gets the return value
    /// and the parameters `code`, `error` and `reason` that the copy then has, and is handled if the copy is.
    CLUSTERING_SEND = 5,
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

/// A text: not NUL-terminated, `len` bytes. `ptr` may be NULL only where `len` is 0.
#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub struct clustering_bytes {
    /// The first byte.
    pub ptr: *const u8,
    /// How many bytes.
    pub len: usize,
}

/// A parameter of a message. One without a value has an empty value.
#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub struct clustering_param {
    /// Its name.
    pub name: clustering_bytes,
    /// Its value.
    pub value: clustering_bytes,
}

/// How many parameter names have a number; see `clustering_name`.
pub const CLUSTERING_NAMES: usize = 40;

const _: () = assert!(CLUSTERING_NAMES == Name::ALL.len() && CLUSTERING_NAMES < 64);

/// How long these names are at most.
pub const CLUSTERING_NAME_LENGTH: usize = 16;

const _: () = {
    let mut at = 0;
    while at < Name::ALL.len() {
        assert!(Name::ALL[at].text().len() <= CLUSTERING_NAME_LENGTH);
        at += 1;
    }
};

/// A message as the core sees it.
#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub struct clustering_message {
    /// The values by the number of the name, `CLUSTERING_NAMES` of them: of each parameter the first
    /// one.
    pub known: *const clustering_bytes,
    /// Which of them are there: bit 0 for number 0, and so on. The others are not looked at. Those that
    /// are not of `clustering_kind_names` need not be told.
    pub present: u64,
    /// Which of them the message has more than once.
    pub repeated: u64,
    /// All parameters in order; NULL where the message isn't complete.
    pub params: *const clustering_param,
    /// How many parameters.
    pub count: usize,
    /// Whether all parameters are given, too.
    pub complete: bool,
    /// When the message was made: microseconds since 1970, by which signatures are dated.
    pub now: u64,
}

/// One `key=value` of a file of settings.
#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub struct clustering_setting {
    /// The section that it stands in.
    pub section: clustering_bytes,
    /// The key; empty for a section that has no entries.
    pub key: clustering_bytes,
    /// The value.
    pub value: clustering_bytes,
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

/// The words that a `clustering_verdict` keeps for the core.
pub const CLUSTERING_VERDICT_WORDS: usize = 208;

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
    /// The return value of an answer, the name of a message that is to be dispatched.
    pub retval: clustering_bytes,
    /// How long to wait for a database, in milliseconds.
    pub timeout: u32,
    /// The core's own: leave it alone.
    pub core_private: [MaybeUninit<u64>; CLUSTERING_VERDICT_WORDS],
}

/// A text that the core has allocated. Give it to `clustering_text_free` once.
#[repr(C)]
#[derive(Debug)]
pub struct clustering_text {
    /// The first byte; NULL where there is no text.
    pub ptr: *mut u8,
    /// How many bytes.
    pub len: usize,
}

/// A node's view of its cluster. Opaque.
pub struct clustering_core(Cluster);

// Any thread may call any entry.
const _: fn() = || {
    fn assert_shared<T: Send + Sync>() {}
    assert_shared::<clustering_core>();
};

/// What lies in a verdict's private words.
struct Private {
    verdict: Verdict<'static>,
    edits: SmallVec<[clustering_edit; 8]>,
}

const _: () = {
    assert!(size_of::<Private>() <= CLUSTERING_VERDICT_WORDS * size_of::<u64>());
    assert!(align_of::<Private>() <= align_of::<u64>());
};

impl clustering_bytes {
    const EMPTY: Self = Self {
        ptr: std::ptr::null(),
        len: 0,
    };

    fn new(bytes: &[u8]) -> Self {
        Self {
            ptr: bytes.as_ptr(),
            len: bytes.len(),
        }
    }

    /// # Safety
    ///
    /// `ptr` is NULL, or points to `len` bytes that stay as they are for `'m`.
    unsafe fn get<'m>(self) -> &'m [u8] {
        // SAFETY: as this function's caller promises, it's the same promise.
        unsafe { array(self.ptr, self.len) }
    }
}

/// The elements behind a pointer and a count, none for NULL.
///
/// # Safety
///
/// `ptr` is NULL, or points to `len` elements that are valid and stay as they are for `'m`.
unsafe fn array<'m, T>(ptr: *const T, len: usize) -> &'m [T] {
    if ptr.is_null() {
        return &[];
    }
    // SAFETY: not NULL, and the rest is what the caller promises.
    unsafe { slice::from_raw_parts(ptr, len) }
}

/// A file of settings as the host has read it.
///
/// # Safety
///
/// The texts are valid, and stay as they are for `'m`.
unsafe fn entries<'m>(settings: &[clustering_setting]) -> Vec<Entry<'m>> {
    let entry = |setting: &clustering_setting| {
        // SAFETY: promised by the caller.
        let text = |bytes: clustering_bytes| unsafe { bytes.get() };
        Entry {
            section: text(setting.section),
            key: text(setting.key),
            value: text(setting.value),
        }
    };
    settings.iter().map(entry).collect()
}

/// A message as the host has it.
struct HostMessage<'m> {
    params: &'m [clustering_param],
    /// As many as there are names, those that aren't `present` of any content; or NULL.
    known: *const clustering_bytes,
    present: u64,
    repeated: u64,
    complete: bool,
    now: u64,
}

impl HostMessage<'_> {
    /// `None` for NULL.
    ///
    /// # Safety
    ///
    /// `message` is NULL or valid; what it points to, texts included, stays as it is for `'m`.
    unsafe fn new(message: *const clustering_message) -> Option<Self> {
        // SAFETY: promised by the caller.
        unsafe {
            let message = message.as_ref()?;
            Some(Self {
                params: array(message.params, message.count),
                known: message.known,
                present: if message.known.is_null() {
                    0
                } else {
                    message.present
                },
                repeated: message.repeated,
                complete: message.complete,
                now: message.now,
            })
        }
    }
}

impl<'m> Parameters<'m> for HostMessage<'m> {
    fn get(&self, name: Name) -> Option<&'m [u8]> {
        if (self.present >> (name as u32)) & 1 == 0 {
            return None;
        }
        // SAFETY: promised to `new`, without which there is no such value: `known` is not NULL where
        // something is present, and has a place for each name.
        Some(unsafe { (*self.known.add(name as usize)).get() })
    }

    fn is_repeated(&self, name: Name) -> bool {
        (self.repeated >> (name as u32)) & 1 != 0
    }

    fn other(&self, name: &[u8]) -> Option<&'m [u8]> {
        // SAFETY: promised to `new`, without which there is no such value.
        let param = self
            .params
            .iter()
            .find(|param| unsafe { param.name.get() } == name)?;
        // SAFETY: as before.
        Some(unsafe { param.value.get() })
    }
}

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
            (&raw mut (*place).retval).write(clustering_bytes::EMPTY);
            (&raw mut (*place).timeout).write(0);
            let private = (&raw mut (*place).core_private).cast::<Private>();
            (&raw mut (*private).verdict).write(Verdict::default());
            (&raw mut (*private).edits).write(SmallVec::new());
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
        let Private { verdict, edits } = self.private();
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

/// Makes a node that does nothing until `clustering_load`; the caller owns it.
///
/// `node` is the node's name; with an empty one the node stays disabled. `process` is a random number,
/// which no other process of the cluster may have. NULL is returned where the core failed.
///
/// # Safety
///
/// `node` is valid for the call.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn clustering_new(
    node: clustering_bytes,
    process: u64,
) -> *mut clustering_core {
    crate::failure::record_panics();
    // SAFETY: promised by the caller.
    let node = unsafe { node.get() };
    guard(|| Box::into_raw(Box::new(clustering_core(Cluster::new(node, process)))))
        .unwrap_or(std::ptr::null_mut())
}

/// Frees a node. Nobody may be inside another entry with it. NULL is fine.
///
/// # Safety
///
/// `core` came from `clustering_new` and is used no more.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn clustering_free(core: *mut clustering_core) {
    if core.is_null() {
        return;
    }
    // SAFETY: promised by the caller.
    let _ = guard(|| drop(unsafe { Box::from_raw(core) }));
}

/// Puts a file of settings in force.
///
/// `file` is its path, for errors; `settings` its `count` entries in order, NULL for none. Where
/// it's refused `errors`, unless NULL, gets a line for each thing that is wrong, and the settings in
/// force stay; else an empty text. Free it in both cases.
///
/// # Safety
///
/// `core` is NULL or a node; `file`, the entries and their texts are valid for the call; `errors` is
/// NULL or valid for a write.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn clustering_load(
    core: *const clustering_core,
    file: clustering_bytes,
    settings: *const clustering_setting,
    count: usize,
    errors: *mut clustering_text,
) -> clustering_result {
    let mut lines = Vec::new();
    // SAFETY: promised by the caller.
    let (core, file, settings) = unsafe { (core.as_ref(), file.get(), array(settings, count)) };
    let result = match core {
        None => CLUSTERING_BAD_ARGUMENT,
        Some(clustering_core(cluster)) => guard(|| {
            // SAFETY: promised by the caller.
            let entries = unsafe { entries(settings) };
            match cluster.load(&Shown(file).to_string(), &entries) {
                Ok(()) => CLUSTERING_OK,
                Err(problems) => {
                    lines = problems.iter().map(ToString::to_string).collect();
                    CLUSTERING_BAD_SETTINGS
                }
            }
        })
        .unwrap_or_else(|failure| {
            lines = vec![failure.to_string()];
            CLUSTERING_PANIC
        }),
    };
    if !errors.is_null() {
        // SAFETY: promised by the caller.
        unsafe { errors.write(clustering_text::new(|| lines.join("\n").into_bytes())) };
    }
    result
}

/// Whether the settings in force let the node do anything; `false` for NULL.
///
/// # Safety
///
/// `core` is NULL or a node.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn clustering_enabled(core: *const clustering_core) -> bool {
    // SAFETY: promised by the caller.
    let core = unsafe { core.as_ref() };
    core.is_some_and(|core| guard(|| core.0.settings().enabled).unwrap_or(false))
}

/// The priority at which messages of a kind are to be handled; 0 where they are not, where `kind` is
/// no `clustering_kind`, or for NULL.
///
/// # Safety
///
/// `core` is NULL or a node.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn clustering_priority(core: *const clustering_core, kind: u32) -> u32 {
    // SAFETY: promised by the caller.
    let core = unsafe { core.as_ref() };
    let (Some(core), Some(kind)) = (core, kind_of(kind)) else {
        return 0;
    };
    guard(|| core.0.settings().priority(kind).unwrap_or(0)).unwrap_or(0)
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
/// or, if it began a locate, handed to `clustering_located`; `verdict` is NULL or memory for a verdict that
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

/// Goes on with a call for which a node was located.
///
/// `begun` is the verdict that asked for it, not yet released; `message` is again the whole call.
/// `answer` is what the locate message came back with. The rest is as for `clustering_decide`.
///
/// # Safety
///
/// As for `clustering_decide`; `begun` is NULL or a verdict, `answer` is NULL or valid for the call,
/// its texts until `verdict` is released.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn clustering_located(
    core: *const clustering_core,
    begun: *const clustering_verdict,
    message: *const clustering_message,
    answer: *const clustering_answer,
    verdict: *mut clustering_verdict,
) -> clustering_result {
    // SAFETY: promised by the caller; that what the verdict borrows outlives it is, too. Every
    // verdict of the caller's holds a `Private`.
    unsafe {
        let begun = begun.as_ref().zip(answer.as_ref());
        let asked = core.as_ref().zip(HostMessage::new(message)).zip(begun);
        self::answer(
            asked,
            verdict,
            |cluster, message, (begun, located), verdict| {
                let begun = &(*begun.core_private.as_ptr().cast::<Private>()).verdict;
                let located = Located {
                    handled: located.handled,
                    node: located.node.get(),
                    has_row: located.has_row,
                    timed_out: located.timed_out,
                    error: located.has_error.then(|| located.error.get()),
                    reason: located.reason.get(),
                };
                cluster.decide_located(begun, message, &located, message.now, verdict);
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

/// Frees a text that the core has allocated.
///
/// # Safety
///
/// `text` came from the core and was not freed.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn clustering_text_free(text: clustering_text) {
    if text.ptr.is_null() {
        return;
    }
    let slice = std::ptr::slice_from_raw_parts_mut(text.ptr, text.len);
    // SAFETY: `clustering_text::new` made it of a box of as many bytes.
    let _ = guard(|| drop(unsafe { Box::from_raw(slice) }));
}

/// The parameter name of a number below `CLUSTERING_NAMES`, for ever valid; empty for other numbers.
///
/// A `*` at its end stands for whatever else a name has there: of such parameters, too, the first
/// one is the known one, and all are removed together.
#[unsafe(no_mangle)]
pub extern "C" fn clustering_name(number: u32) -> clustering_bytes {
    let name = usize::try_from(number)
        .ok()
        .and_then(|number| Name::ALL.get(number));
    name.map_or(clustering_bytes::EMPTY, |name| {
        clustering_bytes::new(name.text().as_bytes())
    })
}

/// The name of the messages of a kind, for ever valid; empty where there is no such kind.
#[unsafe(no_mangle)]
pub extern "C" fn clustering_kind_name(kind: u32) -> clustering_bytes {
    let kind = kind_of(kind);
    kind.map_or(clustering_bytes::EMPTY, |kind| {
        clustering_bytes::new(kind.name().as_bytes())
    })
}

/// A bit for each parameter name that matters in messages of a kind: bit 0 for number 0, and so on.
///
/// Neither is any other asked for, so a host need not look for it, nor is it written. None where there
/// is no such kind. A message of the core's own has any.
#[unsafe(no_mangle)]
pub extern "C" fn clustering_kind_names(kind: u32) -> u64 {
    kind_of(kind).map_or(0, |kind| kind.names().bits())
}

/// Whether some messages of a kind may be no business of the cluster's, so that `clustering_concerns` is
/// worth asking; `false` where there is no such kind.
#[unsafe(no_mangle)]
pub extern "C" fn clustering_kind_filtered(kind: u32) -> bool {
    kind_of(kind).is_some_and(Kind::is_filtered)
}

impl clustering_text {
    const EMPTY: Self = Self {
        ptr: std::ptr::null_mut(),
        len: 0,
    };

    /// The text that `make` makes; none where that fails.
    fn new(make: impl FnOnce() -> Vec<u8>) -> Self {
        match guard(|| make().into_boxed_slice()) {
            Ok(bytes) if !bytes.is_empty() => {
                let len = bytes.len();
                Self {
                    ptr: Box::into_raw(bytes).cast(),
                    len,
                }
            }
            _ => Self::EMPTY,
        }
    }
}

fn kind_of(number: u32) -> Option<Kind> {
    usize::try_from(number)
        .ok()
        .and_then(|number| Kind::ALL.get(number).copied())
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
