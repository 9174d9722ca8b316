// SPDX-License-Identifier: GPL-2.0-or-later

//! The `clustering` command: an operator's view of the cluster at the engine's console.

use std::fmt::{Display, Write};

use crate::auth::derived::Sender;
use crate::cluster::{Cluster, TakeoverError};
use crate::membership::{self, Load, MOST_ROOMS};
use crate::messages::Reply;
use crate::nodes::admin::AdminState;
use crate::nodes::health::State;
use crate::nodes::{Node, StandIn};
use crate::operator::status::{self, reason, state};
use crate::operator::{explain, json, rooms};
use crate::task::DbQuery;
use crate::text::Escaped;
use crate::time::{SECOND, WallTime};

/// A command, and the circumstances in which it was given.
#[derive(Clone, Debug, Default)]
pub struct Request<'a> {
    /// The text behind the command's own word.
    pub line: &'a [u8],
    /// The place where it was given, such as the address of a console; empty where nobody knows.
    pub from: &'a [u8],
    /// The time.
    pub now: WallTime,
    /// The reply to the [query] that it needs; `None` where nobody made that.
    pub reply: Option<Reply<'a>>,
    /// The first column of all rows of that reply.
    pub rows: Vec<&'a [u8]>,
}

impl<'a> From<&'a [u8]> for Request<'a> {
    fn from(line: &'a [u8]) -> Self {
        Self {
            line,
            ..Self::default()
        }
    }
}

impl<'a, const N: usize> From<&'a [u8; N]> for Request<'a> {
    fn from(line: &'a [u8; N]) -> Self {
        line.as_slice().into()
    }
}

/// A subcommand: the text that may stand behind the command's own word.
struct Verb {
    word: &'static str,
    /// Its argument, as the help shows it.
    takes: &'static str,
    help: &'static str,
    /// Gives the answer, by the request and the argument.
    run: fn(&Cluster, &Request, &[u8]) -> String,
}

/// The placeholder for a node's name in the help.
const NODE: &str = " NODE";

const VERBS: [Verb; 13] = [
    Verb {
        word: "nodes",
        takes: "",
        help: "List all nodes and their state",
        run: |cluster, request, _| table(cluster, request) + &senders(cluster),
    },
    Verb {
        word: "where",
        takes: " TARGET",
        help: "Explain where a target or a location goes",
        run: explain::explain,
    },
    Verb {
        word: "rooms",
        takes: "",
        help: "List resources that were claimed in the database",
        run: |cluster, request, _| rooms::list(cluster, request.now),
    },
    Verb {
        word: "drain",
        takes: NODE,
        help: "Place nothing new on a node, but still send calls",
        run: |cluster, request, node| set_admin(cluster, request, node, AdminState::Draining),
    },
    Verb {
        word: "undrain",
        takes: NODE,
        help: "Place resources on a drained node again",
        run: |cluster, request, name| match cluster.settings().nodes.find(name) {
            Some(node) if node.state.admin() == AdminState::Disabled => {
                format!(
                    "Node '{}' is disabled, not drained: use enable\n",
                    Escaped(name)
                )
            }
            _ => set_admin(cluster, request, name, AdminState::Enabled),
        },
    },
    Verb {
        word: "disable",
        takes: NODE,
        help: "Send nothing to a node",
        run: |cluster, request, node| set_admin(cluster, request, node, AdminState::Disabled),
    },
    Verb {
        word: "enable",
        takes: NODE,
        help: "Let a node take part again",
        run: |cluster, request, node| set_admin(cluster, request, node, AdminState::Enabled),
    },
    Verb {
        word: "takeover",
        takes: NODE,
        help: "Stand in for a node whose address is here now",
        run: |cluster, request, name| match cluster.take_over(name, request.from) {
            Ok(()) => format!("Node '{}' is taken over by this node\n", Escaped(name)),
            Err(TakeoverError::Unknown) => unknown(cluster, name),
            Err(error) => format!("Node '{}' {error}\n", Escaped(name)),
        },
    },
    Verb {
        word: "release",
        takes: NODE,
        help: "Stand in for a node no longer",
        run: |cluster, request, name| match cluster.release(name, request.from) {
            Ok(()) => format!("Node '{}' is released by this node\n", Escaped(name)),
            Err(error) => format!("Node '{}' {error}\n", Escaped(name)),
        },
    },
    Verb {
        word: "forget",
        takes: NODE,
        help: "End a dead node's membership in the cluster",
        run: |cluster, _, name| match cluster.forget(name) {
            Ok(()) => format!("Node '{}' is forgotten by all nodes\n", Escaped(name)),
            Err(error) => format!("Node '{}' is not forgotten: {error}\n", Escaped(name)),
        },
    },
    Verb {
        word: "check",
        takes: "",
        help: "Check the configuration file without loading it",
        // It takes a file, which the host reads and hands over: see `check`.
        run: |_, _, _| "The file is not here: it is for clustering_check\n".to_owned(),
    },
    Verb {
        word: "metrics",
        takes: "",
        help: "Show all counters in the text format of Prometheus",
        run: |cluster, _, _| status::metrics(cluster),
    },
    Verb {
        word: "json",
        takes: " [FROM]",
        help: "Show all that is known, for programs",
        run: json::json,
    },
];

/// The subcommand that stands behind the command's own word, and its argument; `None` where there is no such one.
/// Nothing at all stands for the first one.
fn parse(line: &[u8]) -> Option<(&'static Verb, &[u8])> {
    let line = line.trim_ascii();
    if line.is_empty() {
        return Some((&VERBS[0], line));
    }
    let end = line.iter().position(u8::is_ascii_whitespace);
    let (word, rest) = line.split_at(end.unwrap_or(line.len()));
    let verb = VERBS.iter().find(|verb| verb.word.as_bytes() == word)?;
    let rest = rest.trim_ascii();
    // A subcommand without an argument is given none, one with an argument is given one, unless that is optional.
    let is_optional = verb.takes.starts_with(" [");
    (is_optional || verb.takes.is_empty() == rest.is_empty()).then_some((verb, rest))
}

/// Carries out a command; `None` where there is no such one.
#[must_use]
pub fn run<'a>(cluster: &Cluster, request: impl Into<Request<'a>>) -> Option<String> {
    let request = request.into();
    let (verb, argument) = parse(request.line)?;
    Some((verb.run)(cluster, &request, argument))
}

/// The database query whose reply a command needs for its whole answer; `None` where it needs none.
#[must_use]
pub fn query(cluster: &Cluster, request: &Request) -> Option<DbQuery> {
    let (verb, argument) = parse(request.line)?;
    match verb.word {
        "where" => explain::query(cluster, argument, request.now),
        "nodes" => cluster.membership().load_query(),
        "json" => json::query(cluster, argument),
        _ => None,
    }
}

/// The words, one a line, that may follow `line`, which stands behind the command's own word.
#[must_use]
pub fn complete(cluster: &Cluster, line: &[u8]) -> Vec<Box<[u8]>> {
    let line = line.trim_ascii();
    if line.is_empty() {
        return VERBS
            .iter()
            .map(|verb| verb.word.as_bytes().into())
            .collect();
    }
    let verb = VERBS.iter().find(|verb| verb.word.as_bytes() == line);
    if verb.is_none_or(|verb| verb.takes != NODE) {
        return Vec::new();
    }
    let is_release = line == b"release";
    let settings = cluster.settings();
    let nodes = settings.nodes.iter();
    let nodes = nodes.filter(|node| !is_release || node.state.is_taken());
    nodes.map(|node| node.name.clone()).collect()
}

/// The usage of the command: one line for all subcommands, then one for each.
#[must_use]
pub fn help() -> String {
    let mut text = String::new();
    for Verb {
        word, takes, help, ..
    } in &VERBS
    {
        let usage = format!("clustering {word}{takes}");
        let _ = writeln!(text, "  {usage:<24}  {help}");
    }
    text
}

fn set_admin(cluster: &Cluster, request: &Request, name: &[u8], admin: AdminState) -> String {
    if cluster.set_admin_for(name, admin, request.from) {
        return format!("Node '{}' is {admin}\n", Escaped(name));
    }
    unknown(cluster, name)
}

fn unknown(cluster: &Cluster, name: &[u8]) -> String {
    let settings = cluster.settings();
    let mut text = format!(
        "Section [node {}] does not exist, the known nodes are",
        Escaped(name)
    );
    if settings.nodes.is_empty() {
        text.push_str(" none");
    }
    for (at, node) in settings.nodes.iter().enumerate() {
        let comma = if at > 0 { "," } else { "" };
        let _ = write!(text, "{comma} {}", Escaped(&node.name));
    }
    text.push('\n');
    text
}

/// A table of all nodes, 80 columns wide unless names are long or a node is coming back. Where the nodes share their
/// list, it has their loads, too.
fn table(cluster: &Cluster, request: &Request) -> String {
    let settings = cluster.settings();
    let nodes = &settings.nodes;
    if nodes.is_empty() {
        return "No node has a section in clustering.conf\n".to_owned();
    }
    let shares_list = cluster.membership().database().is_some();
    let loads = membership::read_loads(&request.rows);
    let sums = membership::sums(nodes, &loads);
    let load = |node: &Node| {
        if !shares_list {
            return String::new();
        }
        let seen = |load: &Load| duration(request.now.seconds().saturating_sub(load.seen));
        let load = loads.get(&node.name);
        let number = |number: fn(&Load) -> Option<u64>| {
            load.and_then(number)
                .map_or_else(|| "-".to_owned(), |number| number.to_string())
        };
        let rooms = load.and_then(|load| load.rooms);
        let share = rooms.and_then(|rooms| sums.percent(node.weight, rooms));
        let mut channels = number(|load| load.channels);
        if node.capacity > 0 {
            let _ = write!(channels, "/{}", node.capacity);
        }
        load_columns(&[
            &channels,
            &rooms.map_or_else(|| "-".to_owned(), rooms_shown),
            &share.map_or_else(|| "-".to_owned(), |share| format!("{share}%")),
            &number(|load| load.registrations),
            &load.map_or_else(|| "-".to_owned(), seen),
        ])
    };
    let titles = ["NODE", "STATE", "SINCE", "LATENCY", "FORWARDS", "FAILED"];
    let loads_titles = if shares_list {
        load_columns(&["CHANNELS", "ROOMS", "SHARE", "REGISTERED", "SEEN"])
    } else {
        String::new()
    };
    let mut text = row(&titles, &loads_titles, "REASON");
    for node in nodes {
        let health = node.state.health();
        let since = health.lasts(cluster.now()) / SECOND;
        let latency = match health.latency() {
            0 => "-".to_owned(),
            micros @ 100_000.. => format!("{} ms", micros / 1000),
            micros => format!("{}.{} ms", micros / 1000, micros % 1000 / 100),
        };
        let since = if node.is_own {
            "-".to_owned()
        } else {
            duration(since)
        };
        let columns: [&dyn Display; 6] = [
            &Escaped(&node.name).to_string(),
            &summary(node),
            &since,
            &latency,
            &node.state.forwards(),
            &node.state.failures(),
        ];
        let mut reason = reason(node, &settings.health);
        if let Some(StandIn { name, .. }) = status::backup(nodes, node) {
            let _ = write!(reason, " ({} stands in)", Escaped(name));
        }
        reason += &left(cluster, node);
        reason += &listed(cluster, node);
        text.push_str(&row(
            &columns.map(ToString::to_string),
            &load(node),
            &reason,
        ));
    }
    text
}

/// The number of rooms that a node has; a plus sign where there may be more.
fn rooms_shown(rooms: u64) -> String {
    let plus = if rooms < MOST_ROOMS { "" } else { "+" };
    format!("{rooms}{plus}")
}

fn load_columns([channels, rooms, share, registrations, seen]: &[&str; 5]) -> String {
    format!(" {channels:>8} {rooms:>5} {share:>5} {registrations:>10} {seen:>5}")
}

/// The nodes without sections whose calls were trusted; nothing where there are none.
fn senders(cluster: &Cluster) -> String {
    let senders = cluster.senders();
    let settings = cluster.settings();
    // One that was given a section is in the table.
    let senders = senders
        .iter()
        .filter(|(name, _)| settings.nodes.find(name).is_none());
    let rows = senders.map(|(name, Sender { address, calls })| {
        let name = Escaped(name).to_string();
        format!("{name:<14} {calls:>8} {address}\n")
    });
    let rows: String = rows.collect();
    if rows.is_empty() {
        return rows;
    }
    format!(
        "Nodes without a section that have sent calls here, trusted by callto:\n{:<14} {:>8} ADDRESS\n{rows}",
        "NODE", "RECEIVED"
    )
}

/// What is left on this node while it is drained or disabled, behind its reason.
fn left(cluster: &Cluster, node: &Node) -> String {
    let left = cluster.left().filter(|_| node.is_own);
    left.map_or_else(String::new, |left| format!("; {left} left"))
}

/// What the list in the database adds to a node's reason.
fn listed(cluster: &Cluster, node: &Node) -> String {
    let members = cluster.membership();
    if members.database().is_none() {
        return String::new();
    }
    let Some(listed) = members.of(&node.name) else {
        return "; only in the file".to_owned();
    };
    let mut text = format!("; {}", listed.version);
    for (word, keys) in [("other", listed.drift), ("by the file:", listed.overruled)] {
        if !keys.is_empty() {
            let _ = write!(text, ", {word} {}", keys.join(","));
        }
    }
    text
}

fn row(columns: &[impl AsRef<str>; 6], load: &str, reason: &str) -> String {
    let [node, state, since, latency, forwards, failed] = columns.each_ref().map(AsRef::as_ref);
    let row = format!(
        "{node:<14} {state:<13} {since:>5} {latency:>8} {forwards:>8} {failed:>6}{load} {reason}"
    );
    row.trim_end().to_owned() + "\n"
}

/// A node's state in a word or two.
fn summary(node: &Node) -> String {
    match (node.state.admin(), state(node)) {
        (AdminState::Enabled, _) if node.state.is_taken() => "taken".to_owned(),
        (admin, _) if node.state.is_taken() => format!("taken,{admin}"),
        (AdminState::Enabled, state) => state.to_string(),
        (AdminState::Draining, State::Down) => "down,draining".to_owned(),
        (admin, _) => admin.to_string(),
    }
}

/// A duration in its greatest unit.
fn duration(seconds: u64) -> String {
    let (number, unit) = match seconds {
        0..60 => (seconds, 's'),
        60..3600 => (seconds / 60, 'm'),
        3600..172_800 => (seconds / 3600, 'h'),
        _ => (seconds / 86_400, 'd'),
    };
    format!("{number}{unit}")
}
