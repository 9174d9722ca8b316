// SPDX-License-Identifier: GPL-2.0-or-later

//! The C library's regular expressions, which define the meaning of a POSIX pattern.
#![allow(unsafe_code)]

use std::ffi::{CStr, CString};
use std::mem::MaybeUninit;
use std::ops::Range;

use super::groups::GROUPS;

/// A compiled pattern; freed with the value.
pub(super) struct Regex {
    // Boxed because the C library may keep addresses into it: it never moves once compiled.
    compiled: Box<libc::regex_t>,
}

// SAFETY: POSIX requires `regexec` to be safe on one `regex_t` from several threads at once (glibc
// and musl lock or don't write); nothing else takes the shared reference.
unsafe impl Sync for Regex {}
// SAFETY: a `regex_t` owns heap memory alone and isn't tied to the thread that compiled it.
unsafe impl Send for Regex {}

impl std::fmt::Debug for Regex {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("posix::Regex").finish_non_exhaustive()
    }
}

impl Regex {
    /// Compiles a basic regular expression, with the flags that the engine gives: none.
    pub(super) fn new(text: &[u8]) -> Result<Self, String> {
        let text = CString::new(text).map_err(|_| "the pattern holds a NUL byte".to_owned())?;
        let mut compiled = Box::<libc::regex_t>::new_uninit();
        // SAFETY: `compiled` is memory of the right size and alignment for `regcomp` to fill,
        // `text` is NUL-terminated.
        let code = unsafe { libc::regcomp(compiled.as_mut_ptr(), text.as_ptr(), 0) };
        if code != 0 {
            return Err(message(code, compiled.as_ptr()));
        }
        // SAFETY: `regcomp` returned 0, so it has filled the value.
        let compiled = unsafe { compiled.assume_init() };
        Ok(Self { compiled })
    }

    /// The match and its groups; `None` without a match, or where the C library ran out of memory.
    ///
    /// `subject` counts up to its first NUL byte, and up to [`LONGEST_NODE`](super::LONGEST_NODE).
    pub(super) fn matches(&self, subject: &[u8]) -> Option<[Option<Range<usize>>; GROUPS]> {
        let mut text = [0; super::LONGEST_NODE + 1];
        let length = subject.len().min(super::LONGEST_NODE);
        text[..length].copy_from_slice(&subject[..length]);
        let text = CStr::from_bytes_until_nul(&text).ok()?;
        let mut found = [MaybeUninit::<libc::regmatch_t>::uninit(); GROUPS];
        // SAFETY: `compiled` was filled by `regcomp` and not freed, `text` is NUL-terminated,
        // `found` has room for the `GROUPS` elements that are asked for.
        let code = unsafe {
            libc::regexec(
                &raw const *self.compiled,
                text.as_ptr(),
                GROUPS,
                found.as_mut_ptr().cast(),
                0,
            )
        };
        (code == 0).then(|| {
            found.map(|span| {
                // SAFETY: on success `regexec` fills all the elements it was given.
                let span = unsafe { span.assume_init() };
                Some(usize::try_from(span.rm_so).ok()?..usize::try_from(span.rm_eo).ok()?)
            })
        })
    }
}

impl Drop for Regex {
    fn drop(&mut self) {
        // SAFETY: filled by `regcomp`, and freed only here.
        unsafe { libc::regfree(&raw mut *self.compiled) }
    }
}

/// The C library's words for an error of `regcomp`.
fn message(code: libc::c_int, regex: *const libc::regex_t) -> String {
    let mut text = [0_u8; 128];
    // SAFETY: `text` has the length that is given; `regex` is the one that `regcomp` returned the code for.
    unsafe { libc::regerror(code, regex, text.as_mut_ptr().cast(), text.len()) };
    let text = CStr::from_bytes_until_nul(&text).unwrap_or_default();
    text.to_string_lossy().into_owned()
}
