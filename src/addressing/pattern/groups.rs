// SPDX-License-Identifier: GPL-2.0-or-later

//! The groups of a pattern: the use that is made of them, and their places in a name.

use std::ops::Range;

/// As many groups as the engine hands out: `\9` is always empty.
pub(super) const GROUPS: usize = 9;

/// The use that will be made of a match's groups.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum GroupUse {
    /// No groups: it's enough that a name matches.
    Nothing,
    /// Only `\0`.
    Whole,
    /// Groups within the match.
    Inner,
}

/// The places of the match and its groups in a node's name.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Groups {
    spans: [(u8, u8); GROUPS],
}

impl Groups {
    /// Takes the match (first) and its groups as the engine does.
    ///
    /// The engine gives the whole match as `\1` where no group took part, and so does this.
    #[must_use]
    pub fn new(spans: &[Option<Range<usize>>]) -> Self {
        let mut groups = Self::default();
        for (to, from) in groups.spans.iter_mut().zip(spans) {
            if let Some(range) = from {
                let place = |at: usize| u8::try_from(at).unwrap_or(u8::MAX);
                *to = (place(range.start), place(range.end));
            }
        }
        if spans.iter().take(GROUPS).skip(1).all(Option::is_none) {
            groups.spans[1] = groups.spans[0];
        }
        groups
    }

    /// The text of a group of `node`, the name that was matched: empty where the group took no part.
    #[must_use]
    pub fn text<'n>(&self, group: usize, node: &'n [u8]) -> &'n [u8] {
        self.spans
            .get(group)
            .and_then(|&(start, end)| node.get(usize::from(start)..usize::from(end)))
            .unwrap_or_default()
    }
}
