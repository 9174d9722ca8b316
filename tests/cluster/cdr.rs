// SPDX-License-Identifier: GPL-2.0-or-later

//! The call records that a node writes, one for each leg of each call.

/// The file in a node's directory.
pub const FILE: &str = "cdr.tsv";

const FIELDS: [&str; 9] = [
    "billid",
    "chan",
    "direction",
    "caller",
    "called",
    "status",
    "reason",
    "nodename",
    "nodeprefix",
];

/// A record.
#[derive(Debug)]
pub struct Cdr(Vec<String>);

/// The format of a line, as the module that writes them knows it.
pub fn format() -> String {
    FIELDS.map(|name| format!("${{{name}}}")).join("\t")
}

impl Cdr {
    /// The records of a file that may still be written to.
    pub fn read(text: &str) -> Vec<Self> {
        let whole = text.rsplit_once('\n').map_or("", |(whole, _)| whole);
        let fields = |line: &str| line.split('\t').map(str::to_owned).collect();
        whole.lines().map(|line| Self(fields(line))).collect()
    }

    /// A field.
    pub fn get(&self, name: &str) -> &str {
        let place = FIELDS.iter().position(|field| *field == name);
        &self.0[place.expect("it is one of the fields")]
    }
}
