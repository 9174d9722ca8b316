// SPDX-License-Identifier: GPL-2.0-or-later
//! The module's life in a running engine: loaded and unloaded again and again, reloaded under
//! traffic and from within its own lookups, beside other modules, and at the engine's end.
//!
//! `LIFE_ROUNDS=N` makes fewer rounds than the thousands that are the rule.

#[path = "life/child.rs"]
mod child;
#[path = "life/exits.rs"]
mod exits;
#[path = "scenarios/lab.rs"]
#[allow(dead_code, reason = "the scenarios need more of it")]
mod lab;
#[path = "life/loads.rs"]
mod loads;
#[path = "life/lookups.rs"]
mod lookups;
#[path = "life/neighbours.rs"]
mod neighbours;
#[path = "life/storm.rs"]
mod storm;
#[path = "life/traffic.rs"]
mod traffic;
