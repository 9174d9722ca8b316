// SPDX-License-Identifier: GPL-2.0-or-later

//! An instant message goes the way of a call.

use std::io;

use super::Story;
use super::calls::BOB;
use super::steps::or_none;

const TEXT: &str = "See you in room9";

impl Story<'_> {
    /// From a phone on one node to one on another.
    pub fn instant_message(&mut self) -> io::Result<()> {
        self.teller.say("\nalice sends bob a message at node1")?;
        let (bob, phone) = BOB;
        let line = format!("message alice {bob} {TEXT}");
        let heard = self.command("node1", &line)?;
        self.routed("node1", "alice", bob, &format!("cluster/node2/{phone}"))?;
        let sent = self.message("node1", "msg.execute", "alice")?;
        let came = format!("-> {}", sent.get("callto"));
        let expected = "-> sip/sip:cluster/@node2.example.net";
        self.teller.see("node1", "msg.execute", &came, expected)?;
        let came = or_none(sent.get("osip_x-callto"));
        self.teller.see("node1", "x-callto:", came, phone)?;
        let route = self.message("node2", "call.route", "alice")?;
        let came = format!("-> {}", route.retval);
        let expected = format!("-> {phone}");
        self.teller.see("node2", "call.route", &came, &expected)?;
        let executed = self.message("node2", "msg.execute", "alice")?;
        let came = format!("-> {}", executed.get("callto"));
        self.teller.see("node2", "msg.execute", &came, &expected)?;
        // What is left on the message here, the channel sends to the phone.
        let came = or_none(executed.get("sip_x-callto"));
        self.teller.see("node2", "x-callto:", came, "none")?;
        self.teller
            .see("node2", "text", executed.get("xsip_body"), TEXT)?;
        self.heard("node1", "alice", &heard, "code=200")
    }
}
