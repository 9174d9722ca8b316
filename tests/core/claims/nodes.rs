// SPDX-License-Identifier: GPL-2.0-or-later

//! A cluster as one of its nodes sees it.

use clustering::placement::bounded::Figures;
use clustering::placement::claim::{
    Claims, DatabaseChange, Eligibility, LeaseConfig, Member, Purpose, QueryOutcome, Resolution,
    Source, Wanted,
};
use clustering::placement::rendezvous::Seed;
use clustering::time::WallTime;

/// A node with a view of its own: of the others, of the time, and of claims.
#[derive(Default)]
pub struct Node {
    pub claims: Claims,
    pub terms: LeaseConfig,
    members: Vec<(&'static [u8], u32, Eligibility, Figures)>,
    /// In seconds.
    pub now: u64,
}

/// The short form of an answer: the node and its source.
pub type Found = (Option<String>, Option<Source>);

impl Node {
    /// A node that knows others by names and weights, and an account.
    pub fn new(members: &[(&'static str, u32)]) -> Self {
        let member = |(name, weight): &(&'static str, u32)| {
            (
                name.as_bytes(),
                *weight,
                Eligibility::Take,
                Figures::default(),
            )
        };
        Self {
            terms: LeaseConfig {
                account: b"cluster".as_slice().into(),
                ..LeaseConfig::default()
            },
            members: members.iter().map(member).collect(),
            now: 1_800_000_000,
            ..Self::default()
        }
    }

    /// Changes a node's eligibility.
    pub fn set(&mut self, name: &str, eligibility: Eligibility) {
        let member = self
            .members
            .iter_mut()
            .find(|(known, ..)| *known == name.as_bytes());
        member.unwrap().2 = eligibility;
    }

    /// Changes a node's figures.
    pub fn figure(&mut self, name: &str, load: u64, is_full: bool) {
        let load = Some(load);
        let member = self
            .members
            .iter_mut()
            .find(|(known, ..)| *known == name.as_bytes());
        member.unwrap().3 = Figures { load, is_full };
    }

    fn members(&self) -> impl Iterator<Item = Member<'static>> + Clone {
        self.members
            .iter()
            .map(|&(name, weight, eligibility, figures)| Member {
                name,
                seed: Seed::of(name),
                weight,
                eligibility,
                figures,
            })
    }

    pub fn look(&self, purpose: Purpose, resource: &[u8]) -> Resolution<'static> {
        let wanted = Wanted { resource, purpose };
        self.claims.look(
            &self.terms,
            wanted,
            self.members(),
            WallTime(self.now * 1_000_000),
        )
    }

    pub fn answered<'r>(
        &self,
        purpose: Purpose,
        resource: &[u8],
        reply: QueryOutcome<'r>,
    ) -> (Resolution<'static>, Option<DatabaseChange<'r>>) {
        let wanted = Wanted { resource, purpose };
        let now = self.now * 1_000_000;
        self.claims
            .answered(&self.terms, wanted, self.members(), reply, WallTime(now))
    }

    /// Looks, and has `ask` ask the database if need be: it gets the query, and gives the first column of the
    /// last row.
    ///
    /// # Panics
    /// When the database fails.
    pub fn find(
        &self,
        purpose: Purpose,
        resource: &[u8],
        ask: impl FnOnce(&str) -> Option<String>,
    ) -> Found {
        let answer = match self.look(purpose, resource) {
            Resolution::Ask { query, purpose } => {
                let cell = ask(std::str::from_utf8(&query).unwrap());
                let reply = QueryOutcome::Done(cell.as_deref().map(str::as_bytes));
                let (answer, change) = self.answered(purpose, resource, reply);
                assert_eq!(change, None);
                answer
            }
            answer => answer,
        };
        found(&answer)
    }
}

/// The short form of a resolution.
///
/// # Panics
/// When it is none.
pub fn found(answer: &Resolution) -> Found {
    match answer {
        Resolution::Node(name, source) => {
            let name = String::from_utf8(name.to_vec()).unwrap();
            (Some(name), Some(*source))
        }
        Resolution::Unlisted(name) => (
            Some(String::from_utf8(name.clone()).unwrap()),
            Some(Source::Database),
        ),
        Resolution::Nobody => (None, None),
        Resolution::Ask { .. } => panic!("{answer:?}"),
    }
}
