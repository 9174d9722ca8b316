// SPDX-License-Identifier: GPL-2.0-or-later

//! The text of a configuration file, read by the engine's grammar a second time.
//!
//! The engine hands over entries without their places, and passes over lines that it can't read: a section without
//! its `]` vanishes, and its keys go to the section before. So the text tells more than the entries do: the
//! line of each, and the [faults](Fault). Where there is no engine, the entries come from here, too.
//!
//! The grammar is that of Yate 6.4: `[section]`, `key=value`, comments that begin with `;`, a backslash that joins
//! lines, `[$include]`, `[$includesection]`, `[$require]`, `[$enabled]` and `${parameter}`. Sections of one
//! name are one.

mod directives;
mod fault;
mod lines;

use std::collections::BTreeMap;
use std::io;

pub use fault::Fault;
use lines::{End, Lines};

use crate::addressing::resource::trim_blanks;
use crate::settings::Entry;
use directives::{Include, SECTIONS, directive, skip_word};

/// All that a file asks of the world around it.
pub trait Surroundings {
    /// Reads a file.
    ///
    /// # Errors
    ///
    /// Fails as the system does.
    fn read(&self, path: &[u8]) -> io::Result<Vec<u8>>;

    /// The names of the regular files in a directory; `None` where it is none.
    fn list(&self, path: &[u8]) -> Option<Vec<Vec<u8>>>;

    /// A parameter of the engine's run, such as `nodename`; `None` for an unknown one.
    fn parameter(&self, name: &[u8]) -> Option<Vec<u8>>;

    /// Whether the engine has loaded a module; `None` where nobody knows.
    fn is_loaded(&self, module: &[u8]) -> Option<bool>;
}

/// A file by itself, on a node of this name: nothing else can be read.
struct Alone<'n>(&'n [u8]);

impl Surroundings for Alone<'_> {
    fn read(&self, _: &[u8]) -> io::Result<Vec<u8>> {
        Err(io::ErrorKind::Unsupported.into())
    }

    fn list(&self, _: &[u8]) -> Option<Vec<Vec<u8>>> {
        None
    }

    fn parameter(&self, name: &[u8]) -> Option<Vec<u8>> {
        (name == b"nodename").then(|| self.0.to_vec())
    }

    fn is_loaded(&self, _: &[u8]) -> Option<bool> {
        None
    }
}

/// A place in the files.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Place {
    /// The index of the file in [`Document::files`].
    pub file: usize,
    /// The line, counted from 1; 0 where it isn't known.
    pub line: u32,
}

/// The places of a file's entries, and the faults of its text.
#[derive(Debug, Default)]
pub struct Document {
    /// The paths of the files, the first of which includes the others.
    pub files: Vec<Vec<u8>>,
    /// The place of each entry, in the order of the entries.
    pub places: Vec<Place>,
    /// The faults, each with its place.
    pub faults: Vec<(Place, Fault)>,
}

/// One entry, with its own texts.
#[derive(Debug, Default)]
struct Row {
    section: Vec<u8>,
    key: Vec<u8>,
    value: Vec<u8>,
}

/// The entries of a file, in the order in which the engine hands them over.
#[derive(Debug, Default)]
pub struct Entries(Vec<Row>);

impl Entries {
    /// The entries, borrowed.
    #[must_use]
    pub fn list(&self) -> Vec<Entry<'_>> {
        let entry = |row| {
            let Row {
                section,
                key,
                value,
            }: &Row = row;
            Entry {
                section,
                key,
                value,
            }
        };
        self.0.iter().map(entry).collect()
    }
}

impl Document {
    /// Reads a file and all that it includes.
    ///
    /// # Errors
    ///
    /// Fails where the file can't be read. What it includes and can't be read is a [`Fault`].
    pub fn read(path: &[u8], around: &impl Surroundings) -> io::Result<(Entries, Self)> {
        let text = around.read(path)?;
        Ok(Reader::new(around).read(path, &text))
    }

    /// Finds the places of entries that an engine has read from this text. What the text includes is
    /// not looked at, so its entries have no place. Of the engine only the name of the `node` is known here.
    #[must_use]
    pub fn of(path: &[u8], text: &[u8], entries: &[Entry], node: &[u8]) -> Self {
        let (Entries(rows), mut document) = Reader::new(&Alone(node)).read(path, text);
        let asks = |(_, fault): &&(Place, Fault)| fault.is_asking();
        let unsure = document.faults.iter().find(asks).map(|(place, _)| *place);
        document.faults.retain(|(place, fault)| {
            // Behind a question to the engine nobody else knows which section is open.
            let is_sure = unsure.is_none_or(|unsure| *place < unsure) || !fault.is_of_section();
            fault.is_damage() && is_sure
        });
        // The places of equal rows, the first one last.
        let mut places: BTreeMap<_, Vec<Place>> = BTreeMap::new();
        for (row, place) in rows.iter().zip(document.places).rev() {
            let row = (&*row.section, &*row.key, &*row.value);
            places.entry(row).or_default().push(place);
        }
        let of_entries = entries.iter().map(|entry| {
            let row = (entry.section, entry.key, entry.value);
            places.get_mut(&row).and_then(Vec::pop).unwrap_or_default()
        });
        document.places = of_entries.collect();
        document
    }
}

/// A section while the files are read.
struct Section {
    name: Vec<u8>,
    place: Place,
    keys: Vec<Key>,
    /// Its own inclusions are carried out.
    is_complete: bool,
}

#[derive(Clone)]
enum Key {
    Value {
        key: Vec<u8>,
        value: Vec<u8>,
        place: Place,
    },
    /// Stands where the keys of another section are to be.
    Section { directive: Vec<u8>, place: Place },
}

struct Reader<'s, S> {
    around: &'s S,
    sections: Vec<Section>,
    /// The place of each section by its name: a file may have some thousands.
    index: BTreeMap<Vec<u8>, usize>,
    /// The sections that include others, in the order in which they do.
    including: Vec<usize>,
    /// The files that are being read, each included by the one before.
    open: Vec<Vec<u8>>,
    document: Document,
}

/// The most files that may include each other.
const DEPTH: usize = 10;

impl<'s, S: Surroundings> Reader<'s, S> {
    fn new(around: &'s S) -> Self {
        Self {
            around,
            sections: Vec::new(),
            index: BTreeMap::new(),
            including: Vec::new(),
            open: Vec::new(),
            document: Document::default(),
        }
    }

    fn read(mut self, path: &[u8], text: &[u8]) -> (Entries, Document) {
        self.lines(path, text, None);
        for at in std::mem::take(&mut self.including) {
            self.complete(at, &mut Vec::new());
        }
        let mut rows = Vec::new();
        for section in self.sections {
            let is_empty = section.keys.is_empty();
            let keys = section.keys.into_iter().filter_map(|key| match key {
                Key::Value { key, value, place } => Some((key, value, place)),
                Key::Section { .. } => None,
            });
            // A section without keys still names a node.
            let header = is_empty.then(|| (Vec::new(), Vec::new(), section.place));
            for (key, value, place) in keys.chain(header) {
                rows.push(Row {
                    section: section.name.clone(),
                    key,
                    value,
                });
                self.document.places.push(place);
            }
        }
        self.document.faults.sort_by_key(|(place, _)| *place);
        (Entries(rows), self.document)
    }

    /// Notes a fault; of several damages of one line the first.
    fn fault(&mut self, place: Place, fault: Fault) {
        let is_known = |(at, known): &(Place, Fault)| *at == place && known.is_damage();
        if !fault.is_damage() || !self.document.faults.iter().rev().take(2).any(is_known) {
            self.document.faults.push((place, fault));
        }
    }

    /// Reads the lines of a file; `section` is the one that is open where it's included.
    fn lines(&mut self, path: &[u8], text: &[u8], mut section: Option<usize>) {
        let file = self.document.files.len();
        self.document.files.push(path.to_vec());
        self.open.push(path.to_vec());
        let mut lines = Lines::new(text);
        let mut enabled = true;
        let mut has_nul = false;
        while let Some(line) = lines.next() {
            let place = Place {
                file,
                line: line.number,
            };
            if line.number == 1 && fault::is_utf16(text) {
                self.fault(place, Fault::Utf16);
                break;
            }
            match line.end {
                End::Nul if !has_nul => {
                    has_nul = true;
                    self.fault(place, Fault::Nul);
                }
                End::None if !line.text.is_empty() => self.fault(place, Fault::Cut),
                _ => {}
            }
            if let Some(fault) = fault::of_line(line.text) {
                self.fault(place, fault);
            }
            match line.text {
                [] | [b';', ..] => {}
                [b'[', rest @ ..] => match rest.iter().position(|&byte| byte == b']') {
                    None => self.fault(place, Fault::Unclosed),
                    Some(end) => {
                        self.header(trim_blanks(&rest[..end]), place, &mut enabled, &mut section);
                    }
                },
                text => self.entry(
                    text,
                    place,
                    &mut lines,
                    section.filter(|_| enabled),
                    enabled,
                ),
            }
        }
        self.open.pop();
    }

    /// A line in brackets: a section or a directive.
    fn header(
        &mut self,
        name: &[u8],
        place: Place,
        enabled: &mut bool,
        section: &mut Option<usize>,
    ) {
        if name.is_empty() {
            return self.fault(place, Fault::Nameless);
        }
        if let Some(condition) = skip_word(name, b"$enabled") {
            *enabled = self.enable(condition, *enabled, place);
        } else if !*enabled {
        } else if let Some((how, what)) = directive(name, &directives::FILES) {
            let what = self.expand(trim_blanks(what), place);
            self.include(how, &what, place, *section);
        } else if let Some((how, _)) = directive(name, &SECTIONS) {
            match *section {
                Some(at) => {
                    let directive = name.to_vec();
                    let key = Key::Section { directive, place };
                    self.sections[at].keys.push(key);
                    self.including.push(at);
                }
                None if how == Include::Required => self.fault(place, Fault::NoSection),
                None => {}
            }
        } else {
            let name = self.expand(name, place);
            if name.is_empty() {
                self.fault(place, Fault::Nameless);
                *section = None;
                return;
            }
            *section = Some(self.section(name, place));
        }
    }

    /// The section of a name, which begins at this place if there is none yet.
    fn section(&mut self, name: Vec<u8>, place: Place) -> usize {
        if let Some(&known) = self.index.get(&name) {
            return known;
        }
        let at = self.sections.len();
        self.index.insert(name.clone(), at);
        self.sections.push(Section {
            name,
            place,
            keys: Vec::new(),
            is_complete: false,
        });
        at
    }

    /// A line `key=value`, and those that a backslash joins to it.
    fn entry(
        &mut self,
        text: &[u8],
        place: Place,
        lines: &mut Lines,
        section: Option<usize>,
        enabled: bool,
    ) {
        let equal = text.iter().position(|&byte| byte == b'=');
        let key = trim_blanks(&text[..equal.unwrap_or(text.len())]);
        let mut value = equal.map_or(Vec::new(), |at| text[at + 1..].to_vec());
        // A backslash before the equals sign joins nothing; nor does one of a line without a key.
        let mut joins = equal.is_some_and(|at| at > 0) && text.ends_with(b"\\");
        while joins {
            value.pop();
            let Some(line) = lines.next() else { break };
            if line.text.starts_with(b"[") && line.text.ends_with(b"]") {
                let place = Place {
                    line: line.number,
                    ..place
                };
                self.fault(place, Fault::Joined);
            }
            value.extend_from_slice(line.text);
            joins = line.text.ends_with(b"\\");
        }
        if !enabled {
            return;
        }
        if key.is_empty() {
            return self.fault(place, Fault::Keyless);
        }
        let Some(section) = section else {
            return self.fault(place, Fault::NoSection);
        };
        self.sections[section].keys.push(Key::Value {
            key: key.to_vec(),
            value: trim_blanks(&value).to_vec(),
            place,
        });
    }

    /// Reads the file, or all files of the directory, that a directive names.
    fn include(&mut self, how: Include, what: &[u8], place: Place, section: Option<usize>) {
        if what.is_empty() {
            if how == Include::Required {
                self.fault(place, Fault::Required);
            }
            return;
        }
        let mut path = what.to_vec();
        if !what.starts_with(b"/") {
            let from = self.open.last().map_or(&b""[..], Vec::as_slice);
            let slash = from.iter().rposition(|&byte| byte == b'/');
            path.splice(..0, from[..slash.map_or(0, |at| at + 1)].iter().copied());
        }
        path.dedup_by(|next, byte| (*next, *byte) == (b'/', b'/'));
        let Some(mut names) = self.around.list(&path) else {
            return self.load(how, path, place, section);
        };
        names.retain(|name| {
            let ends = [&b"~"[..], b".bak", b".tmp"];
            !name.starts_with(b".") && !ends.iter().any(|end| name.ends_with(end))
        });
        names.sort_unstable();
        for name in names {
            self.load(how, [&path, &b"/"[..], &name].concat(), place, section);
        }
    }

    fn load(&mut self, how: Include, path: Vec<u8>, place: Place, section: Option<usize>) {
        let fault = if self.open.contains(&path) || self.open.len() > DEPTH {
            Fault::Recursive
        } else {
            match self.around.read(&path) {
                Ok(text) => {
                    let before = self.document.faults.len();
                    self.lines(&path, &text, section);
                    if how != Include::Required {
                        // What lacks something is left out as far as it lacks it, and no further.
                        let mut at = 0;
                        self.document.faults.retain(|(_, fault)| {
                            at += 1;
                            at <= before || *fault != Fault::Required
                        });
                    }
                    return;
                }
                Err(error) => Fault::Missing {
                    path,
                    reason: error.to_string(),
                },
            }
        };
        match how {
            Include::Required => {
                self.fault(place, fault);
                self.fault(place, Fault::Required);
            }
            Include::Optional => self.fault(place, fault),
            Include::Silent => {}
        }
    }

    /// Puts the keys of other sections where a section includes them; `within` are those that are under way.
    fn complete(&mut self, at: usize, within: &mut Vec<usize>) {
        if self.sections[at].is_complete {
            return;
        }
        within.push(at);
        let mut keys = Vec::new();
        for key in std::mem::take(&mut self.sections[at].keys) {
            let Key::Section {
                directive: text,
                place,
            } = key
            else {
                keys.push(key);
                continue;
            };
            let Some((how, name)) = directive(&text, &SECTIONS) else {
                continue;
            };
            let name = self.expand(trim_blanks(name), place);
            if name.is_empty() {
                continue;
            }
            let other = self.index.get(&name).copied();
            match other.filter(|other| !within.contains(other)) {
                Some(other) => {
                    self.complete(other, within);
                    keys.extend_from_slice(&self.sections[other].keys);
                }
                None if how == Include::Silent => {}
                None => {
                    let is_required = how == Include::Required;
                    self.fault(place, Fault::SectionMissing { name, is_required });
                }
            }
        }
        self.sections[at].keys = keys;
        self.sections[at].is_complete = true;
        within.pop();
    }
}

#[cfg(test)]
mod tests;
