// SPDX-License-Identifier: GPL-2.0-or-later

//! Somebody at the address of a node who isn't one: they hear everything that is sent there, and answer only
//! as they are told to.

use std::cell::RefCell;
use std::collections::HashSet;
use std::io;
use std::net::{SocketAddr, SocketAddrV4, UdpSocket};
use std::time::Instant;

use engine_process::PATIENCE;

use crate::agent::Received;
use crate::sip::SipMessage;

/// The owner of a node's address who is no node.
pub struct Dummy {
    socket: UdpSocket,
    /// The branches of earlier requests, so that each request is heard once.
    branches: RefCell<HashSet<String>>,
}

impl Dummy {
    /// Takes an address that nobody has now.
    pub fn at(address: SocketAddrV4) -> Self {
        let socket = UdpSocket::bind(address).expect("no node has that address now");
        socket.set_read_timeout(Some(PATIENCE)).expect("it is long");
        Self {
            socket,
            branches: RefCell::default(),
        }
    }

    /// The next request of a node, once it is there.
    pub fn hears(&self, node: SocketAddrV4) -> Received {
        let begin = Instant::now();
        loop {
            assert!(begin.elapsed() < PATIENCE, "only others send anything");
            let received = self.receive();
            let received = received.unwrap_or_else(|error| panic!("nothing comes: {error}"));
            if let Some(received) = received
                && received.from == SocketAddr::from(node)
            {
                return received;
            }
        }
    }

    /// All requests that came and were not heard yet.
    pub fn heard(&self) -> Vec<SipMessage> {
        let set = |nonblocking| self.socket.set_nonblocking(nonblocking);
        set(true).expect("it is a socket");
        let mut heard = Vec::new();
        while let Ok(received) = self.receive() {
            heard.extend(received.map(|received| received.message));
        }
        set(false).expect("it is a socket");
        heard
    }

    /// Answers a request.
    pub fn answers(&self, request: &Received, code: u16) {
        let answer = request.message.answer(code, "dummy").to_string();
        let sent = self.socket.send_to(answer.as_bytes(), request.from);
        sent.expect("the loopback takes it");
    }

    /// The next request; `None` for one that was sent before, and for a message that is no request.
    fn receive(&self) -> io::Result<Option<Received>> {
        let mut buffer = vec![0; 65_536];
        let (length, from) = self.socket.recv_from(&mut buffer)?;
        let message = SipMessage::parse(&buffer[..length]);
        let is_new = |message: &SipMessage| {
            let mut branches = self.branches.borrow_mut();
            message.code() == 0 && branches.insert(message.branch().to_owned())
        };
        let message = message.filter(is_new);
        Ok(message.map(|message| Received { message, from }))
    }
}
