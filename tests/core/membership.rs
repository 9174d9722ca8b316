// SPDX-License-Identifier: GPL-2.0-or-later

//! The list of nodes that nodes share in a database: real queries in a real `SQLite`, and time that passes for all.

use std::cell::RefCell;
use std::collections::BTreeMap;

use clustering::cluster::{Cluster, ForgetError};
use clustering::file::Document;
use clustering::messages::Reply;
use clustering::nodes::admin::AdminState;
use clustering::nodes::health::State;
use clustering::nodes::probe::Outcome;
use clustering::operator::check::check;
use clustering::operator::command::{self, Request};
use clustering::operator::status;
use clustering::task::Task;
use clustering::time::{SteadyTime, WallTime};
use rusqlite::Connection;
use serde_json::Value;

use crate::node::{entries, state};

pub const SECOND: u64 = 1_000_000;
pub const POLL: u64 = 5;

pub type Setting = (&'static str, &'static str, &'static str);

pub const FILE: &[Setting] = &[
    ("general", "regexp", "^node\\([0-9]*\\)$"),
    ("general", "callto", "sip/sip:cluster/@192.0.2.\\1"),
    ("security", "trusted", "192.0.2.0/24"),
    ("cluster", "account", "cluster"),
];

/// Nodes that live, the database that they share, and what their logs have.
pub struct World {
    database: Connection,
    /// The error that each query gets, or each that writes.
    failure: RefCell<Option<(bool, &'static str)>>,
    nodes: Vec<(String, Cluster)>,
    log: Vec<(String, String)>,
    /// The states that the engines have saved.
    saved: BTreeMap<String, Vec<u8>>,
    now: u64,
}

fn engine(name: &str, process: u64, files: &[&[Setting]]) -> Cluster {
    let cluster = Cluster::new(name.as_bytes(), process);
    load(&cluster, files);
    cluster
}

/// An engine that starts with what was kept.
fn engine_again(name: &str, kept: &[u8], files: &[&[Setting]]) -> Cluster {
    let cluster = Cluster::new(name.as_bytes(), 99);
    cluster.restore(kept).unwrap();
    load(&cluster, files);
    cluster
}

fn load(cluster: &Cluster, files: &[&[Setting]]) {
    cluster
        .load("clustering.conf", &entries(&files.concat()))
        .unwrap();
}

impl World {
    pub fn of(names: &[&str]) -> Self {
        let database = Connection::open_in_memory().unwrap();
        let script = include_str!("../../conf/clustering.sqlite.sql");
        database.execute_batch(script).unwrap();
        let mut world = Self {
            database,
            failure: RefCell::default(),
            nodes: Vec::new(),
            log: Vec::new(),
            saved: BTreeMap::new(),
            now: 1_000,
        };
        for name in names {
            world.starts(name, &[FILE]);
        }
        world
    }

    pub fn starts(&mut self, name: &str, files: &[&[Setting]]) {
        let process = 1 + self.nodes.len() as u64;
        self.nodes
            .push((name.to_owned(), engine(name, process, files)));
    }

    /// Starts an engine again, with what it has saved.
    fn starts_again(&mut self, name: &str, files: &[&[Setting]]) {
        self.ends(name);
        let again = engine_again(name, &self.saved[name], files);
        self.nodes.push((name.to_owned(), again));
    }

    pub fn node(&self, name: &str) -> &Cluster {
        let node = self.nodes.iter().find(|(own, _)| own == name);
        &node.unwrap().1
    }

    pub fn ends(&mut self, name: &str) {
        self.nodes.retain(|(own, _)| own != name);
    }

    /// Rows of a query, or its error.
    pub fn ask(&self, query: &[u8]) -> Result<Vec<Vec<u8>>, String> {
        let query = std::str::from_utf8(query).unwrap();
        let is_write = !query.starts_with("SELECT");
        if let Some((only_writes, error)) = *self.failure.borrow()
            && (is_write || !only_writes)
        {
            return Err(error.to_owned());
        }
        let mut statement = self.database.prepare(query).map_err(|e| e.to_string())?;
        // A number is text, too, as engines give it.
        let rows = statement.query_map([], |row| {
            let number = |number: Option<i64>| number.map(|number| number.to_string());
            row.get::<_, Option<String>>(0)
                .or_else(|_| row.get(0).map(number))
        });
        let rows = rows.unwrap().map(|row| row.map(Option::unwrap_or_default));
        let rows: Result<Vec<_>, _> = rows.collect();
        let rows = rows.map_err(|error| error.to_string())?;
        Ok(rows.into_iter().map(String::into_bytes).collect())
    }

    /// So many seconds pass for all nodes.
    pub fn pass(&mut self, seconds: u64) {
        for _ in 0..seconds {
            self.now += 1;
            let now = SteadyTime(self.now * SECOND);
            let wall = self.wall();
            let mut log = Vec::new();
            for (name, node) in &self.nodes {
                node.tick(now);
                while let Some(task) = node.next_task() {
                    match task {
                        Task::Log { line, .. } => log.push((name.clone(), line)),
                        Task::Probe(probe) => {
                            let lives = self
                                .nodes
                                .iter()
                                .any(|(own, _)| own.as_bytes() == &*probe.node);
                            let outcome = if lives {
                                Outcome::Answered(200)
                            } else {
                                Outcome::NoAnswer
                            };
                            node.probed(&probe.node, probe.number, outcome, now);
                        }
                        Task::Query(query) => {
                            assert_eq!(&*query.account, b"cluster");
                            let answer = self.ask(&query.query);
                            let rows = answer.as_deref().unwrap_or_default();
                            let rows: Vec<_> = rows.iter().map(|row| &row[..]).collect();
                            let error = answer.as_ref().err();
                            let reply = Reply {
                                handled: true,
                                error: error.map(String::as_bytes),
                                ..Reply::default()
                            };
                            node.queried(query.number, &reply, &rows, (now, wall));
                        }
                        Task::CountChannels => node.counted(4),
                        Task::Save => {
                            self.saved.insert(name.clone(), node.state());
                        }
                        Task::Event(_) => {}
                    }
                }
            }
            self.log.append(&mut log);
        }
    }

    /// The lines that a node has logged since the last look, but for those about probes.
    pub fn said(&mut self, name: &str) -> Vec<String> {
        let lines = self.log.iter().filter(|(own, _)| own == name);
        let lines = lines.map(|(_, line)| line.clone());
        let lines =
            lines.filter(|line| !line.contains("' is up: ") && !line.contains("' is down: "));
        let lines = lines.collect();
        self.log.retain(|(own, _)| own != name);
        lines
    }

    fn list(&self, name: &str) -> Vec<String> {
        let settings = self.node(name).settings();
        let names = settings.nodes.iter().map(|node| &node.name);
        let mut names: Vec<_> = names
            .map(|name| String::from_utf8_lossy(name).into_owned())
            .collect();
        names.sort();
        names
    }

    fn admin(&self, at: &str, node: &str) -> AdminState {
        let settings = self.node(at).settings();
        settings.nodes.find(node.as_bytes()).unwrap().state.admin()
    }

    /// Asserts that all three nodes have a node in this state.
    #[track_caller]
    fn assert_admin(&self, node: &str, admin: AdminState) {
        for name in THREE {
            assert_eq!(self.admin(name, node), admin, "{name}");
        }
    }

    pub fn run(&self, at: &str, line: &str) -> String {
        command::run(self.node(at), line.as_bytes()).unwrap()
    }

    /// Runs a command whose query the database answers.
    pub fn run_with_database(&self, at: &str, line: &str) -> String {
        let node = self.node(at);
        let mut request = Request {
            line: line.as_bytes(),
            now: self.wall(),
            ..Request::default()
        };
        let query = command::query(node, &request).expect("it needs the database");
        assert_eq!(&*query.account, b"cluster");
        let rows = self.ask(&query.text).unwrap();
        request.rows = rows.iter().map(|row| &row[..]).collect();
        request.reply = Some(Reply {
            handled: true,
            ..Reply::default()
        });
        command::run(node, request).unwrap()
    }

    pub fn wall(&self) -> WallTime {
        WallTime((1_795_000_000 + self.now) * SECOND)
    }

    pub fn execute(&self, statement: &str) {
        self.database.execute_batch(statement).unwrap();
    }
}

pub const THREE: [&str; 3] = ["node1", "node2", "node3"];

/// Three nodes that know each other, and have said so.
fn three() -> World {
    let mut world = World::of(&THREE);
    world.pass(2 * POLL);
    for name in THREE {
        assert_eq!(world.list(name), THREE, "{name}");
        assert_eq!(world.said(name).len(), 2);
    }
    world
}

#[test]
fn a_node_that_starts_is_known_to_all_within_one_poll() {
    let mut world = three();
    world.starts("node4", &[FILE]);
    // Its first look, its row, and everybody's next look.
    world.pass(2 + POLL);
    for name in THREE {
        assert_eq!(world.list(name).len(), 4, "{name}");
        assert_eq!(world.said(name), ["Node 'node4' has joined the cluster"]);
    }
    world.pass(POLL);
    assert_eq!(world.list("node4").len(), 4);
}

#[test]
fn the_list_has_what_the_section_of_a_node_in_its_own_file_has() {
    let mut world = three();
    let own: &[Setting] = &[
        ("node node4", "callto", "sip/sip:x'y|z%@192.0.2.77"),
        ("node node4", "weight", "7"),
    ];
    world.starts("node4", &[own, FILE]);
    world.pass(2 + POLL);
    let settings = world.node("node1").settings();
    let node = settings.nodes.find(b"node4").unwrap();
    assert_eq!(node.weight, 7);
    assert_eq!(&*node.probe, b"sip:192.0.2.77");
    assert!(
        settings
            .nodes
            .find_target(b"sip/sip:x'y|z%@192.0.2.77")
            .is_some()
    );
}

#[test]
fn a_drain_is_said_once_and_holds_over_restarts() {
    let mut world = three();
    assert_eq!(
        world.run("node1", "drain node3"),
        "Node 'node3' is draining\n"
    );
    world.pass(1 + POLL);
    world.assert_admin("node3", AdminState::Draining);
    assert_eq!(
        world.said("node2"),
        ["Node 'node3' is draining, as another node was told"]
    );
    for name in THREE {
        world.ends(name);
    }
    for name in THREE {
        world.starts(name, &[FILE]);
    }
    world.pass(2 * POLL);
    world.assert_admin("node3", AdminState::Draining);
    world.run("node2", "undrain node3");
    world.pass(1 + POLL);
    world.assert_admin("node3", AdminState::Enabled);
}

#[test]
fn of_two_things_that_are_said_at_once_one_is_the_outcome_everywhere() {
    let mut world = three();
    world.run("node1", "drain node3");
    world.run("node2", "disable node3");
    world.pass(1 + 2 * POLL);
    let outcome = world.admin("node1", "node3");
    assert_ne!(outcome, AdminState::Enabled);
    world.assert_admin("node3", outcome);
}

#[test]
fn what_is_said_without_the_database_holds_here_and_everywhere_as_soon_as_it_is_back() {
    let mut world = three();
    *world.failure.borrow_mut() = Some((false, "server closed the connection"));
    world.pass(POLL);
    world.run("node1", "drain node3");
    world.pass(60);
    assert_eq!(world.admin("node1", "node3"), AdminState::Draining);
    assert_eq!(world.admin("node2", "node3"), AdminState::Enabled);
    *world.failure.borrow_mut() = None;
    world.pass(2 + 2 * POLL);
    world.assert_admin("node3", AdminState::Draining);
}

#[test]
fn without_the_database_the_last_list_stays_over_a_restart_and_that_is_said_once() {
    let mut world = three();
    let kept = world.node("node1").state();
    *world.failure.borrow_mut() = Some((false, "server closed the connection"));
    world.pass(60);
    assert_eq!(
        world.said("node1"),
        [
            "The list of nodes in database account 'cluster' can't be read, the last known one stays in force: the \
             query failed: server closed the connection"
        ]
    );
    assert_eq!(world.list("node1"), THREE);
    world.ends("node1");
    let again = engine_again("node1", &kept, &[FILE]);
    world.nodes.push(("node1".to_owned(), again));
    assert_eq!(world.list("node1"), THREE);
    world.pass(60);
    assert_eq!(world.said("node1").len(), 1);
    *world.failure.borrow_mut() = None;
    world.pass(2 * POLL);
    assert_eq!(
        world.said("node1"),
        ["The list of nodes in database account 'cluster' is read again"]
    );
    assert_eq!(world.list("node1"), THREE);
}

#[test]
fn a_database_that_can_only_be_read_is_said_once_and_read_on() {
    let mut world = three();
    *world.failure.borrow_mut() = Some((true, "attempt to write a readonly database"));
    world.run("node1", "drain node3");
    world.pass(60);
    let said = world.said("node1");
    let line = "Nothing can be written to the list of nodes in database account 'cluster', so the other nodes don't \
                learn of changes on this one: the query failed: attempt to write a readonly database";
    let drained = "Node 'node3' is draining, by command; it was enabled";
    assert_eq!(said, [drained, line]);
    world.execute("UPDATE cluster_nodes SET admin = 'disabled' WHERE name = 'node2'");
    world.pass(1 + POLL);
    assert_eq!(world.admin("node1", "node2"), AdminState::Disabled);
    *world.failure.borrow_mut() = None;
    world.pass(2 + 2 * POLL);
    assert_eq!(world.admin("node2", "node3"), AdminState::Draining);
}

#[test]
fn a_table_that_is_missing_takes_no_node_away_and_one_that_is_empty_is_filled_again() {
    let mut world = three();
    world.execute("ALTER TABLE cluster_nodes RENAME TO elsewhere");
    world.pass(60);
    let said = world.said("node1");
    assert!(said[0].contains("no such table"), "{said:?}");
    assert_eq!(said.len(), 1, "{said:?}");
    assert_eq!(world.list("node1"), THREE);
    world.execute("ALTER TABLE elsewhere RENAME TO cluster_nodes; DELETE FROM cluster_nodes");
    world.pass(90);
    for name in THREE {
        assert_eq!(world.list(name), THREE, "{name}");
    }
    let rows = world.ask(b"SELECT name FROM cluster_nodes").unwrap();
    assert_eq!(rows.len(), 3);
}

#[test]
fn a_table_that_lost_its_rows_takes_no_node_away_however_far_apart_nodes_look_at_the_whole() {
    let mut world = World::of(&[]);
    for name in THREE {
        world.starts(name, &[FILE]);
        world.pass(900);
    }
    world.execute("DELETE FROM cluster_nodes");
    for minute in 0..120 {
        world.pass(60);
        for name in THREE {
            assert_eq!(world.list(name), THREE, "{name} after {minute} minutes");
        }
    }
    let rows = world.ask(b"SELECT name FROM cluster_nodes").unwrap();
    assert_eq!(rows.len(), 3);
}

#[test]
fn a_node_that_comes_into_the_list_drained_stays_so() {
    let mut world = World::of(&["node1", "node2"]);
    let alone: &[Setting] = &[
        ("general", "regexp", "^node\\([0-9]*\\)$"),
        ("general", "callto", "sip/sip:cluster/@192.0.2.\\1"),
        ("node node3", "weight", "100"),
    ];
    world.starts("node3", &[alone]);
    world.run("node3", "drain node3");
    world.pass(1);
    load(world.node("node3"), &[FILE]);
    world.pass(2 + 2 * POLL);
    world.assert_admin("node3", AdminState::Draining);
}

#[test]
fn a_drain_of_a_node_that_has_no_row_yet_is_in_its_row() {
    let mut world = World::of(&["node1", "node2"]);
    world.pass(2 * POLL);
    *world.failure.borrow_mut() = Some((false, "server closed the connection"));
    world.starts("node3", &[FILE]);
    world.pass(POLL);
    world.run("node3", "drain node3");
    world.pass(POLL);
    *world.failure.borrow_mut() = None;
    world.pass(2 + 2 * POLL);
    world.assert_admin("node3", AdminState::Draining);
}

#[test]
fn what_was_said_without_the_database_is_written_after_a_restart_too_and_only_once() {
    let mut world = three();
    world.ends("node3");
    *world.failure.borrow_mut() = Some((true, "attempt to write a readonly database"));
    world.run("node1", "drain node2");
    world.pass(60);
    let said = world.run("node1", "forget node3");
    assert_eq!(said, "Node 'node3' is forgotten by all nodes\n");
    world.pass(1);
    world.starts_again("node1", &[FILE]);
    world.pass(POLL);
    assert_eq!(world.admin("node2", "node2"), AdminState::Enabled);
    *world.failure.borrow_mut() = None;
    world.pass(3 + 3 * POLL);
    for name in ["node1", "node2"] {
        assert_eq!(world.admin(name, "node2"), AdminState::Draining, "{name}");
        assert_eq!(world.list(name), ["node1", "node2"]);
    }
    world.run("node2", "undrain node2");
    world.pass(1 + POLL);
    world.starts_again("node1", &[FILE]);
    world.pass(2 + 2 * POLL);
    for name in ["node1", "node2"] {
        assert_eq!(world.admin(name, "node2"), AdminState::Enabled, "{name}");
    }
}

#[test]
fn the_values_of_a_nodes_row_hold_on_the_node_itself_over_a_reload_and_a_restart() {
    let mut world = three();
    world.execute("UPDATE cluster_nodes SET weight = '0' WHERE name = 'node1'");
    world.pass(1 + POLL);
    let weight = |world: &World| {
        let settings = world.node("node1").settings();
        settings.nodes.find(b"node1").unwrap().weight
    };
    assert_eq!(weight(&world), 0);
    *world.failure.borrow_mut() = Some((false, "server closed the connection"));
    load(world.node("node1"), &[FILE]);
    world.pass(60);
    assert_eq!(weight(&world), 0, "after a reload");
    world.starts_again("node1", &[FILE]);
    assert_eq!(weight(&world), 0, "after a restart");
    *world.failure.borrow_mut() = None;
    world.pass(2 * POLL);
    assert_eq!(weight(&world), 0);
}

#[test]
fn a_section_that_a_node_has_no_more_is_taken_out_of_its_row() {
    let mut world = three();
    let own: &[Setting] = &[("node node4", "weight", "7")];
    world.starts("node4", &[own, FILE]);
    world.pass(2 + POLL);
    let weight = |world: &World, at: &str| {
        let settings = world.node(at).settings();
        settings.nodes.find(b"node4").unwrap().weight
    };
    assert_eq!(weight(&world, "node1"), 7);
    load(world.node("node4"), &[FILE]);
    world.pass(2 + 2 * POLL);
    for name in ["node1", "node4"] {
        assert_eq!(weight(&world, name), 100, "{name}");
    }
    // What an operator writes into the row from now on holds.
    world.execute("UPDATE cluster_nodes SET weight = '50' WHERE name = 'node4'");
    world.pass(1 + POLL);
    for name in ["node1", "node4"] {
        assert_eq!(weight(&world, name), 50, "{name}");
    }
}

#[test]
fn hostile_rows_are_left_out_and_nothing_else_is() {
    let mut world = three();
    let long = "x".repeat(65_536);
    for (name, callto) in [
        ("a/b", ""),
        ("*", ""),
        ("%0d%0a<clustering:WARN> x", "%00"),
        ("error", ""),
        ("bad-callto", "sip/${"),
        ("long", &*long),
        ("null|columns|more", ""),
        ("node2=taken%0ax", ""),
        ("x%0ay", ""),
        ("%20node3", ""),
        (&*"n".repeat(256), ""),
    ] {
        world.execute(&format!(
            "INSERT INTO cluster_nodes (name, admin, callto) VALUES ('{name}', 'draining', '{callto}')"
        ));
    }
    world.execute("INSERT INTO cluster_nodes (name, admin) VALUES ('node8', 'lazy')");
    world.execute(
        "INSERT INTO cluster_nodes (name, admin, weight) VALUES ('node9', 'disabled', '50')",
    );
    world.pass(1 + POLL);
    // A blank is no part of a name, so the row before that of node3 is none of its.
    for name in THREE {
        let expected = ["node1", "node2", "node3", "node9"];
        assert_eq!(world.list(name), expected, "{name}");
    }
    assert_eq!(world.admin("node1", "node9"), AdminState::Disabled);
    let said = world.said("node1");
    for line in [
        "Node 'a/b' in the database is left out: the name of a node can't have a slash",
        "Node 'node2=taken\\x0ax' in the database is left out: the name of a node can't have a control character",
        "Node ' node3' in the database is left out: the name of a node can't begin or end with a blank",
        "Node 'long' in the database is left out: its row in the table has more than 8192 bytes",
        "Node 'node8' in the database is left out: its 'admin' in the table is not enabled, draining, disabled or \
         forgotten",
    ] {
        assert!(said.contains(&line.to_owned()), "{said:#?}");
    }
    assert!(said.iter().all(|line| !line.contains('\n')));
    // Nor is anything of them kept, and no row takes a node over.
    let kept = world.node("node1").state();
    let head: &[u8] =
        b"; Nodes that were drained or disabled by command\n[nodes]\nnode9=disabled\n; end\n";
    let shown = String::from_utf8_lossy(&kept);
    assert!(kept.starts_with(head), "{shown}");
    let again = engine_again("node1", &kept, &[FILE]);
    let settings = again.settings();
    assert!(settings.nodes.iter().all(|node| !node.state.is_taken()));
}

/// It is no part of the cluster for this node as long as its row can't be used; then it is what its row says.
#[test]
fn a_node_whose_row_can_be_used_later_on_has_the_admin_state_of_its_row() {
    let mut world = three();
    let file: &[Setting] = &[
        ("general", "enabled", "yes"),
        ("cluster", "account", "cluster"),
    ];
    world.starts("node4", &[file]);
    let own = "('node5', 'draining', 'sip/sip:192.0.2.5'), ('node6', 'draining', '')";
    world.execute(&format!(
        "INSERT INTO cluster_nodes (name, admin, callto) VALUES {own}"
    ));
    world.pass(2 + POLL);
    assert_eq!(world.list("node4"), ["node5"], "no callto for the others");
    let is_kept = |world: &World, line: &str| {
        let kept = world.node("node4").state();
        String::from_utf8_lossy(&kept).contains(line)
    };
    assert!(is_kept(&world, "\nnode5=draining\n"));
    assert!(!is_kept(&world, "\nnode6=draining\n"));
    load(world.node("node4"), &[FILE]);
    assert_eq!(world.admin("node4", "node6"), AdminState::Draining);
    assert!(is_kept(&world, "\nnode6=draining\n"));
}

/// Its section is none that is wrong, but `regexp` is, for what the section makes of it.
#[test]
fn a_row_that_another_setting_can_not_be_used_with_is_left_out_and_no_other_is() {
    let file: &[Setting] = &[
        ("general", "regexp", "^\\([a-z]*-\\)*node[0-9]*$"),
        ("general", "callto", "sip/sip:cluster/@\\0.example.net"),
        ("locate", "account", "cluster"),
    ];
    let mut world = World::of(&[]);
    for name in THREE {
        world.starts(name, &[file, FILE]);
    }
    world.pass(2 * POLL);
    let mut expected: Vec<_> = THREE.iter().map(ToString::to_string).collect();
    for number in 4..40 {
        let callto = match number {
            9 | 10 | 35 => "sip/sip:%5c1@192.0.2.9",
            20 => "sip/${",
            _ => "",
        };
        world.execute(&format!(
            "INSERT INTO cluster_nodes (name, admin, callto) VALUES ('node{number}', 'draining', '{callto}')"
        ));
        if callto.is_empty() {
            expected.push(format!("node{number}"));
        }
    }
    expected.sort();
    for name in THREE {
        world.said(name);
    }
    world.pass(1 + POLL);
    for name in THREE {
        assert_eq!(world.list(name), expected, "{name}");
        let said = world.said(name);
        let about = |word: &str| -> Vec<_> {
            let lines = said.iter().filter(|line| line.contains(word));
            lines.cloned().collect()
        };
        let line = |number: u32| {
            format!(
                "Node 'node{number}' in the database is left out: with it a setting is wrong: clustering.conf: \
                 [general] regexp=^\\([a-z]*-\\)*node[0-9]*$: a repeated group that may match nothing may keep the C \
                 library busy for ever"
            )
        };
        let mut left_out = about("is left out: with it");
        left_out.sort();
        assert_eq!(left_out, [line(10), line(35), line(9)]);
        assert_eq!(about("'node20' in the database is left out").len(), 1);
        assert_eq!(about("has left the list"), [""; 0]);
    }
    let kept = world.node("node1").state();
    let kept = String::from_utf8_lossy(&kept);
    assert!(kept.contains("\nnode8=draining\n") && !kept.contains("\nnode9=draining\n"));
    // The row is corrected.
    world.execute("UPDATE cluster_nodes SET callto = '' WHERE name = 'node9'");
    world.pass(1 + POLL);
    world.assert_admin("node9", AdminState::Draining);
}

#[test]
fn a_section_in_a_file_wins_over_the_list() {
    let mut world = World::of(&[]);
    let own: &[Setting] = &[("node node2", "weight", "1")];
    world.starts("node1", &[own, FILE]);
    world.starts("node2", &[FILE]);
    world.starts("node3", &[FILE]);
    world.pass(2 * POLL);
    world.execute("UPDATE cluster_nodes SET weight = '50' WHERE name = 'node2'");
    world.pass(1 + POLL);
    let weight = |at: &str| {
        let settings = world.node(at).settings();
        settings.nodes.find(b"node2").unwrap().weight
    };
    assert_eq!(
        (weight("node1"), weight("node2"), weight("node3")),
        (1, 50, 50)
    );
}

#[test]
fn settings_that_differ_are_named_on_both_sides() {
    let mut world = World::of(&["node1"]);
    let other: &[Setting] = &[
        ("general", "prefix", "farm"),
        ("security", "secret", "a-secret-of-node2-alone"),
    ];
    world.starts("node2", &[other, FILE]);
    world.pass(2 * POLL);
    for (name, other) in [("node1", "node2"), ("node2", "node1")] {
        let line = format!("Node '{other}' has other settings than this node: prefix, secret");
        assert!(world.said(name).contains(&line), "{name}");
    }
    let table = world.run("node1", "nodes");
    assert!(table.contains("other prefix,secret"), "{table}");
    let metrics = status::metrics(world.node("node1"));
    assert!(
        metrics.contains("yate_clustering_node_drift{node=\"node2\"} 2"),
        "{metrics}"
    );
    load(world.node("node2"), &[FILE]);
    world.pass(40);
    let line = "The settings of node 'node2' are those of this node again".to_owned();
    assert!(world.said("node1").contains(&line));
}

#[test]
fn the_table_of_nodes_has_the_load_of_all() {
    let claims: &[Setting] = &[("locate", "account", "cluster")];
    let mut world = World::of(&["node1"]);
    world.starts("node2", &[claims, FILE]);
    world.starts("node3", &[claims, FILE]);
    let later = (world.wall().0 / SECOND) + 10_000;
    world.execute(&format!(
        "INSERT INTO cluster_resources VALUES ('conf/1', 'node2', {later}), ('conf/2', 'node2', {later}), \
         ('conf/3', 'node2', 5)"
    ));
    world.pass(60);
    world.ends("node3");
    world.pass(120);
    let table = world.run_with_database("node1", "nodes");
    let columns = |node: &str| {
        let row = table.lines().find(|row| row.starts_with(node)).unwrap();
        row.split_ascii_whitespace().collect::<Vec<_>>()
    };
    let titles = columns("NODE");
    assert_eq!(
        titles[6..11],
        ["CHANNELS", "ROOMS", "SHARE", "REGISTERED", "SEEN"]
    );
    let load = |node: &str| columns(node)[6..10].join(" ");
    assert_eq!(load("node1"), "4 - - 0", "it has no account for claims");
    assert_eq!(load("node2"), "4 2 100% 0");
    assert_eq!(load("node3"), "4 0 0% 0");
    let seen = |node: &str| columns(node)[10].to_owned();
    assert!(
        seen("node1").ends_with('s') && seen("node2").ends_with('s'),
        "{table}"
    );
    assert_eq!(seen("node3"), "2m");
    let metrics = status::metrics(world.node("node2"));
    for line in ["yate_clustering_channels 4", "yate_clustering_rooms 2"] {
        assert!(metrics.lines().any(|own| own == line), "{metrics}");
    }
    let told = |text: &str, node: &str| {
        let all: Value = serde_json::from_str(text).unwrap();
        let nodes = all["nodes"].as_array().unwrap();
        let node = nodes.iter().find(|one| one["name"] == node).unwrap();
        ["channels", "rooms", "registrations"].map(|key| node[key].as_u64())
    };
    // Programs are told the same, and without a query what the node knows of itself.
    let json = world.run_with_database("node1", "json");
    assert_eq!(told(&json, "node1"), [Some(4), None, Some(0)]);
    assert_eq!(told(&json, "node2"), [Some(4), Some(2), Some(0)]);
    assert!(command::query(world.node("node1"), &b"json 0".into()).is_none());
    assert!(command::query(world.node("node1"), &b"json 0+".into()).is_some());
    let json = world.run("node1", "json 0");
    assert_eq!(told(&json, "node1"), [Some(4), None, Some(0)]);
    assert_eq!(told(&json, "node2"), [None; 3]);
    // Without an answer the table is there all the same.
    let table = world.run("node1", "nodes");
    assert!(table.contains("node2"), "{table}");
}

/// By these the others know that a node lives, though they may not reach it, and whom it doesn't reach itself.
#[test]
fn a_heartbeat_says_until_when_it_is_good_and_who_is_down() {
    let mut world = three();
    let column = |world: &World, column: &str, name: &str| {
        let query = format!("SELECT {column} FROM cluster_heartbeats WHERE name = '{name}'");
        let rows = world.ask(query.as_bytes()).unwrap();
        String::from_utf8(rows[0].clone()).unwrap()
    };
    let lasts = |world: &World, name: &str| -> u64 {
        let expires: u64 = column(world, "expires", name).parse().unwrap();
        expires.saturating_sub(world.wall().0 / SECOND)
    };
    for _ in 0..100 {
        world.pass(1);
        for name in THREE {
            assert!((1..=18).contains(&lasts(&world, name)), "{name}");
            assert_eq!(column(&world, "down", name), "");
        }
    }
    world.ends("node3");
    let state = |world: &World| state(world.node("node1"), "node3");
    let mut seconds = 0;
    while state(&world) != State::Down {
        world.pass(1);
        seconds += 1;
    }
    assert!(seconds > 18, "the node is not lost before its heartbeat");
    assert_eq!(lasts(&world, "node3"), 0);
    world.pass(2);
    for name in ["node1", "node2"] {
        assert_eq!(column(&world, "down", name), "|node3|");
    }
    world.starts("node3", &[FILE]);
    while state(&world) != State::Up {
        world.pass(1);
    }
    world.pass(2);
    assert_eq!(column(&world, "down", "node1"), "");
}

#[test]
fn heartbeats_are_as_often_as_nodes_are_found_down() {
    let fast: &[Setting] = &[
        ("health", "interval", "3"),
        ("health", "timeout", "1"),
        ("health", "fall", "1"),
    ];
    let mut world = World::of(&[]);
    world.starts("node1", &[fast, FILE]);
    world.pass(POLL);
    let query = "SELECT expires FROM cluster_heartbeats";
    for _ in 0..20 {
        world.pass(1);
        let rows = world.ask(query.as_bytes()).unwrap();
        let expires: u64 = String::from_utf8_lossy(&rows[0]).parse().unwrap();
        let lasts = expires.checked_sub(world.wall().0 / SECOND);
        assert!(lasts.is_some_and(|lasts| lasts <= 5), "{lasts:?}");
    }
}

/// It has lost its network; its word must not cost all the others their rooms.
#[test]
fn a_node_that_is_cut_off_from_the_others_accuses_none() {
    let names: Vec<_> = (1..=70).map(|number| format!("node{number}")).collect();
    let names: Vec<_> = names.iter().map(String::as_str).collect();
    let mut world = World::of(&names);
    world.pass(4 * POLL);
    for name in &names[1..] {
        world.ends(name);
    }
    world.pass(100);
    let state = |node: &str| state(world.node("node1"), node);
    assert!(names[1..].iter().all(|name| state(name) == State::Down));
    let query = "SELECT down FROM cluster_heartbeats WHERE name = 'node1'";
    assert_eq!(world.ask(query.as_bytes()).unwrap(), [b""]);
}

#[test]
fn a_section_that_wins_over_the_list_is_seen_everywhere() {
    let own: &[Setting] = &[("node node2", "weight", "1")];
    let mut world = World::of(&[]);
    world.starts("node1", &[own, FILE]);
    world.starts("node2", &[FILE]);
    world.pass(2 * POLL);
    let line = "Section [node node2] in this file wins over the list in the database, which has another weight";
    let said = world.said("node1");
    assert_eq!(
        said.iter().filter(|own| *own == line).count(),
        1,
        "{said:?}"
    );
    assert!(
        world
            .run("node1", "nodes")
            .contains(", by the file: weight")
    );
    let said = world.run("node1", "where cluster/node2/x");
    assert!(
        said.contains("Its section in this node's file wins over the list: weight"),
        "{said}"
    );
    let said = world.run("node2", "where cluster/node1/x");
    assert!(
        said.contains("The list in the database has the node\n"),
        "{said}"
    );
}

#[test]
fn a_file_is_checked_against_what_the_cluster_has() {
    let world = three();
    let other: &[Setting] = &[("security", "window", "60"), ("node node2", "weight", "7")];
    let file = [other, FILE].concat();
    let document = Document::default();
    let said = check(
        world.node("node1"),
        "clustering.conf",
        &entries(&file),
        &document,
    );
    for line in [
        "Node 'node2' has other settings than this file: window",
        "Node 'node3' has other settings than this file: window",
        "Section [node node2] in this file wins over the list in the database, which has another weight",
        "clustering.conf is good",
    ] {
        assert!(said.lines().any(|own| own == line), "{said}");
    }
    let said = check(
        world.node("node1"),
        "clustering.conf",
        &entries(FILE),
        &document,
    );
    assert_eq!(said, "clustering.conf is good\n");
}

#[test]
fn a_node_that_comes_back_under_another_name_is_known_by_both() {
    let mut world = three();
    let kept = world.node("node2").state();
    world.ends("node2");
    let renamed = engine_again("node9", &kept, &[FILE]);
    world.nodes.push(("node9".to_owned(), renamed));
    world.pass(2 + POLL);
    let advice = "which is in the list of nodes until clustering forget node2";
    let line = format!("This node is 'node9', and was 'node2' when it ran before, {advice}");
    let said = world.said("node9");
    assert_eq!(
        said.iter().filter(|own| **own == line).count(),
        1,
        "{said:?}"
    );
    let line = format!("Node 'node9' was 'node2' when it ran before, {advice}");
    let said = world.said("node1");
    assert!(said.contains(&line), "{said:?}");
    assert_eq!(world.list("node1"), ["node1", "node2", "node3", "node9"]);
}

#[test]
fn two_engines_with_one_name_both_say_so_and_a_restart_is_none() {
    let mut world = three();
    world.ends("node2");
    world.starts("node2", &[FILE]);
    world.pass(60);
    assert!(
        world
            .said("node2")
            .iter()
            .all(|line| !line.contains("Another engine"))
    );
    world.starts("node2", &[FILE]);
    world.pass(3 + 2 * POLL);
    let line = "Another engine runs under the name of this node, 'node2': stop one of the two, or start it with another \
                name";
    let said = world.said("node2");
    let said = said.iter().filter(|said| *said == line);
    assert_eq!(said.count(), 2, "once on each, at once");
    let metrics = status::metrics(world.node("node2"));
    assert!(metrics.contains("\nyate_clustering_name_taken 1\n"));
    let json = world.run("node2", "json");
    assert!(json.contains("\"taken\":true"), "{json}");
    let metrics = status::metrics(world.node("node1"));
    assert!(metrics.contains("\nyate_clustering_name_taken 0\n"));
    world.pass(600);
    let said = world.said("node2");
    assert!(!said.contains(&line.to_owned()), "{said:?}");
}

#[test]
fn a_node_is_forgotten_by_command_and_only_when_it_is_dead() {
    let mut world = three();
    assert_eq!(
        world.node("node1").forget(b"node3"),
        Err(ForgetError::Alive)
    );
    assert_eq!(
        world.node("node1").forget(b"node7"),
        Err(ForgetError::Unknown)
    );
    world.ends("node3");
    world.pass(600);
    assert_eq!(
        world.list("node2"),
        THREE,
        "a dead node is never forgotten by itself"
    );
    let said = world.run("node1", "forget node3");
    assert_eq!(said, "Node 'node3' is forgotten by all nodes\n");
    world.pass(1 + POLL);
    for name in ["node1", "node2"] {
        assert_eq!(world.list(name), ["node1", "node2"], "{name}");
        let line = "Node 'node3' is no longer in the cluster".to_owned();
        assert!(world.said(name).contains(&line), "{name}");
    }
    world.starts("node3", &[FILE]);
    world.pass(2 + POLL);
    assert_eq!(world.list("node1"), THREE, "it is back as soon as it lives");
}

#[test]
fn a_row_that_somebody_deletes_is_gone_within_the_hour() {
    let mut world = three();
    world.ends("node3");
    world.execute("DELETE FROM cluster_nodes WHERE name = 'node3'");
    world.pass(3600 + POLL);
    assert_eq!(world.list("node1"), ["node1", "node2"]);
}

#[test]
fn a_change_after_the_newest_row_was_deleted_is_seen_within_one_poll() {
    let mut world = three();
    world.ends("node3");
    world.execute("UPDATE cluster_nodes SET weight = '50' WHERE name = 'node3'");
    world.pass(1 + POLL);
    world.execute(
        "DELETE FROM cluster_nodes WHERE name = 'node3'; \
         UPDATE cluster_nodes SET admin = 'draining' WHERE name = 'node2'",
    );
    world.pass(1 + POLL);
    for name in ["node1", "node2"] {
        assert_eq!(world.admin(name, "node2"), AdminState::Draining, "{name}");
    }
}

#[test]
fn a_query_that_never_ends_costs_one_line_and_no_other_query() {
    let node = engine("node1", 1, &[FILE]);
    let (mut queries, mut said) = (0, Vec::new());
    for second in 1..100 {
        node.tick(SteadyTime(second * SECOND));
        while let Some(task) = node.next_task() {
            match task {
                Task::Query(_) => queries += 1,
                Task::Log { line, .. } => said.push(line),
                Task::Probe(_) | Task::Save | Task::CountChannels | Task::Event(_) => {}
            }
        }
    }
    assert_eq!((queries, said.len()), (1, 1), "{said:?}");
    assert!(said[0].ends_with("no answer within 10000 ms"), "{said:?}");
}

#[test]
fn without_an_account_there_is_no_query() {
    let alone: Vec<_> = FILE
        .iter()
        .copied()
        .filter(|(section, ..)| *section != "cluster")
        .collect();
    let node = engine("node1", 1, &[&alone]);
    for second in 1..100 {
        node.tick(SteadyTime(second * SECOND));
    }
    assert_eq!(node.next_task(), None);
    assert!(status::params(&node).contains(",members=none,"));
}

#[test]
fn the_list_is_read_as_often_as_the_file_says_though_answers_take_time_and_ticks_are_not_on_time() {
    let node = engine("node1", 1, &[FILE]);
    let mut reads = Vec::new();
    for second in 1..=600 {
        // A tick comes up to a tenth of a second late, an answer up to half a second after that.
        let tick = SteadyTime(second * SECOND + second * 37 % 100 * 1_000);
        node.tick(tick);
        while let Some(task) = node.next_task() {
            let Task::Query(query) = task else {
                continue;
            };
            if query.query.starts_with(b"SELECT definition") {
                reads.push(second);
            }
            let answer = SteadyTime(tick.0 + second * 61 % 500 * 1_000);
            let reply = Reply {
                handled: true,
                ..Reply::default()
            };
            let wall = WallTime(1_795_000_000 * SECOND + answer.0);
            node.queried(query.number, &reply, &[], (answer, wall));
        }
    }
    let others: Vec<_> = reads
        .windows(2)
        .filter(|pair| pair[1] - pair[0] != POLL)
        .collect();
    assert!(others.is_empty() && reads.len() >= 119, "{reads:?}");
}

#[test]
fn a_node_that_is_taken_over_and_writes_its_heartbeat_is_a_line_of_the_log() {
    let mut world = World::of(&["node1", "node2", "node3"]);
    world.pass(40);
    world.said("node1");
    world.run("node1", "takeover node2");
    world.pass(60);
    let about = |lines: Vec<String>| -> Vec<String> {
        let lines = lines.into_iter();
        lines.filter(|line| line.contains("heartbeat")).collect()
    };
    let line = "Node 'node2' writes its heartbeat into the database, and this node has taken it over: release it, or \
                stop the other engine";
    assert_eq!(about(world.said("node1")), [line]);
    assert_eq!(about(world.said("node3")), [""; 0]);
    world.ends("node2");
    world.pass(200);
    assert_eq!(about(world.said("node1")), [""; 0], "it is dead");
    let answer = world.run("node1", "release node2");
    assert_eq!(answer, "Node 'node2' is released by this node\n");
    assert_eq!(world.list("node1"), ["node1", "node2", "node3"]);
}

#[test]
fn the_backups_of_a_node_stand_in_the_list() {
    let mut world = World::of(&["node1", "node3"]);
    world.starts("node2", &[&[("node node2", "backup", "node3,node1")], FILE]);
    world.pass(40);
    world.ends("node2");
    world.pass(60);
    let text = world.run("node1", "where cluster/node2/sip/sip:bob@192.0.2.9");
    assert!(
        text.contains(
            "Its backups are node3, node1 ([node node2] backup): 'node3' stands in for it"
        ),
        "{text}"
    );
}
