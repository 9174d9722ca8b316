// SPDX-License-Identifier: GPL-2.0-or-later
//! The loaded module in a running engine, where single rules are not enough: hostile messages,
//! settings that change under way, files that must be refused, lookups that take their time, and
//! unloading under traffic.

#[path = "scenarios/hostile.rs"]
mod hostile;
#[path = "scenarios/lab.rs"]
mod lab;
#[path = "scenarios/life.rs"]
mod life;
#[path = "scenarios/nodes.rs"]
mod nodes;
#[path = "scenarios/settings.rs"]
mod settings;
