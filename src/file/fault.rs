// SPDX-License-Identifier: GPL-2.0-or-later

//! What may be wrong with the text of a file, besides its settings.

use std::fmt::{self, Display};

use super::lines::BYTE_ORDER_MARK;
use crate::text::Escaped;

/// Something wrong with the text of a file. No fault shows the text: it may be a secret.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Fault {
    /// A section has no `]`.
    Unclosed,
    /// A section has no name.
    Nameless,
    /// A key stands outside of all sections.
    NoSection,
    /// A value has no key.
    Keyless,
    /// A merge has left both sides of a conflict.
    Conflict,
    /// There is a NUL byte.
    Nul,
    /// The file is in UTF-16.
    Utf16,
    /// A mark that belongs to the start of a file stands in it.
    ByteOrderMark,
    /// The last line has no end.
    Cut,
    /// A section's header became a part of the value before it.
    Joined,
    /// A file that is included can't be read.
    Missing {
        /// Its path.
        path: Vec<u8>,
        /// The reason.
        reason: String,
    },
    /// A file includes itself.
    Recursive,
    /// The engine takes nothing of a file that lacks what it requires.
    Required,
    /// A section that is included isn't there, or includes this one.
    SectionMissing {
        /// Its name.
        name: Vec<u8>,
        /// The engine takes nothing without it.
        is_required: bool,
    },
    /// Only the engine knows whether a module is loaded.
    Loaded {
        /// The module.
        module: Vec<u8>,
    },
    /// Only the engine knows a parameter.
    Parameter {
        /// Its name.
        name: Vec<u8>,
        /// The file says what it is where the engine doesn't know it either.
        has_default: bool,
    },
}

impl Fault {
    /// The file must not be put in force. If not, it may work.
    #[must_use]
    pub fn is_error(&self) -> bool {
        match self {
            Self::Cut
            | Self::Joined
            | Self::Missing { .. }
            | Self::Recursive
            | Self::Loaded { .. }
            | Self::Parameter { .. } => false,
            Self::SectionMissing { is_required, .. } => *is_required,
            _ => true,
        }
    }

    /// It depends on the section that is open.
    pub(super) fn is_of_section(&self) -> bool {
        matches!(self, Self::NoSection | Self::Nameless | Self::Keyless)
    }

    /// The engine would know better.
    pub(super) fn is_asking(&self) -> bool {
        matches!(self, Self::Parameter { .. } | Self::Loaded { .. })
    }

    /// The text itself shows it, without the world around it.
    #[must_use]
    pub fn is_damage(&self) -> bool {
        !matches!(
            self,
            Self::Missing { .. }
                | Self::Recursive
                | Self::Required
                | Self::SectionMissing { .. }
                | Self::Loaded { .. }
                | Self::Parameter { .. }
        )
    }
}

impl Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Unclosed => {
                "the section's name has no ']' behind it, so the engine would ignore the line"
            }
            Self::Nameless => "the section has no name",
            Self::NoSection => "no section is open here, so the engine would ignore the line",
            Self::Keyless => "there is no key before the '=', so the engine would ignore the line",
            Self::Conflict => "a conflict of two versions was left here by a merge",
            Self::Nul => "there is a NUL byte, so the file was damaged",
            Self::Utf16 => "the file is in UTF-16: save it as UTF-8",
            Self::ByteOrderMark => {
                "a byte order mark stands within the file: two files were joined"
            }
            Self::Cut => "the last line has no end, so the file may have been cut",
            Self::Joined => {
                "the line before ends with a backslash, so this section is a part of its value"
            }
            Self::Missing { path, reason } => {
                return write!(f, "'{}' can't be included: {reason}", Escaped(path));
            }
            Self::Recursive => "the file would include itself, or over too many others",
            Self::Required => {
                "a file that is required is missing, so the engine would take nothing of this one"
            }
            Self::SectionMissing { name, .. } => {
                let name = Escaped(name);
                return write!(
                    f,
                    "section [{name}] can't be included: it is not there, or includes this one"
                );
            }
            Self::Loaded { module } => {
                return write!(
                    f,
                    "only the engine knows whether '{}' is loaded; here it counts as loaded",
                    Escaped(module)
                );
            }
            Self::Parameter { name, has_default } => {
                let name = Escaped(name);
                let here = if *has_default {
                    "has its default"
                } else {
                    "is empty"
                };
                return write!(
                    f,
                    "only the engine knows the parameter '{name}'; here it {here}"
                );
            }
        })
    }
}

/// A text with a byte for the order of bytes in front.
pub(super) fn is_utf16(text: &[u8]) -> bool {
    text.starts_with(b"\xff\xfe") || text.starts_with(b"\xfe\xff")
}

/// The fault of a line that is no line of a configuration at all.
pub(super) fn of_line(line: &[u8]) -> Option<Fault> {
    let sides = [&b"<<<<<<< "[..], b"||||||| ", b">>>>>>> "];
    if line == b"=======" || sides.iter().any(|side| line.starts_with(side)) {
        Some(Fault::Conflict)
    } else {
        line.starts_with(BYTE_ORDER_MARK)
            .then_some(Fault::ByteOrderMark)
    }
}
