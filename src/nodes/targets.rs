// SPDX-License-Identifier: GPL-2.0-or-later

//! The node that a target belongs to, found in the same time however many nodes there are.
//!
//! Each channel that starts is asked for, while the engine dispatches its message. A template has no inverse, but what
//! is certain of the targets that it makes is known beforehand, their [`Shape`]. Of the pieces of a shape those are its
//! key that the fewest others have: its two ends, or one piece between them. A target is looked up by the ends that it
//! may have, and by the pieces within it only where a template needs that. So the time grows with the number of
//! different lengths of keys, which are few, and not with the number of nodes.

use rustc_hash::FxHashMap;

use super::Node;
use crate::addressing::template::Shape;
use crate::text::Text;

/// The place of no node.
const NONE: usize = usize::MAX;

/// The first place for each key.
type ByKey = FxHashMap<Box<[u8]>, usize>;

/// The nodes by the targets of calls to them.
#[derive(Debug, Default)]
pub(super) struct Targets {
    /// Those whose target is always the same, by that.
    constant: ByKey,
    /// Those whose keys are a start and an end, by the lengths of the two.
    ends: Vec<Keys>,
    /// Those whose keys are a piece between, by its length.
    between: Vec<Keys>,
    /// A bit for each first byte of these pieces.
    first_bytes: [u64; 4],
    /// Behind each node the next one that has the same key.
    next: Vec<usize>,
}

/// The keys of two lengths.
#[derive(Debug)]
struct Keys {
    start: usize,
    end: usize,
    nodes: ByKey,
}

impl Targets {
    /// The targets of a list of nodes. Of two nodes that have one target the first one has it.
    pub(super) fn new(list: &[Node]) -> Self {
        let mut targets = Self {
            next: vec![NONE; list.len()],
            ..Self::default()
        };
        let (mut shapes, mut counts) = (ByKey::default(), ByKey::default());
        for (place, Node { shape, .. }) in list.iter().enumerate() {
            if let Some(target) = shape.constant() {
                targets.constant.entry(target.into()).or_insert(place);
            } else if let Some((start, between, end)) = shape.pieces() {
                let first = *shapes.entry(whole(shape)).or_insert(place);
                if first == place {
                    *counts.entry(joined(b'e', start, end)).or_default() += 1;
                    for piece in between {
                        *counts.entry(joined(b'b', piece, b"")).or_default() += 1;
                    }
                }
            }
        }
        // The last one first, so that the first one of a key is found first.
        for (place, Node { shape, .. }) in list.iter().enumerate().rev() {
            if shape.pieces().is_some() && shapes.get(&whole(shape)) == Some(&place) {
                targets.add(shape, place, &counts);
            }
        }
        targets
    }

    fn add(&mut self, shape: &Shape, place: usize, counts: &ByKey) {
        let Some((start, between, end)) = shape.pieces() else {
            return;
        };
        let count = |key: Box<[u8]>| counts.get(&key).copied().unwrap_or_default();
        let between = between.iter().filter(|piece| !piece.is_empty());
        let rarest = between
            .map(|piece| (count(joined(b'b', piece, b"")), &**piece))
            .min_by_key(|(count, _)| *count)
            .filter(|(of_piece, _)| *of_piece < count(joined(b'e', start, end)));
        let (lists, start, end) = match rarest {
            Some((_, piece)) => (&mut self.between, piece, &b""[..]),
            None => (&mut self.ends, start, end),
        };
        if let (Some(_), Some(byte)) = (rarest, start.first()) {
            self.first_bytes[usize::from(byte / 64)] |= 1 << (byte % 64);
        }
        let is_of = |keys: &Keys| (keys.start, keys.end) == (start.len(), end.len());
        let at = lists.iter().position(is_of).unwrap_or_else(|| {
            lists.push(Keys {
                start: start.len(),
                end: end.len(),
                nodes: ByKey::default(),
            });
            lists.len() - 1
        });
        let after = lists[at].nodes.insert([start, end].concat().into(), place);
        self.next[place] = after.unwrap_or(NONE);
    }

    /// The first node of the list that a target belongs to.
    pub(super) fn find<'n>(&self, target: &[u8], list: &'n [Node]) -> Option<&'n Node> {
        if let Some(&place) = self.constant.get(target) {
            return list.get(place);
        }
        let mut found = NONE;
        let mut look = |nodes: &ByKey, key: &[u8]| {
            let mut place = nodes.get(key).copied().unwrap_or(NONE);
            // None of these has another one's shape, so there are few.
            while place < found && !list[place].shape.matches(target) {
                place = self.next[place];
            }
            found = found.min(place);
        };
        for Keys { start, end, nodes } in &self.ends {
            if let Some(rest) = target.len().checked_sub(*end).filter(|rest| rest >= start) {
                let mut key = Text::from_slice(&target[..*start]);
                key.extend_from_slice(&target[rest..]);
                look(nodes, &key);
            }
        }
        for Keys { start, nodes, .. } in &self.between {
            for piece in target.windows(*start) {
                let byte = piece[0];
                if self.first_bytes[usize::from(byte / 64)] >> (byte % 64) & 1 != 0 {
                    look(nodes, piece);
                }
            }
        }
        list.get(found)
    }
}

#[cfg(test)]
impl Targets {
    /// The most nodes that have one key, of which a look at a target may look at each.
    pub(super) fn longest_chain(&self) -> usize {
        let keys = self.ends.iter().chain(&self.between);
        let firsts = keys.flat_map(|keys| keys.nodes.values());
        let after = |place: &usize| Some(self.next[*place]).filter(|next| *next != NONE);
        let lengths = firsts.map(|&first| std::iter::successors(Some(first), after).count());
        lengths.max().unwrap_or_default()
    }
}

/// Two texts of a kind as one, by which pieces are counted.
fn joined(kind: u8, start: &[u8], end: &[u8]) -> Box<[u8]> {
    let length = start.len().to_ne_bytes();
    [&[kind], &length[..], start, end].concat().into()
}

/// A shape as one text, which no other shape has.
fn whole(shape: &Shape) -> Box<[u8]> {
    let mut text = Vec::new();
    if let Some((start, between, end)) = shape.pieces() {
        for piece in [start]
            .into_iter()
            .chain(between.iter().map(|piece| &**piece))
        {
            text.extend_from_slice(&piece.len().to_ne_bytes());
            text.extend_from_slice(piece);
        }
        text.extend_from_slice(end);
    }
    text.into()
}
