// SPDX-License-Identifier: GPL-2.0-or-later

//! A node as the database has it: the contents of its section, and what its operators want of it.

use std::fmt::Display;

use percent_encoding::{AsciiSet, percent_decode, percent_encode};

use super::OwnedEntry;
use crate::nodes::admin::AdminState;
use crate::placement::claim::CODED as LITERAL;
use crate::settings::name_problem;

/// The bytes that are percent-coded in the table, beside all that aren't ASCII: what ends a literal or a column.
const CODED: &AsciiSet = &LITERAL.add(b'|');

/// The most bytes of a row that are looked at.
const LONGEST_ROW: usize = 8192;

/// What the operators of the cluster want of a node.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Intent {
    /// It is part of the cluster.
    Member(AdminState),
    /// It is no part of it any more.
    Forgotten,
}

impl Intent {
    const ALL: [Self; 4] = [
        Self::Member(AdminState::Enabled),
        Self::Member(AdminState::Draining),
        Self::Member(AdminState::Disabled),
        Self::Forgotten,
    ];

    /// The word for it in the table.
    #[must_use]
    pub const fn text(self) -> &'static str {
        match self {
            Self::Member(admin) => admin.text(),
            Self::Forgotten => "forgotten",
        }
    }

    /// The intent by its word.
    pub(super) fn read(text: &[u8]) -> Option<Self> {
        Self::ALL
            .into_iter()
            .find(|intent| intent.text().as_bytes() == text)
    }
}

/// The keys of a node's section that the table has, in the order of its columns.
pub(super) const KEYS: [&str; 7] = [
    "callto",
    "transport",
    "weight",
    "source",
    "probe",
    "capacity",
    "backup",
];

/// A node's definition.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Definition {
    /// Its name.
    pub name: Box<[u8]>,
    /// The intent of the operators.
    pub intent: Intent,
    /// The values of the [keys](KEYS) of its section; empty for the default.
    pub values: [Box<[u8]>; KEYS.len()],
    /// The version of its module.
    pub version: Box<[u8]>,
    /// The fingerprints of its settings, see [`drift`](super::drift).
    pub settings: Box<[u8]>,
    /// The process that wrote it: a number in hexadecimal digits.
    pub process: Box<[u8]>,
    /// The name that the node had when it ran before, where it had another.
    pub former: Box<[u8]>,
}

/// The reason why a row is no definition.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum RowError {
    /// It is longer than any definition is.
    #[error("its row in the table has more than {LONGEST_ROW} bytes")]
    Long,
    /// It has other columns.
    #[error("its row in the table has other columns than this version knows")]
    Columns,
    /// Its name can't be that of a node: no section of a file could have it.
    #[error("{0}")]
    Name(String),
    /// With its section a setting is wrong that is none of the section.
    #[error("with it a setting is wrong: {0}")]
    Setting(String),
    /// Its state is none.
    #[error("its 'admin' in the table is not enabled, draining, disabled or forgotten")]
    Intent,
}

/// A row of the table.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Row {
    /// The generation of its last change; 0 where it can't be read.
    pub(super) generation: u64,
    /// The name of its node, as far as it can be read.
    pub(super) name: Box<[u8]>,
    pub(super) definition: Result<Definition, RowError>,
}

/// The literal of a text in a query: printable ASCII, with nothing in it that ends it.
pub(super) fn literal(text: &[u8]) -> String {
    format!("'{}'", coded(text))
}

/// A text as the tables have it.
pub(super) fn coded(text: &[u8]) -> impl Display {
    percent_encode(text, CODED)
}

/// A text of the tables, as it is.
pub(super) fn decoded(text: &[u8]) -> Box<[u8]> {
    percent_decode(text).collect()
}

impl Row {
    /// Reads the text that the query makes of a row: its columns with bars between.
    pub(super) fn read(text: &[u8]) -> Self {
        let columns = || text.split(|&byte| byte == b'|');
        let number = columns().next().unwrap_or_default();
        let number = std::str::from_utf8(number).ok();
        let name = columns().nth(1).unwrap_or_default();
        Self {
            generation: number.and_then(|text| text.parse().ok()).unwrap_or(0),
            name: decoded(&name[..name.len().min(LONGEST_ROW)]),
            definition: if text.len() > LONGEST_ROW {
                Err(RowError::Long)
            } else {
                Definition::read(columns().skip(1))
            },
        }
    }
}

impl Definition {
    fn read<'t>(columns: impl Iterator<Item = &'t [u8]>) -> Result<Self, RowError> {
        let columns: Vec<_> = columns.collect();
        let [
            name,
            intent,
            callto,
            transport,
            weight,
            source,
            probe,
            capacity,
            backup,
            version,
            settings,
            process,
            former,
        ] = columns[..]
        else {
            return Err(RowError::Columns);
        };
        let name = decoded(name);
        if let Some(problem) = name_problem(&name) {
            return Err(RowError::Name(problem));
        }
        Ok(Self {
            name,
            intent: Intent::read(intent).ok_or(RowError::Intent)?,
            values: [callto, transport, weight, source, probe, capacity, backup].map(decoded),
            version: decoded(version),
            settings: decoded(settings),
            process: decoded(process),
            former: decoded(former),
        })
    }

    /// The text that [`Row::read`] reads, with a generation of 0.
    pub(super) fn write(&self) -> String {
        let values = self.values.iter();
        let columns = [&self.name].into_iter().chain(values).chain([
            &self.version,
            &self.settings,
            &self.process,
            &self.former,
        ]);
        let mut columns: Vec<_> = columns
            .map(|text| percent_encode(text, CODED).to_string())
            .collect();
        columns.insert(1, self.intent.text().to_owned());
        format!("0|{}", columns.join("|"))
    }

    /// The section that a file would have.
    pub(super) fn entries(&self) -> Vec<OwnedEntry> {
        let section = [b"node ", &self.name[..]].concat();
        let mut entries = vec![OwnedEntry::new(&section, b"", b"")];
        for (key, value) in KEYS.iter().zip(&self.values) {
            if !value.is_empty() {
                entries.push(OwnedEntry::new(&section, key.as_bytes(), value));
            }
        }
        entries
    }

    /// Whether two nodes say the same of themselves, whatever the operators want of them, and whichever process says it.
    pub(super) fn agrees(&self, other: &Self) -> bool {
        (&self.name, &self.values, &self.version, &self.settings)
            == (&other.name, &other.values, &other.version, &other.settings)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn whatever_a_definition_has_it_is_read_again(
            texts in prop::collection::vec(prop::collection::vec(any::<u8>(), 0..30), 12),
            name in "[!-.0-~]{2,4}",
            has_name: bool,
            intent in 0..4_usize
        ) {
            let text = |at: usize| -> Box<[u8]> { texts[at].clone().into() };
            let definition = Definition {
                name: if has_name { name.as_bytes().into() } else { text(0) },
                intent: Intent::ALL[intent],
                values: [1, 2, 3, 4, 5, 6, 7].map(text),
                version: text(8),
                settings: text(9),
                process: text(10),
                former: text(11),
            };
            let row = Row::read(definition.write().as_bytes());
            prop_assert_eq!(&row.name, &definition.name);
            let problem = name_problem(&definition.name).map(RowError::Name);
            prop_assert_eq!(row.definition, problem.map_or(Ok(definition), Err));
        }

        #[test]
        fn a_literal_ends_where_it_ends(text in prop::collection::vec(any::<u8>(), 0..30)) {
            let literal = literal(&text);
            let inner = literal.strip_prefix('\'').unwrap().strip_suffix('\'').unwrap();
            prop_assert!(inner.bytes().all(|byte| (b' '..=b'~').contains(&byte)));
            prop_assert!(!inner.contains(['\'', '\\', '|']), "{}", inner);
        }

        #[test]
        fn arbitrary_rows_do_no_harm(text in prop::collection::vec(any::<u8>(), 0..200)) {
            let _ = Row::read(&text);
        }
    }

    /// What a section's name may have, a row's may have, too.
    #[test]
    fn a_name_that_a_file_may_have_is_a_name() {
        for name in [
            "a=b",
            "node2=taken",
            "it's a \"node\"",
            "n%c3%b6de",
            "a%09b",
            "; end",
        ] {
            let row = Row::read(format!("1|{name}|draining|||||||||||").as_bytes());
            assert_eq!(row.definition.map(|it| it.name), Ok(row.name), "{name}");
        }
    }

    #[test]
    fn a_row_that_says_nothing_is_named_with_its_reason() {
        let reason = |text: &str| Row::read(text.as_bytes()).definition.unwrap_err();
        assert_eq!(reason("1|node2|enabled|||||"), RowError::Columns);
        assert_eq!(reason("1|node2|lazy|||||||||||"), RowError::Intent);
        assert_eq!(reason(&"x".repeat(LONGEST_ROW + 1)), RowError::Long);
        let name = |name: &str| reason(&format!("1|{name}|draining|||||||||||")).to_string();
        for text in ["node2=taken%0ax", "x%0dy", "%00", "x%7f"] {
            let expected = "the name of a node can't have a control character";
            assert_eq!(name(text), expected, "{text}");
        }
        for text in ["%20node2", "node2%09", " node2"] {
            let expected = "the name of a node can't begin or end with a blank";
            assert_eq!(name(text), expected, "{text}");
        }
        assert_eq!(name(""), "a node needs a name");
        assert_eq!(name("a/b"), "the name of a node can't have a slash");
        assert_eq!(
            name(&"x".repeat(256)),
            "the name of a node has at most 255 bytes"
        );
        let row = Row::read(b"17|node%7c2|draining");
        assert_eq!((row.generation, &*row.name), (17, &b"node|2"[..]));
    }
}
