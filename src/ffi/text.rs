// SPDX-License-Identifier: GPL-2.0-or-later

//! Texts that cross the boundary: borrowed ones, and those that the core has allocated.

use std::slice;

use crate::failure::guard;

/// A text that somebody else owns: bytes with a length, not NUL-terminated, not necessarily UTF-8.
///
/// With NULL for `ptr` it is empty, whatever `len` is. It is never freed by its receiver.
#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub struct clustering_borrowed_text {
    /// The first byte.
    pub ptr: *const u8,
    /// The number of bytes.
    pub len: usize,
}

/// A text that the core has allocated for the host: bytes with a length, as above.
///
/// The host owns it, and frees it with `clustering_owned_text_free`. It must not be copied and freed twice.
#[repr(C)]
#[derive(Debug)]
pub struct clustering_owned_text {
    /// The first byte; NULL for an empty text.
    pub ptr: *mut u8,
    /// The number of bytes.
    pub len: usize,
}

impl clustering_borrowed_text {
    pub(super) const EMPTY: Self = Self {
        ptr: std::ptr::null(),
        len: 0,
    };

    pub(super) fn new(bytes: &[u8]) -> Self {
        Self {
            ptr: bytes.as_ptr(),
            len: bytes.len(),
        }
    }

    /// # Safety
    ///
    /// `ptr` is NULL, or points to `len` bytes that stay as they are for `'m`.
    pub(super) unsafe fn get<'m>(self) -> &'m [u8] {
        // SAFETY: this function's caller promises just that.
        unsafe { array(self.ptr, self.len) }
    }
}

/// The elements behind a pointer and a count, none for NULL.
///
/// # Safety
///
/// `ptr` is NULL, or points to `len` elements that are valid and stay as they are for `'m`.
pub(super) unsafe fn array<'m, T>(ptr: *const T, len: usize) -> &'m [T] {
    if ptr.is_null() {
        return &[];
    }
    // SAFETY: not NULL, and the rest is promised by the caller.
    unsafe { slice::from_raw_parts(ptr, len) }
}

impl clustering_owned_text {
    pub(super) const EMPTY: Self = Self {
        ptr: std::ptr::null_mut(),
        len: 0,
    };

    /// The text that `make` makes; an empty one where that fails.
    pub(super) fn new(make: impl FnOnce() -> Vec<u8>) -> Self {
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

    /// Writes the text that `make` makes to where the host wants it, unless that is NULL.
    ///
    /// # Safety
    ///
    /// `place` is NULL or valid for a write.
    pub(super) unsafe fn write_to(place: *mut Self, make: impl FnOnce() -> Vec<u8>) {
        if !place.is_null() {
            // SAFETY: not NULL, and the rest is promised by the caller.
            unsafe { place.write(Self::new(make)) };
        }
    }
}

/// Frees a text that the core has allocated, and makes it an empty one.
///
/// * `text`: the text, which the host owns. NULL, and an empty text, are fine.
///
/// Threads: any, but one at a time for one text.
///
/// # Safety
///
/// `text` is NULL or valid; the text in it came from the core and was not freed.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn clustering_owned_text_free(text: *mut clustering_owned_text) {
    if text.is_null() {
        return;
    }
    // SAFETY: not NULL, and the rest is promised by the caller.
    let clustering_owned_text { ptr, len } = unsafe { text.replace(clustering_owned_text::EMPTY) };
    if ptr.is_null() {
        return;
    }
    let slice = std::ptr::slice_from_raw_parts_mut(ptr, len);
    // SAFETY: `clustering_owned_text::new` made it of a box of as many bytes.
    let _ = guard(|| drop(unsafe { Box::from_raw(slice) }));
}
