// SPDX-License-Identifier: GPL-2.0-or-later

//! The node that stands in for another one: the first backup that takes calls, while the node itself is down.
//!
//! A backup takes calls as it takes new resources: while it is neither down nor busy, and an operator has neither drained
//! nor disabled it. It calls the phones itself, without the connections of the node that is down.

use std::sync::OnceLock;

use super::{Detour, Node, Nodes, Unreachable};
use crate::addressing::pattern::Pattern;
use crate::event::Level;
use crate::nodes::event::tell_backup;
use crate::task::Tasks;
use crate::text::Escaped;

/// A backup of a node: one that this node knows.
#[derive(Debug)]
pub(super) struct Backup {
    name: Box<[u8]>,
    /// Its place in the list; `None` where it has no section.
    place: Option<usize>,
    is_own: bool,
}

/// The node that stands in for another one now.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct StandIn<'n> {
    /// Its name.
    pub name: &'n [u8],
    /// It is this node.
    pub is_here: bool,
}

/// What was told of a node's backups.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) enum Told {
    /// The node takes its calls itself, or has no backups.
    #[default]
    Itself,
    /// This node stands in for it.
    By(Box<[u8]>),
    /// None of its backups takes calls.
    Nobody,
}

/// The mistake in the name of a backup.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BackupMistake {
    /// There is no such node.
    Unknown,
    /// It is the node itself.
    Itself,
    /// It is in the list before.
    Twice,
}

/// The names of the backups that a section lists, each with its mistake, if it has one.
pub(crate) fn checked<'c>(
    node: &'c [u8],
    names: &'c [Box<[u8]>],
    is_known: impl Fn(&[u8]) -> bool + 'c,
) -> impl Iterator<Item = (&'c [u8], Option<BackupMistake>)> {
    names.iter().enumerate().map(move |(at, name)| {
        let mistake = if **name == *node {
            Some(BackupMistake::Itself)
        } else if names[..at].contains(name) {
            Some(BackupMistake::Twice)
        } else {
            (!is_known(name)).then_some(BackupMistake::Unknown)
        };
        (&**name, mistake)
    })
}

impl Nodes {
    /// Whether a node of this name can be called: it is `own`, has a section, or matches the pattern.
    pub(crate) fn knows(&self, name: &[u8], own: &[u8], pattern: &Pattern) -> bool {
        *name == *own || self.find(name).is_some() || pattern.matches(name).is_some()
    }

    /// Finds the backups that the sections list; those with a mistake are left out.
    pub(super) fn find_backups(&mut self, own: &[u8], pattern: &Pattern) {
        let backups_of = |node: &Node| {
            let is_known = |name: &[u8]| self.knows(name, own, pattern);
            let checked = checked(&node.name, &node.backup, is_known);
            let good = checked.filter(|(_, mistake)| mistake.is_none());
            let backups = good.map(|(name, _)| Backup {
                name: name.into(),
                place: self.by_name.get(name).copied(),
                is_own: *name == *own,
            });
            backups.collect()
        };
        self.backups = self.list.iter().map(backups_of).collect();
        self.own = own.into();
    }

    /// The node that stands in for a node: this one, if it has taken that over; or the first of the node's backups that takes calls,
    /// while the node is down. `None` where there is no such one.
    #[must_use]
    pub fn stand_in(&self, node: &Node) -> Option<StandIn<'_>> {
        self.stand_in_for(node, node.state.detour()?)
    }

    /// The same for a node to which calls don't go for this reason.
    pub(crate) fn stand_in_for(&self, node: &Node, why: Detour) -> Option<StandIn<'_>> {
        match why {
            Detour::Unreachable(Unreachable::Down) => {}
            Detour::Unreachable(Unreachable::Disabled) => return None,
            Detour::Taken => {
                return Some(StandIn {
                    name: &self.own,
                    is_here: true,
                });
            }
        }
        let place = *self.by_name.get(&node.name)?;
        let mut backups = self.backups.get(place)?.iter();
        let takes = |backup: &&Backup| {
            let node = backup.place.and_then(|place| self.list.get(place));
            node.is_none_or(|node| node.state.is_open())
        };
        backups.find(takes).map(|backup| StandIn {
            name: &backup.name,
            is_here: backup.is_own || self.is_taken(backup),
        })
    }

    fn is_taken(&self, backup: &Backup) -> bool {
        let node = backup.place.and_then(|place| self.list.get(place));
        node.is_some_and(|node| node.state.is_taken())
    }

    /// Tells the log and the engine where the node that stands in for another one is another than before.
    pub(crate) fn tell_stand_ins(&self, tasks: &Tasks) {
        for (node, backups) in self.list.iter().zip(&self.backups) {
            if node.state.is_taken() {
                continue;
            }
            let is_down = node.state.unreachable() == Some(Unreachable::Down);
            let now = match self.stand_in(node) {
                Some(stand_in) => Told::By(stand_in.name.into()),
                None if is_down && !backups.is_empty() => Told::Nobody,
                None => Told::Itself,
            };
            if let Some(before) = node.state.told(&now) {
                tell(node, &before, &now, tasks);
            }
        }
    }
}

#[cold]
fn tell(node: &Node, before: &Told, now: &Told, tasks: &Tasks) {
    let name = Escaped(&node.name);
    let (level, line) = match (before, now) {
        (_, Told::By(other)) => (
            Level::Note,
            format!(
                "Node '{name}' is down: node '{}' stands in for it",
                Escaped(other)
            ),
        ),
        (_, Told::Nobody) => (
            Level::Warn,
            format!("Node '{name}' is down, and none of its backups takes calls"),
        ),
        (Told::By(other), Told::Itself) => (
            Level::Note,
            format!(
                "Node '{}' no longer stands in for node '{name}'",
                Escaped(other)
            ),
        ),
        (_, Told::Itself) => (
            Level::Note,
            format!("Node '{name}' needs no backup any more"),
        ),
    };
    tasks.log(level, line);
    let text = |told: &Told| match told {
        Told::By(other) => Escaped(other).to_string(),
        Told::Itself | Told::Nobody => String::new(),
    };
    tell_backup(node, &text(before), &text(now), tasks);
}

/// The names of stand-ins that messages were sent to. They live as long as the cluster, as verdicts do that borrow from it, and are
/// as many as operators have named.
#[derive(Debug, Default)]
pub(crate) struct Names(OnceLock<Box<Kept>>);

#[derive(Debug)]
struct Kept {
    name: Box<[u8]>,
    next: Names,
}

impl Names {
    /// The name, from now on kept.
    #[cold]
    pub(crate) fn keep(&self, name: &[u8]) -> &[u8] {
        let mut names = self;
        loop {
            let kept = names.0.get_or_init(|| {
                Box::new(Kept {
                    name: name.into(),
                    next: Self::default(),
                })
            });
            if *kept.name == *name {
                return &kept.name;
            }
            names = &kept.next;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_kept_once() {
        let names = Names::default();
        let first = names.keep(b"node1").as_ptr();
        assert_eq!(names.keep(b"node2"), b"node2");
        assert_eq!(names.keep(b"node1").as_ptr(), first);
    }
}
