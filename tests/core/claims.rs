// SPDX-License-Identifier: GPL-2.0-or-later

//! Claims of resources: when the database is asked, what counts without it, and that nodes agree in real
//! databases.

#[path = "claims/database.rs"]
mod database;
#[path = "claims/nodes.rs"]
mod nodes;
#[path = "claims/pgsql.rs"]
mod pgsql;
mod postgres;
#[path = "claims/rules.rs"]
mod rules;
#[path = "claims/sqlite.rs"]
mod sqlite;
