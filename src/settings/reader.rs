// SPDX-License-Identifier: GPL-2.0-or-later

//! Reads values from the entries of a file, and collects the mistakes.
//!
//! A key that is read is known: an entry that nobody has asked for is a mistake in the file. So a new setting
//! is read in one place, and there is no list to keep in line.

use std::collections::BTreeMap;
use std::ops::RangeInclusive;
use std::ptr;

use super::near;
use super::{Entry, SettingError};
use crate::file::{Document, Fault, Place};
use crate::text::{Escaped, boolean};

/// A section of the file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Section<'a> {
    /// The text between the brackets.
    pub(super) name: &'a [u8],
    /// The name of such sections in the documentation.
    pub(super) kind: &'static str,
}

/// The one section of a name.
pub(super) const fn section(name: &'static str) -> Section<'static> {
    Section {
        name: name.as_bytes(),
        kind: name,
    }
}

/// Reads a file, key by key.
pub(super) struct Reader<'a> {
    file: &'a str,
    pub(super) entries: &'a [Entry<'a>],
    document: &'a Document,
    problems: Vec<(Place, SettingError)>,
    /// The first entry of each section and key. A cluster may have a thousand sections, so nothing is searched for.
    index: BTreeMap<(&'a [u8], &'a [u8]), &'a Entry<'a>>,
    /// The sections that were asked for, and their kinds.
    asked: BTreeMap<&'a [u8], &'static str>,
    /// The kinds of sections and their keys that were asked for, in that order.
    known: Vec<(&'static str, Vec<&'static str>)>,
}

impl<'a> Reader<'a> {
    pub(super) fn new(file: &'a str, entries: &'a [Entry<'a>], document: &'a Document) -> Self {
        let mut index = BTreeMap::new();
        for entry in entries {
            index.entry((entry.section, entry.key)).or_insert(entry);
        }
        Self {
            file,
            entries,
            document,
            problems: Vec::new(),
            index,
            asked: BTreeMap::new(),
            known: Vec::new(),
        }
    }

    /// The place of an entry of the list, which is told by its address: each is asked for, so none is searched for.
    pub(super) fn place(&self, entry: &Entry) -> Place {
        let first = self.entries.as_ptr().addr();
        let offset = ptr::from_ref(entry).addr().checked_sub(first);
        let place = offset.and_then(|offset| self.document.places.get(offset / size_of::<Entry>()));
        place.copied().unwrap_or_default()
    }

    /// The path of the file of a place.
    pub(super) fn file(&self, place: Place) -> String {
        match self.document.files.get(place.file) {
            Some(path) if place.file > 0 => Escaped(path).to_string(),
            _ => self.file.to_owned(),
        }
    }

    /// The faults of the file's text, with their places.
    pub(super) fn faults(&self) -> &'a [(Place, Fault)] {
        &self.document.faults
    }

    /// All that is wrong, in the order of the lines as far as they are known.
    pub(super) fn problems(&mut self) -> Vec<SettingError> {
        let faults = self.faults().iter().filter(|(_, fault)| fault.is_error());
        for (place, fault) in faults {
            let error = SettingError {
                file: self.file(*place),
                line: place.line,
                section: String::new(),
                key: String::new(),
                value: String::new(),
                reason: fault.to_string(),
            };
            self.problems.push((*place, error));
        }
        self.problems
            .sort_by_key(|(place, _)| (place.line == 0, *place));
        let problems = self.problems.drain(..).map(|(_, problem)| problem);
        problems.collect()
    }

    fn find(&mut self, section: Section<'a>, key: &'static str) -> Option<&'a Entry<'a>> {
        self.asked.insert(section.name, section.kind);
        let mut known = self.known.iter_mut();
        match known.find(|(kind, _)| *kind == section.kind) {
            Some((_, keys)) if keys.contains(&key) => {}
            Some((_, keys)) => keys.push(key),
            None => self.known.push((section.kind, vec![key])),
        }
        self.index.get(&(section.name, key.as_bytes())).copied()
    }

    /// The place of a key; of a section without it that of another entry of the section.
    pub(super) fn place_of(&self, section: &[u8], key: &str) -> Place {
        let entry = self.index.get(&(section, key.as_bytes())).or_else(|| {
            let mut from = self.index.range((section, &b""[..])..);
            let (_, entry) = from.next().filter(|((name, _), _)| *name == section)?;
            Some(entry)
        });
        entry.map(|entry| self.place(entry)).unwrap_or_default()
    }

    /// The value as it is, even if it's empty.
    pub(super) fn text(
        &mut self,
        section: Section<'a>,
        key: &'static str,
        default: &'a [u8],
    ) -> &'a [u8] {
        self.find(section, key).map_or(default, |entry| entry.value)
    }

    /// An entry whose value isn't empty.
    fn filled(&mut self, section: Section<'a>, key: &'static str) -> Option<&'a Entry<'a>> {
        self.find(section, key)
            .filter(|entry| !entry.value.is_empty())
    }

    /// A value that is made of the text, an empty one where there is no entry; the default where it
    /// can't be made.
    pub(super) fn parsed<T: Default, E: ToString>(
        &mut self,
        section: Section<'a>,
        key: &'static str,
        parse: impl FnOnce(&'a [u8]) -> Result<T, E>,
    ) -> T {
        let text = self.text(section, key, b"");
        self.check(section, key, parse(text))
    }

    /// Takes a value that was made of an entry's text, or notes the reason why it could not be made.
    pub(super) fn check<T: Default, E: ToString>(
        &mut self,
        section: Section<'a>,
        key: &'static str,
        made: Result<T, E>,
    ) -> T {
        made.unwrap_or_else(|error| {
            if let Some(entry) = self.find(section, key) {
                self.refuse(entry, error.to_string());
            }
            T::default()
        })
    }

    /// Notes that an entry is wrong, unless it's known that its line is no entry at all.
    pub(super) fn refuse(&mut self, entry: &Entry, reason: String) {
        let place = self.place(entry);
        let mut faults = self.faults().iter();
        let is_damaged =
            faults.any(|(at, fault)| place.line > 0 && *at == place && fault.is_error());
        if !is_damaged && !is_placeholder(entry) {
            self.note(place, entry, reason);
        }
    }

    fn note(&mut self, place: Place, entry: &Entry, reason: String) {
        let shown = |text| Escaped(text).to_string();
        // A secret is in no error, whatever its section is; nor is the value of a key that may be a misspelt
        // one.
        let is_secret = match (entry.section, entry.key) {
            (b"security", key) => key != b"trusted" && key != b"window",
            (_, key) => key.to_ascii_lowercase().starts_with(b"secret"),
        };
        let error = SettingError {
            file: self.file(place),
            line: place.line,
            section: shown(entry.section),
            key: shown(entry.key),
            value: if is_secret {
                "(hidden)".to_owned()
            } else {
                shown(entry.value)
            },
            reason,
        };
        self.problems.push((place, error));
    }

    /// Refuses the entries in which a template engine was to put something, and did not.
    pub(super) fn refuse_placeholders(&mut self) {
        for entry in self.entries.iter().filter(|entry| is_placeholder(entry)) {
            let reason = "a placeholder, which a template engine was to replace";
            self.note(self.place(entry), entry, reason.to_owned());
        }
    }

    /// The kinds of sections and their keys that were asked for, in that order.
    pub(super) fn known(&self) -> Vec<(&'static str, Vec<&'static str>)> {
        self.known.clone()
    }

    /// Refuses all entries that nobody has asked for.
    pub(super) fn refuse_unknown(&mut self, sections: &[&'static str]) {
        let known = self.known();
        // Keys are known by being read, sections by this list: so none may be read that it lacks.
        debug_assert!(
            known.iter().all(|(kind, _)| sections.contains(kind)),
            "of the sections {known:?} one is not among {sections:?}"
        );
        for entry in self.entries {
            let kind = self.asked.get(entry.section);
            let keys = kind.and_then(|kind| {
                let mut known = known.iter();
                known.find_map(|(name, keys)| (name == kind).then_some(keys))
            });
            match keys {
                None => self.refuse(entry, near::unknown_section(entry.section, sections)),
                // A section that is known needs no entries.
                Some(_) if entry.key.is_empty() => {}
                Some(keys) if !keys.iter().any(|key| key.as_bytes() == entry.key) => {
                    self.refuse(entry, near::unknown_key(entry.key, keys));
                }
                Some(_) => {}
            }
        }
    }

    /// A boolean in the engine's words.
    pub(super) fn flag(&mut self, section: Section<'a>, key: &'static str, default: bool) -> bool {
        let Some(entry) = self.filled(section, key) else {
            return default;
        };
        boolean(entry.value).unwrap_or_else(|| {
            self.refuse(entry, "not a boolean, use yes or no".to_owned());
            default
        })
    }

    /// A number within a range.
    pub(super) fn number(
        &mut self,
        section: Section<'a>,
        key: &'static str,
        default: u32,
        range: RangeInclusive<u32>,
    ) -> u32 {
        self.any_number(section, key, range).unwrap_or(default)
    }

    /// A number within a range, if there is one.
    pub(super) fn any_number(
        &mut self,
        section: Section<'a>,
        key: &'static str,
        range: RangeInclusive<u32>,
    ) -> Option<u32> {
        let entry = self.filled(section, key)?;
        let number = number(entry.value).filter(|number| range.contains(number));
        if number.is_none() {
            let (low, high) = range.into_inner();
            self.refuse(entry, format!("not a number from {low} to {high}"));
        }
        number
    }
}

/// Whether a template engine should have filled in something here. In `callto` and in queries `${...}` is what it
/// should be.
fn is_placeholder(entry: &Entry) -> bool {
    let has = |text: &[u8], open: &[u8], close: &[u8]| {
        let places = |part: &[u8]| text.windows(part.len()).position(|piece| piece == part);
        places(open).is_some_and(|at| {
            let rest = &text[at + open.len()..];
            rest.windows(close.len()).any(|piece| piece == close)
        })
    };
    let is_unfilled =
        |text: &[u8]| has(text, b"{{", b"}}") || has(text, b"{%", b"%}") || has(text, b"<%", b"%>");
    let takes_parameters = matches!(entry.key, b"callto" | b"claim" | b"lookup");
    [entry.section, entry.key, entry.value]
        .into_iter()
        .any(is_unfilled)
        || !takes_parameters && has(entry.value, b"${", b"}")
}

/// A number as the engine reads it: a leading `0x` makes it hexadecimal, a leading `0` octal.
fn number(text: &[u8]) -> Option<u32> {
    let text = std::str::from_utf8(text).ok()?;
    let (digits, radix) = match text.as_bytes() {
        [b'0', b'x' | b'X', ..] => (&text[2..], 16),
        [b'0', _, ..] => (&text[1..], 8),
        _ => (text, 10),
    };
    // Rust would take a sign here, the engine's files have no use for one.
    if digits.starts_with('+') {
        None
    } else {
        u32::from_str_radix(digits, radix).ok()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_read_as_the_engine_reads_them() {
        for (text, value) in [("0", 0), ("30", 30), ("010", 8), ("0x1F", 31), ("00", 0)] {
            assert_eq!(number(text.as_bytes()), Some(value), "{text}");
        }
        for text in ["", "08", "-1", "+1", "1 ", "x", "0x", "99999999999"] {
            assert_eq!(number(text.as_bytes()), None, "{text}");
        }
    }
}
