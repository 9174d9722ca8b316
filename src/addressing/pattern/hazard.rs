// SPDX-License-Identifier: GPL-2.0-or-later

//! The patterns that the C library is not asked to compile or to match, because it may not survive them.
//!
//! `regcomp` and `regexec` were written for patterns of people who mean well. Some patterns take gigabytes,
//! some the whole stack, some endless time. They are recognised by their text, at a glance: a few harmless
//! ones are refused with them.

/// The most copies that a pattern may have of its parts. `regcomp` copies the part before `\{m,n\}` that
/// often, and the part before `\+` twice. Repetitions behind or within one another multiply, soon to
/// gigabytes.
const MOST_COPIES: u64 = 1 << 16;

/// Whether the C library would take too much memory for a pattern.
pub(super) fn is_too_large(pattern: &[u8]) -> bool {
    copies(pattern) > MOST_COPIES
}

/// The most copies that `regcomp` makes of a part of a pattern, if each repetition is of all before it.
fn copies(pattern: &[u8]) -> u64 {
    let at = (0..pattern.len()).map(|at| match &pattern[at..] {
        [b'\\', b'+', ..] => 2,
        [b'\\', b'{', rest @ ..] => {
            let numbers = rest.split(|byte| !byte.is_ascii_digit());
            let interval = numbers.take(2).map(|digits| {
                let digits = std::str::from_utf8(digits).unwrap_or_default();
                digits.parse().unwrap_or(1)
            });
            interval.max().unwrap_or(1).max(1)
        }
        _ => 1,
    });
    at.fold(1, u64::saturating_mul)
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
            r"a\{2,\}".repeat(17),
        ] {
            let error = Pattern::new(pattern.as_bytes(), GroupUse::Nothing).unwrap_err();
            assert_eq!(error, PatternError::TooLarge, "{pattern}");
        }
        let address = [r"[0-9]\{1,3\}"; 4].join(r"\.");
        assert!(Pattern::new(address.as_bytes(), GroupUse::Nothing).is_ok());
    }
}
