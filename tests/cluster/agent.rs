// SPDX-License-Identifier: GPL-2.0-or-later

//! What a phone and its calls share: a socket, and what came in.
//!
//! One thread reads. It answers what needs no thought, so that a test speaks only of what it is
//! about, and puts everything aside until somebody takes it.

use std::collections::HashMap;
use std::net::{Ipv4Addr, SocketAddr, SocketAddrV4, UdpSocket};
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::sync::{Arc, Condvar, Mutex};
use std::time::{Duration, Instant};

use engine_process::PATIENCE;

use crate::network::SIP;
use crate::sip::SipMessage;

/// After this time without any answer a request is sent once more.
const RESEND: Duration = Duration::from_millis(500);

/// Someone who speaks SIP.
pub struct Agent {
    /// Whose phone it is.
    pub user: String,
    /// Where it is.
    pub address: SocketAddrV4,
    socket: UdpSocket,
    state: Mutex<State>,
    arrived: Condvar,
    requests: AtomicU32,
    picks_up: AtomicBool,
}

#[derive(Default)]
struct State {
    inbox: Vec<Received>,
    /// What was answered to the requests that came, the empty text where nothing was yet.
    answers: HashMap<String, String>,
}

/// A message, and who sent it.
pub struct Received {
    /// The message.
    pub message: SipMessage,
    /// The address it came from.
    pub from: SocketAddr,
}

impl Agent {
    /// Someone at an address that nobody has.
    pub fn new(user: &str, address: Ipv4Addr) -> Arc<Self> {
        let address = SocketAddrV4::new(address, SIP);
        Arc::new(Self {
            user: user.to_owned(),
            address,
            socket: UdpSocket::bind(address).expect("the lab has the network for itself"),
            state: Mutex::default(),
            arrived: Condvar::new(),
            requests: AtomicU32::new(1),
            picks_up: AtomicBool::new(false),
        })
    }

    /// Reads until it is told to stop.
    pub fn read(&self) {
        let mut buffer = vec![0; 65_536];
        while let Ok((length, from)) = self.socket.recv_from(&mut buffer) {
            if length == 0 {
                return;
            }
            if let Some(message) = SipMessage::parse(&buffer[..length]) {
                self.sort(Received { message, from });
            }
        }
    }

    /// Tells the thread that reads to stop.
    pub fn stop(&self) {
        self.socket.send_to(&[], self.address).expect("that is us");
    }

    /// A number that no other request of this agent has.
    pub fn number(&self) -> u32 {
        self.requests.fetch_add(1, Ordering::Relaxed)
    }

    /// A branch for a request that isn't another's.
    pub fn branch(&self) -> String {
        format!("z9hG4bK-{}-{}", self.address.ip(), self.number())
    }

    /// The Via header of a request with that branch, over UDP or TCP.
    pub fn via(&self, transport: &str, branch: &str) -> String {
        format!("SIP/2.0/{transport} {};branch={branch};rport", self.address)
    }

    /// The Contact header of whatever this agent says.
    pub fn contact(&self) -> String {
        format!("<sip:{}@{}>", self.user, self.address)
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

    /// What can be answered to a request.
    pub fn answer_to(&self, request: &SipMessage, code: u16) -> SipMessage {
        let tag = format!("{}-{}", self.user, request.header("Call-ID"));
        let answer = request.answer(code, &tag).with("Contact", &self.contact());
        if request.is("INVITE") && code == 200 {
            self.with_sdp(answer)
        } else {
            answer
        }
    }

    /// A message that says that we could speak and hear, though nobody listens where it says.
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
                // It was sent once more, so that it may have missed the answer.
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
        let sent = self.socket.send_to(text.as_bytes(), to);
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
