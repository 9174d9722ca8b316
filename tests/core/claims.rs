// SPDX-License-Identifier: GPL-2.0-or-later

//! Claims of resources: the use of the database, the rules without it, and the agreement of nodes in real
//! databases.

mod database;
mod nodes;
mod pgsql;
mod rules;
mod sqlite;
