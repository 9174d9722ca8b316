// SPDX-License-Identifier: GPL-2.0-or-later

//! Everything at once: registrations, calls, messages, rooms, a forger, a drain, reloads, the module unloaded
//! and loaded, a node that dies and comes back, in one cluster of three nodes that sign their messages and
//! claim rooms in a database.

use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;

use engine_process::patiently;

use crate::call::Talk;
use crate::engine::Node;
use crate::installation::MODULE;
use crate::lab::Lab;
use crate::phone::Phone;

const NODES: [&str; 3] = ["node1", "node2", "node3"];
const SECRET: &str = "[security]\nsecret=of-all-nodes-of-the-lab\n";
/// The number of times that an operator repeats an action in the middle of traffic.
const ROUNDS: usize = 20;
/// The text that carol writes to alice.
const QUESTION: &str = "Are you there?";

/// A cluster, and a user at each node.
struct Cluster {
    lab: Lab,
    alice: Phone,
    bob: Phone,
    carol: Phone,
}

impl Cluster {
    fn start() -> Self {
        // A node that dies in the middle of a call is given up after 12.8 s.
        let plan = Lab::of(3)
            .probed()
            .sticky()
            .clustering(SECRET)
            .sip("t1=200");
        let lab = plan.dial("^room\\([0-9]*\\)$=cluster/*/conf/\\1").start();
        let phone = |user, node| {
            let phone = lab.phone(user);
            phone.picks_up();
            phone.register_at(node);
            lab.node(node).watch(&["call.execute"]);
            phone
        };
        let alice = phone("alice", "node1");
        let bob = phone("bob", "node2");
        let carol = phone("carol", "node3");
        let cluster = Self {
            lab,
            alice,
            bob,
            carol,
        };
        for node in NODES {
            for other in NODES.iter().filter(|other| **other != node) {
                let line = format!("Node '{other}' is up");
                cluster.lab.log(node).wait_for(&line);
            }
        }
        cluster
    }

    fn nodes(&self) -> [&Node; 3] {
        NODES.map(|name| self.lab.node(name))
    }

    /// Gives a command to all nodes.
    fn all(&self, command: &str) {
        for node in self.nodes() {
            node.command(command);
        }
    }

    /// Has all nodes reload all their modules, and waits until they have.
    ///
    /// They do it a moment after the command, and the engine doesn't survive that it is told to load a
    /// module meanwhile: its SIP channel reads its file in two threads then.
    fn reload_all_modules(&self) {
        let logs = self.nodes().map(|node| node.log().since_now());
        self.all("reload");
        for log in logs {
            log.wait_for("Initialization complete");
        }
    }

    fn everybody_reaches_everybody(&self) {
        let users = [
            ("alice", &self.alice),
            ("bob", &self.bob),
            ("carol", &self.carol),
        ];
        for (caller, phone) in users {
            for (called, other) in users.iter().filter(|(user, _)| *user != caller) {
                phone.call(called).answered().hang_up();
                let text = format!("{caller} says hello");
                assert_eq!(phone.sends(called, &text), 200, "{text} to {called}");
                let message = other.message_saying(&text);
                let from = format!("sip:{caller}@");
                assert!(message.header("From").contains(&from), "{message}");
            }
        }
    }

    /// The node that has a room, on which the nodes that run agree.
    fn place(&self, room: u32) -> String {
        let nodes = self.nodes();
        let running = nodes.iter().filter(|node| node.runs());
        let answers: Vec<_> = running.map(|node| node.places(room)).collect();
        assert!(answers.iter().all(|one| *one == answers[0]), "{answers:?}");
        answers[0].clone()
    }

    /// Has somebody enter a room, as the guest of that number.
    fn enter(&self, guest: &Phone, room: u32, number: &str) -> Talk {
        let talk = guest.call(&format!("room{room}")).answered();
        let host = self.place(room);
        self.lab.node(&host).seen("a guest", |message| {
            message.get("room") == format!("conf/{room}") && message.get("users") == number
        });
        talk
    }

    /// Lets alice call bob and carol, and carol write to alice, while an operator works.
    fn traffic_during(&self, operate: impl Fn() + Sync) -> Traffic {
        let done = AtomicBool::new(false);
        let call = |user: &str| match self.alice.call(user).outcome() {
            Ok(talk) => {
                talk.hang_up();
                200
            }
            Err(refusal) => refusal.code,
        };
        let write = || self.carol.sends("alice", QUESTION);
        let until_done = |act: &dyn Fn() -> u16| {
            let mut codes = vec![act()];
            while !done.load(Ordering::Relaxed) {
                codes.push(act());
            }
            codes
        };
        thread::scope(|scope| {
            let bob = scope.spawn(|| until_done(&|| call("bob")));
            let carol = scope.spawn(|| until_done(&|| call("carol")));
            let messages = scope.spawn(|| until_done(&write));
            scope.spawn(|| {
                operate();
                done.store(true, Ordering::Relaxed);
            });
            let [bob, carol, messages] =
                [bob, carol, messages].map(|codes| codes.join().expect("it goes on"));
            Traffic {
                bob,
                carol,
                messages,
            }
        })
    }

    /// All legs of a call have its billid, on both nodes.
    fn records_join(&self) {
        self.alice.call("bob").answered().hang_up();
        let of_billid = |node, billid: &str| {
            let cdrs = self.lab.node(node).cdrs(0);
            cdrs.iter()
                .filter(|cdr| cdr.get("billid") == billid)
                .count()
        };
        let joined = || {
            let cdrs = self.lab.node("node1").cdrs(0);
            let mut calls = cdrs.iter().filter(|cdr| cdr.get("called") == "bob");
            let billid = calls.next_back()?.get("billid");
            let legs = ["node1", "node2"].map(|node| of_billid(node, billid));
            (legs == [2, 2]).then_some(())
        };
        patiently(joined, || "the records of a call join".to_owned());
    }
}

/// The outcome of calls and messages: the codes of their answers.
#[derive(Debug)]
struct Traffic {
    /// Of alice's calls to bob, and to carol.
    bob: Vec<u16>,
    carol: Vec<u16>,
    /// Of carol's messages to alice.
    messages: Vec<u16>,
}

impl Traffic {
    /// Whether the codes are among these: `bobs` for the calls to bob, which alone may suffer, `others` for
    /// the rest.
    fn is_within(&self, bobs: &[u16], others: &[u16]) -> bool {
        let are = |codes: &[u16], known: &[u16]| codes.iter().all(|code| known.contains(code));
        are(&self.bob, bobs) && are(&self.carol, others) && are(&self.messages, others)
    }
}

#[test]
#[ignore = "needs a real engine: YATE_ROOT"]
fn everything_works_together() {
    let cluster = Cluster::start();
    let Cluster {
        lab,
        alice,
        bob,
        carol,
    } = &cluster;
    let [first, second, third] = cluster.nodes();
    cluster.everybody_reaches_everybody();
    cluster.records_join();

    // A room on the third node; its guests stay for a while.
    let mut rooms = 1..;
    let room = rooms.find(|&room| cluster.place(room) == "node3");
    let room = room.expect("there is always one more");
    let guests =
        [(alice, "1"), (bob, "2")].map(|(guest, number)| cluster.enter(guest, room, number));

    let mallory = lab.stranger("mallory").at("node1");
    let forged = mallory.call_with("cluster/", &[("X-CallTo", &bob.target())]);
    assert_eq!(forged.refused().code, 403);
    assert_eq!(first.status().get("untrusted"), "1");

    // The third node is drained: guests there are reached, and new rooms go elsewhere.
    cluster.all("clustering drain node3");
    cluster.enter(carol, room, "3").hang_up();
    for room in rooms.by_ref().take(20) {
        assert_ne!(cluster.place(room), "node3", "room {room}");
    }

    // Nobody notices a reload.
    let traffic = cluster.traffic_during(|| {
        for _ in 0..ROUNDS {
            cluster.all("reload clustering");
        }
        cluster.reload_all_modules();
    });
    assert!(traffic.is_within(&[200], &[200]), "{traffic:?}");
    for _ in traffic.messages {
        alice.message_saying(QUESTION);
    }
    // A node without the module knows neither the targets of the cluster nor its calls.
    let traffic = cluster.traffic_during(|| {
        for node in [cluster.nodes(); ROUNDS].iter().flatten() {
            let unload = || node.command("module unload clustering");
            let unloaded = || (unload() == "Unloaded module: clustering").then_some(());
            patiently(unloaded, || format!("{} unloads it", node.name));
            node.command(&format!("module load {MODULE}"));
        }
    });
    let known = [200, 404, 405, 503];
    assert!(traffic.is_within(&known, &known), "{traffic:?}");
    cluster.everybody_reaches_everybody();
    for node in cluster.nodes() {
        assert_eq!(node.status().column("node3", "Admin"), "draining");
    }
    assert_eq!(cluster.place(room), "node3");
    guests.into_iter().for_each(Talk::hang_up);

    // The second node dies, so only the first one takes anything new.
    let logs = ["node1", "node3"].map(|node| lab.log(node).since_now());
    let traffic = cluster.traffic_during(|| {
        second.kill();
        for log in &logs {
            log.wait_for("Node 'node2' is down");
        }
    });
    assert!(traffic.is_within(&[200, 404, 503], &[200]), "{traffic:?}");
    assert_eq!(alice.call("bob").refused().code, 404);
    assert_eq!(alice.sends("bob", QUESTION), 480);
    alice.call("carol").answered().hang_up();
    for room in rooms.by_ref().take(20) {
        assert_eq!(cluster.place(room), "node1", "room {room}");
    }
    // Bob doesn't wait until it is back.
    bob.register_at("node3");
    alice.call("bob").answered().hang_up();

    second.start();
    second.watch(&["call.execute"]);
    for log in &logs {
        log.wait_for("Node 'node2' is up: answered 200; it was down for ");
    }
    bob.register_at("node2");
    bob.unregister_at("node3");
    cluster.all("clustering undrain node3");
    cluster.everybody_reaches_everybody();
    cluster.records_join();
    let room = rooms.find(|&room| cluster.place(room) == "node3");
    let room = room.expect("there is always one more");
    cluster.enter(alice, room, "1").hang_up();
    for node in [first, second, third] {
        assert_eq!(node.status().get("panics"), "0", "{}", node.name);
    }
}
