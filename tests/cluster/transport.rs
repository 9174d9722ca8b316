// SPDX-License-Identifier: GPL-2.0-or-later

//! The messages that travel between the nodes by a connection: they are longer than a datagram.

use engine_process::Message;

use crate::lab::{Lab, Plan};
use crate::link::Transport::Tcp;
use crate::network::TLS;
use crate::sip::SipMessage;

/// Nodes sign their messages. The system chooses the near end of a connection between them.
const SECURITY: &str =
    "[security]\ntrusted=NET.0/29,127.0.0.1\nsecret=the lab has no secrets from us\n";

/// Two nodes that hand on the media description of the caller's phone, and 600 for bob, whose location is
/// long.
fn plan(settings: &str) -> Plan {
    dialling(settings, "")
}

/// The same with more parameters of the route.
fn dialling(settings: &str, route: &str) -> Plan {
    let token = "0123456789".repeat(35);
    Lab::of(2)
        .clustering(&format!("{settings}{SECURITY}"))
        .sip("forward_sdp=yes")
        .dial(&format!(
            "^600$=cluster/node2/sip/sip:bob@NET.101:5060$(chr,59)pn-prid={token}{route}"
        ))
}

/// An offer of 1,150 bytes.
fn offer(address: &str) -> String {
    let mut sdp = format!(
        "v=0\r\no=- 1 1 IN IP4 {address}\r\ns=-\r\nc=IN IP4 {address}\r\nt=0 0\r\n\
         m=audio 4000 RTP/AVP 8 0\r\na=crypto:"
    );
    while sdp.len() < 1148 {
        sdp.push(char::from(
            b'A' + u8::try_from(sdp.len() % 26).expect("it is small"),
        ));
    }
    sdp + "\r\n"
}

/// The call reaches bob with the whole message of alice's phone, by connections between the nodes.
fn arrives_whole(plan: Plan, transport: &str) {
    let lab = plan.start();
    for node in ["node1", "node2"] {
        let forward = |message: &mut Message| {
            message.set("rtp_forward", "yes");
            false
        };
        lab.node(node).handle("call.route", 30, Box::new(forward));
    }
    let bob = lab.phone("bob").at("node2");
    let alice = lab.phone_over(Tcp, "alice", "node1");
    let sdp = offer(&alice.address().to_string());
    assert_eq!(sdp.len(), 1150);
    let calling = alice.call_saying("600", &sdp);
    let called = bob.called();
    assert_eq!(called.from(), lab.sip("node2").into());
    assert_eq!(called.invite().body, sdp);
    called.ring();
    calling.rings();
    let bobs = called.answer();
    calling.answered().hang_up();
    bobs.ended();
    let forwarded = |line: &&str| line.contains("sip:cluster/@") && line.contains(" sending ");
    let log = lab.log("node1").text();
    let sent = log.lines().filter(forwarded).collect::<Vec<_>>();
    assert!(!sent.is_empty(), "{log}");
    for line in sent {
        assert!(line.contains(&format!("'{transport}:")), "{line}");
    }
    assert_eq!(lab.node("node2").status().get("received"), "1");
}

#[test]
#[ignore = "needs a real engine: YATE_ROOT"]
fn a_call_that_is_longer_than_a_datagram_goes_by_tcp() {
    arrives_whole(plan("[general]\ntransport=tcp\n"), "tcp");
}

#[test]
#[ignore = "needs a real engine: YATE_ROOT"]
fn a_call_that_is_longer_than_a_datagram_goes_by_tls() {
    // The target of an encrypted connection, too.
    let callto = format!("callto=sip/sip:cluster/@NET.\\1:{TLS}\n");
    let plan = plan(&format!("[general]\ntransport=tls\n{callto}"));
    arrives_whole(plan.encrypted(), "tls");
}

#[test]
#[ignore = "needs a real engine: YATE_ROOT"]
fn each_node_has_a_transport_of_its_own() {
    arrives_whole(
        plan("[general]\ntransport=udp\n[node node1]\n[node node2]\ntransport=tcp\n"),
        "tcp",
    );
}

#[test]
#[ignore = "needs a real engine: YATE_ROOT"]
fn a_route_can_have_its_own_transport_to_a_node() {
    arrives_whole(dialling("", ";oip_transport=TCP"), "tcp");
    arrives_whole(
        dialling("[general]\ntransport=udp\n", ";oip_transport=TCP"),
        "tcp",
    );
}

#[test]
#[ignore = "needs a real engine: YATE_ROOT"]
fn a_message_goes_by_the_transport_of_the_node() {
    let transports = [
        Lab::of(2),
        Lab::of(2).clustering("[general]\ntransport=tcp\n"),
    ];
    for (plan, by) in transports.into_iter().zip(["udp", "tcp"]) {
        let lab = plan.clustering(SECURITY).start();
        let bob = lab.phone("bob");
        bob.register_at("node2");
        // The connection of the sender's phone is no way to a node.
        let alices = [
            lab.phone("alice").at("node1"),
            lab.phone_over(Tcp, "alice", "node1"),
        ];
        for alice in alices {
            let node = lab.log("node2").since_now();
            assert_eq!(alice.sends("bob", "Dinner is ready."), 200);
            let message: SipMessage = bob.message();
            assert_eq!(message.body, "Dinner is ready.");
            let log = node.text();
            let (before, _) = log
                .split_once("\nMESSAGE sip:cluster/")
                .expect("it came from the other node");
            let came = before
                .lines()
                .rev()
                .find(|line| line.contains(" received "));
            let came = came.expect("it says by what");
            assert!(came.contains(&format!("'{by}:")), "{came}");
        }
    }
}
