// SPDX-License-Identifier: GPL-2.0-or-later

//! The page of the cluster, and what belongs to it: a style sheet, a script and an icon.
//!
//! The page has all facts without the script. The script loads the page again and again, and replaces what has
//! changed. Names and reasons come from other machines, so the template escapes every text. Nothing of the page is
//! inline and nothing is elsewhere, so that the server's content security policy can be strict.

mod node;
mod pairs;
mod spark;
mod words;

use askama::Template;

use crate::cluster::{Cluster, Condition, Event};
use node::Row;
use pairs::Pairs;
use words::{Count, clock, date_time, duration, look, machine_time, word};

/// The number of nodes from which on those that are not up are listed above the table.
const MANY: usize = 20;

/// The most nodes in that list.
const LISTED: usize = 40;

/// The number of events that the page shows.
const SHOWN_EVENTS: usize = 40;

/// A file that the page needs: its path, its content type, its contents.
pub type Asset = (&'static str, &'static str, &'static [u8]);

/// All files that the page needs. The content security policy lets it have styles, scripts and pictures from here, and
/// nothing that stands in the page itself.
pub const ASSETS: &[Asset] = &[
    (
        "/assets/page.css",
        "text/css; charset=utf-8",
        include_bytes!("../assets/page.css"),
    ),
    (
        "/assets/page.js",
        "text/javascript; charset=utf-8",
        include_bytes!("../assets/page.js"),
    ),
    (
        "/assets/icon.svg",
        "image/svg+xml",
        include_bytes!("../assets/icon.svg"),
    ),
];

/// The page, as HTML.
#[must_use]
pub fn render(cluster: &Cluster) -> String {
    let page = Page::of(cluster);
    // Writing into a string fails only where a text of the page does, and none can.
    page.render().unwrap_or_default()
}

/// What the template shows.
#[derive(Template)]
#[template(path = "page.html", whitespace = "minimize")]
struct Page<'a> {
    title: String,
    said: String,
    monitor: &'a str,
    updated: String,
    updated_machine: String,
    interval: String,
    refresh: u64,
    facts: Vec<Fact>,
    legend: Vec<Legend>,
    attention: Vec<Attention<'a>>,
    rows: Vec<Row<'a>>,
    pairs: Option<Pairs<'a>>,
    engines: Vec<EngineRow<'a>>,
    engines_failing: usize,
    events: Vec<EventRow<'a>>,
}

/// A figure of the whole cluster.
struct Fact {
    label: &'static str,
    value: String,
}

/// A condition, and the number of nodes in it.
struct Legend {
    look: &'static str,
    word: &'static str,
    count: usize,
}

/// A node that is not up, and its place in the table.
struct Attention<'a> {
    look: &'static str,
    word: &'static str,
    name: &'a str,
    place: usize,
}

/// A remote manager that is asked.
struct EngineRow<'a> {
    address: &'a str,
    node: &'a str,
    error: Option<&'a str>,
    answered: String,
    took: String,
    version: &'a str,
    file: &'a str,
    databases: String,
    signatures: &'a str,
}

/// An event.
struct EventRow<'a> {
    time: String,
    machine_time: String,
    look: &'static str,
    node: &'a str,
    text: &'a str,
}

/// The order of conditions in the legend.
const CONDITIONS: [Condition; 10] = [
    Condition::Up,
    Condition::Down,
    Condition::Partly,
    Condition::Silent,
    Condition::Replaced,
    Condition::Busy,
    Condition::Draining,
    Condition::Disabled,
    Condition::Drifting,
    Condition::Unknown,
];

impl<'a> Page<'a> {
    fn of(cluster: &'a Cluster) -> Self {
        let nodes = &cluster.nodes;
        let legend: Vec<_> = CONDITIONS
            .into_iter()
            .map(|condition| Legend {
                look: look(condition),
                word: word(condition),
                count: nodes
                    .iter()
                    .filter(|node| node.condition == condition)
                    .count(),
            })
            .filter(|legend| legend.count > 0)
            .collect();
        let parts: Vec<_> = legend
            .iter()
            .map(|legend| format!("{} {}", legend.count, legend.word))
            .collect();
        let title = match legend.iter().find(|legend| legend.look == "down") {
            Some(down) => format!("{} down of {}", down.count, Count(nodes.len(), "node")),
            None => Count(nodes.len(), "node").to_string(),
        };
        Self {
            title,
            said: said(cluster, &parts.join(", ")),
            monitor: &cluster.monitor,
            updated: clock(cluster.time),
            updated_machine: machine_time(cluster.time),
            interval: duration(interval(cluster)),
            refresh: interval(cluster).saturating_mul(1000),
            facts: facts(cluster),
            legend,
            attention: attention(cluster),
            rows: nodes.iter().map(|node| Row::of(node, cluster)).collect(),
            pairs: Pairs::of(cluster),
            engines: cluster.engines.iter().map(EngineRow::of).collect(),
            engines_failing: cluster
                .engines
                .iter()
                .filter(|engine| engine.error.is_some())
                .count(),
            events: cluster
                .events
                .iter()
                .take(SHOWN_EVENTS)
                .map(|event| EventRow::of(event, cluster.time))
                .collect(),
        }
    }
}

/// The seconds from one look at the page to the next.
fn interval(cluster: &Cluster) -> u64 {
    std::time::Duration::try_from_secs_f64(cluster.interval.ceil())
        .map_or(5, |interval| interval.as_secs().clamp(1, 60))
}

/// What a screen reader says of the cluster, as soon as it becomes another.
fn said(cluster: &Cluster, counts: &str) -> String {
    if cluster.nodes.is_empty() {
        return "No node is known yet.".to_owned();
    }
    let urgent = cluster.nodes.iter().filter(|node| {
        matches!(
            node.condition,
            Condition::Down
                | Condition::Partly
                | Condition::Silent
                | Condition::Replaced
                | Condition::Busy
        )
    });
    let named: Vec<_> = urgent
        .take(5)
        .map(|node| format!("{} is {}", node.name, word(node.condition)))
        .collect();
    let end = if named.is_empty() { "" } else { ": " };
    format!("{counts}{end}{}.", named.join(", "))
}

/// The nodes of many that are not up, the most urgent first.
fn attention(cluster: &Cluster) -> Vec<Attention<'_>> {
    let nodes = cluster.nodes.iter().enumerate();
    let mut nodes: Vec<_> = nodes
        .filter(|(_, node)| cluster.nodes.len() >= MANY && node.condition != Condition::Up)
        .collect();
    nodes.sort_by_key(|(_, node)| std::cmp::Reverse(node.condition));
    nodes
        .into_iter()
        .take(LISTED)
        .map(|(place, node)| Attention {
            look: look(node.condition),
            word: word(node.condition),
            name: &node.name,
            place,
        })
        .collect()
}

fn facts(cluster: &Cluster) -> Vec<Fact> {
    let rate: f64 = cluster
        .nodes
        .iter()
        .flat_map(|node| &node.seen_by)
        .map(|seen| seen.rate * 60.0)
        .sum();
    let sum = |value: fn(&crate::cluster::Node) -> Option<u64>| -> Option<u64> {
        let known = cluster.nodes.iter().filter_map(value);
        known.reduce(u64::saturating_add)
    };
    let mut facts = vec![
        Fact {
            label: "nodes",
            value: words::grouped(cluster.nodes.len() as u64),
        },
        Fact {
            label: "forwards a minute",
            value: words::rate(rate),
        },
    ];
    for (label, value) in [
        ("channels", sum(|node| node.channels)),
        ("rooms", sum(|node| node.rooms)),
        ("registrations", sum(|node| node.registrations)),
    ] {
        facts.extend(value.map(|value| Fact {
            label,
            value: words::grouped(value),
        }));
    }
    facts
}

impl<'a> EngineRow<'a> {
    fn of(engine: &'a crate::cluster::Engine) -> Self {
        let answer = engine.answer.as_deref();
        let databases = [
            ("rooms", answer.and_then(|answer| answer.database)),
            ("nodes", answer.and_then(|answer| answer.members)),
        ];
        let databases: Vec<_> = databases
            .into_iter()
            .filter_map(|(name, state)| Some(format!("{name} {}", words::database(state?))))
            .collect();
        Self {
            address: &engine.address,
            node: engine.node.as_deref().unwrap_or("–"),
            error: engine.error.as_deref(),
            answered: engine.answered.map_or_else(|| "never".to_owned(), clock),
            took: engine
                .took
                .map_or_else(|| "–".to_owned(), words::milliseconds),
            version: answer.map_or("–", |answer| &answer.version),
            file: answer.map_or("–", |answer| &answer.file),
            databases: if databases.is_empty() {
                "–".to_owned()
            } else {
                databases.join(", ")
            },
            signatures: answer.map_or("–", |answer| &answer.signatures),
        }
    }
}

impl<'a> EventRow<'a> {
    fn of(event: &'a Event, now: u64) -> Self {
        let is_recent = now.saturating_sub(event.time) < 12 * 3600;
        Self {
            time: if is_recent {
                clock(event.time)
            } else {
                date_time(event.time)
            },
            machine_time: machine_time(event.time),
            look: event.condition.map_or("note", look),
            node: &event.node,
            text: &event.text,
        }
    }
}

#[cfg(test)]
mod tests;
