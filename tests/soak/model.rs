// SPDX-License-Identifier: GPL-2.0-or-later
//! The result that a message must have, worked out a second time and with none of the core's code: plain,
//! slow, and written from the documentation.

use std::net::Ipv4Addr;

use engine_bridge::{Outcome, Param};

use crate::messages::{Answer, answer_of};

/// The node that the soak runs on.
pub const NODE: &[u8] = b"node1";
/// The headers by which one node tells another about a call. The module may add others, so any other header
/// that starts as they do is not compared.
const HEADERS: [&str; 4] = ["callto", "billid", "nodename", "username"];
/// Stands for a text that the model leaves to the module.
const ANY: &[u8] = b"(any)";

/// A file of settings, and its meaning.
pub struct Settings {
    /// The file.
    pub file: &'static str,
    pub enabled: bool,
    pub prefix: &'static [u8],
    /// The part of a name that `regexp` matches, and its two groups.
    pub pattern: fn(&[u8]) -> Option<[Vec<u8>; 3]>,
    /// The target that `callto` makes of a match and a message.
    pub template: fn(&[Vec<u8>; 3], &Message) -> Vec<u8>,
    pub connection: &'static [u8],
    pub register: bool,
    pub cdr: bool,
    /// The node that this one has taken over, while it has a section; empty for none.
    pub taken: &'static [u8],
    /// Whether the sender of a message is trusted, by its address and the node that it says it is.
    pub trusts: fn(&[u8], &[u8]) -> bool,
}

/// A message on its way through the model.
#[derive(Clone, Debug)]
pub struct Message {
    pub params: Vec<Param>,
    pub handled: bool,
    pub retval: Vec<u8>,
}

impl Message {
    /// The message before dispatch: a value that is empty is none.
    pub fn new(params: &[Param]) -> Self {
        let mut params = params.to_vec();
        for (_, value) in &mut params {
            value.take_if(|value| value.is_empty());
        }
        Self {
            params,
            handled: false,
            retval: Vec::new(),
        }
    }

    /// The first value of that name: `None` where there is no such parameter.
    pub fn get(&self, name: &str) -> Option<&[u8]> {
        let param = self.params.iter().find(|(own, _)| own == name.as_bytes())?;
        Some(param.1.as_deref().unwrap_or_default())
    }

    fn filled(&self, name: &str) -> Option<Vec<u8>> {
        let value = self.get(name)?;
        (!value.is_empty()).then(|| value.to_vec())
    }

    fn set(&mut self, name: &str, value: &[u8]) {
        let value = (!value.is_empty()).then(|| value.to_vec());
        let same = |(own, _): &&mut Param| own == name.as_bytes();
        match self.params.iter_mut().find(same) {
            Some((_, old)) => *old = value,
            None => self.params.push((name.into(), value)),
        }
    }

    fn clear(&mut self, start: &str, exact: bool) {
        let start = start.as_bytes();
        self.params
            .retain(|(own, _)| !(own == start || !exact && own.starts_with(start)));
    }

    fn set_or_clear(&mut self, name: &str, value: Option<&[u8]>) {
        match value {
            Some(value) => self.set(name, value),
            None => self.clear(name, true),
        }
    }

    fn fail(&mut self, error: &[u8], reason: &[u8]) {
        self.set("error", error);
        self.set_or_clear("reason", Some(reason).filter(|reason| !reason.is_empty()));
    }
}

fn trim(mut text: &[u8]) -> &[u8] {
    while let [b' ' | b'\t', rest @ ..] | [rest @ .., b' ' | b'\t'] = text {
        text = rest;
    }
    text
}

/// Trusts the network 10.0.0.0/8.
pub fn trusts_ten(host: Option<&[u8]>) -> bool {
    let host = host.and_then(|host| std::str::from_utf8(host).ok());
    let address = host.and_then(|host| host.parse::<Ipv4Addr>().ok());
    address.is_some_and(|address| address.octets()[0] == 10)
}

impl Settings {
    /// The result that a message of that name must have.
    pub fn decide(&self, name: &str, params: &[Param]) -> Message {
        let mut message = Message::new(params);
        if self.enabled {
            match name {
                "call.execute" => self.execute(&mut message),
                "call.route" => self.route(&mut message),
                "user.register" if self.register => self.register(&mut message),
                "call.cdr" if self.cdr => self.record(&mut message),
                _ => {}
            }
        }
        message
    }

    /// Decides late in its way what was decided before, by these settings or by older ones: a call that has no
    /// error by then.
    pub fn decide_late(&self, name: &str, message: &mut Message) {
        if self.enabled && name == "call.execute" && message.filled("error").is_none() {
            self.execute(message);
        }
    }

    fn location_prefix(&self) -> Vec<u8> {
        [self.prefix, NODE, b"/"].concat()
    }

    fn register(&self, message: &mut Message) {
        if let Some(data) = message.filled("data")
            && !data.starts_with(self.prefix)
        {
            message.set("data", &[self.location_prefix(), data].concat());
        }
    }

    fn record(&self, message: &mut Message) {
        for (name, value) in [("nodename", NODE), ("nodeprefix", &self.location_prefix())] {
            if message.get(name).is_none() {
                message.set(name, value);
            }
        }
    }

    fn execute(&self, message: &mut Message) {
        let callto = message.filled("callto").unwrap_or_default();
        let Some(rest) = callto.strip_prefix(self.prefix) else {
            return;
        };
        let mut parts = rest.splitn(2, |&byte| byte == b'/');
        let node = trim(parts.next().unwrap_or_default());
        let resource = trim(parts.next().unwrap_or_default());
        if resource.is_empty() {
            return;
        }
        if node != b"*" {
            self.deliver(message, node, resource);
            return;
        }
        match answer_of(resource) {
            Answer::Node(found) if !matches!(trim(found), b"-" | b"error") => {
                self.deliver(message, trim(found), resource);
            }
            Answer::Node(_) => message.fail(b"failure", b""),
            Answer::Failed { error, reason } => {
                let error = if error.is_empty() { "failure" } else { error };
                message.fail(error.as_bytes(), reason.as_bytes());
            }
        }
    }

    fn deliver(&self, message: &mut Message, node: &[u8], resource: &[u8]) {
        if node.is_empty() || node == NODE {
            message.set("callto", resource);
            return;
        }
        if node == self.taken {
            // A phone of that node, whose connection isn't here.
            if message.filled("oconnection_id").is_some() {
                message.clear("oip_transport_", false);
            }
            message.clear("oconnection_id", true);
            message.set("callto", resource);
            return;
        }
        let Some(groups) = (self.pattern)(node) else {
            message.fail(b"noroute", ANY);
            return;
        };
        let target = (self.template)(&groups, message);
        let [billid, username] = ["billid", "username"].map(|name| message.filled(name));
        let texts = [
            Some(resource),
            Some(&target),
            billid.as_deref(),
            username.as_deref(),
        ];
        if texts.into_iter().flatten().any(has_control) {
            message.fail(b"invalid-message", ANY);
            return;
        }
        message.set("osip_x-callto", resource);
        message.set_or_clear("osip_x-billid", billid.as_deref());
        message.set("osip_x-nodename", NODE);
        message.set_or_clear("osip_x-username", username.as_deref());
        // The phone's own way is left behind; a transport without a connection is the route's, for the way there.
        let of_phone = message.filled("oconnection_id").is_some();
        let of_route = message.filled("oip_transport").filter(|_| !of_phone);
        let connection = Some(self.connection).filter(|text| !text.is_empty());
        message.set_or_clear("oconnection_id", connection);
        message.set_or_clear("oip_transport", of_route.as_deref());
        message.clear("oip_transport_", false);
        message.set("callto", trim(&target));
    }

    fn route(&self, message: &mut Message) {
        let called = message.filled("called").unwrap_or_default();
        let called = called.strip_prefix(self.prefix).map(trim);
        let headers = HEADERS.map(|name| format!("sip_x-{name}"));
        let direct = message.filled(&headers[0]).filter(|_| called == Some(b""));
        let foreign = headers.iter().any(|name| message.get(name).is_some())
            && (!(self.trusts)(
                message.get("ip_host").unwrap_or_default(),
                message.get(&headers[2]).unwrap_or_default(),
            ) || headers
                .iter()
                .any(|name| message.get(name).is_some_and(has_control)));
        let billid = message.filled(&headers[1]);
        if foreign {
            for name in &headers {
                message.clear(name, true);
            }
        }
        match (called, direct) {
            (Some(_), Some(_)) if foreign => {
                message.handled = true;
                message.retval = b"-".to_vec();
                message.fail(b"forbidden", ANY);
            }
            (Some(_), Some(callto)) => {
                message.handled = true;
                message.retval = callto;
                message.set("called", b"");
                if let Some(billid) = billid {
                    message.set("billid", &billid);
                }
            }
            (None, _) | (Some(b""), None) => {}
            (Some(called), None) => message.set("called", called),
        }
    }
}

fn has_control(text: &[u8]) -> bool {
    text.iter()
        .any(|&byte| byte < b' ' && byte != b'\t' || byte == 0x7f)
}

/// Whether a message came out as in the model. The order of parameters is no matter.
pub fn agree(expected: &Message, outcome: &Outcome) -> bool {
    let comparable = |params: &[Param]| {
        let mut params: Vec<Param> = params
            .iter()
            .filter(|(name, _)| !is_open(name))
            .cloned()
            .collect();
        params.sort();
        params
    };
    let mut expected_params = comparable(&expected.params);
    let mut params = comparable(&outcome.params);
    if expected.get("reason") == Some(ANY) {
        for list in [&mut expected_params, &mut params] {
            let reason = list.iter_mut().find(|(name, _)| name == b"reason");
            if let Some((_, Some(text))) = reason {
                *text = ANY.to_vec();
            }
        }
    }
    expected.handled == outcome.handled
        && expected.retval == outcome.retval
        && expected_params == params
}

/// Whether a parameter is left to the module, or is the engine's trace.
fn is_open(name: &[u8]) -> bool {
    let known = |rest: &[u8]| HEADERS.iter().any(|known| rest == known.as_bytes());
    let header = name
        .strip_prefix(b"osip_x-")
        .or_else(|| name.strip_prefix(b"sip_x-"));
    name == b"handlers" || header.is_some_and(|rest| !known(rest))
}
