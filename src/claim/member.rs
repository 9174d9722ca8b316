// SPDX-License-Identifier: GPL-2.0-or-later

//! The nodes that a resource may be on.

use crate::nodes::Node;
use crate::placement::{Candidate, Key, Seed, place};

/// A node as placement sees it.
#[derive(Clone, Copy, Debug)]
pub struct Member<'n> {
    /// Its name.
    pub name: &'n [u8],
    /// What its lots are drawn by.
    pub seed: Seed,
    /// How much it takes, compared with the others.
    pub weight: u32,
    /// What it may have.
    pub may: May,
}

/// What a node may have.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum May {
    /// It is up, as far as is known: it takes resources.
    Take,
    /// It is draining: it keeps what it has, and takes nothing more.
    Keep,
    /// It is down, or disabled: what it had goes elsewhere.
    Nothing,
}

impl<'n> From<&'n Node> for Member<'n> {
    fn from(node: &'n Node) -> Self {
        Self {
            name: &node.name,
            seed: node.seed,
            weight: node.weight,
            may: match (node.live.is_open(), node.live.unreachable()) {
                (true, _) => May::Take,
                (false, None) => May::Keep,
                (false, Some(_)) => May::Nothing,
            },
        }
    }
}

impl Member<'_> {
    /// It may keep what it has.
    pub(super) fn keeps(&self) -> bool {
        self.may != May::Nothing
    }
}

/// The node that a resource is placed on, among those that take any.
pub(crate) fn winner<'n>(
    resource: &[u8],
    members: impl Iterator<Item = Member<'n>>,
) -> Option<&'n [u8]> {
    let takers = members.filter(|node| node.may == May::Take);
    let candidates = takers.map(|node| Candidate {
        seed: node.seed,
        weight: node.weight,
        node: node.name,
    });
    place(Key::of(resource), candidates)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::health::Cause;
    use crate::settings::{Entry, Settings};
    use crate::standing::Standing;

    #[test]
    fn a_node_may_have_what_its_health_and_the_operator_allow() {
        let sections: [&[u8]; 4] = [b"node up", b"node drained", b"node disabled", b"node down"];
        let entries = sections.map(|section| Entry {
            section,
            key: b"callto",
            value: b"sip/sip:x",
        });
        let settings = Settings::parse(b"up", "clustering.conf", &entries).unwrap();
        let live = |name: &[u8]| &settings.nodes.find(name).unwrap().live;
        live(b"drained").stand(Standing::Draining);
        live(b"disabled").stand(Standing::Disabled);
        live(b"down").observe(|probing| {
            for now in 0..settings.health.fall {
                let failed = Cause::NoAnswer;
                probing.health.failed(&settings.health, failed, now.into());
            }
        });
        let members: Vec<_> = settings.nodes.iter().map(Member::from).collect();
        let may: Vec<_> = members.iter().map(|member| member.may).collect();
        assert_eq!(may, [May::Take, May::Keep, May::Nothing, May::Nothing]);
        for (member, node) in members.iter().zip(&settings.nodes) {
            assert_eq!((member.name, member.weight), (&*node.name, 100));
            assert_eq!(member.seed, Seed::of(&node.name));
        }
    }
}
