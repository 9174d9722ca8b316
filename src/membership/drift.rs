// SPDX-License-Identifier: GPL-2.0-or-later

//! Drift: settings that must be the same on all nodes, and aren't.
//!
//! Each node publishes a short hash of each such setting. A hash tells nobody a value: that of the secret has
//! only 16 bits, so that whoever reads the table can't use it to try secrets.

use std::fmt::Write;

use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;

use crate::settings::Entry;

/// A setting that must agree: its section, its key and its default.
const SETTINGS: [(&str, &str, &str); 10] = [
    ("general", "prefix", "cluster"),
    ("general", "regexp", ""),
    ("general", "callto", ""),
    ("general", "locate", "cluster.locate"),
    ("security", "secret", ""),
    ("security", "window", "30"),
    ("locate", "lease", "14400"),
    ("locate", "spread", "1.25"),
    ("locate", "claim", ""),
    ("locate", "lookup", ""),
];

/// The fingerprints of a file's settings: `prefix=1a2b3c4d,regexp=...`.
pub(super) fn fingerprints(entries: &[Entry]) -> String {
    let mut text = String::new();
    for (section, key, default) in SETTINGS {
        let value = entries
            .iter()
            .find(|entry| entry.section == section.as_bytes() && entry.key == key.as_bytes())
            .map(|entry| entry.value)
            .filter(|value| !value.is_empty())
            .unwrap_or(default.as_bytes());
        let hash = hash(key, value);
        let length = if key == "secret" { 2 } else { 4 };
        let comma = if text.is_empty() { "" } else { "," };
        let _ = write!(text, "{comma}{key}=");
        for byte in &hash[..length] {
            let _ = write!(text, "{byte:02x}");
        }
    }
    text
}

/// The hash of a value; each key has its own.
fn hash(key: &str, value: &[u8]) -> [u8; 32] {
    let keyed = Hmac::<Sha256>::new_from_slice(key.as_bytes());
    // A key of any length is good.
    keyed.map_or([0; 32], |keyed| {
        keyed.chain_update(value).finalize().into_bytes().into()
    })
}

/// The settings in which two nodes differ: those that both have published, with another hash.
pub(super) fn differences(own: &[u8], other: &[u8]) -> Vec<&'static str> {
    let published = |text: &[u8], key: &str| {
        text.split(|&byte| byte == b',')
            .find_map(|entry| entry.strip_prefix(key.as_bytes())?.strip_prefix(b"="))
            .map(<[u8]>::to_vec)
    };
    let differs = |(_, key, _): &(&str, &'static str, &str)| {
        let pair = published(own, key).zip(published(other, key));
        pair.is_some_and(|(own, other)| own != other)
    };
    let settings = SETTINGS.iter().filter(|setting| differs(setting));
    settings.map(|(_, key, _)| *key).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(list: &[(&'static str, &'static str, &'static str)]) -> String {
        let entry = |&(section, key, value): &(&'static str, &'static str, &'static str)| Entry {
            section: section.as_bytes(),
            key: key.as_bytes(),
            value: value.as_bytes(),
        };
        fingerprints(&list.iter().map(entry).collect::<Vec<_>>())
    }

    #[test]
    fn a_default_that_is_written_down_is_no_difference() {
        let default = of(&[
            ("general", "prefix", "cluster"),
            ("security", "window", "30"),
        ]);
        assert_eq!(differences(default.as_bytes(), of(&[]).as_bytes()), [""; 0]);
    }

    #[test]
    fn each_difference_is_named_and_a_secret_is_nowhere() {
        let secret = "a-secret-of-the-cluster";
        let one = of(&[("security", "secret", secret), ("general", "regexp", "^a$")]);
        let other = of(&[("general", "regexp", "^b$"), ("locate", "lease", "60")]);
        let found = differences(one.as_bytes(), other.as_bytes());
        assert_eq!(found, ["regexp", "secret", "lease"]);
        let (_, hash) = one.split_once("secret=").unwrap();
        assert_eq!(hash.split(',').next().unwrap().len(), 4, "16 bits in {one}");
    }

    #[test]
    fn a_setting_that_one_of_them_does_not_publish_is_no_difference() {
        assert_eq!(differences(b"prefix=1", b"other=2"), [""; 0]);
    }
}
