// SPDX-License-Identifier: GPL-2.0-or-later

//! A node: the core with a usual file, and what its log says of other nodes.

use std::fs;

use clustering::cluster::Cluster;
use clustering::settings::Entry;

/// A second on the clock of the nodes.
pub const SECOND: u64 = 1_000_000;

/// Something that a node has learnt of another one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum News {
    /// It doesn't answer.
    Down,
    /// It answers.
    Up,
    /// It is being drained.
    Draining,
    /// It is part of the cluster.
    Joined,
}

/// The name of a node.
pub fn name(number: usize) -> String {
    format!("node{number}")
}

/// A node that shares its list in a database, with more settings.
pub fn start(number: usize, more: &[(&str, &str, &str)]) -> Cluster {
    let cluster = Cluster::new(name(number).as_bytes(), number as u64 + 1);
    let usual = [
        ("general", "regexp", "^node[0-9]*$"),
        ("general", "callto", "sip/sip:cluster/@\\0.example.net"),
        ("security", "trusted", "192.0.2.0/24"),
        ("cluster", "account", "cluster"),
    ];
    let entries: Vec<_> = usual
        .iter()
        .chain(more)
        .map(|(section, key, value)| Entry {
            section: section.as_bytes(),
            key: key.as_bytes(),
            value: value.as_bytes(),
        })
        .collect();
    let loaded = cluster.load("clustering.conf", &entries);
    loaded.expect("the file is good");
    cluster
}

/// What a line of the log says of a node, and its number.
pub fn news(line: &str) -> Option<(usize, News)> {
    let (name, rest) = line.strip_prefix("Node 'node")?.split_once('\'')?;
    let number = name.parse().ok()?;
    let news = [
        (" is down", News::Down),
        (" is up", News::Up),
        (" is draining", News::Draining),
        (" has joined", News::Joined),
    ];
    let (_, news) = news.into_iter().find(|(text, _)| rest.starts_with(text))?;
    Some((number, news))
}

/// The memory of this process, in bytes.
pub fn memory() -> u64 {
    let pages = fs::read_to_string("/proc/self/statm").unwrap_or_default();
    let resident = pages.split(' ').nth(1).and_then(|text| text.parse().ok());
    resident.unwrap_or(0) * 4096
}

/// The value below which this part of the values is; not a number where there is none.
#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_precision_loss,
    clippy::cast_sign_loss,
    reason = "a place in a list that is in memory"
)]
pub fn quantile(values: &[f64], part: f64) -> f64 {
    let mut values = values.to_vec();
    values.sort_by(f64::total_cmp);
    let place = (values.len() as f64 * part).ceil() as usize;
    let value = values.get(place.saturating_sub(1));
    value.copied().unwrap_or(f64::NAN)
}
