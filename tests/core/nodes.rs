// SPDX-License-Identifier: GPL-2.0-or-later

//! What the core makes of nodes that have sections: how they are reached, probed, drained, and what is
//! placed on them.

mod calls;
mod lab;
mod placement;
mod probes;
mod sections;
mod standing;
mod status;
