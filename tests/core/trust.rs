// SPDX-License-Identifier: GPL-2.0-or-later

//! Whose calls count, between nodes that sign what they send, and where a call may go.

#[path = "trust/lab.rs"]
mod lab;
#[path = "trust/loops.rs"]
mod loops;
mod node;
#[path = "trust/signatures.rs"]
mod signatures;
