// SPDX-License-Identifier: GPL-2.0-or-later

//! The `callto` template: from a node's name to the target by which that node is reached.
//!
//! `\0` is the part of the node's name that the pattern matched, `\1` to `\9` are its groups, `\\` is a
//! backslash. `${name}` and `${name$default}` bring in a parameter of the message. The template is taken
//! apart once, when the settings are read. Text that a group or a parameter brings in is only ever copied, so
//! nothing that a caller can choose is expanded a second time.

mod host;
mod shape;

use crate::addressing::pattern::{GroupUse, Groups};
use crate::addressing::resource::trim_blanks;
use crate::messages::{Kind, Name, Parameters};
use crate::text::{Text, may_have_control};

pub use host::{Host, HostError, HostTemplate};
pub use shape::Shape;

/// A template that is ready to be filled in.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Template {
    parts: Box<[Part]>,
    uses_other_parameters: bool,
}

/// Text and groups: all that may stand in a parameter's name or default, too.
type Plain = Box<[Atom]>;

#[derive(Clone, Debug, PartialEq, Eq)]
enum Part {
    Plain(Plain),
    Parameter { name: ParameterName, default: Plain },
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum ParameterName {
    /// One that is known of each call, and so is found at once.
    Known(Name),
    Other(Plain),
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Atom {
    Text(Box<[u8]>),
    Group(usize),
}

/// The reason why a text is not a template.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum TemplateError {
    /// A `${` has no `}` behind it.
    #[error("'${{' at byte {0} has no closing '}}'")]
    Unterminated(usize),
}

/// One character of the template's text, once its backslashes are read.
#[derive(Clone, Copy)]
enum Unit {
    Byte(u8),
    Group(usize),
}

impl Template {
    /// Reads a template.
    ///
    /// # Errors
    ///
    /// Fails when a `${` is never closed.
    pub fn parse(text: &[u8]) -> Result<Self, TemplateError> {
        let units = units(text);
        let is =
            |at: usize, byte: u8| matches!(units.get(at), Some((_, Unit::Byte(b))) if *b == byte);
        let mut parts = Vec::new();
        let mut plain_from = 0;
        let mut at = 0;
        while at < units.len() {
            if !(is(at, b'$') && is(at + 1, b'{')) {
                at += 1;
                continue;
            }
            let inner = at + 2;
            let Some(close) = (inner..units.len()).find(|&i| is(i, b'}')) else {
                return Err(TemplateError::Unterminated(units[at].0));
            };
            let split = (inner..close).find(|&i| is(i, b'$'));
            if plain_from < at {
                parts.push(Part::Plain(plain(&units[plain_from..at])));
            }
            parts.push(Part::Parameter {
                name: ParameterName::new(plain(trim(&units[inner..split.unwrap_or(close)]))),
                default: split.map_or_else(Plain::default, |i| plain(trim(&units[i + 1..close]))),
            });
            at = close + 1;
            plain_from = at;
        }
        if plain_from < units.len() {
            parts.push(Part::Plain(plain(&units[plain_from..])));
        }
        let is_other = |part: &Part| {
            let Part::Parameter { name, .. } = part else {
                return false;
            };
            matches!(name, ParameterName::Other(_))
        };
        Ok(Self {
            uses_other_parameters: parts.iter().any(is_other),
            parts: parts.into(),
        })
    }

    /// The groups of the pattern that are used anywhere in it.
    #[must_use]
    pub fn group_use(&self) -> GroupUse {
        let plains = self.parts.iter().flat_map(|part| match part {
            Part::Plain(plain) => [Some(plain), None],
            Part::Parameter {
                name: ParameterName::Other(name),
                default,
            } => [Some(name), Some(default)],
            Part::Parameter {
                name: ParameterName::Known(_),
                default,
            } => [Some(default), None],
        });
        let atoms = plains.flatten().flat_map(|plain| plain.iter());
        atoms
            .map(|atom| match atom {
                Atom::Text(_) => GroupUse::Nothing,
                Atom::Group(0) => GroupUse::Whole,
                Atom::Group(_) => GroupUse::Inner,
            })
            .max()
            .unwrap_or(GroupUse::Nothing)
    }

    /// Some parameter's name is none that is known of each call, or is only known with the node.
    #[must_use]
    pub fn uses_other_parameters(&self) -> bool {
        self.uses_other_parameters
    }

    /// The word before the first slash, by which the engine finds the driver of a call; empty where there is no
    /// slash, `None` where a group or a parameter may bring it.
    #[must_use]
    pub fn driver(&self) -> Option<&[u8]> {
        let Some(Part::Plain(plain)) = self.parts.first() else {
            return None;
        };
        let Some(Atom::Text(text)) = plain.first() else {
            return None;
        };
        let slash = text.iter().position(|&byte| byte == b'/');
        let is_all = self.parts.len() == 1 && plain.len() == 1;
        slash
            .map(|at| trim_blanks(&text[..at]))
            .or(is_all.then_some(&[]))
    }

    /// The names of parameters that no call can have: they are written as those of a template engine.
    pub fn impossible_parameters(&self) -> impl Iterator<Item = &[u8]> {
        self.parts.iter().filter_map(|part| match part {
            Part::Parameter {
                name: ParameterName::Other(name),
                ..
            } => match &**name {
                [] => Some(&b""[..]),
                [Atom::Text(text)] => {
                    let is_loud = text.iter().any(u8::is_ascii_uppercase)
                        && !text.iter().any(u8::is_ascii_lowercase);
                    is_loud.then_some(&**text)
                }
                _ => None,
            },
            _ => None,
        })
    }

    /// The shape of the targets for a node, whatever the parameters are.
    #[must_use]
    pub fn shape(&self, node: &[u8], groups: &Groups) -> Shape {
        let mut pieces = vec![Vec::new()];
        for part in &self.parts {
            match part {
                Part::Plain(plain) => {
                    let mut made = Text::new();
                    fill(plain, node, groups, &mut made);
                    if let Some(piece) = pieces.last_mut() {
                        piece.extend_from_slice(&made);
                    }
                }
                Part::Parameter { .. } => pieces.push(Vec::new()),
            }
        }
        Shape::new(pieces)
    }

    /// Appends the filled-in template to `out`, piece by piece.
    ///
    /// `node` is the name that the pattern matched with `groups`. Returns whether a parameter's value may have a
    /// control character.
    pub fn expand<'m>(
        &self,
        node: &[u8],
        groups: &Groups,
        message: &impl Parameters<'m>,
        out: &mut Text,
    ) -> bool {
        let mut unusual = false;
        for part in &self.parts {
            match part {
                Part::Plain(plain) => fill(plain, node, groups, out),
                Part::Parameter { name, default } => {
                    let value = match name {
                        ParameterName::Known(name) => message.get(*name),
                        ParameterName::Other(name) => {
                            let mut made = Text::new();
                            fill(name, node, groups, &mut made);
                            message.other(trim_blanks(&made))
                        }
                    };
                    match value {
                        Some(value) => {
                            unusual |= may_have_control(value);
                            out.extend_from_slice(value);
                        }
                        None => fill(default, node, groups, out),
                    }
                }
            }
        }
        unusual
    }
}

impl ParameterName {
    fn new(name: Plain) -> Self {
        let known = match &*name {
            // One with a `*` stands for others: no message has a parameter of that very name.
            [Atom::Text(text)] if !text.ends_with(b"*") => Name::ALL.iter().find(|known| {
                Kind::Execute.names().contains(**known) && known.text().as_bytes() == &**text
            }),
            _ => None,
        };
        known.map_or(Self::Other(name), |known| Self::Known(*known))
    }
}

/// Reads the backslashes: each unit with the place in `text` where it starts.
fn units(text: &[u8]) -> Vec<(usize, Unit)> {
    let mut units = Vec::with_capacity(text.len());
    let mut at = 0;
    while let Some(&byte) = text.get(at) {
        let (unit, length) = match (byte, text.get(at + 1)) {
            (b'\\', Some(digit @ b'0'..=b'9')) => (Unit::Group(usize::from(digit - b'0')), 2),
            (b'\\', Some(b'\\')) => (Unit::Byte(b'\\'), 2),
            _ => (Unit::Byte(byte), 1),
        };
        units.push((at, unit));
        at += length;
    }
    units
}

fn trim(mut units: &[(usize, Unit)]) -> &[(usize, Unit)] {
    while let [(_, Unit::Byte(b' ' | b'\t')), rest @ ..]
    | [rest @ .., (_, Unit::Byte(b' ' | b'\t'))] = units
    {
        units = rest;
    }
    units
}

fn plain(units: &[(usize, Unit)]) -> Plain {
    let mut atoms = Vec::new();
    let mut text = Vec::new();
    for (_, unit) in units {
        match unit {
            Unit::Byte(byte) => text.push(*byte),
            Unit::Group(group) => {
                if !text.is_empty() {
                    atoms.push(Atom::Text(std::mem::take(&mut text).into()));
                }
                atoms.push(Atom::Group(*group));
            }
        }
    }
    if !text.is_empty() {
        atoms.push(Atom::Text(text.into()));
    }
    atoms.into()
}

fn fill(plain: &[Atom], node: &[u8], groups: &Groups, out: &mut Text) {
    for atom in plain {
        let text = match atom {
            Atom::Text(text) => text,
            Atom::Group(group) => groups.text(*group, node),
        };
        out.extend_from_slice(text);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    type Params = Vec<(Vec<u8>, Vec<u8>)>;

    fn params(list: &[(&str, &str)]) -> Params {
        let bytes = |text: &str| text.as_bytes().to_vec();
        list.iter()
            .map(|(name, value)| (bytes(name), bytes(value)))
            .collect()
    }

    fn expand_bytes(template: &[u8], node: &[u8], groups: &Groups, message: &Params) -> Vec<u8> {
        let mut out = Text::new();
        Template::parse(template)
            .unwrap()
            .expand(node, groups, &message.as_slice(), &mut out);
        out.to_vec()
    }

    fn expand(template: &str, node: &str, message: &[(&str, &str)]) -> String {
        let groups = Groups::new(&[Some(0..node.len()), Some(0..4), Some(4..node.len())]);
        let out = expand_bytes(
            template.as_bytes(),
            node.as_bytes(),
            &groups,
            &params(message),
        );
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn groups_and_parameters_are_filled_in() {
        assert_eq!(
            expand("sip/\\1-\\2@\\0", "node12", &[]),
            "sip/node-12@node12"
        );
        let message = [("called", "bob"), ("empty", "")];
        for (template, text) in [
            ("${called}", "bob"),
            ("${ called }", "bob"),
            ("${gone}", ""),
            ("${gone$5060}", "5060"),
            ("${gone$ a b }", "a b"),
            ("${gone$a$b}", "a$b"),
            ("${empty$5060}", ""),
            ("x${called}y${called}z", "xbobybobz"),
            ("${node\\2}", ""),
        ] {
            assert_eq!(expand(template, "node12", &message), text, "{template}");
        }
    }

    #[test]
    fn a_backslash_stands_for_itself_before_anything_but_a_digit_or_another() {
        assert_eq!(expand(r"\\1 \x \", "node1", &[]), r"\1 \x \");
        assert_eq!(
            expand(r"\${called}", "node1", &[("called", "bob")]),
            r"\bob"
        );
    }

    #[test]
    fn a_group_may_stand_in_a_parameters_name_and_default() {
        assert_eq!(
            expand(r"${port_\2$\1}", "node12", &[("port_12", "5071")]),
            "5071"
        );
        assert_eq!(expand(r"${port_\2$\1}", "node12", &[]), "node");
    }

    #[test]
    fn an_open_parameter_is_refused_with_its_place() {
        let error = Template::parse(b"sip/${called}@${node").unwrap_err();
        assert_eq!(error.to_string(), "'${' at byte 14 has no closing '}'");
        assert_eq!(
            Template::parse(b"\\\\${"),
            Err(TemplateError::Unterminated(2))
        );
    }

    #[test]
    fn group_use_is_the_most_that_any_part_needs() {
        for (template, expected) in [
            ("sip/x", GroupUse::Nothing),
            ("sip/\\0", GroupUse::Whole),
            ("${a$\\2}", GroupUse::Inner),
            ("\\\\1", GroupUse::Nothing),
        ] {
            assert_eq!(
                Template::parse(template.as_bytes()).unwrap().group_use(),
                expected
            );
        }
    }

    proptest! {
        #[test]
        fn what_a_caller_brings_is_never_expanded(
            node in proptest::collection::vec(any::<u8>(), 0..12),
            called in r"[$\{\}\\0-9a-z]{0,12}",
        ) {
            let groups = Groups::new(&[Some(0..node.len())]);
            let message = params(&[("called", &called), ("a", "expanded")]);
            let out = expand_bytes(b"<\\0|${called}>", &node, &groups, &message);
            prop_assert_eq!(out, [b"<", &*node, b"|", called.as_bytes(), b">"].concat());
        }

        #[test]
        fn arbitrary_templates_do_no_harm(text in proptest::collection::vec(any::<u8>(), 0..64)) {
            if let Ok(template) = Template::parse(&text) {
                let mut out = Text::new();
                let message = Params::new();
                template.expand(b"node", &Groups::new(&[Some(0..4)]), &message.as_slice(), &mut out);
            }
        }
    }
}
