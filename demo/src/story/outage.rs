// SPDX-License-Identifier: GPL-2.0-or-later

//! A node dies, and comes back.

use std::io;
use std::time::Instant;

use super::calls::BOB;
use super::operator::awaited;
use super::{Story, cluster};

impl Story<'_> {
    /// Nobody waits for a node that is dead, and its rooms are opened elsewhere.
    pub fn death(&mut self) -> io::Result<()> {
        self.teller
            .say("\nnode2 is killed with kill -9, and soon the others know")?;
        self.nodes.kill("node2")?;
        let states = "node1 up, node2 down, node3 up";
        self.nodes_of("node1", states)?;
        self.sees("node3", states)?;
        self.change_in_log("node1", "down")?;
        self.ask(
            "node1",
            "clustering where cluster/node2/sip/sip:bob@10.0.0.9",
            "Node 'node2' is down: no answer to a probe\nThe list in the database has the node\n\
             A call fails at once with error=offline",
        )?;

        let begin = Instant::now();
        let heard = self.call("alice", "bob", "node1")?;
        let took = format!("{:.1} ms", begin.elapsed().as_secs_f64() * 1000.0);
        let (_, phone) = BOB;
        self.routed("node1", "alice", "bob", &format!("cluster/node2/{phone}"))?;
        let reason = "cluster node 'node2' is down";
        self.refused("node1", "alice", ("offline", reason))?;
        self.heard("node1", "alice", &heard, &format!("offline: {reason}"))?;
        self.teller.note("node1", "it took", &took)?;

        self.teller
            .say("\nThe room that was there is opened elsewhere")?;
        // Its last heartbeat counts for a moment more.
        awaited(
            || self.command("node1", "clustering where cluster/*/conf/9"),
            |said| !said.contains("'node2' holds it now"),
        )?;
        self.room_call("mike", ("node1", "node3"), ("room9", "conf/9"))?;
        self.room_call("nina", ("node3", "node3"), ("room9", "conf/9"))
    }

    /// The others find out by themselves that it is back.
    pub fn return_of_the_dead(&mut self) -> io::Result<()> {
        self.teller
            .say("\nnode2 is started again; nobody touches the others")?;
        cluster::start(self.binaries, self.nodes, "node2")?;
        let states = "node1 up, node2 up, node3 up";
        self.nodes_of("node1", states)?;
        self.sees("node2", states)?;
        self.sees("node3", states)?;
        self.change_in_log("node1", "up")?;
        self.reached("oscar", BOB, ("node1", "node2"))?;
        self.teller.say("\nThe room stays where it is now")?;
        self.room_call("paula", ("node2", "node3"), ("room9", "conf/9"))
    }

    /// Waits for the line by which a node logs that node2 is up or down, and shows it.
    fn change_in_log(&mut self, node: &str, state: &str) -> io::Result<()> {
        let begin = format!("Node 'node2' is {state}: ");
        let line = awaited(
            || {
                let log = self.nodes.get(node)?.log();
                let line = log
                    .lines()
                    .rev()
                    .find_map(|line| line.find(&begin).map(|at| line[at..].to_owned()));
                Ok(line.unwrap_or_default())
            },
            |line| !line.is_empty(),
        )?;
        let line = line.replace("; it is probed", ";\n    it is probed");
        self.teller.say(&format!("  log of {node}: {line}"))
    }
}
