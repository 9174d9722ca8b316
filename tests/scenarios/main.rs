// SPDX-License-Identifier: GPL-2.0-or-later
//! The loaded module in a running engine, where single rules are not enough: hostile messages,
//! calls from node to node, settings that change under way, files that must be refused, lookups that take their time; loads and
//! unloads under traffic, again and again, other modules beside it, and the engine's end.
//!
//! `LIFE_ROUNDS=N` makes fewer rounds than the thousands that are the rule.

mod between_nodes;
mod calls;
mod child;
mod connections;
mod exits;
mod failing;
mod hostile;
mod lab;
mod life;
mod loads;
mod lookups;
mod neighbours;
mod nodes;
mod settings;
mod storm;
mod tracked;
mod traffic;
mod trust;
