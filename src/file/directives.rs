// SPDX-License-Identifier: GPL-2.0-or-later

//! The directives of a file, in brackets as sections are: they include others, and switch lines on and off.

use super::{Fault, Place, Reader, Surroundings};
use crate::addressing::resource::trim_blanks;
use crate::text::boolean;

/// What becomes of a file or a section that isn't there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Include {
    /// The engine may say so.
    Optional,
    /// Nothing.
    Silent,
    /// The whole file is no good.
    Required,
}

/// The directives that include files.
pub(super) const FILES: [(&[u8], Include); 3] = [
    (b"$include", Include::Optional),
    (b"$includesilent", Include::Silent),
    (b"$require", Include::Required),
];

/// The directives that include sections.
pub(super) const SECTIONS: [(&[u8], Include); 3] = [
    (b"$includesection", Include::Optional),
    (b"$includesectionsilent", Include::Silent),
    (b"$requiresection", Include::Required),
];

/// The directive that a text begins with, and the text behind it. One with nothing behind it is a section's name.
pub(super) fn directive<'t>(
    text: &'t [u8],
    words: &[(&[u8], Include)],
) -> Option<(Include, &'t [u8])> {
    let end = text.iter().position(|byte| b" \t".contains(byte))?;
    let (first, rest) = text.split_at(end);
    let (_, how) = words.iter().find(|(word, _)| *word == first)?;
    Some((*how, rest))
}

/// The text behind a whole word and the blanks after it.
pub(super) fn skip_word<'t>(text: &'t [u8], word: &[u8]) -> Option<&'t [u8]> {
    let rest = text.strip_prefix(word)?;
    let is_whole = rest.first().is_none_or(|byte| b" \t".contains(byte));
    let blanks = rest.iter().take_while(|byte| b" \t".contains(byte)).count();
    is_whole.then(|| &rest[blanks..])
}

impl<S: Surroundings> Reader<'_, S> {
    /// Whether the lines behind `[$enabled CONDITION]` count, where those before it did or didn't.
    pub(super) fn enable(&mut self, condition: &[u8], enabled: bool, place: Place) -> bool {
        if condition == b"else" || condition == b"toggle" {
            return !enabled;
        }
        let condition = match skip_word(condition, b"elseif") {
            Some(_) if enabled => return false,
            Some(rest) => rest,
            None => condition,
        };
        let condition = self.expand(condition, place);
        let negated = skip_word(&condition, b"$not");
        let condition = negated.unwrap_or(&condition);
        let loaded = |reader: &mut Self, module: &[u8]| {
            reader.around.is_loaded(module).unwrap_or_else(|| {
                let module = module.to_vec();
                reader.fault(place, Fault::Loaded { module });
                true
            })
        };
        let holds = if let Some(module) = skip_word(condition, b"$loaded") {
            loaded(self, module)
        } else if let Some(module) = skip_word(condition, b"$unloaded") {
            !loaded(self, module)
        } else if let Some(text) = skip_word(condition, b"$filled") {
            !text.is_empty()
        } else if let Some(text) = skip_word(condition, b"$empty") {
            text.is_empty()
        } else {
            let strict = skip_word(condition, b"$bool");
            boolean(strict.unwrap_or(condition)).unwrap_or(strict.is_none())
        };
        holds != negated.is_some()
    }

    /// Puts the engine's parameters in place of `${name}` and `${name$default}`; what they bring is not expanded
    /// again, and behind a `${` without its `}` nothing is.
    pub(super) fn expand(&mut self, text: &[u8], place: Place) -> Vec<u8> {
        let mut out = Vec::with_capacity(text.len());
        let mut rest = text;
        while let Some(start) = rest.windows(2).position(|pair| pair == b"${") {
            let Some(length) = rest[start + 2..].iter().position(|&byte| byte == b'}') else {
                break;
            };
            out.extend_from_slice(&rest[..start]);
            let inner = trim_blanks(&rest[start + 2..start + 2 + length]);
            let split = inner.iter().position(|&byte| byte == b'$');
            let name = trim_blanks(&inner[..split.unwrap_or(inner.len())]);
            match (self.around.parameter(name), split) {
                (Some(value), _) => out.extend_from_slice(&value),
                (None, split) => {
                    let default = split.map(|at| trim_blanks(&inner[at + 1..]));
                    out.extend_from_slice(default.unwrap_or_default());
                    let (name, has_default) = (name.to_vec(), default.is_some());
                    self.fault(place, Fault::Parameter { name, has_default });
                }
            }
            rest = &rest[start + 2 + length + 1..];
        }
        out.extend_from_slice(rest);
        out
    }
}
