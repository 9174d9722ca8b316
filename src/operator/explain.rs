// SPDX-License-Identifier: GPL-2.0-or-later

//! Explains the way of a target, a location or a called number, and the settings that decide it: the command
//! `clustering where`. Nothing is sent, and nothing is counted.

use std::iter;

use crate::addressing::resource::{ANY_NODE, Target, trim_blanks};
use crate::cluster::Cluster;
use crate::messages::transport::Transport;
use crate::messages::{Kind, Name, Parameters};
use crate::nodes::Node;
use crate::nodes::admin::AdminState;
use crate::operator::status::{reason, state};
use crate::placement::claim::{Member, winner};
use crate::settings::Settings;
use crate::text::{Escaped, Text};

/// Explains in a few lines.
#[must_use]
pub fn explain(cluster: &Cluster, text: &[u8]) -> String {
    let settings = cluster.settings();
    let mut lines = Vec::new();
    if !settings.enabled {
        lines.push(
            "The module is disabled ([general] enabled, regexp, callto): nothing is done"
                .to_owned(),
        );
    }
    match (settings.prefix.parse(text), settings.prefix.strip(text)) {
        (Some(target), _) => explain_target(cluster, &settings, target, &mut lines),
        (None, Some(called)) => explain_called(&settings, trim_blanks(called), &mut lines),
        (None, None) => {
            let prefix = Escaped(settings.prefix.as_bytes());
            lines.push(format!(
                "No business of the cluster's: it doesn't start with '{prefix}' ([general] prefix)"
            ));
            let location_prefix = Escaped(&settings.location_prefix);
            lines.push(format!(
                "A user who registers here with it is stored as '{location_prefix}{}'",
                Escaped(text)
            ));
        }
    }
    lines.join("\n") + "\n"
}

/// A call that comes in for `prefix/CALLED`.
fn explain_called(settings: &Settings, called: &[u8], lines: &mut Vec<String>) {
    if called.is_empty() {
        lines.push("A call from another node, which says in X-CallTo what to call".to_owned());
    } else {
        lines.push(format!(
            "Called from outside: it's routed as '{}'",
            Escaped(called)
        ));
    }
    lines.push(if settings.trusts_nobody() {
        "Nobody's X-CallTo counts: set 'trusted' or 'secret' in [security]".to_owned()
    } else {
        "X-CallTo counts from senders who are trusted ([security] trusted, secret, [node] source)"
            .to_owned()
    });
    lines.push("As the target of a call it lacks a resource: PREFIX/NODE/RESOURCE".to_owned());
}

/// A call that goes out to `prefix/NODE/RESOURCE`.
fn explain_target(
    cluster: &Cluster,
    settings: &Settings,
    Target { node, resource }: Target,
    lines: &mut Vec<String>,
) {
    let shown = Escaped(resource);
    if node == ANY_NODE && !settings.locate.is_empty() {
        lines.push(format!(
            "'{}' is asked for the node ([general] locate)",
            Escaped(&settings.locate)
        ));
        if let Some(why) = silence(settings) {
            lines.push(format!("Another module must answer: {why}"));
            return;
        }
        if !settings.lease.account.is_empty() {
            lines.push(
                "Unless another module answers the database says who has it ([locate] account)"
                    .to_owned(),
            );
        }
        match winner(resource, settings.nodes.iter().map(Member::from)) {
            Some(node) => {
                let name = Escaped(node);
                lines.push(format!(
                    "If nobody knows it goes to '{name}', by the nodes' weights"
                ));
                explain_target(cluster, settings, Target { node, resource }, lines);
            }
            None => lines.push("No node is up that takes anything new".to_owned()),
        }
        return;
    }
    if node.is_empty() || node == cluster.node() {
        lines.push(format!("This node: the call goes on to '{shown}'"));
        let known = cluster.connections().find(resource, |connection| {
            format!("over '{}', by which it was registered", Escaped(connection))
        });
        lines.extend(known);
        return;
    }
    let section = settings.nodes.find(node);
    let groups = section.map_or_else(|| settings.pattern.matches(node), |node| Some(node.groups));
    let Some(groups) = groups else {
        lines.push(format!(
            "Fails with error=noroute: '{}' has no section [node NAME], nor does it match [general] regexp",
            Escaped(node)
        ));
        return;
    };
    if let Some(section) = section {
        explain_node(section, lines);
        if section.state.unreachable().is_some() {
            lines.push("So a call fails at once with error=offline".to_owned());
            return;
        }
    }
    let own = section.and_then(|node| node.callto.as_ref());
    let setting = if own.is_some() {
        format!("[node {}]", Escaped(node))
    } else {
        "[general]".to_owned()
    };
    let mut target = Text::new();
    own.unwrap_or(&settings.callto)
        .expand(node, &groups, &Nothing, &mut target);
    lines.push(match trim_blanks(&target) {
        b"" => format!("Left alone: callto of {setting} comes out empty"),
        target => format!(
            "Goes to '{}' by callto of {setting}, with X-CallTo: {shown}",
            Escaped(target)
        ),
    });
    let by = section.and_then(|node| node.transport);
    let by = by.unwrap_or(settings.transport);
    if by != Transport::default() {
        lines.push(format!(
            "It goes by {}, unless its route says otherwise",
            by.text()
        ));
    }
    if settings.keys.are_set() {
        lines.push("It's signed ([security] secret)".to_owned());
    }
}

/// The reason why this module doesn't answer when it's asked for the node of a resource.
fn silence(settings: &Settings) -> Option<&'static str> {
    if settings.nodes.is_empty() {
        Some("no node has a section [node NAME]")
    } else if *settings.locate != *Kind::Locate.name().as_bytes() {
        Some("this one knows the nodes of cluster.locate alone")
    } else if settings.enabled && !settings.decides(Kind::Locate) {
        Some("this one was told not to ([priorities] cluster.locate)")
    } else {
        None
    }
}

/// Explains the state of a node.
fn explain_node(node: &Node, lines: &mut Vec<String>) {
    let (name, state, reason) = (Escaped(&node.name), state(node), reason(node));
    lines.push(format!("Node '{name}' is {state}: {reason}"));
    if node.state.admin() != AdminState::Enabled {
        lines.push(format!("It is {} by command", node.state.admin()));
    }
}

/// A call without parameters.
struct Nothing;

impl<'m> Parameters<'m> for Nothing {
    fn get(&self, _: Name) -> Option<&'m [u8]> {
        None
    }

    fn is_repeated(&self, _: Name) -> bool {
        false
    }

    fn other(&self, _: &[u8]) -> Option<&'m [u8]> {
        None
    }

    fn all(&self) -> impl Iterator<Item = (&'m [u8], &'m [u8])> {
        iter::empty()
    }
}
