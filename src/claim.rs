// SPDX-License-Identifier: GPL-2.0-or-later

//! Sticky placement: a resource stays on the node that claimed it, by a lease in a database.
//!
//! Rendezvous hashing moves a room as soon as the list of nodes changes, even one that people are in. With a
//! database that all nodes share, a resource is claimed by one atomic statement: it goes to the node that has it
//! if that may keep it and its lease still runs, to the winner of the [placement](crate::placement) otherwise. Nodes that claim
//! it at the same instant get the same answer, whatever each of them thinks of the others.
//!
//! The database is asked by the caller: [`Claims::look`] makes the query, [`Claims::answered`] takes what came of
//! it. What it said is remembered for a while, so that most calls ask nothing. Where it fails, resources
//! are placed without it: on the node that is remembered as long as its lease runs, by hashing otherwise.

mod breaker;
mod member;
mod memory;
mod query;
mod terms;

use std::fmt::{self, Display};

use crate::clock::SECOND;
use crate::text::Shown;
use breaker::Breaker;
use memory::{Claim, Memory};
use query::Values;

pub(crate) use member::winner;
pub use member::{May, Member};
pub use query::{Purpose, Query, QueryError};
pub use terms::{CLAIM, CacheError, LOOKUP, Terms};

/// The longest resource that is claimed, in bytes; longer ones are placed by hashing alone. No caller shall
/// be able to name one that a database refuses for its size.
const LONGEST: usize = 255;

/// What is looked for.
#[derive(Clone, Copy, Debug)]
pub struct Wanted<'r> {
    /// The resource.
    pub resource: &'r [u8],
    /// Whether it is to be claimed where no node has it.
    pub purpose: Purpose,
}

/// What came of looking for a resource's node.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Answer<'n> {
    /// This node has it.
    Node(&'n [u8], Source),
    /// No node has it, or may.
    Nobody,
    /// The database is to be asked.
    Ask {
        /// By this query, which has at most one row, with a node's name.
        query: Vec<u8>,
        /// What it is for; [`Claims::answered`] wants to know.
        purpose: Purpose,
    },
}

/// How a resource's node is known.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Source {
    /// The database said so just now.
    Database,
    /// It said so some time ago.
    Memory,
    /// By hashing alone.
    Hashing,
}

/// What came of a query.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reply<'r> {
    /// It was done. With it comes the first column of the *last* row, if there was any: Yate's `sqlitedb` repeats a
    /// statement that it could not commit, and leaves the rows of the first try in front. Where there is a row
    /// no `error` counts: `pgsqldb` leaves that of a try which it repeated.
    Done(Option<&'r [u8]>),
    /// It failed, with this error.
    Failed(&'r [u8]),
    /// It took too long.
    TimedOut,
    /// Nobody handles the account.
    Unhandled,
}

/// What was wrong with the database.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Trouble<'r> {
    /// The query failed, with this error.
    Failed(&'r [u8]),
    /// The query took longer than so many milliseconds.
    TimedOut(u32),
    /// Nobody handles the account.
    Unhandled,
    /// A claim came back without a row.
    NoRow,
    /// The row has the name of no node.
    UnknownNode(Vec<u8>),
}

impl Display for Trouble<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Failed(error) => write!(f, "the query failed: {}", Shown(error.trim_ascii())),
            Self::TimedOut(timeout) => write!(f, "no answer within {timeout} ms"),
            Self::Unhandled => f.write_str("no database module has this account"),
            Self::NoRow => f.write_str("the query that claims a resource gave no row"),
            Self::UnknownNode(name) => {
                write!(f, "it names '{}', which is no node here", Shown(name))
            }
        }
    }
}

/// The database began to fail, or to answer again: worth a line in the log.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Change<'r> {
    /// It fails.
    Lost(Trouble<'r>),
    /// It answers again.
    Back,
}

/// What is known of claims.
#[derive(Debug, Default)]
pub struct Claims {
    memory: Memory,
    breaker: Breaker,
}

impl Claims {
    /// Looks for the node of a resource, and for how to find it out.
    ///
    /// `now` is in microseconds. Who gets [`Answer::Ask`] must ask, and call [`answered`](Self::answered).
    pub fn look<'n>(
        &self,
        terms: &Terms,
        wanted: Wanted,
        members: impl Iterator<Item = Member<'n>> + Clone,
        now: u64,
    ) -> Answer<'n> {
        let Wanted { resource, purpose } = wanted;
        if terms.account.is_empty() || resource.len() > LONGEST {
            return hashed(resource, members);
        }
        if let Some(node) = self.remembered(resource, terms.cache, members.clone(), now) {
            return Answer::Node(node, Source::Memory);
        }
        let keepers = members.clone().filter(Member::keeps).map(|node| node.name);
        if keepers.clone().next().is_none() {
            return Answer::Nobody;
        }
        if !self.breaker.admits(now, u64::from(terms.retry) * SECOND) {
            return self.without_database(terms, resource, members, now);
        }
        let node = winner(resource, members);
        // Where all nodes are draining nothing is claimed any more, but what was is still reached.
        let (query, purpose) = match (purpose, node) {
            (Purpose::Claim, Some(_)) => (&terms.claim, Purpose::Claim),
            _ => (&terms.lookup, Purpose::Lookup),
        };
        let values = Values {
            resource,
            node,
            nodes: keepers,
            now: now / SECOND,
            lease: terms.lease,
        };
        let query = query.fill(&values);
        Answer::Ask { query, purpose }
    }

    /// Takes what came of the query that [`look`](Self::look) asked for, and never asks for another.
    ///
    /// `wanted` has the purpose that came with the query. The change is for the log.
    pub fn answered<'n, 'r>(
        &self,
        terms: &Terms,
        wanted: Wanted,
        members: impl Iterator<Item = Member<'n>> + Clone,
        reply: Reply<'r>,
        now: u64,
    ) -> (Answer<'n>, Option<Change<'r>>) {
        let Wanted { resource, purpose } = wanted;
        let trouble = match reply {
            Reply::Failed(error) => Trouble::Failed(error),
            Reply::TimedOut => Trouble::TimedOut(terms.timeout),
            Reply::Unhandled => Trouble::Unhandled,
            Reply::Done(None) if purpose == Purpose::Claim => Trouble::NoRow,
            Reply::Done(None) => {
                self.memory.forget(resource);
                return (Answer::Nobody, self.is_back());
            }
            Reply::Done(Some(cell)) => {
                let name = query::name(cell);
                match members.clone().find(|node| node.name == name) {
                    Some(node) => {
                        let answer = self.learn(terms, wanted, &node, members, now);
                        return (answer, self.is_back());
                    }
                    None => Trouble::UnknownNode(name),
                }
            }
        };
        let is_new = self.breaker.trip(now, u64::from(terms.retry) * SECOND);
        let answer = self.without_database(terms, resource, members, now);
        (answer, is_new.then_some(Change::Lost(trouble)))
    }

    /// Whether the database failed last.
    #[must_use]
    pub fn is_lost(&self) -> bool {
        self.breaker.is_tripped()
    }

    /// How many claims are remembered.
    #[must_use]
    pub fn remembered_count(&self) -> usize {
        self.memory.len()
    }

    /// Makes an answer of what the database said.
    fn learn<'n>(
        &self,
        terms: &Terms,
        wanted: Wanted,
        node: &Member<'n>,
        members: impl Iterator<Item = Member<'n>>,
        now: u64,
    ) -> Answer<'n> {
        let Wanted { resource, purpose } = wanted;
        if !node.keeps() {
            // It has gone down since the query was made; the next claim will find another one.
            self.memory.forget(resource);
            return hashed(resource, members);
        }
        // How long the lease that a lookup has found still runs isn't known.
        if purpose == Purpose::Claim {
            let claim = Claim {
                node: node.seed,
                since: now / SECOND,
            };
            self.memory.put(resource, claim, terms.lease);
        }
        Answer::Node(node.name, Source::Database)
    }

    fn is_back<'r>(&self) -> Option<Change<'r>> {
        self.breaker.reset().then_some(Change::Back)
    }

    /// The best that can be said without the database.
    fn without_database<'n>(
        &self,
        terms: &Terms,
        resource: &[u8],
        members: impl Iterator<Item = Member<'n>> + Clone,
        now: u64,
    ) -> Answer<'n> {
        match self.remembered(resource, terms.lease, members.clone(), now) {
            Some(node) => Answer::Node(node, Source::Memory),
            None => hashed(resource, members),
        }
    }

    /// The node of a claim that is younger than so many seconds, if it may keep it.
    fn remembered<'n>(
        &self,
        resource: &[u8],
        seconds: u32,
        mut members: impl Iterator<Item = Member<'n>>,
        now: u64,
    ) -> Option<&'n [u8]> {
        let claim = self.memory.get(resource)?;
        if !claim.is_younger(seconds, now / SECOND) {
            return None;
        }
        let node = members.find(|node| node.seed == claim.node)?;
        node.keeps().then_some(node.name)
    }
}

/// The node that gets a resource by hashing alone.
fn hashed<'n>(resource: &[u8], members: impl Iterator<Item = Member<'n>>) -> Answer<'n> {
    winner(resource, members).map_or(Answer::Nobody, |node| Answer::Node(node, Source::Hashing))
}
