// SPDX-License-Identifier: GPL-2.0-or-later

//! What the core makes of nodes that have sections: how they are reached, probed, drained, and what is
//! placed on them.

#[path = "nodes/calls.rs"]
mod calls;
#[path = "nodes/lab.rs"]
mod lab;
mod node;
#[path = "nodes/placement.rs"]
mod placement;
#[path = "nodes/probes.rs"]
mod probes;
#[path = "nodes/sections.rs"]
mod sections;
#[path = "nodes/standing.rs"]
mod standing;
#[path = "nodes/status.rs"]
mod status;
