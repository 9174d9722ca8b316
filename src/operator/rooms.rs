// SPDX-License-Identifier: GPL-2.0-or-later

//! Lists the resources whose holders this node knows: the command `clustering rooms`.

use crate::cluster::Cluster;
use crate::placement::claim::Members;
use crate::text::Escaped;
use crate::time::WallTime;

/// The most resources that are listed.
const MOST: usize = 200;

/// Lists them, each with its node and the time since the database said so.
#[must_use]
pub fn list(cluster: &Cluster, now: WallTime) -> String {
    let settings = cluster.settings();
    if settings.lease.account.is_empty() {
        return "Nobody keeps a list: without a database ([locate] account) resources are placed by weights\n"
            .to_owned();
    }
    let members = Members::of(&settings.nodes);
    // One more than is shown tells whether there are more.
    let mut known = settings
        .claims
        .list(&settings.lease, members, now, MOST + 1);
    if known.is_empty() {
        return "This node knows of no claimed resource; the database has those of all nodes\n"
            .to_owned();
    }
    let is_cut = known.len() > MOST;
    known.truncate(MOST);
    let row = |node: &str, age: &str, resource: &str| format!("{node:<14} {age:>6} {resource}\n");
    let mut text = row("NODE", "AGE", "RESOURCE");
    for claim in &known {
        let (node, resource) = (Escaped(claim.node), Escaped(&claim.resource));
        let age = format!("{}s", claim.age);
        text.push_str(&row(&node.to_string(), &age, &resource.to_string()));
    }
    if is_cut {
        text.push_str("There are more, which are not shown; the database has those of all nodes\n");
    }
    text
}
