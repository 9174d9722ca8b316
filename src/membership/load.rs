// SPDX-License-Identifier: GPL-2.0-or-later

//! The load of a node, as its last heartbeat says.

use std::collections::BTreeMap;

use percent_encoding::percent_decode;
use rustc_hash::FxHashMap;

use crate::event::Level;
use crate::nodes::{Node, Nodes};
use crate::placement::bounded::{Figures, Sums};
use crate::placement::recent::RecentClaims;
use crate::task::Tasks;
use crate::text::Escaped;
use crate::time::{SECOND, SteadyTime, WallTime};

/// The most claims that a heartbeat counts: with `SQLite` nobody else can write meanwhile.
pub(crate) const MOST_ROOMS: u64 = 100_000;

/// The rows a second that all nodes together count, at most: with `PostgreSQL` each takes a microsecond.
const COUNTED: u64 = 10_000;

/// The query that reads the heartbeats of all nodes.
pub(super) const QUERY: &str = "\
    SELECT name || '|' || seen || '|' || coalesce(CAST(channels AS TEXT), '') || '|' || \
    coalesce(CAST(rooms AS TEXT), '') || '|' || coalesce(CAST(registrations AS TEXT), '') FROM cluster_heartbeats";

/// The microseconds from one heartbeat to the next: `often`, and more among many nodes.
#[must_use]
pub fn beat_interval(often: u64, nodes: usize) -> u64 {
    often.max(nodes as u64 * SECOND * 30 / 1000)
}

/// The seconds after which a heartbeat says nothing about its node's load: some are missing, though clocks may differ.
#[must_use]
pub fn oldest(nodes: usize) -> u64 {
    4 * beat_interval(COUNT, nodes) / SECOND + 30
}

/// The least microseconds from one count of a node's claims to the next.
pub const COUNT: u64 = 15 * SECOND;

/// The microseconds from one count of a node's claims to the next. The more there are to be counted, the longer it is,
/// so that the whole cluster counts a bounded number of rows in a second.
#[must_use]
pub fn count_interval(nodes: usize, rooms: u64) -> u64 {
    let wait = (nodes as u64).saturating_mul(rooms) / COUNTED;
    wait.saturating_mul(SECOND).max(COUNT)
}

/// The microseconds from one reading of all nodes' heartbeats to the next. All of a thousand nodes together read five
/// thousand rows in a second.
#[must_use]
pub fn read_interval(nodes: usize) -> u64 {
    (nodes as u64 * SECOND / 5).max(5 * SECOND)
}

/// The load of a node; a number is absent where the node doesn't know it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Load {
    /// The time of the heartbeat, in seconds since 1970, on the clock of that node.
    pub(crate) seen: u64,
    /// The engine's channels: a call between two phones has two.
    pub(crate) channels: Option<u64>,
    /// The resources that the node has claimed, up to [`MOST_ROOMS`].
    pub(crate) rooms: Option<u64>,
    /// The registrations that are known by their connections.
    pub(crate) registrations: Option<u64>,
}

/// The sums of the nodes that take resources, by these loads.
pub(crate) fn sums(nodes: &Nodes, loads: &Loads) -> Sums {
    let takers = nodes.iter().filter(|node| node.state.is_open());
    Sums::of(takers.map(|node| {
        let load = loads.get(&node.name).copied().unwrap_or_default();
        let figures = Figures {
            load: load.rooms,
            is_full: node.is_full_with(load.channels),
        };
        (node.weight, figures)
    }))
}

/// The loads of nodes by their names.
pub(crate) type Loads = BTreeMap<Box<[u8]>, Load>;

/// Reads the rows of the [query](QUERY). Rows that make no sense are left out.
pub(crate) fn read(rows: &[&[u8]]) -> Loads {
    rows.iter().filter_map(|row| read_row(row)).collect()
}

fn read_row(row: &[u8]) -> Option<(Box<[u8]>, Load)> {
    let mut columns = row.split(|&byte| byte == b'|');
    let name = percent_decode(columns.next()?).collect();
    let mut number = || number(columns.next()?);
    let load = Load {
        seen: number()?,
        channels: number(),
        rooms: number(),
        registrations: number(),
    };
    Some((name, load))
}

/// Gives all nodes the loads that were read, with what this node has placed there since. Nodes that are full, or have room
/// again, are logged.
pub(crate) fn take(
    loads: &Loads,
    nodes: &Nodes,
    recent: &RecentClaims,
    (now, wall): (SteadyTime, WallTime),
    tasks: &Tasks,
) {
    let oldest = oldest(nodes.len());
    let is_young = |load: &&Load| wall.seconds().saturating_sub(load.seen) <= oldest;
    let load = |node: &Node| loads.get(&node.name).filter(is_young);
    let seen: FxHashMap<_, _> = nodes
        .iter()
        .filter_map(|node| Some((node.seed, load(node)?.seen)))
        .collect();
    let placed = recent.uncounted(&seen);
    for node in nodes {
        let known = load(node);
        let rooms = known.and_then(|load| load.rooms);
        let added = placed.get(&node.seed).copied().unwrap_or(0);
        let rooms = rooms.map(|rooms| rooms.saturating_add(added));
        let channels = known.and_then(|load| load.channels);
        node.state.take_figures(rooms, channels);
        let is_news = node.state.observe_full(node.is_full(), now);
        let Some(channels) = channels.filter(|_| is_news) else {
            continue;
        };
        let (name, capacity) = (Escaped(&node.name), node.capacity);
        let line = if node.is_full() {
            format!(
                "Node '{name}' is full, nothing new is placed there while another node has room: {channels} channels, \
                 capacity={capacity}"
            )
        } else {
            format!("Node '{name}' has room again: {channels} channels, capacity={capacity}")
        };
        tasks.log(Level::Note, line);
    }
}

/// The number that a cell has.
pub(super) fn number(cell: &[u8]) -> Option<u64> {
    std::str::from_utf8(cell).ok()?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn a_number_that_a_node_does_not_know_is_absent() {
        let loads = read(&[
            b"node1|1700|4||7",
            b"node%7c2|1701|||",
            b"node3||1|2|3",
            b"",
        ]);
        let known = Load {
            seen: 1700,
            channels: Some(4),
            rooms: None,
            registrations: Some(7),
        };
        assert_eq!(loads[&b"node1"[..]], known);
        assert_eq!(loads[&b"node|2"[..]].seen, 1701);
        assert_eq!(loads.len(), 2);
    }

    proptest! {
        #[test]
        fn arbitrary_rows_do_no_harm(row in prop::collection::vec(any::<u8>(), 0..60)) {
            let _ = read(&[&row]);
        }
    }
}
