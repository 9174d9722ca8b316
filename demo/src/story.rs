// SPDX-License-Identifier: GPL-2.0-or-later

//! The story: phones register, call each other and meet in a room, on whatever node they are.

use std::io::{self, BufRead, BufReader, Write};
use std::os::unix::net::UnixStream;

use engine_process::{Line, Message, PATIENCE, failure};

use crate::nodes::{Binaries, Nodes};
use crate::teller::Teller;

const NODES: [&str; 3] = ["node1", "node2", "node3"];

/// The same on each node: that is the point of a cluster of equals.
const CLUSTERING: &str = r"[general]
regexp=^node[0-9]$
callto=sip/sip:cluster/@\0.example.net

[security]
trusted=198.51.100.0/24
";

/// Where anybody may send from, who is no node.
const STRANGER: &str = "203.0.113.66";
/// The node that serves all rooms.
const HOST: &str = "node3";

/// What an operator's dial plan says of names that are no user's.
const DIAL_PLAN: [(&str, &str); 2] = [
    ("room7", "cluster/*/conf/7"),
    ("oldpbx", "cluster/pbx9/conf/1"),
];

/// Starts the nodes and plays. Whether all went where it should.
pub fn play(binaries: &Binaries, nodes: &mut Nodes, out: &mut dyn Write) -> io::Result<bool> {
    let mut teller = Teller::new(out);
    teller.say("Three nodes of one domain, each with this clustering.conf:\n")?;
    for line in CLUSTERING.lines() {
        teller.say(format!("    {line}").trim_end())?;
    }
    start(binaries, nodes)?;
    let mut story = Story { nodes, teller };
    story.registrations()?;
    // Before any call to another node, so that no two nodes have counted as many calls: their
    // billids, made of a second and a number, differ then.
    story.local_call()?;
    let billid = story.forwarded_call()?;
    story.room_call("carol", "node1")?;
    story.room_call("dave", "node2")?;
    story.no_such_node()?;
    story.forged_call()?;
    story.records(&billid)?;
    story.teller.end()
}

fn start(binaries: &Binaries, nodes: &mut Nodes) -> io::Result<()> {
    let wire = nodes.directory().join("wire");
    std::fs::create_dir(&wire)?;
    for name in NODES {
        let mock = format!(
            "[wire]\ndirectory={}\naddress={}\n\n[phones]\n10.0.0.8=\n10.0.0.9=\n",
            wire.display(),
            address(name),
        );
        let files = [
            ("clustering.conf", CLUSTERING),
            ("yate-mock.conf", mock.as_str()),
        ];
        nodes.start(binaries, name, &files)?;
        let client = nodes.get(name)?.client();
        for message in ["call.preroute", "call.route", "call.execute", "call.cdr"] {
            client.watch(message)?;
        }
        client.watch("cluster.locate")?;
        client.install(60, "call.route", Box::new(dial))?;
        client.install(
            50,
            "cluster.locate",
            Box::new(|locate| {
                HOST.clone_into(&mut locate.retval);
                true
            }),
        )?;
    }
    Ok(())
}

/// A node's address.
fn address(node: &str) -> String {
    format!("198.51.100.{}", node.trim_start_matches("node"))
}

/// Routes a call by the dial plan, as a routing module would.
fn dial(route: &mut Message) -> bool {
    let entry = DIAL_PLAN
        .iter()
        .find(|(name, _)| route.get("called") == *name);
    let Some((_, target)) = entry else {
        return false;
    };
    (*target).clone_into(&mut route.retval);
    true
}

/// What is told, and where it happens.
struct Story<'a> {
    nodes: &'a Nodes,
    teller: Teller<'a>,
}

impl Story<'_> {
    fn registrations(&mut self) -> io::Result<()> {
        for (user, host, node) in [("alice", "10.0.0.8", "node1"), ("bob", "10.0.0.9", "node2")] {
            self.teller.say(&format!("\n{user} registers on {node}"))?;
            let contact = format!("sip/sip:{user}@{host}");
            let register = Message::new("user.register")
                .with("username", user)
                .with("driver", "sip")
                .with("data", &contact)
                .with("ip_host", host)
                .with("expires", "600");
            self.teller.note(node, "phone is at", &contact)?;
            let stored = self.nodes.get(node)?.client().dispatch(&register)?;
            let location = format!("cluster/{node}/{contact}");
            let came = if stored.handled {
                stored.get("data")
            } else {
                "nothing"
            };
            self.teller.see(node, "stored is", came, &location)?;
        }
        Ok(())
    }

    fn local_call(&mut self) -> io::Result<()> {
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

    /// Gives the billid of the call.
    fn forwarded_call(&mut self) -> io::Result<String> {
        let heard = self.call("alice", "bob", "node1")?;
        let phone = "sip/sip:bob@10.0.0.9";
        self.routed("node1", "alice", "bob", &format!("cluster/node2/{phone}"))?;
        let billid = self.forwarded("node1", "node2", "alice", phone)?;
        let execute = self.executed("node2", "alice", phone)?;
        let came = execute.get("billid");
        self.teller.see("node2", "billid", came, &billid)?;
        self.answered("node2", &execute)?;
        self.heard("node1", "alice", &heard, "accepted")?;
        Ok(billid)
    }

    /// Wherever somebody comes in who wants the room, it is the one room on the one node.
    fn room_call(&mut self, caller: &str, node: &str) -> io::Result<()> {
        let heard = self.call(caller, "room7", node)?;
        self.routed(node, caller, "room7", "cluster/*/conf/7")?;
        let located = self
            .nodes
            .get(node)?
            .client()
            .seen(format_args!("a cluster.locate of {node}"), |message| {
                message.name == "cluster.locate"
            })?;
        let came = format!("{} is on {}", located.get("callto"), located.retval);
        let expected = format!("conf/7 is on {HOST}");
        self.teller.see(node, &located.name, &came, &expected)?;
        self.forwarded(node, HOST, caller, "conf/7")?;
        let execute = self.executed(HOST, caller, "conf/7")?;
        self.teller
            .see(HOST, "enters room", execute.get("room"), "conf/7")?;
        self.heard(node, caller, &heard, "accepted")
    }

    fn no_such_node(&mut self) -> io::Result<()> {
        let heard = self.call("grace", "oldpbx", "node1")?;
        let target = "cluster/pbx9/conf/1";
        self.routed("node1", "grace", "oldpbx", target)?;
        let execute = self.executed("node1", "grace", target)?;
        let reason = "no such cluster node 'pbx9'";
        for (name, expected) in [("error", "noroute"), ("reason", reason)] {
            let came = execute.get(name);
            self.teller.see("node1", name, came, expected)?;
        }
        self.heard("node1", "grace", &heard, &format!("noroute: {reason}"))
    }

    /// A stranger who knows how nodes talk to each other.
    fn forged_call(&mut self) -> io::Result<()> {
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

    /// The call records: each says whose it is, and those of one call can be put together.
    fn records(&mut self, billid: &str) -> io::Result<()> {
        self.teller.say("\nThe records of all these calls")?;
        let mut of_one_call = 0;
        for (node, legs) in [("node1", 7), ("node2", 5), ("node3", 4)] {
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
        // The legs at node2 have a billid of the channel's own.
        let enough = of_one_call.max(2);
        let all = |number| format!("{number} of 4 legs have the billid of the call");
        self.teller
            .see("all", "alice to bob", &all(of_one_call), &all(enough))
    }

    /// A phone calls somebody; gives what the phone is told at the end.
    fn call(&mut self, caller: &str, user: &str, node: &str) -> io::Result<String> {
        self.teller
            .say(&format!("\n{caller} calls {user} at {node}"))?;
        let line = format!("call {caller} {user}");
        let heard = self.nodes.get(node)?.client().command(&line)?;
        let failed = heard
            .strip_prefix("error=")
            .and_then(|text| text.strip_suffix('\'')?.split_once(" reason='"));
        Ok(match failed {
            Some((error, reason)) => format!("{error}: {reason}"),
            None => heard,
        })
    }

    /// The routing of a phone's call.
    fn routed(&mut self, node: &str, caller: &str, user: &str, to: &str) -> io::Result<()> {
        let route = self.message(node, "call.route", caller)?;
        let came = format!("{} -> {}", route.get("called"), route.retval);
        let expected = format!("{user} -> {to}");
        self.teller.see(node, "call.route", &came, &expected)
    }

    /// The way from one node to another; gives the call's billid.
    fn forwarded(
        &mut self,
        from: &str,
        to: &str,
        caller: &str,
        resource: &str,
    ) -> io::Result<String> {
        let target = format!("sip/sip:cluster/@{to}.example.net");
        let execute = self.executed(from, caller, &target)?;
        let billid = execute.get("billid").to_owned();
        for (header, expected) in [
            ("x-callto", resource),
            ("x-nodename", from),
            ("x-billid", &billid),
        ] {
            let came = execute.get(&format!("osip_{header}"));
            self.teller
                .see(from, &format!("{header}:"), or_none(came), expected)?;
        }
        self.arrived(to, caller, &address(from))?;
        let route = self.message(to, "call.route", caller)?;
        let came = format!("-> {}", route.retval);
        let expected = format!("-> {resource}");
        self.teller.see(to, "call.route", &came, &expected)?;
        Ok(billid)
    }

    /// A call that comes over the wire.
    fn arrived(&mut self, node: &str, caller: &str, from: &str) -> io::Result<()> {
        let call = self.message(node, "call.preroute", caller)?;
        let came = format!("{} from {}", call.get("called"), call.get("ip_host"));
        let expected = format!("cluster/ from {from}");
        self.teller.see(node, "comes in", &came, &expected)
    }

    /// Where a call is sent at last.
    fn executed(&mut self, node: &str, caller: &str, to: &str) -> io::Result<Message> {
        let execute = self.message(node, "call.execute", caller)?;
        let came = format!("-> {}", execute.get("callto"));
        self.teller
            .see(node, "call.execute", &came, &format!("-> {to}"))?;
        Ok(execute)
    }

    fn answered(&mut self, node: &str, execute: &Message) -> io::Result<()> {
        let came = if execute.handled { "answers" } else { "fails" };
        self.teller.see(node, "phone", came, "answers")
    }

    fn heard(&mut self, node: &str, who: &str, came: &str, expected: &str) -> io::Result<()> {
        self.teller
            .see(node, &format!("{who} gets"), came, expected)
    }

    /// A message of somebody's call, as it was when all modules were done with it.
    fn message(&self, node: &str, name: &str, caller: &str) -> io::Result<Message> {
        self.nodes.get(node)?.client().seen(
            format_args!("{name} of {caller}'s call at {node}"),
            |message| message.name == name && message.get("caller") == caller,
        )
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

/// The error of a call that is refused by its routing.
fn refusal(route: &Message) -> &str {
    match (route.handled, route.retval.as_str()) {
        (true, "-" | "error") => route.get("error"),
        (true, target) => target,
        (false, _) => "nobody routes it",
    }
}

fn or_none(text: &str) -> &str {
    if text.is_empty() { "none" } else { text }
}
