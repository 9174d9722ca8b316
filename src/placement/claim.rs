// SPDX-License-Identifier: GPL-2.0-or-later

//! Sticky placement: a resource stays on the node that claimed it, by a lease in a database.
//!
//! Rendezvous hashing moves a room as soon as the list of nodes changes, even one that people are in. With a
//! database that all nodes share, a resource is claimed by one atomic statement: it goes to the node that has it
//! if that may keep it and its lease still runs, to the winner of the [placement](crate::placement::rendezvous) otherwise. Nodes that claim
//! it at the same instant get the same answer, whatever each of them thinks of the others.
//!
//! The caller asks the database: [`Claims::look`] makes the query, [`Claims::answered`] takes the result. The
//! answer is remembered for a while, so that most calls ask nothing. Where the database fails, resources are
//! placed without it: on the node that is remembered as long as its lease runs, by hashing otherwise.

mod breaker;
mod cache;
mod lease;
mod member;
mod query;

use std::collections::{BTreeSet, HashMap};
use std::fmt::{self, Display};
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};

use crate::failure::unpoisoned;
use crate::placement::rendezvous::Seed;
use crate::text::Escaped;
use crate::time::{SECOND, WallTime};
use breaker::Breaker;
pub(crate) use cache::{Claim, ClaimCache};
use query::Values;

pub use lease::{
    CLAIM, CLAIM_WITH_HEARTBEATS, CacheError, LOOKUP, LOOKUP_WITH_HEARTBEATS, LeaseConfig,
};
pub use member::{Eligibility, Member};
pub(crate) use member::{Members, choice, takers, winner};
pub(crate) use query::CODED;
pub use query::{Purpose, Query, QueryError};

/// The longest resource that is claimed, in bytes; longer ones are placed by hashing alone. So no caller can
/// name a resource that a database refuses for its size.
const LONGEST: usize = 255;

/// The most departed nodes that are remembered.
const MOST_DEPARTED: usize = 256;

/// A resource that is looked for.
#[derive(Clone, Copy, Debug)]
pub struct Wanted<'r> {
    /// The resource.
    pub resource: &'r [u8],
    /// Whether it is to be claimed where no node has it.
    pub purpose: Purpose,
}

/// The result of looking for a resource's node.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Resolution<'n> {
    /// This node has it.
    Node(&'n [u8], Source),
    /// A node that isn't in the list has it.
    Unlisted(Vec<u8>),
    /// No node has it, or may have it.
    Nobody,
    /// The database is to be asked.
    Ask {
        /// By this query, which has at most one row, with a node's name.
        query: Vec<u8>,
        /// Its purpose, which [`Claims::answered`] needs.
        purpose: Purpose,
    },
}

/// The source from which a resource's node is known.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Source {
    /// The database said so just now.
    Database,
    /// It said so some time ago.
    Cache,
    /// By hashing alone.
    Hashing,
}

/// The outcome of a query.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum QueryOutcome<'r> {
    /// It was done. The first column of its row comes with it, if there was one.
    Done(Option<&'r [u8]>),
    /// It failed, with this error.
    Failed(&'r [u8]),
    /// It took too long.
    TimedOut,
    /// Nobody handles the account.
    Unhandled,
    /// No thread could be started for it.
    NotStarted,
}

/// A failure of the database.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum DbError<'r> {
    /// The query failed, with this error.
    Failed(&'r [u8]),
    /// The query took longer than so many milliseconds.
    TimedOut(u32),
    /// Nobody handles the account.
    Unhandled,
    /// No thread could be started for the query.
    NotStarted,
    /// A claim came back without a row.
    NoRow,
}

impl Display for DbError<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Failed(error) => write!(f, "the query failed: {}", Escaped(error.trim_ascii())),
            Self::TimedOut(timeout) => write!(f, "no answer within {timeout} ms"),
            Self::Unhandled => f.write_str(
                "no database module has this account; accounts are read when the engine starts",
            ),
            Self::NotStarted => f.write_str("no thread could be started for the query"),
            Self::NoRow => f.write_str("the query that claims a resource gave no row"),
        }
    }
}

impl<'r> QueryOutcome<'r> {
    /// The first column of the row, if there was one; `timeout` is the longest time that the query could take, in
    /// milliseconds.
    ///
    /// # Errors
    ///
    /// Gives the reason why the database has not answered.
    pub fn row(self, timeout: u32) -> Result<Option<&'r [u8]>, DbError<'r>> {
        Err(match self {
            Self::Done(row) => return Ok(row),
            Self::Failed(error) => DbError::Failed(error),
            Self::TimedOut => DbError::TimedOut(timeout),
            Self::Unhandled => DbError::Unhandled,
            Self::NotStarted => DbError::NotStarted,
        })
    }
}

/// The meaning of a query's outcome.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Answer<'n, 'r> {
    /// This node holds the resource.
    Holder(Member<'n>),
    /// A node holds it that isn't in the list.
    Unlisted(Vec<u8>),
    /// No node holds it.
    Nobody,
    /// The database has not told.
    Error(DbError<'r>),
}

impl<'n, 'r> Answer<'n, 'r> {
    /// Reads the outcome of a query that was made for a purpose.
    pub fn of(
        outcome: QueryOutcome<'r>,
        purpose: Purpose,
        config: &LeaseConfig,
        mut members: impl Iterator<Item = Member<'n>>,
    ) -> Self {
        Self::Error(match outcome.row(config.timeout) {
            Err(error) => error,
            Ok(None) if purpose == Purpose::Claim => DbError::NoRow,
            Ok(None) => return Self::Nobody,
            Ok(Some(cell)) => {
                let name = query::name(cell);
                match members.find(|node| node.name == name) {
                    Some(node) => return Self::Holder(node),
                    None => return Self::Unlisted(name),
                }
            }
        })
    }
}

/// The database began to fail, or to answer again: worth a line in the log.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum DatabaseChange<'r> {
    /// It fails.
    Lost(DbError<'r>),
    /// It answers again.
    Back,
}

/// The state of the database, as far as it is known.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DatabaseState {
    /// It was not asked yet.
    Unknown,
    /// The last query was answered.
    Up,
    /// The last query failed.
    Down,
}

impl DatabaseState {
    /// The word for it.
    #[must_use]
    pub const fn text(self) -> &'static str {
        match self {
            Self::Unknown => "unknown",
            Self::Up => "up",
            Self::Down => "down",
        }
    }
}

/// A claim that is remembered.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct KnownClaim<'n> {
    /// The resource.
    pub resource: Box<[u8]>,
    /// Its node.
    pub node: &'n [u8],
    /// The seconds since the database said so.
    pub age: u64,
}

/// The claims that are known, and whether the database is worth asking.
#[derive(Debug, Default)]
pub struct Claims {
    cache: ClaimCache,
    /// The nodes whose claims end although they are not in the list: they were in it, or can't be called.
    departed: Mutex<BTreeSet<Box<[u8]>>>,
    breaker: Breaker,
    /// The database was asked.
    asked: AtomicBool,
}

impl Claims {
    /// Looks for the node of a resource, or for the query that finds it.
    ///
    /// `now` is in microseconds. A caller that gets [`Resolution::Ask`] must ask, and call
    /// [`answered`](Self::answered).
    pub fn look<'n>(
        &self,
        config: &LeaseConfig,
        wanted: Wanted,
        members: impl Iterator<Item = Member<'n>> + Clone,
        now: WallTime,
    ) -> Resolution<'n> {
        let Wanted { resource, purpose } = wanted;
        if config.account.is_empty() || resource.len() > LONGEST {
            return hashed(resource, members);
        }
        if let Some(node) = self.remembered(resource, config.cache, members.clone(), now) {
            return Resolution::Node(node, Source::Cache);
        }
        if !members.clone().any(|node| node.keeps()) {
            return Resolution::Nobody;
        }
        if !self.breaker.admits(now.0, u64::from(config.retry) * SECOND) {
            return self.without_database(config, resource, members, now);
        }
        let node = choice(resource, config.spread, members.clone()).map(|choice| choice.node);
        // Nothing new is claimed where all nodes are draining, but claimed resources are still reached.
        let (query, purpose) = match (purpose, node) {
            (Purpose::Claim, Some(_)) => (&config.claim, Purpose::Claim),
            _ => (&config.lookup, Purpose::Lookup),
        };
        let query = self.fill(query, (resource, node), members, config.lease, now);
        Resolution::Ask { query, purpose }
    }

    /// A query with its values: a resource, and the node that it is claimed for.
    fn fill<'n>(
        &self,
        query: &Query,
        (resource, node): (&[u8], Option<&[u8]>),
        members: impl Iterator<Item = Member<'n>> + Clone,
        lease: u32,
        now: WallTime,
    ) -> Vec<u8> {
        let departed = self.departed(&members);
        let down = members
            .clone()
            .filter(|node| node.eligibility == Eligibility::Down);
        query.fill(&Values {
            resource,
            node,
            nodes: members.clone().filter(Member::keeps).map(|node| node.name),
            down: &down.map(|node| node.name).collect::<Vec<_>>(),
            gone: gone(members, &departed),
            now: now.seconds(),
            lease,
        })
    }

    /// Ends the claims of a node that isn't in the list, until it is there again.
    pub fn depart(&self, node: &[u8]) {
        let mut departed = unpoisoned(self.departed.lock());
        if departed.len() < MOST_DEPARTED {
            departed.insert(node.into());
        }
    }

    /// The departed nodes that are not in the list.
    fn departed<'n>(&self, members: &(impl Iterator<Item = Member<'n>> + Clone)) -> Vec<Box<[u8]>> {
        let mut departed = unpoisoned(self.departed.lock());
        departed.retain(|name| !members.clone().any(|node| node.name == &**name));
        departed.iter().cloned().collect()
    }

    /// Takes the outcome of the query that [`look`](Self::look) asked for, and never asks for another.
    ///
    /// `wanted` has the purpose that came with the query. The change is for the log.
    pub fn answered<'n, 'r>(
        &self,
        config: &LeaseConfig,
        wanted: Wanted,
        members: impl Iterator<Item = Member<'n>> + Clone,
        reply: QueryOutcome<'r>,
        now: WallTime,
    ) -> (Resolution<'n>, Option<DatabaseChange<'r>>) {
        let Wanted { resource, purpose } = wanted;
        self.asked.store(true, Relaxed);
        let error = match Answer::of(reply, purpose, config, members.clone()) {
            Answer::Holder(node) => {
                let answer = self.learn(config, wanted, &node, members, now);
                return (answer, self.is_back());
            }
            Answer::Unlisted(name) => {
                self.cache.forget(resource);
                return (Resolution::Unlisted(name), self.is_back());
            }
            Answer::Nobody => {
                self.cache.forget(resource);
                return (Resolution::Nobody, self.is_back());
            }
            Answer::Error(error) => error,
        };
        let is_new = self.breaker.trip(now.0, u64::from(config.retry) * SECOND);
        let answer = self.without_database(config, resource, members, now);
        (answer, is_new.then_some(DatabaseChange::Lost(error)))
    }

    /// The state of the database, by the last query.
    #[must_use]
    pub fn state(&self) -> DatabaseState {
        match (self.asked.load(Relaxed), self.breaker.is_tripped()) {
            (false, _) => DatabaseState::Unknown,
            (true, false) => DatabaseState::Up,
            (true, true) => DatabaseState::Down,
        }
    }

    /// The claims that are remembered and not older than a lease, at most so many of them, sorted by their resources.
    #[must_use]
    pub fn list<'n>(
        &self,
        config: &LeaseConfig,
        members: impl Iterator<Item = Member<'n>>,
        now: WallTime,
        most: usize,
    ) -> Vec<KnownClaim<'n>> {
        let names: HashMap<_, _> = members.map(|node| (node.seed, node.name)).collect();
        let known = self.cache.all().into_iter();
        let known = known.filter(|(_, claim)| claim.is_younger(config.lease, now.seconds()));
        let mut list: Vec<_> = known
            .filter_map(|(resource, claim)| {
                Some(KnownClaim {
                    resource,
                    node: names.get(&claim.node)?,
                    age: now.seconds().abs_diff(claim.since),
                })
            })
            .collect();
        list.sort_unstable();
        list.truncate(most);
        list
    }

    /// The holder of a resource as [`look`](Self::look) would take it from memory; or else the query that only
    /// looks for it. `None` where no database would be asked.
    pub fn peek<'n>(
        &self,
        config: &LeaseConfig,
        resource: &[u8],
        members: impl Iterator<Item = Member<'n>> + Clone,
        now: WallTime,
    ) -> Option<Resolution<'n>> {
        if config.account.is_empty() || resource.len() > LONGEST {
            return None;
        }
        if let Some(node) = self.remembered(resource, config.cache, members.clone(), now) {
            return Some(Resolution::Node(node, Source::Cache));
        }
        if !members.clone().any(|node| node.keeps()) {
            return None;
        }
        let query = self.fill(&config.lookup, (resource, None), members, config.lease, now);
        let purpose = Purpose::Lookup;
        Some(Resolution::Ask { query, purpose })
    }

    /// The node of a claim that is remembered, however old it is.
    pub(crate) fn last_known(&self, resource: &[u8]) -> Option<Seed> {
        self.cache.get(resource).map(|claim| claim.node)
    }

    /// The number of claims that are remembered.
    #[must_use]
    pub fn remembered_count(&self) -> usize {
        self.cache.len()
    }

    /// Turns the database's answer into a resolution.
    fn learn<'n>(
        &self,
        config: &LeaseConfig,
        wanted: Wanted,
        node: &Member<'n>,
        mut members: impl Iterator<Item = Member<'n>>,
        now: WallTime,
    ) -> Resolution<'n> {
        let Wanted { resource, purpose } = wanted;
        if !node.keeps() {
            self.cache.forget(resource);
            let query = match purpose {
                Purpose::Claim => &config.claim,
                Purpose::Lookup => &config.lookup,
            };
            if node.eligibility == Eligibility::Down && query.heeds_others() {
                // Another place would split the resource.
                return Resolution::Node(node.name, Source::Database);
            }
            // It has gone down since the query was made; the next claim will find another one.
            return hashed(resource, members);
        }
        // A lookup doesn't tell how long the lease that it found still runs.
        if purpose == Purpose::Claim {
            let claim = Claim {
                node: node.seed,
                place: members
                    .position(|member| member.seed == node.seed)
                    .unwrap_or_default(),
                since: now.seconds(),
            };
            self.cache.put(resource, claim, config.lease);
        }
        Resolution::Node(node.name, Source::Database)
    }

    fn is_back<'r>(&self) -> Option<DatabaseChange<'r>> {
        self.breaker.reset().then_some(DatabaseChange::Back)
    }

    /// The best resolution without the database.
    fn without_database<'n>(
        &self,
        config: &LeaseConfig,
        resource: &[u8],
        members: impl Iterator<Item = Member<'n>> + Clone,
        now: WallTime,
    ) -> Resolution<'n> {
        match self.remembered(resource, config.lease, members.clone(), now) {
            Some(node) => Resolution::Node(node, Source::Cache),
            None => hashed(resource, members),
        }
    }

    /// The node of a claim that is younger than so many seconds, if the node may keep it.
    fn remembered<'n>(
        &self,
        resource: &[u8],
        seconds: u32,
        mut members: impl Iterator<Item = Member<'n>> + Clone,
        now: WallTime,
    ) -> Option<&'n [u8]> {
        let claim = self.cache.get(resource)?;
        if !claim.is_younger(seconds, now.seconds()) {
            return None;
        }
        let is_own = |node: &Member| node.seed == claim.node;
        // It's where it was, unless the list has changed meanwhile.
        let there = members.clone().nth(claim.place).filter(is_own);
        let node = there.or_else(|| members.find(is_own))?;
        node.keeps().then_some(node.name)
    }
}

/// The nodes that keep no resource.
fn gone<'g, 'n: 'g>(
    members: impl Iterator<Item = Member<'n>> + Clone,
    departed: &'g [Box<[u8]>],
) -> impl Iterator<Item = &'g [u8]> + Clone {
    let unfit = members
        .filter(|node| !node.keeps())
        .map(|node| -> &'g [u8] { node.name });
    unfit.chain(departed.iter().map(|name| &**name))
}

/// The node that gets a resource by hashing alone.
pub(crate) fn hashed<'n>(
    resource: &[u8],
    members: impl Iterator<Item = Member<'n>>,
) -> Resolution<'n> {
    winner(resource, members).map_or(Resolution::Nobody, |node| {
        Resolution::Node(node, Source::Hashing)
    })
}
