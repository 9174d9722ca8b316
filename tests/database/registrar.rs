// SPDX-License-Identifier: GPL-2.0-or-later

//! The tables and queries of the documentation for the registrar, in each database and for each number of phones:
//! what a message costs, and which registrations the start of an engine ends.

use std::time::{SystemTime, UNIX_EPOCH};

use engine_process::{Postgres, registrar_example};
use rusqlite::Connection;

/// Bob registers at `node1` over a connection, is called, and unregisters. Whatever isn't here is empty.
const BOB: &[(&str, &str)] = &[
    ("username", "bob"),
    ("called", "bob"),
    ("driver", "sip"),
    ("data", "cluster/node1/sip/sip:bob@192.0.2.9:5060"),
    ("connection_id", "tcp:192.0.2.1:5060-192.0.2.9:40000"),
    ("connection_reliable", "true"),
    ("sip_callid", "1@192.0.2.9"),
    ("expires", "3600"),
    ("nodename", "node1"),
];
/// His connection breaks.
const BROKEN: &[(&str, &str)] = &[
    ("connection_id", "tcp:192.0.2.1:5060-192.0.2.9:40000"),
    ("nodename", "node1"),
];

enum Database {
    Sqlite(Connection),
    Postgres(Postgres),
}

/// A database with its tables, and the queries for them.
struct Registrar {
    database: Database,
    queries: &'static str,
}

impl Registrar {
    fn all() -> impl Iterator<Item = Self> {
        let all = [
            "SQLite",
            "SQLite, several phones",
            "PostgreSQL",
            "PostgreSQL, several phones",
        ];
        all.into_iter().map(|heading| {
            let database = if heading.starts_with("SQLite") {
                Database::Sqlite(Connection::open_in_memory().expect("there is memory"))
            } else {
                Database::Postgres(Postgres::start())
            };
            let queries = registrar_example(heading, "ini");
            let registrar = Self { database, queries };
            registrar.run(registrar_example(heading, "sql"));
            registrar.run("INSERT INTO users (username) VALUES ('alice'), ('bob')");
            registrar
        })
    }

    fn run(&self, sql: &str) {
        match &self.database {
            Database::Sqlite(connection) => connection.execute_batch(sql).expect(sql),
            Database::Postgres(server) => drop(server.sql(sql)),
        }
    }

    /// The query of a section for a message, or for the engine's start.
    fn query(&self, section: &str, key: &str, message: &[(&str, &str)]) -> String {
        let queries = self.queries.replace("\\\n", "");
        let (_, lines) = queries
            .split_once(&format!("[{section}]\n"))
            .expect(section);
        let mut lines = lines.lines().map_while(|line| line.split_once('='));
        let (_, query) = lines.find(|(name, _)| *name == key).expect(key);
        let mut pieces = query.split("${");
        let mut expanded = pieces.next().expect("it begins").to_owned();
        for piece in pieces {
            let (name, rest) = piece.split_once('}').expect("a name ends");
            let value = message.iter().find(|(known, _)| *known == name);
            expanded.push_str(value.map_or("", |(_, value)| value));
            expanded.push_str(rest);
        }
        expanded
    }

    /// The steps by which the database answers a query, one a line. `PostgreSQL` reads small tables as a whole
    /// unless that is forbidden; then it does so only where no index helps.
    fn plan(&self, query: &str) -> String {
        match &self.database {
            Database::Sqlite(connection) => {
                let plan = connection.prepare(&format!("EXPLAIN QUERY PLAN {query}"));
                let mut plan = plan.expect(query);
                let steps = plan.query_map([], |row| row.get::<_, String>("detail"));
                let steps: Result<Vec<_>, _> = steps.expect(query).collect();
                steps.expect(query).join("\n")
            }
            Database::Postgres(server) => {
                server.sql(&format!("SET enable_seqscan=off; EXPLAIN {query}"))
            }
        }
    }

    /// Whether bob is registered.
    fn has_bob(&self) -> bool {
        let table = if self.queries.contains("phones") {
            "phones"
        } else {
            "users"
        };
        let count =
            format!("SELECT count(*) FROM {table} WHERE username='bob' AND location IS NOT NULL");
        match &self.database {
            Database::Sqlite(connection) => {
                connection
                    .query_one(&count, [], |row| row.get::<_, i64>(0))
                    .expect(&count)
                    == 1
            }
            Database::Postgres(server) => server.sql(&count) == "1",
        }
    }
}

#[test]
fn no_message_has_a_whole_table_read() {
    for registrar in Registrar::all() {
        let messages = [
            ("user.register", BOB),
            ("user.unregister", BOB),
            ("user.unregister", BROKEN),
            ("engine.timer", &[]),
            ("call.route", BOB),
        ];
        for (section, message) in messages {
            let query = registrar.query(section, "query", message);
            let plan = registrar.plan(&query);
            let whole = ["SCAN users", "SCAN phones", "Seq Scan"];
            let whole = whole.into_iter().find(|step| plan.contains(step));
            assert_eq!(whole, None, "{query}\n{plan}");
            // So that it is a plan.
            assert!(
                plan.contains("SEARCH") || plan.contains("Index"),
                "{query}\n{plan}"
            );
        }
    }
}

#[test]
fn the_start_of_an_engine_ends_what_was_registered_before_and_nothing_since() {
    let now = SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .expect("it is later")
        .as_secs();
    for registrar in Registrar::all() {
        registrar.run(&registrar.query("user.register", "query", BOB));
        assert!(registrar.has_bob(), "{}", registrar.queries);
        // A node whose start began now, long before or long after: bob registered at `node1`.
        let starts = [
            ("node1", now, true),
            ("node1", now - 60, true),
            ("node2", now + 60, true),
            ("node1", now + 60, false),
        ];
        for (node, start, stays) in starts {
            let start = start.to_string();
            let run = [("nodename", node), ("runid", start.as_str())];
            registrar.run(&registrar.query("user.register", "initquery", &run));
            assert_eq!(registrar.has_bob(), stays, "{run:?}: {}", registrar.queries);
        }
    }
}
