// SPDX-License-Identifier: GPL-2.0-or-later

//! Nodes that have sections: they are reached, probed and drained, and resources are placed on them.

mod admin;
mod backups;
mod busy;
mod calls;
mod evacuation;
mod events;
mod lab;
mod placement;
mod probes;
mod sections;
mod split;
mod status;
mod takeover;
