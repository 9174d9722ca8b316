// SPDX-License-Identifier: GPL-2.0-or-later

//! A phone: it registers, calls and is called, sends messages and gets them.

use std::io::{BufRead, BufReader, Write};
use std::net::{Ipv4Addr, SocketAddr, TcpStream};
use std::sync::{Arc, Mutex};
use std::thread::{self, JoinHandle};

use crate::agent::Agent;
use crate::call::{IncomingCall, OutgoingCall};
use crate::network::Network;
use crate::sip::SipMessage;

/// A user's phone.
pub struct Phone {
    agent: Arc<Agent>,
    network: Arc<Network>,
    /// The node that it speaks to.
    node: Mutex<Option<SocketAddr>>,
    reader: Option<JoinHandle<()>>,
}

impl Phone {
    /// A phone at an address, which speaks to no node yet.
    pub fn new(user: &str, address: Ipv4Addr, network: &Arc<Network>) -> Self {
        let agent = Agent::new(user, address);
        let reader = {
            let agent = Arc::clone(&agent);
            thread::spawn(move || agent.read())
        };
        Self {
            agent,
            network: Arc::clone(network),
            node: Mutex::default(),
            reader: Some(reader),
        }
    }

    /// The same, which speaks to that node without being registered there.
    pub fn at(self, node: &str) -> Self {
        self.speak_to(node);
        self
    }

    /// Where it is.
    pub fn address(&self) -> Ipv4Addr {
        *self.agent.address.ip()
    }

    /// Where it is, as a call's target: `sip/sip:USER@ADDRESS:PORT`.
    pub fn target(&self) -> String {
        format!("sip/sip:{}@{}", self.agent.user, self.agent.address)
    }

    /// Registers at that node, and speaks to it from now on.
    pub fn register_at(&self, node: &str) {
        self.register_for(node, 600);
    }

    /// The same, but for so many seconds only.
    pub fn register_for(&self, node: &str, seconds: u32) {
        self.speak_to(node);
        self.register(node, seconds);
    }

    /// The same, where the phone says that it is at another URI than usual.
    pub fn register_as(&self, node: &str, uri: &str) {
        self.speak_to(node);
        let mut register = self.registration(node, 600, "UDP");
        let mut headers = register.headers.iter_mut();
        let contact = headers.find(|(name, _)| name == "Contact");
        contact.expect("it has one").1 = format!("<{uri}>");
        let code = self.agent.ask(&register, self.node()).code();
        assert_eq!(code, 200, "{uri} registers");
    }

    /// Takes back the registration at a node.
    pub fn unregister_at(&self, node: &str) {
        self.register(node, 0);
    }

    /// Registers at that node over a TCP connection, and speaks to it as before. The registration is
    /// good for as long as the connection is.
    pub fn register_over_tcp(&self, node: &str) -> TcpStream {
        let address = self.network.sip(node);
        let mut stream = TcpStream::connect(address).expect("the node listens");
        let register = self.registration(node, 600, "TCP").to_string();
        let sent = stream.write_all(register.as_bytes());
        sent.expect("the node reads");
        let lines = BufReader::new(&stream).lines().map_while(Result::ok);
        let mut answers = lines.filter(|line| line.starts_with("SIP/2.0 "));
        let last = answers.find(|answer| !answer.starts_with("SIP/2.0 1"));
        assert_eq!(last.as_deref(), Some("SIP/2.0 200 OK"));
        stream
    }

    /// Answers every call at once from now on.
    pub fn picks_up(&self) {
        self.agent.pick_up();
    }

    /// Calls somebody. Comes back once the node has said anything.
    pub fn call(&self, user: &str) -> OutgoingCall {
        self.call_with(user, &[])
    }

    /// Calls somebody, and says more than usual.
    pub fn call_with(&self, user: &str, headers: &[(&str, &str)]) -> OutgoingCall {
        let mut invite = self.request_to("INVITE", user);
        for (name, value) in headers {
            invite = invite.with(name, value);
        }
        OutgoingCall::new(&self.agent, invite, self.node())
    }

    /// Calls another phone, and waits until it rings there.
    pub fn rings_at(&self, other: &Phone) -> (OutgoingCall, IncomingCall) {
        let calling = self.call(&other.agent.user);
        let called = other.called();
        called.ring();
        calling.rings();
        (calling, called)
    }

    /// The next call that comes.
    pub fn called(&self) -> IncomingCall {
        let invite = self
            .agent
            .take("a call", |received| received.message.is("INVITE"));
        IncomingCall::new(&self.agent, invite)
    }

    /// Sends a message to somebody and gives the code of the answer.
    pub fn sends(&self, user: &str, text: &str) -> u16 {
        let message = self
            .request_to("MESSAGE", user)
            .with_body("text/plain", text);
        self.code(&message)
    }

    /// The next message that comes.
    pub fn message(&self) -> SipMessage {
        let came = self
            .agent
            .take("a message", |received| received.message.is("MESSAGE"));
        came.message
    }

    /// The next message that comes with this text.
    pub fn message_saying(&self, text: &str) -> SipMessage {
        let what = format!("a message that says '{text}'");
        let came = self.agent.take(&what, |received| {
            received.message.is("MESSAGE") && received.message.body == text
        });
        came.message
    }

    /// Asks the node whether it is there, and gives the code of the answer.
    pub fn asks(&self) -> u16 {
        self.code(&self.request_to("OPTIONS", "node"))
    }

    /// Speaks to that node from now on.
    pub fn speak_to(&self, node: &str) {
        *self.node.lock().unwrap() = Some(self.network.sip(node).into());
    }

    fn node(&self) -> SocketAddr {
        let node = *self.node.lock().unwrap();
        node.unwrap_or_else(|| panic!("{} speaks to no node", self.agent.user))
    }

    fn register(&self, node: &str, seconds: u32) {
        let register = self.registration(node, seconds, "UDP");
        let code = self
            .agent
            .ask(&register, self.network.sip(node).into())
            .code();
        assert_eq!(code, 200, "{} registers for {seconds} s", self.agent.user);
    }

    fn registration(&self, node: &str, seconds: u32, transport: &str) -> SipMessage {
        let Agent { user, .. } = &*self.agent;
        let node = self.network.sip(node);
        // A registration is of oneself, at the node.
        let (uri, to) = (format!("sip:{node}"), format!("sip:{user}@{node}"));
        let register = self.request("REGISTER", &uri, &to, transport);
        register.with("Expires", &seconds.to_string())
    }

    /// The code of the final answer.
    fn code(&self, request: &SipMessage) -> u16 {
        self.agent.ask(request, self.node()).code()
    }

    /// A request to somebody that begins something new.
    fn request_to(&self, method: &str, user: &str) -> SipMessage {
        let uri = format!("sip:{user}@{}", self.node());
        self.request(method, &uri, &uri, "UDP")
    }

    fn request(&self, method: &str, uri: &str, to: &str, transport: &str) -> SipMessage {
        let Agent { user, address, .. } = &*self.agent;
        let number = self.agent.number();
        SipMessage::request(method, uri)
            .with("Via", &self.agent.via(transport, &self.agent.branch()))
            .with(
                "From",
                &format!("<sip:{user}@{address}>;tag={user}-{number}"),
            )
            .with("To", &format!("<{to}>"))
            .with("Call-ID", &format!("{user}-{number}@{address}"))
            .with("CSeq", &format!("{number} {method}"))
            .with("Contact", &self.agent.contact())
            .with("Max-Forwards", "70")
    }
}

impl Drop for Phone {
    fn drop(&mut self) {
        self.agent.stop();
        if let Some(reader) = self.reader.take() {
            // If it failed, the test has missed what it would have read.
            let _ = reader.join();
        }
    }
}
