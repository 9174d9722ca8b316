// SPDX-License-Identifier: GPL-2.0-or-later

//! A node without an engine: settings and messages in, changed messages out.

use clustering::cluster::Cluster;
use clustering::messages::Kind;
use clustering::nodes::health::State;
use clustering::settings::Entry;
use clustering::time::{MessageTimes, WallTime};
use clustering::verdict::{Action, Edit, Verdict};

pub type Params = Vec<(Vec<u8>, Vec<u8>)>;

/// A usual file of settings.
pub const SETTINGS: &[(&str, &str, &str)] = &[
    ("general", "regexp", "^node\\([0-9]*\\)$"),
    (
        "general",
        "callto",
        "sip/sip:cluster/${called}@\\0.example.net:50\\1",
    ),
    ("security", "trusted", "192.0.2.0/24"),
];

pub fn entries<'a>(settings: &'a [(&str, &str, &str)]) -> Vec<Entry<'a>> {
    let entry = |(section, key, value): &(&'a str, &'a str, &'a str)| Entry {
        section: section.as_bytes(),
        key: key.as_bytes(),
        value: value.as_bytes(),
    };
    settings.iter().map(entry).collect()
}

pub fn cluster(settings: &[&[(&str, &str, &str)]]) -> Cluster {
    named("node1", settings)
}

/// A node of some name, with a process number of its own.
pub fn named(name: &str, settings: &[&[(&str, &str, &str)]]) -> Cluster {
    let process = name
        .bytes()
        .fold(7, |number, byte| number * 31 + u64::from(byte));
    let cluster = Cluster::new(name.as_bytes(), process);
    // Of two entries the first counts, so a test's own entries go before the usual ones.
    cluster
        .load("clustering.conf", &entries(&settings.concat()))
        .unwrap();
    cluster
}

/// The health of a node, as a cluster sees it.
pub fn state(cluster: &Cluster, node: &str) -> State {
    let settings = cluster.settings();
    settings
        .nodes
        .find(node.as_bytes())
        .unwrap()
        .state
        .health()
        .state()
}

pub fn params(list: &[(&str, &str)]) -> Params {
    list.iter()
        .map(|(name, value)| (name.as_bytes().to_vec(), value.as_bytes().to_vec()))
        .collect()
}

/// Writes a verdict's edits as an engine does.
pub fn apply(verdict: &Verdict, list: &Params) -> Params {
    let mut list = list.clone();
    for edit in verdict.edits() {
        match edit {
            Edit::Set(name, value) => {
                let (name, value) = (name.text().as_bytes(), verdict.resolve(value).to_vec());
                match list.iter_mut().find(|(n, _)| n == name) {
                    Some((_, old)) => *old = value,
                    None => list.push((name.to_vec(), value)),
                }
            }
            Edit::Clear(name) => list.retain(|(text, _)| !name.matches(text)),
        }
    }
    for edit in verdict.other_edits() {
        let name = verdict.resolve(&edit.name);
        list.retain(|(text, _)| text != name);
        if let Some(value) = &edit.value {
            list.push((name.to_vec(), verdict.resolve(value).to_vec()));
        }
    }
    list
}

/// A message after its decision, with the log line.
pub struct Decided {
    pub action: Action,
    pub params: Params,
    pub retval: Option<Vec<u8>>,
    pub line: Option<String>,
}

impl Decided {
    pub fn new(verdict: &Verdict, list: &Params) -> Self {
        Self {
            action: verdict.action,
            params: apply(verdict, list),
            retval: verdict.retval().map(<[u8]>::to_vec),
            line: verdict.line().map(|line| line.to_string()),
        }
    }

    pub fn value(&self, name: &str) -> Option<&str> {
        let (_, value) = self.params.iter().find(|(n, _)| n == name.as_bytes())?;
        Some(std::str::from_utf8(value).unwrap())
    }
}

pub fn decide_at(now: u64, cluster: &Cluster, kind: Kind, list: &Params) -> Decided {
    let mut verdict = Verdict::default();
    cluster.decide(
        kind,
        &list.as_slice(),
        true,
        MessageTimes::at(WallTime(now)),
        &mut verdict,
    );
    Decided::new(&verdict, list)
}

pub fn decide(cluster: &Cluster, kind: Kind, list: &[(&str, &str)]) -> Decided {
    decide_at(1, cluster, kind, &params(list))
}
