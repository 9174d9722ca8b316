// SPDX-License-Identifier: GPL-2.0-or-later

//! Queries with places for values. A value is put in its place without ever being more than a value.
//!
//! A name becomes one string literal of printable ASCII, in which percent codes stand for everything that
//! databases may take for something else, or refuse: quotes, backslashes, control characters and what isn't
//! ASCII. There is nothing left in it to escape, so that it is the same text to every database, whatever
//! its dialect, settings and encoding are.

use std::iter;

use percent_encoding::{AsciiSet, CONTROLS, percent_decode, percent_encode};

use crate::text::Escaped;

/// The bytes that are percent-coded, beside all that aren't ASCII.
pub(crate) const CODED: &AsciiSet = &CONTROLS.add(b'%').add(b'\'').add(b'\\');

/// A query that is ready to be filled in. By default it asks nothing.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Query {
    parts: Box<[Part]>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Part {
    Text(Box<[u8]>),
    Value(Place),
}

/// A place for a value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Place {
    /// The resource.
    Resource,
    /// The node that gets it, unless another one has it.
    Node,
    /// The nodes that may keep it, with commas between.
    Nodes,
    /// The nodes that may not keep it, with commas between; an empty name where there is none.
    Gone,
    /// Those of them that are down, with commas between; an empty name where there is none.
    Down,
    /// Seconds since 1970.
    Now,
    /// The end of a lease that begins now.
    Expires,
    /// The length of a lease, in seconds.
    Lease,
}

impl Place {
    const ALL: [Self; 8] = [
        Self::Resource,
        Self::Node,
        Self::Nodes,
        Self::Gone,
        Self::Down,
        Self::Now,
        Self::Expires,
        Self::Lease,
    ];

    const fn name(self) -> &'static str {
        match self {
            Self::Resource => "resource",
            Self::Node => "node",
            Self::Nodes => "nodes",
            Self::Gone => "gone",
            Self::Down => "down",
            Self::Now => "now",
            Self::Expires => "expires",
            Self::Lease => "lease",
        }
    }
}

/// The purpose of a query.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Purpose {
    /// Claims a resource for a node, unless another one has it.
    Claim,
    /// Only looks up the node that has it.
    Lookup,
}

/// The reason why a text is not a query.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum QueryError {
    /// A `${` has no `}` behind it.
    #[error("'${{' at byte {0} has no closing '}}'")]
    Unterminated(usize),
    /// There is no such value.
    #[error("unknown value '${{{name}}}', the known ones are {known}")]
    Unknown {
        /// The name between the braces.
        name: String,
        /// Those that there are.
        known: String,
    },
    /// A value stands within quotes.
    #[error("'${{{0}}}' is in quotes: leave them out, the value has its own")]
    Quoted(&'static str),
    /// A value that the query needs is nowhere in it.
    #[error("'${{{0}}}' is missing")]
    Missing(&'static str),
}

/// The values that a query is filled in with.
#[derive(Clone, Debug)]
pub struct Values<'a, I, G> {
    /// The resource.
    pub resource: &'a [u8],
    /// The node that gets it; there must be one for a claim.
    pub node: Option<&'a [u8]>,
    /// The nodes that may keep it.
    pub nodes: I,
    /// The nodes that may not.
    pub gone: G,
    /// Those of them that are down.
    pub down: &'a [&'a [u8]],
    /// Seconds since 1970.
    pub now: u64,
    /// The length of a lease, in seconds.
    pub lease: u32,
}

impl Query {
    /// Reads a query.
    ///
    /// # Errors
    ///
    /// Fails when a place for a value is unknown, missing, never closed, or within quotes.
    pub fn parse(purpose: Purpose, text: &[u8]) -> Result<Self, QueryError> {
        let (known, needed): (&[Place], &[Place]) = match purpose {
            Purpose::Claim => (&Place::ALL, &[Place::Resource, Place::Node]),
            Purpose::Lookup => {
                const KNOWN: &[Place] = &[
                    Place::Resource,
                    Place::Nodes,
                    Place::Gone,
                    Place::Down,
                    Place::Now,
                ];
                (KNOWN, &[Place::Resource])
            }
        };
        let mut parts = Vec::new();
        let mut quote = None;
        let mut rest = text;
        while let Some(at) = rest.windows(2).position(|pair| pair == b"${") {
            let (before, inner) = (&rest[..at], &rest[at + 2..]);
            let Some(close) = inner.iter().position(|&byte| byte == b'}') else {
                return Err(QueryError::Unterminated(text.len() - rest.len() + at));
            };
            let name = inner[..close].trim_ascii();
            let place = known.iter().find(|place| place.name().as_bytes() == name);
            let Some(&place) = place else {
                return Err(QueryError::Unknown {
                    name: Escaped(name).to_string(),
                    known: list(known),
                });
            };
            quote = quote_after(quote, before);
            if quote.is_some() {
                return Err(QueryError::Quoted(place.name()));
            }
            parts.extend([Part::Text(before.into()), Part::Value(place)]);
            rest = &inner[close + 1..];
        }
        parts.push(Part::Text(rest.into()));
        for place in needed {
            if !parts.contains(&Part::Value(*place)) {
                return Err(QueryError::Missing(place.name()));
            }
        }
        Ok(Self {
            parts: parts.into(),
        })
    }

    /// It heeds more than this node's own view of who is down.
    pub(super) fn heeds_others(&self) -> bool {
        self.parts.contains(&Part::Value(Place::Down))
    }

    /// The query with its values.
    pub fn fill<'n, 'g, I, G>(&self, values: &Values<I, G>) -> Vec<u8>
    where
        I: Iterator<Item = &'n [u8]> + Clone,
        G: Iterator<Item = &'g [u8]> + Clone,
    {
        let mut query = Vec::with_capacity(512);
        for part in &self.parts {
            let number = match part {
                Part::Text(text) => {
                    query.extend_from_slice(text);
                    continue;
                }
                Part::Value(Place::Resource) => {
                    literals(iter::once(values.resource), &mut query);
                    continue;
                }
                Part::Value(Place::Node) => {
                    literals(values.node.into_iter(), &mut query);
                    continue;
                }
                Part::Value(Place::Nodes) => {
                    literals(values.nodes.clone(), &mut query);
                    continue;
                }
                Part::Value(Place::Gone) => {
                    literals_or_nobody(values.gone.clone(), &mut query);
                    continue;
                }
                Part::Value(Place::Down) => {
                    literals_or_nobody(values.down.iter().copied(), &mut query);
                    continue;
                }
                Part::Value(Place::Now) => values.now,
                Part::Value(Place::Expires) => values.now.saturating_add(values.lease.into()),
                Part::Value(Place::Lease) => values.lease.into(),
            };
            query.extend_from_slice(number.to_string().as_bytes());
        }
        query
    }
}

/// The name that a database gave back as it was given to it.
pub fn name(cell: &[u8]) -> Vec<u8> {
    percent_decode(cell).collect()
}

/// The quote that is open after `text`, if `open` was before it.
fn quote_after(open: Option<u8>, text: &[u8]) -> Option<u8> {
    text.iter().fold(open, |open, &byte| match open {
        None if matches!(byte, b'\'' | b'"' | b'`') => Some(byte),
        Some(quote) if byte == quote => None,
        _ => open,
    })
}

/// The names of places, for people.
fn list(places: &[Place]) -> String {
    let names: Vec<_> = places.iter().map(|place| place.name()).collect();
    format!("${{{}}}", names.join("}, ${"))
}

/// Appends names as string literals with commas between.
fn literals<'a>(names: impl Iterator<Item = &'a [u8]>, query: &mut Vec<u8>) {
    for (count, name) in names.enumerate() {
        query.extend_from_slice(if count > 0 { b", '" } else { b"'" });
        for piece in percent_encode(name, CODED) {
            query.extend_from_slice(piece.as_bytes());
        }
        query.push(b'\'');
    }
}

/// The same for names that there may be none of: no list of a query may be empty, and no node has the empty name.
fn literals_or_nobody<'a>(names: impl Iterator<Item = &'a [u8]> + Clone, query: &mut Vec<u8>) {
    let nobody = names.clone().next().is_none().then_some(&b""[..]);
    literals(names.chain(nobody), query);
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::collection::vec;
    use proptest::prelude::*;

    fn fill(query: &str, resource: &[u8], nodes: &[&[u8]]) -> String {
        let query = Query::parse(Purpose::Claim, query.as_bytes()).unwrap();
        let values = Values {
            resource,
            node: nodes.first().copied(),
            nodes: nodes.iter().copied(),
            gone: iter::empty(),
            down: &[],
            now: 1_000,
            lease: 60,
        };
        String::from_utf8(query.fill(&values)).unwrap()
    }

    #[test]
    fn values_are_put_in_their_places() {
        assert_eq!(
            fill(
                "f(${resource}, ${ node }, ${expires}, ${now}, ${lease}) in (${nodes}) not in (${gone})",
                b"conf/1",
                &[b"node1", b"node2"]
            ),
            "f('conf/1', 'node1', 1060, 1000, 60) in ('node1', 'node2') not in ('')"
        );
    }

    #[test]
    fn a_hostile_name_is_a_name() {
        assert_eq!(
            fill(
                "${resource} ${node}",
                b"'; DROP TABLE x; --",
                &[b"n\\\0\n%\xfc"]
            ),
            "'%27; DROP TABLE x; --' 'n%5C%00%0A%25%FC'"
        );
    }

    #[test]
    fn a_value_is_no_place_for_another() {
        assert_eq!(
            fill("${resource} ${node}", b"${node}", &[b"${nodes}"]),
            "'${node}' '${nodes}'"
        );
    }

    #[test]
    fn errors_say_what_would_be_right() {
        let error = |purpose, text: &str| {
            let error = Query::parse(purpose, text.as_bytes()).unwrap_err();
            error.to_string()
        };
        for (text, message) in [
            (
                "${resource} ${Node}",
                "unknown value '${Node}', the known ones are ${resource}, ${node}, ${nodes}, ${gone}, \
                 ${down}, ${now}, ${expires}, ${lease}",
            ),
            ("${resource} ${node", "'${' at byte 12 has no closing '}'"),
            (
                "x = 'a' and y = '${resource}' and ${node}",
                "'${resource}' is in quotes: leave them out, the value has its own",
            ),
            ("${resource}", "'${node}' is missing"),
            ("${node}", "'${resource}' is missing"),
            ("", "'${resource}' is missing"),
        ] {
            assert_eq!(error(Purpose::Claim, text), message);
        }
        assert_eq!(
            error(Purpose::Lookup, "${resource} ${node}"),
            "unknown value '${node}', the known ones are ${resource}, ${nodes}, ${gone}, ${down}, ${now}"
        );
    }

    /// The value of the string literal that a text consists of, as a database reads it that takes
    /// backslashes for escapes, or not; `None` where it is anything else.
    fn literal(text: &[u8], backslashes: bool) -> Option<Vec<u8>> {
        let mut rest = text.strip_prefix(b"'")?;
        let mut value = Vec::new();
        loop {
            rest = match rest {
                [b'\'', b'\'', rest @ ..] => {
                    value.push(b'\'');
                    rest
                }
                [b'\''] => return Some(value),
                [b'\\', _, rest @ ..] if backslashes => {
                    value.push(0);
                    rest
                }
                [b' '..=b'~', ..] if rest[0] != b'\'' => {
                    value.push(rest[0]);
                    &rest[1..]
                }
                _ => return None,
            };
        }
    }

    proptest! {
        #[test]
        fn whatever_the_bytes_a_database_sees_one_literal_and_gives_them_back(
            bytes in prop_oneof![vec(any::<u8>(), 0..40), "[a%'\\\\;0-9-]{0,20}".prop_map(String::into_bytes)],
        ) {
            let mut text = Vec::new();
            literals(iter::once(&*bytes), &mut text);
            for backslashes in [false, true] {
                let value = literal(&text, backslashes);
                prop_assert_eq!(value.as_deref().map(name), Some(bytes.clone()));
            }
        }

        #[test]
        fn names_that_differ_are_literals_that_differ(
            one in vec(any::<u8>(), 0..4),
            other in vec(any::<u8>(), 0..4),
        ) {
            let text = |name| {
                let mut text = Vec::new();
                literals(iter::once(name), &mut text);
                text
            };
            prop_assert_eq!(text(&one) == text(&other), one == other);
        }

        #[test]
        fn arbitrary_queries_do_no_harm(text in "([$]|[{]|[}]|'|resource|node| ){0,20}") {
            for purpose in [Purpose::Claim, Purpose::Lookup] {
                let _ = Query::parse(purpose, text.as_bytes());
            }
        }
    }
}
