// SPDX-License-Identifier: GPL-2.0-or-later

//! A host of the C ABI: it makes the structures that the header asks for, and nothing more lenient.
//!
//! Each text has an allocation of exactly its size. All that the core must not look at holds addresses that
//! can't be read, so that the address sanitizer notices a step aside.

use std::ptr;

use arbitrary::Arbitrary;
use clustering::ffi::{
    CLUSTERING_NAME_COUNT, clustering_borrowed_text, clustering_message, clustering_owned_text,
    clustering_owned_text_free, clustering_param, clustering_reply,
};
use clustering::messages::{Name, Reply};
use clustering::time::{MessageTimes, WallTime};

use crate::{Params, Text};

/// The way that a host passes an empty text.
#[derive(Arbitrary, Clone, Copy, Debug)]
pub enum Empty {
    /// As (NULL, 0).
    Null,
    /// As an address with nothing behind it.
    Dangling,
}

/// A text as the ABI takes it; it borrows.
#[must_use]
pub fn bytes(text: &[u8], empty: Empty) -> clustering_borrowed_text {
    let ptr = match empty {
        Empty::Null if text.is_empty() => ptr::null(),
        _ => text.as_ptr(),
    };
    clustering_borrowed_text {
        ptr,
        len: text.len(),
    }
}

/// A copy of a text that a core lends.
///
/// # Panics
///
/// When the text is none that the header allows.
///
/// # Safety
///
/// `text` came from a core, and the borrowed bytes still stand.
#[allow(unsafe_code, reason = "reads what the core points to")]
#[must_use]
pub unsafe fn read(text: clustering_borrowed_text) -> Vec<u8> {
    if text.ptr.is_null() {
        assert_eq!(text.len, 0, "a NULL text with a length");
        return Vec::new();
    }
    // SAFETY: promised by the caller.
    unsafe { std::slice::from_raw_parts(text.ptr, text.len) }.to_vec()
}

/// A copy of a text that a core has allocated.
///
/// # Panics
///
/// When the text is none that the header allows.
///
/// # Safety
///
/// `text` came from a core and was not freed.
#[allow(unsafe_code, reason = "reads what the core allocated")]
#[must_use]
pub unsafe fn read_owned(text: &clustering_owned_text) -> Vec<u8> {
    assert_eq!(text.ptr.is_null(), text.len == 0, "NULL is for no text");
    // SAFETY: promised by the caller.
    unsafe {
        read(clustering_borrowed_text {
            ptr: text.ptr,
            len: text.len,
        })
    }
}

/// Takes a text over that a core has allocated, and frees it.
///
/// # Panics
///
/// When the text is none that the header allows, or isn't an empty one afterwards.
///
/// # Safety
///
/// `text` came from a core and was not freed; it is now.
#[allow(unsafe_code, reason = "reads and frees what the core allocated")]
#[must_use]
pub unsafe fn take(mut text: clustering_owned_text) -> Vec<u8> {
    // SAFETY: promised by the caller; a text that was freed is an empty one, which may be freed again.
    unsafe {
        let copy = read_owned(&text);
        clustering_owned_text_free(&raw mut text);
        assert!(read_owned(&text).is_empty());
        clustering_owned_text_free(&raw mut text);
        copy
    }
}

/// A message with all that it points to.
#[derive(Debug)]
pub struct Message {
    params: Vec<clustering_param>,
    known: Vec<clustering_borrowed_text>,
    present: u64,
    repeated: u64,
    complete: bool,
    times: MessageTimes,
    /// The memory that the pointers point to.
    _texts: Vec<[Box<[u8]>; 2]>,
}

impl Message {
    /// Makes a message; one that isn't complete has no list of parameters.
    #[must_use]
    pub fn new(params: &Params, complete: bool, times: MessageTimes, empty: Empty) -> Self {
        let exact = |text: &Text| -> Box<[u8]> { text.0.as_slice().into() };
        let texts = params.0.iter();
        let texts: Vec<_> = texts
            .map(|(name, value)| [exact(name), exact(value)])
            .collect();
        let unreadable = clustering_borrowed_text {
            ptr: ptr::dangling(),
            len: usize::MAX >> 1,
        };
        let mut known = vec![unreadable; CLUSTERING_NAME_COUNT];
        let (mut present, mut repeated) = (0_u64, 0_u64);
        for name in Name::ALL {
            let mut named = texts.iter().filter(|[text, _]| name.matches(text));
            if let Some([_, value]) = named.next() {
                known[*name as usize] = bytes(value, empty);
                present |= 1 << *name as u32;
            }
            if named.next().is_some() {
                repeated |= 1 << *name as u32;
            }
        }
        let params = texts.iter().map(|[name, value]| clustering_param {
            name: bytes(name, empty),
            value: bytes(value, empty),
        });
        Self {
            params: params.collect(),
            known,
            present,
            repeated,
            complete,
            times,
            _texts: texts,
        }
    }

    /// Frees all but the texts, which alone must stand as long as a verdict.
    pub fn keep_texts(&mut self) {
        self.params = Vec::new();
        self.known = Vec::new();
    }

    /// The message as the ABI takes it; it borrows.
    #[must_use]
    pub fn abi(&self) -> clustering_message {
        clustering_message {
            known: self.known.as_ptr(),
            present: self.present,
            repeated: self.repeated,
            params: if self.complete {
                self.params.as_ptr()
            } else {
                ptr::null()
            },
            count: if self.complete { self.params.len() } else { 0 },
            complete: self.complete,
            made: self.times.made.0,
            now: self.times.now.0,
        }
    }
}

/// The times of a message that is so many seconds old at a time in seconds.
#[must_use]
pub fn times(now: u16, age: u8) -> MessageTimes {
    let seconds = |seconds: u16| WallTime(u64::from(seconds) * 1_000_000);
    MessageTimes {
        made: seconds(now.saturating_sub(age.into())),
        now: seconds(now),
    }
}

/// The reply to a locate message, or to a database query.
#[derive(Arbitrary, Clone, Debug)]
#[expect(clippy::struct_excessive_bools, reason = "they are those of the ABI")]
pub struct Answer {
    /// Some handler took the message.
    pub handled: bool,
    /// There is an `error`.
    pub has_error: bool,
    /// The return value.
    pub retval: Text,
    /// The value of `error`.
    pub error: Text,
    /// The value of `reason`.
    pub reason: Text,
    /// The rows of a database, as many bytes as texts.
    pub rows: Text,
    /// No thread could be started.
    pub no_thread: bool,
    /// A database has not answered in time.
    pub timed_out: bool,
}

/// A reply as the ABI takes it, with all that it points to.
#[derive(Debug)]
pub struct AbiReply {
    reply: clustering_reply,
    _rows: Box<[clustering_borrowed_text]>,
}

impl AbiReply {
    /// The reply.
    #[must_use]
    pub fn as_ptr(&self) -> *const clustering_reply {
        &raw const self.reply
    }
}

impl Answer {
    /// The rows, each a text of one byte, or an empty one.
    fn rows(&self) -> impl Iterator<Item = &[u8]> {
        let rows = self.rows.0.chunks(1);
        rows.map(|row| if row == [0] { &[] } else { row })
    }

    /// The reply as the core takes it.
    #[must_use]
    pub fn direct(&self) -> Reply<'_> {
        Reply {
            no_thread: self.no_thread,
            timed_out: self.timed_out,
            handled: self.handled,
            retval: &self.retval.0,
            error: self.has_error.then_some(&*self.error.0),
            reason: &self.reason.0,
            row: self.rows().last(),
        }
    }

    /// The reply as the ABI takes it; it borrows.
    #[must_use]
    pub fn abi(&self, empty: Empty) -> AbiReply {
        let rows: Box<_> = self.rows().map(|row| bytes(row, empty)).collect();
        let is_null = rows.is_empty() && matches!(empty, Empty::Null);
        let reply = clustering_reply {
            no_thread: self.no_thread,
            timed_out: self.timed_out,
            handled: self.handled,
            has_error: self.has_error,
            retval: bytes(&self.retval.0, empty),
            error: bytes(&self.error.0, empty),
            reason: bytes(&self.reason.0, empty),
            rows: if is_null { ptr::null() } else { rows.as_ptr() },
            row_count: rows.len(),
        };
        AbiReply { reply, _rows: rows }
    }
}
