// SPDX-License-Identifier: GPL-2.0-or-later

//! The settings of `[health]`: the interval of the probes, and the weight of an answer and of a failure.

use std::ops::RangeInclusive;

/// The rules by which a node is taken to be down, and to be up again.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rules {
    /// Seconds from one probe of a node to the next; 0 for no probes, then nodes never go down.
    pub interval: u32,
    /// Seconds until a probe without an answer has failed.
    pub timeout: u32,
    /// Failures in a row that take a node down.
    pub fall: u32,
    /// Answers in a row that bring it up.
    pub rise: u32,
    /// A node that goes down within this many seconds after it came up gets a flap penalty.
    pub hold: u32,
    /// The codes of answers that show that a node lives.
    pub alive: Codes,
    /// The codes of answers that show that a node lives and wants nothing new.
    pub busy: Codes,
}

/// Ranges of SIP codes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Codes(Box<[RangeInclusive<u16>]>);

/// The reason why a text is not a list of codes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("not SIP codes or ranges of them, like 200,404 or 100-499")]
pub struct CodesError;

impl Default for Codes {
    fn default() -> Self {
        Self(Box::new([100..=699]))
    }
}

impl Codes {
    /// Reads codes and ranges with commas between; an empty text is any code.
    ///
    /// # Errors
    ///
    /// Fails when anything else stands there.
    pub fn parse(text: &[u8]) -> Result<Self, CodesError> {
        let text = std::str::from_utf8(text).map_err(|_| CodesError)?;
        let code = |text: &str| {
            let code = text.trim().parse().ok();
            code.filter(|code| (100..=699).contains(code))
                .ok_or(CodesError)
        };
        let items = text.split(',').filter(|item| !item.trim().is_empty());
        let ranges: Box<[_]> = items
            .map(|item| {
                let (first, last) = item.split_once('-').unwrap_or((item, item));
                let range = code(first)?..=code(last)?;
                if range.is_empty() {
                    return Err(CodesError);
                }
                Ok(range)
            })
            .collect::<Result<_, _>>()?;
        Ok(if ranges.is_empty() {
            Self::default()
        } else {
            Self(ranges)
        })
    }

    /// Reads the codes of nodes that want nothing new: as [`parse`](Self::parse), but `none` is no code at all, and
    /// an empty text is 503.
    ///
    /// # Errors
    ///
    /// Fails when anything else stands there.
    pub fn parse_busy(text: &[u8]) -> Result<Self, CodesError> {
        match text.trim_ascii() {
            b"none" => Ok(Self(Box::default())),
            b"" => Ok(Self(Box::new([503..=503]))),
            codes => Self::parse(codes),
        }
    }

    /// Whether no code is one of them.
    #[must_use]
    pub fn is_none(&self) -> bool {
        self.0.is_empty()
    }

    /// Whether a code is one of them.
    #[must_use]
    pub fn contains(&self, code: u16) -> bool {
        self.0.iter().any(|range| range.contains(&code))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_are_numbers_and_ranges() {
        assert_eq!(Codes::parse(b" ").unwrap(), Codes::default());
        let codes = Codes::parse(b"200,400 - 405").unwrap();
        assert!(codes.contains(200) && codes.contains(405) && !codes.contains(406));
        for text in ["99", "700", "2xx", "405-400", "200;404", "-"] {
            assert_eq!(Codes::parse(text.as_bytes()), Err(CodesError), "{text}");
        }
    }

    #[test]
    fn codes_of_a_busy_node_may_be_none() {
        let busy = |text: &[u8]| Codes::parse_busy(text).unwrap();
        assert!(busy(b"").contains(503) && !busy(b"").contains(200));
        assert!(busy(b"480,500-599").contains(500));
        assert!((100..700).all(|code| !busy(b" none ").contains(code)));
        assert_eq!(Codes::parse_busy(b"no"), Err(CodesError));
    }
}
