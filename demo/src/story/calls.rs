// SPDX-License-Identifier: GPL-2.0-or-later

//! Calls between users, and two that must fail: to a node that doesn't exist, and from a stranger.

use std::io::{self, BufRead, BufReader, Write};
use std::os::unix::net::UnixStream;

use engine_process::{Line, Message, PATIENCE, failure};

use super::Story;
use super::cluster::address;
use super::steps::or_none;

/// Where anybody may send from, who is no node.
const STRANGER: &str = "203.0.113.66";

/// A user, and the target that is his phone.
pub const BOB: (&str, &str) = ("bob", "sip/sip:bob@10.0.0.9");

/// Users with their phones, and where they register.
pub const USERS: [(&str, &str, &str); 3] = [
    ("alice", "10.0.0.8", "node1"),
    ("bob", "10.0.0.9", "node2"),
    ("judy", "10.0.0.10", "node3"),
];

impl Story<'_> {
    /// Everybody registers somewhere.
    pub fn registrations(&mut self) -> io::Result<()> {
        for (user, host, node) in USERS {
            self.teller.say(&format!("\n{user} registers on {node}"))?;
            self.registered(user, host, node)?;
        }
        Ok(())
    }

    /// A phone registers.
    pub fn registered(&mut self, user: &str, host: &str, node: &str) -> io::Result<()> {
        let register = registration(user, host);
        let contact = register.get("data").to_owned();
        self.teller.note(node, "phone is at", &contact)?;
        let stored = self.nodes.get(node)?.client().dispatch(&register)?;
        let location = format!("cluster/{node}/{contact}");
        let came = if stored.handled {
            stored.get("data")
        } else {
            "nothing"
        };
        self.teller.see(node, "stored is", came, &location)
    }

    /// Nothing of the cluster shows in a call that stays on its node.
    pub fn local_call(&mut self) -> io::Result<()> {
        let heard = self.call("frank", "alice", "node1")?;
        let phone = "sip/sip:alice@10.0.0.8";
        self.routed("node1", "frank", "alice", &format!("cluster/node1/{phone}"))?;
        let execute = self.executed("node1", "frank", phone)?;
        let came = execute.get("osip_x-callto");
        self.teller
            .see("node1", "x-callto:", or_none(came), "none")?;
        self.answered("node1", &execute)?;
        self.heard("node1", "frank", &heard, "accepted")
    }

    /// A call to another node, with all that the nodes tell each other. Gives its billid.
    pub fn forwarded_call(&mut self) -> io::Result<String> {
        let (bob, phone) = BOB;
        let heard = self.call("alice", bob, "node1")?;
        self.routed("node1", "alice", bob, &format!("cluster/node2/{phone}"))?;
        let execute = self.sent("node1", "node2", "alice")?;
        let billid = execute.get("billid").to_owned();
        for (header, expected) in [
            ("x-callto", phone),
            ("x-nodename", "node1"),
            ("x-billid", &billid),
        ] {
            let came = execute.get(&format!("osip_{header}"));
            self.teller
                .see("node1", &format!("{header}:"), or_none(came), expected)?;
        }
        self.arrived("node2", "alice", &address("node1"))?;
        let route = self.message("node2", "call.route", "alice")?;
        let came = format!("-> {}", route.retval);
        self.teller
            .see("node2", "call.route", &came, &format!("-> {phone}"))?;
        let execute = self.executed("node2", "alice", phone)?;
        let came = execute.get("billid");
        self.teller.see("node2", "billid", came, &billid)?;
        self.answered("node2", &execute)?;
        self.heard("node1", "alice", &heard, "accepted")?;
        Ok(billid)
    }

    /// A target that no node's name fits.
    pub fn no_such_node(&mut self) -> io::Result<()> {
        let heard = self.call("grace", "oldpbx", "node1")?;
        self.routed("node1", "grace", "oldpbx", "cluster/pbx9/conf/1")?;
        let reason = "no such cluster node 'pbx9'";
        self.refused("node1", "grace", ("noroute", reason))?;
        self.heard("node1", "grace", &heard, &format!("noroute: {reason}"))
    }

    /// A stranger who knows how nodes talk to each other.
    pub fn forged_call(&mut self) -> io::Result<()> {
        let premium = "sip/sip:premium@192.0.2.99";
        self.teller
            .say("\nmallory, who is no node, forges a call to node2")?;
        let invite = Message::new("wire.invite")
            .with("user", "cluster/")
            .with("host", "node2.example.net")
            .with("address", STRANGER)
            .with("origin", "node1")
            .with("caller", "mallory")
            .with("callid", "forged")
            .with("header.x-callto", premium);
        let answer = self.send_over_wire("node2", &invite)?;
        self.arrived("node2", "mallory", STRANGER)?;
        self.teller.note("node2", "x-callto:", premium)?;
        let route = self.message("node2", "call.route", "mallory")?;
        let came = refusal(&route);
        self.teller.see("node2", "call.route", came, "forbidden")?;
        let headers = or_none(route.get("sip_x-callto"));
        self.teller.see("node2", "x-callto:", headers, "none")?;
        let heard = if answer.handled {
            "accepted".to_owned()
        } else {
            format!("{}: {}", answer.get("error"), answer.get("reason"))
        };
        let expected = "forbidden: cluster headers from an untrusted sender";
        self.heard("node2", "mallory", &heard, expected)
    }

    fn send_over_wire(&self, node: &str, invite: &Message) -> io::Result<Message> {
        let socket = self.nodes.directory().join(format!("wire/{node}.sock"));
        let mut wire = UnixStream::connect(socket)?;
        wire.set_read_timeout(Some(PATIENCE))?;
        writeln!(wire, "{}", invite.request("1"))?;
        // Before its answer a node says that it is at work.
        for line in BufReader::new(wire).lines() {
            match Line::parse(&line?) {
                Line::Answer(_, answer) if answer.name == "wire.trying" => {}
                Line::Answer(_, answer) => return Ok(answer),
                other => return Err(failure(format!("{node} answers with {other:?}"))),
            }
        }
        Err(failure(format!("{node} hangs up without an answer")))
    }
}

/// The message by which a phone registers.
pub fn registration(user: &str, host: &str) -> Message {
    Message::new("user.register")
        .with("username", user)
        .with("driver", "sip")
        .with("data", &format!("sip/sip:{user}@{host}"))
        .with("ip_host", host)
        .with("expires", "600")
}

/// The error of a call that is refused by its routing.
fn refusal(route: &Message) -> &str {
    match (route.handled, route.retval.as_str()) {
        (true, "-" | "error") => route.get("error"),
        (true, target) => target,
        (false, _) => "nobody routes it",
    }
}
