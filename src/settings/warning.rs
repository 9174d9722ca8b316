// SPDX-License-Identifier: GPL-2.0-or-later

//! What is no mistake in a file, but will hurt.

use std::fmt::{self, Display};

use rustc_hash::{FxHashMap, FxHashSet};

use super::reader::Reader;
use super::{Entry, GENERAL, LOCATE, Line, Settings, Signatures, UNNAMED};
use crate::addressing::pattern::{GroupUse, Pattern};
use crate::addressing::resource::trim_blanks;
use crate::addressing::template::{HostError, Template};
use crate::file::Place;
use crate::nodes::{BackupMistake, Node, Nodes, address, backup};
use crate::text::Escaped;

/// A warning with its place.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SettingWarning {
    /// The file's path.
    pub file: String,
    /// The line, counted from 1; 0 where it isn't known, or where the file as a whole is meant.
    pub line: u32,
    /// What will hurt.
    pub warning: Warning,
}

impl Display for SettingWarning {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            file,
            line,
            warning,
        } = self;
        write!(f, "{file}{}: warning: {warning}", Line(*line))
    }
}

/// What is allowed, but will hurt. Names are fit to be printed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Warning {
    /// The text of the file has a fault with which it may work.
    Text(String),
    /// No sender is trusted.
    NobodyTrusted,
    /// The nodes without a section are not trusted.
    NotDerived(HostError),
    /// A node is not trusted.
    NodeNotDerived {
        /// The node.
        node: String,
        /// The reason.
        error: HostError,
    },
    /// Signatures need not be valid.
    SignaturesOptional,
    /// The nodes don't know this one.
    Stranger {
        /// This node's name.
        node: String,
        /// The pattern was written as an extended regular expression.
        is_extended: bool,
    },
    /// The other nodes have sections.
    NoOwnSection {
        /// This node's name.
        node: String,
    },
    /// Two nodes have one address.
    SameAddress {
        /// The one that comes second.
        node: String,
        /// The one that comes first.
        other: String,
    },
    /// Calls to another node come back.
    LeadsHere {
        /// That node.
        node: String,
    },
    /// A `callto` can't be called.
    NoTarget {
        /// The section.
        section: String,
    },
    /// A `callto` asks for a parameter that no call has.
    NoParameter {
        /// The parameter.
        name: String,
    },
    /// The pattern matches none of the nodes.
    NothingMatches,
    /// A node's state will never be known.
    NotProbed {
        /// The node.
        node: String,
    },
    /// A backup of a node is none.
    Backup {
        /// The node.
        node: String,
        /// The value of the key.
        value: String,
        /// The backup.
        backup: String,
        /// Its mistake.
        mistake: BackupMistake,
    },
    /// No node may have a resource.
    NoWeight,
    /// A setting needs the loads of nodes, which nobody knows.
    NoLoads {
        /// The key.
        key: &'static str,
    },
    /// A key stands twice in its section.
    Twice {
        /// The key.
        key: String,
    },
    /// A value ends with what looks like a comment.
    Comment {
        /// The key.
        key: String,
    },
}

impl Warning {
    /// It's worth a line of the log at each load. What isn't is said where somebody asks.
    #[must_use]
    pub fn is_logged(&self) -> bool {
        !matches!(self, Self::NotProbed { .. })
    }
}

impl Display for Warning {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Text(fault) => f.write_str(fault),
            Self::NobodyTrusted => f.write_str(
                "no node is trusted, so calls from other nodes are refused: set 'trusted' or 'secret' in [security]",
            ),
            Self::NotDerived(error) => {
                write!(f, "no node without a section is trusted: 'callto' {error}")
            }
            Self::NodeNotDerived { node, error } => {
                write!(f, "node '{node}' is not trusted: its 'callto' {error}")
            }
            Self::SignaturesOptional => f.write_str(
                "calls of trusted senders are accepted without a valid signature: [security] secret.required",
            ),
            Self::Stranger { node, is_extended } => {
                write!(
                    f,
                    "this node is named '{node}', which has no section [node {node}] and does not match 'regexp': \
                     nodes with this file can't call users who register here"
                )?;
                f.write_str(if *is_extended {
                    "; in 'regexp' a backslash gives + ? ( ) and the bar their special meaning"
                } else {
                    ""
                })
            }
            Self::NoOwnSection { node } => write!(
                f,
                "this node has no section [node {node}]: no resource is placed here"
            ),
            Self::SameAddress { node, other } => write!(
                f,
                "'callto' of node '{node}' leads to the address of node '{other}'"
            ),
            Self::LeadsHere { node } => write!(
                f,
                "'callto' of node '{node}' leads back to this node, so calls to it will fail"
            ),
            Self::NoTarget { section } => write!(
                f,
                "'callto' of [{section}] is no target such as sip/sip:cluster/@HOST, so calls will fail"
            ),
            Self::NoParameter { name } => {
                write!(f, "'callto' asks for the parameter '{name}', which no call has")
            }
            Self::NothingMatches => f.write_str("'regexp' matches no node that has a section"),
            Self::NotProbed { node } => write!(
                f,
                "node '{node}' is not probed and counts as up: [node {node}] needs a 'probe'"
            ),
            Self::Backup {
                node,
                value,
                backup,
                mistake,
            } => {
                write!(f, "[node {node}] backup={value}: '{backup}' ")?;
                f.write_str(match mistake {
                    BackupMistake::Unknown => "is not the name of a node, and is left out",
                    BackupMistake::Itself => "is the node itself, and is left out",
                    BackupMistake::Twice => "is listed twice",
                })
            }
            Self::NoWeight => f.write_str("the weight of all nodes is 0: no resource can be placed"),
            Self::NoLoads { key } => write!(
                f,
                "'{key}' has no effect: the loads of nodes are known with an account in [locate] and in [cluster]"
            ),
            Self::Twice { key } => write!(f, "'{key}' is set a second time here; the first one counts"),
            Self::Comment { key } => write!(
                f,
                "what follows the ';' is part of the value of '{key}': a comment needs a line of its own"
            ),
        }
    }
}

/// The address of this node, as far as the file says it.
fn own_address(settings: &Settings, node: &[u8]) -> Option<Box<[u8]>> {
    if let Some(own) = settings.nodes.find(node) {
        return own.address();
    }
    let groups = settings.pattern.matches(node)?;
    address(&settings.callto.shape(node, &groups))
}

/// The addresses of all nodes, by which those are found that have one in common.
struct Addresses<'s> {
    /// This node's own.
    own: Option<Box<[u8]>>,
    /// The first node of each address.
    first: FxHashMap<Box<[u8]>, usize>,
    nodes: &'s Nodes,
}

impl<'s> Addresses<'s> {
    /// Those of the settings of the node `own`.
    fn new(settings: &'s Settings, own: &[u8]) -> Self {
        let mut first = FxHashMap::default();
        for (at, node) in settings.nodes.iter().enumerate() {
            if let Some(address) = node.address() {
                first.entry(address).or_insert(at);
            }
        }
        Self {
            own: own_address(settings, own),
            first,
            nodes: &settings.nodes,
        }
    }

    fn misled(&self, node: &Node) -> Option<Warning> {
        let to = node.address().filter(|_| !node.is_own)?;
        let name = || Escaped(&node.name).to_string();
        if self.own.as_ref() == Some(&to) {
            return Some(Warning::LeadsHere { node: name() });
        }
        let other = self.nodes.iter().as_slice().get(*self.first.get(&to)?)?;
        (other.name != node.name).then(|| Warning::SameAddress {
            node: name(),
            other: Escaped(&other.name).to_string(),
        })
    }
}

impl Settings {
    /// The warning about a node whose calls go where they shouldn't; `own` is this node's name.
    #[must_use]
    pub fn misled(&self, own: &[u8], node: &Node) -> Option<Warning> {
        Addresses::new(self, own).misled(node)
    }

    /// The warning about this node's name, `own`, by which the others know it.
    #[must_use]
    pub fn misnamed(&self, own: &[u8]) -> Option<Warning> {
        if !self.enabled || own == UNNAMED || self.nodes.find(own).is_some() {
            return None;
        }
        let node = Escaped(own).to_string();
        if self.pattern.matches(own).is_some() {
            let is_alone = self.nodes.is_empty() || !self.members.account.is_empty();
            return (!is_alone).then_some(Warning::NoOwnSection { node });
        }
        Some(Warning::Stranger {
            node,
            is_extended: false,
        })
    }
}

/// The text of a pattern in which characters are special where they weren't, and the other way round.
fn extended(pattern: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(pattern.len());
    let mut bytes = pattern.iter().copied().peekable();
    while let Some(byte) = bytes.next() {
        let is_special = |byte: &u8| b"+?|(){}".contains(byte);
        match byte {
            b'\\' => match bytes.next() {
                Some(next) if is_special(&next) => out.push(next),
                next => out.extend([byte].into_iter().chain(next)),
            },
            byte if is_special(&byte) => out.extend([b'\\', byte]),
            byte => out.push(byte),
        }
    }
    out
}

/// A `callto` that the engine has no driver for.
fn is_no_target(callto: &Template) -> bool {
    let is_word = |byte: &u8| byte.is_ascii_alphanumeric() || b"_-.".contains(byte);
    callto
        .driver()
        .is_some_and(|driver| driver.is_empty() || !driver.iter().all(is_word))
}

/// All that will hurt, in the order of the lines; first what has none. Without settings only what the text shows.
pub(super) fn find(
    settings: Option<&Settings>,
    own: &[u8],
    reader: &Reader,
) -> Vec<SettingWarning> {
    let faults = reader
        .faults()
        .iter()
        .filter(|(_, fault)| !fault.is_error());
    let faults = faults.map(|(place, fault)| (*place, Warning::Text(fault.to_string())));
    let mut found: Vec<_> = faults.collect();
    if let Some(settings) = settings {
        of_settings(settings, own, reader, &mut found);
        of_entries(reader, &mut found);
    }
    found.sort_by_key(|(place, _)| (place.line > 0).then_some(*place));
    let warning = |(place, warning): (Place, Warning)| SettingWarning {
        file: reader.file(place),
        line: place.line,
        warning,
    };
    found.into_iter().map(warning).collect()
}

/// The settings that need the loads of nodes, where nobody knows them.
fn no_loads(settings: &Settings, reader: &Reader, found: &mut Vec<(Place, Warning)>) {
    let knows_loads = !settings.lease.account.is_empty() && !settings.members.account.is_empty();
    // Each is said where it stands first.
    for key in ["spread", "capacity"].into_iter().filter(|_| !knows_loads) {
        let is_set = |entry: &&Entry| entry.key == key.as_bytes() && !entry.value.is_empty();
        if let Some(entry) = reader.entries.iter().find(is_set) {
            found.push((reader.place(entry), Warning::NoLoads { key }));
        }
    }
}

/// What the settings show.
fn of_settings(
    settings: &Settings,
    own: &[u8],
    reader: &Reader,
    found: &mut Vec<(Place, Warning)>,
) {
    let place_of = |section: &[u8], key: &str| reader.place_of(section, key);
    let general = |key| place_of(GENERAL.name, key);
    let whole = Place::default();
    if settings.enabled && settings.trusts_nobody() {
        found.push((whole, Warning::NobodyTrusted));
    }
    if let Some(derived) = &settings.derived {
        let error = derived.general_error();
        if let Some(error) = error.filter(|_| !settings.pattern.is_empty()) {
            found.push((general("callto"), Warning::NotDerived(error)));
        }
        for (name, error) in derived.section_errors() {
            let node = Escaped(name).to_string();
            found.push((whole, Warning::NodeNotDerived { node, error }));
        }
    }
    if settings.signatures == Signatures::Optional {
        found.push((whole, Warning::SignaturesOptional));
    }
    match settings.misnamed(own) {
        Some(Warning::Stranger { node, .. }) => {
            let regexp = reader.entries.iter().find(|entry| entry.key == b"regexp");
            let regexp = regexp.map_or(&b""[..], |entry| entry.value);
            let other = Pattern::new(&extended(regexp), GroupUse::Nothing);
            let is_extended = other.is_ok_and(|other| other.matches(own).is_some());
            let warning = Warning::Stranger { node, is_extended };
            found.push((general("regexp"), warning));
        }
        Some(warning) => found.push((whole, warning)),
        None => {}
    }
    let nodes = &settings.nodes;
    if !settings.pattern.is_empty()
        && !nodes.is_empty()
        && !nodes
            .iter()
            .any(|node| settings.pattern.matches(&node.name).is_some())
    {
        found.push((general("regexp"), Warning::NothingMatches));
    }
    if !nodes.is_empty() && nodes.iter().all(|node| node.weight == 0) {
        found.push((whole, Warning::NoWeight));
    }
    no_loads(settings, reader, found);
    // The name of a node's section may have blanks more than the node.
    let mut sections: FxHashMap<Box<[u8]>, usize> = FxHashMap::default();
    for (at, entry) in reader.entries.iter().enumerate() {
        if let Some(name) = entry.section.strip_prefix(b"node ") {
            sections.insert(trim_blanks(name).into(), at);
        }
    }
    let addresses = Addresses::new(settings, own);
    let mut calltos = vec![(GENERAL.kind.to_owned(), &settings.callto, general("callto"))];
    for node in nodes {
        let name = Escaped(&node.name);
        let section = sections
            .get(&node.name)
            .map(|at| reader.entries[*at].section);
        let section = section.unwrap_or_default();
        let place = place_of(section, "callto");
        if let Some(callto) = &node.callto {
            calltos.push((format!("node {name}"), callto, place));
        }
        found.extend(addresses.misled(node).map(|warning| (place, warning)));
        if !node.is_own && node.probe.is_empty() && settings.health.interval > 0 {
            let node = name.to_string();
            found.push((place, Warning::NotProbed { node }));
        }
        if !node.backup.is_empty() {
            let place = place_of(section, "backup");
            backups(settings, own, node, |warning| found.push((place, warning)));
        }
    }
    for (section, callto, place) in calltos {
        for name in callto.impossible_parameters() {
            let name = Escaped(name).to_string();
            found.push((place, Warning::NoParameter { name }));
        }
        if is_no_target(callto) {
            found.push((place, Warning::NoTarget { section }));
        }
    }
}

/// What the entries show by themselves.
fn of_entries(reader: &Reader, found: &mut Vec<(Place, Warning)>) {
    let mut seen = FxHashSet::default();
    for entry in reader.entries.iter().filter(|entry| !entry.key.is_empty()) {
        let key = Escaped(entry.key).to_string();
        let place = reader.place(entry);
        let is_query = entry.section == LOCATE.name;
        if !is_query
            && entry
                .value
                .windows(2)
                .any(|pair| pair == b" ;" || pair == b"\t;")
        {
            found.push((place, Warning::Comment { key: key.clone() }));
        }
        if !seen.insert((entry.section, entry.key)) {
            found.push((place, Warning::Twice { key }));
        }
    }
}

/// The mistakes in the list of a node's backups. One that the file doesn't have may be in the database.
fn backups(settings: &Settings, own: &[u8], node: &Node, mut found: impl FnMut(Warning)) {
    let is_known = |name: &[u8]| {
        !settings.members.account.is_empty()
            || own == UNNAMED
            || settings.nodes.knows(name, own, &settings.pattern)
    };
    for (name, mistake) in backup::checked(&node.name, &node.backup, is_known) {
        if let Some(mistake) = mistake {
            found(Warning::Backup {
                node: Escaped(&node.name).to_string(),
                value: Escaped(&node.backup.join(&b", "[..])).to_string(),
                backup: Escaped(name).to_string(),
                mistake,
            });
        }
    }
}
