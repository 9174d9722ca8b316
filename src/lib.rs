// SPDX-License-Identifier: GPL-2.0-or-later

//! The core of the clustering module for the Yate telephony engine.
//!
//! Several Yate servers of one domain form a cluster of equals. This crate holds every rule of it: which
//! location a registration stores, where a call goes, what the node that receives it makes of it. It does no
//! I/O at all: a message's parameters come in, a [`verdict::Verdict`] goes out. A step that needs the engine, such as
//! asking another module for a node, is a verdict too: the caller performs it and comes back with the answer.
//! Time comes in as an argument. So each rule can be tested, fuzzed and simulated in plain Rust.
//!
//! Where to find what:
//!
//! | module | rule |
//! | --- | --- |
//! | [`cluster`] | the object that an engine holds: settings in force, counters, one entry for messages |
//! | [`settings`] | what `clustering.conf` may say, and what is wrong with it |
//! | [`resource`] | the grammar `prefix/NODE/RESOURCE` |
//! | [`pattern`] | the POSIX pattern that node names must match |
//! | [`template`] | `callto`: from a node's name to the target that reaches it |
//! | [`execute`], [`route`], `preroute`, [`register`], [`cdr`], `locate` | the messages |
//! | [`nodes`], [`health`] | the nodes that have sections, and whether they answer |
//! | `probe`, `calls` | how that is found out: by requests, by how calls end |
//! | [`admin`] | what an operator wants of the nodes, and how it's kept |
//! | [`placement`] | which node a resource is placed on |
//! | [`claim`] | how it stays there, by a lease in a database |
//! | [`command`], `explain` | what an operator asks at the console |
//! | [`status`] | what is shown to him, and to machines |
//! | [`task`] | what the engine has to do besides answering messages |
//! | [`trust`], `judge` | whose cluster headers count |
//! | [`signature`], [`replay`] | how a node proves that a call is its own, and once |
//! | `visited` | where a call has been |
//! | `context`, `clock` | what a decision is made by, and when |
//! | [`verdict`], [`text`] | what the engine has to do to the message |
//! | [`event`] | what is said in the log, and how often |
//! | [`stats`] | what is counted |
//! | [`failure`] | what becomes of a panic |
//! | [`ffi`] | the C ABI, the only way in from C++ |
//!
//! Text is bytes throughout: the engine's strings are not always UTF-8.

pub mod addressing;
pub mod auth;
pub mod cluster;
pub mod connections;
mod decision;
pub mod event;
pub mod failure;
pub mod ffi;
pub mod messages;
pub mod nodes;
pub mod operator;
pub mod placement;
pub mod settings;
pub mod task;
pub mod text;
pub mod time;
pub mod verdict;
