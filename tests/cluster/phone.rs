// SPDX-License-Identifier: GPL-2.0-or-later

//! A phone: it registers, calls and is called, sends messages and gets them.

use std::net::{Ipv4Addr, SocketAddr, SocketAddrV4};
use std::sync::{Arc, Mutex};
use std::thread::{self, JoinHandle};

use crate::agent::Agent;
use crate::call::{IncomingCall, OutgoingCall};
use crate::link::{Link, Transport};
use crate::network::Network;
use crate::sip::SipMessage;

/// A user's phone.
pub struct Phone {
    agent: Arc<Agent>,
    network: Arc<Network>,
    /// The node that it speaks to.
    node: Mutex<Option<SocketAddr>>,
    /// The Call-ID of its registrations.
    registers: String,
    reader: Option<JoinHandle<()>>,
}

impl Phone {
    /// A phone that gives this address as its own, and speaks to no node yet.
    pub fn new(user: &str, address: SocketAddrV4, link: Link, network: &Arc<Network>) -> Self {
        let agent = Agent::new(user, address, link);
        let reader = {
            let agent = Arc::clone(&agent);
            thread::spawn(move || agent.read())
        };
        Self {
            registers: format!("{user}@{address}"),
            agent,
            network: Arc::clone(network),
            node: Mutex::default(),
            reader: Some(reader),
        }
    }

    /// The same phone, as far as anybody can tell, with another link.
    pub fn with_link(&self, link: Link) -> Self {
        Self::new(&self.agent.user, self.agent.address, link, &self.network)
    }

    /// The same, without any memory of earlier messages.
    pub fn restarted(mut self) -> Self {
        self.registers.push_str("-again");
        self
    }

    /// The same, which speaks to that node without being registered there.
    pub fn at(self, node: &str) -> Self {
        self.speak_to(node);
        self
    }

    /// Its user.
    pub fn user(&self) -> &str {
        &self.agent.user
    }

    /// The address that it gives.
    pub fn address(&self) -> Ipv4Addr {
        *self.agent.address.ip()
    }

    /// The address that it gives, as a call's target: `sip/sip:USER@ADDRESS:PORT`.
    pub fn target(&self) -> String {
        format!("sip/{}", self.agent.uri())
    }

    /// Its address as the node has it.
    pub fn near_end(&self) -> SocketAddrV4 {
        self.agent.link.local
    }

    /// The transport of its messages.
    pub fn transport(&self) -> Transport {
        self.agent.link.transport
    }

    /// Loses its connection, as if somebody had pulled the cable, and it was noticed.
    pub fn disconnects(&self) {
        self.agent.link.close();
    }

    /// Registers at that node, and speaks to it from now on.
    pub fn register_at(&self, node: &str) {
        self.register_for(node, 600);
    }

    /// The same, but for so many seconds only.
    pub fn register_for(&self, node: &str, seconds: u32) {
        self.speak_to(node);
        self.register(self.place(node), seconds);
    }

    /// The same, with another URI than usual.
    pub fn register_as(&self, node: &str, uri: &str) {
        self.speak_to(node);
        let mut register = self.registration(self.place(node), 600);
        let mut headers = register.headers.iter_mut();
        let contact = headers.find(|(name, _)| name == "Contact");
        contact.expect("it has one").1 = format!("<{uri}>");
        let code = self.agent.ask(&register, self.node()).code();
        assert_eq!(code, 200, "{uri} registers");
    }

    /// Registers at the first of these nodes that takes it, for so many seconds, and speaks to it from now on. One that
    /// is not available now, and says for how long, is passed over (RFC 3261, 21.5.4).
    pub fn register_at_first_of<'n>(&self, nodes: &[&'n str], seconds: u32) -> &'n str {
        let takes = |node: &&&str| {
            self.speak_to(node);
            let register = self.registration(self.place(node), seconds);
            let answer = self.agent.ask(&register, self.node());
            let is_passed_over = answer.code() == 503 && !answer.header("Retry-After").is_empty();
            assert!(is_passed_over || answer.code() == 200, "{answer:?}");
            !is_passed_over
        };
        let node = nodes.iter().find(takes);
        node.unwrap_or_else(|| panic!("no node takes {}", self.agent.user))
    }

    /// Renews its registration, and gives the answer.
    pub fn tries_to_register(&self) -> SipMessage {
        let SocketAddr::V4(node) = self.node() else {
            panic!("nodes have IPv4 addresses");
        };
        self.agent.ask(&self.registration(node, 600), node.into())
    }

    /// Takes back the registration at a node.
    pub fn unregister_at(&self, node: &str) {
        self.register(self.place(node), 0);
    }

    /// Registers at another port of that node, and speaks to that from now on.
    pub fn register_at_port(&self, node: &str, port: u16) {
        self.register_at_address(SocketAddrV4::new(self.network.node(node), port));
    }

    /// Registers at whoever has that address, and speaks to it from now on.
    pub fn register_at_address(&self, place: SocketAddrV4) {
        *self.node.lock().unwrap() = Some(place.into());
        self.register(place, 600);
    }

    /// Answers every call at once from now on.
    pub fn picks_up(&self) {
        self.agent.pick_up();
    }

    /// Calls somebody. Comes back once the node has answered anything.
    pub fn call(&self, user: &str) -> OutgoingCall {
        self.call_with(user, &[])
    }

    /// Calls somebody, with more headers than usual.
    pub fn call_with(&self, user: &str, headers: &[(&str, &str)]) -> OutgoingCall {
        let mut invite = self.request_to("INVITE", user);
        for (name, value) in headers {
            invite = invite.with(name, value);
        }
        OutgoingCall::new(&self.agent, invite, self.node())
    }

    /// Calls somebody, with this description of its media.
    pub fn call_saying(&self, user: &str, sdp: &str) -> OutgoingCall {
        let invite = self.request_to("INVITE", user);
        let invite = invite.with_body("application/sdp", sdp);
        OutgoingCall::sent(&self.agent, invite, self.node())
    }

    /// Calls somebody who is to make the offer of media.
    pub fn call_without_offer(&self, user: &str) -> OutgoingCall {
        let invite = self.request_to("INVITE", user);
        OutgoingCall::sent(&self.agent, invite, self.node())
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

    /// Asserts that every message that came was taken.
    pub fn has_nothing_left(&self) {
        self.agent.has_nothing_of(&["INVITE", "MESSAGE"]);
    }

    /// Asks the node whether it is there, and gives the code of the answer.
    pub fn asks(&self) -> u16 {
        self.code(&self.request_to("OPTIONS", "node"))
    }

    /// Speaks to that node from now on.
    pub fn speak_to(&self, node: &str) {
        *self.node.lock().unwrap() = Some(self.place(node).into());
    }

    /// The address at which that node listens for it.
    fn place(&self, node: &str) -> SocketAddrV4 {
        self.transport().of(&self.network, node)
    }

    fn node(&self) -> SocketAddr {
        let node = *self.node.lock().unwrap();
        node.unwrap_or_else(|| panic!("{} speaks to no node", self.agent.user))
    }

    fn register(&self, node: SocketAddrV4, seconds: u32) {
        let register = self.registration(node, seconds);
        let code = self.agent.ask(&register, node.into()).code();
        assert_eq!(code, 200, "{} registers for {seconds} s", self.agent.user);
    }

    fn registration(&self, node: SocketAddrV4, seconds: u32) -> SipMessage {
        let Agent { user, .. } = &*self.agent;
        // A registration is of oneself, at the node.
        let (uri, to) = (format!("sip:{node}"), format!("sip:{user}@{node}"));
        self.request("REGISTER", &uri, &to, &self.registers)
            .with("Expires", &seconds.to_string())
    }

    /// The code of the final answer.
    fn code(&self, request: &SipMessage) -> u16 {
        self.agent.ask(request, self.node()).code()
    }

    /// A request to somebody that begins a new transaction.
    fn request_to(&self, method: &str, user: &str) -> SipMessage {
        let uri = format!("sip:{user}@{}", self.node());
        let Agent { user, address, .. } = &*self.agent;
        let call_id = format!("{user}-{}@{address}", self.agent.number());
        self.request(method, &uri, &uri, &call_id)
    }

    fn request(&self, method: &str, uri: &str, to: &str, call_id: &str) -> SipMessage {
        let Agent { user, address, .. } = &*self.agent;
        let number = self.agent.number();
        SipMessage::request(method, uri)
            .with("Via", &self.agent.via())
            .with(
                "From",
                &format!("<sip:{user}@{address}>;tag={user}-{number}"),
            )
            .with("To", &format!("<{to}>"))
            .with("Call-ID", call_id)
            .with("CSeq", &format!("{number} {method}"))
            .with("Contact", &self.agent.contact())
            .with("Max-Forwards", "70")
    }
}

impl Drop for Phone {
    fn drop(&mut self) {
        self.agent.stop();
        if let Some(reader) = self.reader.take() {
            // If it failed, the test has missed the message that it would have read.
            let _ = reader.join();
        }
    }
}
