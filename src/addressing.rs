// SPDX-License-Identifier: GPL-2.0-or-later

//! Addresses within the cluster: the grammar of a target, the pattern of node names, the template that reaches a node.

pub mod pattern;
pub mod resource;
pub mod template;
pub mod uri;
