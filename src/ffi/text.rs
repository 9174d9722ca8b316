// SPDX-License-Identifier: GPL-2.0-or-later

//! Texts that cross the boundary: borrowed ones, and those that the core has allocated.

use std::slice;

use crate::failure::guard;

/// A text: not NUL-terminated, `len` bytes. With NULL for `ptr` it's empty, whatever `len` says.
#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub struct clustering_bytes {
    /// The first byte.
    pub ptr: *const u8,
    /// How many bytes.
    pub len: usize,
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

impl clustering_bytes {
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
        // SAFETY: as this function's caller promises, it's the same promise.
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
    // SAFETY: not NULL, and the rest is what the caller promises.
    unsafe { slice::from_raw_parts(ptr, len) }
}

impl clustering_text {
    pub(super) const EMPTY: Self = Self {
        ptr: std::ptr::null_mut(),
        len: 0,
    };

    /// The text that `make` makes; none where that fails.
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
    pub(super) unsafe fn give(place: *mut Self, make: impl FnOnce() -> Vec<u8>) {
        if !place.is_null() {
            // SAFETY: not NULL, and the rest is promised by the caller.
            unsafe { place.write(Self::new(make)) };
        }
    }
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
