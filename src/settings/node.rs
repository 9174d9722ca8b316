// SPDX-License-Identifier: GPL-2.0-or-later

//! The `[node NAME]` sections.

use std::collections::BTreeSet;

use super::networks;
use super::reader::{Reader, Section};
use crate::addressing::pattern::LONGEST_NODE;
use crate::addressing::resource::{ANY_NODE, trim_blanks};
use crate::addressing::template::Template;
use crate::auth::trust::Trust;
use crate::messages::transport::Transport;
use crate::nodes;
use crate::text::has_control;

/// The name of these sections in the documentation.
pub(super) const KIND: &str = "node NAME";

/// The greatest weight that a node may have.
const MOST_WEIGHT: u32 = 10_000;

/// The greatest capacity that a node may have, in channels.
const MOST_CAPACITY: u32 = 1_000_000;

/// The sections of the nodes, and the addresses of all of them.
pub(super) fn read(reader: &mut Reader, has_callto: bool) -> (Vec<nodes::NodeConfig>, Vec<Trust>) {
    let (mut read, mut names) = (BTreeSet::new(), BTreeSet::new());
    let (mut nodes, mut sources) = (Vec::new(), Vec::new());
    for entry in reader.entries {
        let Some(name) = entry.section.strip_prefix(b"node ") else {
            continue;
        };
        if !read.insert(entry.section) {
            continue;
        }
        let section = Section {
            name: entry.section,
            kind: KIND,
        };
        let name = trim_blanks(name);
        let problem = if names.insert(name) {
            name_problem(name)
        } else {
            Some("this node has another section already".to_owned())
        };
        if let Some(problem) = problem {
            reader.refuse(entry, problem);
        }
        let callto = reader.parsed(section, "callto", Template::parse);
        let has_own = !reader.text(section, "callto", b"").is_empty();
        if !has_own && !has_callto {
            let problem = "the node needs a callto, since [general] has none";
            reader.refuse(entry, problem.to_owned());
        }
        let transport = reader.parsed(section, "transport", Transport::parse);
        let weight = reader.number(section, "weight", 100, 0..=MOST_WEIGHT);
        let source = reader.parsed(section, "source", |text| match networks(text) {
            Ok(Trust::Anyone) => Err("* is not the address of a node".to_owned()),
            source => source.map_err(|error| error.to_string()),
        });
        nodes.push(nodes::NodeConfig {
            name: name.into(),
            callto: has_own.then_some(callto),
            weight,
            capacity: reader.number(section, "capacity", 0, 0..=MOST_CAPACITY),
            transport: (!reader.text(section, "transport", b"").is_empty()).then_some(transport),
            probe: reader.parsed(section, "probe", probe),
            backup: backup(reader.text(section, "backup", b"")),
            has_source: !source.is_unset(),
        });
        sources.push(source);
    }
    (nodes, sources)
}

/// The names of a node's backups.
fn backup(text: &[u8]) -> Box<[Box<[u8]>]> {
    let names = text.split(|&byte| byte == b',').map(trim_blanks);
    names
        .filter(|name| !name.is_empty())
        .map(Into::into)
        .collect()
}

/// The URI that a node is probed by; empty for none. Any other text is refused: no probe of it could ever be
/// answered, and a node that is well would be taken for dead.
fn probe(text: &[u8]) -> Result<Box<[u8]>, &'static str> {
    let host = text
        .strip_prefix(b"sip:")
        .or_else(|| text.strip_prefix(b"sips:"));
    if text.is_empty() || host.is_some_and(|host| !host.is_empty()) {
        Ok(text.into())
    } else {
        Err("not a SIP URI like sip:192.0.2.2:5060")
    }
}

/// The mistake in a node's name.
pub(crate) fn name_problem(name: &[u8]) -> Option<String> {
    let problem = match name {
        b"" | ANY_NODE => "a node needs a name",
        b"-" | b"error" => "the name is reserved: '-' or 'error' means that no node was found",
        _ if name.contains(&b'/') => "the name of a node can't have a slash",
        _ if has_control(name) => "the name of a node can't have a control character",
        _ if trim_blanks(name) != name => "the name of a node can't begin or end with a blank",
        _ if name.len() > LONGEST_NODE => {
            return Some(format!(
                "the name of a node has at most {LONGEST_NODE} bytes"
            ));
        }
        _ => return None,
    };
    Some(problem.to_owned())
}
