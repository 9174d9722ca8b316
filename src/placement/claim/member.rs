// SPDX-License-Identifier: GPL-2.0-or-later

//! The nodes that a resource may be placed on.

use crate::nodes::{Node, Nodes, Unreachable};
use crate::placement::bounded::{Choice, Figures, Spread, choose};
use crate::placement::rendezvous::{Candidate, Key, Seed, place};
use crate::settings::Settings;

/// A node as placement sees it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Member<'n> {
    /// Its name.
    pub name: &'n [u8],
    /// The seed of its scores.
    pub seed: Seed,
    /// Its weight, compared with those of the others.
    pub weight: u32,
    /// Its eligibility.
    pub eligibility: Eligibility,
    /// Its figures; nothing is known where the nodes share none.
    pub figures: Figures,
}

/// The eligibility of a node: the resources that it may have.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Eligibility {
    /// It is up, as far as is known: it takes resources.
    Take,
    /// It is draining: it keeps its resources, and takes nothing more.
    Keep,
    /// It is down: its resources go elsewhere, unless most others find it up.
    Down,
    /// It is disabled: its resources go elsewhere.
    Nothing,
}

/// All nodes as placement sees them. It costs nothing to go to a place of the list.
#[derive(Clone)]
pub(crate) struct Members<'n> {
    nodes: std::slice::Iter<'n, Node>,
    with_figures: bool,
}

impl<'n> Members<'n> {
    /// Without figures, which claims alone need.
    pub(crate) fn of(nodes: &'n Nodes) -> Self {
        Self {
            nodes: nodes.iter(),
            with_figures: false,
        }
    }

    /// As the settings want it: where resources are claimed, with figures.
    pub(crate) fn by(settings: &'n Settings) -> Self {
        Self {
            nodes: settings.nodes.iter(),
            with_figures: !settings.lease.account.is_empty(),
        }
    }

    fn member(&self, node: &'n Node) -> Member<'n> {
        let mut member = Member::from(node);
        if self.with_figures {
            member.figures = Figures {
                load: node.state.rooms(),
                is_full: node.is_full(),
            };
        }
        member
    }
}

impl<'n> Iterator for Members<'n> {
    type Item = Member<'n>;

    fn next(&mut self) -> Option<Self::Item> {
        let node = self.nodes.next()?;
        Some(self.member(node))
    }

    fn nth(&mut self, place: usize) -> Option<Self::Item> {
        let node = self.nodes.nth(place)?;
        Some(self.member(node))
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        self.nodes.size_hint()
    }
}

impl<'n> From<&'n Node> for Member<'n> {
    fn from(node: &'n Node) -> Self {
        Self {
            name: &node.name,
            seed: node.seed,
            weight: node.weight,
            eligibility: if node.state.is_open() {
                Eligibility::Take
            } else {
                match node.state.unreachable() {
                    None => Eligibility::Keep,
                    Some(Unreachable::Down) => Eligibility::Down,
                    Some(Unreachable::Disabled) => Eligibility::Nothing,
                }
            },
            figures: Figures::default(),
        }
    }
}

impl<'n> Member<'n> {
    /// It may take resources.
    fn takes(&self) -> bool {
        self.eligibility == Eligibility::Take
    }

    /// As hashing sees it.
    fn candidate(&self) -> Candidate<&'n [u8]> {
        Candidate {
            seed: self.seed,
            weight: self.weight,
            node: self.name,
        }
    }

    /// It may keep its resources.
    pub(super) fn keeps(&self) -> bool {
        matches!(self.eligibility, Eligibility::Take | Eligibility::Keep)
    }
}

/// The node that a resource is placed on, among those that take any.
pub(crate) fn winner<'n>(
    resource: &[u8],
    members: impl Iterator<Item = Member<'n>>,
) -> Option<&'n [u8]> {
    let takers = members.filter(Member::takes);
    place(Key::of(resource), takers.map(|node| node.candidate()))
}

/// The node that a new claim of a resource goes to, by the figures of those that take any.
pub(crate) fn choice<'n>(
    resource: &[u8],
    spread: Spread,
    members: impl Iterator<Item = Member<'n>> + Clone,
) -> Option<Choice<&'n [u8]>> {
    choose(Key::of(resource), spread, &takers(members))
}

/// The nodes that take resources, and their figures.
pub(crate) fn takers<'n, I: Iterator<Item = Member<'n>> + Clone>(
    members: I,
) -> impl Iterator<Item = (Candidate<&'n [u8]>, Figures)> + Clone + use<'n, I> {
    let takers = members.filter(Member::takes);
    takers.map(|node| (node.candidate(), node.figures))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::nodes::admin::AdminState;
    use crate::nodes::health::Cause;
    use crate::settings::Entry;
    use crate::time::SteadyTime;

    #[test]
    fn a_node_may_have_what_its_health_and_the_operator_allow() {
        let sections: [&[u8]; 4] = [b"node up", b"node drained", b"node disabled", b"node down"];
        let entries = sections.map(|section| Entry {
            section,
            key: b"callto",
            value: b"sip/sip:x",
        });
        let settings = Settings::parse(b"up", "clustering.conf", &entries).unwrap();
        let live = |name: &[u8]| &settings.nodes.find(name).unwrap().state;
        live(b"drained").set_admin(AdminState::Draining);
        live(b"disabled").set_admin(AdminState::Disabled);
        live(b"down").observe(|probing| {
            for now in 0..settings.health.fall {
                let failed = Cause::NoAnswer;
                probing
                    .health
                    .failed(&settings.health, failed, SteadyTime(now.into()));
            }
        });
        let members: Vec<_> = settings.nodes.iter().map(Member::from).collect();
        let eligibility: Vec<_> = members.iter().map(|member| member.eligibility).collect();
        assert_eq!(
            eligibility,
            [
                Eligibility::Take,
                Eligibility::Keep,
                Eligibility::Nothing,
                Eligibility::Down
            ]
        );
        for (member, node) in members.iter().zip(&settings.nodes) {
            assert_eq!((member.name, member.weight), (&*node.name, 100));
            assert_eq!(member.seed, Seed::of(&node.name));
        }
    }
}
