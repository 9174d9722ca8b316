// SPDX-License-Identifier: GPL-2.0-or-later

//! What `clustering.conf` says, checked.
//!
//! The engine reads the file, in its own grammar, and hands over sections, keys and values. They
//! become one immutable [`Settings`], or a list of all that is wrong with them: a file is taken whole
//! or not at all.

mod reader;

use crate::claim::{Purpose, Query, Terms};
use crate::health::{Codes, Rules};
use crate::message::Kind;
use crate::nodes::{self, Nodes};
use crate::pattern::{LONGEST_NODE, Pattern};
use crate::resource::{Prefix, trim_blanks};
use crate::signature::{Keys, Secret};
use crate::template::Template;
use crate::trust::Trust;
use reader::{Reader, Section, section};

/// One `key=value` of the file.
#[derive(Clone, Copy, Debug)]
pub struct Entry<'a> {
    /// The section that it stands in.
    pub section: &'a [u8],
    /// The key; empty for a section that has no entries of its own.
    pub key: &'a [u8],
    /// The value, empty where there is none.
    pub value: &'a [u8],
}

/// Something wrong with a file of settings.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{file}: [{section}]{}: {reason}", entry(key, value))]
pub struct SettingError {
    /// The file's path.
    pub file: String,
    /// The section, fit to be printed, as are key and value.
    pub section: String,
    /// The key; empty where the section itself is wrong.
    pub key: String,
    /// The value.
    pub value: String,
    /// What is wrong and what would be right.
    pub reason: String,
}

fn entry(key: &str, value: &str) -> String {
    if key.is_empty() {
        String::new()
    } else {
        format!(" {key}={value}")
    }
}

/// The highest priority that a handler may be given; at a higher one all others have run.
const LAST_PRIORITY: u32 = 1_000_000;

/// Where handlers stand that only watch: before all that may take a message for themselves.
const WATCH_PRIORITY: u32 = 1;

/// The heaviest that a node may be.
const MOST_WEIGHT: u32 = 10_000;

const GENERAL: Section = section("general");
const PRIORITIES: Section = section("priorities");
const SECURITY: Section = section("security");
const HEALTH: Section = section("health");
const LOCATE: Section = section("locate");
/// The kind of the sections that nodes have.
const NODE: &str = "node NAME";

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
    /// Calls carry the names of the nodes that they come from and go to, for CDRs.
    pub cdr_nodes: bool,
    /// The nodes that have a section.
    pub nodes: Nodes,
    /// When one of them is down.
    pub health: Rules,
    /// On which terms resources are claimed in a database.
    pub terms: Terms,
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
    /// Names everything that is wrong: first what has a bad value, then what is unknown.
    pub fn parse(node: &[u8], file: &str, entries: &[Entry]) -> Result<Self, Vec<SettingError>> {
        let mut reader = Reader::new(file, entries);
        let settings = Self::read(node, &mut reader);
        reader.refuse_unknown(&known().map(|(section, _)| section));
        if reader.problems.is_empty() {
            Ok(settings)
        } else {
            Err(reader.problems)
        }
    }

    fn read(node: &[u8], reader: &mut Reader) -> Self {
        let callto_text = reader.text(GENERAL, "callto", b"");
        let callto = reader.check(GENERAL, "callto", Template::parse(callto_text));
        let (sections, sources) = read_nodes(reader, !callto_text.is_empty());
        let pattern_text = reader.text(GENERAL, "regexp", b"");
        let templates = sections
            .iter()
            .filter_map(|section| section.callto.as_ref());
        let groups = templates
            .map(Template::group_use)
            .chain([callto.group_use()]);
        let groups = groups.max().unwrap_or_else(|| callto.group_use());
        let pattern = reader.check(GENERAL, "regexp", Pattern::new(pattern_text, groups));
        let prefix = Prefix::new(reader.text(GENERAL, "prefix", b"cluster"));
        let by_pattern = !callto_text.is_empty() && !pattern_text.is_empty();
        let complete = by_pattern || !sections.is_empty();
        let enabled = reader.flag(GENERAL, "enabled", complete) && !node.is_empty();
        let nodes = Nodes::new(sections, node, &callto, &pattern);
        let health = Rules {
            interval: reader.number(HEALTH, "interval", 10, 0..=3600),
            timeout: reader.number(HEALTH, "timeout", 2, 1..=10),
            fall: reader.number(HEALTH, "fall", 3, 1..=100),
            rise: reader.number(HEALTH, "rise", 2, 1..=100),
            hold: reader.number(HEALTH, "hold", 60, 0..=86_400),
            alive: {
                let alive = Codes::parse(reader.text(HEALTH, "alive", b""));
                reader.check(HEALTH, "alive", alive)
            },
        };
        let trusted = String::from_utf8_lossy(reader.text(SECURITY, "trusted", b""));
        let trust = reader.check(SECURITY, "trusted", Trust::parse(&trusted));
        let secret = Secret::new(reader.text(SECURITY, "secret", b""));
        let secret = reader.check(SECURITY, "secret", secret);
        let previous = Secret::new(reader.text(SECURITY, "secret.previous", b""));
        let previous = reader.check(SECURITY, "secret.previous", previous);
        let register = reader.flag(GENERAL, Kind::Register.name(), true);
        let cdr = reader.flag(GENERAL, Kind::Cdr.name(), true);
        let probes = !nodes.is_empty() && health.interval > 0;
        let priorities = Kind::ALL.map(|kind| {
            let (default, wanted) = match kind {
                Kind::Route => (49, true),
                Kind::Execute | Kind::Message => (50, true),
                Kind::Preroute => (25, true),
                Kind::Register | Kind::Unregister => (49, register),
                Kind::Cdr => (25, cdr),
                Kind::Locate => (200, !nodes.is_empty()),
                // These only watch, so where they stand is nobody's business.
                Kind::Startup | Kind::Hangup => {
                    return if enabled && probes { WATCH_PRIORITY } else { 0 };
                }
            };
            let priority = reader.number(PRIORITIES, kind.name(), default, 0..=LAST_PRIORITY);
            if enabled && wanted { priority } else { 0 }
        });
        Self {
            enabled,
            home: [prefix.as_bytes(), node, b"/"].concat().into(),
            prefix,
            pattern,
            callto,
            locate: reader.text(GENERAL, "locate", b"cluster.locate").into(),
            connection: reader.text(GENERAL, "connection", b"").into(),
            hops: reader.number(GENERAL, "hops", 8, 1..=64) as usize,
            cdr_nodes: reader.flag(GENERAL, "cdr.nodes", false),
            nodes,
            health,
            terms: read_terms(reader),
            trust: trust.with(sources),
            keys: Keys::new(secret, previous),
            window: reader.number(SECURITY, "window", 30, 1..=3600).into(),
            priorities,
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

/// The kinds of sections in the file, and the keys of each.
#[must_use]
pub fn known() -> [(&'static str, Vec<&'static str>); 6] {
    let entry = Entry {
        section: b"node x",
        key: b"weight",
        value: b"",
    };
    let entries = [entry];
    let mut reader = Reader::new("", &entries);
    Settings::read(b"", &mut reader);
    let known = reader.known();
    let sections = [
        "general",
        "priorities",
        "security",
        "health",
        "locate",
        NODE,
    ];
    sections.map(|section| {
        let keys = known.iter().find(|(kind, _)| *kind == section);
        (
            section,
            keys.map(|(_, keys)| keys.clone()).unwrap_or_default(),
        )
    })
}

/// What `[locate]` says.
fn read_terms(reader: &mut Reader) -> Terms {
    let usual = Terms::default();
    let lease = reader.number(LOCATE, "lease", usual.lease, Terms::LEASES);
    let cache = reader.any_number(LOCATE, "cache", 0..=*Terms::LEASES.end());
    let query =
        |reader: &mut Reader, key, purpose, usual: Query| match reader.text(LOCATE, key, b"") {
            b"" => usual,
            text => reader.check(LOCATE, key, Query::parse(purpose, text)),
        };
    Terms {
        account: reader.text(LOCATE, "account", b"").into(),
        lease,
        cache: reader.check(LOCATE, "cache", Terms::cache(lease, cache)),
        timeout: reader.number(LOCATE, "timeout", usual.timeout, Terms::TIMEOUTS),
        retry: reader.number(LOCATE, "retry", usual.retry, Terms::RETRIES),
        claim: query(reader, "claim", Purpose::Claim, usual.claim),
        lookup: query(reader, "lookup", Purpose::Lookup, usual.lookup),
    }
}

/// The sections of the nodes, and the addresses of all of them.
fn read_nodes(reader: &mut Reader, has_callto: bool) -> (Vec<nodes::Section>, Vec<Trust>) {
    let (mut read, mut nodes, mut sources) = (Vec::new(), Vec::<nodes::Section>::new(), Vec::new());
    for entry in reader.entries {
        let Some(name) = entry.section.strip_prefix(b"node ") else {
            continue;
        };
        if read.contains(&entry.section) {
            continue;
        }
        read.push(entry.section);
        let section = Section {
            name: entry.section,
            kind: NODE,
        };
        let name = trim_blanks(name);
        let twice = nodes.iter().any(|node| &*node.name == name);
        let wrong = match name {
            _ if twice => "another section is that node's",
            b"" | b"*" => "a node needs a name",
            _ if name.contains(&b'/') => "no call can go to a node with a slash in its name",
            _ if name.len() > LONGEST_NODE => "a node's name has at most 255 bytes",
            _ => "",
        };
        if !wrong.is_empty() {
            reader.refuse(entry, wrong.to_owned());
        }
        let text = reader.text(section, "callto", b"");
        let callto = reader.check(section, "callto", Template::parse(text));
        if text.is_empty() && !has_callto {
            reader.refuse(
                entry,
                "the node needs a callto, there is none in [general]".to_owned(),
            );
        }
        let weight = reader.number(section, "weight", 100, 0..=MOST_WEIGHT);
        let source = String::from_utf8_lossy(reader.text(section, "source", b""));
        let source = Trust::parse(&source)
            .map_err(|error| error.to_string())
            .and_then(|source| {
                let everybody = source == Trust::Anyone;
                if everybody {
                    Err("* is no node's address".to_owned())
                } else {
                    Ok(source)
                }
            });
        sources.push(reader.check(section, "source", source));
        nodes.push(nodes::Section {
            name: name.into(),
            callto: (!text.is_empty()).then_some(callto),
            weight,
            probe: reader.text(section, "probe", b"").into(),
        });
    }
    (nodes, sources)
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
            Kind::ALL.map(|kind| settings.priority(kind)),
            [
                Some(49),
                Some(50),
                Some(49),
                Some(25),
                None,
                None,
                None,
                Some(25),
                Some(49),
                Some(50)
            ]
        );
    }

    #[test]
    fn messages_can_be_left_alone_one_by_one() {
        let text =
            "[general]\nenabled=yes\nuser.register=no\ncall.cdr=f\n[priorities]\ncall.route=0";
        let settings = parse(text).unwrap();
        assert_eq!(
            Kind::ALL.map(|kind| settings.priority(kind)),
            [
                None,
                Some(50),
                None,
                None,
                None,
                None,
                None,
                Some(25),
                None,
                Some(50)
            ]
        );
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
                "[nodes] a=b: unknown section, known are general, priorities, security, health, \
                 locate, node NAME",
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
            section in prop_oneof![Just("general"), Just("priorities"), Just("security"), Just("health"), Just("locate"), Just("node x")],
            key in prop::sample::select(known().map(|(_, keys)| keys).concat()),
            // No braces: see the pattern's tests.
            value in prop::collection::vec(any::<u8>().prop_filter("brace", |b| *b != b'{'), 0..32),
        ) {
            let entry = Entry { section: section.as_bytes(), key: key.as_bytes(), value: &value };
            let _ = Settings::parse(b"node1", "clustering.conf", &[entry]);
        }
    }
}
