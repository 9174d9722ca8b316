// SPDX-License-Identifier: GPL-2.0-or-later

//! A node is added to the cluster.

use std::io;

use super::cluster::NODES;
use super::{Story, cluster};

impl Story<'_> {
    /// All others know it, and reach its users; nobody touches a file of theirs.
    pub fn growth(&mut self) -> io::Result<()> {
        self.teller
            .say("\nnode4 is started for the first time; nobody touches the others")?;
        cluster::start(self.binaries, self.nodes, "node4")?;
        let states = "node1 up, node2 up, node3 up, node4 up";
        self.nodes_of("node1", states)?;
        for node in NODES {
            self.sees(node, states)?;
        }
        self.sees("node4", states)?;
        self.teller.say("\nzoe registers on node4")?;
        self.registered("zoe", "10.0.0.11", "node4")?;
        let zoe = ("zoe", "sip/sip:zoe@10.0.0.11");
        self.reached("sam", zoe, ("node1", "node4"))
    }
}
