// SPDX-License-Identifier: GPL-2.0-or-later

//! The steps of a call, each as the nodes tell it, and what the caller hears in the end.

use std::io;

use engine_process::Message;

use super::Story;
use super::cluster::address;

impl Story<'_> {
    /// A phone calls somebody; gives what the phone is told at the end.
    pub fn call(&mut self, caller: &str, user: &str, node: &str) -> io::Result<String> {
        self.teller
            .say(&format!("\n{caller} calls {user} at {node}"))?;
        let line = format!("call {caller} {user}");
        let heard = self.command(node, &line)?;
        self.count_leg(node);
        let failed = heard
            .strip_prefix("error=")
            .and_then(|text| text.strip_suffix('\'')?.split_once(" reason='"));
        Ok(match failed {
            Some((error, reason)) => format!("{error}: {reason}"),
            None => heard,
        })
    }

    /// The routing of what a phone begins.
    pub fn routed(&mut self, node: &str, caller: &str, user: &str, to: &str) -> io::Result<()> {
        let route = self.message(node, "call.route", caller)?;
        let came = format!("{} -> {}", route.get("called"), route.retval);
        let expected = format!("{user} -> {to}");
        self.teller.see(node, "call.route", &came, &expected)
    }

    /// A call is sent to another node.
    pub fn sent(&mut self, from: &str, to: &str, caller: &str) -> io::Result<Message> {
        let target = format!("sip/sip:cluster/@{to}.example.net");
        self.executed(from, caller, &target)
    }

    /// A call comes over the wire.
    pub fn arrived(&mut self, node: &str, caller: &str, from: &str) -> io::Result<()> {
        let call = self.message(node, "call.preroute", caller)?;
        self.count_leg(node);
        let came = format!("{} from {}", call.get("called"), call.get("ip_host"));
        let expected = format!("cluster/ from {from}");
        self.teller.see(node, "comes in", &came, &expected)
    }

    /// Where a call is sent at last.
    pub fn executed(&mut self, node: &str, caller: &str, to: &str) -> io::Result<Message> {
        let execute = self.message(node, "call.execute", caller)?;
        if execute.handled {
            self.count_leg(node);
        }
        let came = format!("-> {}", execute.get("callto"));
        self.teller
            .see(node, "call.execute", &came, &format!("-> {to}"))?;
        Ok(execute)
    }

    /// The phone that was called.
    pub fn answered(&mut self, node: &str, execute: &Message) -> io::Result<()> {
        let came = if execute.handled { "answers" } else { "fails" };
        self.teller.see(node, "phone", came, "answers")
    }

    /// A call that fails at its first node, with this error and reason.
    pub fn refused(
        &mut self,
        node: &str,
        caller: &str,
        (error, reason): (&str, &str),
    ) -> io::Result<()> {
        let execute = self.message(node, "call.execute", caller)?;
        for (name, expected) in [("error", error), ("reason", reason)] {
            self.teller.see(node, name, execute.get(name), expected)?;
        }
        Ok(())
    }

    /// What a phone is told.
    pub fn heard(&mut self, node: &str, who: &str, came: &str, expected: &str) -> io::Result<()> {
        self.teller
            .see(node, &format!("{who} gets"), came, expected)
    }

    /// The short version of a call to a user on another node: it gets there.
    pub fn reached(
        &mut self,
        caller: &str,
        (user, phone): (&str, &str),
        (from, to): (&str, &str),
    ) -> io::Result<()> {
        let heard = self.call(caller, user, from)?;
        self.routed(from, caller, user, &format!("cluster/{to}/{phone}"))?;
        self.sent(from, to, caller)?;
        self.arrived(to, caller, &address(from))?;
        let execute = self.executed(to, caller, phone)?;
        self.answered(to, &execute)?;
        self.heard(from, caller, &heard, "accepted")
    }

    /// A message that somebody is the caller of, as it was when all modules were done with it.
    pub fn message(&self, node: &str, name: &str, caller: &str) -> io::Result<Message> {
        self.nodes
            .get(node)?
            .client()
            .seen(format_args!("{name} of {caller}'s at {node}"), |message| {
                message.name == name && message.get("caller") == caller
            })
    }

    /// A leg of a call at a node, whose record will come.
    pub fn count_leg(&mut self, node: &str) {
        *self.legs.entry(node.to_owned()).or_default() += 1;
    }
}

/// A text that may be missing.
pub fn or_none(text: &str) -> &str {
    if text.is_empty() { "none" } else { text }
}
