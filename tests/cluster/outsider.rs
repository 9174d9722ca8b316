// SPDX-License-Identifier: GPL-2.0-or-later

//! Forged calls to an engine that has no word of security in its settings.

use std::env;
use std::net::UdpSocket;
use std::path::PathBuf;
use std::time::{Duration, Instant};

use engine_bridge::{Engine, Setup, engine, module_path};

/// Settings without a section on security.
const DEFAULT: &str = "[general]\nregexp=^node[0-9]$\ncallto=sip/sip:cluster/@\\0.example.net\n";

/// The SIP channel of the engine at hand.
fn channel() -> PathBuf {
    let root = PathBuf::from(env::var_os("YATE_ROOT").expect("a real engine has a root"));
    let places = ["lib/yate/ysipchan.yate", "modules/ysipchan.yate"];
    let place = places
        .iter()
        .map(|place| root.join(place))
        .find(|place| place.exists());
    place.expect("the engine has a SIP channel")
}

/// The engine with SIP on a port of its own, and that port.
fn listening() -> (&'static Engine, u16) {
    let free = UdpSocket::bind("127.0.0.1:0").and_then(|socket| socket.local_addr());
    let port = free.expect("there is a free port").port();
    let sip = format!("[general]\naddr=127.0.0.1\nport={port}\n");
    let files = vec![
        ("clustering".into(), DEFAULT.into()),
        ("ysipchan".into(), sip),
    ];
    let modules = vec![channel(), module_path()];
    (
        engine(&Setup {
            files,
            modules,
            ..Setup::default()
        }),
        port,
    )
}

/// Sends an INVITE and returns the final answer's first line.
fn invite(port: u16, called: &str, headers: &str) -> String {
    let socket = UdpSocket::bind("127.0.0.1:0").expect("there is a free port");
    socket
        .set_read_timeout(Some(Duration::from_millis(500)))
        .expect("a timeout can be set");
    let from = socket.local_addr().expect("it is bound");
    let invite = format!(
        "INVITE sip:{called}@127.0.0.1:{port} SIP/2.0\r\n\
         Via: SIP/2.0/UDP {from};branch=z9hG4bK{0};rport\r\n\
         From: <sip:mallory@{from}>;tag={0}\r\n\
         To: <sip:{called}@127.0.0.1>\r\n\
         Call-ID: {0}@{from}\r\n\
         CSeq: 1 INVITE\r\n\
         Contact: <sip:mallory@{from}>\r\n\
         Max-Forwards: 70\r\n\
         {headers}Content-Length: 0\r\n\r\n",
        from.port(),
    );
    let end = Instant::now() + Duration::from_secs(10);
    let mut buffer = [0; 4096];
    while Instant::now() < end {
        socket
            .send_to(invite.as_bytes(), ("127.0.0.1", port))
            .expect("it can be sent");
        while let Ok(length) = socket.recv(&mut buffer) {
            let answer = String::from_utf8_lossy(&buffer[..length]);
            let line = answer.lines().next().unwrap_or_default();
            if line.starts_with("SIP/2.0 ") && !line.starts_with("SIP/2.0 1") {
                return line.to_owned();
            }
        }
    }
    panic!("no answer to an INVITE to {called}");
}

#[test]
#[ignore = "needs a real engine: YATE_ROOT"]
fn an_outsider_who_names_a_target_is_refused_by_default_and_logged() {
    let (engine, port) = listening();
    // Percent-escaped, as a slash has no place in a SIP URI's user part; and raw, as some send it.
    for (called, header) in [
        ("cluster%2F", "X-CallTo"),
        ("cluster/", "X-CallTo"),
        ("cluster/", "x-callto"),
        ("cluster/", "X-CALLTO"),
    ] {
        let answer = invite(port, called, &format!("{header}: conf/premium\r\n"));
        assert!(
            answer.starts_with("SIP/2.0 403"),
            "{called} {header}: {answer}"
        );
    }
    let log = engine.take_log();
    let said = "Call from 127.0.0.1 to 'cluster/' for 'conf/premium' was refused: the sender is not trusted";
    assert!(log.iter().any(|line| line.contains(said)), "{log:#?}");
    let status = String::from_utf8(engine.status("clustering")).expect("it is ASCII");
    assert!(status.contains(",untrusted=4,"), "{status}");

    // Without the header there is nothing to refuse, and nobody to call.
    let answer = invite(port, "cluster/", "");
    assert!(answer.starts_with("SIP/2.0 404"), "{answer}");
}
