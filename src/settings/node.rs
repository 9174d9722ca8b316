// SPDX-License-Identifier: GPL-2.0-or-later

//! The `[node NAME]` sections.

use super::reader::{Reader, Section};
use crate::nodes;
use crate::pattern::LONGEST_NODE;
use crate::resource::trim_blanks;
use crate::template::Template;
use crate::trust::Trust;

/// How the documentation calls these sections.
pub(super) const KIND: &str = "node NAME";

/// The heaviest that a node may be.
const MOST_WEIGHT: u32 = 10_000;

/// The sections of the nodes, and the addresses of all of them.
pub(super) fn read(reader: &mut Reader, has_callto: bool) -> (Vec<nodes::Section>, Vec<Trust>) {
    let (mut read, mut nodes, mut sources) = (Vec::new(), Vec::<nodes::Section>::new(), Vec::new());
    for entry in reader.entries {
        let Some(name) = entry.section.strip_prefix(b"node ") else {
            continue;
        };
        if read.contains(&entry.section) {
            continue;
        }
        read.push(entry.section);
        let section = Section {
            name: entry.section,
            kind: KIND,
        };
        let name = trim_blanks(name);
        let twice = nodes.iter().any(|node| &*node.name == name);
        let wrong = match name {
            _ if twice => "another section is that node's",
            b"" | b"*" => "a node needs a name",
            _ if name.contains(&b'/') => "no call can go to a node with a slash in its name",
            _ if name.len() > LONGEST_NODE => "a node's name has at most 255 bytes",
            _ => "",
        };
        if !wrong.is_empty() {
            reader.refuse(entry, wrong.to_owned());
        }
        let text = reader.text(section, "callto", b"");
        let callto = reader.check(section, "callto", Template::parse(text));
        if text.is_empty() && !has_callto {
            reader.refuse(
                entry,
                "the node needs a callto, there is none in [general]".to_owned(),
            );
        }
        let weight = reader.number(section, "weight", 100, 0..=MOST_WEIGHT);
        let source = String::from_utf8_lossy(reader.text(section, "source", b""));
        let source = Trust::parse(&source)
            .map_err(|error| error.to_string())
            .and_then(|source| {
                let everybody = source == Trust::Anyone;
                if everybody {
                    Err("* is no node's address".to_owned())
                } else {
                    Ok(source)
                }
            });
        sources.push(reader.check(section, "source", source));
        nodes.push(nodes::Section {
            name: name.into(),
            callto: (!text.is_empty()).then_some(callto),
            weight,
            probe: reader.text(section, "probe", b"").into(),
        });
    }
    (nodes, sources)
}
