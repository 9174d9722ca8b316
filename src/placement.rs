// SPDX-License-Identifier: GPL-2.0-or-later

//! Placement: the node that a resource is placed on, and the lease by which it stays there.

pub mod bounded;
pub mod claim;
pub(crate) mod placed;
pub(crate) mod recent;
pub mod rendezvous;
