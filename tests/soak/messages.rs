// SPDX-License-Identifier: GPL-2.0-or-later
//! The messages of the soak, drawn by a generator of its own so that a run can be repeated, and the
//! answers that its lookups get.

use std::time::Duration;

use engine_bridge::{Call, Message};

/// A simple generator (xorshift): the same seed draws the same messages.
pub struct Draw(u64);

impl Draw {
    pub fn new(seed: u64) -> Self {
        Self(seed.wrapping_mul(0x9E37_79B9_7F4A_7C15) | 1)
    }

    pub fn below(&mut self, bound: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        usize::try_from(self.0 >> 33).unwrap_or_default() % bound
    }

    fn of<'a, T: ?Sized>(&mut self, choices: &[&'a T]) -> &'a T {
        choices[self.below(choices.len())]
    }

    /// Bytes of any kind but NUL, which ends a text of the engine's.
    fn bytes(&mut self) -> Vec<u8> {
        let length = self.below(24);
        let byte = |draw: &mut Self| u8::try_from(draw.below(255) + 1).unwrap_or(b'?');
        (0..length).map(|_| byte(self)).collect()
    }

    fn text(&mut self, choices: &[&str]) -> Vec<u8> {
        if self.below(12) == 0 {
            self.bytes()
        } else {
            self.of(choices).as_bytes().to_vec()
        }
    }

    fn maybe(&mut self, message: Message, name: &str, choices: &[&str]) -> Message {
        if self.below(2) == 0 {
            return message;
        }
        let value = self.text(choices);
        message.with(name, value)
    }
}

const PREFIXES: [&str; 6] = ["cluster/", "cluster/", "farm/", "farm/", "", "Cluster/"];
const NODES: [&str; 10] = [
    "node1",
    "",
    "node2",
    "node37",
    "nodes",
    " node2\t",
    "nab5",
    "*",
    "*",
    "strange.node",
];
const RESOURCES: [&str; 14] = [
    "x",
    "",
    "conf/7",
    " sip/sip:bob@lab ",
    "//",
    "fail",
    "full",
    "dash",
    "err",
    "slow/1",
    "odd",
    "local",
    "blank",
    "cluster/node2/x",
];
const HOSTS: [&str; 6] = ["10.1.2.3", "10.0.0.2", "192.0.2.1", "10.1.2", "::1", ""];
const VALUES: [&str; 5] = ["", "1-2", "bob", "${called}", "\\0"];

/// The name and the content of the next message.
pub fn next(draw: &mut Draw) -> (&'static str, Message) {
    let names = [
        "call.execute",
        "call.execute",
        "call.execute",
        "call.route",
        "user.register",
        "call.cdr",
        "call.progress",
    ];
    let name = draw.of(&names);
    let mut message = Message::new(name);
    let target = [
        draw.text(&PREFIXES),
        draw.text(&NODES),
        b"/".to_vec(),
        draw.text(&RESOURCES),
    ]
    .concat();
    for own in ["billid", "username", "x-other"] {
        message = draw.maybe(message, own, &VALUES);
    }
    message = match name {
        "user.register" => message.with("data", target),
        "call.route" => {
            let called = [
                draw.text(&PREFIXES),
                draw.text(&["", "", " ", "321", "a b "]),
            ]
            .concat();
            let mut message = message.with("called", called);
            for header in ["callto", "billid", "nodename", "username"] {
                let header = format!("sip_x-{header}");
                message = draw.maybe(message, &header, &["", "sip/bob@lab", "7-8", "node2"]);
            }
            draw.maybe(message, "ip_host", &HOSTS)
        }
        "call.cdr" => {
            let message = draw.maybe(message, "nodename", &VALUES);
            draw.maybe(message, "nodeprefix", &VALUES)
        }
        _ => {
            let mut message = message.with("callto", target);
            for own in [
                "called",
                "oconnection_id",
                "oip_transport",
                "oip_transport_x",
            ] {
                message = draw.maybe(message, own, &VALUES);
            }
            for stale in ["osip_x-billid", "osip_x-username", "error", "reason"] {
                message = draw.maybe(message, stale, &VALUES);
            }
            message
        }
    };
    (name, message)
}

/// The result of a lookup.
pub enum Answer {
    /// Handled, with this text as the node.
    Node(&'static [u8]),
    /// Not handled.
    Failed {
        error: &'static str,
        reason: &'static str,
    },
}

/// The result of the lookup of a resource.
pub fn answer_of(resource: &[u8]) -> Answer {
    match resource {
        b"fail" => Answer::Failed {
            error: "nolocate",
            reason: "",
        },
        b"full" => Answer::Failed {
            error: "",
            reason: "all nodes are full",
        },
        b"dash" => Answer::Node(b"-"),
        b"err" => Answer::Node(b" error "),
        b"odd" => Answer::Node(b"\xff??"),
        b"local" => Answer::Node(b"node1"),
        b"blank" => Answer::Node(b" \tnode37 "),
        _ => Answer::Node(b"node2"),
    }
}

/// Answers a lookup, slowly where its resource asks for that.
pub fn answer(call: &mut Call) -> bool {
    let resource = call.get("callto").unwrap_or_default();
    if resource.starts_with(b"slow") {
        std::thread::sleep(Duration::from_millis(2));
    }
    match answer_of(&resource) {
        Answer::Node(node) => {
            call.set_retval(node);
            true
        }
        Answer::Failed { error, reason } => {
            for (name, text) in [("error", error), ("reason", reason)] {
                if !text.is_empty() {
                    call.set(name, text);
                }
            }
            false
        }
    }
}
