// SPDX-License-Identifier: GPL-2.0-or-later
//! The loaded module with nodes that have sections: probes by the engine's threads, the command, and
//! the state that outlives the engine.

use std::cell::RefCell;
use std::fs;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::mpsc::channel;
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::{Duration, SystemTime};

use engine_bridge::{Call, Handler, Message, module_path};
use engine_process::eventually;

use crate::lab::{GENERAL, Lab, MODULE, PATIENCE, execute, registration, text};

const NODES: &str = "[general]\ncallto=sip/sip:cluster/@\\0.lab\n\
    [node node1]\nweight=100\n[node node2]\nweight=100\n[node node3]\nweight=100\n\
    [health]\ninterval=1\ntimeout=1\nfall=2\nrise=1\nhold=0\n";

/// The place where the engine's modules keep their files.
const STATE: &str = "clustering_state";

/// The SIP channel's result for a request: an answer, or a timeout of its own.
fn answer(call: &mut Call, code: &str, answered: bool) -> bool {
    call.set("code", code);
    if answered {
        call.set("sip_server", "lab");
    }
    true
}

/// A SIP channel by which all nodes answer but those that are dead.
fn sip(lab: &Lab, dead: &'static str, is_dead: &Arc<AtomicBool>) -> Handler {
    let is_dead = Arc::clone(is_dead);
    lab.engine.handle("xsip.generate", 100, move |call| {
        assert_eq!(call.get("method").as_deref(), Some(&b"OPTIONS"[..]));
        let uri = text(call.get("uri").as_deref());
        if is_dead.load(Ordering::Relaxed) && uri == format!("sip:{dead}.lab") {
            answer(call, "408", false)
        } else {
            answer(call, "200", true)
        }
    })
}

fn with_nodes() -> Lab {
    let lab = Lab::with(NODES);
    for node in ["node1", "node2", "node3"] {
        lab.command(&format!("enable {node}"));
    }
    lab
}

impl Lab {
    fn command(&self, line: &str) -> String {
        let answer = self.engine.command(&format!("clustering {line}"));
        text(answer.as_deref())
    }

    /// The first two columns of a node's row.
    fn state(&self, node: &str) -> String {
        let table = self.command("nodes");
        let row = table.lines().find(|line| line.starts_with(node));
        let words: Vec<_> = row.unwrap_or_default().split_whitespace().take(2).collect();
        words.join(" ")
    }

    fn wait_for(&self, node: &str, state: &str) {
        let state = format!("{node} {state}");
        eventually(|| self.state(node) == state, || self.command("nodes"));
    }
}

#[test]
fn a_node_that_dies_is_found_out_and_comes_back_by_itself() {
    let lab = with_nodes();
    let is_dead = Arc::new(AtomicBool::new(false));
    let _sip = sip(&lab, "node2", &is_dead);
    lab.wait_for("node2", "up");
    is_dead.store(true, Ordering::Relaxed);
    lab.wait_for("node2", "down");
    let call = lab.execute("cluster/node2/x");
    assert_eq!(text(call.get("error")), "offline");
    assert_eq!(text(call.get("reason")), "cluster node 'node2' is down");
    assert_eq!(lab.target("cluster/node3/x"), "sip/sip:cluster/@node3.lab");
    is_dead.store(false, Ordering::Relaxed);
    lab.wait_for("node2", "up");
    assert_eq!(lab.target("cluster/node2/x"), "sip/sip:cluster/@node2.lab");
    let log = lab.engine.take_log();
    let said = |word: &str| log.iter().filter(|line| line.contains(word)).count();
    assert_eq!(
        said("Node 'node2' is down: no answer to a probe; it was up"),
        1,
        "{log:?}"
    );
    assert_eq!(
        said("Node 'node2' is up: answered 200; it was down"),
        1,
        "{log:?}"
    );
}

#[test]
fn a_backup_stands_in_for_a_node_that_is_down() {
    let backup = "[node node2]\nbackup=node3,node1\n";
    let lab = with_nodes();
    lab.reload(&format!("{backup}{NODES}"));
    let is_dead = Arc::new(AtomicBool::new(false));
    let _sip = sip(&lab, "node2", &is_dead);
    lab.wait_for("node2", "up");
    lab.wait_for("node3", "up");
    is_dead.store(true, Ordering::Relaxed);
    lab.wait_for("node2", "down");
    let call = lab.execute("cluster/node2/x");
    assert_eq!(text(call.get("callto")), "sip/sip:cluster/@node3.lab");
    assert_eq!(text(call.get("osip_x-callto")), "x");
    lab.command("drain node3");
    assert_eq!(lab.target("cluster/node2/x"), "x");
    lab.command("undrain node3");
    is_dead.store(false, Ordering::Relaxed);
    lab.wait_for("node2", "up");
    assert_eq!(lab.target("cluster/node2/x"), "sip/sip:cluster/@node2.lab");
    let log = RefCell::new(String::new());
    let ends = "Node 'node3' no longer stands in for node 'node2'";
    let is_over = || {
        let mut log = log.borrow_mut();
        log.push_str(&lab.engine.take_log().join("\n"));
        log.contains(ends)
    };
    eventually(is_over, || "nobody says so".to_owned());
    let log = log.into_inner();
    assert!(
        log.contains("Node 'node2' is down: node 'node3' stands in for it"),
        "{log}"
    );
}

/// Answers with Retry-After, by the way that calls go: the probe has its parameters.
#[test]
fn a_node_that_is_busy_is_told_from_one_that_is_up() {
    let lab = with_nodes();
    let is_busy = Arc::new(AtomicBool::new(true));
    let busy = Arc::clone(&is_busy);
    let _sip = lab.engine.handle("xsip.generate", 100, move |call| {
        let uri = text(call.get("uri").as_deref());
        if uri != "sip:node2.lab" || !busy.load(Ordering::Relaxed) {
            return answer(call, "200", true);
        }
        call.set("sip_retry-after", "2");
        answer(call, "503", true)
    });
    lab.wait_for("node2", "busy");
    lab.wait_for("node3", "up");
    assert_eq!(lab.target("cluster/node2/x"), "sip/sip:cluster/@node2.lab");
    for room in 0..40 {
        let locate = Message::new("cluster.locate").with("callto", format!("conf/{room}"));
        assert_ne!(lab.engine.dispatch(&locate).retval, b"node2");
    }
    is_busy.store(false, Ordering::Relaxed);
    eventually(
        || {
            lab.command("nodes")
                .contains("answered 200, busy by its Retry-After")
        },
        || lab.command("nodes"),
    );
    lab.wait_for("node2", "up");
}

#[test]
fn a_probe_leaves_by_the_connection_and_the_transport_of_calls() {
    let way = "[general]\nconnection=inner\n[node node2]\ntransport=tcp\n";
    let lab = Lab::with(&format!("{way}{NODES}"));
    let (ask, asked) = channel();
    let _sip = lab.engine.handle("xsip.generate", 100, move |call| {
        let get = |name| text(call.get(name).as_deref());
        let _ = ask.send((get("uri"), get("connection_id"), get("ip_transport")));
        answer(call, "200", true)
    });
    let mut left = vec![
        ("sip:node2.lab", "inner", "TCP"),
        ("sip:node3.lab", "inner", ""),
    ];
    while !left.is_empty() {
        let (uri, connection, transport) = asked.recv_timeout(PATIENCE).expect("nodes are probed");
        let way = (uri.as_str(), connection.as_str(), transport.as_str());
        left.retain(|expected| *expected != way);
        assert_eq!(way.1, "inner");
    }
}

#[test]
fn other_modules_are_told_of_each_change_of_a_node() {
    let lab = with_nodes();
    let is_dead = Arc::new(AtomicBool::new(false));
    let _sip = sip(&lab, "node2", &is_dead);
    lab.wait_for("node2", "up");
    let (tell, told) = channel();
    let _listener = lab.engine.handle("cluster.node", 100, move |call| {
        let get = |name| text(call.get(name).as_deref());
        if get("node") == "node2" && get("previous") != "unknown" {
            let names = ["nodename", "event", "previous", "state", "admin", "reason"];
            let _ = tell.send(names.map(get));
        }
        true
    });
    let next = || told.recv_timeout(PATIENCE).expect("it is told");
    is_dead.store(true, Ordering::Relaxed);
    assert_eq!(
        next(),
        [
            "node1",
            "health",
            "up",
            "down",
            "enabled",
            "no answer to a probe"
        ]
    );
    lab.command("drain node2");
    assert_eq!(
        next(),
        [
            "node1",
            "admin",
            "enabled",
            "down",
            "draining",
            "by command"
        ]
    );
    lab.command("undrain node2");
}

/// The engine's timer stops when the time of day is set back, until that has caught up.
#[test]
fn nodes_are_probed_although_the_engines_timer_stands_still() {
    let lab = with_nodes();
    let is_dead = Arc::new(AtomicBool::new(false));
    let _sip = sip(&lab, "node2", &is_dead);
    lab.wait_for("node2", "up");
    // A handler before the module's own.
    let _stopped = lab.engine.handle("engine.timer", 1, |_| true);
    is_dead.store(true, Ordering::Relaxed);
    lab.wait_for("node2", "down");
}

#[test]
fn without_a_channel_that_sends_requests_every_node_counts_as_up() {
    let lab = with_nodes();
    // It is said once, so it must not be so from the test before.
    let sip = sip(&lab, "", &Arc::default());
    let is_probed = || lab.command("nodes").contains("answered 200");
    eventually(is_probed, || lab.command("nodes"));
    drop(sip);
    let is_logged = || {
        lab.engine
            .take_log()
            .join("\n")
            .contains("set generate=yes")
    };
    eventually(is_logged, || "nobody says so".to_owned());
    assert_eq!(lab.target("cluster/node2/x"), "sip/sip:cluster/@node2.lab");
}

#[test]
fn unload_waits_for_a_probe_under_way() {
    let lab = with_nodes();
    let (asked, answered) = (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicUsize::new(0)));
    let counts = (Arc::clone(&asked), Arc::clone(&answered));
    let _sip = lab.engine.handle("xsip.generate", 100, move |call| {
        counts.0.fetch_add(1, Ordering::SeqCst);
        thread::sleep(Duration::from_millis(500));
        counts.1.fetch_add(1, Ordering::SeqCst);
        answer(call, "200", true)
    });
    let is_under_way = || asked.load(Ordering::SeqCst) != answered.load(Ordering::SeqCst);
    eventually(is_under_way, || "no node is probed".to_owned());
    assert!(lab.engine.unload(MODULE));
    assert_eq!(
        asked.load(Ordering::SeqCst),
        answered.load(Ordering::SeqCst)
    );
}

#[test]
fn calls_are_served_while_an_unload_waits_for_a_probe() {
    let lab = with_nodes();
    let (ask, asked) = channel();
    let (let_go, wait) = channel::<()>();
    let wait = Mutex::new(wait);
    let _sip = lab.engine.handle("xsip.generate", 100, move |call| {
        let _ = ask.send(());
        let _ = wait.lock().unwrap().recv_timeout(PATIENCE);
        answer(call, "200", true)
    });
    asked.recv_timeout(PATIENCE).expect("a node is probed");
    let engine = lab.engine;
    let unload = thread::spawn(move || engine.unload(MODULE));
    // The other thread gives no sign while it waits, so it gets some time to come so far.
    for _ in 0..100 {
        let call = lab.execute("cluster/*/conf/7");
        assert_ne!(text(call.get("callto")), "cluster/*/conf/7", "it's placed");
        thread::sleep(Duration::from_millis(5));
    }
    assert!(!unload.is_finished());
    drop(let_go);
    assert!(unload.join().unwrap());
}

#[test]
fn a_drained_node_is_drained_after_a_reload_and_after_the_module_came_again() {
    let lab = with_nodes();
    assert_eq!(lab.command("drain node3"), "Node 'node3' is draining\r\n");
    lab.reload(NODES);
    assert_eq!(lab.state("node3"), "node3 draining");
    assert!(lab.engine.unload(MODULE));
    let state = lab.engine.configuration(STATE);
    assert!(
        fs::read_to_string(&state)
            .unwrap()
            .contains("node3=draining\n")
    );
    assert!(lab.engine.load(&module_path(), MODULE));
    assert_eq!(lab.state("node3"), "node3 draining");
    assert_eq!(lab.command("undrain node3"), "Node 'node3' is enabled\r\n");
}

#[test]
fn a_node_that_is_taken_over_is_so_after_a_reload_and_after_the_module_came_again() {
    let lab = with_nodes();
    let answer = lab.command("takeover node3");
    assert_eq!(answer, "Node 'node3' is taken over by this node\r\n");
    assert_eq!(lab.target("cluster/node3/x"), "x");
    lab.reload(NODES);
    assert_eq!(lab.state("node3"), "node3 taken");
    assert!(lab.engine.unload(MODULE));
    assert!(lab.engine.load(&module_path(), MODULE));
    assert_eq!(lab.state("node3"), "node3 taken");
    assert_eq!(lab.target("cluster/node3/x"), "x");
    let answer = lab.command("release node3");
    assert_eq!(answer, "Node 'node3' is released by this node\r\n");
    assert_eq!(lab.target("cluster/node3/x"), "sip/sip:cluster/@node3.lab");
}

#[test]
fn a_state_that_cannot_be_written_holds_until_the_restart_and_that_is_logged() {
    let lab = with_nodes();
    let state = lab.engine.configuration(STATE);
    // Nothing can take the place of a directory that has something in it.
    let _ = fs::remove_file(&state);
    fs::create_dir(&state).unwrap();
    fs::write(state.join("x"), "").unwrap();
    drop(lab.engine.take_log());
    lab.command("drain node3");
    let log = lab.engine.take_log().join("\n");
    assert_eq!(lab.state("node3"), "node3 draining");
    fs::remove_dir_all(&state).unwrap();
    assert!(
        log.contains("; this change will be lost on restart: "),
        "{log}"
    );
    assert_eq!(lab.command("undrain node3"), "Node 'node3' is enabled\r\n");
}

#[test]
fn a_damaged_state_is_ignored_and_that_is_logged() {
    let lab = with_nodes();
    lab.command("drain node3");
    assert!(lab.engine.unload(MODULE));
    let path = lab.engine.configuration(STATE);
    let state = fs::read(&path).unwrap();
    fs::write(&path, &state[..state.len() - 3]).unwrap();
    drop(lab.engine.take_log());
    assert!(lab.engine.load(&module_path(), MODULE));
    let log = lab.engine.take_log().join("\n");
    assert!(
        log.contains("so no node is drained or disabled: its beginning or its end"),
        "{log}"
    );
    assert_eq!(lab.state("node3"), "node3 unknown");
}

#[test]
fn a_resource_is_placed_unless_another_module_knows_its_node() {
    let lab = with_nodes();
    let ask = || {
        let message = Message::new("cluster.locate").with("callto", "conf/7");
        text(Some(&lab.engine.dispatch(&message).retval))
    };
    let placed = ask();
    assert!(["node1", "node2", "node3"].contains(&&*placed), "{placed}");
    for node in ["node1", "node2", "node3"]
        .into_iter()
        .filter(|node| *node != placed)
    {
        lab.command(&format!("disable {node}"));
    }
    assert_eq!(ask(), placed, "it stays while its node is up");
    lab.command(&format!("disable {placed}"));
    assert_eq!(
        text(lab.execute("cluster/*/conf/7").get("error")),
        "offline"
    );
    let _other = lab.engine.handle("cluster.locate", 100, |call| {
        call.set_retval("node1");
        true
    });
    assert_eq!(ask(), "node1");
    for node in ["node1", "node2", "node3"] {
        lab.command(&format!("enable {node}"));
    }
}

#[test]
fn the_command_has_help_and_completion_and_knows_what_is_not_its_own() {
    let lab = with_nodes();
    let complete = |line: &str, word: &str| {
        let message = Message::new("engine.command")
            .with("partline", line)
            .with("partword", word);
        text(Some(&lab.engine.dispatch(&message).retval))
    };
    let words = |text: String| text.split('\t').map(str::to_owned).collect::<Vec<_>>();
    assert!(words(complete("", "clus")).contains(&"clustering".to_owned()));
    assert_eq!(words(complete("clustering", "d")), ["drain", "disable"]);
    assert_eq!(
        words(complete("clustering drain", "node")),
        ["node1", "node2", "node3"]
    );
    let help = |line: Option<&str>| {
        let message = Message::new("engine.help");
        let message = line
            .into_iter()
            .fold(message, |message, line| message.with("line", line));
        let outcome = lab.engine.dispatch(&message);
        (outcome.handled, text(Some(&outcome.retval)))
    };
    let (handled, text) = help(Some(MODULE));
    assert!(
        handled && text.contains("  clustering drain NODE"),
        "{text}"
    );
    let (handled, text) = help(None);
    assert!(
        !handled && text.contains("  clustering drain NODE"),
        "{text}"
    );
    assert!(!help(Some("sip")).0);
    for line in ["clustering drained node2", "clusteringnodes"] {
        assert_eq!(lab.engine.command(line), None, "{line}");
    }
    let table = lab.engine.command("clustering").unwrap();
    assert!(table.starts_with(b"NODE "));
}

#[test]
fn the_log_says_who_drained_a_node_and_what_a_load_finds_and_forgets() {
    let lab = with_nodes();
    let _ = lab.engine.take_log();
    let drain = Message::new("engine.command")
        .with("line", "clustering drain node2")
        .with("cmd_address", "192.0.2.7:40112");
    assert!(lab.engine.dispatch(&drain).handled);
    let has = |log: &[String], line: &str| log.iter().any(|text| text.contains(line));
    let log = lab.engine.take_log();
    let line = "<clustering:NOTE> Node 'node2' is draining, by command from 192.0.2.7:40112; it was enabled";
    assert!(has(&log, line), "{log:?}");
    // As at a start: the module finds the state in its file.
    assert!(lab.engine.unload(MODULE));
    assert!(lab.engine.load(&module_path(), MODULE));
    let log = lab.engine.take_log();
    let line = "<clustering:NOTE> Node 'node2' is still draining, by an earlier command";
    assert!(has(&log, line), "{log:?}");
    let without = NODES.replace("[node node2]\nweight=100\n", "");
    let log = lab.reload(&without);
    let line = "<clustering:NOTE> Node 'node2' has no section any more: it was draining, which is forgotten";
    assert!(has(&log, line), "{log:?}");
    let state = fs::read_to_string(lab.engine.configuration(STATE)).unwrap();
    assert!(!state.contains("node2"), "{state}");
    let log = lab.reload(NODES);
    assert!(!has(&log, "'node2'"), "{log:?}");
    assert_eq!(lab.state("node2"), "node2 unknown");
}

/// The console says nothing of that, so that an operator must see it elsewhere.
#[test]
fn the_status_and_the_check_say_that_a_reload_was_refused() {
    let lab = with_nodes();
    let file = || {
        let status = text(Some(&lab.engine.status(MODULE)));
        let mut items = status.split([',', ';']);
        let file = items.find_map(|item| item.strip_prefix("file="));
        file.unwrap_or_else(|| panic!("{status}")).to_owned()
    };
    let refused = "The last load was refused, so older settings are in force\r\n";
    assert_eq!(file(), "taken");
    assert!(!lab.command("check").contains(refused));
    lab.reload("[general]\nhops=0\n");
    assert_eq!(file(), "refused");
    assert!(lab.command("check").ends_with(refused));
    lab.reload(NODES);
    assert_eq!(file(), "taken");
    fs::remove_file(lab.engine.configuration(MODULE)).unwrap();
    assert!(lab.engine.reload(Some(MODULE)));
    assert_eq!(file(), "refused", "it is missing");
    lab.reload(NODES);
    assert_eq!(file(), "taken");
}

#[test]
fn each_load_of_a_file_that_trusts_nobody_is_warned_of() {
    let lab = with_nodes();
    let line =
        "clustering.conf: warning: no node is trusted, so calls from other nodes are refused: ";
    let warnings = |config: &str| {
        let log = lab.reload(config);
        log.iter().filter(|text| text.contains(line)).count()
    };
    // Of such a target no node's address can be derived.
    let nobody = "[general]\nregexp=^node[0-9]$\ncallto=iax/cluster@\\0\n";
    assert_eq!(warnings(nobody), 1);
    assert_eq!(warnings(nobody), 1, "each time");
    let trusting = format!("{nobody}[security]\ntrusted=192.0.2.0/24\n");
    assert_eq!(warnings(&trusting), 0);
    assert_eq!(warnings(NODES), 0);
}

#[test]
fn a_file_on_disk_is_checked_and_not_loaded() {
    let lab = with_nodes();
    lab.engine.configure(MODULE, "[general]\nhops=0\n");
    let said = lab.command("check");
    assert!(
        said.contains("[general] hops=0: not a number from 1 to 64\r\n"),
        "{said}"
    );
    assert!(said.ends_with("The file would be refused\r\n"), "{said}");
    assert_eq!(lab.target("cluster/node2/x"), "sip/sip:cluster/@node2.lab");
    fs::remove_file(lab.engine.configuration(MODULE)).unwrap();
    assert!(lab.command("check").contains("missing"));
}

#[test]
fn an_instant_message_is_sent_as_a_copy_and_answered_by_what_became_of_it() {
    let lab = with_nodes();
    let _sip = lab.engine.handle("msg.execute", 100, |call| {
        assert_eq!(
            call.get("callto").as_deref(),
            Some(&b"sip/sip:cluster/@node2.lab"[..])
        );
        assert_eq!(
            call.get("osip_x-callto").as_deref(),
            Some(&b"sip/sip:bob@lab"[..])
        );
        call.set("code", "202");
        true
    });
    let message = Message::new("msg.execute")
        .with("called", "bob")
        .with("callto", "cluster/node2/sip/sip:bob@lab");
    let outcome = lab.engine.dispatch(&message);
    assert!(outcome.handled);
    assert_eq!(text(outcome.get("code")), "202");
    assert_eq!(
        outcome.get("osip_x-callto"),
        None,
        "the sender isn't answered with it"
    );
}

#[test]
fn a_call_that_was_made_long_ago_is_signed_as_of_now() {
    const SECRET: &str = "[security]\nsecret=the secret of the cluster\n";
    // A fork that calls one phone after the other sends copies of one message, which are as old.
    let age = Duration::from_secs(3600);
    let lab = Lab::with(&format!("{GENERAL}{SECRET}"));
    let call = Message {
        age,
        ..execute("cluster/node2/x")
    };
    let signature = text(lab.engine.dispatch(&call).get("osip_x-signature"));
    let signed = signature.split(';').nth(1).map(str::parse);
    let signed = Duration::from_secs(signed.unwrap().unwrap());
    let now = SystemTime::UNIX_EPOCH.elapsed().unwrap();
    assert!(now.abs_diff(signed) < age / 2, "{signature}");
}

#[test]
fn an_instant_message_whose_target_is_the_cluster_again_is_refused() {
    let lab = Lab::with("[general]\nregexp=^node[0-9]\\+$\ncallto=cluster/\\0/${callto}\n");
    let message = Message::new("msg.execute").with("callto", "cluster/node2/sip/sip:bob@lab");
    let outcome = lab.engine.dispatch(&message);
    assert!(!outcome.handled);
    assert_eq!(text(outcome.get("code")), "483");
    let reason = "the callto of node 'node2' leads back to the cluster";
    assert_eq!(text(outcome.get("reason")), reason);
}

#[test]
fn a_refused_registration_reaches_no_registrar_and_is_not_handled() {
    let lab = Lab::with(&format!("{NODES}[general]\ndrain.register=refuse\n"));
    let _registrar = lab.engine.handle("user.register", 100, |_| true);
    assert!(lab.engine.dispatch(&registration()).handled);
    for word in ["drain", "disable"] {
        lab.command(&format!("{word} node1"));
        let refused = lab.engine.dispatch(&registration());
        assert!(!refused.handled);
        assert_eq!(refused.get("code"), Some(&b"503"[..]));
        assert_eq!(refused.get("osip_Retry-After"), Some(&b"60"[..]));
        assert_eq!(refused.get("data"), Some(&b"sip/bob@lab"[..]));
    }
    lab.command("enable node1");
    assert!(lab.engine.dispatch(&registration()).handled);
}
