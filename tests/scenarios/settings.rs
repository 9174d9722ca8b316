// SPDX-License-Identifier: GPL-2.0-or-later
//! Settings that change under way, files that are refused, and the status.

use std::fs;
use std::time::Duration;

use engine_bridge::{Message, has_filters, module_path};

use crate::lab::{GENERAL, Lab, MODULE, text};

#[test]
fn default_priorities_are_those_of_the_documentation() {
    let lab = Lab::with(&format!("{GENERAL}[node annex]\n"));
    for (name, priority) in [
        ("call.route", 49),
        ("call.preroute", 25),
        ("call.execute", 50),
        ("msg.execute", 50),
        ("user.register", 49),
        ("user.unregister", 49),
        ("call.cdr", 25),
        ("cluster.locate", 200),
    ] {
        lab.assert_handler(name, &format!("clustering:{priority}"));
    }
}

#[test]
fn nothing_is_logged_about_usual_messages_at_the_default_level() {
    let lab = Lab::with(&format!("{GENERAL}[security]\ntrusted=192.0.2.0/24\n"));
    let _lookup = lab.engine.handle("cluster.locate", 50, |call| {
        call.set_retval("node2");
        true
    });
    let said = || {
        let _ = lab.engine.take_log();
        for target in ["cluster/node1/x", "cluster/node2/x", "cluster/*/x", "sip/x"] {
            let _ = lab.target(target);
        }
        let _ = lab.register();
        for message in [
            Message::new("user.unregister").with("data", "sip/bob@lab"),
            Message::new("call.cdr"),
            Message::new("msg.execute").with("callto", "cluster/node2/sip/bob@lab"),
            Message::new("call.route")
                .with("called", "cluster/")
                .with("ip_host", "192.0.2.2")
                .with("sip_x-callto", "x"),
        ] {
            let _ = lab.engine.dispatch(&message);
        }
        let log = lab.engine.take_log();
        let ours = log.into_iter().filter(|line| line.contains("<clustering:"));
        ours.collect::<Vec<_>>()
    };
    assert_eq!(said(), [""; 0]);
    let level = |level: &str| {
        let message = Message::new("engine.debug").with("module", MODULE);
        assert!(lab.engine.dispatch(&message.with("line", level)).handled);
    };
    level("level 9");
    let more = said();
    level("level 7");
    let forwards = more.iter().filter(|line| line.contains("on node 'node2'"));
    // Engines so old that they have no filters log calls before notes; the log is kept without them there.
    let expected = if has_filters() { 3 } else { 0 };
    assert_eq!(forwards.count(), expected, "{more:?}");
    assert!(
        more.iter().any(|line| line.contains("came to this node")),
        "{more:?}"
    );
}

#[test]
fn a_file_that_is_refused_at_the_start_leaves_the_module_disabled_and_that_is_logged() {
    let lab = Lab::with(GENERAL);
    assert!(lab.engine.unload(MODULE));
    lab.engine.configure(MODULE, format!("{GENERAL}hops=0\n"));
    let _ = lab.engine.take_log();
    assert!(lab.engine.load(&module_path(), MODULE));
    let log = lab.engine.take_log().join("\n");
    assert!(log.contains("[general] hops=0: not a number"), "{log}");
    assert!(
        log.contains("clustering.conf' was refused, clustering stays disabled"),
        "{log}"
    );
    assert_eq!(lab.target("cluster/node1/x"), "cluster/node1/x");
    assert_eq!(lab.register(), "sip/bob@lab");
    lab.reload(GENERAL);
    assert_eq!(lab.target("cluster/node1/x"), "x");
}

#[test]
fn a_missing_file_at_the_start_is_not_taken_for_one_without_settings() {
    let lab = Lab::with(GENERAL);
    assert!(lab.engine.unload(MODULE));
    fs::remove_file(lab.engine.configuration(MODULE)).expect("it was written");
    let _ = lab.engine.take_log();
    assert!(lab.engine.load(&module_path(), MODULE));
    let log = lab.engine.take_log().join("\n");
    assert!(
        log.contains("Clustering is disabled: there is no '"),
        "{log}"
    );
    let log = lab.reload("[general]\nregexp=^node[0-9]$\n").join("\n");
    let line = "clustering.conf' has neither 'regexp' and 'callto' in [general] nor a section [node NAME], or";
    assert!(log.contains(line), "{log}");
}

#[test]
fn a_file_that_is_gone_leaves_the_settings_in_force() {
    let lab = Lab::with(GENERAL);
    fs::remove_file(lab.engine.configuration(MODULE)).expect("it was written");
    let _ = lab.engine.take_log();
    assert!(lab.engine.reload(Some(MODULE)));
    let log = lab.engine.take_log().join("\n");
    assert!(log.contains("Could not read"), "{log}");
    assert!(log.contains("the current settings stay in force"), "{log}");
    assert_eq!(lab.target("cluster/node2/x"), "sip/sip:4021@node2.lab");
}

#[test]
fn messages_that_are_none_of_the_clusters_meet_no_handler() {
    // An engine that has no filters hands its handlers each message.
    let of_none = |handler| if has_filters() { "" } else { handler };
    let lab = Lab::with(GENERAL);
    let call = Message::new("call.execute").with("callto", "sip/sip:bob@lab");
    assert_eq!(lab.handlers_of(&call), of_none("clustering:50"));
    let call = Message::new("call.route").with("called", "321");
    assert_eq!(lab.handlers_of(&call), of_none("clustering:49"));
    assert_eq!(
        lab.handlers_of(&call.with("sip_x-callto", "x")),
        "clustering:49"
    );
}

#[test]
fn a_node_whose_section_has_no_entries_is_known() {
    let lab = Lab::with(&format!("{GENERAL}[node annex]\n"));
    assert_eq!(lab.target("cluster/annex/x"), "sip/sip:4021@annex.lab");
    assert_eq!(lab.target("cluster/attic/x"), "cluster/attic/x");
}

#[test]
fn the_stock_modules_settings_take_effect_on_reload() {
    let lab = Lab::with(GENERAL);
    assert_eq!(lab.target("cluster/node2/x"), "sip/sip:4021@node2.lab");

    lab.reload("[general]\nprefix=farm\nregexp=^host$\ncallto=iax/\\0\n");
    assert_eq!(lab.target("cluster/node2/x"), "cluster/node2/x");
    assert_eq!(lab.target("farm/node2/x"), "farm/node2/x");
    assert_eq!(lab.target("farm/host/x"), "iax/host");
    assert_eq!(lab.register(), "farm/node1/sip/bob@lab");

    let _lookup = lab.engine.handle("lab.locate", 50, |call| {
        call.set_retval("node9");
        true
    });
    assert_eq!(lab.target("farm/*/x"), "farm/*/x");
    lab.reload(&format!("{GENERAL}locate=lab.locate\n"));
    assert_eq!(lab.target("cluster/*/x"), "sip/sip:4021@node9.lab");

    lab.reload(&format!("{GENERAL}user.register=no\ncall.cdr=no\n"));
    assert_eq!(lab.register(), "sip/bob@lab");
    let record = Message::new("call.cdr");
    assert_eq!(lab.engine.dispatch(&record).get("nodename"), None);
    lab.reload(GENERAL);
    assert_eq!(lab.register(), "cluster/node1/sip/bob@lab");
    assert_eq!(
        lab.engine.dispatch(&record).get("nodename"),
        Some(&b"node1"[..])
    );
}

#[test]
fn enabled_takes_effect_on_reload() {
    let lab = Lab::with(GENERAL);
    lab.reload(&format!("{GENERAL}enabled=no\n"));
    assert_eq!(lab.target("cluster/node1/x"), "cluster/node1/x");
    assert_eq!(lab.register(), "sip/bob@lab");
    lab.assert_passes("call.execute");
    lab.assert_passes("user.register");
    lab.reload(GENERAL);
    assert_eq!(lab.target("cluster/node1/x"), "x");
    lab.assert_handler("call.execute", "clustering:50");
}

#[test]
fn priorities_take_effect_when_the_module_is_loaded_again_and_that_is_logged() {
    let lab = Lab::with(GENERAL);
    let priorities = "call.route=31\nuser.register=32\ncall.execute=33\ncall.cdr=34\n";
    let log = lab.reload(&format!("{GENERAL}[priorities]\n{priorities}"));
    let line = "[priorities] call.route=31 takes effect when the module is loaded again; until then it is 49";
    assert!(log.iter().any(|said| said.contains(line)), "{log:#?}");
    let said = log.iter().filter(|said| said.contains("takes effect when"));
    assert_eq!(said.count(), 4, "{log:#?}");
    lab.assert_handler("call.route", "clustering:49");
    assert_eq!(lab.target("cluster/node1/x"), "x");

    assert!(lab.engine.unload(MODULE));
    assert!(lab.engine.load(&module_path(), MODULE));
    lab.assert_handler("call.route", "clustering:31");
    lab.assert_handler("user.register", "clustering:32");
    lab.assert_handler("call.execute", "clustering:33");
    lab.assert_handler("call.cdr", "clustering:34");

    // The other tests share the module.
    lab.reload(GENERAL);
    assert!(lab.engine.unload(MODULE));
    assert!(lab.engine.load(&module_path(), MODULE));
    lab.assert_handler("call.route", "clustering:49");
}

#[test]
fn a_message_of_any_age_meets_the_handlers() {
    let lab = Lab::with(GENERAL);
    let old = Message {
        age: Duration::from_secs(3600),
        ..Message::new("call.cdr")
    };
    assert_eq!(lab.handlers_of(&old), "clustering:25");
}

#[test]
fn refused_file_keeps_the_settings_and_the_reason_is_logged_once() {
    let lab = Lab::with(GENERAL);
    let general = |key: &str, value: &str| format!("{GENERAL}{key}={value}\n");
    let refused = [
        (
            "general",
            "regexp",
            "\\(",
            "[general]\nregexp=\\(\ncallto=sip/\\0\n".to_owned(),
        ),
        (
            "general",
            "callto",
            "${x",
            "[general]\nregexp=^n\ncallto=${x\n".to_owned(),
        ),
        ("general", "regxep", "^n", general("regxep", "^n")),
        ("general", "enabled", "maybe", general("enabled", "maybe")),
        (
            "priorities",
            "call.execute",
            "-1",
            format!("{GENERAL}[priorities]\ncall.execute=-1\n"),
        ),
        (
            "security",
            "trusted",
            "10.0.0.0/99",
            format!("{GENERAL}[security]\ntrusted=10.0.0.0/99\n"),
        ),
        (
            "sceurity",
            "trusted",
            "*",
            format!("{GENERAL}[sceurity]\ntrusted=*\n"),
        ),
    ];
    for (section, key, value, config) in refused {
        let log = lab.reload(&config);
        let about: Vec<_> = log
            .iter()
            .filter(|line| line.contains("clustering.conf") && line.contains(key))
            .collect();
        assert_eq!(about.len(), 1, "{section}/{key}: {log:?}");
        for part in [section, key, value] {
            assert!(about[0].contains(part), "{part} is not in: {}", about[0]);
        }
        assert_eq!(
            lab.target("cluster/node2/x"),
            "sip/sip:4021@node2.lab",
            "{section}/{key}"
        );
        lab.assert_handler("call.execute", "clustering:50");
    }
}

#[test]
fn damaged_files_leave_the_settings_in_force_and_the_line_is_logged_and_checked() {
    let lab = Lab::with(GENERAL);
    for (config, said) in [
        (
            "",
            "clustering.conf: [general]: 'regexp' and 'callto' are not both set",
        ),
        (
            "; nothing is left\n",
            "clustering.conf: [general]: 'regexp' and 'callto' are not both set",
        ),
        (
            &format!("{GENERAL}[node node2\nweight=1\n"),
            "clustering.conf:4: the section's name has no ']'",
        ),
        (
            &format!("{GENERAL}[node node2]\nweight=1\0\0\0\0"),
            "clustering.conf:5: there is a NUL byte",
        ),
        (
            &format!("callto=x\n{GENERAL}"),
            "clustering.conf:1: no section is open here",
        ),
        (
            &format!("{GENERAL}>>>>>>> theirs\n"),
            "clustering.conf:4: a conflict of two versions",
        ),
        (
            &format!("{GENERAL}[security]\nsecret={{{{ cluster_secret }}}}\n"),
            "clustering.conf:5: [security] secret=(hidden): a placeholder",
        ),
    ] {
        let log = lab.reload(config).join("\n");
        assert!(log.contains(said), "{config:?}: {log}");
        assert!(
            log.contains("was refused, the current settings stay in force"),
            "{log}"
        );
        assert_eq!(lab.target("cluster/node2/x"), "sip/sip:4021@node2.lab");
        assert_eq!(lab.register(), "cluster/node1/sip/bob@lab");
        let checked = text(lab.engine.command("clustering check").as_deref());
        assert!(checked.contains(said), "{config:?}: {checked}");
        assert!(
            checked.contains("The file would be refused\r\n"),
            "{checked}"
        );
    }
    // Not damaged: the line ends of another system, and the mark of an editor.
    let log = lab
        .reload(&format!("\u{feff}{}", GENERAL.replace('\n', "\r\n")))
        .join("\n");
    assert!(!log.contains("CONF>"), "{log}");
    lab.reload("[general]\nenabled=no\n");
    assert_eq!(lab.register(), "sip/bob@lab");
}

#[test]
fn what_will_hurt_is_logged_at_load() {
    let lab = Lab::with(GENERAL);
    let twins = "[node node1]\n[node node2]\ncallto=sip/sip:x@192.0.2.2\n[node node3]\ncallto=sip/sip:x@192.0.2.2:5060\n";
    for (config, said) in [
        (format!("{GENERAL}{twins}"), "<clustering:WARN> "),
        (
            format!("{GENERAL}{twins}"),
            "clustering.conf:8: warning: 'callto' of node 'node3' leads to the address of node 'node2'",
        ),
        (
            GENERAL.replace("^node", "^gate"),
            "clustering.conf:2: warning: this node is named 'node1', which has no section",
        ),
    ] {
        let log = lab.reload(&config).join("\n");
        assert!(log.contains(said), "{config:?}: {log}");
    }
}

#[test]
fn status_follows_the_grammar_of_the_engine_and_counts() {
    let lab = Lab::with(GENERAL);
    let status = || text(Some(&lab.engine.status(MODULE)));
    let before = status();
    let line = before.strip_suffix("\r\n").expect("it ends its line");
    let parts: Vec<_> = line.split(';').collect();
    assert!(parts[0].starts_with("name=clustering,type=misc"), "{line}");
    assert!((2..=3).contains(&parts.len()), "{line}");
    for item in parts
        .iter()
        .flat_map(|part| part.split(','))
        .filter(|item| !item.is_empty())
    {
        let (name, _) = item
            .split_once('=')
            .unwrap_or_else(|| panic!("'{item}' in {line}"));
        assert!(!name.is_empty(), "{line}");
    }
    let _ = lab.execute("cluster/node2/x");
    assert_ne!(status(), before, "a forwarded call counts");
}
