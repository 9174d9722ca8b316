// SPDX-License-Identifier: GPL-2.0-or-later

//! Explains the way of a target or a location, and the settings that decide it: the command `clustering where`.
//! Nothing is sent to a node, nothing is claimed, and nothing is counted.

use std::borrow::Cow;
use std::iter;

use crate::addressing::resource::{ANY_NODE, Target, trim_blanks};
use crate::addressing::template::Host;
use crate::auth::derived::Derived;
use crate::cluster::{Cluster, list};
use crate::messages::locate::outcome;
use crate::messages::transport::Transport;
use crate::messages::{Kind, Name, Parameters, Reply};
use crate::nodes::admin::AdminState;
use crate::nodes::health::Rules;
use crate::nodes::{Detour, Node, StandIn, Unreachable};
use crate::operator::command::Request;
use crate::operator::status::{reason, state};
use crate::placement::bounded::Sums;
use crate::placement::claim::{Answer, Members, Purpose, Resolution, choice, takers};
use crate::placement::rendezvous::{Candidate, Key, place};
use crate::settings::{Settings, Warning};
use crate::task::DbQuery;
use crate::text::{Escaped, Text};
use crate::time::WallTime;

/// The most nodes that are named because a resource isn't placed there.
const MOST_PASSED: usize = 10;

/// The query that finds the holder of a resource of any node; `None` where no database is asked for that.
#[must_use]
pub fn query(cluster: &Cluster, text: &[u8], now: WallTime) -> Option<DbQuery> {
    let settings = cluster.settings();
    let target = settings.prefix.parse(text)?;
    let is_looked_for = target.node == ANY_NODE && !settings.locate.is_empty();
    if !is_looked_for || silence(&settings).is_some() {
        return None;
    }
    match peek(&settings, target.resource, now)? {
        Resolution::Ask { query, .. } => Some(DbQuery {
            account: settings.lease.account.clone(),
            text: query,
            timeout: settings.lease.timeout,
        }),
        _ => None,
    }
}

/// The holder of a resource that is remembered, or the query for it.
fn peek<'s>(settings: &'s Settings, resource: &[u8], now: WallTime) -> Option<Resolution<'s>> {
    let members = Members::of(&settings.nodes);
    settings
        .claims
        .peek(&settings.lease, resource, members, now)
}

/// Explains in a few lines.
#[must_use]
pub fn explain(cluster: &Cluster, request: &Request, text: &[u8]) -> String {
    let settings = cluster.settings();
    let mut lines = Vec::new();
    if !settings.enabled {
        lines.push(
            "The module is disabled ([general] enabled, regexp, callto): it does nothing"
                .to_owned(),
        );
    }
    match (settings.prefix.parse(text), settings.prefix.strip(text)) {
        (Some(target), _) if target.node == ANY_NODE && !settings.locate.is_empty() => {
            explain_resource(cluster, &settings, request, target.resource, &mut lines);
        }
        (Some(target), _) => explain_target(cluster, &settings, target, false, &mut lines),
        (None, Some(called)) => explain_called(&settings, trim_blanks(called), &mut lines),
        (None, None) => {
            let prefix = Escaped(settings.prefix.as_bytes());
            lines.push(format!(
                "The cluster does not handle it: it does not start with '{prefix}' ([general] prefix)"
            ));
            let location_prefix = Escaped(&settings.location_prefix);
            lines.push(format!(
                "The location of a user who registers here with it is stored as '{location_prefix}{}'",
                Escaped(text)
            ));
            lines.extend(warning(settings.misnamed(cluster.node())));
            lines.push(
                "A called number is routed by the engine's other modules first: ask for the target that they give"
                    .to_owned(),
            );
        }
    }
    lines.join("\n") + "\n"
}

/// A call that comes in for `prefix/CALLED`.
fn explain_called(settings: &Settings, called: &[u8], lines: &mut Vec<String>) {
    if called.is_empty() {
        lines.push("A call from another node: X-CallTo names its target".to_owned());
    } else {
        lines.push(format!(
            "A call from outside is routed as '{}'",
            Escaped(called)
        ));
    }
    lines.push(if settings.trusts_nobody() {
        "X-CallTo is refused from all senders: set 'trusted' or 'secret' in [security], since callto names no node's \
         address"
            .to_owned()
    } else if settings.names_nobody() {
        "X-CallTo is accepted from the addresses to which callto leads, each for its own node (no setting in \
         [security])"
            .to_owned()
    } else {
        "X-CallTo is accepted from trusted senders ([security] trusted, secret, [node] source)"
            .to_owned()
    });
    let derived = settings.derived.as_ref();
    if let Some(error) = derived.and_then(Derived::general_error)
        && !settings.pattern.is_empty()
    {
        lines.push(format!(
            "No node without a section is trusted: callto {error}"
        ));
    }
    lines.push(
        "It is not the target of a call, because it has no resource: PREFIX/NODE/RESOURCE"
            .to_owned(),
    );
}

/// A call to `prefix/*/RESOURCE`.
fn explain_resource(
    cluster: &Cluster,
    settings: &Settings,
    request: &Request,
    resource: &[u8],
    lines: &mut Vec<String>,
) {
    lines.push(format!(
        "The message '{}' asks for the node ([general] locate)",
        Escaped(&settings.locate)
    ));
    if let Some(why) = silence(settings) {
        lines.push(format!("Another module must answer: {why}"));
        return;
    }
    let holder = match peek(settings, resource, request.now) {
        Some(Resolution::Node(node, _)) => {
            lines.push(format!(
                "If no other module answers, it goes to its holder '{}', as this node remembers ([locate] cache)",
                Escaped(node)
            ));
            Some(Cow::Borrowed(node))
        }
        Some(_) => explain_database(cluster, settings, request.reply.as_ref(), lines),
        None => None,
    };
    let node = holder.or_else(|| explain_new(settings, resource, lines).map(Cow::Borrowed));
    if let Some(node) = node.as_deref() {
        explain_target(cluster, settings, Target { node, resource }, true, lines);
    }
}

/// The node of a resource that no node holds.
fn explain_new<'s>(
    settings: &'s Settings,
    resource: &[u8],
    lines: &mut Vec<String>,
) -> Option<&'s [u8]> {
    let spread = settings.lease.spread;
    let Some(choice) = choice(resource, spread, Members::by(settings)) else {
        lines.push("No node can accept it: none is up, enabled and of a weight above 0".to_owned());
        return None;
    };
    let node = Escaped(choice.node);
    if !choice.is_moved {
        lines.push(format!(
            "If no node holds it, it goes to '{node}', by the nodes' weights"
        ));
        return Some(choice.node);
    }
    lines.push(format!(
        "If no node holds it, it goes to '{node}', by the nodes' weights and loads"
    ));
    let takers = takers(Members::by(settings));
    let weights = takers.clone();
    let sums = Sums::of(weights.map(|(candidate, figures)| (candidate.weight, figures)));
    // The order of the nodes is that in which they win as those before them are left out.
    let mut passed: Vec<&[u8]> = Vec::new();
    while passed.len() < MOST_PASSED {
        let rest = takers
            .clone()
            .filter(|(candidate, _)| !passed.contains(&candidate.node));
        let marked = rest.map(|(candidate, figures)| Candidate {
            seed: candidate.seed,
            weight: candidate.weight,
            node: (candidate.node, candidate.weight, figures),
        });
        let Some((name, weight, figures)) = place(Key::of(resource), marked) else {
            break;
        };
        if name == choice.node {
            break;
        }
        passed.push(name);
        let (name, node) = (Escaped(name), settings.nodes.find(name));
        let channels = node.and_then(|node| node.state.channels().zip(Some(node.capacity)));
        lines.push(match (figures.is_full, channels) {
            (true, Some((channels, capacity))) => format!(
                "Node '{name}' is passed over: {channels} channels, and capacity={capacity} in [node {name}]"
            ),
            _ => format!(
                "Node '{name}' is passed over: {} resources, while nodes aim at less than {}, and may have {} \
                 ([locate] spread)",
                figures.load.unwrap_or(0),
                sums.aim(spread, weight).unwrap_or(0),
                sums.bound(spread, weight).unwrap_or(0)
            ),
        });
    }
    Some(choice.node)
}

/// What the database says about a resource, by the reply to the query; gives the holder.
fn explain_database<'s>(
    cluster: &Cluster,
    settings: &'s Settings,
    reply: Option<&Reply>,
    lines: &mut Vec<String>,
) -> Option<Cow<'s, [u8]>> {
    let begin = "If no other module answers, the database names the node ([locate] account)";
    let Some(reply) = reply else {
        lines.push(begin.to_owned());
        return None;
    };
    let members = Members::of(&settings.nodes);
    match Answer::of(outcome(reply), Purpose::Lookup, &settings.lease, members) {
        Answer::Holder(node) => {
            lines.push(format!("{begin}: '{}' holds it now", Escaped(node.name)));
            Some(Cow::Borrowed(node.name))
        }
        Answer::Unlisted(node) => {
            let name = Escaped(&node);
            lines.push(format!(
                "{begin}: '{name}' holds it now, which has no section [node {name}] here"
            ));
            let is_called = settings.calls_by_name(cluster.node(), &node);
            is_called.then_some(Cow::Owned(node))
        }
        Answer::Nobody => {
            lines.push(format!("{begin}: no node holds it now"));
            None
        }
        Answer::Error(error) => {
            lines.push(format!("{begin}, but now it does not: {error}"));
            None
        }
    }
}

/// A call that goes out to `prefix/NODE/RESOURCE`, of which the node was looked for, or named by whoever calls.
fn explain_target(
    cluster: &Cluster,
    settings: &Settings,
    Target { node, resource }: Target,
    is_found: bool,
    lines: &mut Vec<String>,
) {
    let shown = Escaped(resource);
    if node.is_empty() || node == cluster.node() {
        lines.push(format!("It is on this node: the call goes on to '{shown}'"));
        explain_connection(cluster, resource, lines);
        return;
    }
    let section = settings.nodes.find(node);
    let groups = section.map_or_else(|| settings.pattern.matches(node), |node| Some(node.groups));
    let Some(groups) = groups else {
        lines.push(format!(
            "A call fails with error=noroute: '{}' has no section [node NAME] and does not match [general] regexp",
            Escaped(node)
        ));
        return;
    };
    if let Some(section) = section {
        explain_node(section, &settings.health, lines);
        explain_listed(cluster, section, lines);
        lines.extend(warning(settings.misled(cluster.node(), section)));
        explain_backups(settings, section, lines);
        if let Some(why) = section.state.detour() {
            let stand_in = settings.nodes.stand_in(section);
            match stand_in.filter(|_| why == Detour::Taken || !is_found) {
                Some(StandIn {
                    name,
                    is_here: false,
                }) => {
                    let node = name;
                    explain_target(cluster, settings, Target { node, resource }, false, lines);
                }
                Some(_) => explain_delivery(cluster, resource, lines),
                None => lines.push("A call fails at once with error=offline".to_owned()),
            }
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
        b"" => format!("A call fails with error=noroute: callto of {setting} is empty for it"),
        target => format!(
            "A call goes to '{}' by callto of {setting}, with X-CallTo: {shown}",
            Escaped(target)
        ),
    });
    let by = section.and_then(|node| node.transport);
    let by = by.unwrap_or(settings.transport);
    if by != Transport::default() {
        lines.push(format!(
            "The call is sent over {}, unless its route says otherwise",
            by.text()
        ));
    }
    if settings.keys.are_set() {
        lines.push("The call is signed ([security] secret)".to_owned());
    }
    lines.extend(explain_trust(cluster, settings, node));
}

/// A call for another node that goes on to the phone from here.
fn explain_delivery(cluster: &Cluster, resource: &[u8], lines: &mut Vec<String>) {
    lines.push(format!(
        "This node stands in: the call goes on to '{}'",
        Escaped(resource)
    ));
    explain_connection(cluster, resource, lines);
}

fn explain_connection(cluster: &Cluster, resource: &[u8], lines: &mut Vec<String>) {
    let known = cluster.connections().find(resource, |connection| {
        format!(
            "It goes over the connection of its registration, '{}'",
            Escaped(connection)
        )
    });
    lines.extend(known);
}

/// The backups of a node, where it is down.
fn explain_backups(settings: &Settings, node: &Node, lines: &mut Vec<String>) {
    if node.backup.is_empty() || node.state.unreachable() != Some(Unreachable::Down) {
        return;
    }
    let names = node.backup.iter();
    let names: Vec<_> = names.map(|name| Escaped(name).to_string()).collect();
    let begin = format!(
        "Its backups are {} ([node {}] backup)",
        names.join(", "),
        Escaped(&node.name)
    );
    lines.push(match settings.nodes.stand_in(node) {
        Some(StandIn { name, .. }) => format!("{begin}: '{}' stands in for it", Escaped(name)),
        None => format!("{begin}: none of them takes calls"),
    });
}

/// The addresses from which the calls of a node are trusted; `None` where a setting decides that.
fn explain_trust(cluster: &Cluster, settings: &Settings, node: &[u8]) -> Option<String> {
    let derived = settings.derived.as_ref()?;
    Some(
        match derived.host(cluster.node(), &settings.pattern, node) {
            Ok(Host::Address(address)) => {
                format!("Calls from it are trusted from {address}, by callto")
            }
            Ok(Host::Name(name)) => {
                let name_shown = Escaped(name.as_bytes());
                match cluster.addresses(&name) {
                    Some(addresses) if addresses.is_empty() => {
                        format!("Calls from it are refused: no address is known for '{name_shown}'")
                    }
                    Some(addresses) => format!(
                        "Calls from it are trusted from '{name_shown}', by callto: {}",
                        list(&addresses)
                    ),
                    None => format!(
                        "Calls from it are trusted from '{name_shown}', by callto: its address is looked up with the \
                     first call"
                    ),
                }
            }
            Err(error) => format!("Calls from it are refused: {error}"),
        },
    )
}

/// What the file says that will hurt.
fn warning(warning: Option<Warning>) -> Option<String> {
    warning.map(|warning| format!("Warning: {warning}"))
}

/// The reason why this module doesn't answer when it's asked for the node of a resource.
fn silence(settings: &Settings) -> Option<&'static str> {
    if settings.nodes.is_empty() {
        Some("no node has a section [node NAME]")
    } else if *settings.locate != *Kind::Locate.name().as_bytes() {
        Some("this one answers cluster.locate only")
    } else if settings.enabled && !settings.decides(Kind::Locate) {
        Some("this one is switched off ([priorities] cluster.locate)")
    } else {
        None
    }
}

/// Explains the state of a node.
fn explain_node(node: &Node, rules: &Rules, lines: &mut Vec<String>) {
    let (name, state) = (Escaped(&node.name), state(node));
    let reason = reason(node, rules);
    lines.push(format!("Node '{name}' is {state}: {reason}"));
    if node.state.admin() != AdminState::Enabled {
        lines.push(format!("The node is {} by command", node.state.admin()));
    }
}

/// Explains what the list in the database has of a node.
fn explain_listed(cluster: &Cluster, node: &Node, lines: &mut Vec<String>) {
    if cluster.membership().database().is_none() {
        return;
    }
    let Some(listed) = cluster.membership().of(&node.name) else {
        lines.push(
            "Only this node's file has the node, the list in the database does not".to_owned(),
        );
        return;
    };
    lines.push("The list in the database has the node".to_owned());
    for (text, keys) in [
        (
            "Its section in this node's file wins over the list",
            listed.overruled,
        ),
        ("The node has other settings than this node", listed.drift),
    ] {
        if !keys.is_empty() {
            lines.push(format!("{text}: {}", keys.join(", ")));
        }
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
