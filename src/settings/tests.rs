// SPDX-License-Identifier: GPL-2.0-or-later

use super::*;
use proptest::prelude::*;

fn parse(text: &str) -> Result<Settings, Vec<String>> {
    let mut section = "";
    let mut entries = Vec::new();
    for line in text.lines() {
        if let Some(name) = line.strip_prefix('[') {
            section = name.trim_end_matches(']');
        } else if let Some((key, value)) = line.split_once('=') {
            let (section, key, value) = (section.as_bytes(), key.as_bytes(), value.as_bytes());
            entries.push(Entry {
                section,
                key,
                value,
            });
        }
    }
    Settings::parse(b"node1", "clustering.conf", &entries)
        .map_err(|errors| errors.iter().map(ToString::to_string).collect())
}

fn error(text: &str) -> String {
    parse(text).unwrap_err().remove(0)
}

#[test]
fn without_pattern_or_template_the_module_is_disabled() {
    for text in [
        "",
        "[general]\nregexp=^n",
        "[general]\ncallto=sip/x",
        "[general]\nregexp=\ncallto=x",
    ] {
        assert!(!parse(text).unwrap().enabled, "{text}");
    }
    assert!(parse("[general]\nregexp=^n\ncallto=sip/x").unwrap().enabled);
    assert!(parse("[general]\nenabled=yes").unwrap().enabled);
    assert!(
        !parse("[general]\nregexp=^n\ncallto=sip/x\nenabled=off")
            .unwrap()
            .enabled
    );
}

#[test]
fn a_node_without_a_name_is_disabled() {
    let entry = Entry {
        section: b"general",
        key: b"enabled",
        value: b"yes",
    };
    assert!(!Settings::parse(b"", "", &[entry]).unwrap().enabled);
}

#[test]
fn defaults_are_the_documented_ones() {
    let settings = parse("[general]\nregexp=^n\ncallto=sip/x").unwrap();
    assert_eq!(settings.prefix.as_bytes(), b"cluster/");
    assert_eq!(&*settings.location_prefix, b"cluster/node1/");
    assert_eq!(&*settings.locate, b"cluster.locate");
    assert_eq!(&*settings.connection, b"");
    assert!(settings.trust.is_unset());
    assert_eq!(
        Kind::ALL.map(|kind| settings.priority(kind)),
        [49, 50, 49, 25, 200, 1, 1, 25, 49, 50, 80, 80, 1000]
    );
    let idle = [Kind::Locate, Kind::Startup];
    for kind in Kind::ALL {
        assert_eq!(settings.decides(kind), !idle.contains(&kind), "{kind:?}");
    }
}

#[test]
fn a_kind_of_messages_is_decided_unless_the_settings_say_otherwise() {
    const USUAL: &str = "regexp=^n\ncallto=sip/x\n";
    let decides = |text: &str, kind| {
        let settings = parse(&format!("[general]\n{USUAL}{text}")).unwrap();
        settings.decides(kind)
    };
    assert!(!decides("enabled=no", Kind::Route));
    assert!(!decides("user.register=no", Kind::Unregister));
    assert!(!decides("call.cdr=no", Kind::Cdr));
    assert!(!decides("[priorities]\ncall.route=0", Kind::Route));
    assert!(decides("[priorities]\ncall.route=0", Kind::Execute));
    assert!(decides("[node n]\nweight=1", Kind::Locate));
    assert!(decides("[priorities]\ncall.execute=79", Kind::LateExecute));
    assert!(!decides("[priorities]\ncall.execute=80", Kind::LateExecute));
    assert!(!decides("[priorities]\ncall.execute=0", Kind::LateExecute));
    assert!(decides("[priorities]\ncall.execute=80", Kind::LateMessage));
}

/// Each key with a value that isn't its default.
const OTHERS: &[(&str, &str, &str)] = &[
    ("general", "enabled", "no"),
    ("general", "prefix", "farm"),
    ("general", "regexp", "^n"),
    ("general", "callto", "iax/x"),
    ("general", "locate", "lab.locate"),
    ("general", "connection", "lan"),
    ("general", "transport", "tcp"),
    ("general", "registrations", "7"),
    ("general", "hops", "2"),
    ("general", "user.register", "no"),
    ("general", "call.cdr", "no"),
    ("general", "cdr.nodes", "yes"),
    ("general", "billid.node", "no"),
    ("general", "drain.register", "refuse"),
    ("priorities", "call.route", "77"),
    ("priorities", "call.preroute", "77"),
    ("priorities", "call.execute", "77"),
    ("priorities", "call.execute.late", "77"),
    ("priorities", "msg.execute", "77"),
    ("priorities", "msg.execute.late", "77"),
    ("priorities", "chan.disconnected", "77"),
    ("priorities", "user.register", "77"),
    ("priorities", "user.unregister", "77"),
    ("priorities", "call.cdr", "77"),
    ("priorities", "cluster.locate", "77"),
    ("security", "trusted", "192.0.2.1"),
    ("security", "window", "7"),
    ("node annex", "callto", "iax/a"),
    ("node annex", "transport", "tls"),
    ("node annex", "weight", "7"),
    ("node annex", "capacity", "7"),
    ("node annex", "source", "192.0.2.2"),
    ("node annex", "probe", "sip:192.0.2.2"),
    ("node annex", "backup", "node2"),
    ("health", "interval", "7"),
    ("health", "timeout", "3"),
    ("health", "fall", "7"),
    ("health", "rise", "7"),
    ("health", "hold", "7"),
    ("health", "alive", "200"),
    ("health", "busy", "480"),
    ("locate", "account", "cluster"),
    ("locate", "lease", "100"),
    ("locate", "cache", "7"),
    ("locate", "timeout", "70"),
    ("locate", "retry", "7"),
    ("locate", "spread", "1.5"),
    ("locate", "claim", "SELECT f(${resource}, ${node})"),
    ("locate", "lookup", "SELECT f(${resource})"),
    ("cluster", "account", "cluster"),
    ("cluster", "poll", "7"),
];

/// The settings are replaced whole on a reload, so a key that makes a difference here takes effect then.
#[test]
fn each_key_makes_a_difference() {
    const USUAL: &str =
        "[general]\nregexp=^node[0-9]$\ncallto=sip/sip:x@\\0\n[node annex]\nweight=100";
    let made = |text: &str| format!("{:?}", parse(text).unwrap());
    let usual = made(USUAL);
    assert_eq!(made(USUAL), usual);
    // Secrets are in no debug output, and one of the keys needs a secret: tests/core/trust has them.
    let mut tried = vec![
        ("security", "secret".to_owned()),
        ("security", "secret.previous".to_owned()),
        ("security", "secret.required".to_owned()),
    ];
    for (section, key, value) in OTHERS {
        // Of two entries the first counts.
        let other = made(&format!("[{section}]\n{key}={value}\n{USUAL}"));
        assert_ne!(other, usual, "[{section}] {key}");
        let kind = section.replace("node annex", node::KIND);
        let kind = KINDS.into_iter().find(|known| *known == kind).unwrap();
        tried.push((kind, (*key).to_owned()));
    }
    let known = known().into_iter();
    let mut known: Vec<_> = known
        .flat_map(|(kind, keys)| keys.into_iter().map(move |key| (kind, key.to_owned())))
        .collect();
    tried.sort_unstable();
    known.sort_unstable();
    assert_eq!(tried, known);
}

#[test]
fn messages_can_be_left_alone_one_by_one() {
    let text = "[general]\nenabled=yes\nuser.register=no\ncall.cdr=f\n[priorities]\ncall.route=0";
    let settings = parse(text).unwrap();
    let decided = Kind::ALL.into_iter().filter(|kind| settings.decides(*kind));
    assert_eq!(
        decided.collect::<Vec<_>>(),
        [
            Kind::Execute,
            Kind::Hangup,
            Kind::Preroute,
            Kind::Message,
            Kind::LateExecute,
            Kind::LateMessage,
            Kind::Disconnected
        ]
    );
    assert_eq!(settings.priority(Kind::Route), 0);
}

#[test]
fn the_first_of_two_entries_counts() {
    let settings = parse("[general]\nprefix=a\nprefix=b").unwrap();
    assert_eq!(settings.prefix.as_bytes(), b"a/");
}

#[test]
fn errors_name_file_section_key_value_and_reason() {
    for (text, message) in [
        (
            "[general]\nregexp=^node(\\(",
            "[general] regexp=^node(\\(: Unmatched ( or \\(",
        ),
        (
            "[general]\ncallto=x${a",
            "[general] callto=x${a: '${' at byte 1 has no closing '}'",
        ),
        (
            "[general]\nenabled=1",
            "[general] enabled=1: not a boolean, use yes or no",
        ),
        (
            "[priorities]\ncall.cdr=-5",
            "[priorities] call.cdr=-5: not a number from 0 to 1000000",
        ),
        (
            "[security]\ntrusted=10.0.0.300",
            "[security] trusted=10.0.0.300: '10.0.0.300' is neither an IP address nor a network \
             like 10.0.0.0/8 or 2001:db8::/32, nor *",
        ),
        (
            "[security]\ntrust=*",
            "[security] trust=(hidden): unknown key, did you mean 'trusted'?",
        ),
        (
            "[security]\nsecret=hunter2",
            "[security] secret=(hidden): a secret has at least 16 bytes",
        ),
        (
            "[security]\nsecret.previous=correct horse battery",
            "[security] secret.previous=(hidden): has no effect without 'secret'",
        ),
        (
            "[security]\nsecret.required=no",
            "[security] secret.required=(hidden): has no effect without 'secret'",
        ),
        (
            "[security]\nsecret=correct horse battery\nsecret.required=maybe",
            "[security] secret.required=(hidden): not a boolean, use yes or no",
        ),
        (
            "[node error]\ncallto=sip/x",
            "[node error] callto=sip/x: the name is reserved: '-' or 'error' means that no node was found",
        ),
        (
            "[node -]\ncallto=sip/x",
            "[node -] callto=sip/x: the name is reserved: '-' or 'error' means that no node was found",
        ),
        (
            "[security]\nwindow=0",
            "[security] window=0: not a number from 1 to 3600",
        ),
        (
            "[nodes]\na=b",
            "[nodes] a=b: unknown section, did you mean [node NAME]?",
        ),
        (
            "[other]\na=b",
            "[other] a=b: unknown section, the known ones are general, priorities, security, health, \
             locate, cluster, node NAME",
        ),
        (
            "[General]\na=b",
            "[General] a=b: unknown section, did you mean [general]?",
        ),
        (
            "[priorities]\nuser.regsiter=1",
            "[priorities] user.regsiter=1: unknown key, did you mean 'user.register'?",
        ),
        (
            "[health]\nblah=1",
            "[health] blah=1: unknown key, the known ones are interval, timeout, fall, rise, hold, alive, busy",
        ),
        (
            "[general]\ntrusted=192.0.2.1",
            "[general] trusted=192.0.2.1: unknown key here, it is one of [security]",
        ),
        (
            "[general]\n# hops=1",
            "[general] # hops=1: unknown key; a comment begins with ';'",
        ),
    ] {
        assert_eq!(error(text), format!("clustering.conf: {message}"));
    }
}

#[test]
fn a_secret_in_the_wrong_section_is_not_shown_either() {
    for text in [
        "[general]\nsecret=correct horse battery",
        "[Security]\nsecret.previous=correct horse battery",
        "[node node2]\nSecret=correct horse battery",
    ] {
        let errors = parse(text).unwrap_err();
        assert!(
            errors
                .iter()
                .any(|error| error.contains("=(hidden): unknown ")),
            "{errors:?}"
        );
        assert!(
            errors.iter().all(|error| !error.contains("horse")),
            "{errors:?}"
        );
    }
}

#[test]
fn all_that_is_wrong_is_named_at_once() {
    let errors = parse("[general]\nenabled=1\nregexp=\\(\n[x]\ny=z").unwrap_err();
    assert_eq!(errors.len(), 3);
}

proptest! {
    #[test]
    fn arbitrary_settings_do_no_harm(
        section in prop_oneof![Just("general"), Just("priorities"), Just("security"), Just("health"), Just("locate"), Just("node x")],
        key in prop::sample::select(known().map(|(_, keys)| keys).concat()),
        // No braces: see the pattern's tests.
        value in prop::collection::vec(any::<u8>().prop_filter("brace", |b| *b != b'{'), 0..32),
    ) {
        let entry = Entry { section: section.as_bytes(), key: key.as_bytes(), value: &value };
        let _ = Settings::parse(b"node1", "clustering.conf", &[entry]);
    }
}
