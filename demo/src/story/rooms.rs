// SPDX-License-Identifier: GPL-2.0-or-later

//! Rooms: wherever somebody comes in who wants one, it is the one room on the one node.

use std::io;

use super::Story;

impl Story<'_> {
    /// Two rooms that the nodes place themselves, and one that an operator has placed.
    pub fn rooms(&mut self) -> io::Result<()> {
        self.room_call("carol", ("node1", "node3"), ("room1", "conf/1"))?;
        self.room_call("dave", ("node2", "node3"), ("room1", "conf/1"))?;
        self.room_call("erin", ("node1", "node2"), ("room9", "conf/9"))?;
        self.teller
            .say("\nThe operator's own module answers cluster.locate for the lobby: node1")?;
        self.room_call("heidi", ("node2", "node1"), ("lobby", "conf/lobby"))
    }

    /// A call to a room, from a node to the one that has the room.
    pub fn room_call(
        &mut self,
        caller: &str,
        (from, to): (&str, &str),
        (name, room): (&str, &str),
    ) -> io::Result<()> {
        let heard = self.call(caller, name, from)?;
        self.routed(from, caller, name, &format!("cluster/*/{room}"))?;
        let located = self
            .nodes
            .get(from)?
            .client()
            .seen(format_args!("a cluster.locate of {from}"), |message| {
                message.name == "cluster.locate" && message.get("callto") == room
            })?;
        let came = format!("{room} is on {}", located.retval);
        let expected = format!("{room} is on {to}");
        self.teller.see(from, &located.name, &came, &expected)?;
        if from != to {
            self.sent(from, to, caller)?;
            self.message(to, "call.preroute", caller)?;
            self.count_leg(to);
        }
        let execute = self.message(to, "call.execute", caller)?;
        self.count_leg(to);
        self.teller
            .see(to, "enters room", execute.get("room"), room)?;
        self.heard(from, caller, &heard, "accepted")
    }
}
