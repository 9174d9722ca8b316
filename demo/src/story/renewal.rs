// SPDX-License-Identifier: GPL-2.0-or-later

//! A node gets new settings, and then a new module, in the middle of its work.

use std::io;

use super::Story;
use super::calls::BOB;

impl Story<'_> {
    /// The node goes on as if nothing had been.
    pub fn renewal(&mut self) -> io::Result<()> {
        self.teller.say(
            "\nThe operator puts node1's settings in force again, and then the module itself",
        )?;
        self.ask("node1", "reload clustering", "Reinitializing...")?;
        self.ask("node1", "module reload clustering.yate", "")?;
        self.nodes_of("node1", "node1 up, node2 up, node3 up")?;
        self.reached("rita", BOB, ("node1", "node3"))
    }
}
