// SPDX-License-Identifier: GPL-2.0-or-later

//! Probing is as calling, and goes on whatever the engine waits for.

use std::net::{SocketAddrV4, UdpSocket};
use std::thread;
use std::time::{Duration, Instant};

use engine_process::{PATIENCE, eventually};

use crate::dummy::Dummy;
use crate::lab::Lab;
use crate::network::SIP;
use crate::sip::SipMessage;

const FILE: &str = "clustering.conf";
const NODE2: &str = "[node node2]\n";
/// As usual, but faster.
const FLOODED: &str = "[health]\ninterval=1\nfall=3\nrise=2\n";
/// The port of one more listener of each node.
const INNER: u16 = 5070;

#[test]
#[ignore = "needs a real engine: YATE_ROOT"]
fn a_probe_leaves_by_the_listener_of_calls() {
    let plan = Lab::of(1)
        .clustering("[general]\nconnection=inner\n")
        .clustering(NODE2)
        .probed();
    let lab = plan
        .listener("inner", &format!("type=udp\nport={INNER}"))
        .start();
    // The node answers nobody but that listener.
    let node = Dummy::at(lab.sip("node2"));
    let mut inner = lab.sip("node1");
    inner.set_port(INNER);
    node.answers(&node.hears(inner), 200);
    lab.log("node1")
        .wait_for("Node 'node2' is up: answered 200");
}

#[test]
#[ignore = "needs a real engine: YATE_ROOT"]
fn a_node_of_another_address_family_is_probed_by_the_listener_that_has_it() {
    let socket = UdpSocket::bind("[::1]:0").expect("the loopback has an address of version 6");
    socket.set_read_timeout(Some(PATIENCE)).expect("it is long");
    let place = socket.local_addr().unwrap();
    let inner = UdpSocket::bind("[::1]:0")
        .unwrap()
        .local_addr()
        .unwrap()
        .port();
    let settings = format!(
        "[general]\nconnection=inner\n[node node2]\ncallto=sip/sip:cluster/@[::1]:{}\n",
        place.port()
    );
    let plan = Lab::of(1)
        .clustering(&settings)
        .probed()
        .sip("ipv6_support=yes");
    let lab = plan
        .listener("inner", &format!("type=udp\nport={inner}\naddr=::1"))
        .start();
    let mut buffer = vec![0; 65_536];
    let (length, from) = socket.recv_from(&mut buffer).expect("it is probed");
    assert_eq!(from.port(), inner);
    let request = SipMessage::parse(&buffer[..length]).expect("it is SIP");
    assert!(request.is("OPTIONS"), "{request}");
    let answer = request.answer(200, "dummy").to_string();
    socket.send_to(answer.as_bytes(), from).unwrap();
    lab.log("node1")
        .wait_for("Node 'node2' is up: answered 200");
}

#[test]
#[ignore = "needs a real engine: YATE_ROOT"]
fn a_probe_goes_by_the_transport_of_calls() {
    let lab = Lab::of(2)
        .clustering("[general]\ntransport=tcp\n")
        .probed()
        .start();
    lab.log("node1")
        .wait_for("Node 'node2' is up: answered 200");
    let log = lab.log("node2").text();
    // Its own probes are there, too.
    let pieces: Vec<_> = log.split("\nOPTIONS sip:").collect();
    let came = pieces[..pieces.len() - 1].iter().filter_map(|before| {
        let heads = before.lines().rev();
        let mut heads =
            heads.filter(|line| line.contains(" received ") || line.contains(" sending "));
        heads.next().filter(|line| line.contains(" received "))
    });
    let came: Vec<_> = came.collect();
    assert!(
        !came.is_empty() && came.iter().all(|line| line.contains("'tcp:")),
        "{came:?}"
    );
}

#[test]
#[ignore = "needs a real engine: YATE_ROOT"]
fn a_node_that_only_says_that_it_tries_is_down_in_the_usual_time() {
    let lab = Lab::of(1).clustering(NODE2).probed().start();
    let log = lab.log("node1");
    let node = Dummy::at(lab.sip("node2"));
    node.answers(&node.hears(lab.sip("node1")), 200);
    log.wait_for("Node 'node2' is up");
    let begin = Instant::now();
    let mut probes = 0;
    while log.count("Node 'node2' is down") == 0 {
        node.answers(&node.hears(lab.sip("node1")), 100);
        probes += 1;
        assert!(begin.elapsed() < Duration::from_secs(6), "{probes} probes");
    }
    // The engine still waits for them, and the next one goes out nevertheless.
    while log.count("Node 'node2' is up: answered 200; it was down for ") == 0 {
        node.answers(&node.hears(lab.sip("node1")), 200);
    }
}

#[test]
#[ignore = "needs a real engine: YATE_ROOT"]
fn a_name_that_nobody_resolves_takes_its_node_down_and_nothing_else() {
    let callto = format!("[node node2]\ncallto=sip/sip:cluster/@node2.lab.test:{SIP}\n");
    let plan = Lab::of(2).clustering(&callto).probed();
    let lab = plan.hosts("node2.lab.test 0 NET.2\n").start();
    let (alice, bob) = lab.alice_and_bob();
    bob.picks_up();
    let carol = lab.phone("carol");
    carol.register_at("node1");
    carol.picks_up();
    let log = lab.log("node1");
    log.wait_for("Node 'node2' is up: answered 200");
    alice.call("bob").answered().hang_up();

    lab.name_hosts("node2.lab.test 10000\n");
    let begin = Instant::now();
    log.wait_for("Node 'node2' is down: no answer to a probe");
    assert!(
        begin.elapsed() < Duration::from_secs(6),
        "{:?}",
        begin.elapsed()
    );
    let begin = Instant::now();
    alice.call("carol").answered().hang_up();
    assert_eq!(alice.call("bob").refused().code, 404);
    assert!(begin.elapsed() < Duration::from_secs(2), "nobody waits");

    // It is found again without a reload.
    lab.name_hosts("node2.lab.test 0 NET.2\n");
    log.wait_for("Node 'node2' is up: answered 200; it was down for ");
    alice.call("bob").answered().hang_up();
}

#[test]
#[ignore = "needs a real engine: YATE_ROOT"]
fn a_callto_that_is_corrected_counts_at_once() {
    let wrong = "[node node2]\ncallto=sip/sip:cluster/@NET.77:5060\n";
    let lab = Lab::of(2).clustering(wrong).probed().start();
    let (alice, bob) = lab.alice_and_bob();
    bob.picks_up();
    let node = lab.node("node1");
    let log = lab.log("node1");
    log.wait_for("Node 'node2' is down: no answer to a probe");
    assert_eq!(alice.call("bob").refused().code, 404);
    let text = node.configuration(FILE);
    let file = text.replace(".77:5060", ".2:5060");
    assert_ne!(file, text);
    node.configure(FILE, &file);
    node.command("reload clustering");
    log.wait_for("Node 'node2' is unknown: its place has changed in the file; it was down for ");
    alice.call("bob").answered().hang_up();
    log.wait_for("Node 'node2' is up: answered 200");
}

#[test]
#[ignore = "needs a real engine: YATE_ROOT"]
fn a_clock_that_is_set_back_stops_no_probes() {
    let lab = Lab::of(2).probed().clock().start();
    let log = lab.log("node1");
    log.wait_for("Node 'node2' is up: answered 200");
    lab.clock().set_back(3600);
    thread::sleep(Duration::from_secs(1));
    let begin = Instant::now();
    lab.node("node2").kill();
    log.wait_for("Node 'node2' is down: no answer to a probe");
    assert!(
        begin.elapsed() < Duration::from_secs(6),
        "{:?}",
        begin.elapsed()
    );
    lab.node("node2").start();
    log.wait_for("Node 'node2' is up: answered 200; it was down for ");
    // The engine itself sleeps until that clock has caught up, and doesn't even end.
    lab.node("node1").kill();
}

#[test]
#[ignore = "needs a real engine: YATE_ROOT"]
fn a_node_that_vanishes_is_down_within_four_seconds_and_calls_then_fail_at_once() {
    let rules = "[health]\ninterval=3\ntimeout=1\nfall=1\n";
    let lab = Lab::of(2).clustering(rules).probed().start();
    let (alice, bob) = lab.alice_and_bob();
    bob.picks_up();
    let log = lab.log("node1");
    log.wait_for("Node 'node2' is up: answered 200");
    alice.call("bob").answered().hang_up();
    lab.node("node2").kill();
    // Nobody says that nobody is there.
    let silent = Dummy::at(lab.sip("node2"));
    let begin = Instant::now();
    log.wait_for("Node 'node2' is down: no answer to a probe");
    // Half a second for a machine with much to do.
    assert!(
        begin.elapsed() < Duration::from_millis(4500),
        "{:?}",
        begin.elapsed()
    );
    let fail = || {
        let begin = Instant::now();
        assert_eq!(alice.call("bob").refused().code, 404);
        begin.elapsed()
    };
    let fastest = (0..5).map(|_| fail()).min().unwrap();
    assert!(fastest < Duration::from_millis(50), "{fastest:?}");
    assert!(!silent.heard().iter().any(|request| request.is("INVITE")));
}

#[test]
#[ignore = "needs a real engine: YATE_ROOT"]
fn a_name_that_resolves_elsewhere_later_is_followed_without_a_reload() {
    let callto = format!("[node node2]\ncallto=sip/sip:cluster/@node2.lab.test:{SIP}\n");
    let plan = Lab::of(2).clustering(&callto).probed();
    let lab = plan.hosts("node2.lab.test 0 NET.2\n").start();
    let (alice, bob) = lab.alice_and_bob();
    bob.picks_up();
    let log = lab.log("node1");
    log.wait_for("Node 'node2' is up: answered 200");
    alice.call("bob").answered().hang_up();
    let new = Dummy::at(SocketAddrV4::new(lab.address(77), SIP));
    lab.name_hosts("node2.lab.test 0 NET.77\n");
    let probe = new.hears(lab.sip("node1"));
    assert!(probe.message.is("OPTIONS"), "{}", probe.message);
    new.answers(&probe, 200);
    let calling = alice.call("bob");
    loop {
        let request = new.hears(lab.sip("node1"));
        if request.message.is("INVITE") {
            new.answers(&request, 486);
            break;
        }
        new.answers(&request, 200);
    }
    assert_eq!(calling.refused().code, 486);
    assert_eq!(log.count("Node 'node2' is down"), 0, "{}", log.text());
}

/// The flood lasts ten seconds, and goes from one address of the loopback to another.
#[test]
#[ignore = "needs a real engine: YATE_ROOT"]
fn a_flood_at_a_node_takes_it_down_and_up_at_most_once() {
    let lab = Lab::of(2).clustering(FLOODED).probed().start();
    let log = lab.log("node1");
    log.wait_for("Node 'node2' is up: answered 200");
    let log = log.since_now();
    let node = lab.sip("node2");
    let stranger = SocketAddrV4::new(lab.address(66), SIP);
    let socket = UdpSocket::bind(stranger).expect("nobody has it");
    let begin = Instant::now();
    let mut count = 0_u64;
    while begin.elapsed() < Duration::from_secs(10) {
        count += 1;
        let request = format!(
            "OPTIONS sip:{node} SIP/2.0\r\nVia: SIP/2.0/UDP {stranger};branch=z9hG4bK{count}\r\n\
             From: <sip:x@{stranger}>;tag=x\r\nTo: <sip:{node}>\r\nCall-ID: {count}\r\n\
             CSeq: 1 OPTIONS\r\nContent-Length: 0\r\n\r\n"
        );
        // What the system can't take is lost.
        let _ = socket.send_to(request.as_bytes(), node);
    }
    let is_up = || lab.node("node1").status().column("node2", "State") == "up";
    eventually(is_up, || log.text());
    // All that was waiting is worked off.
    thread::sleep(Duration::from_secs(5));
    assert!(is_up(), "{}", log.text());
    let (down, up) = (
        log.count("Node 'node2' is down"),
        log.count("Node 'node2' is up"),
    );
    assert!(down <= 1 && up <= 1, "{count} requests: {}", log.text());
}
