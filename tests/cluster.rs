// SPDX-License-Identifier: GPL-2.0-or-later

//! A real cluster: two or three processes of a real Yate on one host, phones that register and call
//! over real SIP, and an operator.
//!
//! They need `YATE_ROOT`, and show nothing without. `CLUSTERING_MODULE=FILE` has the nodes load another
//! module than the one that was built, such as the stock one.

#[path = "cluster/agent.rs"]
mod agent;
#[path = "cluster/call.rs"]
mod call;
#[path = "cluster/cdr.rs"]
mod cdr;
#[path = "cluster/command.rs"]
mod command;
#[path = "cluster/configuration.rs"]
mod configuration;
#[path = "cluster/dummy.rs"]
mod dummy;
#[path = "cluster/engine.rs"]
mod engine;
#[path = "cluster/installation.rs"]
mod installation;
#[path = "cluster/lab.rs"]
mod lab;
#[path = "cluster/log.rs"]
mod log;
#[path = "cluster/network.rs"]
mod network;
#[path = "cluster/phone.rs"]
mod phone;
mod postgres;
#[path = "cluster/registrar.rs"]
mod registrar;
#[path = "cluster/sip.rs"]
mod sip;
#[path = "cluster/status.rs"]
mod status;

// What is shown.
#[path = "cluster/answers.rs"]
mod answers;
#[path = "cluster/billids.rs"]
mod billids;
#[path = "cluster/calls.rs"]
mod calls;
#[path = "cluster/drain.rs"]
mod drain;
#[path = "cluster/failures.rs"]
mod failures;
#[path = "cluster/forged.rs"]
mod forged;
#[path = "cluster/giving_up.rs"]
mod giving_up;
#[path = "cluster/headers.rs"]
mod headers;
#[path = "cluster/health.rs"]
mod health;
#[path = "cluster/joins.rs"]
mod joins;
#[path = "cluster/late_routing.rs"]
mod late_routing;
#[path = "cluster/life.rs"]
mod life;
#[path = "cluster/messages.rs"]
mod messages;
#[path = "cluster/mixed.rs"]
mod mixed;
#[path = "cluster/names.rs"]
mod names;
#[path = "cluster/operator.rs"]
mod operator;
#[path = "cluster/probes.rs"]
mod probes;
#[path = "cluster/records.rs"]
mod records;
#[path = "cluster/registrations.rs"]
mod registrations;
#[path = "cluster/rooms.rs"]
mod rooms;
#[path = "cluster/spiral.rs"]
mod spiral;
#[path = "cluster/unload.rs"]
mod unload;
