// SPDX-License-Identifier: GPL-2.0-or-later

//! The addresses of hosts that have names: what is known of them, and what is to be looked up.
//!
//! The core looks nothing up. It keeps a list of names that wait, of which the host takes the [next](Lookups::next)
//! one on a thread of its own, and comes back with the [answer](Lookups::answered). Anybody can have a name looked up
//! that a template makes of a node name. So the names of others than the operator's nodes are bounded in each way:
//! how many are remembered, wait, are looked up at a time and in a second, and how many messages wait for one.
//! They can't drive out names by which a sender was trusted.

use std::collections::{BTreeMap, VecDeque};
use std::net::IpAddr;
use std::sync::{Mutex, MutexGuard};

use crate::failure::unpoisoned;
use crate::time::{SECOND, SteadyTime, WallTime};

/// The longest time that a message waits for a name, in milliseconds.
pub const WAIT: u32 = 2000;

/// The most names that are looked up at a time, each on a thread of the host's.
pub const MOST_LOOKUPS: usize = 8;

/// The most of these that are nobody's yet.
const MOST_STRANGE_LOOKUPS: usize = 4;

/// The most names that are nobody's yet and wait to be looked up, begin to wait in a second, and are remembered.
const MOST_STRANGE_QUEUED: usize = 16;
const MOST_STRANGE_A_SECOND: u32 = 20;
const MOST_STRANGE: usize = 256;

/// The most names by which a sender was trusted, beside those of the sections.
const MOST_PROVEN: usize = 1024;

/// The most messages that wait for one name.
const MOST_WAITING: u8 = 8;

/// The most addresses of a name that are taken.
const MOST_ADDRESSES: usize = 32;

/// The time after which the name of a node is looked up again, and until which a name that is nobody's yet is
/// remembered, in microseconds.
const REFRESH: u64 = 60 * SECOND;

/// The time after which it may be looked up again because it has no address, or not the sender's.
const RETRY: u64 = 10 * SECOND;

/// The time for which addresses are good although the name can't be looked up.
const STALE: u64 = 3600 * SECOND;

/// The time after which a name is forgotten, if nobody was trusted by it meanwhile.
const IDLE: u64 = 24 * 3600 * SECOND;

/// The answer to a lookup.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Answer {
    /// The name's addresses.
    Found(Vec<IpAddr>),
    /// There is no such name, or it has no address.
    NoName,
    /// Nobody knows: no server has answered.
    Failed,
}

/// The result of a look at a name's addresses.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Checked {
    /// The address is one of them.
    Match,
    /// It is none of them.
    Other,
    /// The name has no address.
    NoAddress,
    /// The name is being looked up; the message may wait for the answer.
    Wait,
    /// The name isn't known yet, and the message may not wait.
    Unknown,
}

/// A change that an operator hears of.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Change {
    /// A node's name has lost its addresses, or has none.
    Lost,
    /// It has addresses for the first time.
    Found(Vec<IpAddr>),
    /// It has other addresses than before, or some again.
    Changed(Vec<IpAddr>),
}

/// The progress of a lookup.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Progress {
    #[default]
    Idle,
    Queued,
    /// A thread of the host's is at it.
    Started,
}

/// The owner of a name.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Owner {
    /// Nobody, as far as is known: a sender made it up, or a node's first call came just now.
    #[default]
    Nobody,
    /// A node whose call was trusted.
    Proven,
    /// A node that has a section.
    Section,
}

/// The facts of a name.
#[derive(Debug, Default)]
struct Entry {
    owner: Owner,
    addresses: Box<[IpAddr]>,
    progress: Progress,
    /// The lookup was taken for a stranger's when it was started.
    was_strange: bool,
    /// The time when the first message waited for this lookup.
    asked: WallTime,
    /// The number of messages that wait for this lookup.
    waiting: u8,
    /// The time of the last answer, and of the last one with addresses.
    answered: Option<SteadyTime>,
    found: SteadyTime,
    /// The time when it came, or a sender was last trusted by it.
    used: SteadyTime,
    /// The operator was told that it has no address.
    told: bool,
}

/// The names of hosts.
#[derive(Debug, Default)]
pub(crate) struct Lookups(Mutex<Table>);

#[derive(Debug, Default)]
struct Table {
    names: BTreeMap<Box<str>, Entry>,
    /// Names that wait to be looked up; those that a message waits for are in front.
    queue: VecDeque<Box<str>>,
    /// The number of names that are looked up now, and of those that were taken for a stranger's.
    started: usize,
    strange: usize,
    /// The time of the last tick.
    now: SteadyTime,
    /// A second, and the number of strangers' names that began to wait in it.
    second: (u64, u32),
}

impl Lookups {
    /// Looks whether a host has an address. A name that isn't known is looked up.
    ///
    /// `may_wait` says that the message can wait for that.
    pub(crate) fn check(
        &self,
        name: &str,
        address: IpAddr,
        now: WallTime,
        may_wait: bool,
    ) -> Checked {
        let mut table = self.lock();
        let clock = table.now;
        if let Some(entry) = table.names.get_mut(name) {
            if entry.addresses.contains(&address) {
                entry.used = clock;
                if entry.owner == Owner::Nobody {
                    entry.owner = Owner::Proven;
                    table.make_room(Owner::Proven, MOST_PROVEN);
                }
                return Checked::Match;
            }
            if entry.progress != Progress::Idle {
                return entry.wait(now, may_wait);
            }
            if entry
                .answered
                .is_some_and(|answered| clock.since(answered) < RETRY)
            {
                return entry.mismatch();
            }
        }
        if !table.ask(name, now) {
            return Checked::Unknown;
        }
        let entry = table.names.get_mut(name);
        entry.map_or(Checked::Unknown, |entry| entry.wait(now, may_wait))
    }

    /// Whether an answer is still to come.
    pub(crate) fn is_open(&self, name: &str) -> bool {
        let table = self.lock();
        let entry = table.names.get(name);
        entry.is_some_and(|entry| entry.progress != Progress::Idle)
    }

    /// The next name to be looked up; `None` where none waits, or enough are looked up already.
    pub(crate) fn next(&self) -> Option<Box<str>> {
        let mut table = self.lock();
        let table = &mut *table;
        if table.started >= MOST_LOOKUPS {
            return None;
        }
        let strange = table.strange;
        let is_free = |name: &str| {
            let entry = table.names.get(name);
            entry.is_none_or(|entry| entry.owner != Owner::Nobody || strange < MOST_STRANGE_LOOKUPS)
        };
        let at = table.queue.iter().position(|name| is_free(name))?;
        let name = table.queue.remove(at)?;
        let entry = table.names.get_mut(&name)?;
        entry.progress = Progress::Started;
        entry.was_strange = entry.owner == Owner::Nobody;
        let was_strange = entry.was_strange;
        table.started += 1;
        table.strange += usize::from(was_strange);
        Some(name)
    }

    /// Takes the answer for a name, and gives what an operator hears of it.
    pub(crate) fn answered(&self, name: &str, answer: Answer, now: SteadyTime) -> Option<Change> {
        let mut table = self.lock();
        let table = &mut *table;
        table.now = table.now.max(now);
        let entry = table.names.get_mut(name)?;
        if entry.progress != Progress::Started {
            return None;
        }
        (entry.progress, entry.waiting) = (Progress::Idle, 0);
        entry.answered = Some(now);
        table.started -= 1;
        table.strange -= usize::from(entry.was_strange);
        let before = std::mem::take(&mut entry.addresses);
        match answer {
            Answer::Found(addresses) => {
                let mut addresses: Vec<_> = addresses.iter().map(IpAddr::to_canonical).collect();
                addresses.sort_unstable();
                addresses.dedup();
                addresses.truncate(MOST_ADDRESSES);
                entry.addresses = addresses.into();
                entry.found = now;
            }
            Answer::Failed if now.since(entry.found) < STALE => entry.addresses.clone_from(&before),
            Answer::NoName | Answer::Failed => {}
        }
        if entry.owner == Owner::Nobody {
            return None;
        }
        let is_lost = entry.addresses.is_empty();
        let was_told = std::mem::replace(&mut entry.told, is_lost);
        if is_lost {
            return (!was_told).then_some(Change::Lost);
        }
        let addresses = entry.addresses.to_vec();
        match before.is_empty() {
            true if !was_told => Some(Change::Found(addresses)),
            _ if *before == *addresses => None,
            _ => Some(Change::Changed(addresses)),
        }
    }

    /// Has the names of nodes that have sections looked up, now and from time to time.
    pub(crate) fn watch<'n>(&self, names: impl Iterator<Item = &'n str>) {
        let mut table = self.lock();
        for entry in table.names.values_mut() {
            if entry.owner == Owner::Section {
                entry.owner = Owner::Proven;
            }
        }
        for name in names {
            let now = table.now;
            let entry = table.names.entry(name.into()).or_default();
            entry.owner = Owner::Section;
            entry.used = now;
            if entry.answered.is_none() && entry.progress == Progress::Idle {
                table.enqueue(name, false);
            }
        }
    }

    /// Forgets all names.
    pub(crate) fn clear(&self) {
        *self.lock() = Table::default();
    }

    /// Lets time go on: names are looked up again, or forgotten.
    pub(crate) fn tick(&self, now: SteadyTime) {
        let mut table = self.lock();
        table.now = now;
        if table.names.is_empty() {
            return;
        }
        table.names.retain(|_, entry| {
            let unused = now.since(entry.used);
            entry.progress != Progress::Idle
                || match entry.owner {
                    Owner::Section => true,
                    Owner::Proven => unused < IDLE,
                    Owner::Nobody => unused < REFRESH,
                }
        });
        let due = |entry: &Entry| {
            let after = if entry.addresses.is_empty() {
                RETRY
            } else {
                REFRESH
            };
            let age = entry.answered.map(|answered| now.since(answered));
            entry.owner != Owner::Nobody
                && entry.progress == Progress::Idle
                && age.is_none_or(|age| age >= after)
        };
        let due = table.names.iter().filter(|(_, entry)| due(entry));
        let due: Vec<Box<str>> = due.map(|(name, _)| name.clone()).collect();
        for name in due {
            table.enqueue(&name, false);
        }
    }

    /// The addresses of a name; `None` where it was never looked up to the end.
    pub(crate) fn addresses(&self, name: &str) -> Option<Vec<IpAddr>> {
        let table = self.lock();
        let entry = table.names.get(name)?;
        entry.answered.map(|_| entry.addresses.to_vec())
    }

    fn lock(&self) -> MutexGuard<'_, Table> {
        unpoisoned(self.0.lock())
    }
}

impl Table {
    /// Has a name looked up for a message; `false` where there is no room for one that is nobody's.
    fn ask(&mut self, name: &str, now: WallTime) -> bool {
        let entry = self.names.get(name);
        if entry.is_none_or(|entry| entry.owner == Owner::Nobody) {
            let (second, count) = self.second;
            let count = if second == now.seconds() { count } else { 0 };
            let is_strange = |name: &str| {
                let entry = self.names.get(name);
                entry.is_some_and(|entry| entry.owner == Owner::Nobody)
            };
            if count >= MOST_STRANGE_A_SECOND
                || self.queue.iter().filter(|name| is_strange(name)).count() >= MOST_STRANGE_QUEUED
            {
                return false;
            }
            self.second = (now.seconds(), count + 1);
            if entry.is_none() {
                self.make_room(Owner::Nobody, MOST_STRANGE - 1);
            }
        }
        let clock = self.now;
        let entry = self.names.entry(name.into()).or_default();
        entry.asked = now;
        if entry.owner == Owner::Nobody {
            entry.used = clock;
        }
        self.enqueue(name, true);
        true
    }

    /// Forgets the longest unused names of an owner, until so many are left.
    fn make_room(&mut self, owner: Owner, most: usize) {
        while self.names.values().filter(|it| it.owner == owner).count() > most {
            let idle = self
                .names
                .iter()
                .filter(|(_, entry)| entry.owner == owner && entry.progress == Progress::Idle);
            let oldest = idle.min_by_key(|(_, entry)| entry.used);
            let Some(oldest) = oldest.map(|(name, _)| name.clone()) else {
                return;
            };
            self.names.remove(&oldest);
        }
    }

    fn enqueue(&mut self, name: &str, is_urgent: bool) {
        let Some(entry) = self.names.get_mut(name) else {
            return;
        };
        (entry.progress, entry.waiting) = (Progress::Queued, 0);
        if !is_urgent {
            entry.asked = WallTime::default();
        }
        if is_urgent && entry.owner != Owner::Nobody {
            self.queue.push_front(name.into());
        } else {
            self.queue.push_back(name.into());
        }
    }
}

impl Entry {
    /// Lets a message wait for the answer, if it came early enough, and not too many do.
    fn wait(&mut self, now: WallTime, may_wait: bool) -> Checked {
        let age = now.0.saturating_sub(self.asked.0);
        if self.asked == WallTime::default() {
            // The first message that waits for a lookup which time has brought about.
            self.asked = now;
        } else if age >= u64::from(WAIT) * 1000 {
            return Checked::Unknown;
        }
        if !may_wait || self.waiting >= MOST_WAITING {
            return Checked::Unknown;
        }
        self.waiting += 1;
        Checked::Wait
    }

    /// The result where the sender's address isn't among those that are known.
    fn mismatch(&self) -> Checked {
        if self.addresses.is_empty() {
            Checked::NoAddress
        } else {
            Checked::Other
        }
    }
}

#[cfg(test)]
mod tests;
