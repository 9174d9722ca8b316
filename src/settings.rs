// SPDX-License-Identifier: GPL-2.0-or-later

//! The settings of `clustering.conf`, checked.
//!
//! The engine reads the file, in its own grammar, and hands over sections, keys and values. They become one
//! immutable [`Settings`], or a list of all mistakes in them: a file is taken whole or not at all.

mod near;
mod node;
mod priorities;
mod reader;
mod warning;

use std::fmt::{self, Display};
use std::sync::Arc;

use crate::addressing::pattern::{GroupUse, Pattern};
use crate::addressing::resource::Prefix;
use crate::addressing::template::Template;
use crate::auth::derived::Derived;
use crate::auth::signature::{Keys, Secret};
use crate::auth::trust::{AuthError, Trust, TrustError};
use crate::file::Document;
use crate::messages::Kind;
use crate::messages::transport::Transport;
use crate::nodes::health::{Codes, Rules};
use crate::nodes::{Node, Nodes, groups_of};
use crate::placement::bounded::Spread;
use crate::placement::claim::{Claims, LeaseConfig, Purpose, Query};
use crate::text::{boolean, has_control};
use priorities::Priorities;
use reader::{Reader, Section, section};

pub(crate) use node::name_problem;
pub use warning::{SettingWarning, Warning};

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
#[error("{file}{}: {}{reason}", Line(*line), entry(section, key, value))]
pub struct SettingError {
    /// The file's path.
    pub file: String,
    /// The line, counted from 1; 0 where it isn't known.
    pub line: u32,
    /// The section, fit to be printed, as are key and value; empty where a line is none of a configuration.
    pub section: String,
    /// The key; empty where the section itself is wrong.
    pub key: String,
    /// The value.
    pub value: String,
    /// The mistake, and a value that would be right.
    pub reason: String,
}

/// The number of a line behind the name of its file, if it's known.
struct Line(u32);

impl Display for Line {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            0 => Ok(()),
            line => write!(f, ":{line}"),
        }
    }
}

fn entry(section: &str, key: &str, value: &str) -> String {
    if section.is_empty() && key.is_empty() {
        String::new()
    } else if key.is_empty() {
        format!("[{section}]: ")
    } else {
        format!("[{section}] {key}={value}: ")
    }
}

/// The name of a node whose name isn't known. No node can have it.
pub const UNNAMED: &[u8] = b"-";

/// The outcome of a check.
#[derive(Debug)]
pub struct Checked {
    /// The settings, or all mistakes: in the order of the lines where these are known.
    pub settings: Result<Settings, Vec<SettingError>>,
    /// What is no mistake, but will hurt. Where there are mistakes it's only what the text shows.
    pub warnings: Vec<SettingWarning>,
}

const GENERAL: Section = section("general");
const PRIORITIES: Section = section("priorities");
const SECURITY: Section = section("security");
const HEALTH: Section = section("health");
const LOCATE: Section = section("locate");
const CLUSTER: Section = section("cluster");

/// The kinds of sections, in the order in which they are named to people.
const KINDS: [&str; 7] = [
    GENERAL.kind,
    PRIORITIES.kind,
    SECURITY.kind,
    HEALTH.kind,
    LOCATE.kind,
    CLUSTER.kind,
    node::KIND,
];

/// Whether calls must be signed where there is a secret.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Signatures {
    /// They must.
    #[default]
    Required,
    /// Those of trusted senders need not: the secret is being introduced, or given up.
    Optional,
}

/// What becomes of registrations while this node is drained or disabled.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum DrainRegister {
    /// They are taken as ever.
    #[default]
    Keep,
    /// They are refused, so that phones take their next server.
    Refuse,
}

/// The most seconds from one heartbeat to the next: each is a write.
const MOST_BEAT: u32 = 15;

/// The place of the list of nodes that the nodes share.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Members {
    /// The database account; empty for none.
    pub account: Box<[u8]>,
    /// The seconds from one look at the list to the next.
    pub poll: u32,
    /// The seconds from one heartbeat to the next.
    pub beat: u32,
    /// The same account has the table of claims.
    pub counts_claims: bool,
}

/// The settings in force, never changed: another file makes another value.
#[derive(Debug)]
pub struct Settings {
    /// The module handles messages.
    pub enabled: bool,
    /// The file's own word on that, if it has one.
    pub enabled_by_file: Option<bool>,
    /// The prefix of cluster resources.
    pub prefix: Prefix,
    /// Prefix and own node: the text that is put before a user's location.
    pub location_prefix: Box<[u8]>,
    /// The pattern that the names of other nodes match.
    pub pattern: Pattern,
    /// The template of the target that reaches another node.
    pub callto: Template,
    /// The message that finds the node of a resource; empty where none does.
    pub locate: Box<[u8]>,
    /// The SIP connection for calls to other nodes; empty for the engine's choice.
    pub connection: Box<[u8]>,
    /// The transport of calls to other nodes, but for a node that has its own.
    pub transport: Transport,
    /// The most registrations whose connections are remembered.
    pub registrations: usize,
    /// The most times that a call may be forwarded from node to node.
    pub hops: usize,
    /// Calls that begin here have this node's name in their billid.
    pub billid_node: bool,
    /// Calls carry the names of the nodes that they come from and go to, for CDRs.
    pub cdr_nodes: bool,
    /// What becomes of registrations while this node is drained or disabled.
    pub(crate) drain_register: DrainRegister,
    /// The nodes that have a section.
    pub nodes: Nodes,
    /// The rules by which one of them is down.
    pub health: Rules,
    /// The rules by which resources are claimed in a database.
    pub lease: LeaseConfig,
    /// The answers of that database; they are kept on a reload as long as it's asked alike.
    pub(crate) claims: Arc<Claims>,
    /// The place of the list of nodes.
    pub members: Members,
    /// The addresses of `trusted` alone.
    trusted: Trust,
    /// The addresses from which cluster headers are trusted: those, and the `source` of each node.
    pub trust: Trust,
    /// The hosts whose addresses are trusted; `None` where a setting says who is trusted.
    pub derived: Option<Derived>,
    /// The secrets by which calls are signed.
    pub keys: Keys,
    /// Whether calls must be signed where there is a secret.
    pub(crate) signatures: Signatures,
    /// The user of the request URI of calls to this node; `None` where it is not always the same.
    pub(crate) fixed_user: Option<Box<[u8]>>,
    /// The number of seconds that a signature is good, and that clocks may differ.
    pub window: u64,
    priorities: Priorities,
}

impl Settings {
    /// The settings of a module that does nothing.
    #[must_use]
    pub fn disabled(node: &[u8]) -> Self {
        let file = Self::parse(node, "", &[]);
        file.unwrap_or_else(|_| unreachable!("the defaults are valid"))
    }

    /// Checks the entries of a file.
    ///
    /// Of several entries of one key the first counts, as everywhere in the engine. An empty value
    /// is that of `prefix`, `regexp`, `callto`, `locate` and `connection`; elsewhere it's the default.
    ///
    /// # Errors
    ///
    /// Names every mistake: first the bad values, then the unknown keys.
    pub fn parse(node: &[u8], file: &str, entries: &[Entry]) -> Result<Self, Vec<SettingError>> {
        let document = Document::default();
        Self::read_whole(node, &mut Reader::new(file, entries, &document))
    }

    /// Checks the entries of a file and its text, and looks for what is allowed but will hurt.
    ///
    /// `node` is this node's name, or [`UNNAMED`]; `document` has the places of the entries, and faults.
    #[must_use]
    pub fn check(node: &[u8], file: &str, entries: &[Entry], document: &Document) -> Checked {
        let mut reader = Reader::new(file, entries, document);
        let settings = Self::read_whole(node, &mut reader);
        let warnings = warning::find(settings.as_ref().ok(), node, &reader);
        Checked { settings, warnings }
    }

    fn read_whole(node: &[u8], reader: &mut Reader) -> Result<Self, Vec<SettingError>> {
        let settings = Self::read(node, reader);
        reader.refuse_placeholders();
        reader.refuse_unknown(&KINDS);
        let problems = reader.problems();
        if problems.is_empty() {
            Ok(settings)
        } else {
            Err(problems)
        }
    }

    /// The reason why a file must not take the place of the `current` settings: it would switch clustering off, and
    /// doesn't say so. Such a file was cut, or emptied by a full disk.
    #[must_use]
    pub fn refusal(&self, current: &Self, file: &str) -> Option<SettingError> {
        let is_silent = current.enabled && !self.enabled && self.enabled_by_file.is_none();
        is_silent.then(|| SettingError {
            file: file.to_owned(),
            line: 0,
            section: GENERAL.kind.to_owned(),
            key: String::new(),
            value: String::new(),
            reason: "'regexp' and 'callto' are not both set, so the file would switch clustering off without \
                     saying so; where that is meant, set enabled=no"
                .to_owned(),
        })
    }

    fn read(node: &[u8], reader: &mut Reader) -> Self {
        let callto = reader.parsed(GENERAL, "callto", Template::parse);
        let has_callto = !reader.text(GENERAL, "callto", b"").is_empty();
        let (sections, sources) = node::read(reader, has_callto);
        let templates = sections
            .iter()
            .filter_map(|section| section.callto.as_ref());
        let groups = templates.map(Template::group_use);
        let groups = groups.fold(callto.group_use(), GroupUse::max);
        let pattern = reader.parsed(GENERAL, "regexp", |text| Pattern::new(text, groups));
        let has_pattern = !reader.text(GENERAL, "regexp", b"").is_empty();
        let prefix = Prefix::new(reader.text(GENERAL, "prefix", b"cluster"));
        let complete = has_callto && has_pattern || !sections.is_empty();
        let enabled =
            reader.flag(GENERAL, "enabled", complete) && !node.is_empty() && !has_control(node);
        let nodes = Nodes::new(sections, node, &callto, &pattern);
        let health = read_rules(reader);
        let mut lease = read_lease(reader);
        let members = read_members(reader, &lease, &health);
        if members.counts_claims {
            lease = lease.with_heartbeats();
        }
        let trusted = reader.parsed(SECURITY, "trusted", networks);
        let secret = reader.parsed(SECURITY, "secret", Secret::new);
        let has_secret = !reader.text(SECURITY, "secret", b"").is_empty();
        let previous = reader.parsed(SECURITY, "secret.previous", |text| match text {
            b"" => Ok(Secret::default()),
            _ if !has_secret => Err("has no effect without 'secret'".to_owned()),
            text => Secret::new(text).map_err(|error| error.to_string()),
        });
        let signatures = reader.parsed(SECURITY, "secret.required", |text| {
            match (text, boolean(text)) {
                (b"", _) | (_, Some(true)) => Ok(Signatures::Required),
                (_, Some(false)) if !has_secret => Err("has no effect without 'secret'"),
                (_, Some(false)) => Ok(Signatures::Optional),
                (_, None) => Err("not a boolean, use yes or no"),
            }
        });
        let fixed_user = match nodes.find(node) {
            None if !has_callto => None,
            None => callto.shape(node, &groups_of(&pattern, node)).user(),
            Some(own) => own.target_user(),
        };
        let trust = trusted.clone().with(sources);
        let keys = Keys::new(secret, previous);
        let is_stock = trust.is_unset() && !keys.are_set();
        let derived = (enabled && is_stock).then(|| Derived::new(&callto, &nodes));
        let priorities = Priorities::read(reader, enabled, &nodes, &health);
        Self {
            enabled,
            enabled_by_file: boolean(reader.text(GENERAL, "enabled", b"")),
            location_prefix: [prefix.as_bytes(), node, b"/"].concat().into(),
            prefix,
            pattern,
            callto,
            locate: reader.text(GENERAL, "locate", b"cluster.locate").into(),
            connection: reader.text(GENERAL, "connection", b"").into(),
            transport: reader.parsed(GENERAL, "transport", Transport::parse),
            registrations: reader.number(GENERAL, "registrations", 100_000, 0..=10_000_000)
                as usize,
            hops: reader.number(GENERAL, "hops", 8, 1..=64) as usize,
            billid_node: reader.flag(GENERAL, "billid.node", !nodes.is_empty()),
            cdr_nodes: reader.flag(GENERAL, "cdr.nodes", false),
            drain_register: reader.parsed(GENERAL, "drain.register", |text| match text {
                b"" | b"keep" => Ok(DrainRegister::Keep),
                b"refuse" => Ok(DrainRegister::Refuse),
                _ => Err("use keep or refuse"),
            }),
            nodes,
            health,
            members,
            lease,
            claims: Arc::default(),
            trusted,
            signatures,
            fixed_user,
            trust,
            derived,
            keys,
            window: reader.number(SECURITY, "window", 30, 1..=3600).into(),
            priorities,
        }
    }

    /// The transport of calls to a node.
    #[must_use]
    pub fn transport_to(&self, node: &Node) -> Transport {
        node.transport.unwrap_or(self.transport)
    }

    /// Whether a target is the cluster's.
    #[must_use]
    pub fn has_prefix(&self, target: Option<&[u8]>) -> bool {
        target.is_some_and(|target| self.prefix.strip(target).is_some())
    }

    /// No setting says which senders' cluster headers are trusted.
    #[must_use]
    pub fn names_nobody(&self) -> bool {
        self.trust.is_unset() && !self.keys.are_set()
    }

    /// No sender's cluster headers are trusted, because no setting names one, and `callto` tells no node's address.
    #[must_use]
    pub fn trusts_nobody(&self) -> bool {
        let has_pattern = !self.pattern.is_empty();
        let derived = self.derived.as_ref();
        self.names_nobody() && derived.is_none_or(|derived| derived.is_empty(has_pattern))
    }

    /// Whether somebody whose headers are not trusted would perhaps be, if `trusted` was set.
    pub(crate) fn needs_trusted(&self, cause: AuthError) -> bool {
        let by_address = !self.keys.are_set()
            || self.signatures == Signatures::Optional && cause.is_of_signature();
        by_address && self.trust.is_unset()
    }

    /// Whether the signature is enough for calls of the node `origin`, although the addresses of some nodes are
    /// known: there is no `trusted` for all nodes, and no `source` for this one.
    pub(crate) fn needs_no_address(&self, origin: &[u8]) -> bool {
        self.keys.are_set()
            && self.trusted.is_unset()
            && match self.nodes.find(origin) {
                Some(node) => !node.has_source,
                None => self.pattern.matches(origin).is_some(),
            }
    }

    /// The priority at which the handler of a kind of messages is to be installed; 0 for no handler.
    #[must_use]
    pub fn priority(&self, kind: Kind) -> u32 {
        self.priorities.of(kind)
    }

    /// Whether a node without a section can be called by its name. `own` is this node's.
    pub(crate) fn calls_by_name(&self, own: &[u8], node: &[u8]) -> bool {
        node == own || self.pattern.matches(node).is_some()
    }

    /// Whether messages of a kind are decided; if not, they pass.
    #[must_use]
    pub fn decides(&self, kind: Kind) -> bool {
        self.priorities.decides(kind)
    }
}

/// The kinds of sections in the file, and the keys of each.
#[must_use]
pub fn known() -> [(&'static str, Vec<&'static str>); KINDS.len()] {
    let entry = Entry {
        section: b"node x",
        key: b"weight",
        value: b"",
    };
    let entries = [entry];
    let document = Document::default();
    let mut reader = Reader::new("", &entries, &document);
    Settings::read(b"", &mut reader);
    let known = reader.known();
    KINDS.map(|section| {
        let keys = known.iter().find(|(kind, _)| *kind == section);
        (
            section,
            keys.map(|(_, keys)| keys.clone()).unwrap_or_default(),
        )
    })
}

/// The senders that a list of addresses and networks trusts.
fn networks(text: &[u8]) -> Result<Trust, TrustError> {
    Trust::parse(&String::from_utf8_lossy(text))
}

/// Reads `[health]`.
fn read_rules(reader: &mut Reader) -> Rules {
    Rules {
        interval: reader.number(HEALTH, "interval", 10, 0..=3600),
        timeout: reader.number(HEALTH, "timeout", 2, 1..=10),
        fall: reader.number(HEALTH, "fall", 3, 1..=100),
        rise: reader.number(HEALTH, "rise", 2, 1..=100),
        hold: reader.number(HEALTH, "hold", 60, 0..=86_400),
        alive: reader.parsed(HEALTH, "alive", Codes::parse),
        busy: reader.parsed(HEALTH, "busy", Codes::parse_busy),
    }
}

/// Reads `[locate]`.
fn read_lease(reader: &mut Reader) -> LeaseConfig {
    let usual = LeaseConfig::default();
    let lease = reader.number(LOCATE, "lease", usual.lease, LeaseConfig::LEASES);
    let cache = reader.any_number(LOCATE, "cache", 0..=*LeaseConfig::LEASES.end());
    let query = |reader: &mut Reader, key, purpose, usual| {
        reader.parsed(LOCATE, key, |text| match text {
            b"" => Ok(usual),
            text => Query::parse(purpose, text),
        })
    };
    LeaseConfig {
        account: reader.text(LOCATE, "account", b"").into(),
        lease,
        cache: reader.check(LOCATE, "cache", LeaseConfig::cache(lease, cache)),
        timeout: reader.number(LOCATE, "timeout", usual.timeout, LeaseConfig::TIMEOUTS),
        retry: reader.number(LOCATE, "retry", usual.retry, LeaseConfig::RETRIES),
        spread: reader.parsed(LOCATE, "spread", Spread::parse),
        claim: query(reader, "claim", Purpose::Claim, usual.claim),
        lookup: query(reader, "lookup", Purpose::Lookup, usual.lookup),
    }
}

fn read_members(reader: &mut Reader, lease: &LeaseConfig, health: &Rules) -> Members {
    let account = reader.text(CLUSTER, "account", b"");
    Members {
        account: account.into(),
        poll: reader.number(CLUSTER, "poll", 5, 1..=60),
        beat: beat(health),
        // A query of the operator's own may know another table.
        counts_claims: *account == *lease.account && lease.claim == LeaseConfig::default().claim,
    }
}

/// The seconds from one heartbeat to the next: so few that a node which others find down has had one not long before.
fn beat(health: &Rules) -> u32 {
    if health.interval == 0 {
        return MOST_BEAT;
    }
    let detection = health.interval * health.fall + health.timeout;
    (detection / 2).clamp(1, MOST_BEAT)
}

#[cfg(test)]
mod tests;
