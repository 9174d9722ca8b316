// SPDX-License-Identifier: GPL-2.0-or-later

//! Signed calls: what somebody between the nodes can't change, whose address is known, and how a secret is
//! introduced and given up while phones call each other.

use std::env;
use std::net::{Ipv4Addr, SocketAddrV4, UdpSocket};
use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::thread;
use std::time::Duration;

use engine_process::{eventually, patiently};

use crate::lab::{Lab, Plan};
use crate::phone::Phone;

const SECRET: &str = "[security]\nsecret=of-all-nodes-of-the-lab\n";
/// Calls of either node to the other one go to somebody between them.
const BETWEEN: &str = "[general]\ncallto=sip/sip:cluster/@NET.7:5060\n";
/// The same, and the number that was called is in the request URI.
const NUMBERS: &str = "[general]\ncallto=sip/sip:cluster/${called}@NET.7:5060\n";
const REFUSED: &str = "its signature is good, but not for its request URI and its X-Cluster";

/// Somebody between two nodes, who changes what they send each other.
struct Between {
    stop: AtomicBool,
    socket: UdpSocket,
}

impl Between {
    fn new(lab: &Lab) -> Self {
        let [a, b, c, _] = lab.sip("node1").ip().octets();
        let place = SocketAddrV4::new(Ipv4Addr::new(a, b, c, 7), lab.sip("node1").port());
        let socket = UdpSocket::bind(place).expect("nobody has this address");
        let wait = Some(Duration::from_millis(100));
        socket.set_read_timeout(wait).expect("a timeout can be set");
        Self {
            stop: AtomicBool::new(false),
            socket,
        }
    }

    /// Passes on what comes, with each INVITE of the first node changed so, while `test` runs.
    fn changes(&self, lab: &Lab, change: impl Fn(String) -> String + Send, test: impl FnOnce()) {
        thread::scope(|scope| {
            scope.spawn(|| self.pass_on(lab, change));
            // A test that fails ends here, too.
            let _end = End(&self.stop);
            test();
        });
        self.stop.store(false, Ordering::Relaxed);
    }

    fn pass_on(&self, lab: &Lab, change: impl Fn(String) -> String) {
        let (one, two) = (lab.sip("node1"), lab.sip("node2"));
        let mut buffer = [0; 8192];
        while !self.stop.load(Ordering::Relaxed) {
            let Ok((length, from)) = self.socket.recv_from(&mut buffer) else {
                continue;
            };
            let text = String::from_utf8_lossy(&buffer[..length]).into_owned();
            let to = if from == one.into() { two } else { one };
            let is_call = to == two && text.starts_with("INVITE ");
            let text = if is_call { change(text) } else { text };
            self.socket
                .send_to(text.as_bytes(), to)
                .expect("it can be sent");
        }
    }
}

struct End<'s>(&'s AtomicBool);

impl Drop for End<'_> {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}

/// Carol, whom it would cost money to call, as the number 00900555.
fn with_premium_number(plan: Plan) -> (Lab, Phone) {
    let plan = plan.dial("^00900555$=sip/sip:carol@NET.101:5060");
    let lab = plan.start();
    let carol = lab.phone("carol");
    (lab, carol)
}

/// Without the header `X-Cluster`.
fn without_extension(text: &str) -> String {
    let lines = text.split_inclusive("\r\n");
    let kept = lines.filter(|line| !line.to_ascii_lowercase().starts_with("x-cluster:"));
    kept.collect()
}

fn is_answered(alice: &Phone) {
    alice.call("bob").answered().hang_up();
}

/// Asserts that alice's call to bob is refused by the second node.
fn is_refused(lab: &Lab, alice: &Phone) {
    let log = lab.log("node2");
    let before = log.count(REFUSED);
    let forged = || lab.node("node2").status().get("forged").to_owned();
    let count = forged();
    assert_eq!(alice.call("bob").refused().code, 403);
    assert_ne!(forged(), count);
    // Such a line is logged once in ten seconds.
    assert!(before > 0 || log.count(REFUSED) > 0);
}

#[test]
#[ignore = "needs a real engine: YATE_ROOT"]
fn a_number_that_is_put_into_the_request_uri_on_the_way_is_not_called() {
    let (lab, carol) = with_premium_number(Lab::of(2).clustering(BETWEEN).clustering(SECRET));
    let between = Between::new(&lab);
    let (alice, bob) = lab.alice_and_bob();
    bob.picks_up();
    between.changes(&lab, |text| text, || is_answered(&alice));
    for user in ["cluster/00900555", "00900555"] {
        let change = |text: String| text.replacen("cluster/", user, 1);
        between.changes(&lab, change, || is_refused(&lab, &alice));
    }
    carol.has_nothing_left();
}

#[test]
#[ignore = "needs a real engine: YATE_ROOT"]
fn a_number_that_callto_puts_into_the_request_uri_is_called_and_cannot_be_changed() {
    let (lab, carol) = with_premium_number(Lab::of(2).clustering(NUMBERS).clustering(SECRET));
    let between = Between::new(&lab);
    let (alice, bob) = lab.alice_and_bob();
    bob.picks_up();
    let seen = AtomicUsize::new(0);
    let look = |text: String| {
        assert!(text.starts_with("INVITE sip:cluster/bob@"), "{text}");
        seen.fetch_add(1, Ordering::Relaxed);
        text
    };
    between.changes(&lab, look, || is_answered(&alice));
    assert!(seen.into_inner() > 0);
    let changed = |text: String| text.replacen("cluster/bob", "cluster/00900555", 1);
    between.changes(&lab, changed, || is_refused(&lab, &alice));
    let changed = |text| without_extension(&changed(text));
    between.changes(&lab, changed, || is_refused(&lab, &alice));
    carol.has_nothing_left();
}

/// They sign nothing of the request URI, and leave alone what newer ones sign of it.
#[test]
#[ignore = "needs a real engine and version 1.0 of this module: YATE_ROOT, RELEASED"]
fn a_number_in_the_request_uri_goes_from_and_to_nodes_with_version_1_0() {
    for node in ["node1", "node2"] {
        let (lab, carol) = with_premium_number(released(node, NUMBERS));
        let between = Between::new(&lab);
        let (alice, bob) = lab.alice_and_bob();
        bob.picks_up();
        between.changes(&lab, |text| text, || is_answered(&alice));
        carol.has_nothing_left();
    }
}

#[test]
#[ignore = "needs a real engine and version 1.0 of this module: YATE_ROOT, RELEASED"]
fn a_number_that_callto_does_not_make_is_not_called_for_version_1_0_either() {
    let (lab, carol) = with_premium_number(released("node1", BETWEEN));
    let between = Between::new(&lab);
    let (alice, bob) = lab.alice_and_bob();
    bob.picks_up();
    between.changes(&lab, |text| text, || is_answered(&alice));
    let change = |text: String| text.replacen("cluster/", "cluster/00900555", 1);
    between.changes(&lab, change, || is_refused(&lab, &alice));
    carol.has_nothing_left();
}

fn released(node: &'static str, callto: &str) -> Plan {
    let released = PathBuf::from(env::var_os("RELEASED").expect("RELEASED names it"));
    let plan = Lab::of(2).with_other_module(node, released);
    plan.clustering(callto).clustering(SECRET)
}

#[test]
#[ignore = "needs a real engine: YATE_ROOT"]
fn an_address_of_one_node_shuts_out_no_other_that_has_the_secret() {
    let lab = Lab::of(3)
        .clustering("[security]\ntrusted=\n[node node1]\nsource=NET.1\n[health]\ninterval=0\n")
        .clustering(SECRET)
        .start();
    let (alice, bob) = lab.alice_and_bob();
    bob.picks_up();
    is_answered(&alice);
    is_answered(&lab.phone("carol").at("node3"));

    // The first node's calls come from elsewhere now.
    let node = lab.node("node2");
    let usual = node.configuration("clustering.conf");
    let source = format!("source={}", lab.sip("node1").ip());
    let other = format!("source={}", lab.sip("node3").ip());
    assert!(usual.contains(&source), "{usual}");
    node.configure("clustering.conf", &usual.replace(&source, &other));
    node.command("reload clustering");
    assert_eq!(alice.call("bob").refused().code, 403);
    lab.log("node2").wait_for("the sender is not trusted");
}

const NODES: [&str; 3] = ["node1", "node2", "node3"];
/// The users whose phones are called there.
const CALLED: [&str; 3] = ["alice", "bob", "carol"];

/// Phones that call those of all other nodes, all the time.
struct Traffic {
    callers: Vec<Phone>,
    stop: AtomicBool,
    calls: [AtomicUsize; 3],
    refused: AtomicUsize,
}

impl Traffic {
    fn calls_on(&self, caller: usize) {
        let (phone, mut next) = (&self.callers[caller], caller);
        while !self.stop.load(Ordering::Relaxed) {
            next = (next + 1) % NODES.len();
            if next == caller {
                continue;
            }
            match phone.call(CALLED[next]).outcome() {
                Ok(talk) => talk.hang_up(),
                Err(refusal) => {
                    eprintln!(
                        "a call from {} to {}: {refusal:?}",
                        NODES[caller], NODES[next]
                    );
                    self.refused.fetch_add(1, Ordering::Relaxed);
                }
            }
            self.calls[caller].fetch_add(1, Ordering::Relaxed);
        }
    }

    fn counts(&self) -> [usize; 3] {
        [0, 1, 2].map(|caller| self.calls[caller].load(Ordering::Relaxed))
    }

    /// Waits until each phone has called those of both other nodes.
    fn goes_on(&self) {
        let before = self.counts();
        let went_on = || {
            let mut now = self.counts().into_iter().zip(before);
            now.all(|(now, before)| now >= before + 3).then_some(())
        };
        patiently(went_on, || "somebody calls no more".to_owned());
    }
}

fn sum(lab: &Lab, counter: &str) -> u64 {
    let of = |node: &&str| -> u64 { lab.node(node).status().get(counter).parse().unwrap() };
    NODES.iter().map(of).sum()
}

#[test]
#[ignore = "needs a real engine: YATE_ROOT"]
fn a_secret_is_introduced_and_given_up_node_by_node_and_no_call_is_refused() {
    let lab = Lab::of(3).start();
    let called = CALLED.map(|user| lab.phone(user));
    for (node, phone) in NODES.iter().zip(&called) {
        phone.register_at(node);
        phone.picks_up();
    }
    let traffic = Traffic {
        callers: NODES
            .map(|node| lab.phone(&format!("of{node}")).at(node))
            .into(),
        stop: AtomicBool::new(false),
        calls: Default::default(),
        refused: AtomicUsize::new(0),
    };
    let usual = NODES.map(|node| lab.node(node).configuration("clustering.conf"));
    // Each phase, and what the status says of it.
    let optional = format!("{SECRET}secret.required=no\n");
    let phases = [
        (&*optional, "optional"),
        (SECRET, "required"),
        (&*optional, "optional"),
        ("", "none"),
    ];
    let mut unverified = Vec::new();
    thread::scope(|scope| {
        let _end = End(&traffic.stop);
        for caller in 0..NODES.len() {
            let traffic = &traffic;
            scope.spawn(move || traffic.calls_on(caller));
        }
        traffic.goes_on();
        for (settings, signatures) in phases {
            for (node, usual) in NODES.iter().zip(&usual) {
                let node = lab.node(node);
                node.configure("clustering.conf", &format!("{settings}{usual}"));
                node.command("reload clustering");
                assert_eq!(node.status().get("signatures"), signatures);
                traffic.goes_on();
            }
            // From here on the next phase may begin, if nothing is counted any more.
            let before = sum(&lab, "unverified");
            traffic.goes_on();
            assert_eq!(sum(&lab, "unverified"), before, "{signatures}");
            unverified.push(before);
        }
    });
    eprintln!(
        "{:?} calls, {} refused; unverified after each phase: {unverified:?}",
        traffic.counts(),
        traffic.refused.load(Ordering::Relaxed)
    );
    assert_eq!(traffic.refused.into_inner(), 0);
    for counter in ["unsigned", "forged", "skewed", "replayed", "untrusted"] {
        assert_eq!(sum(&lab, counter), 0, "{counter}");
    }
    // While it is introduced some sign and others don't; then all do, until it is given up.
    assert!(unverified[0] > 0, "{unverified:?}");
    assert_eq!(unverified[1..3], [unverified[0]; 2]);
    assert!(unverified[3] > unverified[2], "{unverified:?}");
    // Each node may say so; an engine that is busy loses a line now and then.
    let said = |name: &&str| {
        let log = lab.log(name).text();
        log.contains("will be refused when secret.required=no is removed")
    };
    eventually(|| NODES.iter().any(said), || "nobody said it".to_owned());
}
