// SPDX-License-Identifier: GPL-2.0-or-later

//! Claims of resources: when the database is asked, what counts without it, and that nodes agree in real
//! databases.

mod database;
mod nodes;
mod pgsql;
mod rules;
mod sqlite;
