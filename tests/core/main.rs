// SPDX-License-Identifier: GPL-2.0-or-later

//! The core in plain Rust, without an engine, and the texts about it: docs, header.

mod claims;
mod decisions;
mod docs;
mod files;
mod header;
mod load;
mod membership;
mod names;
mod node;
mod nodes;
mod operator;
mod placement;
mod trust;
