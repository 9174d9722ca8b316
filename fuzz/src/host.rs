// SPDX-License-Identifier: GPL-2.0-or-later

//! A host of the C ABI: it makes the structures that the header asks for, and nothing more lenient.
//!
//! Each text has an allocation of exactly its size, and whatever the core must not look at holds
//! addresses that can't be read, so that the address sanitizer sees a step aside.

use std::ptr;

use arbitrary::Arbitrary;
use clustering::ffi::{
    CLUSTERING_NAMES, clustering_answer, clustering_bytes, clustering_message, clustering_param,
    clustering_text, clustering_text_free,
};
use clustering::messages::Name;

use crate::{Params, Text};

/// How a host passes an empty text.
#[derive(Arbitrary, Clone, Copy, Debug)]
pub enum Empty {
    /// As (NULL, 0).
    Null,
    /// As an address with nothing behind it.
    Dangling,
}

/// A text as the ABI takes it; it borrows.
#[must_use]
pub fn bytes(text: &[u8], empty: Empty) -> clustering_bytes {
    let ptr = match empty {
        Empty::Null if text.is_empty() => ptr::null(),
        _ => text.as_ptr(),
    };
    clustering_bytes {
        ptr,
        len: text.len(),
    }
}

/// What a core has handed out as bytes.
///
/// # Panics
///
/// When the bytes are none that the header allows.
///
/// # Safety
///
/// `bytes` came from the core, and what it borrows still stands.
#[allow(unsafe_code, reason = "reads what the core points to")]
#[must_use]
pub unsafe fn read(bytes: clustering_bytes) -> Vec<u8> {
    if bytes.ptr.is_null() {
        assert_eq!(bytes.len, 0, "a NULL text with a length");
        return Vec::new();
    }
    // SAFETY: promised by the caller.
    unsafe { std::slice::from_raw_parts(bytes.ptr, bytes.len) }.to_vec()
}

/// Takes a text over that a core has allocated.
///
/// # Panics
///
/// When the text is none that the header allows.
///
/// # Safety
///
/// `text` came from a core and was not freed; it is now.
#[allow(unsafe_code, reason = "reads and frees what the core allocated")]
#[must_use]
pub unsafe fn take(text: clustering_text) -> Vec<u8> {
    assert_eq!(text.ptr.is_null(), text.len == 0, "NULL is for no text");
    let bytes = clustering_bytes {
        ptr: text.ptr,
        len: text.len,
    };
    // SAFETY: promised by the caller.
    unsafe {
        let copy = read(bytes);
        clustering_text_free(text);
        copy
    }
}

/// A message with all that it points to.
#[derive(Debug)]
pub struct Message {
    params: Vec<clustering_param>,
    known: Vec<clustering_bytes>,
    present: u64,
    repeated: u64,
    complete: bool,
    now: u64,
    /// What the pointers point to.
    _texts: Vec<[Box<[u8]>; 2]>,
}

impl Message {
    /// Makes a message; one that isn't complete has no list of parameters.
    #[must_use]
    pub fn new(params: &Params, complete: bool, now: u64, empty: Empty) -> Self {
        let exact = |text: &Text| -> Box<[u8]> { text.0.as_slice().into() };
        let texts = params.0.iter();
        let texts: Vec<_> = texts
            .map(|(name, value)| [exact(name), exact(value)])
            .collect();
        let unreadable = clustering_bytes {
            ptr: ptr::dangling(),
            len: usize::MAX >> 1,
        };
        let mut known = vec![unreadable; CLUSTERING_NAMES];
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
            now,
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
            now: self.now,
        }
    }
}

/// What a locate message, or a question to a database, came back with.
#[derive(Arbitrary, Clone, Debug)]
pub struct Answer {
    /// Some handler took the message.
    pub handled: bool,
    /// There is an `error`.
    pub has_error: bool,
    /// Its return value.
    pub node: Text,
    /// The value of `error`.
    pub error: Text,
    /// The value of `reason`.
    pub reason: Text,
}

impl Answer {
    /// A database has given a row.
    #[must_use]
    pub fn has_row(&self) -> bool {
        !self.node.0.is_empty()
    }

    /// A database has not answered in time.
    #[must_use]
    pub fn timed_out(&self) -> bool {
        !self.handled && self.has_error
    }

    /// The answer as the ABI takes it; it borrows.
    #[must_use]
    pub fn abi(&self, empty: Empty) -> clustering_answer {
        clustering_answer {
            handled: self.handled,
            node: bytes(&self.node.0, empty),
            has_row: self.has_row(),
            timed_out: self.timed_out(),
            has_error: self.has_error,
            error: bytes(&self.error.0, empty),
            reason: bytes(&self.reason.0, empty),
        }
    }
}
