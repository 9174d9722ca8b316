// SPDX-License-Identifier: GPL-2.0-or-later

//! The calls that are trusted, between nodes that sign their calls, and the ways that a call may go.

mod derived;
mod extensions;
mod lab;
mod loops;
mod namesakes;
mod phases;
mod request_uri;
mod signatures;
mod sources;
mod takeover;
