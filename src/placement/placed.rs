// SPDX-License-Identifier: GPL-2.0-or-later

//! The resources that this node was asked for of late, and where they were then: by these it notices a resource that is
//! split.
//!
//! A resource is split where two nodes see different nodes alive, and place it differently. One of them notices: the
//! call that the other one sends comes to a node that has placed the resource elsewhere itself.

use std::sync::atomic::{AtomicBool, Ordering::Relaxed};

use crate::nodes::{Node, Nodes, Unreachable};
use crate::placement::claim::{Claim, ClaimCache, Eligibility, LeaseConfig, Member, winner};
use crate::placement::rendezvous::Seed;
use crate::time::WallTime;

/// The time for which a place without a claim is taken for one, in seconds.
const LASTS: u32 = 3600;

/// The places of resources.
#[derive(Debug, Default)]
pub(crate) struct Placed {
    places: ClaimCache,
    is_used: AtomicBool,
    /// A node was down at the last tick. Each placement asks, and must not ask all nodes.
    has_down: AtomicBool,
}

impl Placed {
    /// Takes a look at all nodes.
    pub(crate) fn tick(&self, nodes: &Nodes) {
        self.has_down.store(nodes.iter().any(is_down), Relaxed);
    }

    /// The node that would have a resource if it were not down.
    pub(crate) fn displaced<'n>(&self, resource: &[u8], nodes: &'n Nodes) -> Option<&'n [u8]> {
        self.has_down
            .load(Relaxed)
            .then(|| displaced(resource, nodes))?
    }

    /// Remembers a place: the node with this seed.
    pub(crate) fn remember(&self, resource: &[u8], node: Seed, now: WallTime) {
        let place = Claim {
            node,
            // It isn't looked at here.
            place: 0,
            since: now.seconds(),
        };
        self.places.put(resource, place, LASTS);
        self.is_used.store(true, Relaxed);
    }

    /// Nothing was placed yet.
    pub(crate) fn is_empty(&self) -> bool {
        !self.is_used.load(Relaxed)
    }

    /// The node other than this one, `own`, that holds a resource as far as this node knows; `None` where it knows of no
    /// such one. A node that takes nothing new may have lost it meanwhile.
    pub(crate) fn elsewhere<'n>(
        &self,
        resource: &[u8],
        own: &[u8],
        nodes: &'n Nodes,
        lease: &LeaseConfig,
        now: WallTime,
    ) -> Option<&'n [u8]> {
        // By then another node may hold the claim.
        let lasts = match &*lease.account {
            b"" => LASTS,
            _ => lease.cache.min(LASTS),
        };
        let place = self.places.get(resource)?;
        if !place.is_younger(lasts, now.seconds()) {
            return None;
        }
        let node = nodes.iter().find(|node| node.seed == place.node)?;
        let is_here = *node.name == *own || node.state.is_taken();
        (!is_here && node.state.is_open()).then_some(&*node.name)
    }
}

fn is_down(node: &Node) -> bool {
    node.state.unreachable() == Some(Unreachable::Down)
}

#[cold]
fn displaced<'n>(resource: &[u8], nodes: &'n Nodes) -> Option<&'n [u8]> {
    let members = nodes.iter().map(|node| {
        let member = Member::from(node);
        let eligibility = if is_down(node) {
            Eligibility::Take
        } else {
            member.eligibility
        };
        Member {
            eligibility,
            ..member
        }
    });
    let first = winner(resource, members)?;
    nodes.find(first).is_some_and(is_down).then_some(first)
}
