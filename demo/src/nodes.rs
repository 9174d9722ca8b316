// SPDX-License-Identifier: GPL-2.0-or-later

//! The nodes: processes of the engine, each with the module and a configuration of its own, in one
//! directory that goes with them.

use std::fs;
use std::io;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Arc;

use engine_process::{Client, Guard, Process, failure};
use tempfile::TempDir;

/// Where the engine and the module are.
pub struct Binaries {
    engine: PathBuf,
    module: PathBuf,
}

/// A node that is running.
pub struct Node {
    /// Its name in the cluster.
    pub name: String,
    directory: PathBuf,
    process: Process,
}

/// All nodes, and the directory they live in.
pub struct Nodes {
    running: Vec<Node>,
    /// The names of all that were ever started; the directory of each is called by its place here,
    /// not by its name, which is whatever somebody wrote in a file.
    names: Vec<String>,
    guard: Arc<Guard>,
    directory: TempDir,
}

impl Binaries {
    /// Finds the binaries: in `YATE_MOCK_DIR`, else where the build puts them.
    pub fn find() -> io::Result<Self> {
        let directory = std::env::var_os("YATE_MOCK_DIR").map_or_else(
            || Path::new(env!("CARGO_MANIFEST_DIR")).with_file_name("build/mock"),
            PathBuf::from,
        );
        let file = |name| {
            let path = directory.join(name);
            path.canonicalize()
                .map_err(|_| failure(format!("no {}: run `make build` first", path.display())))
        };
        Ok(Self {
            engine: file("yate-mock")?,
            module: file("clustering.yate")?,
        })
    }
}

impl Nodes {
    /// An empty directory, and no nodes yet.
    pub fn new() -> io::Result<Self> {
        let directory = tempfile::Builder::new()
            .prefix("clustering-demo-")
            .tempdir()?;
        Ok(Self {
            running: Vec::new(),
            names: Vec::new(),
            guard: Arc::new(Guard::new(directory.path())?),
            directory,
        })
    }

    /// Ends another process with this one, however this one ends.
    pub fn watch(&self, process: u32) -> io::Result<()> {
        self.guard.watch(process)
    }

    /// The directory that the nodes share.
    pub fn directory(&self) -> &Path {
        self.directory.path()
    }

    /// Starts a node with these files of configuration, and waits until it is up. One that ran before has
    /// what it kept.
    pub fn start(
        &mut self,
        binaries: &Binaries,
        name: &str,
        files: &[(&str, &str)],
    ) -> io::Result<()> {
        let place = self.names.iter().position(|known| known == name);
        let place = place.unwrap_or_else(|| {
            self.names.push(name.to_owned());
            self.names.len() - 1
        });
        let directory = self.home(place);
        let modules = directory.join("modules");
        if !modules.exists() {
            // Where the command that loads it again finds it.
            fs::create_dir_all(&modules)?;
            symlink(&binaries.module, modules.join("clustering.yate"))?;
        }
        fs::write(
            directory.join("yate.conf"),
            format!("[general]\nnodename={name}\n"),
        )?;
        for (file, text) in files {
            fs::write(directory.join(file), text)?;
        }
        let mut engine = Command::new(&binaries.engine);
        engine.arg("-v").arg("-m").arg(modules);
        let process = Process::start(&mut engine, name, &directory, &self.guard)?;
        self.running.push(Node {
            name: name.to_owned(),
            directory,
            process,
        });
        Ok(())
    }

    /// Ends a node as a crash or a power failure does.
    pub fn kill(&mut self, name: &str) -> io::Result<()> {
        let place = self.place(name)?;
        self.running.remove(place).process.kill()
    }

    /// The node of a name, which is running.
    pub fn get(&self, name: &str) -> io::Result<&Node> {
        Ok(&self.running[self.place(name)?])
    }

    /// What the nodes have logged, also those that run no more.
    pub fn logs(&self) -> String {
        let logs = self.names.iter().enumerate().map(|(place, name)| {
            let log = read_log(&self.home(place));
            format!("--- log of {name} ---\n{log}\n")
        });
        logs.collect()
    }

    fn home(&self, place: usize) -> PathBuf {
        self.directory().join(place.to_string())
    }

    fn place(&self, name: &str) -> io::Result<usize> {
        let place = self.running.iter().position(|node| node.name == name);
        place.ok_or_else(|| failure(format!("no node '{name}' is running")))
    }
}

impl Drop for Nodes {
    fn drop(&mut self) {
        // All at once, and then wait for each. One that doesn't listen is killed.
        for node in &self.running {
            let _ = node.client().command("stop");
        }
        for node in &mut self.running {
            let _ = node.process.wait();
        }
    }
}

impl Node {
    /// The demo's connection to it.
    pub fn client(&self) -> &Client {
        &self.process.client
    }

    /// A connection that nobody else waits for.
    pub fn connect(&self) -> io::Result<Client> {
        Process::connect(&self.directory)
    }

    /// What it has logged.
    pub fn log(&self) -> String {
        read_log(&self.directory)
    }

    /// Has the module load another configuration, which it may refuse.
    pub fn reload(&self, config: &str) -> io::Result<()> {
        fs::write(self.directory.join("clustering.conf"), config)?;
        self.client().command("reload clustering")?;
        Ok(())
    }
}

fn read_log(directory: &Path) -> String {
    let log = fs::read(Process::log(directory)).unwrap_or_default();
    String::from_utf8_lossy(&log).into_owned()
}
