// SPDX-License-Identifier: GPL-2.0-or-later

//! The core of the clustering module for the Yate telephony engine.
//!
//! Several Yate servers of one domain form a cluster of equals. This crate holds every rule of the cluster:
//! which location a registration stores, where a call goes, and how the node that receives the call handles
//! it. The crate does no I/O at all: a message's parameters come in, a [`verdict::Verdict`] goes out. A step
//! that needs the engine is a verdict, too, such as a question to another module: the caller performs it and
//! comes back with the answer. Time comes in as an argument. So each rule can be tested, fuzzed and simulated
//! in plain Rust.
//!
//! The contract is the C ABI: [`ffi`], with the header `include/clustering.h`. The Rust modules are public
//! only for the project's own tests, fuzzers and benchmarks, and may change at any time.
//!
//! The rooms, and the rules that live in each:
//!
//! | module | rules |
//! | --- | --- |
//! | [`cluster`] | the object that an engine holds: settings in force, counters, one entry for messages |
//! | [`settings`] | the keys of `clustering.conf`, their defaults, the errors in a file |
//! | [`file`] | the text of that file: the places of entries, damaged lines, what it includes |
//! | [`addressing::resource`] | the grammar `prefix/NODE/RESOURCE` |
//! | [`addressing::pattern`] | the POSIX pattern that node names must match |
//! | [`addressing::template`] | `callto`: from a node's name to the target that reaches it |
//! | [`addressing::uri`] | the user part of a URI |
//! | [`messages`] | one file for each message: `preroute`, `route`, `execute`, `instant`, `register`, `unregister`, `cdr`, `locate`, `startup`, `hangup`; beside them `visited` (loops), `breadth` (forks), `extension` (`X-Cluster`), `headers` (of instant messages), `transport` (the way out of this node) |
//! | [`connections`] | the connections by which registered phones are reached |
//! | [`auth`] | trusted senders ([`auth::trust`]), signatures ([`auth::signature`]), replays ([`auth::nonce_cache`]), the check that brings them together (`authenticate`) |
//! | [`nodes`] | the nodes that have sections: state, health ([`nodes::health`]), probes ([`nodes::probe`]), ends of calls (`calls`), admin states ([`nodes::admin`]) |
//! | [`membership`] | the list of nodes that the nodes share in a database |
//! | [`placement::rendezvous`] | the node that a resource is placed on |
//! | [`placement::claim`] | the lease in a database by which a resource stays there |
//! | [`operator`] | commands ([`operator::command`]), `clustering where` (`explain`), status and metrics ([`operator::status`]), counters ([`operator::counters`]) |
//! | `decision`, [`verdict`] | one message under way, and the core's answer to it |
//! | [`event`] | the lines of the log, their levels and rate limits |
//! | [`task`] | the engine's work besides answering messages |
//! | [`failure`] | the end of a panic |
//! | [`text`], [`time`] | texts that a verdict borrows or makes, and the two clocks |
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
pub mod file;
pub mod membership;
pub mod messages;
pub mod nodes;
pub mod operator;
pub mod placement;
pub mod settings;
pub mod task;
pub mod text;
pub mod time;
pub mod verdict;

/// The version of the module, and of the programs that come with it.
pub const VERSION: &str = env!("CARGO_PKG_VERSION");
