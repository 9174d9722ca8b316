// SPDX-License-Identifier: GPL-2.0-or-later

//! Templates against a straightforward model that goes through the text once, so that nothing that
//! a group or a parameter brought in can be expanded.
#![no_main]

use std::ops::Range;

use arbitrary::Arbitrary;
use clustering::addressing::pattern::{GroupUse, Groups};
use clustering::addressing::template::Template;
use clustering::messages::Name;
use clustering::text::Text as Made;
use clustering_fuzz::{Params, Text};
use libfuzzer_sys::fuzz_target;

#[derive(Arbitrary, Debug)]
struct Input {
    template: Text,
    /// Pairs of bytes: the starts and ends of the match and its groups.
    spans: Text,
    node: Text,
    params: Params,
}

/// The number of groups that the engine hands out, the whole match included.
const SPANS: usize = 9;

/// The longest name that is matched at all.
const LONGEST_NODE: usize = 255;

/// A character of a template: a byte, or a group as `GROUP` plus its number.
type Char = u16;
const GROUP: Char = 0x100;

/// The texts that the message and the node's name bring in.
struct Model<'i> {
    node: &'i [u8],
    spans: &'i [Option<Range<usize>>],
    params: &'i [(Vec<u8>, Vec<u8>)],
}

impl Model<'_> {
    /// The text of a template; `None` where it isn't one.
    fn expand(&self, template: &[u8]) -> Option<Vec<u8>> {
        let chars = unescape(template);
        let mut rest = &chars[..];
        let mut out = Vec::new();
        while let Some(open) = find(rest, b"${") {
            let close = open + find(&rest[open..], b"}")?;
            let (name, default) = split(&rest[open + 2..close]);
            let name = self.fill(name);
            out.extend(self.fill(&rest[..open]));
            match self.params.iter().find(|(n, _)| *n == trim(&name)) {
                Some((_, value)) => out.extend(value),
                None => out.extend(self.fill(default)),
            }
            rest = &rest[close + 1..];
        }
        out.extend(self.fill(rest));
        Some(out)
    }

    /// Puts the groups in.
    fn fill(&self, chars: &[Char]) -> Vec<u8> {
        let texts = chars.iter().map(|&char| match u8::try_from(char) {
            Ok(byte) => vec![byte],
            Err(_) => self.group(usize::from(char - GROUP)).to_vec(),
        });
        texts.collect::<Vec<_>>().concat()
    }

    fn group(&self, number: usize) -> &[u8] {
        let span = |number: usize| {
            let span = self.spans.get(number).filter(|_| number < SPANS);
            span.cloned().flatten()
        };
        let none_took_part = (1..SPANS).all(|number| span(number).is_none());
        let number = if number == 1 && none_took_part {
            0
        } else {
            number
        };
        &self.node[span(number).unwrap_or_default()]
    }
}

/// Reads the backslashes.
fn unescape(text: &[u8]) -> Vec<Char> {
    let mut chars = Vec::new();
    let mut bytes = text.iter().copied().peekable();
    while let Some(byte) = bytes.next() {
        let next = bytes.peek().copied().filter(|_| byte == b'\\');
        chars.push(match next {
            Some(digit) if digit.is_ascii_digit() => GROUP + Char::from(digit - b'0'),
            Some(b'\\') => Char::from(b'\\'),
            _ => {
                chars.push(Char::from(byte));
                continue;
            }
        });
        bytes.next();
    }
    chars
}

fn find(chars: &[Char], text: &[u8]) -> Option<usize> {
    let same = |window: &[Char]| window.iter().zip(text).all(|(&a, &b)| a == Char::from(b));
    chars.windows(text.len()).position(same)
}

/// Name and default of a parameter; blanks around a default don't count.
fn split(inner: &[Char]) -> (&[Char], &[Char]) {
    let solid = |char: &Char| !matches!(u8::try_from(*char), Ok(b' ' | b'\t'));
    let Some(dollar) = find(inner, b"$") else {
        return (inner, &[]);
    };
    let default = &inner[dollar + 1..];
    let ends = default.iter().position(solid);
    let ends = ends.zip(default.iter().rposition(solid));
    let default = ends.map_or(&[][..], |(from, to)| &default[from..=to]);
    (&inner[..dollar], default)
}

fn trim(text: &[u8]) -> &[u8] {
    let solid = |byte: &u8| !matches!(byte, b' ' | b'\t');
    let ends = text
        .iter()
        .position(solid)
        .zip(text.iter().rposition(solid));
    ends.map_or(b"", |(from, to)| &text[from..=to])
}

fuzz_target!(|input: Input| {
    let node = &input.node.0[..input.node.0.len().min(LONGEST_NODE)];
    let spans = input.spans.0.chunks_exact(2).map(|pair| {
        let place = |byte: u8| usize::from(byte) % (node.len() + 1);
        let (start, end) = (place(pair[0]), place(pair[1]));
        (start <= end).then_some(start..end)
    });
    let spans: Vec<_> = spans.collect();
    let params = input.params.to_list();
    let model = Model {
        node,
        spans: &spans,
        params: &params,
    };
    let text = &input.template.0;
    let expected = model.expand(text);
    let template = Template::parse(text);
    assert_eq!(template.is_ok(), expected.is_some(), "refused or not");
    let (Ok(template), Some(expected)) = (template, expected) else {
        return;
    };
    let mut out = Made::from(&b"before"[..]);
    let groups = Groups::new(&spans);
    template.expand(node, &groups, &params.as_slice(), &mut out);
    assert_eq!(out.strip_prefix(b"before"), Some(&*expected));

    let groups = unescape(text).into_iter().filter(|char| *char >= GROUP);
    let expected = match groups.max() {
        None => GroupUse::Nothing,
        Some(GROUP) => GroupUse::Whole,
        Some(_) => GroupUse::Inner,
    };
    assert_eq!(template.group_use(), expected);
    if !template.uses_other_parameters() {
        // The names that the core knows of every message are enough.
        let known = params.iter().filter(|(text, _)| {
            let mut names = Name::ALL.iter();
            names.any(|name| name.matches(text))
        });
        let known: Vec<_> = known.cloned().collect();
        let mut again = Made::from(&b"before"[..]);
        template.expand(node, &Groups::new(&spans), &known.as_slice(), &mut again);
        assert_eq!(again, out);
    }
});
