// SPDX-License-Identifier: GPL-2.0-or-later

//! Where a call has been: a call that would come to a node twice is going round in circles.
//!
//! The node that sent a call is in its `X-NodeName`; those before it are in `X-Visited`, with commas
//! between. So a call's first forward has no header more than the stock module's.

use crate::addressing::resource::trim_blanks;
use crate::messages::{Name, Parameters};
use crate::text::Text;

/// The nodes that a call has been on, this one not included.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Visited<'m> {
    /// The node that sent it here; empty for a call from outside.
    origin: &'m [u8],
    /// Those before.
    earlier: &'m [u8],
}

impl<'m> Visited<'m> {
    /// Reads the headers that the call came with.
    pub(crate) fn of(message: &impl Parameters<'m>) -> Self {
        let header = |name| trim_blanks(message.get(name).unwrap_or_default());
        Self {
            origin: header(Name::SipNodename),
            earlier: header(Name::SipVisited),
        }
    }

    fn nodes(self) -> impl Iterator<Item = &'m [u8]> {
        let earlier = self.earlier.split(|&byte| byte == b',').map(trim_blanks);
        earlier.chain([self.origin]).filter(|node| !node.is_empty())
    }

    pub(crate) fn contains(self, node: &[u8]) -> bool {
        self.nodes().any(|visited| visited == node)
    }

    /// How often the call was forwarded.
    pub(crate) fn hops(self) -> usize {
        self.nodes().count()
    }

    /// Writes the list that the next node gets in `X-Visited`; nothing where there are no nodes.
    pub(crate) fn write(self, out: &mut Text) {
        for (at, node) in self.nodes().enumerate() {
            if at > 0 {
                out.extend_from_slice(b",");
            }
            out.extend_from_slice(node);
        }
    }
}
