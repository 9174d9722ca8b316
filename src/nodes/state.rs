// SPDX-License-Identifier: GPL-2.0-or-later

//! The state of a node while the engine runs: its health, its admin state, its counts.

use std::fmt::{self, Display};
use std::mem;
use std::sync::atomic::{AtomicBool, AtomicU8, AtomicU64, Ordering::Relaxed};
use std::sync::{Mutex, MutexGuard};

use crate::failure::unpoisoned;
use crate::nodes::admin::AdminState;
use crate::nodes::backup::Told;
use crate::nodes::health::{Cause, Health, State, Transition};
use crate::time::{SECOND, SteadyTime};

/// The reason why nothing can be sent to a node.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum Unreachable {
    /// It doesn't answer.
    Down = 1,
    /// An operator has disabled it.
    Disabled = 2,
}

impl Display for Unreachable {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Down => "down",
            Self::Disabled => "disabled",
        })
    }
}

/// The number for a node that this node has taken over, beside those of [`Unreachable`].
const TAKEN: u8 = 3;

/// The reason why calls to a node don't go there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Detour {
    /// Nothing can be sent there.
    Unreachable(Unreachable),
    /// This node has taken it over.
    Taken,
}

/// The most requests to one node that the engine has at a time. It may go on with one for half a minute after that has
/// failed, or wait for the name of its host.
const MOST_REQUESTS: usize = 4;

/// The state of a node's probes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Probing {
    pub(crate) health: Health,
    /// The time when the next probe is due; `None` before that was settled.
    pub(crate) due: Option<SteadyTime>,
    /// The probe whose answer counts.
    pub(crate) sent: Option<Sent>,
    /// A call that failed has expedited the next probe: no other one counts before that has ended.
    pub(crate) expedited: bool,
    /// It was due at once, with others perhaps: the one after it takes this node's own place in the interval.
    pub(crate) renewed: bool,
    /// The numbers of the requests that the engine has not ended, 0 for none.
    requests: [u64; MOST_REQUESTS],
}

/// A probe that was sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Sent {
    pub(crate) at: SteadyTime,
    /// The number of its request; 0 where the engine has not ended enough of the earlier ones.
    pub(crate) number: u64,
}

impl Probing {
    /// Begins a probe, with a request of this number; `false` where there is no room for a request, so that the probe
    /// can only fail.
    pub(crate) fn send(&mut self, number: u64, now: SteadyTime) -> bool {
        let free = self.requests.iter_mut().find(|request| **request == 0);
        let is_sent = free.map(|request| *request = number).is_some();
        let number = if is_sent { number } else { 0 };
        self.sent = Some(Sent { at: now, number });
        is_sent
    }

    /// Ends a request, and gives its probe; `None` where that has ended before.
    pub(crate) fn end(&mut self, number: u64) -> Option<Sent> {
        let request = self.requests.iter_mut().find(|it| **it == number)?;
        *request = 0;
        let sent = self.sent.take_if(|sent| sent.number == number)?;
        self.expedited = false;
        Some(sent)
    }

    /// Ends the probe under way if that has taken too long, whatever the engine's request does.
    pub(crate) fn give_up(&mut self, is_late: impl FnOnce(&Sent) -> bool) -> bool {
        let is_late = self.sent.as_ref().is_some_and(is_late);
        if is_late {
            self.sent = None;
            self.expedited = false;
        }
        is_late
    }

    /// Forgets what is known: the node is probed anew at once, and no earlier answer counts any more.
    pub(crate) fn renew(&mut self, cause: Cause, now: SteadyTime) -> Option<Transition> {
        self.sent = None;
        self.expedited = false;
        self.due = Some(now);
        self.renewed = true;
        self.health.forget(cause, now)
    }
}

/// The state of a node while the engine runs.
#[derive(Debug)]
pub struct NodeState {
    admin: AtomicU8,
    /// This node has taken it over.
    taken: AtomicBool,
    /// The reason why calls don't go there, to be read without a lock: an [`Unreachable`], [`TAKEN`], or 0.
    detour: AtomicU8,
    /// Something new can be placed there, by the two before. Each placement asks all nodes.
    is_open: AtomicBool,
    probing: Mutex<Probing>,
    forwards: AtomicU64,
    failures: AtomicU64,
    /// The resources and the channels that it has, [`UNKNOWN`] where nobody knows.
    rooms: AtomicU64,
    channels: AtomicU64,
    /// The time when it was full last, while that is the last thing that was said; otherwise 0.
    was_full: AtomicU64,
    told: Mutex<Told>,
}

/// A figure that isn't known.
const UNKNOWN: u64 = u64::MAX;

impl Default for NodeState {
    fn default() -> Self {
        Self {
            admin: AtomicU8::new(AdminState::Enabled as u8),
            taken: AtomicBool::new(false),
            detour: AtomicU8::new(0),
            is_open: AtomicBool::new(true),
            probing: Mutex::new(Probing {
                health: Health::new(SteadyTime(0)),
                due: None,
                sent: None,
                expedited: false,
                renewed: false,
                requests: [0; MOST_REQUESTS],
            }),
            forwards: AtomicU64::new(0),
            failures: AtomicU64::new(0),
            rooms: AtomicU64::new(UNKNOWN),
            channels: AtomicU64::new(UNKNOWN),
            was_full: AtomicU64::new(0),
            told: Mutex::default(),
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
        let probing = self.lock();
        self.admin.store(admin as u8, Relaxed);
        self.follow(&probing);
    }

    /// Opens it to calls and new resources, or closes it, by its health and its admin state.
    fn follow(&self, probing: &Probing) {
        let is_well = !matches!(probing.health.state(), State::Down | State::Busy);
        let is_open = is_well && self.admin() == AdminState::Enabled;
        self.is_open.store(is_open, Relaxed);
        let detour = match (self.admin(), probing.health.state()) {
            _ if self.is_taken() => TAKEN,
            (AdminState::Disabled, _) => Unreachable::Disabled as u8,
            (_, State::Down) => Unreachable::Down as u8,
            _ => 0,
        };
        self.detour.store(detour, Relaxed);
    }

    /// The reason why nothing can be sent there; `None` where something can.
    #[must_use]
    pub fn unreachable(&self) -> Option<Unreachable> {
        match self.detour()? {
            Detour::Unreachable(why) => Some(why),
            Detour::Taken => None,
        }
    }

    /// The reason why calls don't go there; `None` where they do.
    #[inline]
    pub(crate) fn detour(&self) -> Option<Detour> {
        const DOWN: u8 = Unreachable::Down as u8;
        const DISABLED: u8 = Unreachable::Disabled as u8;
        match self.detour.load(Relaxed) {
            0 => None,
            DOWN => Some(Detour::Unreachable(Unreachable::Down)),
            DISABLED => Some(Detour::Unreachable(Unreachable::Disabled)),
            _ => Some(Detour::Taken),
        }
    }

    /// Whether this node has taken it over.
    #[must_use]
    pub fn is_taken(&self) -> bool {
        self.taken.load(Relaxed)
    }

    pub(crate) fn set_taken(&self, is_taken: bool) {
        let probing = self.lock();
        self.taken.store(is_taken, Relaxed);
        self.follow(&probing);
    }

    /// Something new can be placed there.
    #[must_use]
    pub fn is_open(&self) -> bool {
        self.is_open.load(Relaxed)
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
        self.follow(&probing);
        result
    }

    fn lock(&self) -> MutexGuard<'_, Probing> {
        unpoisoned(self.probing.lock())
    }

    /// Notes what is told of its backups; what was told before, where that is something else.
    pub(super) fn told(&self, now: &Told) -> Option<Told> {
        let mut told = unpoisoned(self.told.lock());
        (*told != *now).then(|| mem::replace(&mut *told, now.clone()))
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

    /// The resources that it has, with those that this node has placed there since; `None` where nobody knows.
    #[must_use]
    pub fn rooms(&self) -> Option<u64> {
        Some(self.rooms.load(Relaxed)).filter(|rooms| *rooms != UNKNOWN)
    }

    /// The channels of its engine; `None` where nobody knows.
    #[must_use]
    pub fn channels(&self) -> Option<u64> {
        Some(self.channels.load(Relaxed)).filter(|channels| *channels != UNKNOWN)
    }

    /// Takes its figures, as far as they are known.
    pub(crate) fn take_figures(&self, rooms: Option<u64>, channels: Option<u64>) {
        self.rooms.store(rooms.unwrap_or(UNKNOWN), Relaxed);
        self.channels.store(channels.unwrap_or(UNKNOWN), Relaxed);
    }

    /// One resource more was placed there.
    pub(crate) fn add_room(&self) {
        let add = |rooms: u64| (rooms < UNKNOWN - 1).then(|| rooms + 1);
        // Where nobody knows how many there are, one more is no news.
        let _ = self.rooms.fetch_update(Relaxed, Relaxed, add);
    }

    /// Notes whether it is full; gives whether that is worth a line of the log. Figures that waver make one such change in a
    /// minute.
    pub(crate) fn observe_full(&self, is_full: bool, now: SteadyTime) -> bool {
        let before = self.was_full.load(Relaxed);
        if is_full {
            self.was_full.store(now.0.max(1), Relaxed);
            return before == 0;
        }
        let is_over = before > 0 && now.since(SteadyTime(before)) >= 60 * SECOND;
        if is_over {
            self.was_full.store(0, Relaxed);
        }
        is_over
    }
}
