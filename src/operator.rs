// SPDX-License-Identifier: GPL-2.0-or-later

//! The operator's view: commands at the console, status, metrics, and the counters behind them.

pub mod check;
pub mod command;
pub mod counters;
mod explain;
mod json;
mod rooms;
pub mod status;
