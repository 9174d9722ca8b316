// SPDX-License-Identifier: GPL-2.0-or-later

//! A phone moves from one node to another.

use std::io;

use engine_process::Message;

use super::Story;
use super::calls::BOB;

impl Story<'_> {
    /// The registration that a phone leaves behind ends without harm to the one that it has.
    pub fn move_to_another_node(&mut self) -> io::Result<()> {
        let (_, phone) = BOB;
        self.teller.say("\nbob's phone moves to node3")?;
        self.registered("bob", "10.0.0.9", "node3")?;
        self.teller
            .say("\nHis registration on node2 comes to its end")?;
        let unregister = Message::new("user.unregister")
            .with("username", "bob")
            .with("driver", "sip")
            .with("data", phone)
            .with("ip_host", "10.0.0.9")
            .with("expires", "0");
        let gone = self.nodes.get("node2")?.client().dispatch(&unregister)?;
        for (name, expected) in [
            ("data", &*format!("cluster/node2/{phone}")),
            ("nodename", "node2"),
        ] {
            self.teller.see("node2", name, gone.get(name), expected)?;
        }
        self.reached("quentin", BOB, ("node1", "node3"))
    }
}
