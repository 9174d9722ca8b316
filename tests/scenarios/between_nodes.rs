// SPDX-License-Identifier: GPL-2.0-or-later
//! What a call brings to the next node, and takes from the one before: spirals, headers for the phone, odd names. Each
//! call is sent and received by the same engine, as if it were two nodes.

use engine_bridge::{Message, Outcome};

use crate::lab::{GENERAL, Lab, execute, text};

const SECRET: &str = "secret=of-all-nodes-of-the-lab\n";

/// A node that trusts the other ones, and signs.
fn node(more: &str) -> Lab {
    Lab::with(&format!(
        "{GENERAL}[security]\ntrusted=192.0.2.0/24\n{more}"
    ))
}

/// The call that was sent, as it comes to a node: by its own name, where it was sent to that.
fn arrival(sent: &Outcome) -> Message {
    let mut call = Message::new("call.route")
        .with("called", "cluster/")
        .with("ip_host", "192.0.2.2")
        .with("sip_uri", "sip:cluster/@node1.lab");
    for (name, value) in &sent.params {
        if let Some(header) = name.strip_prefix(b"osip_") {
            let name = [b"sip_", &*header.to_ascii_lowercase()].concat();
            let name = String::from_utf8(name).expect("it is a header's name");
            call = call.with(&name, value.as_deref().unwrap_or_default());
        }
    }
    call
}

#[test]
fn a_call_comes_back_for_something_else_and_not_for_the_same() {
    let lab = node("");
    let back = |asked: &str| {
        let call = execute("cluster/node2/conf/7")
            .with("sip_x-nodename", "node2")
            .with("sip_x-callto", asked)
            .with("sip_uri", "sip:cluster/@node1.lab");
        lab.engine.dispatch(&call)
    };
    // What this node was asked for by the second one, it asks that one for.
    let spiral = back("fork cluster/node2/conf/7 x");
    assert_eq!(spiral.get("error"), None);
    let visited = text(spiral.get("osip_x-visited"));
    assert!(visited.starts_with("node2;"), "{visited}");
    let call = execute("cluster/node2/conf/7")
        .with("sip_x-nodename", "node3")
        .with("sip_x-visited", "node1,node2")
        .with("sip_x-callto", "conf/7");
    assert_eq!(text(lab.engine.dispatch(&call).get("error")), "looping");
}

#[test]
fn headers_and_a_name_for_the_phone_are_as_the_route_made_them_and_no_strangers_are() {
    let lab = node("");
    let headers = [
        ("osip_Alert-Info", "info=alert-autoanswer"),
        ("osip_X-mIxEd", "\"a;b\"; c = d"),
        ("calledname", "Bob; \"B\""),
    ];
    let call = headers.iter().fold(
        execute("cluster/node2/sip/bob@lab"),
        |call, (name, value)| call.with(name, value),
    );
    let sent = lab.engine.dispatch(&call);
    assert_eq!(
        text(sent.get("osip_x-cluster")),
        "2;calledname=Bob%3B%20%22B%22;headers=Alert-Info,X-mIxEd"
    );
    let received = lab.engine.dispatch(&arrival(&sent));
    assert_eq!(text(Some(&received.retval)), "sip/bob@lab");
    for (name, value) in headers {
        assert_eq!(text(received.get(name)), value, "{name}");
    }
    let smuggled = Message::new("call.route")
        .with("called", "600")
        .with("ip_host", "198.51.100.66")
        .with("sip_alert-info", "info=x")
        .with("sip_x-cluster", "2;headers=Alert-Info;calledname=Mallory");
    let received = lab.engine.dispatch(&smuggled);
    for name in ["osip_Alert-Info", "calledname", "sip_x-cluster"] {
        assert_eq!(received.get(name), None, "{name}");
    }
}

#[test]
fn odd_locations_arrive_byte_for_byte() {
    for settings in ["", SECRET] {
        let lab = node(settings);
        for location in [
            "sip/sip:o'neil@h",
            "sip/sip:%22bob%22%20%3Cb%3E@h",
            "sip/sip:b\u{f6}b@h",
            "sip/sip:a%23b&c@h",
            "sip/sip:+4930%40example.net@h;user=phone;phone-context=+33@dom",
            "sip/sip:bob@h;line=;ob",
            "sip/sip:bob@h;ob;line= 7 ;;x",
        ] {
            // A signature is good at the other node alone, so that call can't come back here.
            let sent = lab
                .engine
                .dispatch(&execute(format!("cluster/node2/{location}")));
            assert_eq!(text(sent.get("osip_x-callto")), location);
            assert_eq!(sent.get("osip_x-signature").is_some(), !settings.is_empty());
            if settings.is_empty() {
                let received = lab.engine.dispatch(&arrival(&sent));
                assert_eq!(text(Some(&received.retval)), location);
            }
        }
    }
}

#[test]
fn control_characters_leave_the_node_in_no_way_and_come_in_by_none() {
    let lab = node("");
    for callto in ["cluster/node2/x\r\nX-BillID: 1", "cluster/node2/x\u{1}"] {
        let outcome = lab.execute(callto);
        assert_eq!(text(outcome.get("error")), "invalid-message");
        assert_eq!(
            text(outcome.get("reason")),
            "the target has a control character"
        );
        assert_eq!(outcome.get("osip_x-callto"), None);
    }
    let log = lab.engine.take_log().join("\n");
    assert!(
        log.contains("was refused: the target has a control character"),
        "{log}"
    );

    let call = execute("cluster/node2/x")
        .with("osip_X-Bad", "a\r\nX-CallTo: y")
        .with("osip_X-Good", "1")
        .with("calledname", "Bob\r\nX-CallTo: y");
    let sent = lab.engine.dispatch(&call);
    assert_eq!(text(sent.get("osip_x-cluster")), "2;headers=X-Good");
    assert_eq!(
        (sent.get("osip_X-Bad"), sent.get("calledname")),
        (None, None)
    );

    let received = lab
        .engine
        .dispatch(&arrival(&sent).with("sip_x-billid", "1\u{1b}"));
    assert_eq!(text(received.get("error")), "forbidden");

    let connection = "tcp:192.0.2.11:5060-10.0.0.9:40000\n";
    let registration = Message::new("user.register")
        .with("username", "bob")
        .with("data", "sip/sip:bob@10.0.0.9")
        .with("oconnection_id", connection);
    let _ = lab.engine.dispatch(&registration);
    let call = lab.execute("cluster/node1/sip/sip:bob@10.0.0.9");
    assert_eq!(call.get("oconnection_id"), None);
    let log = lab.engine.take_log().join("\n");
    assert!(
        log.contains("is too long or has a control character"),
        "{log}"
    );
}
