// SPDX-License-Identifier: GPL-2.0-or-later

//! The nodes that a call has been on, and the requests that they got: a node that would be asked for the same
//! thing again is in a loop. A node that is asked for something else is in a spiral, which is a way like any
//! other.
//!
//! The node that sent a call is in its `X-NodeName`. The nodes before it are in `X-Visited`, each with a mark
//! of its request to the next one:
//!
//! ```text
//! X-Visited: node1;q2k8fT0wWcE,node2;0aP1m_Zr5vA
//! ```
//!
//! The request of the last node is in the other headers. So a call's first forward has no header more than
//! the stock module's. Nodes with version 1.0 write no marks, and count each node of the list as they should.
//! Their requests are not known, so the nodes that they asked aren't asked again.

use base64ct::{Base64UrlUnpadded, Encoding};
use sha2::{Digest, Sha256};

use crate::addressing::resource::trim_blanks;
use crate::auth::signature::normalized::NormalizedHeader;
use crate::messages::{Name, Parameters};
use crate::text::Text;

/// The length of a mark.
const MARK: usize = 11;

/// The mark of a node's request: a short hash.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Mark([u8; MARK]);

impl Mark {
    /// The mark of a node that is asked for a resource, or for a number behind the prefix.
    pub(crate) fn of(node: &[u8], called: &[u8], callto: &[u8]) -> Self {
        let mut hash = Sha256::new();
        for field in [node, called, callto] {
            let field = NormalizedHeader::of(field);
            hash.update((field.len() as u64).to_be_bytes());
            field.each_piece(|piece| hash.update(piece));
        }
        let mut text = [0; MARK];
        // Eight bytes have exactly as many characters as there is room for.
        let _ = Base64UrlUnpadded::encode(&hash.finalize()[..8], &mut text);
        Self(text)
    }
}

/// The nodes that a call has been on, this one not included.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Visited<'m> {
    /// The node that sent it here; empty for a call from outside.
    origin: &'m [u8],
    /// Those before.
    earlier: &'m [u8],
}

/// A node of the list.
#[derive(Clone, Copy)]
struct Entry<'m> {
    node: &'m [u8],
    /// The mark of its request to the next one, if it has written one.
    mark: Option<&'m [u8]>,
}

impl<'m> Entry<'m> {
    fn read(text: &'m [u8]) -> Self {
        let place = text.iter().rposition(|&byte| byte == b';');
        let split = place.filter(|place| text.len() - place - 1 == MARK);
        Self {
            node: trim_blanks(&text[..split.unwrap_or(text.len())]),
            mark: split.map(|place| &text[place + 1..]),
        }
    }
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

    fn entries(self) -> impl Iterator<Item = Entry<'m>> {
        let earlier = self.earlier.split(|&byte| byte == b',').map(trim_blanks);
        earlier.filter(|text| !text.is_empty()).map(Entry::read)
    }

    /// The number of times that the call was forwarded.
    #[inline]
    pub(crate) fn hops(self) -> usize {
        // Most calls were on no node before the last.
        let earlier = if self.earlier.is_empty() {
            0
        } else {
            self.count_earlier()
        };
        earlier + usize::from(!self.origin.is_empty())
    }

    /// Whether a node of this name sent the call.
    pub(crate) fn is_from(self, node: &[u8]) -> bool {
        // Names of nodes differ at their end, as a rule.
        self.origin.last() == node.last() && self.origin == node
    }

    #[inline(never)]
    fn count_earlier(self) -> usize {
        self.entries().count()
    }

    /// Whether a node was asked for this before, or may have been.
    pub(crate) fn contains(self, node: &[u8], mark: Mark) -> bool {
        let origin = (!self.origin.is_empty()).then_some(self.origin);
        let asked = self.entries().map(|entry| entry.node).skip(1).chain(origin);
        let mut pairs = self.entries().zip(asked);
        pairs.any(|(entry, asked)| match entry.mark {
            Some(earlier) => earlier == mark.0,
            None => asked == node,
        })
    }

    /// Writes the list that the next node gets in `X-Visited`; nothing where there are no nodes. `mark` is
    /// the mark of the sender's request to this node.
    pub(crate) fn write(self, mark: Mark, out: &mut Text) {
        for (at, entry) in self.entries().enumerate() {
            if at > 0 {
                out.push(b',');
            }
            out.extend_from_slice(entry.node);
            if let Some(mark) = entry.mark {
                out.push(b';');
                out.extend_from_slice(mark);
            }
        }
        if self.origin.is_empty() {
            return;
        }
        if self.entries().next().is_some() {
            out.push(b',');
        }
        out.extend_from_slice(self.origin);
        out.push(b';');
        out.extend_from_slice(&mark.0);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const ASKED: Mark = Mark(*b"0123456789a");

    fn visited<'m>(origin: &'m str, earlier: &'m str) -> Visited<'m> {
        Visited {
            origin: origin.as_bytes(),
            earlier: earlier.as_bytes(),
        }
    }

    fn written(visited: Visited) -> String {
        let mut text = Text::new();
        visited.write(ASKED, &mut text);
        String::from_utf8(text.into_vec()).unwrap()
    }

    #[test]
    fn the_list_grows_by_the_sender_and_what_he_asked_for() {
        for (origin, earlier, list) in [
            ("", "", ""),
            ("node1", "", "node1;0123456789a"),
            ("node2", " node1 ", "node1,node2;0123456789a"),
            (
                "node2",
                "node1;abcdefghijk",
                "node1;abcdefghijk,node2;0123456789a",
            ),
        ] {
            assert_eq!(written(visited(origin, earlier)), list);
        }
    }

    #[test]
    fn a_node_is_in_a_loop_only_where_it_was_asked_for_the_same_thing() {
        let first = Mark::of(b"node2", b"", b"park/1");
        let list = String::from_utf8([b"node1;", &first.0[..]].concat()).unwrap();
        let visited = visited("node2", &list);
        assert!(visited.contains(b"node2", first));
        for other in [
            Mark::of(b"node2", b"", b"park/2"),
            Mark::of(b"node2", b"7", b"park/1"),
            Mark::of(b"node1", b"", b"park/1"),
        ] {
            assert!(!visited.contains(b"node2", other));
            assert!(!visited.contains(b"node1", other));
        }
    }

    /// The engine carries a resource so, and both ends must make the same mark.
    #[test]
    fn a_mark_is_of_what_arrives() {
        let [sent, arrives] = ["b@h; line=;;ob", "b@h;line;ob"].map(str::as_bytes);
        assert_eq!(Mark::of(b"n", b"", sent), Mark::of(b"n", b"", arrives));
    }

    #[test]
    fn whom_an_older_node_has_asked_is_not_asked_again() {
        let visited = visited("node3", "node1,node2;abcdefghijk");
        assert!(visited.contains(b"node2", ASKED));
        for node in ["node1", "node3", "node4"] {
            assert!(!visited.contains(node.as_bytes(), ASKED), "{node}");
        }
    }

    proptest! {
        #[test]
        fn a_list_that_was_written_is_read_again(
            nodes in prop::collection::vec("[a-z0-9.-]{1,12}", 1..8)
        ) {
            let mut list = String::new();
            for node in &nodes {
                list = written(visited(node, &list));
            }
            let visited = visited("last", &list);
            prop_assert_eq!(visited.hops(), nodes.len() + 1);
            let read: Vec<_> = visited.entries().map(|entry| entry.node.to_vec()).collect();
            prop_assert_eq!(read, nodes.iter().map(|n| n.as_bytes().to_vec()).collect::<Vec<_>>());
            prop_assert!(visited.entries().all(|entry| entry.mark == Some(&ASKED.0[..])));
            // An older node counts the same number.
            prop_assert_eq!(list.split(',').count(), nodes.len());
        }

        #[test]
        fn arbitrary_bytes_do_no_harm(list in prop::collection::vec(any::<u8>(), 0..64)) {
            let visited = Visited { origin: b"node1", earlier: &list };
            let mut text = Text::new();
            visited.write(ASKED, &mut text);
            let _ = visited.contains(b"node1", ASKED);
        }
    }
}
