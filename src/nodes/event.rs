// SPDX-License-Identifier: GPL-2.0-or-later

//! The engine's message `cluster.node`: the state of a node has changed. Scripts and monitoring listen to it.

use std::fmt::Write;

use crate::nodes::Node;
use crate::nodes::admin::AdminState;
use crate::nodes::evacuation::Left;
use crate::nodes::health::Transition;
use crate::task::{Task, Tasks};
use crate::text::Escaped;
use crate::time::SECOND;

/// Tells that the health of a node has changed.
pub(crate) fn tell_health(node: &Node, change: &Transition, tasks: &Tasks) {
    let lasted = change.lasted / SECOND;
    let more = format!("reason={}\nlasted={lasted}\n", change.cause);
    tell(node, "health", change.from.text(), &more, tasks);
}

/// Tells that an operator has changed the admin state of a node.
pub(crate) fn tell_admin(node: &Node, before: AdminState, reason: &str, tasks: &Tasks) {
    let more = format!("reason={reason}\n");
    tell(node, "admin", before.text(), &more, tasks);
}

/// Tells what is left on this node, which is drained or disabled.
pub(crate) fn tell_left(node: &Node, left: &Left, tasks: &Tasks) {
    let mut more = format!("channels={}\n", left.channels);
    for (name, number) in [("rooms", left.rooms), ("registrations", left.registrations)] {
        if let Some(number) = number {
            let _ = writeln!(more, "{name}={number}");
        }
    }
    tell(node, "evacuation", node.state.admin().text(), &more, tasks);
}

/// Tells that this node has taken over a node, or has released it.
pub(crate) fn tell_takeover(node: &Node, is_taken: bool, reason: &str, tasks: &Tasks) {
    let more = format!("reason={reason}\ntaken={is_taken}\n");
    tell(node, "takeover", "", &more, tasks);
}

/// Tells that another node stands in for a node; an empty name is that of none.
pub(crate) fn tell_backup(node: &Node, before: &str, now: &str, tasks: &Tasks) {
    let reason = match now {
        "" => "no backup stands in".to_owned(),
        name => format!("{name} stands in"),
    };
    let more = format!("reason={reason}\nbackup={now}\n");
    tell(node, "backup", before, &more, tasks);
}

/// Tells of a change, by parameters of which each is a line.
#[inline(never)]
fn tell(node: &Node, event: &str, previous: &str, more: &str, tasks: &Tasks) {
    let (health, admin) = (node.state.health().state(), node.state.admin());
    let reachable = node.state.unreachable().is_none();
    let open = node.state.is_open();
    let mut params = format!("node={}\nevent={event}\n", Escaped(&node.name));
    // Writing to a string doesn't fail.
    let _ = write!(
        params,
        "state={health}\nadmin={admin}\nprevious={previous}\nreachable={reachable}\nopen={open}\n{more}"
    );
    tasks.add(Task::Event(params));
}
