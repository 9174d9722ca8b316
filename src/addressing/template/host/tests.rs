// SPDX-License-Identifier: GPL-2.0-or-later

use proptest::prelude::*;

use super::*;
use crate::addressing::pattern::{GroupUse, Pattern};

fn template(text: &str) -> Template {
    Template::parse(text.as_bytes()).unwrap()
}

/// The host that a template makes of a name, the whole of which is `\0` and `\1`.
fn host(text: &str, node: &str) -> Option<String> {
    let groups = Groups::new(&[Some(0..node.len())]);
    let of = HostTemplate::of(&template(text)).ok()?;
    Some(shown(&of.host(node.as_bytes(), &groups)?))
}

fn shown(host: &Host) -> String {
    match host {
        Host::Address(address) => address.to_string(),
        Host::Name(name) => name.to_string(),
    }
}

fn error(text: &str) -> Option<HostError> {
    HostTemplate::of(&template(text)).err()
}

#[test]
fn hosts_whose_most_significant_part_is_the_operators_are_derived() {
    for (text, node, expected) in [
        (r"sip/sip:cluster/@127.0.0.\1", "2", "127.0.0.2"),
        (r"sip/sip:cluster/@127.0.0.1\1:5060;x=y", "7", "127.0.0.17"),
        (r"sip/sip:cluster/@192.0.2.2:506\1", "2", "192.0.2.2"),
        (
            r"sip/sips:cluster/@\0.example.net",
            "node2",
            "node2.example.net",
        ),
        (
            r"sip/sip:cluster/${called}@\0.Example.NET.:5060",
            "Node2",
            "node2.example.net",
        ),
        (r"sip/sip:\0.example.net", "node2", "node2.example.net"),
        (
            r"sip/sip:cluster/@voip-\1x.office.lan",
            "2",
            "voip-2x.office.lan",
        ),
        (r"sip/sip:cluster/@\0.internal", "node2", "node2.internal"),
        (r"sip/sip:cluster/@\0.example.net", "a.b", "a.b.example.net"),
        (r"sip/sip:cluster/@[2001:db8::\1]:5060", "2", "2001:db8::2"),
        (
            r"sip/sip:cluster/@[2001:db8:0:1:\1::5]",
            "ab",
            "2001:db8:0:1:ab::5",
        ),
        (r"sip/sip:cluster/@[::ffff:10.0.0.\1]", "2", "10.0.0.2"),
        (
            r"sip/sip:\0@proxy.example.net",
            "node2",
            "proxy.example.net",
        ),
        (r"sip/sip:cluster/@192.0.2.2", "node2", "192.0.2.2"),
        (r"sip/sip:cluster/@[fe80::2%eth0]", "node2", "fe80::2"),
        (
            r"sip/sip:10.0.0.2;maddr=x@example.net",
            "node2",
            "example.net",
        ),
    ] {
        assert_eq!(host(text, node).as_deref(), Some(expected), "{text}");
    }
}

#[test]
fn nothing_is_derived_where_a_name_decides_the_most_significant_part() {
    for text in [
        r"sip/\0",
        r"iax/\0@10.0.0.1",
        "",
        r"\0",
        "sip/sip:",
        "sip/sip:cluster/@",
        "sip/sip:cluster/@10.0.0",
        "sip/sip:cluster/@0x7f.1",
        "sip/sip:cluster/@[node2.example.net]",
        "sip/sip:cluster/@[2001:db8::1",
    ] {
        assert_eq!(error(text), Some(HostError::NoHost), "{text}");
    }
    for text in [
        r"sip/sip:\1@\2",
        r"sip/sip:cluster/@\1.1",
        r"sip/sip:cluster/@\0",
        r"sip/sip:cluster/@node\1",
        // One that anybody may register, by another label or as a whole.
        r"sip/sip:cluster/@\0.net",
        r"sip/sip:cluster/@\0example.net",
        r"sip/sip:cluster/@node\1-example.net",
        r"sip/sip:cluster/@\0.co.uk",
        r"sip/sip:cluster/@\0.dyndns.org",
        // One that a neighbour on the network may take.
        r"sip/sip:cluster/@\0.local",
        r"sip/sip:cluster/@\0.lan",
        r"sip/sip:cluster/@example.net.\0",
        r"sip/sip:cluster/@\1.0.0.1",
        r"sip/sip:cluster/@10.\1.0.1",
        r"sip/sip:cluster/@10.0.\1.1",
        r"sip/sip:cluster/@10.0.\1",
        r"sip/sip:cluster/@10.0.1\1.1",
        r"sip/sip:cluster/@\1.2.3.4",
        r"sip/sip:cluster/@\1.example.0x7f",
        r"sip/sip:cluster/@[\1]",
        r"sip/sip:cluster/@[2001:db8:\1::1]",
        r"sip/sip:cluster/@[\1::1]",
        r"sip/sip:cluster/@[\0.example.net]",
    ] {
        assert_eq!(error(text), Some(HostError::Loose), "{text}");
    }
    for text in [
        r"sip/sip:cluster/@${domain}",
        r"sip/sip:cluster/@\0${domain}.example.net",
        r"sip/sip:cluster/@10.0.0.${called}",
        "sip/sip:${called}",
    ] {
        assert_eq!(error(text), Some(HostError::Parameter), "{text}");
    }
}

#[test]
fn a_name_leads_out_of_the_network_or_the_domain_never() {
    for (text, node) in [
        (r"sip/sip:cluster/@127.0.0.\1", "2.evil.net"),
        (r"sip/sip:cluster/@127.0.0.\1", "256"),
        (r"sip/sip:cluster/@127.0.0.\1", "02"),
        (r"sip/sip:cluster/@127.0.0.\1", ""),
        (r"sip/sip:cluster/@127.0.0.\1", "1@10.9.9.9"),
        (r"sip/sip:cluster/@127.0.0.1\1", ".evil.net"),
        (r"sip/sip:cluster/@\0.example.net", ""),
        (r"sip/sip:cluster/@\0.example.net", "a..b"),
        (r"sip/sip:cluster/@\0.example.net", "evil.net:5060"),
        (r"sip/sip:cluster/@\0.example.net", "x@evil.net;y="),
        (r"sip/sip:cluster/@\0.example.net", "evil.net%00"),
        (r"sip/sip:cluster/@\0.example.net", "evil.net/"),
        (r"sip/sip:cluster/@[2001:db8::\1]", "1:2:3:4:5"),
        (r"sip/sip:cluster/@[2001:db8::\1]", "1]@[::5"),
        (r"sip/sip:cluster/@[2001:db8::\1]", "1%eth0"),
    ] {
        assert_eq!(host(text, node), None, "{text} {node}");
    }
    let long = "n".repeat(64);
    assert_eq!(host(r"sip/sip:cluster/@\0.example.net", &long), None);
}

#[test]
fn all_of_the_host_of_a_section_is_the_operators_own_text() {
    let known = |text: &str, node: &str| {
        let groups = Groups::new(&[Some(0..node.len())]);
        HostTemplate::of_known(&template(text), node.as_bytes(), &groups)
            .as_ref()
            .map(shown)
            .map_err(|error| *error)
    };
    for (text, node, expected) in [
        (r"sip/sip:cluster/@\0", "node2", Ok("node2")),
        (r"sip/sip:cluster/@\0", "10.9.9.9", Ok("10.9.9.9")),
        (
            r"sip/\0",
            "sip:cluster/@node2.example.net",
            Ok("node2.example.net"),
        ),
        (r"sip/sip:cluster/@\0", "x@evil.net", Err(HostError::NoHost)),
        (
            r"sip/sip:cluster/@${domain}",
            "node2",
            Err(HostError::Parameter),
        ),
    ] {
        assert_eq!(
            known(text, node),
            expected.map(String::from),
            "{text} {node}"
        );
    }
}

/// Pieces of templates and of names, those of attackers among them.
fn pieces() -> impl Strategy<Value = String> {
    let piece = prop::sample::select(vec![
        "1",
        "2",
        "10",
        "0",
        "256",
        ".",
        ".",
        ":",
        "::",
        "[",
        "]",
        "@",
        "%",
        ";",
        "/",
        "x",
        "node",
        "evil",
        "net",
        "example",
        "example.net",
        "127.0.0.",
        "2001:db8::",
        "com",
        "co.uk",
        "-",
        "_",
        "0x7f",
        "ff",
        "${p}",
    ]);
    prop::collection::vec(piece, 0..6).prop_map(|pieces| pieces.concat())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(50_000))]

    /// The oracle is what may be said of a template without looking into it: two names never lead to two
    /// networks or to two domains.
    #[test]
    fn all_names_lead_into_one_network_or_one_domain(
        before in pieces(),
        between in pieces(),
        after in pieces(),
        names in prop::collection::vec(pieces(), 2..6),
    ) {
        let text = format!(r"sip/sip:{before}\1{between}\0{after}");
        let Ok(template) = Template::parse(text.as_bytes()) else { return Ok(()) };
        let Ok(of) = HostTemplate::of(&template) else { return Ok(()) };
        let whole = Pattern::new(br"^\(.*\)$", GroupUse::Inner).unwrap();
        let matched = |name: &String| whole.matches(name.as_bytes()).unwrap_or_default();
        let hosts = names.iter().filter_map(|name| of.host(name.as_bytes(), &matched(name)));
        let places: Vec<_> = hosts
            .map(|host| match host {
                Host::Address(IpAddr::V4(v4)) => (v4.octets()[..3].to_vec(), String::new()),
                Host::Address(IpAddr::V6(v6)) => (v6.octets()[..8].to_vec(), String::new()),
                Host::Name(name) => {
                    let registered = psl::domain_str(&name).unwrap_or("none").to_owned();
                    (Vec::new(), registered)
                }
            })
            .collect();
        prop_assert!(places.windows(2).all(|two| two[0] == two[1]), "{} {:?}", text, places);
    }

    #[test]
    fn arbitrary_bytes_do_no_harm(
        template in prop::collection::vec(any::<u8>(), 0..48),
        node in prop::collection::vec(any::<u8>(), 0..24),
    ) {
        let template = [b"sip/sip:", &template[..]].concat();
        let Ok(template) = Template::parse(&template) else { return Ok(()) };
        let groups = Groups::new(&[Some(0..node.len()), Some(0..node.len() / 2)]);
        let _ = HostTemplate::of_known(&template, &node, &groups);
        if let Ok(of) = HostTemplate::of(&template) {
            let _ = of.host(&node, &groups);
        }
    }
}
