// SPDX-License-Identifier: GPL-2.0-or-later
//! The phones: one that calls and registers at a steady rate, and one that answers all calls at once.
//!
//! They send on whether answers have come or not, so a slow node is not spared.

use std::collections::HashMap;
use std::net::{SocketAddr, SocketAddrV4, UdpSocket};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use crate::network::{Network, SIP};
use crate::sip::{self, SipMessage};

/// The time that people talk.
const TALK: Duration = Duration::from_millis(100);
/// The time after which a call or registration without an answer has failed.
const PATIENCE: Duration = Duration::from_secs(5);
/// The time that the caller waits for an answer before it looks whether something else is due.
const LOOK: Duration = Duration::from_millis(1);
/// The number of users that are called and register.
const USERS: usize = 100;

/// The number of calls or registrations, and the time from one to the next.
#[derive(Clone, Copy)]
pub struct Load {
    /// The number.
    pub count: usize,
    /// The time between two.
    pub interval: Duration,
}

/// The outcome of calls or registrations.
#[derive(Default)]
pub struct Heard {
    /// The time until the answer, of each that was good.
    pub times: Vec<Duration>,
    /// The number of all others.
    pub failures: usize,
}

/// Where a call, or a registration, stands.
enum Stage {
    /// Nobody has answered.
    Asked,
    /// They talk since then.
    Talks(Instant),
    /// It ends.
    Ends,
}

struct Dialog {
    begun: Instant,
    stage: Stage,
    /// The request that began it.
    request: SipMessage,
    /// The To header of the answer, and the URI to send to.
    to: String,
    uri: String,
}

/// A phone that calls, and one that is called.
pub struct Phones {
    caller: UdpSocket,
    address: SocketAddrV4,
    /// Of the one that is called.
    callee: Arc<UdpSocket>,
    answering: Option<JoinHandle<()>>,
    number: AtomicUsize,
}

impl Phones {
    /// Phones of a network. They have its first two addresses for phones.
    pub fn new(network: &Network) -> Self {
        let callee = UdpSocket::bind(Self::callee(network)).expect("the network is free");
        let callee = Arc::new(callee);
        let address = SocketAddrV4::new(network.phone(), SIP);
        let calling = UdpSocket::bind(address).expect("the network is free");
        let wait = calling.set_read_timeout(Some(LOOK));
        wait.expect("a socket may wait");
        let socket = Arc::clone(&callee);
        Self {
            caller: calling,
            address,
            callee,
            answering: Some(thread::spawn(move || answer_all(&socket))),
            number: AtomicUsize::new(1),
        }
    }

    /// The address of the one that is called.
    pub fn callee(network: &Network) -> SocketAddrV4 {
        let [a, b, c, _] = network.node("node1").octets();
        SocketAddrV4::new([a, b, c, 100].into(), SIP)
    }

    /// Calls users by a node.
    pub fn call(&self, node: SocketAddrV4, load: Load) -> Heard {
        self.run("INVITE", node, load)
    }

    /// Registers users at a node.
    pub fn register(&self, node: SocketAddrV4, load: Load) -> Heard {
        self.run("REGISTER", node, load)
    }

    fn run(&self, method: &str, node: SocketAddrV4, load: Load) -> Heard {
        let mut heard = Heard::default();
        let mut dialogs: HashMap<String, Dialog> = HashMap::new();
        let start = Instant::now();
        let mut count = 0;
        let mut due = start;
        while count < load.count || !dialogs.is_empty() {
            let now = Instant::now();
            if count < load.count && now >= due {
                let request = self.request(method, node, count % USERS);
                self.send(&request, node);
                let dialog = Dialog {
                    begun: now,
                    stage: Stage::Asked,
                    to: request.header("To").to_owned(),
                    uri: request.uri().to_owned(),
                    request,
                };
                dialogs.insert(dialog.request.header("Call-ID").to_owned(), dialog);
                count += 1;
                due += load.interval;
            }
            for dialog in dialogs.values_mut() {
                if matches!(dialog.stage, Stage::Talks(since) if now.duration_since(since) >= TALK)
                {
                    dialog.stage = Stage::Ends;
                    self.send(&self.within(dialog, "BYE"), node);
                }
            }
            dialogs.retain(|_, dialog| {
                let is_late = now.duration_since(dialog.begun) >= PATIENCE;
                heard.failures += usize::from(is_late);
                !is_late
            });
            self.listen(node, &mut dialogs, &mut heard);
        }
        heard
    }

    /// Takes one message, if one comes.
    fn listen(&self, node: SocketAddrV4, dialogs: &mut HashMap<String, Dialog>, heard: &mut Heard) {
        let Some(message) = receive(&self.caller).map(|(message, _)| message) else {
            return;
        };
        let Some(dialog) = dialogs.get_mut(message.header("Call-ID")) else {
            return;
        };
        let is_good = message.code() == 200;
        match (message.method(), &dialog.stage) {
            _ if message.code() < 200 => {}
            ("INVITE", Stage::Asked) if is_good => {
                heard.times.push(dialog.begun.elapsed());
                message.header("To").clone_into(&mut dialog.to);
                sip::uri(message.header("Contact")).clone_into(&mut dialog.uri);
                dialog.stage = Stage::Talks(Instant::now());
                self.send(&self.within(dialog, "ACK"), node);
            }
            // The acknowledgement was lost.
            ("INVITE", _) if is_good => self.send(&self.within(dialog, "ACK"), node),
            ("REGISTER", Stage::Asked) if is_good => {
                heard.times.push(dialog.begun.elapsed());
                dialogs.remove(message.header("Call-ID"));
            }
            ("INVITE", _) => {
                message.header("To").clone_into(&mut dialog.to);
                let mut acknowledgement = self.within(dialog, "ACK");
                dialog
                    .request
                    .header("Via")
                    .clone_into(&mut acknowledgement.headers[0].1);
                self.send(&acknowledgement, node);
                heard.failures += 1;
                dialogs.remove(message.header("Call-ID"));
            }
            _ => {
                heard.failures += usize::from(!is_good);
                dialogs.remove(message.header("Call-ID"));
            }
        }
    }

    /// A request that begins something.
    fn request(&self, method: &str, node: SocketAddrV4, user: usize) -> SipMessage {
        let number = self.number.fetch_add(1, Ordering::Relaxed);
        let Self { address, .. } = self;
        let to = format!("sip:user{user}@{node}");
        let is_call = method == "INVITE";
        let (uri, from) = if is_call {
            (to.clone(), format!("sip:alice@{address}"))
        } else {
            (format!("sip:{node}"), to.clone())
        };
        let contact = if is_call {
            format!("<sip:alice@{address}>")
        } else {
            format!("<sip:user{user}@{address}>")
        };
        let request = SipMessage::request(method, &uri)
            .with("Via", &self.via(number))
            .with("From", &format!("<{from}>;tag=from-{number}"))
            .with("To", &format!("<{to}>"))
            .with("Call-ID", &format!("{number}@{address}"))
            .with("CSeq", &format!("1 {method}"))
            .with("Contact", &contact)
            .with("Max-Forwards", "70")
            .with("User-Agent", "a phone under load");
        if is_call {
            with_media(request, *address)
        } else {
            request.with("Expires", "600")
        }
    }

    /// A request within a call.
    fn within(&self, dialog: &Dialog, method: &str) -> SipMessage {
        let number = self.number.fetch_add(1, Ordering::Relaxed);
        let sequence = if method == "ACK" { 1 } else { 2 };
        let Dialog {
            request, to, uri, ..
        } = dialog;
        SipMessage::request(method, uri)
            .with("Via", &self.via(number))
            .with("From", request.header("From"))
            .with("To", to)
            .with("Call-ID", request.header("Call-ID"))
            .with("CSeq", &format!("{sequence} {method}"))
            .with("Max-Forwards", "70")
    }

    fn via(&self, number: usize) -> String {
        format!(
            "SIP/2.0/UDP {};branch=z9hG4bK-load-{number};rport",
            self.address
        )
    }

    fn send(&self, message: &SipMessage, to: SocketAddrV4) {
        let sent = self.caller.send_to(message.to_string().as_bytes(), to);
        sent.expect("the loopback takes it");
    }
}

impl Drop for Phones {
    fn drop(&mut self) {
        // An empty datagram ends the one that answers.
        let address = self.callee.local_addr().expect("it is bound");
        let _ = self.callee.send_to(&[], address);
        if let Some(answering) = self.answering.take() {
            let _ = answering.join();
        }
    }
}

/// Answers all calls, and their ends, until an empty datagram comes.
fn answer_all(socket: &UdpSocket) {
    let Ok(SocketAddr::V4(address)) = socket.local_addr() else {
        return;
    };
    let mut buffer = vec![0; 65_536];
    while let Ok((length @ 1.., from)) = socket.recv_from(&mut buffer) {
        let Some(request) = SipMessage::parse(&buffer[..length]) else {
            continue;
        };
        if request.code() > 0 || request.is("ACK") {
            continue;
        }
        let tag = format!("to-{}", request.header("Call-ID"));
        let codes: &[u16] = if request.is("INVITE") {
            &[180, 200]
        } else {
            &[200]
        };
        for &code in codes {
            let mut answer = request
                .answer(code, &tag)
                .with("Contact", &format!("<sip:user@{address}>"));
            if request.is("INVITE") && code == 200 {
                answer = with_media(answer, address);
            }
            // A sender that is gone has stopped to ask.
            let _ = socket.send_to(answer.to_string().as_bytes(), from);
        }
    }
}

fn receive(socket: &UdpSocket) -> Option<(SipMessage, SocketAddr)> {
    let mut buffer = [0; 8192];
    let (length, from) = socket.recv_from(&mut buffer).ok()?;
    Some((SipMessage::parse(&buffer[..length])?, from))
}

/// A message with a description of media, though nobody listens at its address.
fn with_media(message: SipMessage, address: SocketAddrV4) -> SipMessage {
    let address = address.ip();
    let sdp = format!(
        "v=0\r\no=- 1 1 IN IP4 {address}\r\ns=-\r\nc=IN IP4 {address}\r\nt=0 0\r\n\
         m=audio 4000 RTP/AVP 8 0\r\n"
    );
    message.with_body("application/sdp", &sdp)
}
