// SPDX-License-Identifier: GPL-2.0-or-later

//! An operator at the console: what the nodes know of each other, and a node that is taken out of
//! service for maintenance.

use std::io;
use std::thread;
use std::time::{Duration, Instant};

use engine_process::PATIENCE;

use super::Story;
use super::cluster::NODES;

/// The most columns that are shown of a table.
const WIDTH: usize = 80;

const POLL: Duration = Duration::from_millis(20);

impl Story<'_> {
    /// Shows the table of nodes as an operator sees it, when it says this of them.
    pub fn nodes_of(&mut self, node: &str, expected: &str) -> io::Result<()> {
        let (table, came) = self.await_states(node, expected)?;
        let rows: Vec<_> = table.lines().map(cut).collect();
        self.teller
            .console(node, "clustering nodes", &rows.join("\n"))?;
        self.teller.see(node, "sees", &came, expected)
    }

    /// A node says this of all nodes, if not now then soon.
    pub fn sees(&mut self, node: &str, expected: &str) -> io::Result<()> {
        let (_, came) = self.await_states(node, expected)?;
        self.teller.see(node, "sees", &came, expected)
    }

    /// The table of nodes, and what it says of each, once that is as expected or has taken too long.
    fn await_states(&self, node: &str, expected: &str) -> io::Result<(String, String)> {
        awaited(
            || {
                let table = self.command(node, "clustering nodes")?;
                let states = states(&table);
                Ok((table, states))
            },
            |(_, came)| came == expected,
        )
    }

    /// A command at a node's console, which is to print this.
    pub fn ask(&mut self, node: &str, command: &str, expected: &str) -> io::Result<()> {
        let came = self.command(node, command)?;
        self.teller.answer(node, command, &came, expected)
    }

    /// What a command prints.
    pub fn command(&self, node: &str, command: &str) -> io::Result<String> {
        let printed = self.nodes.get(node)?.client().command(command)?;
        Ok(printed.replace('\r', ""))
    }

    /// Nothing new comes to a node that is drained, what is there is still reached.
    pub fn drain(&mut self) -> io::Result<()> {
        self.teller
            .say("\nnode3 needs maintenance: the operator drains it, by a word to node1")?;
        self.ask(
            "node1",
            "clustering drain node3",
            "Node 'node3' is draining",
        )?;
        let states = "node1 up, node2 up, node3 draining";
        self.nodes_of("node1", states)?;
        self.sees("node2", states)?;
        self.sees("node3", states)?;
        let judy = ("judy", "sip/sip:judy@10.0.0.10");
        self.reached("ivan", judy, ("node1", "node3"))?;
        self.teller.say("\nThe room that is there stays there")?;
        self.room_call("kate", ("node2", "node3"), ("room1", "conf/1"))?;
        self.teller.say("\nA new one goes elsewhere")?;
        self.room_call("leo", ("node1", "node2"), ("room8", "conf/8"))?;
        self.teller
            .say("\nThe maintenance is over, which node2 is told")?;
        self.ask(
            "node2",
            "clustering undrain node3",
            "Node 'node3' is enabled",
        )?;
        for node in NODES {
            self.sees(node, "node1 up, node2 up, node3 up")?;
        }
        Ok(())
    }
}

/// A line as far as it is shown.
fn cut(line: &str) -> String {
    if line.chars().count() <= WIDTH {
        return line.to_owned();
    }
    let shown: String = line.chars().take(WIDTH - 3).collect();
    shown + "..."
}

/// What a table of nodes says of each: `node1 up, node2 draining`.
fn states(table: &str) -> String {
    let rows = table.lines().skip(1).map(|row| {
        let mut columns = row.split_whitespace();
        let (node, state) = (columns.next(), columns.next());
        format!("{} {}", node.unwrap_or_default(), state.unwrap_or_default())
    });
    rows.collect::<Vec<_>>().join(", ")
}

/// What comes when it is as it should be, or else has taken too long.
pub fn awaited<T>(
    look: impl Fn() -> io::Result<T>,
    is_right: impl Fn(&T) -> bool,
) -> io::Result<T> {
    let begin = Instant::now();
    loop {
        let came = look()?;
        if is_right(&came) || begin.elapsed() > PATIENCE {
            return Ok(came);
        }
        thread::sleep(POLL);
    }
}
