// SPDX-License-Identifier: GPL-2.0-or-later

//! The core's decisions, in plain Rust: settings and a message in, the changed message out.

mod connections;
mod counting;
mod forwarding;
mod instant_messages;
mod locating;
mod properties;
mod receiving;
mod records;
mod settings;
