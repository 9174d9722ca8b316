// SPDX-License-Identifier: GPL-2.0-or-later

//! A header's value as it arrives, whatever it was when it was sent.
//!
//! The engine takes each header apart at its semicolons and puts it together again, on either side. Blanks
//! around names and values are lost then, and so are empty parts. So `a; b=;;c` arrives as `a;b;c`, and that
//! is the value to sign.

use crate::addressing::resource::trim_blanks;

/// A value as the engine carries it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct NormalizedHeader<'a> {
    value: &'a [u8],
    /// Nothing is left out of it.
    whole: bool,
}

impl<'a> NormalizedHeader<'a> {
    /// The normalized form of a value.
    pub(crate) fn of(value: &'a [u8]) -> Self {
        let value = trim_blanks(value);
        #[expect(
            clippy::needless_bitwise_bool,
            reason = "without an early end it is faster, since values are short"
        )]
        let is_cut = value
            .iter()
            .fold(false, |found, &byte| found | (byte == b';'));
        Self {
            value,
            whole: !is_cut,
        }
    }

    /// Whether it arrives as it is.
    pub(crate) fn is_unchanged(value: &[u8]) -> bool {
        let carried = NormalizedHeader::of(value);
        if carried.value.len() != value.len() || carried.whole {
            return carried.value.len() == value.len();
        }
        let mut rest = Some(value);
        carried.each_piece(|piece| rest = rest.and_then(|rest| rest.strip_prefix(piece)));
        rest == Some(&b""[..])
    }

    /// Whether both arrive as the same text.
    pub(crate) fn are_alike(one: &[u8], other: &[u8]) -> bool {
        let text = |value| {
            let mut text = Vec::new();
            NormalizedHeader::of(value).each_piece(|piece| text.extend_from_slice(piece));
            text
        };
        text(one) == text(other)
    }

    /// Its length in bytes.
    pub(crate) fn len(self) -> usize {
        let mut length = 0;
        self.each_piece(|piece| length += piece.len());
        length
    }

    /// Hands it over piece by piece.
    pub(crate) fn each_piece(self, mut piece: impl FnMut(&[u8])) {
        if self.whole {
            return piece(self.value);
        }
        let (first, mut rest) = until_separator(self.value);
        piece(trim_blanks(first));
        while let Some(text) = rest {
            let (parameter, next) = until_separator(text);
            rest = next;
            let equals = parameter.iter().position(|&byte| byte == b'=');
            let (name, value) = parameter.split_at(equals.unwrap_or(parameter.len()));
            let name = trim_blanks(name);
            let value = trim_blanks(value.get(1..).unwrap_or_default());
            if name.is_empty() {
                continue;
            }
            piece(b";");
            piece(name);
            if !value.is_empty() {
                piece(b"=");
                piece(value);
            }
        }
    }
}

/// The text before the first semicolon that is in neither quotes nor angle brackets, and the text behind it,
/// if there is one.
fn until_separator(text: &[u8]) -> (&[u8], Option<&[u8]>) {
    let mut closing = None;
    for (at, &byte) in text.iter().enumerate() {
        match (closing, byte) {
            (Some(end), _) if byte == end => closing = None,
            (None, b';') => return (&text[..at], Some(&text[at + 1..])),
            (None, b'"') => closing = Some(b'"'),
            (None, b'<') => closing = Some(b'>'),
            _ => {}
        }
    }
    (text, None)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn text(value: &[u8]) -> Vec<u8> {
        let mut text = Vec::new();
        NormalizedHeader::of(value).each_piece(|piece| text.extend_from_slice(piece));
        text
    }

    /// As an engine of version 6.4.1 writes them.
    #[test]
    fn values_are_normalized_as_by_the_engine() {
        for (value, arrives) in [
            ("", ""),
            (" sip/sip:bob@h ", "sip/sip:bob@h"),
            (
                "sip/sip:bob@h;line=;;ob ; a = b;",
                "sip/sip:bob@h;line;ob;a=b",
            ),
            ("a; =c;b= =d", "a;b==d"),
            ("\"a; b\" ; c", "\"a; b\";c"),
            ("<a; b> ;c", "<a; b>;c"),
            ("a;\"x; y", "a;\"x; y"),
            ("a b\t;c d", "a b;c d"),
        ] {
            assert_eq!(text(value.as_bytes()), arrives.as_bytes(), "{value}");
        }
    }

    proptest! {
        #[test]
        fn what_arrives_as_it_is_is_known(value in "[ab ;=\"<>\t]{0,24}") {
            let value = value.as_bytes();
            prop_assert_eq!(NormalizedHeader::is_unchanged(value), text(value) == value);
        }

        /// A value passes two engines, and a node that signs the received value signs the same.
        #[test]
        fn a_normalized_value_stays_as_it_is(value in "[ab ;=\"<>\t]{0,24}") {
            let once = text(value.as_bytes());
            prop_assert_eq!(text(&once), once);
        }
    }
}
