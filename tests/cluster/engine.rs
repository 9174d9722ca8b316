// SPDX-License-Identifier: GPL-2.0-or-later

//! A node: a process of the engine, with an address and a configuration of its own.

use std::fs;
use std::net::Ipv4Addr;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::{Arc, RwLock};
use std::thread;
use std::time::Duration;

use engine_process::{Guard, Handler, Message, Process, patiently};

use crate::cdr::{self, Cdr};
use crate::command;
use crate::installation::{Installation, MODULE};
use crate::log::Log;
use crate::status::Status;

/// A node, running or not. A question to a node that doesn't run fails the test.
pub struct Node {
    /// Its name in the cluster.
    pub name: String,
    /// Its address on the network.
    pub address: Ipv4Addr,
    installation: Arc<Installation>,
    directory: PathBuf,
    guard: Arc<Guard>,
    /// Its environment beside ours.
    pub environment: Vec<(&'static str, PathBuf)>,
    process: RwLock<Option<Process>>,
}

/// The directory of a node's modules.
pub fn modules(directory: &Path) -> PathBuf {
    directory.join("modules")
}

impl Node {
    /// A node that doesn't run yet, with these files of configuration. Its modules are in a directory in
    /// its own, which has to be filled.
    pub fn new(
        installation: &Arc<Installation>,
        guard: &Arc<Guard>,
        directory: PathBuf,
        (name, address): (&str, Ipv4Addr),
        files: &[(&str, String)],
    ) -> Self {
        fs::create_dir_all(&directory).expect("there is room for a directory");
        let node = Self {
            name: name.to_owned(),
            address,
            installation: Arc::clone(installation),
            directory,
            guard: Arc::clone(guard),
            environment: Vec::new(),
            process: RwLock::default(),
        };
        for (file, text) in files {
            node.configure(file, text);
        }
        node
    }

    /// Writes a file of its configuration, which is in force from the next start or reload on.
    pub fn configure(&self, file: &str, text: &str) {
        fs::write(self.directory.join(file), text).expect("there is room for a file");
    }

    /// Puts another module in the place of the one under test, which is in force when it is loaded again.
    pub fn has_module(&self, module: &Path) {
        let place = modules(&self.directory).join(MODULE);
        fs::remove_file(&place).expect("it has one");
        let module = fs::canonicalize(module)
            .unwrap_or_else(|error| panic!("{}: {error}", module.display()));
        symlink(module, place).expect("there is room for a link");
    }

    /// The text of a file of its configuration.
    pub fn configuration(&self, file: &str) -> String {
        fs::read_to_string(self.directory.join(file)).expect("it has such a file")
    }

    /// Starts it, for the first time or again, and waits until it is up.
    pub fn start(&self) {
        self.start_as(&self.name);
    }

    /// Starts it under another name.
    pub fn start_as(&self, name: &str) {
        let mut engine = self.installation.engine(&modules(&self.directory));
        engine.envs(self.environment.iter().map(|(name, value)| (name, value)));
        let process = Process::start(&mut engine, name, &self.directory, &self.guard);
        let process = process.unwrap_or_else(|error| panic!("{error}"));
        *self.process.write().unwrap() = Some(process);
    }

    /// Whether it was started and not ended yet.
    pub fn runs(&self) -> bool {
        self.process.read().unwrap().is_some()
    }

    /// Ends it as if by `kill -9`.
    pub fn kill(&self) {
        let process = self.process.write().unwrap().take();
        let process = process.unwrap_or_else(|| panic!("{} does not run", self.name));
        process.kill().expect("it is our child");
    }

    /// Ends it as if by `kill -9`, and starts it again in a later second: what was registered in the second of a
    /// start counts as registered since.
    pub fn crashes(&self) {
        self.kill();
        thread::sleep(Duration::from_secs(1));
        self.start();
    }

    /// Stops its process in the middle of whatever it does, or lets it go on: the signals `STOP` and `CONT`.
    pub fn signal(&self, signal: &str) {
        let id = self.running(|process| Ok(process.id()));
        let sent = Command::new("kill")
            .args([&format!("-{signal}"), &id.to_string()])
            .status();
        assert!(sent.is_ok_and(|status| status.success()), "it is our child");
    }

    /// Tells it to stop, waits until it has, and gives the reason if that went wrong.
    pub fn stop(&self) -> Result<(), String> {
        let Some(mut process) = self.process.write().unwrap().take() else {
            return Ok(());
        };
        // The connection may be gone before the answer has come.
        let _ = command::run(self.address, "stop");
        match process.wait().map_err(|error| error.to_string())? {
            Some(status) if status.success() => Ok(()),
            Some(status) => Err(format!("{} ended with {status}", self.name)),
            None => Err(format!("{} does not end", self.name)),
        }
    }

    /// The answer to a command of an operator.
    pub fn command(&self, line: &str) -> String {
        command::run(self.address, line).unwrap_or_else(|error| panic!("{line}: {error}"))
    }

    /// The words by which a line of an operator can go on.
    pub fn complete(&self, line: &str) -> Vec<String> {
        command::complete(self.address, line).unwrap_or_else(|error| panic!("{line}: {error}"))
    }

    /// The status of the module under test.
    pub fn status(&self) -> Status {
        Status::read(&self.command("status clustering"))
    }

    /// Its log.
    pub fn log(&self) -> Log {
        Log::of(Process::log(&self.directory))
    }

    /// Keeps all messages of these names from now on, see [`seen`](Self::seen).
    pub fn watch(&self, names: &[&str]) {
        for name in names {
            self.running(|process| process.client.watch(name));
        }
    }

    /// The next message that was watched and for which this holds. `what` names it for the case that it
    /// doesn't come.
    pub fn seen(&self, what: &str, is_it: impl Fn(&Message) -> bool) -> Message {
        self.running(|process| process.client.seen(what, is_it))
    }

    /// Handles all messages of a name from now on, as a module of the operator would.
    pub fn handle(&self, name: &str, priority: u32, handler: Handler) {
        self.running(|process| process.client.install(priority, name, handler));
    }

    /// The message after its dispatch.
    pub fn dispatch(&self, message: &Message) -> Message {
        self.running(|process| process.client.dispatch(message))
    }

    /// The name of the node that it places a room on.
    pub fn places(&self, room: u32) -> String {
        let locate = Message::new("cluster.locate").with("callto", &format!("conf/{room}"));
        self.dispatch(&locate).retval
    }

    /// Its call records, once there are this many.
    pub fn cdrs(&self, count: usize) -> Vec<Cdr> {
        let read = || {
            let text = fs::read_to_string(self.directory.join(cdr::FILE));
            Cdr::read(&text.unwrap_or_default())
        };
        patiently(
            || Some(read()).filter(|cdrs| cdrs.len() >= count),
            || format!("{} has {:#?}", self.name, read()),
        )
    }

    fn running<T>(&self, ask: impl FnOnce(&Process) -> std::io::Result<T>) -> T {
        let process = self.process.read().unwrap();
        let process = process.as_ref();
        let process = process.unwrap_or_else(|| panic!("{} does not run", self.name));
        ask(process).unwrap_or_else(|error| panic!("{}: {error}", self.name))
    }
}
