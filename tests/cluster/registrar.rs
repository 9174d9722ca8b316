// SPDX-License-Identifier: GPL-2.0-or-later

//! The registrar that all nodes share: a database with the table and the queries that the
//! documentation has for it, word for word.

use engine_process::{Postgres, registrar_example};

/// Makes the table of claims.
const CLAIMS: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/conf/clustering.sqlite.sql");
/// The users that there are.
const USERS: &str = "INSERT INTO users(username) VALUES('alice'),('bob'),('carol'),('dave'),\
                     ('o''neil'),('bob;x=1'),('\"bob\" <b>'),('böb'),('a#b&c'),\
                     ('+4930@example.net') ON CONFLICT DO NOTHING";

/// The number of phones that a user may have.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Phones {
    /// The one that has registered last.
    #[default]
    One,
    /// All that have registered.
    Several,
}

impl Phones {
    /// The documentation's heading of it, for a database.
    fn heading(self, database: &str) -> String {
        match self {
            Self::One => database.to_owned(),
            Self::Several => format!("{database}, several phones"),
        }
    }
}

/// A database that is a registrar.
pub enum Registrar {
    /// A file next to the nodes' directories.
    Sqlite,
    /// A server of the lab's own.
    Postgres(Postgres),
}

impl Registrar {
    /// A server with the table and the users.
    pub fn postgres() -> Self {
        let server = Postgres::start();
        for phones in [Phones::One, Phones::Several] {
            let schema = registrar_example(&phones.heading("PostgreSQL"), "sql");
            server.sql(&format!("{schema};{USERS}"));
        }
        Self::Postgres(server)
    }

    /// The module that the nodes need for it.
    pub fn module(&self) -> &'static str {
        match self {
            Self::Sqlite => "server/sqlitedb",
            Self::Postgres(_) => "server/pgsqldb",
        }
    }

    /// The files of configuration that the nodes need for it. Registrations that are over are
    /// looked for every second; `unregister` takes the place of the query that ends one.
    pub fn files(&self, phones: Phones, unregister: Option<&str>) -> [(&'static str, String); 2] {
        let (name, account) = match self {
            Self::Sqlite => {
                let schema = registrar_example(&phones.heading("SQLite"), "sql").replace('\n', " ");
                let account = format!(
                    "[registrar]\ndatabase=${{configpath}}/../registrar.db\n\
                     initialize=PRAGMA busy_timeout=10000;{schema};{USERS}\n\
                     [claims]\ndatabase=${{configpath}}/../claims.db\ninitialize=@{CLAIMS}\n"
                );
                ("SQLite", ("sqlitedb.conf", account))
            }
            Self::Postgres(server) => ("PostgreSQL", ("pgsqldb.conf", server.account("registrar"))),
        };
        let unregister = unregister.map_or(String::new(), |query| {
            format!("[user.unregister]\nquery={query}\n")
        });
        let queries = format!(
            "[general]\nexpires=1\n{unregister}{}",
            registrar_example(&phones.heading(name), "ini")
        );
        [account, ("register.conf", queries)]
    }
}
