// SPDX-License-Identifier: GPL-2.0-or-later

//! Claims in `PostgreSQL`, over a connection for each thread.

use std::io::{BufRead, BufReader, Write};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};
use std::sync::LazyLock;

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
