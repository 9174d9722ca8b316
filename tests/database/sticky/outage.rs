// SPDX-License-Identifier: GPL-2.0-or-later

//! A server that goes down and comes back.

use engine_process::eventually;

use super::database::Database;
use super::lab::{Lab, clustering};
use super::mock_only::SECOND;

#[test]
fn a_database_that_is_back_is_asked_again() {
    let mut database = Database::postgres();
    let mut lab = Lab::new();
    let mut files = database.files("claims");
    for (file, text) in &mut files {
        if *file == "pgsqldb.conf" {
            text.push_str("timeout=500\nretry=1\n");
        }
    }
    let terms = "account=claims\ntimeout=5000\nretry=1\ncache=0";
    files.push(("clustering.conf", clustering(SECOND, terms)));
    lab.start("node1", &files);
    let node = &lab.nodes[0];
    let Database::Postgres(server) = &mut database else {
        unreachable!("it is a server");
    };
    server.sql(
        "INSERT INTO cluster_resources VALUES ('conf/kept', 'node1', extract(epoch FROM now()) + 3600)",
    );
    assert_eq!(node.locate("conf/kept"), "node1");
    assert_eq!(node.status("database"), "up");

    server.down();
    assert_eq!(node.locate("conf/new"), "node2");
    assert_eq!(node.status("database"), "down");
    node.wait_for("Resources are placed without the database ([locate] account): the query failed");
    // The place of this one is known.
    assert_eq!(node.locate("conf/kept"), "node1");

    server.up();
    let asks_again = || {
        assert_eq!(node.locate("conf/new"), "node2");
        node.status("database") == "up"
    };
    eventually(asks_again, || node.log());
    node.wait_for("Resources are claimed in the database again");
    assert_eq!(node.locate("conf/new"), "node2");
    assert_eq!(database.table()["conf/new"], "node2");
    assert_eq!(database.table()["conf/kept"], "node1");
}
