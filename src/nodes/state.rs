// SPDX-License-Identifier: GPL-2.0-or-later

//! The state of a node while the engine runs: its health, its admin state, its counts.

use std::fmt::{self, Display};
use std::sync::atomic::{AtomicBool, AtomicU8, AtomicU64, Ordering::Relaxed};
use std::sync::{Mutex, MutexGuard};

use crate::failure::unpoisoned;
use crate::nodes::admin::AdminState;
use crate::nodes::health::{Health, State};
use crate::time::SteadyTime;

/// The reason why nothing can be sent to a node.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unreachable {
    /// It doesn't answer.
    Down,
    /// An operator has disabled it.
    Disabled,
}

impl Display for Unreachable {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Down => "down",
            Self::Disabled => "disabled",
        })
    }
}

/// The state of a node's probes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Probing {
    pub(crate) health: Health,
    /// The time when the next probe is due; `None` before that was settled.
    pub(crate) due: Option<SteadyTime>,
    /// The probe under way.
    pub(crate) sent: Option<Sent>,
    /// A call that failed has expedited the next probe: no other one counts before that has ended.
    pub(crate) expedited: bool,
    /// The number of the last probe.
    pub(crate) number: u64,
}

/// A probe that was sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Sent {
    pub(crate) at: SteadyTime,
    /// It has failed already, for want of an answer in time.
    pub(crate) late: bool,
}

/// The state of a node while the engine runs.
#[derive(Debug)]
pub struct NodeState {
    admin: AtomicU8,
    /// Whether the health is *down*, to be read without a lock.
    down: AtomicBool,
    probing: Mutex<Probing>,
    forwards: AtomicU64,
    failures: AtomicU64,
}

impl Default for NodeState {
    fn default() -> Self {
        Self {
            admin: AtomicU8::new(AdminState::Enabled as u8),
            down: AtomicBool::new(false),
            probing: Mutex::new(Probing {
                health: Health::new(SteadyTime(0)),
                due: None,
                sent: None,
                expedited: false,
                number: 0,
            }),
            forwards: AtomicU64::new(0),
            failures: AtomicU64::new(0),
        }
    }
}

impl NodeState {
    /// The admin state of the node.
    #[must_use]
    pub fn admin(&self) -> AdminState {
        AdminState::ALL[usize::from(self.admin.load(Relaxed)) % AdminState::ALL.len()]
    }

    pub(crate) fn set_admin(&self, admin: AdminState) {
        self.admin.store(admin as u8, Relaxed);
    }

    /// The reason why nothing can be sent there; `None` where something can.
    #[must_use]
    pub fn unreachable(&self) -> Option<Unreachable> {
        match self.admin() {
            AdminState::Disabled => Some(Unreachable::Disabled),
            _ => self.down.load(Relaxed).then_some(Unreachable::Down),
        }
    }

    /// Something new can be placed there.
    #[must_use]
    pub fn is_open(&self) -> bool {
        self.admin() == AdminState::Enabled && !self.down.load(Relaxed)
    }

    /// The node's health.
    #[must_use]
    pub fn health(&self) -> Health {
        self.lock().health
    }

    /// Changes the health, and all that follows from it.
    pub(crate) fn observe<R>(&self, change: impl FnOnce(&mut Probing) -> R) -> R {
        let mut probing = self.lock();
        let result = change(&mut probing);
        self.down
            .store(probing.health.state() == State::Down, Relaxed);
        result
    }

    fn lock(&self) -> MutexGuard<'_, Probing> {
        unpoisoned(self.probing.lock())
    }

    pub(crate) fn count_forward(&self) {
        self.forwards.fetch_add(1, Relaxed);
    }

    pub(crate) fn count_failure(&self) {
        self.failures.fetch_add(1, Relaxed);
    }

    /// The number of calls and messages that were sent there.
    #[must_use]
    pub fn forwards(&self) -> u64 {
        self.forwards.load(Relaxed)
    }

    /// The number of those that got no answer at all.
    #[must_use]
    pub fn failures(&self) -> u64 {
        self.failures.load(Relaxed)
    }
}
