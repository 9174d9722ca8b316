// SPDX-License-Identifier: GPL-2.0-or-later

//! The shape of a target: all that is certain of it before a message is there to fill it in.

use crate::addressing::resource::trim_blanks;
use crate::addressing::uri;

/// The shape of a filled-in template: pieces that are certain, with anything between them.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Shape(Box<[Box<[u8]>]>);

/// The certain start, the pieces that stand between, and the certain end.
pub(crate) type Pieces<'s> = (&'s [u8], &'s [Box<[u8]>], &'s [u8]);

impl Shape {
    /// A shape of its certain pieces, the first and the last of which may be empty.
    pub(super) fn new(pieces: Vec<Vec<u8>>) -> Self {
        Self(pieces.into_iter().map(Into::into).collect())
    }

    /// The text, where it is always the same.
    #[must_use]
    pub fn constant(&self) -> Option<&[u8]> {
        match &*self.0 {
            [piece] => Some(trim_blanks(piece)),
            _ => None,
        }
    }

    /// The certain start and the certain end.
    #[must_use]
    pub fn ends(&self) -> Option<(&[u8], &[u8])> {
        Some((trim_blanks(self.0.first()?), trim_blanks(self.0.last()?)))
    }

    /// The certain start, the pieces that stand between and the certain end; `None` where the text is always the same.
    pub(crate) fn pieces(&self) -> Option<Pieces<'_>> {
        match &*self.0 {
            [first, between @ .., last] => Some((first, between, last)),
            _ => None,
        }
    }

    /// The user of the request URI of a SIP target; `None` where it is not always the same.
    #[must_use]
    pub fn user(&self) -> Option<Box<[u8]>> {
        let (first, _) = self.ends()?;
        let uri = first.strip_prefix(b"sip/").unwrap_or(first);
        let is_whole = uri.contains(&b'@') || self.constant().is_some();
        is_whole.then(|| uri::user(uri).unwrap_or_default().into())
    }

    /// Whether a text has this shape.
    #[must_use]
    pub fn matches(&self, text: &[u8]) -> bool {
        let [first, between @ .., last] = &*self.0 else {
            return self.constant() == Some(text);
        };
        let rest = text
            .strip_prefix(&**first)
            .and_then(|rest| rest.strip_suffix(&**last));
        let Some(mut rest) = rest else { return false };
        for piece in between.iter().filter(|piece| !piece.is_empty()) {
            let Some(at) = rest.windows(piece.len()).position(|part| part == &**piece) else {
                return false;
            };
            rest = &rest[at + piece.len()..];
        }
        true
    }
}
