// SPDX-License-Identifier: GPL-2.0-or-later

//! Reasons why a word isn't known, with the word that was meant, where that is likely.

use strsim::osa_distance;

use super::node;

/// The longest word that is compared with others, in bytes.
const LONGEST: usize = 64;

/// The known word that is spelt almost alike.
fn near<'k>(word: &[u8], known: impl IntoIterator<Item = &'k str>) -> Option<&'k str> {
    let word = String::from_utf8_lossy(&word[..word.len().min(LONGEST)]).to_lowercase();
    let known = known.into_iter().map(|known| {
        let distance = osa_distance(&word, &known.to_lowercase());
        (distance, known)
    });
    // One slip in three letters.
    let likely = known.filter(|(distance, known)| *distance <= (known.len() / 3).max(1));
    likely
        .min_by_key(|(distance, _)| *distance)
        .map(|(_, known)| known)
}

/// The reason why a section isn't known.
pub(super) fn unknown_section(section: &[u8], known: &[&'static str]) -> String {
    let is_node = section.to_ascii_lowercase().starts_with(b"node");
    let meant = if is_node {
        Some(node::KIND)
    } else {
        near(section, known.iter().copied())
    };
    match meant {
        Some(meant) => format!("unknown section, did you mean [{meant}]?"),
        None => format!("unknown section, the known ones are {}", known.join(", ")),
    }
}

/// The reason why a key isn't known in a section that has the `known` ones.
pub(super) fn unknown_key(key: &[u8], known: &[&'static str]) -> String {
    if key.starts_with(b"#") || key.starts_with(b"//") {
        return "unknown key; a comment begins with ';'".to_owned();
    }
    if let Some(meant) = near(key, known.iter().copied()) {
        return format!("unknown key, did you mean '{meant}'?");
    }
    let sections = super::known();
    let owner = sections
        .iter()
        .find(|(_, keys)| keys.iter().any(|known| known.as_bytes() == key));
    match owner {
        Some((section, _)) => format!("unknown key here, it is one of [{section}]"),
        None => format!("unknown key, the known ones are {}", known.join(", ")),
    }
}
