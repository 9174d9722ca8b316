// SPDX-License-Identifier: GPL-2.0-or-later

//! The load of a node, as its last heartbeat says.

use std::collections::BTreeMap;

use percent_encoding::percent_decode;

/// The most claims that a heartbeat counts: a count must stay cheap for the database, whatever a cluster has.
pub(crate) const MOST_ROOMS: u64 = 1000;

/// The query that reads the heartbeats of all nodes.
pub(super) const QUERY: &str = "\
    SELECT name || '|' || seen || '|' || coalesce(CAST(channels AS TEXT), '') || '|' || \
    coalesce(CAST(rooms AS TEXT), '') || '|' || coalesce(CAST(registrations AS TEXT), '') FROM cluster_heartbeats";

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
