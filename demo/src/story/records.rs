// SPDX-License-Identifier: GPL-2.0-or-later

//! The call records: each says whose it is, and those of one call can be put together.

use std::io;

use super::Story;
use super::cluster::NODES;

impl Story<'_> {
    /// The records of all legs so far, of which four have this billid.
    pub fn records(&mut self, billid: &str) -> io::Result<()> {
        self.teller.say("\nThe records of all these calls")?;
        let mut of_one_call = 0;
        for node in NODES {
            let legs = self.legs.get(node).copied().unwrap_or_default();
            let mut named = 0;
            for _ in 0..legs {
                let record = self.nodes.get(node)?.client().seen(
                    format_args!("one of the {legs} records of {node}"),
                    |message| message.name == "call.cdr",
                )?;
                let prefix = format!("cluster/{node}/");
                if (record.get("nodename"), record.get("nodeprefix")) == (node, prefix.as_str()) {
                    named += 1;
                }
                if record.get("billid") == billid && record.get("caller") == "alice" {
                    of_one_call += 1;
                    let (chan, direction) = (record.get("chan"), record.get("direction"));
                    let leg = format!("{chan} {direction}, billid {billid}");
                    self.teller.note(node, "alice to bob", &leg)?;
                }
            }
            let all = |number| {
                format!("{number} of {legs} have nodename={node}, nodeprefix=cluster/{node}/")
            };
            self.teller.see(node, "call.cdr", &all(named), &all(legs))?;
        }
        let all = |number| format!("{number} of 4 legs have the billid of the call");
        self.teller
            .see("all", "alice to bob", &all(of_one_call), &all(4))
    }
}
