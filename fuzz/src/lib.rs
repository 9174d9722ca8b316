// SPDX-License-Identifier: GPL-2.0-or-later

//! The parts that the fuzz targets share: an input becomes texts, files and messages.
//!
//! An input is read as lines wherever it can be, so that seeds can be written and findings read
//! with an editor, and so that the fuzzer's dictionary and its comparisons find whole words.

use std::fmt;

use arbitrary::{Arbitrary, Result, Unstructured};
use clustering::settings::Entry;

pub mod host;
pub mod operate;

/// Before this byte and after it nothing is special: so a text may hold a newline.
const ESCAPE: u8 = 0x10;

/// A text: a line of the input.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct Text(pub Vec<u8>);

impl fmt::Debug for Text {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "\"{}\"", self.0.escape_ascii())
    }
}

impl<'a> Arbitrary<'a> for Text {
    fn arbitrary(u: &mut Unstructured<'a>) -> Result<Self> {
        let mut text = Vec::new();
        while !u.is_empty() {
            match u.arbitrary()? {
                b'\n' => break,
                ESCAPE if !u.is_empty() => text.push(u.arbitrary()?),
                byte => text.push(byte),
            }
        }
        Ok(Self(text))
    }
}

/// Texts up to an empty line.
#[derive(Clone, Debug)]
pub struct Lines(pub Vec<Text>);

impl<'a> Arbitrary<'a> for Lines {
    fn arbitrary(u: &mut Unstructured<'a>) -> Result<Self> {
        let mut lines = Vec::new();
        while !u.is_empty() {
            let line: Text = u.arbitrary()?;
            if line.0.is_empty() {
                break;
            }
            lines.push(line);
        }
        Ok(Self(lines))
    }
}

/// A message's parameters: lines `name=value`.
#[derive(Clone, Debug, Default)]
pub struct Params(pub Vec<(Text, Text)>);

impl<'a> Arbitrary<'a> for Params {
    fn arbitrary(u: &mut Unstructured<'a>) -> Result<Self> {
        let Lines(lines) = u.arbitrary()?;
        Ok(Self(lines.iter().map(pair).collect()))
    }
}

impl Params {
    /// As the core's own message type has them.
    #[must_use]
    pub fn to_list(&self) -> Vec<(Vec<u8>, Vec<u8>)> {
        let text = |text: &Text| text.0.clone();
        let params = self.0.iter();
        params
            .map(|(name, value)| (text(name), text(value)))
            .collect()
    }
}

/// A file of settings: lines `[section]` and `key=value`.
#[derive(Clone, Debug)]
pub struct File {
    /// Section, key and value of each entry.
    pub entries: Vec<[Text; 3]>,
}

impl<'a> Arbitrary<'a> for File {
    fn arbitrary(u: &mut Unstructured<'a>) -> Result<Self> {
        let Lines(lines) = u.arbitrary()?;
        let mut section = Text::default();
        let mut entries = Vec::new();
        for line in lines {
            if let [b'[', name @ .., b']'] = &*line.0 {
                section = Text(name.to_vec());
            } else {
                let (key, value) = pair(&line);
                if key.0 == b"regexp" && !is_bounded(&value.0) {
                    return Err(arbitrary::Error::IncorrectFormat);
                }
                entries.push([section.clone(), key, value]);
            }
        }
        Ok(Self { entries })
    }
}

impl File {
    /// As [`clustering::settings`] takes it.
    #[must_use]
    pub fn entries(&self) -> Vec<Entry<'_>> {
        fn entry([section, key, value]: &[Text; 3]) -> Entry<'_> {
            Entry {
                section: &section.0,
                key: &key.0,
                value: &value.0,
            }
        }
        self.entries.iter().map(entry).collect()
    }
}

fn pair(line: &Text) -> (Text, Text) {
    let end = line.0.iter().position(|&byte| byte == b'=');
    let end = end.unwrap_or(line.0.len());
    let value = line.0.get(end + 1..).unwrap_or_default();
    (Text(line.0[..end].to_vec()), Text(value.to_vec()))
}

/// Whether a pattern may be given to the C library.
///
/// `regcomp` writes `\{m,n\}` out as often as it says, and `\+` twice; one within another, or behind
/// another, multiplies, to gigabytes, and its time to match grows likewise. Only an operator can
/// write a pattern, so those that only use up the machine are left out.
#[must_use]
pub fn is_bounded(pattern: &[u8]) -> bool {
    const LONGEST: usize = 128;
    const COPIES: u64 = 512;
    let intervals = pattern.split(|&byte| byte == b'{').skip(1);
    let copies = intervals.map(|interval| {
        let numbers = interval.split(|&byte| byte == b'}').next();
        let numbers = numbers.unwrap_or_default().split(|&byte| byte == b',');
        let number = |text| {
            let text = str::from_utf8(text).ok();
            text.and_then(|text| text.parse().ok()).unwrap_or(1)
        };
        numbers.map(number).max().unwrap_or(1).max(1)
    });
    let doubled = pattern.windows(2).filter(|pair| pair == br"\+");
    let copies = copies.chain(doubled.map(|_| 2));
    pattern.len() <= LONGEST && copies.fold(1, u64::saturating_mul) <= COPIES
}

/// Whether a text is fit to be a line of a log: printable ASCII.
#[must_use]
pub fn is_line(text: &[u8]) -> bool {
    text.iter().all(|byte| matches!(byte, b' '..=b'~'))
}
