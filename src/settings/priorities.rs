// SPDX-License-Identifier: GPL-2.0-or-later

//! The priorities of the handlers, and the kinds of messages that are decided at all.

use super::reader::Reader;
use super::{GENERAL, PRIORITIES};
use crate::messages::Kind;
use crate::nodes::Nodes;
use crate::nodes::health::Rules;

/// The highest priority that a handler may be given; at a higher one all others have run.
const LAST: u32 = 1_000_000;

/// The priority of handlers that only observe: before all that may take a message for themselves.
const WATCHING: u32 = 1;

/// The priority of each kind of message, 0 for no handler, and whether such messages are decided.
#[derive(Debug)]
pub(super) struct Priorities([(u32, bool); Kind::ALL.len()]);

impl Priorities {
    /// Reads `[priorities]`, and the settings that switch a kind of messages off.
    pub(super) fn read(reader: &mut Reader, enabled: bool, nodes: &Nodes, health: &Rules) -> Self {
        let register = reader.flag(GENERAL, Kind::Register.name(), true);
        let cdr = reader.flag(GENERAL, Kind::Cdr.name(), true);
        let has_nodes = !nodes.is_empty();
        let probes = has_nodes && health.interval > 0;
        let mut priorities = Self(Kind::ALL.map(|kind| {
            let (default, wanted) = match kind {
                Kind::Route => (49, true),
                Kind::Execute | Kind::Message => (50, true),
                Kind::Preroute => (25, true),
                Kind::Register | Kind::Unregister => (49, register),
                Kind::Cdr => (25, cdr),
                Kind::Locate => (200, has_nodes),
                // Behind lateroute at 75, before the drivers at 90.
                Kind::LateExecute | Kind::LateMessage => (80, true),
                // Behind all that go by the engine's word, or have the call go on.
                Kind::Disconnected => (1000, true),
                // No setting: these only observe.
                Kind::Startup => return (WATCHING, enabled && probes),
                Kind::Hangup => return (WATCHING, enabled),
            };
            let priority = reader.number(PRIORITIES, kind.key(), default, 0..=LAST);
            (priority, enabled && wanted && priority > 0)
        }));
        // Nothing is decided again where the early handlers are behind the late routing themselves.
        for (early, late) in [
            (Kind::Execute, Kind::LateExecute),
            (Kind::Message, Kind::LateMessage),
        ] {
            let early = priorities.of(early);
            let (priority, decides) = &mut priorities.0[late as usize];
            *decides &= early > 0 && early < *priority;
        }
        priorities
    }

    /// The priority of a kind; 0 for no handler.
    pub(super) fn of(&self, kind: Kind) -> u32 {
        self.0[kind as usize].0
    }

    /// Whether messages of a kind are decided.
    pub(super) fn decides(&self, kind: Kind) -> bool {
        self.0[kind as usize].1
    }
}
