// SPDX-License-Identifier: GPL-2.0-or-later

//! The module's status: `status clustering` in the engine's grammar, and the same as metrics for Prometheus.

use std::fmt::{self, Display, Write};

use crate::cluster::Cluster;
use crate::membership::MOST_ROOMS;
use crate::nodes::admin::AdminState;
use crate::nodes::health::{Rules, State};
use crate::nodes::{Node, Nodes, StandIn};
use crate::operator::counters::Counter;
use crate::placement::bounded::Sums;
use crate::placement::claim::{DatabaseState, Members, takers};
use crate::settings::{Settings, Signatures};
use crate::time::{SECOND, SteadyTime};

/// The labels of the build.
const BUILD: [(&str, &[u8]); 1] = [("version", env!("CARGO_PKG_VERSION").as_bytes())];

/// The columns of a node in `status clustering`, as the engine announces them.
pub const FORMAT: &str = "format=State|Admin|Weight|Since|Latency|Forwards|Failures|Reason";

/// The word for the state of a database that there may be.
fn word(database: Option<DatabaseState>) -> &'static str {
    database.map_or("none", DatabaseState::text)
}

/// The word for what became of the last file.
pub(crate) fn file(cluster: &Cluster) -> &'static str {
    if cluster.is_refused() {
        "refused"
    } else if cluster.generation() == 0 {
        "none"
    } else {
        "taken"
    }
}

/// The word for whether calls between nodes are signed.
pub(crate) fn signatures(settings: &Settings) -> &'static str {
    match settings.signatures {
        _ if !settings.keys.are_set() => "none",
        Signatures::Required => "required",
        Signatures::Optional => "optional",
    }
}

/// The parameters of `status clustering`: `name=value` with commas between.
#[must_use]
pub fn params(cluster: &Cluster) -> String {
    let settings = cluster.settings();
    let (enabled, generation) = (settings.enabled, cluster.generation());
    let database = word(cluster.database());
    let (file, signatures) = (file(cluster), signatures(&settings));
    let (nodes, connections) = (settings.nodes.len(), cluster.connections().len());
    let mut text = format!(
        "enabled={enabled},reload={generation},file={file},nodes={nodes},database={database},members={},\
         connections={connections},signatures={signatures}",
        word(cluster.membership().database())
    );
    for &counter in Counter::ALL {
        // Writing to a string doesn't fail.
        let _ = write!(text, ",{}={}", counter.text(), cluster.count(counter));
    }
    text
}

/// The nodes in `status clustering`: `NODE=column|column...` with commas between. Durations are in seconds,
/// latencies in milliseconds.
#[must_use]
pub fn nodes(cluster: &Cluster) -> String {
    let mut text = String::new();
    let settings = cluster.settings();
    for node in &settings.nodes {
        let health = node.state.health();
        let comma = if text.is_empty() { "" } else { "," };
        let _ = write!(
            text,
            "{comma}{}={}|{}|{}|{}|{}|{}|{}|{}{}",
            Field(&node.name),
            state(node),
            node.state.admin(),
            node.weight,
            health.lasts(cluster.now()) / SECOND,
            Thousandths(health.latency()),
            node.state.forwards(),
            node.state.failures(),
            Reason(&reason(node, &settings.health)),
            StandsIn(backup(&settings.nodes, node)),
        );
    }
    text
}

/// The state of a node's health; this engine's own node is always up.
pub(crate) fn state(node: &Node) -> State {
    if node.is_own {
        State::Up
    } else {
        node.state.health().state()
    }
}

/// The reason of that state.
pub(crate) fn reason(node: &Node, rules: &Rules) -> String {
    if node.is_own {
        "this node".to_owned()
    } else {
        node.state.health().reason(rules)
    }
}

/// The backup that stands in for a node; that this node has taken it over is its reason.
pub(crate) fn backup<'n>(nodes: &'n Nodes, node: &Node) -> Option<StandIn<'n>> {
    nodes.stand_in(node).filter(|_| !node.state.is_taken())
}

/// The node that stands in for another one, if one does, behind a reason.
struct StandsIn<'n>(Option<StandIn<'n>>);

impl Display for StandsIn<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            Some(StandIn { name, .. }) => write!(f, " ({} stands in)", Field(name)),
            None => Ok(()),
        }
    }
}

/// A reason without commas, which separate the nodes of a status.
struct Reason<'a>(&'a str);

impl Display for Reason<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for part in self.0.split(',') {
            f.write_str(part)?;
        }
        Ok(())
    }
}

/// A text without the separators of a status, escaped as in a URI.
struct Field<'a>(&'a [u8]);

impl Display for Field<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for &byte in self.0 {
            match byte {
                b',' | b';' | b'|' | b'=' | b'%' | ..b' ' | 0x7f.. => write!(f, "%{byte:02x}")?,
                _ => f.write_char(char::from(byte))?,
            }
        }
        Ok(())
    }
}

/// A number with three decimals.
struct Thousandths(u64);

impl Display for Thousandths {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{:03}", self.0 / 1000, self.0 % 1000)
    }
}

/// All of it as metrics, in the text format of Prometheus.
#[must_use]
pub fn metrics(cluster: &Cluster) -> String {
    let settings = cluster.settings();
    let mut page = Page(String::new());
    let enabled = u64::from(settings.enabled);
    page.family("build_info", "The module's version.", "gauge");
    page.labelled("build_info", &BUILD, 1);
    page.family(
        "enabled",
        "Whether the current settings enable the module.",
        "gauge",
    );
    page.sample("enabled", None, enabled);
    let name = "settings_refused";
    let help = "Whether the last load refused its file, so that older settings are in force.";
    page.family(name, help, "gauge");
    page.sample(name, None, u64::from(cluster.is_refused()));
    // Nothing is known before the first query, and an alarm would be as wrong as the all-clear.
    let database = cluster.database();
    if let Some(state) = database.filter(|state| *state != DatabaseState::Unknown) {
        let help = "Whether the database of claimed resources answers; absent until it was asked.";
        page.family("database_up", help, "gauge");
        page.sample("database_up", None, u64::from(state == DatabaseState::Up));
    }
    let members = cluster.membership();
    if let Some(state) = members.database() {
        if state != DatabaseState::Unknown {
            let help =
                "Whether the database with the list of nodes answers; absent until it was asked.";
            page.family("members_up", help, "gauge");
            page.sample("members_up", None, u64::from(state == DatabaseState::Up));
        }
        let help = "Whether another engine has this node's name.";
        page.family("name_taken", help, "gauge");
        let taken = members.is_name_taken(cluster.now());
        page.sample("name_taken", None, u64::from(taken));
        let help = "In how many settings the node differs from this one.";
        page.family("node_drift", help, "gauge");
        for node in &settings.nodes {
            if let Some(listed) = members.of(&node.name) {
                page.sample("node_drift", Some(&node.name), listed.drift.len());
            }
        }
    }
    let load = cluster.own_load();
    let rooms = format!("How many resources this node has claimed, up to {MOST_ROOMS}.");
    for (name, help, value) in [
        (
            "channels",
            "How many channels the engine has.",
            load.channels,
        ),
        ("rooms", &rooms, load.rooms),
    ] {
        if let Some(value) = value {
            page.family(name, help, "gauge");
            page.sample(name, None, value);
        }
    }
    load_of_nodes(&settings, &mut page);
    if let Some(left) = cluster.left() {
        let help = "Whether this node, which is drained or disabled, has nothing left.";
        page.family("empty", help, "gauge");
        page.sample("empty", None, u64::from(left.is_empty()));
    }
    let help = "How many registrations are known by their connection.";
    page.family("connections", help, "gauge");
    page.sample("connections", None, cluster.connections().len());
    let name = "settings_loaded_total";
    page.family(name, "How many configuration files were loaded.", "counter");
    page.sample(name, None, cluster.generation());
    for &counter in Counter::ALL {
        let name = format!("{}_total", counter.text());
        page.family(&name, counter.help(), "counter");
        page.sample(&name, None, cluster.count(counter));
    }
    for Column {
        name,
        help,
        kind,
        value,
    } in &COLUMNS
    {
        page.family(name, help, kind);
        for node in &settings.nodes {
            page.sample(name, Some(&node.name), value(node, cluster.now()));
        }
    }
    page.0
}

/// Writes what bounds the loads of nodes, as far as there is something.
fn load_of_nodes(settings: &Settings, page: &mut Page) {
    let nodes = &settings.nodes;
    if nodes.iter().any(|node| node.capacity > 0) {
        let help =
            "From how many channels on nothing new is placed on the node; absent without a limit.";
        page.family("node_capacity", help, "gauge");
        for node in nodes.iter().filter(|node| node.capacity > 0) {
            page.sample("node_capacity", Some(&node.name), node.capacity);
        }
    }
    let takers = takers(Members::by(settings));
    let sums = Sums::of(takers.map(|(candidate, figures)| (candidate.weight, figures)));
    let share = |node: &Node| sums.percent(node.weight, node.state.rooms()?);
    if nodes.iter().any(|node| share(node).is_some()) {
        let help = "The node's resources compared with its fair share, as this node places by them; absent where it \
                    places nothing.";
        page.family("node_share_ratio", help, "gauge");
        for node in nodes {
            if let Some(percent) = share(node) {
                let ratio = Micros(percent.saturating_mul(SECOND / 100));
                page.sample("node_share_ratio", Some(&node.name), ratio);
            }
        }
    }
}

/// A metric that each node has.
struct Column {
    name: &'static str,
    help: &'static str,
    kind: &'static str,
    value: fn(&Node, SteadyTime) -> Micros,
}

/// A number of millionths.
pub(crate) struct Micros(pub(crate) u64);

impl Micros {
    const fn whole(number: u64) -> Self {
        Self(number.saturating_mul(SECOND))
    }
}

impl Display for Micros {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (self.0 / SECOND, self.0 % SECOND) {
            (whole, 0) => write!(f, "{whole}"),
            (whole, rest) => write!(f, "{whole}.{rest:06}"),
        }
    }
}

const COLUMNS: [Column; 10] = [
    Column {
        name: "node_up",
        help: "Whether the node is healthy enough for calls to be sent there, or nothing is known of its health.",
        kind: "gauge",
        value: |node, _| Micros::whole(u64::from(state(node) != State::Down)),
    },
    Column {
        name: "node_known",
        help: "Whether the node's health is known, by probes or because it is this node.",
        kind: "gauge",
        value: |node, _| Micros::whole(u64::from(state(node) != State::Unknown)),
    },
    Column {
        name: "node_busy",
        help: "Whether the node answers that it wants nothing new for now.",
        kind: "gauge",
        value: |node, _| Micros::whole(u64::from(state(node) == State::Busy)),
    },
    Column {
        name: "node_draining",
        help: "Whether nothing new is placed on the node.",
        kind: "gauge",
        value: |node, _| Micros::whole(u64::from(node.state.admin() == AdminState::Draining)),
    },
    Column {
        name: "node_disabled",
        help: "Whether nothing is sent to the node.",
        kind: "gauge",
        value: |node, _| Micros::whole(u64::from(node.state.admin() == AdminState::Disabled)),
    },
    Column {
        name: "node_weight",
        help: "The node's share of what is placed, compared with the others.",
        kind: "gauge",
        value: |node, _| Micros::whole(node.weight.into()),
    },
    Column {
        name: "node_state_seconds",
        help: "How long the node has been in its present health state.",
        kind: "gauge",
        value: |node, now| Micros(node.state.health().lasts(now)),
    },
    Column {
        name: "node_probe_seconds",
        help: "How long the node's last answer to a probe took; 0 before the first.",
        kind: "gauge",
        value: |node, _| Micros(node.state.health().latency()),
    },
    Column {
        name: "node_forwards_total",
        help: "Calls and messages that were sent to the node.",
        kind: "counter",
        value: |node, _| Micros::whole(node.state.forwards()),
    },
    Column {
        name: "node_failures_total",
        help: "Calls to the node that got no answer at all.",
        kind: "counter",
        value: |node, _| Micros::whole(node.state.failures()),
    },
];

/// A page of metrics.
struct Page(String);

impl Page {
    fn family(&mut self, name: &str, help: &str, kind: &str) {
        let name = format_args!("yate_clustering_{name}");
        let _ = write!(self.0, "# HELP {name} {help}\n# TYPE {name} {kind}\n");
    }

    fn sample(&mut self, name: &str, node: Option<&[u8]>, value: impl Display) {
        match node {
            Some(node) => self.labelled(name, &[("node", node)], value),
            None => self.labelled(name, &[], value),
        }
    }

    fn labelled(&mut self, name: &str, labels: &[(&str, &[u8])], value: impl Display) {
        let _ = write!(self.0, "yate_clustering_{name}");
        for (at, (label, text)) in labels.iter().enumerate() {
            let _ = write!(self.0, "{}{label}=\"", if at > 0 { ',' } else { '{' });
            // Prometheus wants UTF-8, and these three escaped.
            for character in String::from_utf8_lossy(text).chars() {
                match character {
                    '\\' => self.0.push_str("\\\\"),
                    '"' => self.0.push_str("\\\""),
                    '\n' => self.0.push_str("\\n"),
                    other => self.0.push(other),
                }
            }
            self.0.push('"');
        }
        if !labels.is_empty() {
            self.0.push('}');
        }
        let _ = writeln!(self.0, " {value}");
    }
}
