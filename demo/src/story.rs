// SPDX-License-Identifier: GPL-2.0-or-later

//! The story: phones register, call each other and meet in rooms, on whatever node they are; a node is
//! drained, another one dies and comes back, and a phone moves.

use std::collections::BTreeMap;
use std::io::{self, Write};

use crate::nodes::{Binaries, Nodes};
use crate::teller::Teller;

pub mod calls;
pub mod cluster;
mod growth;
mod messages;
mod moves;
mod operator;
mod outage;
mod records;
mod renewal;
mod rooms;
mod steps;

/// Starts the nodes and plays. Whether all went where it should.
pub fn play(binaries: &Binaries, nodes: &mut Nodes, out: &mut dyn Write) -> io::Result<bool> {
    let mut story = Story {
        binaries,
        nodes,
        teller: Teller::new(out),
        legs: BTreeMap::new(),
    };
    story.beginning()?;
    story.registrations()?;
    // Before any call to another node, so that no two nodes have counted as many calls: their
    // billids, made of a second and a number, differ then.
    story.local_call()?;
    let billid = story.forwarded_call()?;
    story.instant_message()?;
    story.rooms()?;
    story.no_such_node()?;
    story.forged_call()?;
    story.records(&billid)?;
    story.drain()?;
    story.death()?;
    story.return_of_the_dead()?;
    story.move_to_another_node()?;
    story.renewal()?;
    story.growth()?;
    story.teller.end()
}

/// What is told, and where it happens.
struct Story<'a> {
    binaries: &'a Binaries,
    nodes: &'a mut Nodes,
    teller: Teller<'a>,
    /// How many legs of calls each node has had.
    legs: BTreeMap<String, usize>,
}

impl Story<'_> {
    fn beginning(&mut self) -> io::Result<()> {
        self.teller
            .say("Three nodes of one domain, each with this clustering.conf:\n")?;
        for line in cluster::CLUSTERING.lines() {
            self.teller.say(format!("    {line}").trim_end())?;
        }
        for name in cluster::NODES {
            cluster::start(self.binaries, self.nodes, name)?;
        }
        self.teller
            .say("\nThey find each other in the list that they share")?;
        let all_up = "node1 up, node2 up, node3 up";
        self.nodes_of("node1", all_up)?;
        self.sees("node2", all_up)?;
        self.sees("node3", all_up)
    }
}
