// SPDX-License-Identifier: GPL-2.0-or-later

//! The databases that nodes share, set up as in the documentation, and their contents.

use std::collections::BTreeMap;

use engine_process::Postgres;
use tempfile::TempDir;

const TABLE: &str = "SELECT resource, node FROM cluster_resources";

/// A database with the schema.
pub enum Database {
    /// A file in this directory, which the nodes make.
    Sqlite(TempDir),
    /// A server.
    Postgres(Postgres),
}

impl Database {
    /// In a file.
    pub fn sqlite() -> Self {
        Self::Sqlite(TempDir::with_prefix("claims-").expect("there is room for a directory"))
    }

    /// In a server of its own.
    pub fn postgres() -> Self {
        let server = Postgres::start();
        server.sql(include_str!("../../../conf/clustering.pgsql.sql"));
        Self::Postgres(server)
    }

    /// The files of a node that has an account for it.
    pub fn files(&self, account: &str) -> Vec<(&'static str, String)> {
        match self {
            Self::Sqlite(directory) => {
                let file = directory.path().join("claims.db");
                let file = file.display();
                // Four threads that ask for one connection wait longer for their turn.
                let section = format!(
                    "[{account}]\ndatabase={file}\ntimeout=10000\n\
                     initialize=@${{configpath}}/clustering.sqlite.sql\n"
                );
                let schema = include_str!("../../../conf/clustering.sqlite.sql");
                vec![
                    ("sqlitedb.conf", section),
                    ("clustering.sqlite.sql", schema.to_owned()),
                ]
            }
            Self::Postgres(server) => {
                let section = server.account(account) + "poolsize=4\n";
                vec![("pgsqldb.conf", section)]
            }
        }
    }

    /// The nodes of all resources, by the resources as the table has them.
    ///
    /// # Panics
    /// When a resource is there twice.
    pub fn table(&self) -> BTreeMap<String, String> {
        let rows: Vec<(String, String)> = match self {
            Self::Sqlite(directory) => {
                let file = directory.path().join("claims.db");
                let database = rusqlite::Connection::open(file).expect("the nodes made it");
                let mut statement = database.prepare(TABLE).expect("the table is there");
                let rows = statement.query_map((), |row| Ok((row.get(0)?, row.get(1)?)));
                rows.and_then(Iterator::collect).expect("it can be read")
            }
            Self::Postgres(server) => {
                let text = server.sql(TABLE);
                let row = |line: &str| {
                    let (resource, node) = line.rsplit_once('|').expect("there are two columns");
                    (resource.to_owned(), node.to_owned())
                };
                text.lines().map(row).collect()
            }
        };
        let count = rows.len();
        let table = BTreeMap::from_iter(rows);
        assert_eq!(table.len(), count);
        table
    }
}
