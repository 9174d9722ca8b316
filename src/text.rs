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
    fn what_is_shown_cannot_forge_a_line() {
        let text = b"x\r\n<clustering:WARN> y\xfc'";
        assert_eq!(
            Escaped(text).to_string(),
            r"x\x0d\x0a<clustering:WARN> y\xfc'"
        );
        assert_eq!(Escaped(&[b'a'; 500]).to_string(), "a".repeat(120) + "...");
    }
}
