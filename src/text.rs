// SPDX-License-Identifier: GPL-2.0-or-later

//! Texts: those that a verdict borrows or makes up, those that are escaped for people, and the engine's words.

use std::fmt::{self, Display};
use std::ops::Range;

use smallvec::SmallVec;

/// Text that a verdict makes up.
pub type Text = SmallVec<[u8; 256]>;

/// A text in a verdict.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Value<'m> {
    /// A text of the message's, or one that is never freed.
    Given(&'m [u8]),
    /// A text at this place of the verdict's own text.
    Made(Range<usize>),
}

impl Value<'_> {
    /// The bytes, of which `made` holds those that a verdict has made up.
    #[must_use]
    pub fn resolve<'v>(&'v self, made: &'v Text) -> &'v [u8] {
        match self {
            Self::Given(text) => text,
            Self::Made(range) => made.get(range.clone()).unwrap_or_default(),
        }
    }
}

/// Text from outside, fit for a line: printable ASCII, the rest escaped, not too long.
pub struct Escaped<'a>(pub &'a [u8]);

impl Escaped<'_> {
    const LONGEST: usize = 120;
}

impl Display for Escaped<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self(text) = *self;
        let shown = &text[..text.len().min(Self::LONGEST)];
        for &byte in shown {
            match byte {
                b' '..=b'~' => write!(f, "{}", char::from(byte))?,
                _ => write!(f, "\\x{byte:02x}")?,
            }
        }
        f.write_str(if shown.len() < text.len() { "..." } else { "" })
    }
}

/// Whether a text has a control character. A tab is a blank like any other.
///
/// One in a header or a URI would end it, or begin another one.
#[inline]
pub(crate) fn has_control(text: &[u8]) -> bool {
    may_have_control(text) && is_any_control(text)
}

#[cold]
#[inline(never)]
fn is_any_control(text: &[u8]) -> bool {
    let is_control = |byte: &u8| byte.is_ascii_control() && *byte != b'\t';
    text.iter().any(is_control)
}

/// The same, but also `true` for some other texts, since it is in the way of each call: a text is looked at in pieces,
/// of which the last one may overlap with the one before.
#[inline]
pub(crate) fn may_have_control(text: &[u8]) -> bool {
    let found = if let Some(last) = text.last_chunk::<16>() {
        return text.as_chunks().0.iter().any(has_control_in) || has_control_in(last);
    } else if let (Some(first), Some(last)) = (text.first_chunk::<8>(), text.last_chunk::<8>()) {
        controls(u64::from_ne_bytes(*first)) | controls(u64::from_ne_bytes(*last))
    } else if let (Some(first), Some(last)) = (text.first_chunk::<4>(), text.last_chunk::<4>()) {
        let first = u64::from(u32::from_ne_bytes(*first));
        controls(first << 32 | u64::from(u32::from_ne_bytes(*last)))
    } else {
        let word = |word, &byte| word << 8 | u64::from(byte);
        controls(text.iter().fold(BLANKS, word))
    };
    found & HIGHEST_BITS != 0
}

/// Whether a text has neither a control character nor a semicolon; also `false` for some other texts.
#[inline]
pub(crate) fn is_plain(text: &[u8]) -> bool {
    // Two bits tell `;` from the last control character.
    let any = |piece: &[u8; 16]| {
        let each = piece
            .iter()
            .map(|&byte| u8::from(byte < b' ') | u8::from(byte | 0x44 == 0x7f));
        each.fold(0, |found, byte| found | byte) != 0
    };
    text.last_chunk().is_some_and(|last| !any(last)) && !text.as_chunks().0.iter().any(any)
}

/// Looks at all bytes, so that the compiler takes them at once.
#[inline]
fn has_control_in(piece: &[u8; 16]) -> bool {
    let each = piece
        .iter()
        .map(|&byte| u8::from(byte < b' ') | u8::from(byte == 0x7f));
    each.fold(0, |found, byte| found | byte) != 0
}

const ONES: u64 = u64::from_ne_bytes([1; 8]);
const BLANKS: u64 = u64::from_ne_bytes([b' '; 8]);
const HIGHEST_BITS: u64 = u64::from_ne_bytes([0x80; 8]);

/// The same for eight bytes, of which each one's highest bit tells: of ASCII only the last one gets it when one is
/// added, and only those below a blank when a blank is taken away.
#[inline]
fn controls(word: u64) -> u64 {
    (word.wrapping_add(ONES) | word.wrapping_sub(BLANKS)) & !word
}

/// The meaning of a text as a boolean in the engine's words; `None` where it's none of them.
pub(crate) fn boolean(text: &[u8]) -> Option<bool> {
    match text {
        b"true" | b"yes" | b"on" | b"enable" | b"t" => Some(true),
        b"false" | b"no" | b"off" | b"disable" | b"f" => Some(false),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_control_character_is_found_wherever_it_is() {
        for length in 1..70 {
            for at in 0..length {
                let mut text = vec![b'\xfc'; length];
                assert!(!has_control(&text));
                for (byte, is_control) in [
                    (0, true),
                    (b'\n', true),
                    (b'\r', true),
                    (0x1f, true),
                    (0x7f, true),
                    (b'\t', false),
                    (b' ', false),
                    (b'~', false),
                    (0x80, false),
                ] {
                    text[at] = byte;
                    assert_eq!(has_control(&text), is_control, "{byte} at {at} of {length}");
                }
            }
        }
        assert!(!has_control(b""));
    }

    #[test]
    fn what_is_shown_cannot_forge_a_line() {
        let text = b"x\r\n<clustering:WARN> y\xfc'";
        assert_eq!(
            Escaped(text).to_string(),
            r"x\x0d\x0a<clustering:WARN> y\xfc'"
        );
        assert_eq!(Escaped(&[b'a'; 500]).to_string(), "a".repeat(120) + "...");
    }
}
