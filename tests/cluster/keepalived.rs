// SPDX-License-Identifier: GPL-2.0-or-later

//! The sample for keepalived: its script tells a real engine which address is here, and keepalived takes its file.

use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::Command;

use tempfile::{NamedTempFile, TempDir};

use crate::configuration::MANAGER;
use crate::engine::Node;
use crate::lab::Lab;

const FLAG_LOOPBACK: u32 = 0x8;
const FLAG_MULTICAST: u32 = 0x1000;

fn sample(file: &str) -> PathBuf {
    let samples = Path::new(env!("CARGO_MANIFEST_DIR")).join("conf/keepalived");
    samples.join(file)
}

/// Runs the script as keepalived does; its code, and what it says.
fn notify(node: &Node, arguments: &[&str]) -> (i32, String) {
    let mut script = Command::new(sample("yate-clustering-notify"));
    script.args(["--host", &node.address.to_string()]);
    script.args(["--port", &MANAGER.to_string()]);
    let output = script.args(arguments).output();
    let output = output.expect("there is a shell");
    let said = [output.stdout, output.stderr].concat();
    let said = String::from_utf8(said).expect("it is plain text");
    (output.status.code().unwrap_or(-1), said)
}

#[test]
#[ignore = "needs a real engine: YATE_ROOT"]
fn keepalived_tells_an_engine_which_address_is_here() {
    let lab = Lab::of(1)
        .clustering("[node node1]\n[node node2]\n")
        .start();
    let node = lab.node("node1");
    let is_taken = || node.command("clustering nodes").contains(" taken over ");
    for (arguments, code, words, taken) in [
        (&["node2", "MASTER"][..], 0, "is taken over", true),
        // As keepalived calls it.
        (
            &["node2", "INSTANCE", "VI", "MASTER", "100"],
            0,
            "already",
            true,
        ),
        (
            &["node2", "INSTANCE", "VI", "MASTER_RX_LOWER_PRI"],
            0,
            "",
            true,
        ),
        (&["--check"], 0, "", true),
        (
            &["node2", "INSTANCE", "VI", "BACKUP", "100"],
            0,
            "is released",
            false,
        ),
        (&["node2", "FAULT"], 0, "nothing to release", false),
        (&["node2", "MASTER"], 0, "is taken over", true),
        (&["node2", "FAULT"], 0, "is released", false),
        (&["node2", "MASTER"], 0, "is taken over", true),
        (&["node2", "STOP"], 0, "is released", false),
        // The address of this engine's own node is at home, or away.
        (&["node1", "MASTER"], 0, "is this node", false),
        (&["node1", "BACKUP"], 0, "is not taken over", false),
        (&["node9", "MASTER"], 1, "does not exist", false),
        (&[], 2, "--help", false),
        (&["node2"], 2, "--help", false),
        (&["node2", "VI", "MASTER"], 2, "--help", false),
        (&["node2", "LEADER"], 2, "no state: LEADER", false),
        (&["node2\r\nstop", "MASTER"], 2, "no name of a node", false),
        (
            &["--console", "x", "node2", "MASTER"],
            2,
            "no such option",
            false,
        ),
    ] {
        let (ended, said) = notify(node, arguments);
        assert_eq!(ended, code, "{arguments:?}: {said}");
        assert!(said.contains(words), "{arguments:?}: {said}");
        assert_eq!(is_taken(), taken, "{arguments:?}: {said}");
    }
    let log = lab.log("node1");
    log.wait_for("Node 'node2' is taken over by this node, by command from ");

    // Nobody listens there.
    node.stop().unwrap();
    for arguments in [&["node2", "FAULT"][..], &["--check"]] {
        let (ended, said) = notify(node, arguments);
        assert_eq!(ended, 1, "{arguments:?}: {said}");
        assert!(said.contains("no connection to "), "{said}");
    }
}

#[test]
#[ignore = "needs a real engine: YATE_ROOT"]
fn keepalived_gives_the_password_of_the_console() {
    let lab = Lab::of(1)
        .clustering("[node node1]\n[node node2]\n")
        .start();
    let node = lab.node("node1");
    let usual = node.configuration("rmanager.conf");
    node.kill();
    let general = "[general]\npassword=a\nuserpass=b\nuser_prefix=clustering takeover\n";
    node.configure("rmanager.conf", &usual.replace("[general]\n", general));
    node.start();
    let mut file = NamedTempFile::new().expect("there is room for a file");
    write!(file, "b").expect("there is room for a file");
    let file = file.path().to_str().expect("it has a plain name");
    let (_, said) = notify(node, &["node2", "MASTER"]);
    assert!(said.contains("not allowed"), "{said}");
    let (ended, said) = notify(node, &["--password-file", file, "node2", "MASTER"]);
    assert_eq!(ended, 0, "{said}");
    // The lab stops its nodes by command.
    node.kill();
    node.configure("rmanager.conf", &usual);
    node.start();
}

/// An interface that keepalived can speak on.
fn interface() -> String {
    let interfaces = fs::read_dir("/sys/class/net").expect("the system has interfaces");
    let speaks = |path: &Path| {
        let flags = fs::read_to_string(path.join("flags")).unwrap_or_default();
        let flags = flags.trim().strip_prefix("0x");
        let flags = flags.and_then(|digits| u32::from_str_radix(digits, 16).ok());
        let flags = flags.unwrap_or_default();
        flags & FLAG_MULTICAST != 0 && flags & FLAG_LOOPBACK == 0
    };
    let mut paths = interfaces.flatten().map(|entry| entry.path());
    let path = paths.find(|path| speaks(path));
    let path = path.expect("the machine has an interface for multicast");
    let name = path.file_name().and_then(|name| name.to_str());
    name.expect("it has a plain name").to_owned()
}

#[test]
#[ignore = "needs keepalived"]
fn keepalived_itself_takes_the_sample() {
    let directory = TempDir::with_prefix("keepalived-").expect("there is room for a directory");
    let script = directory.path().join("yate-clustering-notify");
    fs::copy(sample("yate-clustering-notify"), &script).expect("there is room for a file");
    let text = fs::read_to_string(sample("keepalived.conf")).expect("there is a sample");
    let text = text.replace("eth0", &interface());
    let place = directory.path().to_str().expect("it has a plain name");
    let file = directory.path().join("keepalived.conf");
    fs::write(&file, text.replace("/etc/keepalived", place)).expect("there is room for a file");
    let check = |file: &Path| {
        let mut keepalived = Command::new("keepalived");
        let output = keepalived.arg("-t").arg("-f").arg(file).output();
        let output = output.expect("keepalived is installed");
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        (output.status.success(), said)
    };
    let (is_taken, said) = check(&file);
    assert!(is_taken && said.is_empty(), "{said}");
    let text = fs::read_to_string(&file).expect("it was written");
    fs::write(&file, text.replace("notify ", "notifies ")).expect("there is room for a file");
    let (is_taken, said) = check(&file);
    assert!(!is_taken, "{said}");
}
