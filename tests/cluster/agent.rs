// SPDX-License-Identifier: GPL-2.0-or-later

//! The parts that a phone and its calls share: a link, and the messages that came in.
//!
//! One thread reads. It answers simple requests by itself, so that a test speaks only of its own subject. It
//! keeps everything else until a test takes it.

use std::collections::HashMap;
use std::net::{SocketAddr, SocketAddrV4};
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::sync::{Arc, Condvar, Mutex};
use std::time::{Duration, Instant};

use engine_process::PATIENCE;

use crate::link::{Link, Transport};
use crate::sip::SipMessage;

/// After this time without any answer a request is sent once more.
const RESEND: Duration = Duration::from_millis(500);

/// A SIP user agent.
pub struct Agent {
    /// The user of the phone.
    pub user: String,
    /// The address that it gives.
    pub address: SocketAddrV4,
    /// Its link to the nodes, or to one of them.
    pub link: Link,
    state: Mutex<State>,
    arrived: Condvar,
    requests: AtomicU32,
    picks_up: AtomicBool,
}

#[derive(Default)]
struct State {
    inbox: Vec<Received>,
    /// The answers to the requests that came, the empty text where there was none yet.
    answers: HashMap<String, String>,
}

/// A message, and its sender.
pub struct Received {
    /// The message.
    pub message: SipMessage,
    /// The address it came from.
    pub from: SocketAddr,
}

impl Agent {
    /// An agent that gives this address as its own.
    pub fn new(user: &str, address: SocketAddrV4, link: Link) -> Arc<Self> {
        Arc::new(Self {
            user: user.to_owned(),
            address,
            link,
            state: Mutex::default(),
            arrived: Condvar::new(),
            requests: AtomicU32::new(1),
            picks_up: AtomicBool::new(false),
        })
    }

    /// Reads until it is told to stop.
    pub fn read(&self) {
        self.link
            .read(|message, from| self.sort(Received { message, from }));
    }

    /// Tells the thread that reads to stop.
    pub fn stop(&self) {
        self.link.close();
    }

    /// A number that no other request of this agent has.
    pub fn number(&self) -> u32 {
        self.requests.fetch_add(1, Ordering::Relaxed)
    }

    /// The Via header of a request that is no other's.
    pub fn via(&self) -> String {
        let transport = self.link.transport;
        let branch = format!("z9hG4bK-{}-{}", self.link.local, self.number());
        format!("SIP/2.0/{transport} {};branch={branch};rport", self.address)
    }

    /// The URI by which this agent is reached.
    pub fn uri(&self) -> String {
        let transport = match self.link.transport {
            Transport::Udp => "",
            Transport::Tcp => ";transport=tcp",
            Transport::Tls => ";transport=tls",
        };
        format!("sip:{}@{}{transport}", self.user, self.address)
    }

    /// The Contact header of this agent's messages.
    pub fn contact(&self) -> String {
        format!("<{}>", self.uri())
    }

    /// Sends a message.
    pub fn send(&self, message: &SipMessage, to: SocketAddr) {
        self.say(&message.to_string(), to);
    }

    /// Sends a request, again and again until there is any answer.
    pub fn send_until_heard(&self, request: &SipMessage, to: SocketAddr) {
        let is_answer = |received: &Received| answers(&received.message, request);
        let begin = Instant::now();
        while begin.elapsed() < PATIENCE {
            self.send(request, to);
            if self.wait(RESEND, is_answer, |_, _| ()).is_some() {
                return;
            }
        }
        panic!("{}: no answer to\n{request}", self.user);
    }

    /// Sends a request and gives its final answer.
    pub fn ask(&self, request: &SipMessage, to: SocketAddr) -> SipMessage {
        self.send_until_heard(request, to);
        self.answer(request, |code| code >= 200)
    }

    /// Takes an answer to a request that was sent.
    pub fn answer(&self, request: &SipMessage, is_it: impl Fn(u16) -> bool) -> SipMessage {
        let what = format!("an answer to {}", request.start);
        self.take(&what, |received| {
            answers(&received.message, request) && is_it(received.message.code())
        })
        .message
    }

    /// Answers every call at once from now on.
    pub fn pick_up(&self) {
        self.picks_up.store(true, Ordering::Relaxed);
    }

    /// An answer to a request.
    pub fn answer_to(&self, request: &SipMessage, code: u16) -> SipMessage {
        let tag = format!("{}-{}", self.user, request.header("Call-ID"));
        let answer = request.answer(code, &tag).with("Contact", &self.contact());
        if request.is("INVITE") && code == 200 {
            self.with_sdp(answer)
        } else {
            answer
        }
    }

    /// A message with a description of media, though nobody listens at its address.
    pub fn with_sdp(&self, message: SipMessage) -> SipMessage {
        let address = self.address.ip();
        let sdp = format!(
            "v=0\r\no=- 1 1 IN IP4 {address}\r\ns=-\r\nc=IN IP4 {address}\r\nt=0 0\r\n\
             m=audio 4000 RTP/AVP 8 0\r\n"
        );
        message.with_body("application/sdp", &sdp)
    }

    /// Answers a request.
    pub fn reply(&self, request: &Received, answer: &SipMessage) {
        let answer = answer.to_string();
        self.say(&answer, request.from);
        let mut state = self.state.lock().unwrap();
        state.answers.insert(key(&request.message), answer);
    }

    /// Takes the first message for which this holds, once it is there.
    pub fn take(&self, what: &str, is_it: impl Fn(&Received) -> bool) -> Received {
        self.wait(PATIENCE, is_it, Vec::remove).unwrap_or_else(|| {
            let inbox = &self.state.lock().unwrap().inbox;
            let starts = inbox.iter().map(|received| &received.message.start);
            let starts: Vec<_> = starts.collect();
            panic!("{} never got {what}, but {starts:#?}", self.user);
        })
    }

    /// Asserts that no message of these methods is left.
    pub fn has_nothing_of(&self, methods: &[&str]) {
        let inbox = &self.state.lock().unwrap().inbox;
        let is_one = |message: &SipMessage| methods.iter().any(|method| message.is(method));
        let left = inbox.iter().find(|received| is_one(&received.message));
        let left = left.map(|received| &received.message.start);
        assert_eq!(left, None, "{}", self.user);
    }

    /// Does something with the first message for which this holds, once it is there.
    fn wait<T>(
        &self,
        time: Duration,
        is_it: impl Fn(&Received) -> bool,
        act: impl FnOnce(&mut Vec<Received>, usize) -> T,
    ) -> Option<T> {
        let state = self.state.lock().unwrap();
        let missing = |state: &mut State| !state.inbox.iter().any(&is_it);
        let waited = self.arrived.wait_timeout_while(state, time, missing);
        let (mut state, _) = waited.unwrap();
        let place = state.inbox.iter().position(is_it)?;
        Some(act(&mut state.inbox, place))
    }

    fn sort(&self, received: Received) {
        let message = &received.message;
        let mut state = self.state.lock().unwrap();
        if message.code() == 0 {
            if let Some(answer) = state.answers.get(&key(message)) {
                // It was sent once more, so its sender may have missed the answer.
                if !answer.is_empty() {
                    self.say(answer, received.from);
                }
                return;
            }
            let picks_up = self.picks_up.load(Ordering::Relaxed);
            let answer = if message.is("ACK") || message.is("INVITE") && !picks_up {
                String::new()
            } else {
                let answer = self.answer_to(message, 200).to_string();
                self.say(&answer, received.from);
                answer
            };
            state.answers.insert(key(message), answer);
        }
        state.inbox.push(received);
        self.arrived.notify_all();
    }

    fn say(&self, text: &str, to: SocketAddr) {
        let sent = self.link.send(text, to);
        sent.expect("the loopback takes it");
    }
}

fn answers(message: &SipMessage, request: &SipMessage) -> bool {
    message.code() > 0
        && message.branch() == request.branch()
        && message.method() == request.method()
}

/// Tells a request from another one, but not from the same that is sent again.
fn key(request: &SipMessage) -> String {
    format!("{} {}", request.method(), request.branch())
}
