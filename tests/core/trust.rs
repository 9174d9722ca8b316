// SPDX-License-Identifier: GPL-2.0-or-later

//! Whose calls count, between nodes that sign what they send, and where a call may go.

mod extensions;
mod lab;
mod loops;
mod signatures;
