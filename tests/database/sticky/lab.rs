// SPDX-License-Identifier: GPL-2.0-or-later

//! Nodes that claim resources: processes of the mock engine, or of the real one, without calls.

use std::env;
use std::fs;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering::SeqCst};
use std::thread;

use engine_bridge::{module_path, real_engine};
use engine_process::{Guard, Message, Process, eventually};
use tempfile::TempDir;

use super::database::Database;

/// The number of threads that ask each node.
const THREADS: usize = 4;

/// Nodes that run, and the directory they live in.
pub struct Lab {
    /// The nodes, in the order in which they were started.
    pub nodes: Vec<Node>,
    guard: Arc<Guard>,
    directory: TempDir,
}

/// A node that runs.
pub struct Node {
    directory: PathBuf,
    process: Process,
}

impl Lab {
    /// A lab without nodes.
    pub fn new() -> Self {
        let directory = TempDir::with_prefix("sticky-").expect("there is room for a directory");
        let guard = Guard::new(directory.path()).expect("there is a shell");
        fs::create_dir_all(directory.path().join("modules/server")).expect("there is room");
        Self {
            nodes: Vec::new(),
            guard: Arc::new(guard),
            directory,
        }
    }

    /// Two nodes that share a database and have different weights, each with its own `[node ...]` sections,
    /// and with settings of `[locate]` beside the account.
    pub fn of_two(database: &Database, weights: [&[(&str, u32)]; 2], locate: &str) -> Self {
        let mut lab = Self::new();
        for (name, weights) in ["node1", "node2"].into_iter().zip(weights) {
            let text = clustering(weights, &format!("account=claims\ntimeout=10000\n{locate}"));
            let mut files = database.files("claims");
            files.push(("clustering.conf", text));
            lab.start(name, &files);
        }
        lab
    }

    /// Starts a node with these files, and waits until it is up.
    pub fn start(&mut self, name: &str, files: &[(&str, String)]) {
        let directory = self.directory.path().join(name);
        fs::create_dir(&directory).expect("there is room for a directory");
        // As many workers as there are threads that may ask.
        let workers = "[general]\nminworkers=40\nmaxworkers=60\n".to_owned();
        for (file, text) in files.iter().chain([&("yate.conf", workers)]) {
            fs::write(directory.join(file), text).expect("there is room for a file");
        }
        let mut engine = engine(&self.directory.path().join("modules"));
        let process = Process::start(&mut engine, name, &directory, &self.guard);
        self.nodes.push(Node {
            directory,
            process: process.unwrap_or_else(|error| panic!("{error}")),
        });
    }

    /// Ends the engine of a node and starts it again.
    pub fn restart(&mut self, place: usize) {
        let node = &mut self.nodes[place];
        let id = node.process.id().to_string();
        let told = Command::new("kill").arg(id).status();
        assert!(told.is_ok_and(|told| told.success()));
        let status = node.process.wait().expect("it is our child");
        assert!(status.is_some_and(|status| status.success()), "{status:?}");
        let name = node.directory.file_name().and_then(|name| name.to_str());
        let mut engine = engine(&self.directory.path().join("modules"));
        let name = name.expect("it was given");
        let process = Process::start(&mut engine, name, &node.directory, &self.guard);
        node.process = process.unwrap_or_else(|error| panic!("{error}"));
    }

    /// Asks all nodes for the resources, in the same order on each, with some threads each. The
    /// answers in the order of the resources, for each node.
    pub fn ask(&self, resources: &[String]) -> Vec<Vec<String>> {
        thread::scope(|scope| {
            let asked: Vec<Vec<_>> = self
                .nodes
                .iter()
                .map(|node| {
                    let part = |first| resources.iter().skip(first).step_by(THREADS);
                    let ask = |first| move || part(first).map(|name| node.locate(name)).collect();
                    let start = |first| scope.spawn(ask(first));
                    (0..THREADS).map(start).collect()
                })
                .collect();
            let answers = asked.into_iter().map(|threads| {
                let parts: Vec<Vec<String>> = threads
                    .into_iter()
                    .map(|thread| thread.join().expect("it is answered"))
                    .collect();
                let answer = |place: usize| parts[place % THREADS][place / THREADS].clone();
                (0..resources.len()).map(answer).collect()
            });
            answers.collect()
        })
    }

    /// The answers of all nodes about the resources.
    ///
    /// # Panics
    /// When the answers differ.
    pub fn agreed(&self, resources: &[String]) -> Vec<String> {
        let mut answers = self.ask(resources).into_iter();
        let first = answers.next().expect("there is a node");
        for other in answers {
            let mut all = resources.iter().zip(first.iter().zip(&other));
            let differs = all.find(|(_, (one, other))| one != other);
            assert_eq!(differs, None, "{}", self.log());
        }
        first
    }

    /// Gives a command to all nodes.
    pub fn command(&self, line: &str) {
        for node in &self.nodes {
            node.command(line);
        }
    }

    fn log(&self) -> String {
        self.nodes.iter().map(Node::log).collect()
    }
}

impl Drop for Lab {
    /// Each node must end by itself, and well: that is part of every test.
    fn drop(&mut self) {
        for node in &self.nodes {
            // No message stops a real engine.
            let id = node.process.id().to_string();
            let told = Command::new("kill").arg(id).status();
            assert!(told.is_ok_and(|told| told.success()) || thread::panicking());
        }
        for node in &mut self.nodes {
            let status = node.process.wait().expect("it is our child");
            if !thread::panicking() {
                assert!(status.is_some_and(|status| status.success()), "{status:?}");
            }
        }
    }
}

impl Node {
    /// The answer to a `cluster.locate`; empty where there was none.
    pub fn locate(&self, resource: &str) -> String {
        let answer = self.dispatch(&Message::new("cluster.locate").with("callto", resource));
        if answer.handled {
            answer.retval
        } else {
            String::new()
        }
    }

    /// The message after its dispatch.
    pub fn dispatch(&self, message: &Message) -> Message {
        let answer = self.process.client.dispatch(message);
        answer.unwrap_or_else(|error| panic!("{error}\n{}", self.log()))
    }

    /// The answer to a command of an operator.
    pub fn command(&self, line: &str) -> String {
        let answer = self.process.client.command(line);
        answer.unwrap_or_else(|error| panic!("{error}\n{}", self.log()))
    }

    /// Writes a file of its configuration, which is in force from the next start or reload on.
    pub fn configure(&self, file: &str, text: &str) {
        fs::write(self.directory.join(file), text).expect("there is room for a file");
    }

    /// Puts other settings of the module in force.
    pub fn reload(&self, clustering: &str) {
        self.configure("clustering.conf", clustering);
        let generation = self.status("reload");
        self.command("reload clustering");
        assert_ne!(self.status("reload"), generation, "{}", self.log());
    }

    /// A value of `status clustering`.
    pub fn status(&self, name: &str) -> String {
        let message = Message::new("engine.status").with("module", "clustering");
        let status = self.dispatch(&message).retval;
        let mut values = status
            .split([',', ';', '\r'])
            .filter_map(|item| item.split_once('='));
        let value = values.find(|(key, _)| *key == name);
        value.map_or_else(
            || panic!("no {name}: {status}"),
            |(_, value)| value.to_owned(),
        )
    }

    /// Has all modules read their files again, as the command `reload` does.
    pub fn reload_all(&self) {
        let generation = self.status("reload");
        // To a real engine that has a terminal the other signal means that this is gone.
        let signal = if real_engine() { "-QUIT" } else { "-HUP" };
        let id = self.process.id().to_string();
        let told = Command::new("kill").args([signal, &id]).status();
        assert!(told.is_ok_and(|told| told.success()));
        let is_done = || self.status("reload") != generation;
        eventually(is_done, || self.log());
    }

    /// Counts the questions to databases from now on, as they are asked.
    pub fn questions(&self) -> Arc<AtomicUsize> {
        let count = Arc::new(AtomicUsize::new(0));
        let counted = Arc::clone(&count);
        let count_it = move |_: &mut Message| {
            counted.fetch_add(1, SeqCst);
            false
        };
        let client = &self.process.client;
        let installed = client.install(10, "database", Box::new(count_it));
        installed.unwrap_or_else(|error| panic!("{error}"));
        count
    }

    /// Its log so far.
    pub fn log(&self) -> String {
        let log = fs::read(Process::log(&self.directory)).unwrap_or_default();
        String::from_utf8_lossy(&log).into_owned()
    }

    /// Waits until its log has this text.
    pub fn wait_for(&self, text: &str) {
        eventually(
            || self.log().contains(text),
            || format!("'{text}' never came: {}", self.log()),
        );
    }
}

/// Settings with these nodes, none of which is ever down, and with these of `[locate]`.
pub fn clustering(weights: &[(&str, u32)], locate: &str) -> String {
    let node = |(name, weight): &(_, _)| format!("[node {name}]\nweight={weight}\n");
    let nodes: String = weights.iter().map(node).collect();
    format!(
        "[general]\nregexp=^node[0-9]$\ncallto=sip/sip:cluster/@\\0.invalid\n\
         {nodes}[health]\ninterval=0\n[locate]\n{locate}\n"
    )
}

/// The engine with the module, in a directory of modules that may be filled.
fn engine(modules: &Path) -> Command {
    let module = module_path();
    let module = module.canonicalize();
    let module = module.unwrap_or_else(|error| panic!("{}: {error}", module_path().display()));
    if !real_engine() {
        let mut engine = Command::new(module_path().with_file_name("yate-mock"));
        engine.args(["-v", "-m"]).arg(modules).arg("-x").arg(module);
        return engine;
    }
    let root = root();
    let installed = root.join("bin/yate").exists();
    let (program, libraries) = if installed {
        ("bin/yate", root.join("lib"))
    } else {
        ("yate", root.clone())
    };
    let mut found = vec![(module, "server/clustering.yate")];
    for name in [
        "extmodule.yate",
        "server/sqlitedb.yate",
        "server/pgsqldb.yate",
    ] {
        let place = stock().join(name);
        if place.exists() {
            found.push((place, name));
        }
    }
    for (place, name) in found {
        // It is there already for the second node.
        let _ = symlink(place, modules.join(name));
    }
    let mut engine = Command::new(root.join(program));
    engine.env("LD_LIBRARY_PATH", libraries);
    engine.args(["-v", "-m"]).arg(modules);
    engine
}

fn root() -> PathBuf {
    let root = env::var_os("YATE_ROOT").expect("a real engine has a root");
    fs::canonicalize(root).expect("YATE_ROOT is a directory")
}

/// The directory of a real engine's own modules.
fn stock() -> PathBuf {
    let installed = root().join("lib/yate");
    if installed.exists() {
        installed
    } else {
        root().join("modules")
    }
}
