// SPDX-License-Identifier: GPL-2.0-or-later

//! Patterns against the C library itself: whichever library does the matching, the answers are `regexec`'s.
//!
//! An input is a pattern and names, or pieces of a pattern over few letters, since of arbitrary bytes
//! only few are a pattern, and fewer match anything.
//!
//! Patterns that would use up the machine are left out, see [`is_bounded`].
#![no_main]
#![allow(unsafe_code, reason = "the C library is asked directly")]

use std::ffi::CString;
use std::mem::MaybeUninit;

use arbitrary::Arbitrary;
use clustering::addressing::pattern::{GroupUse, LONGEST_NODE, Pattern, PatternError};
use clustering_fuzz::{Lines, Text, is_bounded};
use libfuzzer_sys::fuzz_target;

#[derive(Arbitrary, Debug)]
struct Input {
    pattern: Text,
    /// If not empty, a piece of another pattern for each byte.
    pieces: Text,
    nodes: Lines,
}

/// The pieces of a pattern; some stand twice to be taken more often.
const PIECES: [&str; 32] = [
    "a",
    "b",
    "a",
    "b",
    "ab",
    ".",
    "*",
    "*",
    r"\(",
    r"\(",
    r"\)",
    r"\)",
    r"\|",
    r"\|",
    r"\+",
    r"\?",
    "[ab]",
    "[^a]",
    "[[:space:]]",
    "[[:alnum:]]*",
    r"\{2\}",
    r"\{0,2\}",
    r"\{0\}",
    r"\1",
    "$",
    "^",
    "1",
    "-",
    r"\.",
    "\n",
    r"\(a",
    r"b\)*",
];

/// The letters of the names that are matched with it.
const LETTERS: [u8; 16] = *b"aaaabbbba b1.-\n\x0b";

/// The longest name of which all parts are matched, too.
const SHORT: usize = 12;

/// The whole match and the groups that the engine hands out.
const SPANS: usize = 9;

/// A compiled pattern of the C library.
struct Oracle(Box<libc::regex_t>);

impl Oracle {
    /// `None` where the C library refuses the pattern, or can't be given it.
    fn new(pattern: &[u8]) -> Option<Self> {
        let pattern = CString::new(pattern).ok()?;
        let mut regex = Box::<libc::regex_t>::new_uninit();
        // SAFETY: `regex` is room for one, `pattern` is NUL-terminated; it's used only if it was filled.
        unsafe {
            let code = libc::regcomp(regex.as_mut_ptr(), pattern.as_ptr(), 0);
            (code == 0).then(|| Self(regex.assume_init()))
        }
    }

    /// The texts of the match and of its groups, as the engine hands them out.
    fn matches(&self, node: &[u8]) -> Option<[Vec<u8>; SPANS]> {
        let text = CString::new(node).ok()?;
        let mut spans = [const { MaybeUninit::<libc::regmatch_t>::zeroed() }; SPANS];
        // SAFETY: the pattern is compiled, `text` NUL-terminated, and `spans` has `SPANS` elements.
        let code = unsafe {
            let spans = spans.as_mut_ptr().cast();
            libc::regexec(&raw const *self.0, text.as_ptr(), SPANS, spans, 0)
        };
        if code != 0 {
            return None;
        }
        let mut texts = spans.map(|span| {
            // SAFETY: zeroed at first, all bits are valid.
            let span = unsafe { span.assume_init() };
            let range = usize::try_from(span.rm_so).ok()?..usize::try_from(span.rm_eo).ok()?;
            Some(node[range].to_vec())
        });
        // The engine gives the whole match as the first group where no group took part.
        if texts[1..].iter().all(Option::is_none) {
            let (whole, groups) = texts.split_at_mut(1);
            groups[0].clone_from(&whole[0]);
        }
        Some(texts.map(Option::unwrap_or_default))
    }
}

impl Drop for Oracle {
    fn drop(&mut self) {
        // SAFETY: compiled, and freed only here.
        unsafe { libc::regfree(&raw mut *self.0) }
    }
}

/// Puts a pattern together, with as many `\)` as `\(`.
fn put_together(pieces: &[u8]) -> Vec<u8> {
    let mut pattern = String::new();
    let mut depth = 0_usize;
    for piece in pieces.iter().map(|&byte| PIECES[usize::from(byte) % 32]) {
        let opens = piece.matches(r"\(").count();
        let Some(left) = (depth + opens).checked_sub(piece.matches(r"\)").count()) else {
            continue;
        };
        depth = left;
        pattern += piece;
    }
    pattern += &r"\)".repeat(depth);
    pattern.into_bytes()
}

/// A name, and if it's short all its parts.
fn parts(node: &[u8]) -> impl Iterator<Item = &[u8]> {
    let length = if node.len() > SHORT { 0 } else { node.len() };
    let parts =
        (0..length).flat_map(move |start| (start..length).map(move |end| &node[start..end]));
    parts.chain([node])
}

/// Compares all answers for a pattern.
fn compare(pattern: &[u8], nodes: &[Vec<u8>]) {
    if !is_bounded(pattern) || Pattern::may_hang(pattern) {
        return;
    }
    let oracle = Oracle::new(pattern);
    for groups in [GroupUse::Nothing, GroupUse::Whole, GroupUse::Inner] {
        let ours = Pattern::new(pattern, groups);
        let refused = matches!(ours, Err(PatternError::Posix(_)));
        assert_eq!(refused, oracle.is_none(), "{ours:?}");
        // Any other refused pattern is taken for a danger, so the C library isn't asked either.
        let (Ok(ours), Some(oracle)) = (ours, &oracle) else {
            continue;
        };
        for node in nodes.iter().flat_map(|node| parts(node)) {
            let expected = if pattern.is_empty() || node.len() > LONGEST_NODE {
                None
            } else {
                oracle.matches(node)
            };
            // The first time it is matched, the second time it is remembered.
            for _ in 0..2 {
                let found = ours.matches(node);
                assert_eq!(found.is_some(), expected.is_some(), "{groups:?} {node:?}");
                let (Some(found), Some(expected)) = (found, &expected) else {
                    continue;
                };
                let asked = match groups {
                    GroupUse::Nothing => 0,
                    GroupUse::Whole => 1,
                    GroupUse::Inner => SPANS,
                };
                for (group, text) in expected.iter().enumerate().take(asked) {
                    assert_eq!(found.text(group, node), text, "\\{group} of {node:?}");
                }
                assert_eq!(found.text(SPANS, node), b"");
            }
        }
    }
}

fuzz_target!(|input: Input| {
    let nodes: Vec<_> = input.nodes.0.into_iter().map(|Text(node)| node).collect();
    let pieces = &input.pieces.0;
    if pieces.is_empty() {
        compare(&input.pattern.0, &nodes);
        return;
    }
    let letter = |byte: &u8| LETTERS[usize::from(*byte) % LETTERS.len()];
    let nodes = nodes.iter().map(|node| node.iter().map(letter).collect());
    let nodes: Vec<_> = nodes.collect();
    let mut pattern = put_together(pieces);
    // Only an anchored pattern has its groups taken from anywhere but the C library.
    if !pieces.len().is_multiple_of(4) {
        pattern = [b"^", &*pattern, b"$"].concat();
    }
    compare(&pattern, &nodes);
});
