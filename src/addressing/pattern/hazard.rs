// SPDX-License-Identifier: GPL-2.0-or-later

//! The patterns that the C library is not asked to compile or to match, because it may not survive them.
//!
//! `regcomp` and `regexec` were written for patterns of people who mean well. Some patterns take gigabytes,
//! some the whole stack, some endless time. They are recognised by their text, at a glance: a few harmless
//! ones are refused with them.

use super::translate::{Repeat, repeat};

/// The greatest weight of a pattern that `regcomp` is asked to compile: some 80 MB and a tenth of a second.
const MOST_WEIGHT: u64 = 1 << 16;

/// The most copies in a pattern that `regexec` is asked to match. Its time grows with their square: up to half a
/// second for a hostile name.
const MOST_COPIES: u64 = 1 << 10;

/// Whether the C library would take too much memory to compile a pattern.
pub(super) fn is_too_large(pattern: &[u8]) -> bool {
    let Size { copies, skips, .. } = size(pattern);
    copies.saturating_add(skips / 16) > MOST_WEIGHT
}

/// Whether the C library would take too much time to match a pattern.
pub(super) fn is_too_slow(pattern: &[u8]) -> bool {
    size(pattern).copies > MOST_COPIES
}

/// The size of a part of a pattern when its repetitions are written out, as `regcomp` does: `a\{1,3\}` is
/// `aa\?a\?` there, and `a\+` is `aa*`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Size {
    /// Its characters and groups.
    copies: u64,
    /// The ways past copies that may be left out, each to each other one: `regcomp` has lists of them.
    skips: u64,
    /// It may match nothing, so that there is a way past all of it.
    loose: bool,
}

impl Size {
    const NOTHING: Self = Self {
        copies: 0,
        skips: 0,
        loose: true,
    };

    /// A character, an anchor or a back-reference.
    fn of(token: &[u8]) -> Self {
        let loose = match token {
            [b'\\', escaped] => b"123456789<>bB`'".contains(escaped),
            _ => matches!(token, b"^" | b"$"),
        };
        Self {
            copies: 1,
            skips: 0,
            loose,
        }
    }

    /// This and that in sequence.
    fn and(self, other: Self) -> Self {
        Self {
            copies: self.copies.saturating_add(other.copies),
            skips: self.skips.saturating_add(other.skips),
            loose: self.loose && other.loose,
        }
    }

    fn repeated(self, Repeat { low, high }: Repeat) -> Self {
        let (low, high) = (u64::from(low), high.map(u64::from));
        let copies = self.copies.saturating_mul(high.unwrap_or(low + 1).max(1));
        let optional = match high {
            _ if copies == self.copies => 0,
            _ if self.loose => copies,
            high => high.map_or(0, |high| high.saturating_sub(low)),
        };
        let skips = self.skips.saturating_mul(copies / self.copies.max(1));
        Self {
            copies,
            skips: skips.saturating_add(optional.saturating_mul(optional)),
            loose: self.loose || low == 0,
        }
    }
}

/// A group that is open, or the whole pattern.
struct Open {
    /// The alternatives before the last one; loose if one of them is.
    others: Size,
    /// The last alternative up to its last part.
    before: Size,
    /// The last part, which may be repeated.
    last: Size,
}

impl Open {
    fn new() -> Self {
        Self {
            others: Size {
                loose: false,
                ..Size::NOTHING
            },
            before: Size::NOTHING,
            last: Size::NOTHING,
        }
    }

    fn add(&mut self, part: Size) {
        self.before = self.before.and(self.last);
        self.last = part;
    }

    /// All of it.
    fn size(&self) -> Size {
        let last = self.before.and(self.last);
        Size {
            loose: self.others.loose || last.loose,
            ..self.others.and(last)
        }
    }
}

/// The size of a pattern. What stands in sequence adds up, and repetitions of repetitions multiply.
fn size(pattern: &[u8]) -> Size {
    let mut open = Open::new();
    let mut around = Vec::new();
    let mut rest = pattern;
    while !rest.is_empty() {
        let repetition = repeat(rest);
        let length = match (repetition, rest) {
            (Some((_, length)), _) => length,
            (None, [b'\\', _, ..]) => 2,
            (None, [b'[', ..]) => bracket_length(rest),
            (None, _) => 1,
        };
        let (token, after) = rest.split_at(length.min(rest.len()));
        match (token, repetition) {
            (_, Some((repeat, _))) => open.last = open.last.repeated(repeat),
            (br"\(", _) => around.push(std::mem::replace(&mut open, Open::new())),
            (br"\)", _) => {
                let inner = open.size();
                open = around.pop().unwrap_or_else(Open::new);
                open.add(Size {
                    copies: inner.copies.saturating_add(1),
                    ..inner
                });
            }
            (br"\|", _) => {
                let others = open.size();
                open = Open {
                    others,
                    ..Open::new()
                };
            }
            _ => open.add(Size::of(token)),
        }
        rest = after;
    }
    let sizes = around.iter().map(Open::size);
    sizes.fold(open.size(), Size::and)
}

/// Whether a pattern has a back-reference and a repeated group, wherever they are.
///
/// Such patterns have made `regexec` of glibc 2.36 call itself without end.
pub(super) fn may_crash(pattern: &[u8]) -> bool {
    let (mut refers, mut repeats) = (false, false);
    let mut rest = pattern;
    while !rest.is_empty() {
        let length = match rest {
            [b'\\', b'1'..=b'9', ..] => {
                refers = true;
                2
            }
            [b'\\', b')', b'*', ..] | [b'\\', b')', b'\\', b'{' | b'+' | b'?', ..] => {
                repeats = true;
                2
            }
            [b'\\', _, ..] => 2,
            [b'[', ..] => bracket_length(rest),
            _ => 1,
        };
        rest = &rest[length.min(rest.len())..];
    }
    refers && repeats
}

/// Whether a pattern has a repeated group that may match nothing, as far as can be told at a glance: one with
/// a repetition, an anchor or an empty alternative in it, or one that is repeated twice over.
///
/// `regexec` of glibc 2.36 never comes back from some of them, if it is asked where groups are.
pub(super) fn may_hang(pattern: &[u8]) -> bool {
    // For each group that is open, whether it may match nothing. The first is the whole pattern.
    let mut loose = vec![false];
    let mut before = None;
    let mut rest = pattern;
    while let Some(&byte) = rest.first() {
        let token = match rest {
            [b'\\', escaped, ..] => Token::Escaped(*escaped),
            _ => Token::Plain(byte),
        };
        let length = match token {
            Token::Escaped(_) => 2,
            Token::Plain(b'[') => bracket_length(rest).min(rest.len()),
            Token::Plain(_) => 1,
        };
        rest = &rest[length..];
        let is_empty = matches!(before, None | Some(Token::Escaped(b'(' | b'|')));
        let within = match token {
            Token::Escaped(b'(') => {
                loose.push(false);
                false
            }
            Token::Escaped(b')') => {
                let within = loose.pop().unwrap_or(true) || is_empty;
                if loose.is_empty() {
                    loose.push(true);
                }
                let repeats = repetitions(rest);
                if repeats > 1 || (repeats > 0 && within) {
                    return true;
                }
                within
            }
            Token::Escaped(b'|') => is_empty,
            Token::Plain(b'*' | b'^' | b'$') | Token::Escaped(b'?' | b'{') => true,
            Token::Plain(_) | Token::Escaped(_) => false,
        };
        if let Some(group) = loose.last_mut() {
            *group |= within;
        }
        before = Some(token);
    }
    false
}

#[derive(Clone, Copy)]
enum Token {
    Plain(u8),
    Escaped(u8),
}

/// The number of repetition operators that a text starts with, as far as it matters: none, one, or more.
fn repetitions(text: &[u8]) -> usize {
    let after = |text: &'_ [u8]| -> Option<usize> {
        match text {
            [b'*', ..] => Some(1),
            [b'\\', b'?' | b'+', ..] => Some(2),
            [b'\\', b'{', rest @ ..] => {
                let end = rest.windows(2).position(|pair| pair == b"\\}");
                Some(end.map_or(text.len(), |end| end + 4))
            }
            _ => None,
        }
    };
    match after(text).map(|length| after(&text[length..])) {
        None => 0,
        Some(None) => 1,
        Some(Some(_)) => 2,
    }
}

/// The length of a bracket expression, whatever its content is.
fn bracket_length(text: &[u8]) -> usize {
    let mut at = 1 + usize::from(text.get(1) == Some(&b'^'));
    at += usize::from(text.get(at) == Some(&b']'));
    while let Some(&byte) = text.get(at) {
        match (byte, text.get(at + 1)) {
            (b']', _) => return at + 1,
            (b'[', Some(kind @ (b':' | b'.' | b'='))) => {
                let inner = &text[at + 2..];
                let end = inner.windows(2).position(|pair| pair == [*kind, b']']);
                at += end.map_or(1, |end| end + 4);
            }
            _ => at += 1,
        }
    }
    text.len()
}

#[cfg(test)]
mod tests {
    use super::super::{GroupUse, LONGEST_PATTERN, Pattern, PatternError};
    use super::*;
    use proptest::prelude::*;

    /// The first of these makes glibc's `regexec` call itself until the stack is full.
    #[test]
    fn a_pattern_that_may_crash_the_c_library_is_refused() {
        for pattern in [
            r"\(n*\)*\1\?\(\1\{1,\}\)*",
            r"\(a\)*\1",
            r"\(a\)\+[b]\1",
            r"\(a\)\{2\}\1",
            r"\(\(a\)\?\)\2",
        ] {
            let error = Pattern::new(pattern.as_bytes(), GroupUse::Inner).unwrap_err();
            assert_eq!(error, PatternError::Hazard, "{pattern}");
        }
        for pattern in [
            r"^n\(o\(d\)e\)\1*[0-9]",
            r"\(a\)*[\1]",
            r"\(a\)\\1",
            r"\(a\)*",
        ] {
            assert!(
                Pattern::new(pattern.as_bytes(), GroupUse::Inner).is_ok(),
                "{pattern}"
            );
        }
        let long = Pattern::new(&[b'a'; LONGEST_PATTERN + 1], GroupUse::Nothing);
        assert_eq!(long.unwrap_err(), PatternError::TooLong);
    }

    /// On each of these glibc's `regexec` doesn't come back, for one name or another.
    #[test]
    fn a_pattern_that_may_keep_the_c_library_busy_is_refused_where_it_would_be_asked() {
        for pattern in [
            r"\(\(^\)\+\)*$",
            r"..\(^.\?\|\)\+",
            r".\(\|^.\)*\+.",
            r".\{1,2\}\(\(\|^b\)\+\)\|",
            r"\(\(^\|.\)*\+\)",
            r"\(\|*$\|^a\)\+",
            r"\(a*\|.\)\?\+$",
            r"^b\(b*\|a\)\{1,2\}\?\+",
        ] {
            assert!(may_hang(pattern.as_bytes()), "{pattern}");
            match Pattern::new(pattern.as_bytes(), GroupUse::Inner) {
                Err(error) => assert_eq!(error, PatternError::Endless, "{pattern}"),
                Ok(pattern) => assert!(pattern.is_linear()),
            }
        }
        for pattern in [
            r"^\(node\)\+[0-9]*$",
            r"\(a\|b\)*c",
            r"^\([a-z]*\)-\([0-9]*\)$",
        ] {
            assert!(!may_hang(pattern.as_bytes()), "{pattern}");
            assert!(Pattern::new(pattern.as_bytes(), GroupUse::Inner).is_ok());
        }
    }

    #[test]
    fn a_pattern_that_would_take_gigabytes_is_refused_at_once() {
        for pattern in [
            format!("a{}", r"\+".repeat(24)),
            r"\(\(\(a\{99\}\)\{99\}\)\{99\}\)\{99\}".to_owned(),
            r"\(\(a\{1,63\}\)\{1,63\}\)\{1,63\}".to_owned(),
            r"\(\(a\{1,63\}\)*\{1,63\}b\)\{1,63\}".to_owned(),
            format!("{}a{}", r"\(".repeat(17), r"\)\{2,\}".repeat(17)),
            // A list of ways for each copy that may be left out.
            r"a\{1,32767\}".to_owned(),
            r"\(a*\|b\)\{1000\}".to_owned(),
            r"\(a\{0,62\}\)\{0,200\}".to_owned(),
        ] {
            let error = Pattern::new(pattern.as_bytes(), GroupUse::Nothing).unwrap_err();
            assert_eq!(error, PatternError::TooLarge, "{pattern}");
        }
    }

    #[test]
    fn repetitions_in_sequence_are_taken() {
        let labels = |labels: usize| [r"[a-z0-9-]\{1,63\}"].repeat(labels).join(r"\.");
        for pattern in [
            r"^[a-z0-9-]\{1,63\}\.[a-z0-9-]\{1,63\}\.[a-z]\{2,63\}$".to_owned(),
            [r"[0-9]\{1,3\}"; 4].join(r"\."),
            r"a\{2,\}".repeat(17),
            r"^\([a-z0-9-]\{1,63\}\.\)\{1,127\}$".to_owned(),
            labels(26),
            format!("^{}$", r"[a-z]\{63\}".repeat(40)),
            r"[\+\{9\}]".repeat(20),
        ] {
            let taken = Pattern::new(pattern.as_bytes(), GroupUse::Nothing);
            assert!(taken.is_ok(), "{pattern}: {taken:?}");
        }
        for pattern in [
            format!("^{}$", labels(26)),
            // What the C library is asked to match has fewer.
            labels(15),
            r"\([a-z]\{1,63\}\)[a-z0-9]\{1,63\}-\{2,63\}".to_owned(),
        ] {
            let taken = Pattern::new(pattern.as_bytes(), GroupUse::Whole);
            assert!(taken.is_ok(), "{pattern}: {taken:?}");
        }
    }

    /// On these glibc's `regexec` takes seconds for a name of 255 bytes.
    #[test]
    fn a_pattern_that_keeps_the_c_library_busy_for_seconds_is_refused_where_it_would_be_asked() {
        for pattern in [
            r".\{0,255\}".repeat(8),
            r"a\{0,63\}".repeat(30),
            format!("a{}", r"\+".repeat(12)),
        ] {
            let error = Pattern::new(pattern.as_bytes(), GroupUse::Whole).unwrap_err();
            assert_eq!(error, PatternError::TooLarge, "{pattern}");
        }
    }

    /// A part of a pattern, and its copies.
    fn part() -> impl Strategy<Value = (String, u64)> {
        let atom = prop::sample::select(vec!["a", ".", r"\.", "[]a]", r"[^\{9\}]", r"\w"]);
        let atom = atom.prop_map(|atom| (atom.to_owned(), 1));
        atom.prop_recursive(4, 24, 4, |inner| {
            let parts = prop::collection::vec(inner, 1..5);
            let repeat = prop_oneof![
                Just((String::new(), 1)),
                Just((r"*".to_owned(), 1)),
                Just((r"\?".to_owned(), 1)),
                Just((r"\+".to_owned(), 2)),
                (1..40_u64).prop_map(|times| (format!(r"\{{{times}\}}"), times)),
                (1..40_u64).prop_map(|low| (format!(r"\{{{low},\}}"), low + 1)),
                (1..40_u64).prop_map(|high| (format!(r"\{{,{high}\}}"), high)),
                (1..9_u64, 0..40_u64).prop_map(|(low, more)| {
                    let high = low + more;
                    (format!(r"\{{{low},{high}\}}"), high)
                }),
            ];
            (parts, any::<bool>(), repeat).prop_map(|(parts, splits, (repeat, times))| {
                let copies: u64 = parts.iter().map(|(_, copies)| copies).sum();
                let texts: Vec<_> = parts.into_iter().map(|(text, _)| text).collect();
                let text = texts.join(if splits { r"\|" } else { "" });
                (format!(r"\({text}\){repeat}"), (copies + 1) * times)
            })
        })
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(500))]

        #[test]
        fn copies_are_counted_whatever_stands_in_what(
            parts in prop::collection::vec(part(), 1..5)
        ) {
            let copies: u64 = parts.iter().map(|(_, copies)| copies).sum();
            let texts: Vec<_> = parts.into_iter().map(|(text, _)| text).collect();
            let pattern = texts.concat();
            prop_assert_eq!(size(pattern.as_bytes()).copies, copies, "{}", pattern);
        }
    }
}
