// SPDX-License-Identifier: GPL-2.0-or-later
//! The input that strangers may send, and that must not reach another node: one test for each kind, in the
//! engine. The core's own tests show the rules.

use engine_bridge::{Message, Outcome, Param};

use crate::lab::{GENERAL, Lab, MODULE, text};

/// Values that no phone should send.
fn hostile() -> Vec<Vec<u8>> {
    let long = "x".repeat(65_536);
    let mut values: Vec<Vec<u8>> = [
        "",
        " ",
        "/",
        "//////",
        "cluster",
        "cluster/",
        "cluster//",
        "cluster///",
        "cluster/ /x",
        "cluster/\t/ x ",
        "cluster/*",
        "cluster/*/",
        "cluster/node2",
        "cluster/node2/",
        "cluster/node2/ ",
        "cluster/ node2 / x ",
        "cluster/node2/${",
        "cluster/node2/${called",
        "cluster/${called}/x",
        "cluster/\\1/x",
        "cluster/node2\r\nX: y/x",
        "cluster/node1/\u{7f}",
        " cluster/node2/x",
        "CLUSTER/node2/x",
        "${callto}",
    ]
    .map(Into::into)
    .to_vec();
    values.extend([
        long.clone().into(),
        format!("cluster/{long}/x").into(),
        format!("cluster/node2/{long}").into(),
        format!("cluster/{}", "/".repeat(65_536)).into(),
        b"\xff\xfe\x80".to_vec(),
        b"cluster/\xff\xfe/\x80".to_vec(),
        b"cluster/node2/\xc3\x28\xff".to_vec(),
        b"cluster/node1/\xed\xa0\x80".to_vec(),
    ]);
    values
}

/// The parameters of an outcome but these.
fn others(outcome: &Outcome, names: &[&str]) -> Vec<Param> {
    let mut params = outcome.untraced();
    params.retain(|(name, _)| !names.iter().any(|other| name == other.as_bytes()));
    params
}

#[test]
fn hostile_call_is_forwarded_whole_made_local_or_left_alone() {
    let lab = Lab::with(GENERAL);
    for value in hostile() {
        let outcome = lab.execute(&value);
        let shown = value[..value.len().min(40)].escape_ascii();
        let headers = [
            "osip_x-callto",
            "osip_x-billid",
            "osip_x-nodename",
            "osip_x-username",
        ];
        let sent = headers.map(|name| outcome.get(name).is_some());
        let callto = outcome.get("callto").unwrap_or_default();
        if sent == [true; 4] {
            assert!(callto.starts_with(b"sip/sip:4021@node"), "{shown}");
            assert!(
                value.ends_with(outcome.get(headers[0]).unwrap_or_default().trim_ascii_end())
                    || value
                        .trim_ascii_end()
                        .ends_with(outcome.get(headers[0]).unwrap_or_default()),
                "{shown}"
            );
            assert_eq!(outcome.get("error"), None, "{shown}");
        } else {
            assert_eq!(sent, [false; 4], "{shown}: half of the headers");
            assert!(
                callto == value || value.trim_ascii_end().ends_with(callto),
                "{shown}: neither local nor left alone"
            );
            assert!(callto == value || outcome.get("error").is_none(), "{shown}");
        }
        let changed = [&headers[..], &["callto", "error", "reason"]].concat();
        assert_eq!(
            others(&outcome, &changed),
            [("billid", "1-2"), ("called", "4021"), ("username", "bob")]
                .map(|(name, value)| (name.into(), Some(value.into()))),
            "{shown}"
        );
        assert!(!outcome.handled, "{shown}");
    }
}

#[test]
fn hostile_registration_or_route_keeps_what_it_brought() {
    let lab = Lab::with(GENERAL);
    for value in hostile() {
        let shown = value[..value.len().min(40)].escape_ascii();
        let outcome = lab
            .engine
            .dispatch(&Message::new("user.register").with("data", &value));
        let data = outcome.get("data").unwrap_or_default();
        assert!(data.ends_with(&value), "{shown}: the location is lost");
        assert!(
            data == value || data.starts_with(b"cluster/node1/"),
            "{shown}"
        );
        let outcome = lab
            .engine
            .dispatch(&Message::new("call.route").with("called", &value));
        let called = outcome.get("called").unwrap_or_default();
        assert!(
            called == value || value.trim_ascii_end().ends_with(called),
            "{shown}"
        );
        assert!(!outcome.handled, "{shown}: nothing says where to go");
    }
}

/// Removed parameters are removed in the engine, however often they occur.
#[test]
fn a_forwarded_call_leaves_the_phones_transport_and_stale_headers_behind() {
    let lab = Lab::with(GENERAL);
    let params = ["oconnection_id", "oip_transport", "oip_transport_localip"];
    let call = |callto| {
        let message = Message::new("call.execute").with("osip_x-billid", "stale");
        let message = params
            .iter()
            .fold(message, |message, name| message.with(name, "x"));
        lab.engine.dispatch(
            &message
                .with("osip_x-username", "stale")
                .with("osip_x-billid", "again")
                .with("callto", callto),
        )
    };
    let forwarded = call("cluster/node2/x");
    assert_eq!(params.map(|name| forwarded.get(name)), [None; 3]);
    assert_eq!(forwarded.get("osip_x-callto"), Some(&b"x"[..]));
    assert!(
        !forwarded
            .params
            .iter()
            .any(|(_, value)| matches!(value.as_deref(), Some(b"stale" | b"again")))
    );
    let local = call("cluster/node1/x");
    assert!(
        params.iter().all(|name| local.get(name).is_some()),
        "a local call keeps it"
    );
}

#[test]
fn headers_of_an_untrusted_sender_are_refused_and_taken_off() {
    let lab = Lab::with(&format!("{GENERAL}[security]\ntrusted=10.0.0.0/8\n"));
    let route = |host: &str| {
        let message = Message::new("call.route")
            .with("ip_host", host)
            .with("called", "cluster/");
        let message = message
            .with("sip_x-callto", "sip/bob@lab")
            .with("sip_x-nodename", "node2");
        lab.engine.dispatch(&message)
    };
    assert_eq!(text(Some(&route("10.1.2.3").retval)), "sip/bob@lab");
    let outcome = route("11.1.2.3");
    assert!(outcome.handled);
    assert_eq!(text(Some(&outcome.retval)), "-");
    assert_eq!(text(outcome.get("error")), "forbidden");
    assert_eq!(outcome.get("sip_x-callto"), None);
    assert_eq!(outcome.get("sip_x-nodename"), None);
}

/// A secret is introduced: unsigned calls of trusted senders are taken meanwhile, and refused afterwards.
#[test]
fn unsigned_calls_are_taken_until_the_secret_is_required() {
    const TRUSTED: &str = "[security]\ntrusted=10.0.0.0/8\n";
    const SECRET: &str = "secret=the secret of the cluster\n";
    let lab = Lab::with(&format!("{GENERAL}{TRUSTED}"));
    let route = |called: &str| {
        let message = Message::new("call.route").with("ip_host", "10.1.2.3");
        let message = message
            .with("called", called)
            .with("sip_uri", format!("sip:{called}@lab"))
            .with("sip_x-callto", "sip/bob@lab")
            .with("sip_x-nodename", "node2");
        lab.engine.dispatch(&message)
    };
    let count = |name: &str| {
        let status = text(Some(&lab.engine.status(MODULE)));
        let mut pairs = status
            .split([',', ';'])
            .filter_map(|pair| pair.split_once('='));
        let found = pairs.find(|(key, _)| *key == name);
        found.map(|(_, value)| value.to_owned()).unwrap()
    };
    assert_eq!(count("signatures"), "none");
    let before: u64 = count("unverified").parse().unwrap();

    lab.reload(&format!("{GENERAL}{TRUSTED}{SECRET}secret.required=no\n"));
    assert_eq!(count("signatures"), "optional");
    assert_eq!(text(Some(&route("cluster/").retval)), "sip/bob@lab");
    assert_eq!(text(route("cluster/7").get("called")), "7");
    let after: u64 = count("unverified").parse().unwrap();
    assert_eq!(after - before, 2);

    lab.reload(&format!("{GENERAL}{TRUSTED}{SECRET}"));
    assert_eq!(count("signatures"), "required");
    assert_eq!(text(route("cluster/").get("error")), "forbidden");
    assert_eq!(count("unverified"), after.to_string());
}
