// SPDX-License-Identifier: GPL-2.0-or-later

//! Claims in `SQLite`, in a file that every thread opens for itself.

use std::time::Duration;

use tempfile::TempDir;

use super::database::{self, Connection};

const SCHEMA: &str = include_str!("../../../conf/clustering.sqlite.sql");

impl Connection for rusqlite::Connection {
    fn run(&mut self, statement: &str) -> Vec<String> {
        let mut statement = self.prepare(statement).unwrap();
        // A number is text, too: engines ask for that.
        let rows = statement.query_map([], |row| {
            row.get::<_, String>(0)
                .or_else(|_| row.get::<_, i64>(0).map(|number| number.to_string()))
        });
        rows.unwrap().collect::<Result<_, _>>().unwrap()
    }
}

/// Opens the database of a directory, as an engine does that has the schema for its `initialize`.
fn open(directory: &TempDir) -> rusqlite::Connection {
    let connection = rusqlite::Connection::open(directory.path().join("cluster.sqlite")).unwrap();
    // The first use of the file may be slow.
    connection.busy_timeout(Duration::from_secs(60)).unwrap();
    connection.execute_batch(SCHEMA).unwrap();
    // So many threads at once are more than nodes, and the machine may be slow.
    connection.busy_timeout(Duration::from_secs(60)).unwrap();
    connection
}

#[test]
fn nodes_agree() {
    let directory = TempDir::new().unwrap();
    open(&directory);
    database::nodes_agree(&|| open(&directory));
}

#[test]
fn use_renews_a_lease() {
    database::use_renews_a_lease(&mut open(&TempDir::new().unwrap()));
}

#[test]
fn a_node_that_one_list_lacks_keeps_its_resources() {
    let connection = &mut open(&TempDir::new().unwrap());
    database::a_node_that_one_list_lacks_keeps_its_resources(connection);
}

#[test]
fn a_claim_goes_where_there_is_room_and_stays() {
    let connection = &mut open(&TempDir::new().unwrap());
    database::a_claim_goes_where_there_is_room_and_stays(connection);
}

#[test]
fn a_node_that_only_some_find_down_keeps_its_resources() {
    let connection = &mut open(&TempDir::new().unwrap());
    database::a_node_that_only_some_find_down_keeps_its_resources(connection);
}

#[test]
fn any_name_is_a_name() {
    database::any_name_is_a_name(&mut open(&TempDir::new().unwrap()));
}

#[test]
fn clean_up_takes_what_ended() {
    let mut connection = open(&TempDir::new().unwrap());
    let now = "CAST(strftime('%s', 'now') AS INTEGER)";
    database::clean_up_takes_what_ended(&mut connection, SCHEMA, now);
}

#[test]
fn the_number_of_a_change_is_never_used_again() {
    let connection = &mut open(&TempDir::new().unwrap());
    database::the_number_of_a_change_is_never_used_again(connection, |connection| {
        connection.execute_batch(SCHEMA).unwrap();
    });
    // `REPLACE` deletes a row without a trigger for that.
    connection.run("REPLACE INTO cluster_nodes (name) VALUES ('node1')");
    let number = connection.run("SELECT max(generation) FROM cluster_nodes");
    connection.run("REPLACE INTO cluster_nodes (name) VALUES ('node1')");
    let next = connection.run("SELECT max(generation) FROM cluster_nodes");
    assert_ne!(number, next);
}

#[test]
fn the_schema_ends_with_a_statement_since_the_engine_takes_a_comment_for_one() {
    let last = SCHEMA.trim_end().rsplit('\n').next().unwrap();
    assert!(last.ends_with(';') && !last.contains("--"), "{last}");
}
