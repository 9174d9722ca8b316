// SPDX-License-Identifier: GPL-2.0-or-later

//! Databases, `SQLite` and `PostgreSQL`, asked by way of an engine: plain SQL, and claims of resources by nodes that
//! are processes of their own.

mod queries;
mod registrar;
mod sticky;
