// SPDX-License-Identifier: GPL-2.0-or-later

//! Claims in `PostgreSQL`, over a connection for each thread.

use std::io::{BufRead, BufReader, Write};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};
use std::sync::LazyLock;
use std::thread;
use std::time::Duration;

use engine_process::Postgres;

use super::database::{self, Connection};

const SCHEMA: &str = include_str!("../../../conf/clustering.pgsql.sql");

/// It goes when the process does.
static SERVER: LazyLock<Postgres> = LazyLock::new(Postgres::start);

/// A connection, by `psql`.
struct Psql {
    child: Child,
    input: Option<ChildStdin>,
    output: BufReader<ChildStdout>,
}

impl Psql {
    fn connect(database: &str) -> Self {
        let mut child = Command::new("psql")
            .args([
                "-XAtq",
                "-vON_ERROR_STOP=1",
                "-Upostgres",
                "-d",
                database,
                "-h",
            ])
            .arg(SERVER.host())
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let output = BufReader::new(child.stdout.take().unwrap());
        Self {
            input: child.stdin.take(),
            child,
            output,
        }
    }

    /// Connects to a new database that has the schema.
    fn new(database: &str) -> Self {
        SERVER.sql(&format!("CREATE DATABASE {database}"));
        let mut connection = Self::connect(database);
        // A second time does no harm.
        for _ in 0..2 {
            connection.run(&format!("SET client_min_messages = warning;\n{SCHEMA}"));
        }
        connection
    }
}

impl Connection for Psql {
    fn run(&mut self, statement: &str) -> Vec<String> {
        const DONE: &str = "-- done";
        let input = self.input.as_mut().unwrap();
        writeln!(input, "{statement}\n;\\echo {DONE}").unwrap();
        let mut rows = Vec::new();
        for line in (&mut self.output).lines() {
            match line.unwrap() {
                line if line == DONE => return rows,
                line => rows.push(line),
            }
        }
        panic!("{statement}: psql has said why");
    }
}

impl Drop for Psql {
    fn drop(&mut self) {
        drop(self.input.take());
        // It ends with its input.
        let _ = self.child.wait();
    }
}

#[test]
fn nodes_agree() {
    Psql::new("agree");
    database::nodes_agree(&|| Psql::connect("agree"));
}

#[test]
fn use_renews_a_lease() {
    database::use_renews_a_lease(&mut Psql::new("renew"));
}

#[test]
fn a_node_that_one_list_lacks_keeps_its_resources() {
    database::a_node_that_one_list_lacks_keeps_its_resources(&mut Psql::new("unlisted"));
}

#[test]
fn a_claim_goes_where_there_is_room_and_stays() {
    database::a_claim_goes_where_there_is_room_and_stays(&mut Psql::new("room"));
}

#[test]
fn a_node_that_only_some_find_down_keeps_its_resources() {
    let connection = &mut Psql::new("judged");
    database::a_node_that_only_some_find_down_keeps_its_resources(connection);
}

#[test]
fn any_name_is_a_name_whatever_a_backslash_means() {
    for standard in ["on", "off"] {
        let mut connection = Psql::new(&format!("name_{standard}"));
        connection.run(&format!("SET standard_conforming_strings = {standard}"));
        database::any_name_is_a_name(&mut connection);
    }
}

#[test]
fn any_name_is_a_name_where_the_database_knows_few_characters() {
    SERVER.sql("CREATE DATABASE latin ENCODING 'LATIN1' TEMPLATE template0");
    let mut connection = Psql::connect("latin");
    connection.run(SCHEMA);
    connection.run("SET client_encoding = 'UTF8'");
    database::any_name_is_a_name(&mut connection);
}

#[test]
fn clean_up_takes_what_ended() {
    let mut connection = Psql::new("clean_up");
    let now = "extract(epoch FROM now())";
    database::clean_up_takes_what_ended(&mut connection, SCHEMA, now);
}

#[test]
fn the_number_of_a_change_is_never_used_again() {
    let connection = &mut Psql::new("number");
    connection.run("SET client_min_messages = warning");
    database::the_number_of_a_change_is_never_used_again(connection, |connection| {
        connection.run(SCHEMA);
    });
    // The table is restored, the sequence is not.
    let number = connection.run("SELECT max(generation) FROM cluster_nodes");
    connection.run("ALTER SEQUENCE cluster_nodes_number RESTART");
    connection.run("UPDATE cluster_nodes SET weight = '8'");
    let next = connection.run("SELECT max(generation) FROM cluster_nodes");
    let [number, next]: [u64; 2] = [&number, &next].map(|rows| rows[0].parse().unwrap());
    assert!(next > number, "{next} after {number}");
}

/// A node that knows a number misses a lesser one that is committed later.
#[test]
fn numbers_are_in_the_order_of_commits() {
    let mut one = Psql::new("commits");
    one.run("INSERT INTO cluster_nodes (name) VALUES ('node1'), ('node2')");
    one.run("BEGIN");
    one.run("UPDATE cluster_nodes SET weight = '1' WHERE name = 'node1'");
    let other = thread::spawn(|| {
        Psql::connect("commits").run("UPDATE cluster_nodes SET weight = '2' WHERE name = 'node2'");
    });
    let waits = "SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND NOT granted";
    while SERVER.sql(waits) == "0" {
        assert!(!other.is_finished(), "it doesn't wait");
        thread::sleep(Duration::from_millis(10));
    }
    one.run("COMMIT");
    other.join().unwrap();
    let order = one.run("SELECT name FROM cluster_nodes ORDER BY generation");
    assert_eq!(order, ["node1", "node2"]);
}

#[test]
fn the_grants_that_the_script_names_are_enough() {
    let mut connection = Psql::new("grants");
    connection.run("CREATE USER yate");
    let grants = SCHEMA.lines().filter_map(|line| {
        let grant = line.strip_prefix("--   ")?;
        grant.starts_with("GRANT").then_some(grant)
    });
    for grant in grants {
        connection.run(grant);
    }
    connection.run("SET ROLE yate");
    for statement in [
        "INSERT INTO cluster_nodes (name) VALUES ('node1') ON CONFLICT (name) DO UPDATE SET weight = '7'",
        "UPDATE cluster_nodes SET admin = 'draining' WHERE name = 'node1'",
        "INSERT INTO cluster_heartbeats (name, seen) VALUES ('node1', 5)",
        "INSERT INTO cluster_resources VALUES ('conf/1', 'node1', 5)",
    ] {
        connection.run(statement);
    }
    let admin = connection.run("SELECT admin FROM cluster_nodes");
    assert_eq!(admin, ["draining"]);
}
