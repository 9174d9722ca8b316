// SPDX-License-Identifier: GPL-2.0-or-later

//! The nodes: processes of the engine, each with the module and a configuration of its own, in one
//! directory that goes with them.

use std::fs;
use std::io;
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
            guard: Arc::new(Guard::new(directory.path())?),
            directory,
        })
    }

    /// The directory that the nodes share.
    pub fn directory(&self) -> &Path {
        self.directory.path()
    }

    /// Starts a node with these files of configuration, and waits until it is up.
    pub fn start(
        &mut self,
        binaries: &Binaries,
        name: &str,
        files: &[(&str, &str)],
    ) -> io::Result<()> {
        // Not by its name, which is whatever somebody wrote in a file.
        let directory = self.directory().join(self.running.len().to_string());
        fs::create_dir(&directory)?;
        fs::create_dir(directory.join("modules"))?;
        fs::write(
            directory.join("yate.conf"),
            format!("[general]\nnodename={name}\n"),
        )?;
        for (file, text) in files {
            fs::write(directory.join(file), text)?;
        }
        let mut engine = Command::new(&binaries.engine);
        engine
            .arg("-v")
            .arg("-m")
            .arg(directory.join("modules"))
            .arg("-x")
            .arg(&binaries.module);
        let process = Process::start(&mut engine, name, &directory, &self.guard)?;
        self.running.push(Node {
            name: name.to_owned(),
            directory,
            process,
        });
        Ok(())
    }

    /// The node of a name, which has been started.
    pub fn get(&self, name: &str) -> io::Result<&Node> {
        let found = self.running.iter().find(|node| node.name == name);
        found.ok_or_else(|| failure(format!("there is no node '{name}'")))
    }

    /// All nodes, in the order in which they were started.
    pub fn iter(&self) -> impl Iterator<Item = &Node> {
        self.running.iter()
    }

    /// What the nodes have logged.
    pub fn logs(&self) -> String {
        let logs = self.iter().map(|node| {
            let log = fs::read(Process::log(&node.directory)).unwrap_or_default();
            let log = String::from_utf8_lossy(&log);
            format!("--- log of {} ---\n{log}\n", node.name)
        });
        logs.collect()
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

    /// Puts another configuration of the module in force.
    pub fn reload(&self, config: &str) -> io::Result<()> {
        fs::write(self.directory.join("clustering.conf"), config)?;
        let answer = self.client().command("reload clustering")?;
        if answer.ends_with(": ok") {
            Ok(())
        } else {
            Err(failure(answer))
        }
    }
}
