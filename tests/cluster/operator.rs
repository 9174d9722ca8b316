// SPDX-License-Identifier: GPL-2.0-or-later

//! An operator's view at a node's console, and the commands there.

use std::io::Write;
use std::net::{Ipv4Addr, SocketAddrV4};
use std::path::Path;
use std::process::Command;

use tempfile::NamedTempFile;

use crate::configuration::MANAGER;
use crate::lab::Lab;
use crate::status::Status;

const COMMANDS: [&str; 13] = [
    "nodes", "where", "rooms", "drain", "undrain", "disable", "enable", "takeover", "release",
    "forget", "check", "metrics", "json",
];

#[test]
#[ignore = "needs a real engine: YATE_ROOT"]
fn the_status_is_in_the_grammar_of_all_modules() {
    let lab = Lab::of(3).probed().start();
    let (alice, bob) = lab.alice_and_bob();
    let node = lab.node("node1");
    lab.log("node1").wait_for("Node 'node2' is up");
    let calling = alice.call("bob");
    let bobs = bob.called().answer();
    let alices = calling.answered();
    // A reader of the engine's own modules reads this one.
    let channels = Status::read(&node.command("status sip"));
    assert_eq!(channels.get("chans"), "2");
    let address = lab.sip("node2").to_string();
    let legs = channels.ids();
    assert!(
        legs.iter()
            .any(|leg| channels.column(leg, "Address") == address),
        "{channels:?}"
    );
    let status = node.status();
    assert_eq!(
        (status.get("name"), status.get("type")),
        ("clustering", "misc")
    );
    assert_eq!((status.get("forwarded"), status.get("nodes")), ("1", "3"));
    assert_eq!(status.ids(), ["node1", "node2", "node3"]);
    for (column, value) in [
        ("State", "up"),
        ("Admin", "enabled"),
        ("Weight", "100"),
        ("Forwards", "1"),
        ("Failures", "0"),
        ("Reason", "answered 200"),
    ] {
        assert_eq!(status.column("node2", column), value, "{column}");
    }
    let latency: f64 = status.column("node2", "Latency").parse().expect("a number");
    assert!(latency > 0.0, "{status:?}");
    let since: u64 = status.column("node1", "Since").parse().expect("a number");
    assert!(since < 120, "the node was just started: {status:?}");

    let overview = Status::read(&node.command("status overview clustering"));
    assert_eq!((overview.get("forwarded"), overview.ids().len()), ("1", 0));
    alices.hang_up();
    bobs.ended();
}

#[test]
#[ignore = "needs a real engine: YATE_ROOT"]
fn the_table_of_nodes_shows_them_all_in_80_columns() {
    let lab = Lab::of(3).probed().start();
    let node = lab.node("node1");
    node.command("clustering disable node3");
    lab.log("node1").wait_for("Node 'node2' is up");
    let table = node.command("clustering nodes");
    let rows: Vec<_> = table.lines().collect();
    let words = |row: &str| row.split_whitespace().take(2).collect::<Vec<_>>().join(" ");
    let words: Vec<_> = rows.iter().map(|row| words(row)).collect();
    assert_eq!(
        words,
        ["NODE STATE", "node1 up", "node2 up", "node3 disabled"],
        "{table}"
    );
    assert!(rows.iter().all(|row| row.len() <= 80), "{table}");
}

#[test]
#[ignore = "needs a real engine: YATE_ROOT"]
fn the_tabulator_key_completes_the_command_and_the_names_of_nodes() {
    let lab = Lab::of(3).probed().start();
    let node = lab.node("node1");
    let nodes = ["node1", "node2", "node3"];
    for (line, words) in [
        ("clust", &["clustering"][..]),
        ("help clust", &["clustering"]),
        ("status clust", &["clustering"]),
        ("debug clust", &["clustering"]),
        ("clustering ", &COMMANDS),
        ("clustering d", &["drain", "disable"]),
        ("clustering m", &["metrics"]),
        ("clustering drain ", &nodes),
        ("clustering enable no", &nodes),
        ("clustering undrain node3", &["node3"]),
    ] {
        assert_eq!(node.complete(line), words, "{line}");
    }
}

#[test]
#[ignore = "needs a real engine: YATE_ROOT"]
fn help_names_each_command() {
    let lab = Lab::of(1).start();
    let node = lab.node("node1");
    let help = node.command("help clustering");
    assert_eq!(help.lines().count(), COMMANDS.len(), "{help}");
    let general = node.command("help");
    for command in COMMANDS {
        let line = format!("  clustering {command} ");
        assert!(help.lines().any(|text| text.starts_with(&line)), "{help}");
        assert!(
            general.lines().any(|text| text.starts_with(&line)),
            "{general}"
        );
    }
}

/// The text of `yate-clustering-metrics` about a node, or the reason why there is none.
fn metrics_program(address: Ipv4Addr, password: &str) -> Result<String, String> {
    let mut file = NamedTempFile::new().expect("there is room for a file");
    writeln!(file, "{password}").expect("there is room for a file");
    let program = Path::new(env!("CARGO_MANIFEST_DIR")).join("tools/yate-clustering-metrics");
    let mut program = Command::new(program);
    program.args([
        "--host",
        &address.to_string(),
        "--port",
        &MANAGER.to_string(),
    ]);
    if !password.is_empty() {
        program.arg("--password-file").arg(file.path());
    }
    let output = program.output().expect("the program can be run");
    let text = |bytes| String::from_utf8(bytes).expect("it is plain text");
    if output.status.success() {
        Ok(text(output.stdout))
    } else {
        Err(text(output.stderr))
    }
}

/// For all ways to set up a console.
#[test]
#[ignore = "needs a real engine: YATE_ROOT"]
fn metrics_are_brought_from_any_console() {
    let lab = Lab::of(1).start();
    let node = lab.node("node1");
    let usual = node.configuration("rmanager.conf");
    let shown = node.command("clustering metrics") + "\n";
    for (console, password, refusal) in [
        ("telnet=yes\nheader=Hello\ngoodbye=Bye\n", "", None),
        ("echoing=yes\nprompt=\"${nodename}> \"\n", "", None),
        ("output=yes\ndebug=yes\n", "", None),
        ("password=secret\n", "secret", None),
        ("password=secret\n", "", Some("not allowed")),
        ("password=secret\n", "sesame", Some("wrong password")),
        (
            "password=secret\nuser_prefix=clustering metrics\n",
            "",
            None,
        ),
        (
            "password=a\nuserpass=b\nuser_prefix=clustering metrics\n",
            "b",
            None,
        ),
        ("password=a\nuserpass=b\n", "b", Some("not allowed")),
    ] {
        // It takes no command to stop from somebody without a password.
        node.kill();
        let general = format!("[general]\n{console}");
        node.configure("rmanager.conf", &usual.replace("[general]\n", &general));
        node.start();
        let said = metrics_program(node.address, password);
        match refusal {
            None => assert_eq!(said.as_ref(), Ok(&shown), "{console}"),
            Some(refusal) => {
                let reason = said.expect_err(console);
                assert!(reason.contains(refusal), "{console}: {reason}");
            }
        }
    }
    // The lab stops its nodes by command.
    node.kill();
    node.configure("rmanager.conf", &usual);
    node.start();
}

#[test]
#[ignore = "needs a real engine: YATE_ROOT"]
fn metrics_count_what_happened() {
    let lab = Lab::of(2).probed().start();
    let (alice, bob) = lab.alice_and_bob();
    bob.picks_up();
    lab.log("node1").wait_for("Node 'node2' is up");
    alice.call("bob").answered().hang_up();
    lab.node("node1").command("clustering drain node2");
    let metrics = lab.node("node1").command("clustering metrics");
    for sample in [
        "yate_clustering_enabled 1",
        "yate_clustering_settings_loaded_total 1",
        "yate_clustering_forwarded_total 1",
        "yate_clustering_node_up{node=\"node2\"} 1",
        "yate_clustering_node_draining{node=\"node2\"} 1",
        "yate_clustering_node_forwards_total{node=\"node2\"} 1",
    ] {
        assert!(
            metrics.lines().any(|line| line == sample),
            "{sample}:\n{metrics}"
        );
    }
}

#[test]
#[ignore = "needs a real engine: YATE_ROOT"]
fn where_says_what_would_become_of_a_call_and_what_became_of_it() {
    let lab = Lab::of(2).probed().start();
    let (alice, bob) = lab.alice_and_bob();
    let node = lab.node("node1");
    let log = lab.log("node1");
    log.wait_for("Node 'node2' is up");
    node.watch(&["chan.startup"]);
    let command = format!("clustering where cluster/node2/{}", bob.target());
    let answer = node.command(&command);
    let way = format!(
        "A call goes to 'sip/sip:cluster/@{}' by callto of [general], with X-CallTo: {}",
        lab.sip("node2"),
        bob.target()
    );
    let lines: Vec<_> = answer.lines().collect();
    assert_eq!(lines, ["Node 'node2' is up: answered 200", &way]);
    // The call goes as it was explained.
    bob.picks_up();
    alice.call("bob").answered().hang_up();
    let address = lab.sip("node2").to_string();
    let leg = node.seen("the leg", |message| message.get("address") == address);
    assert_eq!(leg.get("callto"), format!("sip/sip:cluster/@{address}"));

    lab.node("node2").kill();
    log.wait_for("Node 'node2' is down");
    let answer = node.command(&command);
    let lines: Vec<_> = answer.lines().take(2).collect();
    let offline = "A call fails at once with error=offline";
    assert_eq!(
        lines,
        ["Node 'node2' is down: no answer to a probe", offline]
    );
    assert_eq!(alice.call("bob").refused().code, 404);
}

#[test]
#[ignore = "needs a real engine: YATE_ROOT"]
fn a_broken_file_is_checked_and_refused_while_the_settings_in_force_stay() {
    const FILE: &str = "clustering.conf";
    let lab = Lab::of(2).probed().start();
    let (alice, bob) = lab.alice_and_bob();
    bob.picks_up();
    let node = lab.node("node1");
    let good = node.configuration(FILE);
    let broken = good.replace("interval=1", "intreval=1");
    node.configure(FILE, &broken);
    let wrong = "[health] intreval=1: unknown key, did you mean 'interval'?";
    let answer = node.command("clustering check");
    let is_named = |line: &str| line.contains("clustering.conf:") && line.ends_with(wrong);
    assert!(answer.lines().any(is_named), "{answer}");
    assert!(answer.ends_with("The file would be refused"), "{answer}");
    assert_eq!(node.log().count("' was refused, "), 0, "nothing was loaded");

    let said = node.command("reload clustering");
    node.log().wait_for(wrong);
    let line = node.log().wait_for("' was refused, ");
    assert!(
        line.ends_with("clustering.conf' was refused, the current settings stay in force"),
        "{line}"
    );
    assert_eq!(node.status().get("reload"), "1");
    assert_eq!(node.status().get("file"), "refused");
    alice.call("bob").answered().hang_up();

    node.configure(FILE, &good);
    let answer = node.command("clustering check");
    let mut lines = answer.lines().rev();
    assert_eq!(
        lines.next(),
        Some("The last load was refused, so older settings are in force")
    );
    let line = lines.next().expect("there is another line");
    assert!(line.ends_with("clustering.conf is good"), "{answer}");
    // The engine has answered before anything was read, so it can't tell one from the other.
    assert_eq!(node.command("reload clustering"), said);
    assert_eq!(said, "Reinitializing...");
    assert_eq!(node.status().get("reload"), "2");
    assert_eq!(node.status().get("file"), "taken");
    let answer = node.command("clustering check");
    assert!(answer.ends_with("clustering.conf is good"), "{answer}");
    alice.call("bob").answered().hang_up();
}

#[test]
#[ignore = "needs a real engine: YATE_ROOT"]
fn the_log_names_the_console_that_a_node_was_drained_from() {
    let lab = Lab::of(2).probed().start();
    let node = lab.node("node1");
    node.command("clustering drain node2");
    let line = node.log().wait_for("Node 'node2' is draining, by command");
    let (_, from) = line
        .split_once(" from ")
        .expect("the console has an address");
    let (address, end) = from.split_once("; ").expect("the line goes on");
    let address: SocketAddrV4 = address.parse().expect("it is an address with a port");
    assert!(address.ip().is_loopback(), "{line}");
    assert_eq!(end, "it was enabled");
    node.kill();
    let log = node.log().since_now();
    node.start();
    log.wait_for("Node 'node2' is still draining, by an earlier command");
    assert_eq!(
        node.command("clustering"),
        node.command("clustering nodes"),
        "the table is the answer to the bare command"
    );
}

#[test]
#[ignore = "needs a real engine: YATE_ROOT"]
fn the_engine_can_show_the_handlers_and_their_filters() {
    let lab = Lab::of(2).start();
    let node = lab.node("node1");
    for message in ["call.execute", "user.register"] {
        let shown = node.command(&format!("dispatcher handlers name={message}"));
        assert!(shown.contains("clustering"), "{shown}");
    }
    assert_eq!(node.status().get("name"), "clustering");
}
