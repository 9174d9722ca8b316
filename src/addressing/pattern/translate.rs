// SPDX-License-Identifier: GPL-2.0-or-later

//! From a POSIX basic regular expression to the `regex` crate, where both are sure to agree.
//!
//! The question *whether* a name matches is the same in both worlds, once the syntax is translated; any
//! construct without an exact twin is left to the C library. The question *where* the groups lie is not:
//! POSIX takes the leftmost-longest match, `regex` the first one that a backtracking search would find. So
//! groups are only taken from `regex` where a name can be matched in a single way:
//!
//! * the pattern is anchored at both ends, so that the match is the whole name;
//! * for groups within it, there are no alternatives and no repeated groups, and after each repeated
//!   character comes something that this character can't be, so that no repetition has a choice.
//!
//! The text of a pattern is read in the C locale, byte by byte, as the engine does.

use regex::bytes::{Regex, RegexBuilder};

use super::GroupUse;

/// The twin of a pattern that `regcomp` takes; `None` where the answers might differ.
pub(super) fn translate(pattern: &[u8], groups: GroupUse) -> Option<Regex> {
    let parsed = parse(pattern)?;
    let agrees = match groups {
        GroupUse::Nothing => true,
        GroupUse::Whole => parsed.anchored(),
        GroupUse::Inner => parsed.anchored() && parsed.has_one_way(),
    };
    if !agrees {
        return None;
    }
    RegexBuilder::new(&parsed.regex).unicode(false).build().ok()
}

/// A set of bytes: those that one character of the pattern may stand for.
#[derive(Clone, Copy, Default, PartialEq, Eq)]
struct ByteSet([u64; 4]);

impl ByteSet {
    fn insert(&mut self, byte: u8) {
        self.0[usize::from(byte >> 6)] |= 1 << (byte & 63);
    }

    fn contains(self, byte: u8) -> bool {
        self.0[usize::from(byte >> 6)] & (1 << (byte & 63)) != 0
    }

    fn of(member: impl Fn(u8) -> bool) -> Self {
        let mut set = Self::default();
        (0..=u8::MAX)
            .filter(|&byte| member(byte))
            .for_each(|byte| set.insert(byte));
        set
    }

    fn meets(self, other: Self) -> bool {
        self.0.iter().zip(other.0).any(|(a, b)| a & b != 0)
    }

    /// The set as `regex` writes it. An empty set can't come from a POSIX bracket.
    fn to_regex(self) -> String {
        let members = (0..=u8::MAX).filter(|&byte| self.contains(byte));
        let members: Vec<String> = members.map(|byte| format!("\\x{byte:02x}")).collect();
        format!("[{}]", members.concat())
    }
}

/// The number of times that a part may stand.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) struct Repeat {
    pub(super) low: u32,
    /// `None` for any number.
    pub(super) high: Option<u32>,
}

impl Repeat {
    const ONCE: Self = Self {
        low: 1,
        high: Some(1),
    };
}

/// The parts of a pattern, as it was read.
#[derive(Default)]
#[expect(clippy::struct_excessive_bools, reason = "each is a fact of its own")]
struct Parsed {
    /// The translation.
    regex: String,
    /// The characters in order, as if there were no groups; only of use without alternatives.
    chars: Vec<(ByteSet, Repeat)>,
    starts_anchored: bool,
    ends_anchored: bool,
    /// Groups are repeated, or there are alternatives.
    branches: bool,
    /// There are alternatives that are in no group.
    splits: bool,
}

impl Parsed {
    fn anchored(&self) -> bool {
        self.starts_anchored && self.ends_anchored && !self.splits
    }

    /// No name can be matched in two ways.
    fn has_one_way(&self) -> bool {
        !self.branches
            && self.chars.iter().enumerate().all(|(at, (set, repeat))| {
                if repeat.high == Some(repeat.low) {
                    return true;
                }
                let mut next = self.chars[at + 1..].iter();
                // The characters that may follow: all that can be skipped, up to the first that can't.
                loop {
                    match next.next() {
                        Some((following, _)) if following.meets(*set) => return false,
                        Some((_, following)) if following.low > 0 => return true,
                        Some(_) => {}
                        None => return true,
                    }
                }
            })
    }
}

/// The place that a reading has come to, which decides whether `*`, `^` and `$` are special.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Before {
    /// Nothing yet: the start of the pattern, of a group or of an alternative.
    Start,
    /// A `^` that anchors.
    Anchor,
    /// A character that may be repeated.
    Char,
    /// A group that may be repeated.
    Group,
    /// A repetition: another one would be legal, but isn't translated.
    Repeat,
}

fn parse(pattern: &[u8]) -> Option<Parsed> {
    let mut parsed = Parsed::default();
    let mut before = Before::Start;
    let mut depth = 0_usize;
    let mut at = 0;
    while let Some(&byte) = pattern.get(at) {
        let rest = &pattern[at..];
        let (length, char) = match rest {
            [b'\\', b'(', ..] => {
                // A group that nothing repeats makes no difference, back-references aside.
                parsed.regex.push('(');
                depth += 1;
                before = Before::Start;
                (2, None)
            }
            [b'\\', b')', ..] => {
                depth = depth.checked_sub(1)?;
                parsed.regex.push(')');
                before = Before::Group;
                (2, None)
            }
            [b'\\', b'|', ..] => {
                parsed.branches = true;
                parsed.splits |= depth == 0;
                parsed.regex.push('|');
                before = Before::Start;
                (2, None)
            }
            [b'\\', b'{' | b'+' | b'?', ..] | [b'*', ..]
                if matches!(before, Before::Char | Before::Group) =>
            {
                let (repeat, length) = repeat(rest)?;
                match before {
                    Before::Group => parsed.branches = true,
                    _ => parsed.chars.last_mut()?.1 = repeat,
                }
                let high = repeat
                    .high
                    .map_or_else(String::new, |high| high.to_string());
                parsed
                    .regex
                    .extend(["{", &repeat.low.to_string(), ",", &high, "}"]);
                before = Before::Repeat;
                (length, None)
            }
            [b'\\', escaped, ..] if b".[]*^$/-".contains(escaped) => {
                (2, Some(ByteSet::of(|byte| byte == *escaped)))
            }
            [b'^', ..] if at == 0 => {
                parsed.starts_anchored = true;
                parsed.regex.push('^');
                before = Before::Anchor;
                (1, None)
            }
            [b'$'] => {
                parsed.ends_anchored = true;
                parsed.regex.push('$');
                (1, None)
            }
            [b'[', ..] => {
                let (set, length) = bracket(rest)?;
                (length, Some(set))
            }
            // Back-references, word boundaries and any extension of the C library; anchors in the middle,
            // which have a meaning of their own; repetitions that are literals, or doubled.
            [b'\\' | b'^' | b'$' | b'*', ..] => return None,
            [b'.', ..] => (1, Some(ByteSet::of(|_| true))),
            _ => (1, Some(ByteSet::of(|literal| literal == byte))),
        };
        if let Some(set) = char {
            parsed.regex += &set.to_regex();
            parsed.chars.push((set, Repeat::ONCE));
            before = Before::Char;
        }
        at += length;
    }
    Some(parsed)
}

/// Reads `*`, `\+`, `\?` or an interval: the repetition, and the length of its text.
pub(super) fn repeat(text: &[u8]) -> Option<(Repeat, usize)> {
    let simple = |low, high, length| Some((Repeat { low, high }, length));
    match text {
        [b'*', ..] => simple(0, None, 1),
        [b'\\', b'+', ..] => simple(1, None, 2),
        [b'\\', b'?', ..] => simple(0, Some(1), 2),
        [b'\\', b'{', interval @ ..] => {
            let length = interval.windows(2).position(|pair| pair == b"\\}")?;
            let interval = std::str::from_utf8(&interval[..length]).ok()?;
            let (low, high) = interval.split_once(',').unwrap_or((interval, interval));
            let high = if high.is_empty() {
                None
            } else {
                Some(high.parse().ok()?)
            };
            let low = if low.is_empty() { 0 } else { low.parse().ok()? };
            simple(low, high, length + 4)
        }
        _ => None,
    }
}

/// Reads a bracket expression: the bytes that it stands for, and the length of its text.
fn bracket(text: &[u8]) -> Option<(ByteSet, usize)> {
    let mut at = 1;
    let negated = text.get(at) == Some(&b'^');
    at += usize::from(negated);
    let first = at;
    let mut set = ByteSet::default();
    loop {
        match text.get(at..)? {
            [b']', ..] if at > first => break,
            [] | [b'[', b'.' | b'=', ..] => return None,
            [b'[', b':', rest @ ..] => {
                let length = rest.windows(2).position(|pair| pair == b":]")?;
                let class = class(&rest[..length])?;
                (0..=u8::MAX)
                    .filter(|&byte| class(byte))
                    .for_each(|byte| set.insert(byte));
                at += length + 4;
                // A class can't start a range; the C library's reading of one is its own affair.
                if matches!(text.get(at..)?, [b'-', next, ..] if *next != b']') {
                    return None;
                }
            }
            [from, b'-', to, ..] if *to != b']' => {
                if *to == b'[' || from > to {
                    return None;
                }
                (*from..=*to).for_each(|byte| set.insert(byte));
                at += 3;
            }
            [byte, ..] => {
                set.insert(*byte);
                at += 1;
            }
        }
    }
    let set = if negated {
        ByteSet::of(|byte| !set.contains(byte))
    } else {
        set
    };
    Some((set, at + 1))
}

/// A character class of the C locale.
fn class(name: &[u8]) -> Option<fn(u8) -> bool> {
    Some(match name {
        b"alpha" => |byte| byte.is_ascii_alphabetic(),
        b"digit" => |byte| byte.is_ascii_digit(),
        b"alnum" => |byte| byte.is_ascii_alphanumeric(),
        b"upper" => |byte| byte.is_ascii_uppercase(),
        b"lower" => |byte| byte.is_ascii_lowercase(),
        b"space" => |byte| byte.is_ascii_whitespace() || byte == 0x0b,
        b"blank" => |byte| matches!(byte, b' ' | b'\t'),
        b"punct" => |byte| byte.is_ascii_punctuation(),
        b"print" => |byte| (0x20..0x7f).contains(&byte),
        b"graph" => |byte| byte.is_ascii_graphic(),
        b"cntrl" => |byte| byte.is_ascii_control(),
        b"xdigit" => |byte| byte.is_ascii_hexdigit(),
        _ => return None,
    })
}
