// SPDX-License-Identifier: GPL-2.0-or-later

//! Membership: the list of nodes that the nodes of a cluster share in a database.
//!
//! Each node writes its own definition, and asks again and again for what is newer than it knows: each change of
//! a row has a generation number of its own, so this costs one look into an index. A definition becomes what a
//! section of a file is, and is checked as one. What operators want of a node, a drain or the end of its
//! membership, stands in its row, too, so that it is said once.
//!
//! No query is waited for. [`Membership::tick`] names the next one, [`Membership::answered`] takes its rows. While
//! the database doesn't answer the last known list stays in force.

mod definition;
mod drift;
mod load;

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::io::Write as _;
use std::mem;
use std::sync::{Mutex, MutexGuard};

use crate::event::Level;
use crate::failure::unpoisoned;
use crate::nodes::admin::AdminState;
use crate::nodes::{Node, Nodes, Unreachable};
use crate::placement::claim::{DatabaseState, DbError};
use crate::settings::{Entry, Members};
use crate::task::{DbQuery, Query, Task, Tasks};
use crate::text::Escaped;
use crate::time::{SECOND, SteadyTime, WallTime};
use definition::{Definition, KEYS, Row, coded, decoded, literal};

pub use definition::{Intent, RowError};
pub use load::{COUNT, beat_interval, count_interval, oldest, read_interval};
pub(crate) use load::{Load, Loads, MOST_ROOMS, read as read_loads, sums, take as take_loads};

/// The time for which a node that has claimed something reads the loads of all nodes.
const PLACES: u64 = 3600 * SECOND;
/// The most seconds by which a heartbeat may be late.
const MOST_LATE: u64 = 3;
/// The most nodes that a heartbeat says are down. A node that finds more down is cut off itself.
const MOST_DOWN: usize = 64;
/// The time after which the whole list is read again, so that rows that somebody has deleted, and a database that was
/// restored, are noticed.
const WHOLE: u64 = 3600 * SECOND;
/// The least time between two definitions that a node writes of itself: nodes of one name would not stop.
const REWRITE: u64 = 30 * SECOND;
/// The slack of a tick. Ticks come once a second, but not to the microsecond: one that comes so much too early is on time.
/// Else a list that is due every second would be read every other second.
const EARLY: u64 = SECOND / 2;
/// The milliseconds after which a query without an answer counts as a failure.
pub(crate) const PATIENCE: u32 = 10_000;
/// The milliseconds that an operator's command waits for the database.
const COMMAND_PATIENCE: u32 = 1000;

/// The columns of a heartbeat, but for the node's name.
const COLUMNS: &str = "seen, expires, down, channels, rooms, registrations";

/// The first line of the list that is kept, and its last one.
const HEAD: &[u8] = b"; The nodes of the cluster, as the database last had them\n";
const TAIL: &[u8] = b"; end\n";
/// The start of a line of what was said, and isn't in the database yet.
const SAID: &str = "said|";

/// An entry of a file that is kept.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct OwnedEntry {
    pub(crate) section: Box<[u8]>,
    pub(crate) key: Box<[u8]>,
    pub(crate) value: Box<[u8]>,
}

impl OwnedEntry {
    pub(crate) fn new(section: &[u8], key: &[u8], value: &[u8]) -> Self {
        Self {
            section: section.into(),
            key: key.into(),
            value: value.into(),
        }
    }

    pub(crate) fn entry(&self) -> Entry<'_> {
        Entry {
            section: &self.section,
            key: &self.key,
            value: &self.value,
        }
    }
}

/// The queries of membership, in the order in which they are due.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Step {
    /// Reads what is newer than is known, or the whole list.
    Poll { whole: bool },
    /// Writes what an operator wants of a node.
    Say(Box<[u8]>, Intent),
    /// Writes this node's own definition.
    Join,
    /// Writes this node's heartbeat, in which these nodes are down, with a new count of its claims if that is due.
    Beat { down: String, counts: bool },
    /// Reads the heartbeats of the nodes that this one has taken over.
    Listen,
    /// Reads the loads of all nodes.
    Loads,
}

impl Step {
    fn is_write(&self) -> bool {
        matches!(self, Self::Say(..) | Self::Join | Self::Beat { .. })
    }
}

/// What the rows of a query change for the rest of the node.
#[derive(Debug, Default)]
pub(crate) struct Changes {
    /// The list has changed.
    pub(crate) list: bool,
    /// What operators want of nodes, as other nodes were told.
    pub(crate) admin: Vec<(Box<[u8]>, AdminState)>,
    /// The loads of all nodes, if they were read.
    pub(crate) loads: Option<Loads>,
    /// What is to be [kept](Membership::write) has changed otherwise.
    pub(crate) kept: bool,
}

/// A node as the list in the database has it, compared with this node and its file.
#[derive(Debug)]
pub(crate) struct Listed {
    /// The version of its module, for people.
    pub(crate) version: String,
    /// The settings in which it differs from this node.
    pub(crate) drift: Vec<&'static str>,
    /// The keys of its section in this node's file that win over those of the list.
    pub(crate) overruled: Vec<&'static str>,
}

/// The values of the [keys](KEYS) of a node's section.
type Values = [Box<[u8]>; KEYS.len()];

/// The section of this node in its own file.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum OwnSection {
    /// There is none: the node's row says what it would say.
    #[default]
    Absent,
    /// There is one, and the row says the same.
    There,
    /// There was one, whose values the row may still have.
    Gone,
}

/// This node's heartbeat.
#[derive(Debug, Default)]
struct Heartbeat {
    /// The time when the next one is due.
    due: SteadyTime,
    /// The time of the last one.
    last: SteadyTime,
    /// The time when the channels are to be counted.
    count_due: SteadyTime,
    /// The time when the claims are to be counted.
    rooms_due: SteadyTime,
    /// This node's load, as far as it is known.
    load: Load,
    /// The nodes that are down for this node, each between two bars, and what the last heartbeat said of them.
    down: String,
    said_down: String,
}

/// How this node reads the loads of all nodes.
#[derive(Debug, Default)]
struct LoadReading {
    /// It does until then, because it places resources.
    wanted_until: SteadyTime,
    /// The time when it does so next.
    due: SteadyTime,
    /// The time until which the last ones are good; `None` where there are none.
    good_until: Option<SteadyTime>,
    /// The last time it could not.
    has_failed: bool,
}

/// A node's knowledge of the others, and its talk with the database.
#[derive(Debug, Default)]
struct Known {
    config: Members,
    /// This node's own definition: by its file, or by its row where its file has no section for it.
    own: Option<Definition>,
    /// The values of its row when it ran before.
    own_before: Values,
    own_section: OwnSection,
    /// The sections of nodes in this node's file.
    sections: BTreeMap<Box<[u8]>, Values>,
    /// All others.
    others: BTreeMap<Box<[u8]>, Definition>,
    /// Settings in which a node differs from this one.
    drift: BTreeMap<Box<[u8]>, Vec<&'static str>>,
    /// Keys of a node's section in this node's file that win over those of the list.
    overruled: BTreeMap<Box<[u8]>, Vec<&'static str>>,
    /// What was said here, and isn't in the database yet.
    said: BTreeMap<Box<[u8]>, Intent>,
    generation: u64,
    /// The state of the database, by the last look at the list; `None` without one.
    database: Option<DatabaseState>,
    /// The query under way, and since when.
    asked: Option<(u64, Step, SteadyTime)>,
    /// The number of the last query.
    number: u64,
    poll_due: SteadyTime,
    whole_due: SteadyTime,
    join_due: SteadyTime,
    /// The time from which it may be written to: after a failure it is left alone for a while.
    write_due: SteadyTime,
    /// The last write failed.
    unwritten: bool,
    /// The database has this node's definition.
    joined: bool,
    /// This process has written it.
    has_joined: bool,
    /// The time until which another engine under this node's name is no news.
    doubled: SteadyTime,
    /// The name that this node had when it ran before, if it had another one.
    former: Box<[u8]>,
    heartbeat: Heartbeat,
    loads: LoadReading,
    /// The nodes that this one has taken over, and the last heartbeats of them that it has read.
    taken: Vec<Box<[u8]>>,
    beats: BTreeMap<Box<[u8]>, u64>,
    listen_due: SteadyTime,
    /// The time until which it is no news that one of them lives.
    alive: SteadyTime,
    /// The time of the last answer, on both clocks.
    answered: (SteadyTime, WallTime),
}

/// The membership of a node, by default in no cluster.
#[derive(Debug, Default)]
pub(crate) struct Membership(Mutex<Known>);

impl Membership {
    fn known(&self) -> MutexGuard<'_, Known> {
        unpoisoned(self.0.lock())
    }

    /// Takes a file that is in force from now on.
    pub(crate) fn configure(
        &self,
        (node, process): (&[u8], u64),
        config: &Members,
        file: &[OwnedEntry],
        tasks: &Tasks,
    ) {
        let mut known = self.known();
        let is_other = known.config.account != config.account;
        known.config = config.clone();
        if is_other {
            // They are of another cluster.
            known.loads.good_until = known.loads.good_until.map(|_| SteadyTime(0));
        }
        if config.account.is_empty() {
            let loads = mem::take(&mut known.loads);
            // No late answer is taken for that of another query.
            let number = known.number;
            *known = Known {
                number,
                loads,
                ..Known::default()
            };
            return;
        }
        known.take_former(node, tasks);
        if is_other {
            known.database = Some(DatabaseState::Unknown);
            known.generation = 0;
            known.whole_due = SteadyTime(0);
            known.poll_due = SteadyTime(0);
            known.asked = None;
            known.joined = false;
        }
        known.sections = sections(file.iter().map(OwnedEntry::entry));
        let section = known.sections.get(node).cloned();
        known.own_section = match (&section, known.own_section) {
            (Some(_), _) => OwnSection::There,
            (None, OwnSection::Absent) => OwnSection::Absent,
            (None, _) => OwnSection::Gone,
        };
        let values = match (section, &known.own) {
            (Some(values), _) => values,
            (None, _) if known.own_section == OwnSection::Gone => Values::default(),
            (None, Some(own)) => own.values.clone(),
            (None, None) => mem::take(&mut known.own_before),
        };
        let definition = Definition {
            name: node.into(),
            intent: Intent::Member(AdminState::Enabled),
            values,
            version: env!("CARGO_PKG_VERSION").as_bytes().into(),
            settings: drift::fingerprints(&file.iter().map(OwnedEntry::entry).collect::<Vec<_>>())
                .into_bytes()
                .into(),
            process: format!("{process:016x}").into_bytes().into(),
            former: known.former.clone(),
        };
        let is_new = known
            .own
            .as_ref()
            .is_none_or(|own| !own.agrees(&definition));
        if is_new {
            known.own = Some(definition);
            known.joined = false;
            known.join_due = SteadyTime(0);
        }
        for other in known.others.clone().values() {
            known.compare(other, tasks);
        }
    }

    /// The sections of the nodes that the database has, in the order of their names: all nodes show them alike.
    pub(crate) fn sections(&self) -> Vec<(Box<[u8]>, Vec<OwnedEntry>)> {
        let known = self.known();
        let others = known.others.values();
        let has_section = known.own_section == OwnSection::There;
        let own = known.own.iter().filter(|_| !has_section);
        let sections = own.chain(others);
        let mut sections: Vec<_> = sections
            .map(|one| (one.name.clone(), one.entries()))
            .collect();
        sections.sort_unstable_by(|(one, _), (other, _)| one.cmp(other));
        sections
    }

    /// The state of the database; `None` without one.
    pub(crate) fn database(&self) -> Option<DatabaseState> {
        self.known().database
    }

    /// Another engine has this node's name, or had it in the last two minutes.
    pub(crate) fn is_name_taken(&self, now: SteadyTime) -> bool {
        now < self.known().doubled
    }

    /// A node as the database has it; `None` where it has no such node.
    pub(crate) fn of(&self, node: &[u8]) -> Option<Listed> {
        let known = self.known();
        let own = known.own.as_ref().filter(|own| *own.name == *node);
        let definition = known.others.get(node).or(own)?;
        let of = |map: &BTreeMap<_, Vec<_>>| map.get(node).cloned().unwrap_or_default();
        Some(Listed {
            version: Escaped(&definition.version).to_string(),
            drift: of(&known.drift),
            overruled: of(&known.overruled),
        })
    }

    /// The differences between a file and what the cluster has, in lines for people.
    pub(crate) fn check(&self, file: &[Entry]) -> Vec<String> {
        let known = self.known();
        let settings = drift::fingerprints(file);
        let sections = sections(file.iter().copied());
        let mut lines = Vec::new();
        for (name, other) in &known.others {
            let drift = drift::differences(settings.as_bytes(), &other.settings);
            if !drift.is_empty() {
                let (name, drift) = (Escaped(name), drift.join(", "));
                lines.push(format!(
                    "Node '{name}' has other settings than this file: {drift}"
                ));
            }
            let overruled = overruled(sections.get(name), other);
            if !overruled.is_empty() {
                lines.push(overruled_line(name, &overruled));
            }
        }
        lines
    }

    /// Whether the database has a node, other than this one.
    pub(crate) fn has(&self, node: &[u8]) -> bool {
        self.known().others.contains_key(node)
    }

    /// Keeps what an operator wants of a node until the database has it.
    pub(crate) fn say(&self, node: &[u8], intent: Intent) {
        let mut known = self.known();
        if known.config.account.is_empty() {
            return;
        }
        known.said.insert(node.into(), intent);
    }

    /// Takes the count of the engine's channels.
    pub(crate) fn counted(&self, channels: u64) {
        let mut known = self.known();
        if !known.config.account.is_empty() {
            known.heartbeat.load.channels = Some(channels);
        }
    }

    /// This node's load, as far as it is known.
    pub(crate) fn own_load(&self) -> Load {
        self.known().heartbeat.load
    }

    /// The query for the [loads](read_loads) of all nodes; `None` where no database would answer it.
    pub(crate) fn load_query(&self) -> Option<DbQuery> {
        let known = self.known();
        (known.database == Some(DatabaseState::Up)).then(|| DbQuery {
            account: known.config.account.clone(),
            text: load::QUERY.into(),
            timeout: COMMAND_PATIENCE,
        })
    }

    /// Whether the loads that were read are too old from now on.
    pub(crate) fn loads_end(&self, now: SteadyTime) -> bool {
        let mut known = self.known();
        known
            .loads
            .good_until
            .take_if(|until| now >= *until)
            .is_some()
    }

    /// This node places resources, so it reads the loads of all nodes for a while.
    pub(crate) fn want_loads(&self, now: SteadyTime) {
        self.known().loads.wanted_until = now.after(PLACES);
    }

    /// Adds the next query, if one is due. The node has so many registrations.
    ///
    /// `taken` are the nodes that this one has taken over.
    pub(crate) fn tick(
        &self,
        nodes: &Nodes,
        registrations: u64,
        taken: Vec<Box<[u8]>>,
        now: SteadyTime,
        tasks: &Tasks,
    ) {
        let mut known = self.known();
        if known.config.account.is_empty() {
            return;
        }
        let beat = known.beat();
        known.beats.retain(|node, _| taken.contains(node));
        known.taken = taken;
        let heartbeat = &mut known.heartbeat;
        heartbeat.load.registrations = Some(registrations);
        if now >= heartbeat.count_due {
            heartbeat.count_due = now.after(beat);
            tasks.add(Task::CountChannels);
        }
        heartbeat.down = down(nodes);
        if heartbeat.down != heartbeat.said_down {
            // The others are told at once, but nobody writes all the time.
            heartbeat.due = heartbeat.due.min(heartbeat.last.after(SECOND));
        }
        if let Some((_, _, since)) = known.asked {
            if now.since(since) >= u64::from(PATIENCE) * 1000 {
                known.lost(&DbError::TimedOut(PATIENCE), tasks);
            }
            return;
        }
        let Some(step) = known.next(now) else {
            return;
        };
        let own = known.own.as_ref().and_then(|own| nodes.find(&own.name));
        let admin = own.map_or(AdminState::Enabled, |own| own.state.admin());
        let query = known.query(&step, admin, now);
        known.number += 1;
        let number = known.number;
        known.asked = Some((number, step, now));
        tasks.add(Task::Query(Query {
            number,
            account: known.config.account.clone(),
            query: query.into_bytes().into(),
        }));
    }

    /// Takes the rows of a query, or the reason why there are none.
    pub(crate) fn answered(
        &self,
        number: u64,
        rows: Result<&[&[u8]], DbError>,
        (now, wall): (SteadyTime, WallTime),
        tasks: &Tasks,
    ) -> Changes {
        let mut changes = Changes::default();
        let mut known = self.known();
        let known = &mut *known;
        let Some((_, step, asked)) = known.asked.take_if(|(own, ..)| *own == number) else {
            return changes;
        };
        known.answered = (now, wall);
        let poll = u64::from(known.config.poll) * SECOND;
        let rows = match rows {
            Ok(rows) => rows,
            Err(error) => {
                if step.is_write() {
                    known.failed_to_write(&error, tasks);
                    known.write_due = now.after(poll);
                } else if step == Step::Loads {
                    known.loads_lost(&error, tasks);
                    known.loads.due = now.after(read_interval(known.count()));
                } else {
                    known.lost(&error, tasks);
                    known.poll_due = now.after(poll);
                }
                return changes;
            }
        };
        if step.is_write() {
            known.wrote(tasks);
        }
        if known.database == Some(DatabaseState::Down) {
            let account = Escaped(&known.config.account);
            let line = format!("The list of nodes in database account '{account}' is read again");
            tasks.log(Level::Note, line);
        }
        known.database = Some(DatabaseState::Up);
        match step {
            Step::Poll { whole } => {
                // The time of the answer is no part of the interval.
                known.poll_due = asked.after(poll);
                if whole {
                    known.whole_due = now.after(WHOLE);
                }
                known.read(rows, whole, &mut changes, now, tasks);
            }
            Step::Say(node, intent) => {
                // It may have been said otherwise meanwhile.
                if known.said.get(&node) == Some(&intent) {
                    known.said.remove(&node);
                    changes.kept = true;
                }
            }
            Step::Join => {
                known.joined = true;
                known.has_joined = true;
                known.join_due = now.after(REWRITE);
            }
            Step::Beat { down, counts } => {
                known.heartbeat.last = now;
                known.heartbeat.due = now.after(known.beat());
                known.heartbeat.said_down = down;
                if counts {
                    let rooms = rows.last().copied().and_then(load::number);
                    known.heartbeat.load.rooms = rooms;
                    let wait = count_interval(known.count(), rooms.unwrap_or(0));
                    known.heartbeat.rooms_due = now.after(wait);
                }
            }
            Step::Loads => {
                let wait = read_interval(known.count());
                known.loads.due = asked.after(wait);
                known.loads.good_until = Some(now.after(3 * wait + u64::from(PATIENCE) * 1000));
                if mem::take(&mut known.loads.has_failed) {
                    let account = Escaped(&known.config.account);
                    let line = format!(
                        "The loads of nodes in database account '{account}' are read again"
                    );
                    tasks.log(Level::Note, line);
                }
                changes.loads = Some(load::read(rows));
            }
            Step::Listen => {
                known.listen_due = now.after(known.beat());
                known.listen(rows, now, tasks);
            }
        }
        changes
    }

    /// The list, to be kept, with what was said here and isn't in the database yet; empty where there is neither.
    pub(crate) fn write(&self) -> Vec<u8> {
        let known = self.known();
        let is_any = !known.others.is_empty() || !known.said.is_empty();
        let Some(own) = known.own.as_ref().filter(|_| is_any) else {
            return Vec::new();
        };
        let mut text = HEAD.to_vec();
        text.extend_from_slice(own.write().as_bytes());
        text.push(b'\n');
        for definition in known.others.values() {
            text.extend_from_slice(definition.write().as_bytes());
            text.push(b'\n');
        }
        for (node, intent) in &known.said {
            let _ = writeln!(text, "{SAID}{}|{}", coded(node), intent.text());
        }
        text.extend_from_slice(TAIL);
        text
    }

    /// Splits a text that was kept before the [list](Self::write).
    pub(crate) fn split(text: &[u8]) -> (&[u8], &[u8]) {
        let at = text.windows(HEAD.len()).position(|part| part == HEAD);
        text.split_at(at.unwrap_or(text.len()))
    }

    /// Takes the list that was kept, until the database has answered. This node is the first of it, under the name that
    /// it had.
    pub(crate) fn restore(&self, text: &[u8], node: &[u8]) {
        let lines = text
            .strip_prefix(HEAD)
            .and_then(|rest| rest.strip_suffix(TAIL));
        let rows = lines
            .into_iter()
            .flat_map(|lines| lines.split(|&byte| byte == b'\n'));
        let mut known = self.known();
        for row in rows {
            if let Some((said, intent)) = said(row) {
                known.said.insert(said, intent);
                continue;
            }
            let Ok(definition) = Row::read(row).definition else {
                continue;
            };
            if known.former.is_empty() {
                known.former.clone_from(&definition.name);
            }
            if *definition.name == *node {
                known.own_before = definition.values;
            } else {
                known.others.insert(definition.name.clone(), definition);
            }
        }
    }
}

/// The node and the intent of a line that is kept, where it is one of what was [said](Membership::say).
fn said(line: &[u8]) -> Option<(Box<[u8]>, Intent)> {
    let mut columns = line
        .strip_prefix(SAID.as_bytes())?
        .split(|&byte| byte == b'|');
    let (node, intent) = (columns.next()?, columns.next()?);
    Some((decoded(node), Intent::read(intent)?))
}

/// The nodes that are down, as a heartbeat says it; none where there are too many.
fn down(nodes: &Nodes) -> String {
    let is_down = |node: &&Node| node.state.unreachable() == Some(Unreachable::Down);
    let down: Vec<_> = nodes.iter().filter(is_down).take(MOST_DOWN + 1).collect();
    if down.len() > MOST_DOWN {
        return String::new();
    }
    let names = down.iter().map(|node| format!("|{}|", coded(&node.name)));
    names.collect()
}

/// The sections of nodes in a file, by their names.
fn sections<'e>(file: impl Iterator<Item = Entry<'e>>) -> BTreeMap<Box<[u8]>, Values> {
    let mut sections: BTreeMap<Box<[u8]>, Values> = BTreeMap::new();
    for entry in file {
        let Some(name) = entry.section.strip_prefix(b"node ") else {
            continue;
        };
        let values = sections.entry(name.trim_ascii().into()).or_default();
        if let Some(at) = KEYS.iter().position(|key| key.as_bytes() == entry.key) {
            values[at] = entry.value.into();
        }
    }
    sections
}

/// The keys of a node's section that say something else than the list.
fn overruled(section: Option<&Values>, listed: &Definition) -> Vec<&'static str> {
    let Some(section) = section else {
        return Vec::new();
    };
    let pairs = section.iter().zip(&listed.values).zip(KEYS);
    let differ = pairs.filter(|((own, listed), _)| own != listed);
    differ.map(|(_, key)| key).collect()
}

fn overruled_line(name: &[u8], keys: &[&str]) -> String {
    format!(
        "Section [node {}] in this file wins over the list in the database, which has another {}",
        Escaped(name),
        keys.join(", ")
    )
}

impl Known {
    /// Takes the name that this node had when it ran before, where it had another one that is in the list.
    fn take_former(&mut self, node: &[u8], tasks: &Tasks) {
        if !self.others.contains_key(&self.former) {
            self.former = Box::default();
        } else if self.own.is_none() {
            let (node, former) = (Escaped(node), Escaped(&self.former));
            let line = format!(
                "This node is '{node}', and was '{former}' when it ran before, which is in the list of nodes until \
                 clustering forget {former}"
            );
            tasks.log(Level::Warn, line);
        }
    }

    /// The next query, if one is due.
    fn next(&self, now: SteadyTime) -> Option<Step> {
        let is_due = |time: SteadyTime| now.after(EARLY) >= time;
        if self.database != Some(DatabaseState::Up) {
            // What comes next depends on what the database has.
            return is_due(self.poll_due).then_some(Step::Poll { whole: true });
        }
        let may_write = is_due(self.write_due);
        // First, since only a row that is there can be told something.
        if !self.joined && may_write && is_due(self.join_due) {
            return Some(Step::Join);
        }
        if let Some((node, intent)) = self.said.first_key_value().filter(|_| may_write) {
            return Some(Step::Say(node.clone(), *intent));
        }
        if is_due(self.poll_due) {
            return Some(Step::Poll {
                whole: is_due(self.whole_due),
            });
        }
        if may_write && is_due(self.heartbeat.due) {
            return Some(Step::Beat {
                down: self.heartbeat.down.clone(),
                counts: self.config.counts_claims && is_due(self.heartbeat.rooms_due),
            });
        }
        if !self.taken.is_empty() && is_due(self.listen_due) {
            return Some(Step::Listen);
        }
        (now < self.loads.wanted_until && is_due(self.loads.due)).then_some(Step::Loads)
    }

    /// The number of nodes that share the list, with this one.
    fn count(&self) -> usize {
        self.others.len() + 1
    }

    /// The time from one heartbeat to the next.
    fn beat(&self) -> u64 {
        load::beat_interval(u64::from(self.config.beat) * SECOND, self.count())
    }

    /// The query of a step. This node has that admin state.
    fn query(&self, step: &Step, admin: AdminState, now: SteadyTime) -> String {
        let own = self.own.as_ref();
        let name = own.map_or_else(String::new, |own| literal(&own.name));
        match step {
            Step::Poll { whole } => {
                let generation = if *whole { 0 } else { self.generation };
                format!(
                    "SELECT definition FROM cluster_nodes WHERE generation > {generation} ORDER BY generation"
                )
            }
            Step::Say(node, intent) => {
                let (node, intent) = (literal(node), intent.text());
                format!("UPDATE cluster_nodes SET admin = '{intent}' WHERE name = {node}")
            }
            Step::Join => {
                let mut columns = vec!["name".to_owned()];
                let mut values = vec![name];
                let mut set = Vec::new();
                let mut add = |column: &str, value: &[u8], is_set: bool| {
                    columns.push(column.to_owned());
                    values.push(literal(value));
                    if is_set {
                        set.push(format!("{column} = excluded.{column}"));
                    }
                };
                if let Some(own) = own {
                    for (key, value) in KEYS.iter().zip(&own.values) {
                        add(key, value, self.own_section != OwnSection::Absent);
                    }
                    add("version", &own.version, true);
                    add("settings", &own.settings, true);
                    add("process", &own.process, true);
                    add("former", &own.former, true);
                    // A row that is there knows better.
                    add("admin", admin.text().as_bytes(), false);
                }
                let mut query = String::new();
                let (columns, values) = (columns.join(", "), values.join(", "));
                let _ = write!(
                    query,
                    "INSERT INTO cluster_nodes AS node ({columns}) VALUES ({values}) ON CONFLICT (name) DO UPDATE \
                     SET {}, admin = CASE WHEN node.admin = 'forgotten' THEN 'enabled' ELSE node.admin END",
                    set.join(", ")
                );
                query
            }
            Step::Listen => {
                let names: Vec<_> = self.taken.iter().map(|name| literal(name)).collect();
                format!("{} WHERE name IN ({})", load::QUERY, names.join(", "))
            }
            Step::Loads => load::QUERY.to_owned(),
            Step::Beat { down, counts } => {
                let (then, wall) = self.answered;
                let seen = (wall.0 + now.since(then)) / SECOND;
                let beat = self.beat() / SECOND;
                // A node that dies has none any more by the time when the others find it down.
                let expires = seen + beat + (beat / 2).clamp(1, MOST_LATE);
                let sql = |number: Option<u64>| {
                    number.map_or_else(|| "NULL".to_owned(), |number| number.to_string())
                };
                let rooms = if *counts {
                    format!(
                        "(SELECT count(*) FROM (SELECT 1 FROM cluster_resources WHERE node = {name} AND \
                         expires >= {seen} LIMIT {MOST_ROOMS}) AS held)"
                    )
                } else {
                    let known = self.heartbeat.load.rooms;
                    sql(known.filter(|_| self.config.counts_claims))
                };
                let Load {
                    channels,
                    registrations,
                    ..
                } = self.heartbeat.load;
                let mut query = String::from("INSERT INTO cluster_heartbeats (name, ");
                let _ = write!(
                    query,
                    "{COLUMNS}) VALUES ({name}, {seen}, {expires}, '{down}', {}, {rooms}, {}) ON CONFLICT (name) DO \
                     UPDATE SET",
                    sql(channels),
                    sql(registrations)
                );
                for (at, column) in COLUMNS.split(", ").enumerate() {
                    let comma = if at > 0 { "," } else { "" };
                    let _ = write!(query, "{comma} {column} = excluded.{column}");
                }
                query.push_str(" RETURNING rooms");
                query
            }
        }
    }

    /// Takes the heartbeats of nodes that are taken over: one that is newer than the last is that of another engine.
    fn listen(&mut self, rows: &[&[u8]], now: SteadyTime, tasks: &Tasks) {
        for (name, Load { seen, .. }) in read_loads(rows) {
            let before = self.beats.insert(name.clone(), seen);
            let lives = before.is_some_and(|before| seen > before);
            if lives && now >= self.alive {
                self.alive = now.after(4 * REWRITE);
                let line = format!(
                    "Node '{}' writes its heartbeat into the database, and this node has taken it over: release it, or \
                     stop the other engine",
                    Escaped(&name)
                );
                tasks.log(Level::Warn, line);
            }
        }
    }

    /// Notes that the database failed, and logs it if that is new.
    fn lost(&mut self, error: &DbError, tasks: &Tasks) {
        if self.database != Some(DatabaseState::Down) {
            let account = Escaped(&self.config.account);
            let line = format!(
                "The list of nodes in database account '{account}' can't be read, the last known one stays in \
                 force: {error}"
            );
            tasks.log(Level::Warn, line);
        }
        self.database = Some(DatabaseState::Down);
    }

    /// Notes that the loads can't be read, and logs it if that is new.
    fn loads_lost(&mut self, error: &DbError, tasks: &Tasks) {
        if !mem::replace(&mut self.loads.has_failed, true) {
            let account = Escaped(&self.config.account);
            let line = format!(
                "The loads of nodes in database account '{account}' can't be read, so resources are placed by \
                 weights alone: {error}"
            );
            tasks.log(Level::Warn, line);
        }
    }

    /// Notes that a write failed, and logs it if that is new.
    fn failed_to_write(&mut self, error: &DbError, tasks: &Tasks) {
        if !self.unwritten {
            let account = Escaped(&self.config.account);
            let line = format!(
                "Nothing can be written to the list of nodes in database account '{account}', so the other nodes \
                 don't learn of changes on this one: {error}"
            );
            tasks.log(Level::Warn, line);
        }
        self.unwritten = true;
    }

    /// Notes that a write went well, and logs it if that is new.
    fn wrote(&mut self, tasks: &Tasks) {
        if self.unwritten {
            let account = Escaped(&self.config.account);
            let line =
                format!("The list of nodes in database account '{account}' is written again");
            tasks.log(Level::Note, line);
        }
        self.unwritten = false;
    }

    /// Takes the rows of a poll.
    fn read(
        &mut self,
        rows: &[&[u8]],
        whole: bool,
        changes: &mut Changes,
        now: SteadyTime,
        tasks: &Tasks,
    ) {
        let mut names = BTreeSet::new();
        if whole {
            self.generation = 0;
        }
        let mut is_known = false;
        for row in rows.iter().map(|row| Row::read(row)) {
            self.generation = self.generation.max(row.generation);
            let definition = match row.definition {
                Ok(definition) => definition,
                Err(error) => {
                    left_out(&row.name, &error.to_string(), tasks);
                    names.insert(row.name);
                    continue;
                }
            };
            if self
                .own
                .as_ref()
                .is_some_and(|own| own.name == definition.name)
            {
                is_known = true;
                self.read_own(&definition, changes, now, tasks);
            } else {
                if definition.intent != Intent::Forgotten {
                    names.insert(definition.name.clone());
                }
                self.read_other(definition, changes, tasks);
            }
        }
        if whole && !is_known {
            self.joined = false;
        }
        // A table without this node was lost: the others write themselves into it again, each at its next whole poll.
        if whole && is_known {
            let gone = self.others.keys().filter(|name| !names.contains(*name));
            for name in gone.cloned().collect::<Vec<_>>() {
                self.forget(&name, changes, tasks);
            }
        }
    }

    /// Takes the row of this node.
    fn read_own(
        &mut self,
        row: &Definition,
        changes: &mut Changes,
        now: SteadyTime,
        tasks: &Tasks,
    ) {
        let Some(own) = &mut self.own else {
            return;
        };
        let is_ours = own.process == row.process;
        if !is_ours && self.has_joined {
            if now >= self.doubled {
                let line = format!(
                    "Another engine runs under the name of this node, '{}': stop one of the two, or start it with \
                     another name",
                    Escaped(&own.name)
                );
                tasks.log(Level::Warn, line);
                // The other one is told at once.
                self.join_due = SteadyTime(0);
            }
            self.doubled = now.after(4 * REWRITE);
        }
        let is_same = own.values == row.values;
        if self.own_section == OwnSection::Absent && !is_same {
            own.values.clone_from(&row.values);
            changes.list = true;
        } else if self.own_section == OwnSection::Gone && is_same {
            self.own_section = OwnSection::Absent;
        }
        // It lives, so it is a part of the cluster.
        self.joined = is_ours && row.agrees(own) && row.intent != Intent::Forgotten;
        if let (Intent::Member(admin), false) = (row.intent, self.said.contains_key(&row.name)) {
            changes.admin.push((row.name.clone(), admin));
        }
    }

    fn read_other(&mut self, row: Definition, changes: &mut Changes, tasks: &Tasks) {
        let Intent::Member(admin) = row.intent else {
            self.forget(&row.name, changes, tasks);
            return;
        };
        if !self.said.contains_key(&row.name) {
            changes.admin.push((row.name.clone(), admin));
        }
        self.compare(&row, tasks);
        let old = self.others.get(&row.name);
        if old.is_none() {
            let name = Escaped(&row.name);
            tasks.log(Level::Note, format!("Node '{name}' has joined the cluster"));
            if let Some(former) = self.others.get(&row.former) {
                let former = Escaped(&former.name);
                let line = format!(
                    "Node '{name}' was '{former}' when it ran before, which is in the list of nodes until clustering \
                     forget {former}"
                );
                tasks.log(Level::Warn, line);
            }
        }
        changes.list |= old.is_none_or(|old| !old.agrees(&row));
        self.others.insert(row.name.clone(), row);
    }

    /// Logs the settings in which a node differs from this one, and the keys of its section that win over the list,
    /// if there are others than before.
    fn compare(&mut self, row: &Definition, tasks: &Tasks) {
        let keys = overruled(self.sections.get(&row.name), row);
        let before = self.overruled.insert(row.name.clone(), keys.clone());
        if !keys.is_empty() && before.as_ref() != Some(&keys) {
            tasks.log(Level::Note, overruled_line(&row.name, &keys));
        }
        let own = self.own.as_ref().map(|own| &*own.settings);
        let differs = drift::differences(own.unwrap_or_default(), &row.settings);
        let before = self.drift.insert(row.name.clone(), differs.clone());
        let name = Escaped(&row.name);
        if differs.is_empty() {
            if before.is_some_and(|before| !before.is_empty()) {
                tasks.log(
                    Level::Note,
                    format!("The settings of node '{name}' are those of this node again"),
                );
            }
        } else if before.as_ref() != Some(&differs) {
            let settings = differs.join(", ");
            tasks.log(
                Level::Warn,
                format!("Node '{name}' has other settings than this node: {settings}"),
            );
        }
    }

    fn forget(&mut self, name: &[u8], changes: &mut Changes, tasks: &Tasks) {
        self.drift.remove(name);
        self.overruled.remove(name);
        self.said.remove(name);
        if self.others.remove(name).is_some() {
            changes.list = true;
            changes.admin.push((name.into(), AdminState::Enabled));
            let line = format!("Node '{}' is no longer in the cluster", Escaped(name));
            tasks.log(Level::Note, line);
        }
    }
}

/// Logs that a node of the list is not taken.
pub(crate) fn left_out(name: &[u8], reason: &str, tasks: &Tasks) {
    let line = format!(
        "Node '{}' in the database is left out: {reason}",
        Escaped(name)
    );
    tasks.log(Level::Warn, line);
}
