// SPDX-License-Identifier: GPL-2.0-or-later

//! The lines of a file as the engine finds them.

/// The mark that some editors put in front of UTF-8.
pub(super) const BYTE_ORDER_MARK: &[u8] = b"\xef\xbb\xbf";

/// The bytes that the engine reads at a time. A `\r` that is the last of them ends a line, and a `\n` behind it
/// another one.
const CHUNK: usize = 1023;

/// The end of a line.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum End {
    Newline,
    Nul,
    /// The end of the file.
    None,
}

/// A line.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Line<'t> {
    /// Its text without the blanks before it and without its end.
    pub(super) text: &'t [u8],
    /// Its number, as editors count.
    pub(super) number: u32,
    pub(super) end: End,
}

/// The lines of a text.
pub(super) struct Lines<'t> {
    text: &'t [u8],
    at: usize,
    number: u32,
}

impl<'t> Lines<'t> {
    pub(super) fn new(text: &'t [u8]) -> Self {
        let at = if text.starts_with(BYTE_ORDER_MARK) {
            BYTE_ORDER_MARK.len()
        } else {
            0
        };
        Self {
            text,
            at,
            number: 1,
        }
    }

    pub(super) fn next(&mut self) -> Option<Line<'t>> {
        let rest = &self.text[self.at..];
        if rest.is_empty() {
            return None;
        }
        let length = rest.iter().position(|byte| b"\n\r\0".contains(byte));
        let length = length.unwrap_or(rest.len());
        let last = self.at + length;
        let end = match rest.get(length) {
            None => End::None,
            Some(0) => End::Nul,
            Some(_) => End::Newline,
        };
        let text = &rest[..length];
        let blanks = text.iter().take_while(|byte| b" \t".contains(byte)).count();
        let line = Line {
            text: &text[blanks..],
            number: self.number,
            end,
        };
        let is_pair = rest[length..].starts_with(b"\r\n");
        let is_split = is_pair && (last + 1).is_multiple_of(CHUNK);
        self.at = self
            .text
            .len()
            .min(last + if is_pair && !is_split { 2 } else { 1 });
        // The halves of a split pair are one line for anybody but the engine.
        self.number += u32::from(!is_split);
        Some(line)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lines(text: &[u8]) -> Vec<(u32, &[u8])> {
        let mut lines = Lines::new(text);
        let line = std::iter::from_fn(|| lines.next());
        line.map(|line| (line.number, line.text)).collect()
    }

    #[test]
    fn a_line_ends_by_any_convention_or_at_a_nul() {
        let text = b"\xef\xbb\xbfa\n \tb \r\n\r\rc\0d";
        let expected: [(u32, &[u8]); 6] = [
            (1, b"a"),
            (2, b"b "),
            (3, b""),
            (4, b""),
            (5, b"c"),
            (6, b"d"),
        ];
        assert_eq!(lines(text), expected);
        assert_eq!(lines(b""), []);
        assert_eq!(lines(b"a\n"), [(1, &b"a"[..])]);
    }

    #[test]
    fn a_pair_that_the_engine_reads_in_two_pieces_is_one_line_in_an_editor() {
        let mut text = vec![b'x'; CHUNK - 1];
        text.extend_from_slice(b"\r\nnext");
        let lines = lines(&text);
        assert_eq!(lines.len(), 3);
        assert_eq!(lines[1..], [(1, &b""[..]), (2, &b"next"[..])]);
    }
}
