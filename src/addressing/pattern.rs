// SPDX-License-Identifier: GPL-2.0-or-later

//! The pattern that node names must match: a POSIX basic regular expression, unanchored.
//!
//! The C library's `regcomp` and `regexec` define the meaning of a pattern. They are asked first, so that a
//! pattern is refused in their words. Then the `regex` crate does the matching wherever it is certain to give
//! the same answer: its time is linear in the name, whatever a caller puts into a call as a node's name.
//! `translate` knows where that is certain, `hazard` which patterns the C library isn't asked to match at
//! all.

mod groups;
mod hazard;
mod memo;
mod posix;
mod translate;

pub use groups::{GroupUse, Groups};

/// The longest node name that is looked at, in bytes. A DNS name has at most 253.
///
/// The engine's strings have no bound, and `regexec` takes time and memory with the square of a
/// hostile name's length, or worse where a pattern has back-references.
pub const LONGEST_NODE: usize = 255;

/// The longest pattern that is taken, in bytes. `regcomp` calls itself for each group within a group, and
/// the engine's threads have small stacks.
pub const LONGEST_PATTERN: usize = 512;

/// A pattern that is ready to match; by default it matches nothing.
#[derive(Debug, Default)]
pub struct Pattern(Option<(Matcher, memo::Memo)>);

#[derive(Debug)]
enum Matcher {
    Regex(regex::bytes::Regex, GroupUse),
    Posix(posix::Regex),
}

/// The reason why a text is not a pattern.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PatternError {
    /// The C library refuses it, in its own words.
    #[error("{0}")]
    Posix(String),
    /// It's longer than [`LONGEST_PATTERN`].
    #[error("a pattern has at most {LONGEST_PATTERN} bytes")]
    TooLong,
    /// The C library would take too much memory or time for it.
    #[error("too many repetitions, one after the other or nested")]
    TooLarge,
    /// Some C libraries call themselves without end on such patterns, and take the engine down.
    #[error("a back-reference and a repeated group in one pattern may crash the C library")]
    Hazard,
    /// Some C libraries never come back from such patterns.
    #[error("a repeated group that may match nothing may keep the C library busy for ever")]
    Endless,
}

impl Pattern {
    /// Compiles a basic regular expression; an empty one matches nothing, not even an empty name.
    ///
    /// `groups` is the use that will be made of a match's groups: the more, the fewer patterns go the quick
    /// way.
    ///
    /// # Errors
    ///
    /// Fails when the C library refuses it, or isn't sure to survive it.
    pub fn new(text: &[u8], groups: GroupUse) -> Result<Self, PatternError> {
        if text.is_empty() {
            return Ok(Self(None));
        }
        if text.len() > LONGEST_PATTERN {
            return Err(PatternError::TooLong);
        }
        if hazard::is_too_large(text) {
            return Err(PatternError::TooLarge);
        }
        let posix = posix::Regex::new(text).map_err(PatternError::Posix)?;
        if hazard::may_crash(text) {
            return Err(PatternError::Hazard);
        }
        let matcher = match translate::translate(text, groups) {
            Some(regex) => Matcher::Regex(regex, groups),
            None if hazard::may_hang(text) => return Err(PatternError::Endless),
            None if hazard::is_too_slow(text) => return Err(PatternError::TooLarge),
            None => Matcher::Posix(posix),
        };
        Ok(Self(Some((matcher, memo::Memo::default()))))
    }

    /// It matches nothing.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_none()
    }

    /// Whether the C library may never come back from a pattern, so that it had better not be asked.
    #[must_use]
    pub fn may_hang(text: &[u8]) -> bool {
        hazard::may_hang(text)
    }

    /// Matches a node's name; the groups are right as far as [`Pattern::new`] was asked for them.
    ///
    /// A name that is longer than [`LONGEST_NODE`], or that holds a NUL byte, matches nothing.
    #[must_use]
    pub fn matches(&self, node: &[u8]) -> Option<Groups> {
        let (matcher, memo) = self.0.as_ref()?;
        if node.len() > LONGEST_NODE {
            return None;
        }
        memo.get_or(node, || {
            if node.contains(&0) {
                None
            } else {
                matcher.matches(node)
            }
        })
    }

    /// The `regex` crate does the matching, in linear time.
    #[cfg(test)]
    fn is_linear(&self) -> bool {
        !matches!(self.0, Some((Matcher::Posix(_), _)))
    }
}

impl Matcher {
    fn matches(&self, node: &[u8]) -> Option<Groups> {
        match self {
            Self::Regex(regex, GroupUse::Nothing) => regex
                .is_match(node)
                .then(|| Groups::new(&[Some(0..node.len())])),
            Self::Regex(regex, _) => {
                let found = regex.captures(node)?;
                let spans: Vec<_> = found.iter().map(|span| span.map(|m| m.range())).collect();
                Some(Groups::new(&spans))
            }
            Self::Posix(regex) => regex.matches(node).map(|spans| Groups::new(&spans)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn groups(pattern: &str, node: &str) -> Option<Vec<String>> {
        let pattern = Pattern::new(pattern.as_bytes(), GroupUse::Inner).unwrap();
        let found = pattern.matches(node.as_bytes())?;
        let text = |n| String::from_utf8(found.text(n, node.as_bytes()).to_vec()).unwrap();
        Some((0..=9).map(text).collect())
    }

    fn linear(pattern: &str, groups: GroupUse) -> bool {
        Pattern::new(pattern.as_bytes(), groups)
            .unwrap()
            .is_linear()
    }

    #[test]
    fn an_empty_pattern_matches_nothing() {
        let pattern = Pattern::new(b"", GroupUse::Nothing).unwrap();
        assert!(pattern.matches(b"").is_none());
        assert!(pattern.matches(b"node1").is_none());
    }

    #[test]
    fn a_bad_pattern_is_refused_in_the_c_librarys_words() {
        let error = Pattern::new(b"^node\\(", GroupUse::Nothing).unwrap_err();
        assert_eq!(error.to_string(), "Unmatched ( or \\(");
        let error = Pattern::new(b"no\0de", GroupUse::Nothing).unwrap_err();
        assert_eq!(error.to_string(), "the pattern holds a NUL byte");
    }

    #[test]
    fn groups_are_the_leftmost_longest_ones() {
        let found = groups(r"\(a*\)\(ab\)*\(b*\)", "aabab").unwrap();
        assert_eq!(found[..4], ["aabab", "a", "ab", ""].map(String::from));
    }

    #[test]
    fn where_no_group_took_part_the_first_one_is_the_whole_match() {
        for pattern in ["^node[0-9]$", r"^node[0-9]\(x\)*$"] {
            let found = groups(pattern, "node2").unwrap();
            assert_eq!(
                found[..3],
                ["node2", "node2", ""].map(String::from),
                "{pattern}"
            );
        }
    }

    #[test]
    fn the_ninth_group_is_empty_and_the_eighth_is_not() {
        let found = groups(&r"\(a\)".repeat(9), "aaaaaaaaa").unwrap();
        assert_eq!(found[8..], ["a", ""].map(String::from));
    }

    #[test]
    fn a_name_of_hostile_length_matches_nothing() {
        let pattern = Pattern::new(b"^.*$", GroupUse::Whole).unwrap();
        assert!(pattern.matches(&[b'n'; LONGEST_NODE]).is_some());
        assert!(pattern.matches(&[b'n'; LONGEST_NODE + 1]).is_none());
        assert!(pattern.matches(&vec![b'n'; 65_536]).is_none());
    }

    #[test]
    fn usual_patterns_are_matched_in_linear_time() {
        for pattern in [
            r"^node\([0-9]\+\)$",
            r"^[a-z0-9-]*$",
            r"^\(node\)\([[:digit:]]\{1,3\}\)\.lab$",
        ] {
            assert!(linear(pattern, GroupUse::Inner), "{pattern}");
        }
        assert!(linear(r"^\(node\|host\)[0-9]*$", GroupUse::Whole));
        assert!(linear("node", GroupUse::Nothing));
    }

    #[test]
    fn what_only_posix_can_tell_is_left_to_it() {
        for pattern in [
            r"^n\(o\)\1*$",
            r"\(a*\)\(ab\)*",
            r"^\(a*\)\(a*\)$",
            "[[=a=]]",
            "[[.-.]]",
            r"\<a",
        ] {
            assert!(!linear(pattern, GroupUse::Inner), "{pattern}");
        }
        assert!(!linear("node", GroupUse::Whole));
        assert!(!linear(r"^\(node\|host\)$", GroupUse::Inner));
    }

    /// Patterns made of every construct of the grammar, well-formed most of the time.
    fn patterns() -> impl Strategy<Value = String> {
        let atom = prop_oneof![
            4 => "[abn]".prop_map(String::from),
            1 => Just(".".to_owned()),
            1 => Just(r"\.".to_owned()),
            1 => Just(r"\w".to_owned()),
            1 => Just(r"\1".to_owned()),
            2 => r"\[\^?[]ab-]?[a-c]?(a-[b-z])?(\[:(alpha|digit|alnum|punct|space):\])?[-^]?[ab]\]",
            1 => "[*^$+?|(){}]".prop_map(String::from),
        ];
        let repeat = prop_oneof![
            6 => Just(String::new()),
            2 => Just("*".to_owned()),
            1 => Just(r"\+".to_owned()),
            1 => Just(r"\?".to_owned()),
            1 => (0..3u8, 0..3u8).prop_map(|(low, more)| format!(r"\{{{low},{}\}}", low + more)),
            1 => (0..3u8).prop_map(|low| format!(r"\{{{low}\}}")),
            1 => (0..3u8).prop_map(|low| format!(r"\{{{low},\}}")),
            1 => (0..3u8).prop_map(|high| format!(r"\{{,{high}\}}")),
        ];
        let piece = (atom, repeat.clone()).prop_map(|(atom, repeat)| atom + &repeat);
        let tree = piece.prop_recursive(3, 16, 4, move |inner| {
            prop_oneof![
                3 => prop::collection::vec(inner.clone(), 1..4).prop_map(|parts| parts.concat()),
                2 => (inner.clone(), repeat.clone())
                    .prop_map(|(inner, repeat)| format!(r"\({inner}\){repeat}")),
                1 => (inner.clone(), inner).prop_map(|(left, right)| format!(r"{left}\|{right}")),
            ]
        });
        let anchors = [("", ""), ("^", ""), ("", "$"), ("^", "$"), ("^", "$")];
        (tree, prop::sample::select(anchors.to_vec()))
            .prop_map(|(tree, (start, end))| format!("{start}{tree}{end}"))
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(20_000))]

        /// The oracle is the C library itself, asked directly.
        #[test]
        fn answers_are_those_of_regexec(
            pattern in patterns(),
            nodes in prop::collection::vec("[abn1.*^$|(){}\n-]{0,9}", 1..6),
        ) {
            if hazard::may_hang(pattern.as_bytes()) {
                return Ok(());
            }
            let oracle = posix::Regex::new(pattern.as_bytes());
            for groups in [GroupUse::Nothing, GroupUse::Whole, GroupUse::Inner] {
                let ours = Pattern::new(pattern.as_bytes(), groups);
                if ours.as_ref().err() == Some(&PatternError::Hazard) {
                    continue;
                }
                prop_assert_eq!(ours.is_err(), oracle.is_err());
                let (Ok(ours), Ok(oracle)) = (&ours, &oracle) else { continue };
                for node in nodes.iter().map(String::as_bytes) {
                    let expected = oracle.matches(node).map(|spans| Groups::new(&spans));
                    let found = ours.matches(node);
                    prop_assert_eq!(found.is_some(), expected.is_some(), "{:?}", node);
                    let (Some(found), Some(expected)) = (found, expected) else { continue };
                    let compared = match groups {
                        GroupUse::Nothing => 0..0,
                        GroupUse::Whole => 0..1,
                        GroupUse::Inner => 0..10,
                    };
                    for group in compared {
                        prop_assert_eq!(found.text(group, node), expected.text(group, node), "{}", group);
                    }
                }
            }
        }

        #[test]
        fn arbitrary_bytes_do_no_harm(
            // No braces: `regcomp` may take gigabytes for nested intervals, which only an operator can write.
            pattern in prop::collection::vec(any::<u8>().prop_filter("brace", |b| *b != b'{'), 1..24),
            node in prop::collection::vec(any::<u8>(), 0..24),
        ) {
            if hazard::may_hang(&pattern) {
                return Ok(());
            }
            let oracle = posix::Regex::new(&pattern);
            if let Ok(pattern) = Pattern::new(&pattern, GroupUse::Nothing)
                && !node.contains(&0)
            {
                let expected = oracle.unwrap().matches(&node).is_some();
                prop_assert_eq!(pattern.matches(&node).is_some(), expected);
            }
        }
    }
}
