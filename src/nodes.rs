// SPDX-License-Identifier: GPL-2.0-or-later

//! The nodes that have a section of their own: the target that reaches each, and its state.
//!
//! The contents of a section are a part of the settings, and are replaced with them. The state of a node,
//! which is its health and its admin state, lives on as long as the node keeps its section.

pub mod admin;
pub(crate) mod backup;
pub(crate) mod calls;
pub(crate) mod evacuation;
pub(crate) mod event;
pub mod health;
pub mod probe;
pub(crate) mod state;
mod targets;

use std::sync::Arc;

use rustc_hash::FxHashMap;

use crate::addressing::pattern::{Groups, Pattern};
use crate::addressing::template::{Shape, Template};
use crate::messages::transport::Transport;
use crate::placement::rendezvous::Seed;

use backup::Backup;
pub use backup::{BackupMistake, StandIn};
pub(crate) use state::{Detour, Probing};
pub use state::{NodeState, Unreachable};
use targets::Targets;

impl Node {
    /// The address that calls to it go to, fit to be compared with another one; `None` where that isn't certain.
    #[must_use]
    pub fn address(&self) -> Option<Box<[u8]>> {
        address(&self.shape)
    }
}

/// A node with a section of its own.
#[derive(Debug)]
pub struct Node {
    /// Its name.
    pub name: Box<[u8]>,
    /// The target that reaches it, where that isn't the one for all nodes.
    pub callto: Option<Template>,
    /// The transport of calls to it, where that isn't the one for all nodes.
    pub transport: Option<Transport>,
    /// Its weight in placement, compared with those of the others; 0 for nothing.
    pub weight: u32,
    /// The number of channels from which on nothing new is placed on it, as long as another node has room; 0 for no
    /// limit.
    pub capacity: u32,
    /// The seed by which resources are placed there.
    pub seed: Seed,
    /// The URI that is probed; empty where none is.
    pub probe: Box<[u8]>,
    /// The names of its backups, as its section lists them.
    pub backup: Box<[Box<[u8]>]>,
    /// It's the node that this engine is.
    pub is_own: bool,
    /// Its section names addresses that it sends from.
    pub(crate) has_source: bool,
    /// The groups that the pattern finds in its name.
    pub groups: Groups,
    /// The shape of the targets that reach it.
    shape: Shape,
    /// Its state, which outlives the settings.
    pub state: Arc<NodeState>,
}

/// The contents of a node's section, checked.
#[derive(Debug)]
pub(crate) struct NodeConfig {
    pub(crate) name: Box<[u8]>,
    pub(crate) callto: Option<Template>,
    pub(crate) transport: Option<Transport>,
    pub(crate) weight: u32,
    pub(crate) capacity: u32,
    /// Empty where the section names none.
    pub(crate) probe: Box<[u8]>,
    pub(crate) backup: Box<[Box<[u8]>]>,
    /// The section names addresses that the node sends from.
    pub(crate) has_source: bool,
}

impl Node {
    /// Its engine has as many channels as it may have, as far as is known.
    #[must_use]
    pub fn is_full(&self) -> bool {
        self.is_full_with(self.state.channels())
    }

    /// The same for a number of channels, if that is known.
    pub(crate) fn is_full_with(&self, channels: Option<u64>) -> bool {
        self.capacity > 0 && channels.is_some_and(|channels| channels >= self.capacity.into())
    }

    /// Whether calls and probes go to the same place as before.
    pub(crate) fn is_where(&self, old: &Self) -> bool {
        self.shape == old.shape && self.probe == old.probe
    }

    /// The user of the request URI of calls to it; `None` where it is not always the same.
    pub(crate) fn target_user(&self) -> Option<Box<[u8]>> {
        self.shape.user()
    }
}

/// The groups that the pattern finds in a node's name; the name itself where it doesn't match.
pub(crate) fn groups_of(pattern: &Pattern, name: &[u8]) -> Groups {
    let whole = || Groups::new(&[Some(0..name.len())]);
    pattern.matches(name).unwrap_or_else(whole)
}

/// All nodes that have sections, in the order of the file.
#[derive(Debug, Default)]
pub struct Nodes {
    list: Box<[Node]>,
    by_name: FxHashMap<Box<[u8]>, usize>,
    targets: Targets,
    /// The backups of each, in the order in which they are taken.
    backups: Box<[Box<[Backup]>]>,
    /// The name of the node that this engine is.
    own: Box<[u8]>,
}

impl Nodes {
    /// Makes nodes of their sections. `own` is the name of this engine's node, `callto` and `pattern`
    /// are for all nodes.
    pub(crate) fn new(
        sections: Vec<NodeConfig>,
        own: &[u8],
        callto: &Template,
        pattern: &Pattern,
    ) -> Self {
        let mut nodes = Self::default();
        let make = |section: NodeConfig| {
            let NodeConfig {
                name,
                callto: template,
                transport,
                weight,
                capacity,
                probe,
                backup,
                has_source,
            } = section;
            let groups = groups_of(pattern, &name);
            let shape = template.as_ref().unwrap_or(callto).shape(&name, &groups);
            let probe = if probe.is_empty() {
                host_uri(&shape).unwrap_or_default()
            } else {
                probe
            };
            Node {
                is_own: *name == *own,
                has_source,
                seed: Seed::of(&name),
                name,
                callto: template,
                transport,
                weight,
                capacity,
                probe,
                backup,
                groups,
                shape,
                state: Arc::default(),
            }
        };
        nodes.list = sections.into_iter().map(make).collect();
        for (at, node) in nodes.list.iter().enumerate() {
            nodes.by_name.insert(node.name.clone(), at);
        }
        nodes.targets = Targets::new(&nodes.list);
        nodes.find_backups(own, pattern);
        nodes
    }

    /// Takes over the state of those nodes that `old` had, too.
    pub(crate) fn inherit(&mut self, old: &Self) {
        for node in &mut self.list {
            if let Some(old) = old.find(&node.name) {
                node.state = Arc::clone(&old.state);
            }
        }
    }

    /// The node of a name.
    #[must_use]
    pub fn find(&self, name: &[u8]) -> Option<&Node> {
        // Most clusters have no sections, and most of the others few nodes.
        if self.list.is_empty() {
            return None;
        }
        self.by_name.get(name).map(|&at| &self.list[at])
    }

    /// The node that a call to `target` goes to: the first one with this very target, else the first one whose template
    /// may make it.
    #[must_use]
    pub fn find_target(&self, target: &[u8]) -> Option<&Node> {
        self.targets.find(target, &self.list)
    }

    /// All of them.
    pub fn iter(&self) -> std::slice::Iter<'_, Node> {
        self.list.iter()
    }

    /// There are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.list.is_empty()
    }

    /// The number of nodes.
    #[must_use]
    pub fn len(&self) -> usize {
        self.list.len()
    }
}

impl<'n> IntoIterator for &'n Nodes {
    type Item = &'n Node;
    type IntoIter = std::slice::Iter<'n, Node>;

    fn into_iter(self) -> Self::IntoIter {
        self.iter()
    }
}

/// The URI of the host that a SIP target goes to, where that is always the same:
/// `sip/sip:cluster/@10.0.0.2:5060;x=y` goes to `sip:10.0.0.2:5060`.
fn host_uri(target: &Shape) -> Option<Box<[u8]>> {
    let (first, last) = target.ends()?;
    let uri = first.strip_prefix(b"sip/")?;
    let scheme = [&b"sip:"[..], b"sips:"]
        .into_iter()
        .find(|scheme| uri.starts_with(scheme))?;
    let rest = target.constant().map_or(last, |_| &uri[scheme.len()..]);
    let host = match rest.iter().rposition(|&byte| byte == b'@') {
        Some(at) => &rest[at + 1..],
        None => target.constant().map(|_| rest)?,
    };
    let end = host
        .iter()
        .position(|byte| b";?>".contains(byte))
        .unwrap_or(host.len());
    (end > 0).then(|| [scheme, &host[..end]].concat().into())
}

/// The address that a target goes to, fit to be compared with another one: the user before it, if any, then the host
/// in small letters and the port. Of a target that is no SIP URI it's the whole target.
pub(crate) fn address(target: &Shape) -> Option<Box<[u8]>> {
    let Some(uri) = host_uri(target) else {
        let constant = target.constant().filter(|text| !text.is_empty());
        return constant.map(Into::into);
    };
    let (first, _) = target.ends()?;
    let user = &first[..first.iter().rposition(|&byte| byte == b'@').unwrap_or(0)];
    let colon = uri.iter().position(|&byte| byte == b':')?;
    let (scheme, host) = (&uri[..colon], uri[colon + 1..].to_ascii_lowercase());
    // Behind the bracket of an IPv6 address.
    let from = host.iter().rposition(|&byte| byte == b']').unwrap_or(0);
    let port = match scheme {
        _ if host[from..].contains(&b':') => "",
        b"sips" => ":5061",
        _ => ":5060",
    };
    Some([user, b"@", &host, port.as_bytes()].concat().into())
}

#[cfg(test)]
mod tests {
    use proptest::collection::vec;
    use proptest::prelude::*;

    use super::*;
    use crate::addressing::pattern::GroupUse;
    use crate::nodes::admin::AdminState;

    fn section(name: &str, callto: Option<&str>) -> NodeConfig {
        NodeConfig {
            name: name.as_bytes().into(),
            callto: callto.map(|text| Template::parse(text.as_bytes()).unwrap()),
            transport: None,
            weight: 100,
            capacity: 0,
            probe: Box::default(),
            backup: Box::default(),
            has_source: false,
        }
    }

    fn nodes(sections: Vec<NodeConfig>) -> Nodes {
        let callto = Template::parse(br"sip/sip:cluster/@\1.example.net:5062;x=y").unwrap();
        let pattern = Pattern::new(br"^\(node[0-9]\)$", GroupUse::Inner).unwrap();
        Nodes::new(sections, b"node1", &callto, &pattern)
    }

    #[test]
    fn a_node_without_a_probe_is_probed_where_its_calls_go() {
        let nodes = nodes(vec![
            section("node2", None),
            section("far", Some("sip/sips:10.0.0.3")),
            section("user", Some("sip/sip:${called}@10.0.0.4;x=y")),
            section("host", Some("sip/sip:x@${called}")),
            section("iax", Some("iax/10.0.0.4")),
        ]);
        let probes: Vec<_> = nodes.iter().map(|node| &*node.probe).collect();
        let none = &b""[..];
        assert_eq!(
            probes,
            [
                &b"sip:node2.example.net:5062"[..],
                b"sips:10.0.0.3",
                b"sip:10.0.0.4",
                none,
                none
            ]
        );
    }

    #[test]
    fn addresses_are_compared_without_what_does_not_matter() {
        let address = |callto: &str| {
            let nodes = nodes(vec![section("node2", Some(callto))]);
            let address = nodes.find(b"node2").unwrap().address();
            address.map(|text| String::from_utf8(text.into()).unwrap())
        };
        let usual = address("sip/sip:cluster/@10.0.0.2");
        assert!(usual.is_some());
        for same in [
            "sip/sip:cluster/@10.0.0.2:5060",
            "sip/sip:cluster/@10.0.0.2;transport=tcp",
        ] {
            assert_eq!(address(same), usual, "{same}");
        }
        for other in [
            "sip/sip:cluster/@10.0.0.2:5061",
            "sip/sips:cluster/@10.0.0.2",
            "sip/sip:cluster/@10.0.0.20",
            // A proxy may look at it.
            "sip/sip:cluster/node2@10.0.0.2",
            "iax/10.0.0.2",
        ] {
            assert!(address(other).is_some());
            assert_ne!(address(other), usual, "{other}");
        }
        assert_eq!(
            address("sip/sip:x@[2001:DB8::1]"),
            address("sip/sip:x@[2001:db8::1]:5060")
        );
        assert_eq!(address("sip/sip:x@${called}"), None);
        assert_eq!(
            address("sip/sip:${called}@NODE2"),
            address("sip/sip:${caller}@node2:5060")
        );
    }

    #[test]
    fn a_node_is_known_by_the_target_of_its_calls() {
        let nodes = nodes(vec![
            section("node2", None),
            section("odd", Some("sip/sip:${called}@odd:${port$5060}")),
        ]);
        let name = |target: &[u8]| nodes.find_target(target).map(|node| &*node.name);
        assert_eq!(
            name(b"sip/sip:cluster/@node2.example.net:5062;x=y"),
            Some(&b"node2"[..])
        );
        assert_eq!(name(b"sip/sip:bob@odd:5061"), Some(&b"odd"[..]));
        assert_eq!(name(b"sip/sip:cluster/@node3.example.net:5062;x=y"), None);
        assert_eq!(name(b"sip/sip:bob@even:5061"), None);
    }

    proptest! {
        /// Whatever the templates have in common, and whichever comes first.
        #[test]
        fn a_target_belongs_to_the_node_that_a_look_at_all_of_them_finds(
            callto in vec(template(), 1..12),
            target in "[ab@;]{0,8}",
        ) {
            let sections = callto.iter().enumerate().map(|(at, callto)| {
                section(&format!("node{at}"), Some(callto))
            });
            let nodes = nodes(sections.collect());
            let constant = nodes.iter().find(|node| node.shape.constant() == Some(target.as_bytes()));
            let matching = || nodes.iter().find(|node| {
                node.shape.constant().is_none() && node.shape.matches(target.as_bytes())
            });
            let expected = constant.or_else(matching).map(|node| &node.name);
            let found = nodes.find_target(target.as_bytes()).map(|node| &node.name);
            prop_assert_eq!(found, expected);
        }
    }

    /// A template of texts of the letters that targets have, with parameters before, between and behind.
    fn template() -> impl Strategy<Value = String> {
        vec("[ab@;]{0,3}", 1..4).prop_map(|texts| texts.join("${called}"))
    }

    #[test]
    fn a_target_of_one_of_many_nodes_is_looked_for_among_few() {
        // What tells the nodes apart is at the end, at the start, or between.
        for callto in [
            r"sip/${called}@\0",
            r"sip/\0@${called}",
            r"sip/${called}@\0:${port$5060}",
        ] {
            let sections = (0..1000).map(|number| section(&format!("node{number}"), Some(callto)));
            let nodes = nodes(sections.collect());
            assert_eq!(nodes.targets.longest_chain(), 1, "{callto}");
        }
    }

    #[test]
    fn what_is_known_of_a_node_stays_as_long_as_its_section() {
        let old = nodes(vec![section("node2", None), section("node3", None)]);
        old.find(b"node2")
            .unwrap()
            .state
            .set_admin(AdminState::Draining);
        let mut new = nodes(vec![section("node4", None), section("node2", None)]);
        new.inherit(&old);
        let admin = |name: &[u8]| new.find(name).unwrap().state.admin();
        assert_eq!(admin(b"node2"), AdminState::Draining);
        assert_eq!(admin(b"node4"), AdminState::Enabled);
        assert!(new.find(b"node3").is_none());
    }
}
