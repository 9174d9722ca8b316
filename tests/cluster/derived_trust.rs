// SPDX-License-Identifier: GPL-2.0-or-later

//! Nodes whose `clustering.conf` is the stock module's: who is trusted follows from `callto`.

use std::net::{IpAddr, SocketAddr, UdpSocket};
use std::sync::Arc;
use std::thread;
use std::time::{Duration, Instant};

use engine_process::eventually;

use crate::lab::Lab;
use crate::phone::Phone;

/// Each node has the host of its name.
const NAMED: &str = "[general]\ncallto=sip/sip:cluster/@\\0.lab.test:5060\nregexp=^node[0-9]*$\n";
const HOSTS: &str =
    "node1.lab.test 0 NET.1\nnode2.lab.test 0 NET.2 NET.77\nnode3.lab.test 0 NET.3\n";
/// The longest time that a call waits for a name, and some more for the call itself.
const WAIT: Duration = Duration::from_secs(4);

/// Asserts that calls and messages get through between these nodes, in both directions, each at once.
fn assert_cluster(lab: &Lab, nodes: &[&str]) {
    for here in nodes {
        let alice = lab.phone("alice").at(here);
        for there in nodes.iter().filter(|there| *there != here) {
            let bob = lab.phone("bob");
            bob.register_at(there);
            bob.picks_up();
            alice.call("bob").answered().hang_up();
            assert_eq!(alice.sends("bob", "Hi"), 200, "{here} to {there}");
            assert_eq!(bob.message().body, "Hi");
        }
    }
    for node in nodes {
        assert_eq!(lab.node(node).status().get("untrusted"), "0", "{node}");
    }
}

/// The code of a call to a node that says it comes from another one.
fn forged(sender: &Phone, bob: &Phone, node: &str) -> u16 {
    let headers = [("X-CallTo", &*bob.target()), ("X-NodeName", node)];
    sender.call_with("cluster/", &headers).refused().code
}

/// The settings of a node from now on.
fn configure(lab: &Lab, node: &str, settings: &str) {
    let node = lab.node(node);
    node.configure("clustering.conf", settings);
    node.command("reload clustering");
}

#[test]
#[ignore = "needs a real engine: YATE_ROOT"]
fn three_nodes_with_a_stock_file_are_a_cluster() {
    let lab = Lab::of(3).stock().start();
    assert_cluster(&lab, &["node1", "node2", "node3"]);
    let nodes = lab.node("node2").command("clustering nodes");
    for (node, last) in [("node1", 1), ("node3", 3)] {
        let row = nodes.lines().find(|line| line.starts_with(node));
        let row = row.unwrap_or_else(|| panic!("{nodes}"));
        assert!(row.ends_with(&lab.address(last).to_string()), "{nodes}");
    }
    let explained = lab
        .node("node1")
        .command("clustering where cluster/node2/x");
    let line = format!(
        "Calls from it are trusted from {}, by callto",
        lab.address(2)
    );
    assert!(explained.contains(&line), "{explained}");
}

#[test]
#[ignore = "needs a real engine: YATE_ROOT"]
fn an_outsider_is_refused_whatever_node_they_say_they_are() {
    let lab = Lab::of(2).stock().start();
    let bob = lab.phone("bob");
    bob.register_at("node2");
    let mallory = lab.stranger("mallory").at("node2");
    let address = mallory.address();
    let said = |name: &str| name.replace("HERE", &address.to_string());
    let names = [
        "node1",
        "node2",
        "node3",
        "node9",
        "node66",
        "66",
        "HERE",
        "node1@HERE",
        "node6;6",
        "node6%36",
        "[HERE]",
        "node1, node2",
        "NODE1",
        "node",
        "*",
        "-",
        "${ip_host}",
        "\\1",
        "node1:5060",
        "\u{e4}",
    ];
    for name in names {
        assert_eq!(forged(&mallory, &bob, &said(name)), 403, "{name}");
    }
    let without = mallory.call_with("cluster/", &[("X-CallTo", &bob.target())]);
    assert_eq!(without.refused().code, 403);
    let line = lab.log("node2").wait_for(" was refused: ");
    assert!(
        line.contains(&format!("Call from {address} to 'cluster/' for '")),
        "{line}"
    );
    let other = "the sender's address is not that of the node in its X-NodeName";
    assert!(line.contains(other), "{line}");
    let untrusted = lab.node("node2").status().get("untrusted").to_owned();
    assert_eq!(untrusted, (names.len() + 1).to_string());
    // An instant message, and headers on an ordinary call.
    bob.has_nothing_left();
    bob.picks_up();
    let headers = [("X-NodeName", "node1"), ("X-BillID", "1-2")];
    mallory.call_with("bob", &headers).answered().hang_up();
}

#[test]
#[ignore = "needs a real engine: YATE_ROOT"]
fn nothing_is_derived_of_a_loose_pattern_whose_names_decide_the_host() {
    let lab = Lab::of(2).stock().start();
    let bob = lab.phone("bob");
    bob.register_at("node2");
    let mallory = lab.stranger("mallory").at("node2");
    let here = mallory.address().to_string();
    let net = here.strip_suffix(".66").expect("it ends in that");
    for (pattern, callto, name) in [
        (".*", "sip/\\0", format!("sip:cluster/@{here}")),
        ("^\\(.*\\)$", "sip/\\0", format!("sip:cluster/@{here}")),
        (
            "^\\(.*\\)@\\(.*\\)$",
            "sip/sip:\\1@\\2",
            format!("cluster/@{here}"),
        ),
        ("^\\(.*\\)$", "sip/sip:cluster/@\\1.66", net.to_owned()),
        ("^\\(.*\\)$", "sip/sip:cluster/@\\0", here.clone()),
        (
            "^\\(.*\\)$",
            "sip/sip:cluster/@${ip_host}",
            "node1".to_owned(),
        ),
        (
            "^\\(.*\\)$",
            "sip/sip:cluster/@127.0.0.\\1",
            format!("1@{here}"),
        ),
    ] {
        configure(
            &lab,
            "node2",
            &format!("[general]\nregexp={pattern}\ncallto={callto}\n"),
        );
        assert_eq!(forged(&mallory, &bob, &name), 403, "{pattern} {callto}");
    }
    assert_eq!(lab.node("node2").status().get("received"), "0");
}

#[test]
#[ignore = "needs a real engine: YATE_ROOT"]
fn nodes_are_known_by_the_names_of_their_hosts_from_the_first_call_on() {
    let lab = Lab::of(3).stock().clustering(NAMED).hosts(HOSTS).start();
    assert_cluster(&lab, &["node1", "node2", "node3"]);
    let explained = lab
        .node("node1")
        .command("clustering where cluster/node2/x");
    let (two, other) = (lab.address(2), lab.address(77));
    let line =
        format!("Calls from it are trusted from 'node2.lab.test', by callto: {two}, {other}");
    assert!(explained.contains(&line), "{explained}");
    // The same with sections, whose names were looked up before any call came.
    for node in ["node1", "node2", "node3"] {
        let sections = "[node node1]\n[node node2]\n[node node3]\n[health]\ninterval=0\n";
        configure(&lab, node, &format!("{NAMED}{sections}"));
    }
    assert_cluster(&lab, &["node1", "node2", "node3"]);
}

#[test]
#[ignore = "needs a real engine: YATE_ROOT"]
fn a_node_with_two_addresses_is_trusted_from_both_and_no_other() {
    let lab = Lab::of(1).stock().clustering(NAMED).hosts(HOSTS).start();
    let net = lab.address(0).to_string();
    let net = net.strip_suffix('0').expect("it ends in that");
    let node1 = lab.sip("node1").into();
    for (last, name, code) in [
        (77, "node2", 480),
        (2, "node2", 480),
        (78, "node2", 403),
        (77, "node3", 403),
        (77, "node1", 403),
    ] {
        let sender = format!("{net}{last}:0").parse().expect("it is an address");
        let headers = format!("X-NodeName: {name}\r\nX-CallTo: none/x\r\n");
        let answer = invite(sender, node1, &headers);
        // One that is trusted gets as far as its target, which isn't there.
        let is_refused = answer == 403;
        assert_eq!(is_refused, code == 403, "{last} as {name}: {answer}");
    }
}

#[test]
#[ignore = "needs a real engine with IPv6: YATE_ROOT"]
fn nodes_are_known_by_addresses_of_ipv6() {
    let free = UdpSocket::bind("[::1]:0").expect("the machine has IPv6");
    let port = free.local_addr().expect("it is bound").port();
    drop(free);
    let sections = "[node node2]\ncallto=sip/sip:cluster/@[::1]:5070\n\
                    [node node3]\ncallto=sip/sip:cluster/@[2001:db8::3]\n[health]\ninterval=0\n";
    let listener = format!("type=udp\naddr=::1\nport={port}\nipv6=yes\nrtp_localip=::1");
    let lab = Lab::of(1).stock().clustering(sections);
    let lab = lab
        .sip("ipv6_support=yes")
        .listener("six", &listener)
        .start();
    lab.log("node1").wait_for("Listener(UDP,'six') started");
    let node = SocketAddr::new("::1".parse::<IpAddr>().expect("it is one"), port);
    let sender = "[::1]:0".parse().expect("it is an address");
    for (name, is_trusted) in [("node2", true), ("node3", false), ("node1", false)] {
        let headers = format!("X-NodeName: {name}\r\nX-CallTo: none/x\r\n");
        assert_eq!(invite(sender, node, &headers) != 403, is_trusted, "{name}");
    }
}

#[test]
#[ignore = "needs a real engine: YATE_ROOT"]
fn a_name_that_comes_late_costs_its_own_first_call_only() {
    let lab = Lab::of(2).stock().clustering(NAMED);
    let lab = lab
        .hosts("node1.lab.test 6000 NET.1\nnode2.lab.test 0 NET.2\n")
        .start();
    let (alice, bob) = lab.alice_and_bob();
    bob.picks_up();
    let begin = Instant::now();
    let waiting = alice.call("bob");
    // Meanwhile the node serves others.
    let carol = lab.phone("carol").at("node2");
    let others = Instant::now();
    carol.call("bob").answered().hang_up();
    assert!(
        others.elapsed() < Duration::from_secs(2),
        "{:?}",
        others.elapsed()
    );
    assert_eq!(waiting.refused().code, 403);
    assert!(begin.elapsed() < WAIT, "{:?}", begin.elapsed());
    let line = lab.log("node2").wait_for(" was refused: ");
    let reason = "the address of the node in its X-NodeName is still being looked up";
    assert!(line.contains(reason), "{line}");
    let explained = || {
        lab.node("node2")
            .command("clustering where cluster/node1/x")
    };
    let known = format!("by callto: {}", lab.address(1));
    eventually(|| explained().contains(&known), explained);
    alice.call("bob").answered().hang_up();
}

#[test]
#[ignore = "needs a real engine: YATE_ROOT"]
fn a_name_that_has_no_address_is_trusted_once_it_has_one_and_followed_when_that_changes() {
    let lab = Lab::of(2).stock().clustering(NAMED);
    let lab = lab.hosts("node2.lab.test 0 NET.2\n").start();
    let (alice, bob) = lab.alice_and_bob();
    bob.picks_up();
    assert_eq!(alice.call("bob").refused().code, 403);
    let line = lab.log("node2").wait_for(" was refused: ");
    let reason = "no address is known for the node in its X-NodeName";
    assert!(line.contains(reason), "{line}");
    // It has another's address at first.
    lab.name_hosts("node1.lab.test 0 NET.66\nnode2.lab.test 0 NET.2\n");
    thread::sleep(Duration::from_secs(12));
    assert_eq!(alice.call("bob").refused().code, 403);
    let mallory = lab.stranger("mallory").at("node2");
    let headers = [("X-CallTo", &*bob.target()), ("X-NodeName", "node1")];
    mallory.call_with("cluster/", &headers).answered().hang_up();
    lab.name_hosts("node1.lab.test 0 NET.1\nnode2.lab.test 0 NET.2\n");
    thread::sleep(Duration::from_secs(12));
    alice.call("bob").answered().hang_up();
    assert_eq!(forged(&mallory, &bob, "node1"), 403);
}

#[test]
#[ignore = "needs a real engine: YATE_ROOT"]
fn a_flood_of_invented_names_asks_for_few_and_holds_up_nobody() {
    // No name but those of the nodes is ever answered.
    let slow: Vec<_> = (1000..1400)
        .map(|number| format!("node{number}.lab.test 8000"))
        .collect();
    let hosts = format!("{HOSTS}{}\n", slow.join("\n"));
    let lab = Arc::new(Lab::of(2).stock().clustering(NAMED).hosts(&hosts).start());
    let (alice, bob) = lab.alice_and_bob();
    bob.picks_up();
    alice.call("bob").answered().hang_up();

    let mallory = UdpSocket::bind((lab.address(66), 0)).expect("the address is free");
    let node = SocketAddr::from(lab.sip("node2"));
    let from = mallory.local_addr().expect("it is bound");
    for number in 1000..1400 {
        let headers = format!("X-NodeName: node{number}\r\nX-CallTo: none/x\r\nX-BillID: 1-2\r\n");
        let invite = request(from, node, &format!("flood-{number}"), &headers);
        mallory
            .send_to(invite.as_bytes(), node)
            .expect("it can be sent");
        thread::sleep(Duration::from_millis(5));
        if number % 100 == 0 {
            let begin = Instant::now();
            alice.call("bob").answered().hang_up();
            assert!(begin.elapsed() < WAIT, "{:?}", begin.elapsed());
        }
    }
    let begin = Instant::now();
    alice.call("bob").answered().hang_up();
    assert!(begin.elapsed() < WAIT, "{:?}", begin.elapsed());
    let asked = lab.hosts().asked();
    let invented = asked
        .iter()
        .filter(|name| name.starts_with("node1") && name.len() > "node1.lab.test".len());
    let invented = invented.count();
    // Four at a time, each for eight seconds.
    assert!((1..=8).contains(&invented), "{asked:?}");
    // The engine waits for none of them when it ends.
    thread::sleep(WAIT);
}

/// An INVITE to the cluster's prefix.
fn request(from: SocketAddr, node: SocketAddr, id: &str, headers: &str) -> String {
    format!(
        "INVITE sip:cluster/@{node} SIP/2.0\r\n\
         Via: SIP/2.0/UDP {from};branch=z9hG4bK{id};rport\r\n\
         From: <sip:mallory@{from}>;tag={id}\r\n\
         To: <sip:cluster/@{node}>\r\n\
         Call-ID: {id}@mallory\r\n\
         CSeq: 1 INVITE\r\n\
         Contact: <sip:mallory@{from}>\r\n\
         Max-Forwards: 70\r\n\
         {headers}Content-Length: 0\r\n\r\n"
    )
}

/// Sends such an INVITE from an address, and gives the code of its final answer.
fn invite(from: SocketAddr, node: SocketAddr, headers: &str) -> u16 {
    let socket = UdpSocket::bind(from).expect("the address is free");
    let from = socket.local_addr().expect("it is bound");
    let timeout = Some(Duration::from_millis(500));
    socket
        .set_read_timeout(timeout)
        .expect("a timeout can be set");
    let invite = request(from, node, &from.port().to_string(), headers);
    let end = Instant::now() + Duration::from_secs(10);
    let mut buffer = [0; 4096];
    while Instant::now() < end {
        socket
            .send_to(invite.as_bytes(), node)
            .expect("it can be sent");
        while let Ok(length) = socket.recv(&mut buffer) {
            let answer = String::from_utf8_lossy(&buffer[..length]);
            let code = answer
                .split_whitespace()
                .nth(1)
                .and_then(|code| code.parse().ok());
            if let Some(code @ 200..) = code {
                return code;
            }
        }
    }
    panic!("no answer to an INVITE from {from} to {node}");
}
