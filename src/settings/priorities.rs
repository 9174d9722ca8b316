// SPDX-License-Identifier: GPL-2.0-or-later

//! Which messages have handlers, and where these stand among the others.

use super::reader::Reader;
use super::{GENERAL, PRIORITIES};
use crate::messages::Kind;
use crate::nodes::Nodes;
use crate::nodes::health::Rules;

/// The highest priority that a handler may be given; at a higher one all others have run.
const LAST: u32 = 1_000_000;

/// Where handlers stand that only watch: before all that may take a message for themselves.
const WATCHING: u32 = 1;

/// The priority of each kind of message, 0 where there is to be no handler.
#[derive(Debug)]
pub(super) struct Priorities([u32; Kind::ALL.len()]);

impl Priorities {
    /// Reads `[priorities]`, and what else decides whether there is a handler.
    pub(super) fn read(reader: &mut Reader, enabled: bool, nodes: &Nodes, health: &Rules) -> Self {
        let register = reader.flag(GENERAL, Kind::Register.name(), true);
        let cdr = reader.flag(GENERAL, Kind::Cdr.name(), true);
        let has_nodes = !nodes.is_empty();
        let probes = has_nodes && health.interval > 0;
        Self(Kind::ALL.map(|kind| {
            let (default, wanted) = match kind {
                Kind::Route => (49, true),
                Kind::Execute | Kind::Message => (50, true),
                Kind::Preroute => (25, true),
                Kind::Register | Kind::Unregister => (49, register),
                Kind::Cdr => (25, cdr),
                Kind::Locate => (200, has_nodes),
                // These only watch, so where they stand is nobody's business.
                Kind::Startup | Kind::Hangup => {
                    return if enabled && probes { WATCHING } else { 0 };
                }
            };
            let priority = reader.number(PRIORITIES, kind.name(), default, 0..=LAST);
            if enabled && wanted { priority } else { 0 }
        }))
    }

    /// That of a kind; `None` where there is to be no handler.
    pub(super) fn of(&self, kind: Kind) -> Option<u32> {
        Some(self.0[kind as usize]).filter(|&priority| priority > 0)
    }
}
