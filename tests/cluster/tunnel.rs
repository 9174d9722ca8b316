// SPDX-License-Identifier: GPL-2.0-or-later

//! Calls between nodes by stunnel, set up as `docs/security.md` says: it checks the certificates of both ends, which the
//! engine doesn't.

use std::fs;
use std::io;
use std::net::{Ipv4Addr, TcpListener};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::thread;

use engine_process::eventually;
use tempfile::TempDir;

use crate::certificate::Authority;
use crate::lab::{Lab, Plan};

/// The part of the documentation with the set-up.
const DOCUMENT: &str = include_str!("../../docs/security.md");

/// A stunnel, which ends with this.
struct Tunnel {
    process: Child,
    log: PathBuf,
}

impl Drop for Tunnel {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
        if thread::panicking() {
            eprintln!("{}", fs::read_to_string(&self.log).unwrap_or_default());
        }
    }
}

/// The text of the first block of code that has a line.
fn block(line: &str) -> String {
    let blocks = DOCUMENT.split("```").skip(1).step_by(2);
    let mut blocks = blocks.filter(|block| block.lines().any(|of| of.trim() == line));
    let block = blocks
        .next()
        .unwrap_or_else(|| panic!("no block has '{line}'"));
    let lines: Vec<_> = block.lines().skip(1).map(str::trim).collect();
    lines.join("\n") + "\n"
}

/// The documented file, with the lab's addresses. Each node is at its address; this host stands for both, so the near
/// end towards the other node and the far end from it are ports of that address.
fn file(own: Ipv4Addr, other: (&str, Ipv4Addr), directory: &Path, certificate: &str) -> String {
    let place = directory.display();
    block("[to-node2]")
        .replace("to-node2", &format!("to-{}", other.0))
        .replace("127.0.0.2:5060", &format!("{own}:5062"))
        .replace(
            "connect = node2.example.net:5061",
            &format!("connect = {}:5061", other.1),
        )
        .replace(
            "checkHost = node2.example.net",
            &format!("checkIP = {}", other.1),
        )
        .replace("accept = 5061", &format!("accept = {own}:5061"))
        .replace("127.0.0.1:5060", &format!("{own}:5060"))
        .replace(
            "/etc/stunnel/cluster-ca.pem",
            &format!("{place}/cluster-ca.pem"),
        )
        .replace("/etc/stunnel/node1.pem", &format!("{place}/{certificate}"))
}

fn start(directory: &Path, name: &str, settings: &str, listens: Ipv4Addr) -> Tunnel {
    let file = directory.join(format!("{name}.conf"));
    let log = directory.join(format!("{name}.log"));
    let global = format!(
        "foreground = yes\npid =\ndebug = info\noutput = {}\n{settings}",
        log.display()
    );
    fs::write(&file, global).expect("the directory is ours");
    let process = Command::new("stunnel")
        .arg(&file)
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn();
    let process = process.unwrap_or_else(|error| panic!("stunnel (Debian's stunnel4): {error}"));
    let tunnel = Tunnel { process, log };
    let is_taken = |port| {
        let bound = TcpListener::bind((listens, port));
        bound.is_err_and(|error| error.kind() == io::ErrorKind::AddrInUse)
    };
    eventually(
        || is_taken(5061) && is_taken(5062),
        || fs::read_to_string(&tunnel.log).unwrap_or_default(),
    );
    tunnel
}

/// Two nodes that reach each other by the near ends of their tunnels.
fn plan() -> Plan {
    let mut settings =
        "[security]\ntrusted=127.0.0.1\nsecret=the lab has no secrets from us\n".to_owned();
    for (node, other) in [("node2", "NET.1"), ("node1", "NET.2")] {
        let documented = block("[node node2]").replace("node2", node);
        settings.push_str(&documented.replace("127.0.0.2:5060", &format!("{other}:5062")));
    }
    Lab::of(2).clustering(&settings)
}

struct Tunnels {
    running: Vec<Tunnel>,
    // Last, since the tunnels live in it.
    _directory: TempDir,
}

/// A tunnel beside each node, by the certificates of these authorities. The first one is the cluster's.
fn tunnels(lab: &Lab, authorities: [&Authority; 2]) -> Tunnels {
    let directory = TempDir::with_prefix("tunnel-").expect("there is room for a directory");
    let place = directory.path();
    let write = |name: &str, text: &str| fs::write(place.join(name), text).expect("it is ours");
    write("cluster-ca.pem", &authorities[0].own_certificate());
    let nodes = ["node1", "node2"].map(|name| (name, *lab.sip(name).ip()));
    let running = [(0, 1), (1, 0)].map(|(own, other)| {
        let (name, address) = nodes[own];
        let certificate = format!("{name}.pem");
        write(&certificate, &authorities[own].certificate(address));
        let settings = file(address, nodes[other], place, &certificate);
        start(place, name, &settings, address)
    });
    Tunnels {
        running: running.into(),
        _directory: directory,
    }
}

#[test]
#[ignore = "needs a real engine and stunnel: YATE_ROOT"]
fn nodes_with_certificates_of_the_cluster_reach_each_other_by_stunnel() {
    let lab = plan().start();
    let authority = Authority::new();
    let _tunnels = tunnels(&lab, [&authority, &authority]);
    let (alice, bob) = lab.alice_and_bob();
    let (calling, called) = alice.rings_at(&bob);
    assert_eq!(called.from(), lab.sip("node2").into());
    let talk = called.answer();
    calling.answered().hang_up();
    talk.ended();
    // The nodes have spoken to the near ends of their tunnels alone.
    let log = lab.log("node1").text();
    let mut sent = log
        .lines()
        .filter(|line| line.contains("sending") && line.contains("sip:cluster/@"));
    assert!(
        sent.clone().count() > 0 && sent.all(|line| line.contains(":5062")),
        "{log}"
    );
}

#[test]
#[ignore = "needs a real engine and stunnel: YATE_ROOT"]
fn a_node_with_a_certificate_of_another_authority_is_refused_by_stunnel() {
    let lab = plan().start();
    let tunnels = tunnels(&lab, [&Authority::new(), &Authority::new()]);
    // It is the first node that has the cluster's authority and a certificate of it.
    let log = || fs::read_to_string(&tunnels.running[0].log).unwrap_or_default();
    let rejected = || log().matches("Rejected by CERT").count();
    let (alice, bob) = lab.alice_and_bob();
    alice.call("bob").refused();
    eventually(|| rejected() > 0, log);
    // And the other way round.
    let before = rejected();
    let carol = lab.phone("carol");
    carol.register_at("node1");
    lab.phone("dave").at("node2").call("carol").refused();
    eventually(|| rejected() > before, log);
    for node in ["node1", "node2"] {
        assert_eq!(lab.node(node).status().get("received"), "0", "{node}");
    }
    bob.has_nothing_left();
    carol.has_nothing_left();
}
