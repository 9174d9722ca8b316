// SPDX-License-Identifier: GPL-2.0-or-later

//! A real cluster: two or three processes of a real Yate on one host, phones that register and call
//! over real SIP, and an operator.
//!
//! They need `YATE_ROOT`, and are ignored without. `CLUSTERING_MODULE=FILE` has the nodes load another
//! module than the one that was built, such as the stock one.

mod agent;
mod call;
mod cdr;
mod certificate;
mod clock;
mod command;
mod configuration;
mod dummy;
mod engine;
mod hosts;
mod installation;
mod lab;
mod link;
mod log;
mod network;
mod phone;
mod registrar;
mod sip;
mod status;

// The tests.
mod answers;
mod billids;
mod busy;
mod calls;
mod connections;
mod crashes;
mod derived_trust;
mod devices;
mod drain;
mod evacuation;
mod events;
mod failures;
mod forged;
mod giving_up;
mod headers;
mod health;
mod hung;
mod joins;
mod keepalived;
mod late_routing;
mod life;
mod maintenance;
mod membership;
mod messages;
mod mixed;
mod monitor;
mod names;
mod operator;
mod outsider;
mod placement;
mod preload;
mod probes;
mod probing;
mod records;
mod registrations;
mod rooms;
mod signing;
mod spiral;
mod takeover;
mod transport;
mod tunnel;
mod unload;
