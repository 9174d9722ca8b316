// SPDX-License-Identifier: GPL-2.0-or-later

//! A call as a phone has it, from the INVITE to the BYE.

use std::net::SocketAddr;
use std::sync::Arc;

use crate::agent::{Agent, Received};
use crate::sip::{self, SipMessage};

/// A call that the phone makes, not answered yet.
pub struct OutgoingCall {
    agent: Arc<Agent>,
    invite: SipMessage,
    node: SocketAddr,
}

/// A call that comes to the phone, not answered yet.
pub struct IncomingCall {
    agent: Arc<Agent>,
    invite: Received,
}

/// Two people talking.
pub struct Talk {
    agent: Arc<Agent>,
    node: SocketAddr,
    call_id: String,
    /// Our own From header, and the peer's To.
    from: String,
    to: String,
    /// The URI of the peer.
    target: String,
}

/// The reason why a call came to nothing.
#[derive(Debug, PartialEq, Eq)]
pub struct Refusal {
    /// The SIP code.
    pub code: u16,
    /// The reason phrase.
    pub reason: String,
}

impl OutgoingCall {
    pub(crate) fn new(agent: &Arc<Agent>, invite: SipMessage, node: SocketAddr) -> Self {
        Self::sent(agent, agent.with_sdp(invite), node)
    }

    /// A call of an INVITE that has its body.
    pub(crate) fn sent(agent: &Arc<Agent>, invite: SipMessage, node: SocketAddr) -> Self {
        let agent = Arc::clone(agent);
        agent.send_until_heard(&invite, node);
        Self {
            agent,
            invite,
            node,
        }
    }

    /// Waits until the called phone rings.
    pub fn rings(&self) {
        self.agent.answer(&self.invite, |code| code == 180);
    }

    /// The next report of the called phone's, by its code.
    pub fn hears_progress(&self) -> u16 {
        let progress = self
            .agent
            .answer(&self.invite, |code| (101..200).contains(&code));
        progress.code()
    }

    /// Waits until the called phone answers a call that had no offer of media, takes its offer, and gives that, too.
    pub fn answered_with_offer(self) -> (Talk, String) {
        let answer = self.agent.answer(&self.invite, |code| code >= 200);
        assert_eq!(answer.code(), 200, "{answer}");
        let talk = self.talk(&answer);
        let ack = talk.request("ACK", number(&self.invite));
        self.agent.send(&self.agent.with_sdp(ack), self.node);
        (talk, answer.body)
    }

    fn talk(&self, answer: &SipMessage) -> Talk {
        Talk {
            agent: Arc::clone(&self.agent),
            node: self.node,
            call_id: self.invite.header("Call-ID").to_owned(),
            from: self.invite.header("From").to_owned(),
            to: answer.header("To").to_owned(),
            target: sip::uri(answer.header("Contact")).to_owned(),
        }
    }

    /// Waits until the called phone answers.
    ///
    /// # Panics
    /// When the call is refused.
    pub fn answered(self) -> Talk {
        let user = self.agent.user.clone();
        let outcome = self.outcome();
        outcome.unwrap_or_else(|refusal| panic!("{user}'s call is refused: {refusal:?}"))
    }

    /// Waits until the call is refused.
    ///
    /// # Panics
    /// When it is answered.
    pub fn refused(self) -> Refusal {
        let user = self.agent.user.clone();
        let refusal = self.outcome().err();
        refusal.unwrap_or_else(|| panic!("{user}'s call is answered"))
    }

    /// Waits until it is answered or refused.
    pub fn outcome(self) -> Result<Talk, Refusal> {
        let answer = self.agent.answer(&self.invite, |code| code >= 200);
        if answer.code() >= 300 {
            let ack = self.beside("ACK").with("To", answer.header("To"));
            self.agent.send(&ack, self.node);
            return Err(Refusal {
                code: answer.code(),
                reason: answer.reason().to_owned(),
            });
        }
        let talk = self.talk(&answer);
        let ack = talk.request("ACK", number(&self.invite));
        talk.agent.send(&ack, talk.node);
        Ok(talk)
    }

    /// Waits until the call is refused, and gives the whole answer.
    pub fn refusal(self) -> SipMessage {
        let answer = self.agent.answer(&self.invite, |code| code >= 300);
        let ack = self.beside("ACK").with("To", answer.header("To"));
        self.agent.send(&ack, self.node);
        answer
    }

    /// Gives up before anybody has heard of the call.
    pub fn give_up_early(self) -> Refusal {
        let cancel = self.beside("CANCEL").with("To", self.invite.header("To"));
        let answer = self.agent.ask(&cancel, self.node);
        assert_eq!(answer.code(), 200, "a call that is routed can be cancelled");
        self.refused()
    }

    /// Gives up, and waits for no answer to that.
    pub fn gives_up(self) -> Self {
        let cancel = self.beside("CANCEL").with("To", self.invite.header("To"));
        self.agent.send(&cancel, self.node);
        self
    }

    /// Gives up, and waits until the called phone knows.
    pub fn give_up(self, called: IncomingCall) -> Refusal {
        let cancel = self.beside("CANCEL").with("To", self.invite.header("To"));
        let answer = self.agent.ask(&cancel, self.node);
        assert_eq!(
            answer.code(),
            200,
            "a call that was not answered can be cancelled"
        );
        let refusal = self.refused();
        called.cancelled();
        refusal
    }

    /// A request that belongs to the INVITE, but for its To header.
    fn beside(&self, method: &str) -> SipMessage {
        let request = SipMessage::request(method, self.invite.uri());
        let of_invite = |name| self.invite.header(name);
        request
            .with("Via", of_invite("Via"))
            .with("From", of_invite("From"))
            .with("Call-ID", of_invite("Call-ID"))
            .with("CSeq", &format!("{} {method}", number(&self.invite)))
            .with("Max-Forwards", "70")
    }
}

impl IncomingCall {
    pub(crate) fn new(agent: &Arc<Agent>, invite: Received) -> Self {
        let agent = Arc::clone(agent);
        Self { agent, invite }
    }

    /// The INVITE of the caller's node.
    pub fn invite(&self) -> &SipMessage {
        &self.invite.message
    }

    /// The address that the call came from.
    pub fn from(&self) -> SocketAddr {
        self.invite.from
    }

    /// Reports that the call came, and no more for now.
    pub fn tries(&self) {
        self.reply(100);
    }

    /// Reports that it rings.
    pub fn ring(&self) {
        self.reply(180);
    }

    /// Reports this about it.
    pub fn report(&self, code: u16) {
        self.reply(code);
    }

    /// Answers the call, and waits until the caller knows.
    pub fn answer(self) -> Talk {
        let answer = self.reply(200);
        let call_id = answer.header("Call-ID").to_owned();
        self.agent.take("an ACK", |received| {
            received.message.is("ACK") && received.message.header("Call-ID") == call_id
        });
        Talk {
            node: self.invite.from,
            call_id,
            from: answer.header("To").to_owned(),
            to: answer.header("From").to_owned(),
            target: sip::uri(self.invite.message.header("Contact")).to_owned(),
            agent: self.agent,
        }
    }

    /// Refuses it: 486 is busy, 603 declines. Let it ring first: where the refusal comes before the node has
    /// joined both legs, the engine answers 503 to the caller.
    pub fn refuse(self, code: u16) {
        self.reply(code);
    }

    /// Refuses it, with more headers than usual.
    pub fn refuse_with(self, code: u16, headers: &[(&str, &str)]) {
        let mut answer = self.agent.answer_to(&self.invite.message, code);
        for (name, value) in headers {
            answer = answer.with(name, value);
        }
        self.agent.reply(&self.invite, &answer);
    }

    /// Refuses it in these words.
    pub fn refuse_saying(self, code: u16, words: &str) {
        let mut answer = self.agent.answer_to(&self.invite.message, code);
        answer.start = format!("SIP/2.0 {code} {words}");
        self.agent.reply(&self.invite, &answer);
    }

    /// Waits until the caller gives up.
    pub fn cancelled(self) {
        let branch = self.invite.message.branch();
        self.agent.take("a CANCEL", |received| {
            received.message.is("CANCEL") && received.message.branch() == branch
        });
        self.reply(487);
    }

    fn reply(&self, code: u16) -> SipMessage {
        let answer = self.agent.answer_to(&self.invite.message, code);
        self.agent.reply(&self.invite, &answer);
        answer
    }
}

impl Talk {
    /// Ends it, unless the peer does just now, as a room does with its last guest.
    pub fn hang_up(self) {
        let bye = self.request("BYE", self.agent.number());
        let answer = self.agent.ask(&bye, self.node);
        match answer.code() {
            200 => {}
            481 => self.ended(),
            code => panic!("a call that is up can be ended: {code}"),
        }
    }

    /// Makes another offer of media, and gives the code of the answer to it.
    pub fn offers_again(&self) -> u16 {
        let number = self.agent.number();
        let invite = self
            .request("INVITE", number)
            .with("Contact", &self.agent.contact());
        let code = self
            .agent
            .ask(&self.agent.with_sdp(invite), self.node)
            .code();
        self.agent.send(&self.request("ACK", number), self.node);
        code
    }

    /// Waits until the peer ends it.
    pub fn ended(self) {
        self.agent.take("a BYE", |received| {
            received.message.is("BYE") && received.message.header("Call-ID") == self.call_id
        });
    }

    fn request(&self, method: &str, number: u32) -> SipMessage {
        SipMessage::request(method, &self.target)
            .with("Via", &self.agent.via())
            .with("From", &self.from)
            .with("To", &self.to)
            .with("Call-ID", &self.call_id)
            .with("CSeq", &format!("{number} {method}"))
            .with("Max-Forwards", "70")
    }
}

/// The number of a request, which the ACK has, too.
fn number(invite: &SipMessage) -> u32 {
    let number = invite.header("CSeq").split(' ').next();
    let number = number.and_then(|text| text.parse().ok());
    number.expect("we have written it")
}
