// SPDX-License-Identifier: GPL-2.0-or-later

//! What `clustering.conf` says, checked.
//!
//! The engine reads the file, in its own grammar, and hands over sections, keys and values. They
//! become one immutable [`Settings`], or a list of all that is wrong with them: a file is taken whole
//! or not at all.

use std::ops::RangeInclusive;

use crate::message::Kind;
use crate::pattern::Pattern;
use crate::resource::Prefix;
use crate::signature::{Keys, Secret};
use crate::template::Template;
use crate::text::Shown;
use crate::trust::Trust;

/// One `key=value` of the file.
#[derive(Clone, Copy, Debug)]
pub struct Entry<'a> {
    /// The section that it stands in.
    pub section: &'a [u8],
    /// The key.
    pub key: &'a [u8],
    /// The value, empty where there is none.
    pub value: &'a [u8],
}

/// Something wrong with a file of settings.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{file}: [{section}] {key}={value}: {reason}")]
pub struct SettingError {
    /// The file's path.
    pub file: String,
    /// The section, fit to be printed, as are key and value.
    pub section: String,
    /// The key.
    pub key: String,
    /// The value.
    pub value: String,
    /// What is wrong and what would be right.
    pub reason: String,
}

/// The highest priority that a handler may be given; at a higher one all others have run.
const LAST_PRIORITY: u32 = 1_000_000;

/// The settings in force, never changed: another file makes another value.
#[derive(Debug)]
pub struct Settings {
    /// The module handles messages.
    pub enabled: bool,
    /// What cluster resources start with.
    pub prefix: Prefix,
    /// Prefix and own node: what is put before a user's location.
    pub home: Box<[u8]>,
    /// What the names of other nodes match.
    pub pattern: Pattern,
    /// How another node is reached.
    pub callto: Template,
    /// The message that finds the node of a resource; empty where none does.
    pub locate: Box<[u8]>,
    /// The SIP connection for calls to other nodes; empty for the engine's choice.
    pub connection: Box<[u8]>,
    /// How often a call may be forwarded from node to node.
    pub hops: usize,
    /// From which addresses cluster headers count.
    pub trust: Trust,
    /// By which secrets calls are signed.
    pub keys: Keys,
    /// For how many seconds a signature is good, and how far clocks may differ.
    pub window: u64,
    priorities: [u32; Kind::ALL.len()],
}

impl Settings {
    /// The settings of a module that does nothing.
    #[must_use]
    pub fn disabled(node: &[u8]) -> Self {
        let file = Self::parse(node, "", &[]);
        file.unwrap_or_else(|_| unreachable!("the defaults are valid"))
    }

    /// Checks what a file says.
    ///
    /// Of several entries of one key the first counts, as everywhere in the engine. An empty value
    /// is that of `prefix`, `regexp`, `callto`, `locate` and `connection`; elsewhere it's the default.
    ///
    /// # Errors
    ///
    /// Names everything that is wrong: first what is unknown, then what has a bad value.
    pub fn parse(node: &[u8], file: &str, entries: &[Entry]) -> Result<Self, Vec<SettingError>> {
        let mut reader = Reader {
            file,
            entries,
            problems: Vec::new(),
        };
        reader.refuse_unknown();
        let callto_text = reader.text("general", "callto", b"");
        let callto = reader.check("general", "callto", Template::parse(callto_text));
        let pattern_text = reader.text("general", "regexp", b"");
        let pattern = Pattern::new(pattern_text, callto.group_use());
        let pattern = reader.check("general", "regexp", pattern);
        let prefix = Prefix::new(reader.text("general", "prefix", b"cluster"));
        let complete = !callto_text.is_empty() && !pattern_text.is_empty();
        let enabled = reader.flag("general", "enabled", complete) && !node.is_empty();
        let register = reader.flag("general", Kind::Register.name(), true);
        let cdr = reader.flag("general", Kind::Cdr.name(), true);
        let trusted = String::from_utf8_lossy(reader.text("security", "trusted", b""));
        let trust = reader.check("security", "trusted", Trust::parse(&trusted));
        let secret = Secret::new(reader.text("security", "secret", b""));
        let secret = reader.check("security", "secret", secret);
        let previous = Secret::new(reader.text("security", "secret.previous", b""));
        let previous = reader.check("security", "secret.previous", previous);
        let window = reader.number("security", "window", 30, 1..=3600);
        let hops = reader.number("general", "hops", 8, 1..=64);
        let priorities = Kind::ALL.map(|kind| {
            let (default, wanted) = match kind {
                Kind::Route => (49, true),
                Kind::Execute => (50, true),
                Kind::Register => (49, register),
                Kind::Cdr => (25, cdr),
            };
            let priority = reader.number("priorities", kind.name(), default, 0..=LAST_PRIORITY);
            if enabled && wanted { priority } else { 0 }
        });
        let settings = Self {
            enabled,
            home: [prefix.as_bytes(), node, b"/"].concat().into(),
            prefix,
            pattern,
            callto,
            locate: reader.text("general", "locate", b"cluster.locate").into(),
            connection: reader.text("general", "connection", b"").into(),
            hops: hops as usize,
            trust,
            keys: Keys::new(secret, previous),
            window: window.into(),
            priorities,
        };
        if reader.problems.is_empty() {
            Ok(settings)
        } else {
            Err(reader.problems)
        }
    }

    /// No sender's cluster headers count, because none was named and there is no secret.
    #[must_use]
    pub fn trusts_nobody(&self) -> bool {
        self.trust.is_unset() && !self.keys.are_set()
    }

    /// Where the handler of a message stands among the others; `None` where there is to be none.
    #[must_use]
    pub fn priority(&self, kind: Kind) -> Option<u32> {
        Some(self.priorities[kind as usize]).filter(|&priority| priority > 0)
    }
}

/// The sections of the file, and the keys of each.
pub const KNOWN: [(&str, &[&str]); 3] = [
    (
        "general",
        &[
            "enabled",
            "prefix",
            "regexp",
            "callto",
            "locate",
            "connection",
            "hops",
            Kind::Register.name(),
            Kind::Cdr.name(),
        ],
    ),
    (
        "priorities",
        &[
            Kind::Route.name(),
            Kind::Execute.name(),
            Kind::Register.name(),
            Kind::Cdr.name(),
        ],
    ),
    (
        "security",
        &["trusted", "secret", "secret.previous", "window"],
    ),
];

/// Reads settings from entries, and collects what is wrong with them.
struct Reader<'a> {
    file: &'a str,
    entries: &'a [Entry<'a>],
    problems: Vec<SettingError>,
}

impl<'a> Reader<'a> {
    fn find(&self, section: &str, key: &str) -> Option<&'a Entry<'a>> {
        self.entries
            .iter()
            .find(|entry| entry.section == section.as_bytes() && entry.key == key.as_bytes())
    }

    fn text(&self, section: &str, key: &str, default: &'a [u8]) -> &'a [u8] {
        self.find(section, key).map_or(default, |entry| entry.value)
    }

    /// An entry whose value isn't empty.
    fn filled(&self, section: &str, key: &str) -> Option<&'a Entry<'a>> {
        self.find(section, key)
            .filter(|entry| !entry.value.is_empty())
    }

    /// Takes a value that was made of an entry's text, or notes why it could not be made.
    fn check<T: Default, E: ToString>(
        &mut self,
        section: &str,
        key: &str,
        made: Result<T, E>,
    ) -> T {
        made.unwrap_or_else(|error| {
            if let Some(entry) = self.find(section, key) {
                self.refuse(entry, error.to_string());
            }
            T::default()
        })
    }

    fn refuse(&mut self, entry: &Entry, reason: String) {
        let shown = |text| Shown(text).to_string();
        // A secret is in no error; nor is what stands behind a key that may be a misspelt one.
        let is_secret =
            entry.section == b"security" && entry.key != b"trusted" && entry.key != b"window";
        self.problems.push(SettingError {
            file: self.file.to_owned(),
            section: shown(entry.section),
            key: shown(entry.key),
            value: if is_secret {
                "(hidden)".to_owned()
            } else {
                shown(entry.value)
            },
            reason,
        });
    }

    fn refuse_unknown(&mut self) {
        for entry in self.entries {
            let section = KNOWN
                .iter()
                .find(|(section, _)| section.as_bytes() == entry.section);
            match section {
                None => {
                    let known = KNOWN.map(|(section, _)| section).join(", ");
                    self.refuse(entry, format!("unknown section, known are {known}"));
                }
                Some((_, keys)) if !keys.iter().any(|key| key.as_bytes() == entry.key) => {
                    self.refuse(entry, format!("unknown key, known are {}", keys.join(", ")));
                }
                Some(_) => {}
            }
        }
    }

    /// A boolean in the engine's words.
    fn flag(&mut self, section: &str, key: &str, default: bool) -> bool {
        let Some(entry) = self.filled(section, key) else {
            return default;
        };
        match entry.value {
            b"true" | b"yes" | b"on" | b"enable" | b"t" => true,
            b"false" | b"no" | b"off" | b"disable" | b"f" => false,
            _ => {
                self.refuse(entry, "not a boolean, use yes or no".to_owned());
                default
            }
        }
    }

    fn number(
        &mut self,
        section: &str,
        key: &str,
        default: u32,
        range: RangeInclusive<u32>,
    ) -> u32 {
        let Some(entry) = self.filled(section, key) else {
            return default;
        };
        let number = number(entry.value).filter(|number| range.contains(number));
        number.unwrap_or_else(|| {
            let (low, high) = range.into_inner();
            self.refuse(entry, format!("not a number from {low} to {high}"));
            default
        })
    }
}

/// A number as the engine reads it: a leading `0x` makes it hexadecimal, a leading `0` octal.
fn number(text: &[u8]) -> Option<u32> {
    let text = std::str::from_utf8(text).ok()?;
    let (digits, radix) = match text.as_bytes() {
        [b'0', b'x' | b'X', ..] => (&text[2..], 16),
        [b'0', _, ..] => (&text[1..], 8),
        _ => (text, 10),
    };
    // Rust would take a sign here, the engine's files have no use for one.
    if digits.starts_with('+') {
        None
    } else {
        u32::from_str_radix(digits, radix).ok()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn parse(text: &str) -> Result<Settings, Vec<String>> {
        let mut section = "";
        let mut entries = Vec::new();
        for line in text.lines() {
            if let Some(name) = line.strip_prefix('[') {
                section = name.trim_end_matches(']');
            } else if let Some((key, value)) = line.split_once('=') {
                let (section, key, value) = (section.as_bytes(), key.as_bytes(), value.as_bytes());
                entries.push(Entry {
                    section,
                    key,
                    value,
                });
            }
        }
        Settings::parse(b"node1", "clustering.conf", &entries)
            .map_err(|errors| errors.iter().map(ToString::to_string).collect())
    }

    fn error(text: &str) -> String {
        parse(text).unwrap_err().remove(0)
    }

    #[test]
    fn without_pattern_or_template_the_module_is_disabled() {
        for text in [
            "",
            "[general]\nregexp=^n",
            "[general]\ncallto=sip/x",
            "[general]\nregexp=\ncallto=x",
        ] {
            assert!(!parse(text).unwrap().enabled, "{text}");
        }
        assert!(parse("[general]\nregexp=^n\ncallto=sip/x").unwrap().enabled);
        assert!(parse("[general]\nenabled=yes").unwrap().enabled);
        assert!(
            !parse("[general]\nregexp=^n\ncallto=sip/x\nenabled=off")
                .unwrap()
                .enabled
        );
    }

    #[test]
    fn a_node_without_a_name_is_disabled() {
        let entry = Entry {
            section: b"general",
            key: b"enabled",
            value: b"yes",
        };
        assert!(!Settings::parse(b"", "", &[entry]).unwrap().enabled);
    }

    #[test]
    fn defaults_are_the_documented_ones() {
        let settings = parse("[general]\nregexp=^n\ncallto=sip/x").unwrap();
        assert_eq!(settings.prefix.as_bytes(), b"cluster/");
        assert_eq!(&*settings.home, b"cluster/node1/");
        assert_eq!(&*settings.locate, b"cluster.locate");
        assert_eq!(&*settings.connection, b"");
        assert!(settings.trust.is_unset());
        assert_eq!(
            Kind::ALL.map(|kind| settings.priority(kind).unwrap()),
            [49, 50, 49, 25]
        );
    }

    #[test]
    fn messages_can_be_left_alone_one_by_one() {
        let text =
            "[general]\nenabled=yes\nuser.register=no\ncall.cdr=f\n[priorities]\ncall.route=0";
        let settings = parse(text).unwrap();
        assert_eq!(
            Kind::ALL.map(|kind| settings.priority(kind)),
            [None, Some(50), None, None]
        );
    }

    #[test]
    fn numbers_are_read_as_the_engine_reads_them() {
        for (text, value) in [("0", 0), ("30", 30), ("010", 8), ("0x1F", 31), ("00", 0)] {
            assert_eq!(number(text.as_bytes()), Some(value), "{text}");
        }
        for text in ["", "08", "-1", "+1", "1 ", "x", "0x", "99999999999"] {
            assert_eq!(number(text.as_bytes()), None, "{text}");
        }
    }

    #[test]
    fn the_first_of_two_entries_counts() {
        let settings = parse("[general]\nprefix=a\nprefix=b").unwrap();
        assert_eq!(settings.prefix.as_bytes(), b"a/");
    }

    #[test]
    fn errors_name_file_section_key_value_and_reason() {
        for (text, message) in [
            (
                "[general]\nregexp=^node(\\(",
                "[general] regexp=^node(\\(: Unmatched ( or \\(",
            ),
            (
                "[general]\ncallto=x${a",
                "[general] callto=x${a: '${' at byte 1 has no closing '}'",
            ),
            (
                "[general]\nenabled=1",
                "[general] enabled=1: not a boolean, use yes or no",
            ),
            (
                "[priorities]\ncall.cdr=-5",
                "[priorities] call.cdr=-5: not a number from 0 to 1000000",
            ),
            (
                "[security]\ntrusted=10.0.0.300",
                "[security] trusted=10.0.0.300: '10.0.0.300' is neither an IP address nor a network \
                 like 10.0.0.0/8 or 2001:db8::/32, nor *",
            ),
            (
                "[security]\ntrust=*",
                "[security] trust=(hidden): unknown key, known are trusted, secret, \
                 secret.previous, window",
            ),
            (
                "[security]\nsecret=hunter2",
                "[security] secret=(hidden): a secret has at least 16 bytes",
            ),
            (
                "[security]\nwindow=0",
                "[security] window=0: not a number from 1 to 3600",
            ),
            (
                "[nodes]\na=b",
                "[nodes] a=b: unknown section, known are general, priorities, security",
            ),
        ] {
            assert_eq!(error(text), format!("clustering.conf: {message}"));
        }
    }

    #[test]
    fn all_that_is_wrong_is_named_at_once() {
        let errors = parse("[general]\nenabled=1\nregexp=\\(\n[x]\ny=z").unwrap_err();
        assert_eq!(errors.len(), 3);
    }

    proptest! {
        #[test]
        fn arbitrary_settings_do_no_harm(
            section in prop_oneof![Just("general"), Just("priorities"), Just("security")],
            key in prop::sample::select(KNOWN.map(|(_, keys)| keys).concat()),
            // No braces: see the pattern's tests.
            value in prop::collection::vec(any::<u8>().prop_filter("brace", |b| *b != b'{'), 0..32),
        ) {
            let entry = Entry { section: section.as_bytes(), key: key.as_bytes(), value: &value };
            let _ = Settings::parse(b"node1", "clustering.conf", &[entry]);
        }
    }
}
