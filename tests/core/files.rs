// SPDX-License-Identifier: GPL-2.0-or-later

//! Files of settings as texts: each mistake has its line, damaged files are refused, and what will hurt is said.

use std::io;

use clustering::cluster::Cluster;
use clustering::event::Level;
use clustering::file::{Document, Entries, Surroundings};
use clustering::messages::Kind;
use clustering::operator::check::{check, report};
use clustering::operator::command;
use clustering::settings::{Settings, UNNAMED};
use clustering::task::Task;

use crate::node::decide;

/// A file that includes no other.
struct One<'t>(&'t str);

impl Surroundings for One<'_> {
    fn read(&self, path: &[u8]) -> io::Result<Vec<u8>> {
        match path {
            b"c.conf" => Ok(self.0.into()),
            _ => Err(io::ErrorKind::NotFound.into()),
        }
    }

    fn list(&self, _: &[u8]) -> Option<Vec<Vec<u8>>> {
        None
    }

    fn parameter(&self, _: &[u8]) -> Option<Vec<u8>> {
        None
    }

    fn is_loaded(&self, _: &[u8]) -> Option<bool> {
        None
    }
}

fn read(text: &str) -> (Entries, Document) {
    Document::read(b"c.conf", &One(text)).unwrap()
}

/// What the program says of a file, for a node of this name.
fn said(node: &[u8], text: &str) -> String {
    let (entries, document) = read(text);
    report(
        &Settings::check(node, "c.conf", &entries.list(), &document),
        "c.conf",
    )
}

/// A good cluster.
const GOOD: &str = "[general]\nregexp=^node[0-9]\\+$\ncallto=sip/sip:cluster/@\\0.example.net\n\
                    [security]\ntrusted=192.0.2.0/24\n";

fn load(cluster: &Cluster, text: &str) -> Result<(), String> {
    let (entries, document) = read(text);
    let loaded = cluster.load_file("c.conf", &entries.list(), &document);
    loaded.map_err(|errors| {
        errors
            .iter()
            .map(ToString::to_string)
            .collect::<Vec<_>>()
            .join("\n")
    })
}

fn logged(cluster: &Cluster) -> Vec<String> {
    let tasks = std::iter::from_fn(|| cluster.next_task());
    let lines = tasks.map(|task| match task {
        Task::Log { level, line } => {
            assert_eq!(level, Level::Warn, "{line}");
            line
        }
        other => panic!("{other:?}"),
    });
    lines.collect()
}

fn good() -> Cluster {
    let cluster = Cluster::new(b"node1", 7);
    load(&cluster, GOOD).unwrap();
    assert_eq!(logged(&cluster), [""; 0]);
    cluster
}

#[test]
fn mistakes_are_named_with_their_lines_in_the_order_of_the_file() {
    let text = "[general]\n\nhosp=3\nregexp=\\(\n[sceurity]\n; trusted=\ntrusted=192.0.2.1\n[node node2\n[health]\nfall=0\n";
    assert_eq!(
        said(b"node1", text),
        "c.conf:3: [general] hosp=3: unknown key, did you mean 'hops'?\n\
         c.conf:4: [general] regexp=\\(: Unmatched ( or \\(\n\
         c.conf:7: [sceurity] trusted=192.0.2.1: unknown section, did you mean [security]?\n\
         c.conf:8: the section's name has no ']' behind it, so the engine would ignore the line\n\
         c.conf:10: [health] fall=0: not a number from 1 to 100\n\
         The file would be refused\n"
    );
}

#[test]
fn damaged_files_are_refused_by_a_node_and_by_a_check() {
    let cluster = good();
    for (text, line) in [
        (format!("{GOOD}[node node2\nweight=7\n"), 6),
        (GOOD.replacen("[general]\n", "", 1), 1),
        (format!("{GOOD}<<<<<<< ours\n"), 6),
        (format!("{GOOD}=======\n"), 6),
        (format!("{GOOD}x\0\0\0\0"), 6),
        (format!("{GOOD}\u{feff}{GOOD}"), 6),
        (GOOD.replace("^node", "{{ node }}"), 2),
        (
            GOOD.replace("[security]", "[security]\nsecret=${CLUSTER_SECRET}"),
            5,
        ),
        (format!("{GOOD}[{{{{ node }}}}]\nweight=1\n"), 7),
    ] {
        let errors = load(&cluster, &text).unwrap_err();
        assert!(
            errors.starts_with(&format!("c.conf:{line}: ")),
            "{text:?}: {errors}"
        );
        assert!(!errors.contains("CLUSTER_SECRET"), "{errors}");
        let (entries, document) = read(&text);
        let checked = check(&cluster, "c.conf", &entries.list(), &document);
        assert!(checked.starts_with(&errors), "{checked}");
        assert_eq!(cluster.generation(), 1);
    }
    // A mistake is named once.
    let errors = load(&cluster, &format!("{GOOD}<<<<<<< ours\nhops=8\n")).unwrap_err();
    assert_eq!(
        errors,
        "c.conf:6: a conflict of two versions was left here by a merge\n\
                        c.conf:7: [security] hops=(hidden): unknown key here, it is one of [general]"
    );
}

#[test]
fn a_file_that_switches_clustering_off_without_saying_so_is_refused_where_it_is_on() {
    let cluster = good();
    let cut = "[general]\nregexp=^node[0-9]\\+$\n";
    for text in ["", "; all is gone\n", "[general]\n", cut] {
        let errors = load(&cluster, text).unwrap_err();
        assert!(errors.contains("set enabled=no"), "{text:?}: {errors}");
        let (entries, document) = read(text);
        let checked = check(&cluster, "c.conf", &entries.list(), &document);
        assert!(checked.contains("The file would be refused\n"), "{checked}");
        assert_eq!(
            decide(&cluster, Kind::Register, &[("data", "x")]).value("data"),
            Some("cluster/node1/x")
        );
    }
    load(&cluster, "[general]\nenabled=no\n").unwrap();
    // Where it is off, a file that says nothing changes nothing.
    load(&cluster, "").unwrap();
    assert!(said(UNNAMED, "").starts_with("The module would be disabled"));
}

#[test]
#[expect(clippy::too_many_lines, reason = "it's a table")]
fn what_will_hurt_is_said_at_load_and_by_a_check() {
    let node = |name: &str, callto: &str| format!("[node {name}]\ncallto={callto}\n");
    let to = |host: &str| format!("sip/sip:cluster/@{host}");
    let nodes = |list: &[(&str, &str)]| {
        let nodes = list.iter().map(|(name, host)| node(name, &to(host)));
        GOOD.to_owned() + &nodes.collect::<String>()
    };
    for (text, warnings) in [
        (
            nodes(&[
                ("node1", "192.0.2.1"),
                ("node2", "192.0.2.2"),
                ("node3", "192.0.2.2:5060"),
            ]),
            "c.conf:11: warning: 'callto' of node 'node3' leads to the address of node 'node2'",
        ),
        (
            nodes(&[("node1", "192.0.2.1"), ("node2", "192.0.2.1;transport=tcp")]),
            "c.conf:9: warning: 'callto' of node 'node2' leads back to this node, so calls to it will fail",
        ),
        (
            nodes(&[("node2", "node1.example.net")]),
            "c.conf: warning: this node has no section [node node1]: no resource is placed here\n\
             c.conf:7: warning: 'callto' of node 'node2' leads back to this node, so calls to it will fail",
        ),
        (
            nodes(&[("node1", "192.0.2.1"), ("node2", "192.0.2.2")]).replace("^node", "^nod$"),
            "c.conf:2: warning: 'regexp' matches no node that has a section",
        ),
        (
            GOOD.replace("^node", "^gate"),
            "c.conf:2: warning: this node is named 'node1', which has no section [node node1] and does not match \
             'regexp': nodes with this file can't call users who register here",
        ),
        (
            GOOD.replace("\\+", "+"),
            "c.conf:2: warning: this node is named 'node1', which has no section [node node1] and does not match \
             'regexp': nodes with this file can't call users who register here; in 'regexp' a backslash gives \
             + ? ( ) and the bar their special meaning",
        ),
        (
            GOOD.replace("sip/sip:", "sip:"),
            "c.conf:3: warning: 'callto' of [general] is no target such as sip/sip:cluster/@HOST, so calls will fail",
        ),
        (
            GOOD.replace("example.net", "${DOMAIN}"),
            "c.conf:3: warning: 'callto' asks for the parameter 'DOMAIN', which no call has",
        ),
        (
            GOOD.replace("trusted=", ";trusted=")
                .replace(".example.net", ""),
            "c.conf: warning: no node is trusted, so calls from other nodes are refused: set 'trusted' or 'secret' \
             in [security]\n\
             c.conf:3: warning: no node without a section is trusted: 'callto' leaves more of the host to the node's \
             name than a label of the operator's own domain, or the end of an address",
        ),
        (
            GOOD.replace("trusted=", ";trusted=")
                + "[node node1]\n[node node2]\ncallto=iax/192.0.2.2\n",
            "c.conf: warning: node 'node2' is not trusted: its 'callto' is not 'sip/sip:' with a host\n\
             c.conf:8: warning: node 'node2' is not probed and counts as up: [node node2] needs a 'probe'",
        ),
        (
            format!("{GOOD}secret=0123456789abcdef\nsecret.required=no\n"),
            "c.conf: warning: calls of trusted senders are accepted without a valid signature: [security] \
             secret.required",
        ),
        (
            format!("{GOOD}trusted=192.0.2.9\n"),
            "c.conf:6: warning: 'trusted' is set a second time here; the first one counts",
        ),
        (
            format!("{GOOD}[general]\nconnection=lan ; ours\n"),
            "c.conf:7: warning: what follows the ';' is part of the value of 'connection': a comment needs a line \
             of its own",
        ),
        (
            format!("{GOOD}[node node1]\nweight=0"),
            "c.conf: warning: the weight of all nodes is 0: no resource can be placed\n\
             c.conf:7: warning: the last line has no end, so the file may have been cut",
        ),
        (
            format!("{GOOD}[node node1]\n[node node2]\ncallto=iax/192.0.2.2\n"),
            "c.conf:8: warning: node 'node2' is not probed and counts as up: [node node2] needs a 'probe'",
        ),
        (
            format!("{GOOD}[node node1]\n[node node2]\ncallto=sip/sip:x@${{called}}\n"),
            "c.conf:8: warning: node 'node2' is not probed and counts as up: [node node2] needs a 'probe'",
        ),
    ] {
        assert_eq!(
            said(b"node1", &text),
            format!("{warnings}\nc.conf is good\n"),
            "{text}"
        );
        let cluster = Cluster::new(b"node1", 7);
        load(&cluster, &text).unwrap();
        let lines = warnings
            .lines()
            .filter(|line| !line.contains("is not probed"));
        assert_eq!(logged(&cluster), lines.collect::<Vec<_>>());
    }
    // Without a name there is nothing to say about it.
    assert_eq!(
        said(UNNAMED, &GOOD.replace("^node", "^gate")),
        "c.conf is good\n"
    );
}

#[test]
fn where_says_what_leads_astray() {
    let text = format!(
        "{GOOD}[node node2]\ncallto=sip/sip:cluster/@node1.example.net\n[node node3]\n[node node4]\n\
         callto=sip/sip:cluster/@node3.example.net\n"
    );
    let cluster = Cluster::new(b"node1", 7);
    load(&cluster, &text).unwrap();
    let explain = |cluster: &Cluster, target: &str| {
        command::run(cluster, format!("where {target}").as_bytes()).unwrap()
    };
    for (target, warning) in [
        (
            "cluster/node2/x",
            "Warning: 'callto' of node 'node2' leads back to this node",
        ),
        (
            "cluster/node4/x",
            "Warning: 'callto' of node 'node4' leads to the address of node 'node3'",
        ),
        ("sip/x", "Warning: this node has no section [node node1]"),
    ] {
        let said = explain(&cluster, target);
        assert!(said.contains(warning), "{target}: {said}");
    }
    assert!(!explain(&cluster, "cluster/node3/x").contains("Warning"));
    let stranger = Cluster::new(b"f3a9c1", 7);
    load(&stranger, GOOD).unwrap();
    assert!(explain(&stranger, "sip/x").contains("Warning: this node is named 'f3a9c1'"));
    assert!(!explain(&good(), "sip/x").contains("Warning"));
}

#[test]
fn check_is_answered_in_words_where_the_host_has_not_handed_over_the_file() {
    let answer = command::run(&good(), b"check").unwrap();
    assert_eq!(answer, "The file is not here: it is for clustering_check\n");
}
