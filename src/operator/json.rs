// SPDX-License-Identifier: GPL-2.0-or-later

//! All that `status`, `nodes` and `metrics` know as one JSON object in one line: the command `clustering json`.
//!
//! The engine's remote manager writes an answer in one piece, and ends the connection if the system takes only a part of
//! it. So an answer is kept small, and says where the next one begins. `docs/monitoring.md` describes the schema.

use std::fmt::{self, Display, Write};

use crate::cluster::Cluster;
use crate::membership::{self, Loads};
use crate::nodes::Node;
use crate::operator::command::Request;
use crate::operator::counters::Counter;
use crate::operator::status::{self, Micros, reason, state};
use crate::placement::bounded::Sums;
use crate::task::DbQuery;
use crate::text::Escaped;
use crate::time::SECOND;

/// The number of the schema: it grows when a key gets another meaning, not when one is added.
const SCHEMA: u32 = 1;

/// The bytes after which an answer takes no more nodes. With one of them more it is still less than a socket takes at
/// once, which is 16 KiB and more.
const ENOUGH: usize = 12_000;

/// The place where an answer begins: the number of a node, and a plus sign behind it where the loads of other nodes are
/// wanted, which the database knows.
struct From {
    number: usize,
    with_loads: bool,
}

impl From {
    fn parse(text: &[u8]) -> Option<Self> {
        let (number, with_loads) = match text {
            b"" => (&b"0"[..], true),
            [number @ .., b'+'] => (number, true),
            number => (number, false),
        };
        let number = str::from_utf8(number).ok()?.parse().ok()?;
        Some(Self { number, with_loads })
    }
}

/// The answer that begins at a [place](From), or with the first node where that is empty.
pub fn json(cluster: &Cluster, request: &Request, from: &[u8]) -> String {
    let Some(From { number, with_loads }) = From::parse(from) else {
        return format!("'{}' is not the number of a node\n", Escaped(from));
    };
    let mut object = Object::new();
    about(cluster, request, &mut object);
    let loads = membership::read_loads(&request.rows);
    let next = lists(cluster, number, &loads, &mut object);
    if let Some(next) = next {
        let plus = if with_loads { "+" } else { "" };
        object.put("next", &Quoted(format!("{next}{plus}").as_bytes()));
    }
    object.end() + "\n"
}

/// The query for the loads of other nodes; `None` where they aren't wanted.
pub fn query(cluster: &Cluster, from: &[u8]) -> Option<DbQuery> {
    let wanted = From::parse(from).filter(|from| from.with_loads);
    wanted.and_then(|_| cluster.membership().load_query())
}

/// Writes what is known of the whole.
fn about(cluster: &Cluster, request: &Request, object: &mut Object) {
    let settings = cluster.settings();
    object.put("schema", &SCHEMA);
    object.put("node", &Quoted(cluster.node()));
    object.put("version", &Quoted(env!("CARGO_PKG_VERSION").as_bytes()));
    object.put("time", &request.now.seconds());
    object.put("enabled", &settings.enabled);
    object.put("reload", &cluster.generation());
    object.put("file", &Quoted(status::file(cluster).as_bytes()));
    let databases = [
        ("database", cluster.database()),
        ("members", cluster.membership().database()),
    ];
    for (key, state) in databases {
        if let Some(state) = state {
            object.put(key, &Quoted(state.text().as_bytes()));
        }
    }
    if cluster.membership().is_name_taken(cluster.now()) {
        object.put("taken", &true);
    }
    if let Some(left) = cluster.left() {
        object.put("empty", &left.is_empty());
    }
    object.put("connections", &cluster.connections().len());
    let signatures = status::signatures(&settings);
    object.put("signatures", &Quoted(signatures.as_bytes()));
    object.open("counters", '{');
    for &counter in Counter::ALL {
        object.put(counter.text(), &cluster.count(counter));
    }
    object.close('}');
}

/// Writes the nodes and the senders from one of them on; the number of the next one, where there is no room for all.
fn lists(cluster: &Cluster, from: usize, loads: &Loads, object: &mut Object) -> Option<usize> {
    let settings = cluster.settings();
    let mut at = 0;
    let mut next = None;
    let mut takes = |object: &Object| {
        let is_wanted = at >= from && next.is_none();
        if is_wanted && object.0.len() >= ENOUGH {
            next = Some(at);
        }
        at += 1;
        is_wanted && next.is_none()
    };
    let sums = membership::sums(&settings.nodes, loads);
    object.open("nodes", '[');
    for node in &settings.nodes {
        if takes(object) {
            object.item();
            about_node(cluster, node, (loads, sums), object);
            object.close('}');
        }
    }
    object.close(']');
    object.open("senders", '[');
    for (name, sender) in cluster.senders() {
        // One that was given a section is among the nodes.
        if settings.nodes.find(&name).is_none() && takes(object) {
            object.item();
            object.put("name", &Quoted(&name));
            object.put("address", &Quoted(sender.address.to_string().as_bytes()));
            object.put("calls", &sender.calls);
            object.close('}');
        }
    }
    object.close(']');
    next
}

/// Writes what is known of a node.
fn about_node(cluster: &Cluster, node: &Node, (loads, sums): (&Loads, Sums), object: &mut Object) {
    let health = node.state.health();
    let word = |word: &dyn Display| word.to_string();
    object.put("name", &Quoted(&node.name));
    if node.is_own {
        object.put("own", &true);
    }
    object.put("state", &Quoted(word(&state(node)).as_bytes()));
    let reason = reason(node, &cluster.settings().health);
    object.put("reason", &Quoted(reason.as_bytes()));
    object.put("admin", &Quoted(node.state.admin().text().as_bytes()));
    object.put("weight", &node.weight);
    if node.capacity > 0 {
        object.put("capacity", &node.capacity);
    }
    if !node.is_own {
        object.put("since", &(health.lasts(cluster.now()) / SECOND));
    }
    if health.latency() > 0 {
        object.put("latency", &Micros(health.latency()));
    }
    if let Some(backup) = cluster.settings().nodes.stand_in(node) {
        object.put("backup", &Quoted(backup.name));
    }
    if node.state.is_taken() {
        object.put("takeover", &true);
    }
    object.put("forwards", &node.state.forwards());
    object.put("failures", &node.state.failures());
    let members = cluster.membership();
    if let Some(listed) = members.of(&node.name) {
        object.put("version", &Quoted(listed.version.as_bytes()));
        for (key, settings) in [("drift", listed.drift), ("overruled", listed.overruled)] {
            object.open(key, '[');
            for setting in settings {
                object.value(&Quoted(setting.as_bytes()));
            }
            object.close(']');
        }
    }
    let told = loads.get(&node.name).copied().unwrap_or_default();
    let load = if node.is_own {
        cluster.own_load()
    } else {
        told
    };
    for (key, number) in [
        ("channels", load.channels),
        ("rooms", load.rooms),
        (
            "share",
            told.rooms
                .and_then(|rooms| sums.percent(node.weight, rooms)),
        ),
        ("registrations", load.registrations),
        ("seen", Some(told.seen).filter(|seen| *seen > 0)),
    ] {
        if let Some(number) = number {
            object.put(key, &number);
        }
    }
}

/// A JSON object that is being written.
struct Object(String);

impl Object {
    fn new() -> Self {
        Self("{".to_owned())
    }

    /// Separates what comes from what was before.
    fn comma(&mut self) {
        if !self.0.ends_with(['{', '[']) {
            self.0.push(',');
        }
    }

    /// Writes a value of an array. Writing to a string doesn't fail.
    fn value(&mut self, value: &dyn Display) {
        self.comma();
        let _ = write!(self.0, "{value}");
    }

    /// Writes a member of an object.
    fn put(&mut self, key: &str, value: &dyn Display) {
        self.value(&format_args!("\"{key}\":{value}"));
    }

    /// Begins an object in an array.
    fn item(&mut self) {
        self.value(&'{');
    }

    /// Begins a member that is an object or an array.
    fn open(&mut self, key: &str, bracket: char) {
        self.put(key, &bracket);
    }

    fn close(&mut self, bracket: char) {
        self.0.push(bracket);
    }

    fn end(mut self) -> String {
        self.close('}');
        self.0
    }
}

/// A text as JSON, whatever its bytes are. What is no UTF-8 is replaced. A console gets no control character.
struct Quoted<'a>(&'a [u8]);

impl Display for Quoted<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_char('"')?;
        for character in String::from_utf8_lossy(self.0).chars() {
            match character {
                '"' | '\\' => write!(f, "\\{character}")?,
                _ if character.is_control() => write!(f, "\\u{:04x}", u32::from(character))?,
                _ => f.write_char(character)?,
            }
        }
        f.write_char('"')
    }
}
