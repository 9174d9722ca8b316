// SPDX-License-Identifier: GPL-2.0-or-later

//! A cluster as one of its nodes sees it.

use clustering::claim::{
    Answer, Change, Claims, May, Member, Purpose, Reply, Source, Terms, Wanted,
};
use clustering::placement::Seed;

/// A node with a view of its own: of the others, of the time, and of claims.
#[derive(Default)]
pub struct Node {
    pub claims: Claims,
    pub terms: Terms,
    members: Vec<(&'static [u8], u32, May)>,
    /// In seconds.
    pub now: u64,
}

/// What is said of a resource.
pub type Said = (Option<String>, Option<Source>);

impl Node {
    /// A node that knows others by names and weights, and an account.
    pub fn new(members: &[(&'static str, u32)]) -> Self {
        let member = |(name, weight): &(&'static str, u32)| (name.as_bytes(), *weight, May::Take);
        Self {
            terms: Terms {
                account: b"cluster".as_slice().into(),
                ..Terms::default()
            },
            members: members.iter().map(member).collect(),
            now: 1_800_000_000,
            ..Self::default()
        }
    }

    /// Changes what a node may have.
    pub fn set(&mut self, name: &str, may: May) {
        let member = self
            .members
            .iter_mut()
            .find(|(known, ..)| *known == name.as_bytes());
        member.unwrap().2 = may;
    }

    fn members(&self) -> impl Iterator<Item = Member<'static>> + Clone {
        self.members.iter().map(|&(name, weight, may)| Member {
            name,
            seed: Seed::of(name),
            weight,
            may,
        })
    }

    pub fn look(&self, purpose: Purpose, resource: &[u8]) -> Answer<'static> {
        let wanted = Wanted { resource, purpose };
        self.claims
            .look(&self.terms, wanted, self.members(), self.now * 1_000_000)
    }

    pub fn answered<'r>(
        &self,
        purpose: Purpose,
        resource: &[u8],
        reply: Reply<'r>,
    ) -> (Answer<'static>, Option<Change<'r>>) {
        let wanted = Wanted { resource, purpose };
        let now = self.now * 1_000_000;
        self.claims
            .answered(&self.terms, wanted, self.members(), reply, now)
    }

    /// Looks, and has somebody ask the database if need be: it is given the query, and gives the first column
    /// of the last row.
    ///
    /// # Panics
    /// When the database fails.
    pub fn find(
        &self,
        purpose: Purpose,
        resource: &[u8],
        ask: impl FnOnce(&str) -> Option<String>,
    ) -> Said {
        let answer = match self.look(purpose, resource) {
            Answer::Ask { query, purpose } => {
                let cell = ask(std::str::from_utf8(&query).unwrap());
                let reply = Reply::Done(cell.as_deref().map(str::as_bytes));
                let (answer, change) = self.answered(purpose, resource, reply);
                assert_eq!(change, None);
                answer
            }
            answer => answer,
        };
        said(&answer)
    }
}

/// An answer in short.
///
/// # Panics
/// When it is none.
pub fn said(answer: &Answer) -> Said {
    match answer {
        Answer::Node(name, source) => {
            let name = String::from_utf8(name.to_vec()).unwrap();
            (Some(name), Some(*source))
        }
        Answer::Nobody => (None, None),
        Answer::Ask { .. } => panic!("{answer:?}"),
    }
}
