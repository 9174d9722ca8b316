// SPDX-License-Identifier: GPL-2.0-or-later

//! What the nodes of the story are made of: their configuration, the dial plan, and what else an
//! operator's own modules know.

use std::fs;
use std::io;

use engine_process::Message;

use crate::nodes::{Binaries, Nodes};

/// The names of the nodes of the beginning.
pub const NODES: [&str; 3] = ["node1", "node2", "node3"];

/// The same on each node: that is the point of a cluster of equals.
pub const CLUSTERING: &str = r"[general]
regexp=^node[0-9]$
callto=sip/sip:cluster/@\0.example.net

[security]
trusted=198.51.100.0/24

[health]
interval=1
timeout=1
fall=2
rise=1

[locate]
account=cluster

[cluster]
account=cluster
poll=1
";

/// What the nodes have in common lies in databases: which nodes there are, who has which room, and where users are.
const DATABASES: &str = "\
[cluster]
database=${configpath}/../cluster.sqlite
initialize=@${configpath}/clustering.sqlite.sql

[registrar]
database=${configpath}/../registrar.sqlite
initialize=PRAGMA busy_timeout=400; \\
  CREATE TABLE IF NOT EXISTS users(username TEXT PRIMARY KEY, location TEXT)
";

/// An operator runs it in his database.
const SCHEMA: &str = include_str!("../../../conf/clustering.sqlite.sql");

/// A registration that ends takes only its own row with it.
const REGISTRAR: &str = "\
[general]
user.register=yes
user.unregister=yes
call.route=yes

[default]
account=registrar

[user.register]
query=INSERT OR REPLACE INTO users VALUES('${username}', '${data}')

[user.unregister]
query=DELETE FROM users WHERE username='${username}' AND location='${data}'

[call.route]
query=SELECT location FROM users WHERE username='${called}'
result=location
";

/// What an operator's dial plan says of names that are no user's.
const DIAL_PLAN: [(&str, &str); 5] = [
    ("room1", "cluster/*/conf/1"),
    ("room8", "cluster/*/conf/8"),
    ("room9", "cluster/*/conf/9"),
    ("lobby", "cluster/*/conf/lobby"),
    ("oldpbx", "cluster/pbx9/conf/1"),
];

/// The hosts of all phones.
const PHONES: &str = "[phones]\n10.0.0.8=\n10.0.0.9=\n10.0.0.10=\n10.0.0.11=\n";

/// The messages that tell the story.
const TOLD: [&str; 6] = [
    "call.preroute",
    "call.route",
    "call.execute",
    "call.cdr",
    "cluster.locate",
    "msg.execute",
];

/// Starts a node, also one that has run before, and watches the messages of the story.
pub fn start(binaries: &Binaries, nodes: &mut Nodes, name: &str) -> io::Result<()> {
    start_with(binaries, nodes, name, CLUSTERING)?;
    let client = nodes.get(name)?.client();
    TOLD.iter().try_for_each(|message| client.watch(message))
}

/// Starts a node with these settings of the module.
pub fn start_with(
    binaries: &Binaries,
    nodes: &mut Nodes,
    name: &str,
    clustering: &str,
) -> io::Result<()> {
    let wire = nodes.directory().join("wire");
    fs::create_dir_all(&wire)?;
    let mock = format!(
        "[wire]\ndirectory={}\naddress={}\ngenerate=yes\n\n{PHONES}",
        wire.display(),
        address(name),
    );
    let files = [
        ("clustering.conf", clustering),
        ("yate-mock.conf", mock.as_str()),
        ("sqlitedb.conf", DATABASES),
        ("clustering.sqlite.sql", SCHEMA),
        ("register.conf", REGISTRAR),
    ];
    nodes.start(binaries, name, &files)?;
    let client = nodes.get(name)?.client();
    client.install(60, "call.route", Box::new(dial))?;
    client.install(50, "cluster.locate", Box::new(locate_lobby))
}

/// A node's address.
pub fn address(node: &str) -> String {
    format!("198.51.100.{}", node.trim_start_matches("node"))
}

/// Routes a call by the dial plan, as a routing module would.
fn dial(route: &mut Message) -> bool {
    let entry = DIAL_PLAN
        .iter()
        .find(|(name, _)| route.get("called") == *name);
    let Some((_, target)) = entry else {
        return false;
    };
    (*target).clone_into(&mut route.retval);
    true
}

/// An operator's own say in where a room is.
fn locate_lobby(locate: &mut Message) -> bool {
    let is_lobby = locate.get("callto") == "conf/lobby";
    if is_lobby {
        "node1".clone_into(&mut locate.retval);
    }
    is_lobby
}
