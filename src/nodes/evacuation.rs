// SPDX-License-Identifier: GPL-2.0-or-later

//! The evacuation of this node: what is left on it while it is drained or disabled. The log says so once for each stage,
//! so that an operator knows when to stop the engine.

use std::fmt::{self, Display};
use std::sync::Mutex;

use crate::event::Level;
use crate::failure::unpoisoned;
use crate::nodes::Node;
use crate::nodes::admin::AdminState;
use crate::nodes::event::tell_left;
use crate::task::{Task, Tasks};
use crate::text::Escaped;
use crate::time::{SECOND, SteadyTime};

/// The time from one count of channels to the next.
const COUNTS: u64 = 5 * SECOND;

/// What is left on a node. A number is absent where nobody knows it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Left {
    /// The engine's channels.
    pub(crate) channels: u64,
    /// The resources that it has claimed.
    pub(crate) rooms: Option<u64>,
    /// The registrations that are known by their connections.
    pub(crate) registrations: Option<u64>,
}

impl Left {
    /// Nothing is left.
    pub(crate) fn is_empty(&self) -> bool {
        !self.has_calls() && self.registrations.is_none_or(|number| number == 0)
    }

    fn has_calls(&self) -> bool {
        self.channels > 0 || self.rooms.is_some_and(|number| number > 0)
    }

    fn stage(&self) -> Stage {
        if self.has_calls() {
            Stage::Calls
        } else if self.is_empty() {
            Stage::Empty
        } else {
            Stage::Registrations
        }
    }
}

impl Display for Left {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.is_empty() {
            return f.write_str("nothing");
        }
        let others = [(self.rooms, "room"), (self.registrations, "registration")];
        let numbers = std::iter::once((Some(self.channels), "channel")).chain(others);
        let mut comma = "";
        for (number, word) in numbers {
            if let Some(number) = number {
                let plural = if number == 1 { "" } else { "s" };
                write!(f, "{comma}{number} {word}{plural}")?;
                comma = ", ";
            }
        }
        Ok(())
    }
}

/// The stages of an evacuation, in their order.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
enum Stage {
    /// Nothing is counted yet.
    #[default]
    Begun,
    /// There are calls or rooms.
    Calls,
    /// There are registrations alone.
    Registrations,
    Empty,
}

/// An evacuation under way.
#[derive(Debug, Default)]
struct State {
    /// The furthest stage that was said.
    said: Stage,
    count_due: SteadyTime,
    /// The engine's channels, once they were counted.
    channels: Option<u64>,
}

/// The evacuation of this node, by default none.
#[derive(Debug, Default)]
pub(crate) struct Evacuation(Mutex<State>);

impl Evacuation {
    /// Looks after the node that this engine is. The rest of what is left comes from `rooms` and `registrations`.
    pub(crate) fn tick(
        &self,
        own: Option<&Node>,
        (rooms, registrations): (Option<u64>, Option<u64>),
        now: SteadyTime,
        tasks: &Tasks,
    ) {
        let mut state = unpoisoned(self.0.lock());
        let Some(own) = own.filter(|own| own.state.admin() != AdminState::Enabled) else {
            *state = State::default();
            return;
        };
        if now >= state.count_due {
            state.count_due = now.after(COUNTS);
            tasks.add(Task::CountChannels);
        }
        let Some(left) = state.left(rooms, registrations) else {
            return;
        };
        // Each stage is said once, although a phone may call again.
        if left.stage() > state.said {
            state.said = left.stage();
            let (name, admin) = (Escaped(&own.name), own.state.admin());
            let line = format!("Node '{name}' is {admin}, and has {left} left");
            tasks.log(Level::Note, line);
            tell_left(own, &left, tasks);
        }
    }

    /// Takes the count of the engine's channels.
    pub(crate) fn counted(&self, channels: u64) {
        let mut state = unpoisoned(self.0.lock());
        // One that was asked for by somebody else may be from before.
        if state.count_due > SteadyTime::default() {
            state.channels = Some(channels);
        }
    }

    /// What is left; `None` where none is under way, and before the first count.
    pub(crate) fn left(&self, rooms: Option<u64>, registrations: Option<u64>) -> Option<Left> {
        unpoisoned(self.0.lock()).left(rooms, registrations)
    }
}

impl State {
    fn left(&self, rooms: Option<u64>, registrations: Option<u64>) -> Option<Left> {
        Some(Left {
            channels: self.channels?,
            rooms,
            registrations,
        })
    }
}
