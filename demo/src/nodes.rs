// SPDX-License-Identifier: GPL-2.0-or-later

//! The nodes: processes of the engine, each with the module and a configuration of its own, in one
//! directory that goes with them.
//!
//! Nothing of them may stay behind, even if the demo itself is killed. So a small shell stands guard:
//! it learns each node's process id, and if the demo ends without a goodbye it ends what is left.

use std::fs::{self, File};
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use tempfile::TempDir;

use crate::extmodule::{Client, failure};

const START_TIME: Duration = Duration::from_secs(10);
const STOP_TIME: Duration = Duration::from_secs(5);
const GOODBYE: &str = "goodbye";

/// Reads process ids until the goodbye, its second argument. At the end of input without one the
/// demo is dead: what is left are the processes, and the directory that is the first argument.
const GUARD: &str = r#"
trap '' HUP INT TERM
while read -r pid; do
    if [ "$pid" = "$2" ]; then exit; fi
    nodes="$nodes $pid"
done
kill -9 $nodes
rm -rf -- "$1"
"#;

/// Where the engine and the module are.
pub struct Binaries {
    engine: PathBuf,
    module: PathBuf,
}

/// A node that is running.
pub struct Node {
    /// Its name in the cluster.
    pub name: String,
    /// The demo's connection to it.
    pub client: Client,
    directory: PathBuf,
    process: Running,
}

/// All nodes, and the directory they live in.
pub struct Nodes {
    running: Vec<Node>,
    guard: Guard,
    directory: TempDir,
}

/// A process that is stopped at the latest when it goes out of scope.
struct Running(Child);

struct Guard {
    shell: Child,
    line: ChildStdin,
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
            guard: Guard::new(directory.path())?,
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
        let socket = directory.join("extmodule.sock");
        fs::create_dir(&directory)?;
        fs::create_dir(directory.join("modules"))?;
        let listener = format!(
            "[listener demo]\ntype=unix\npath={}\nrole=global\n",
            socket.display()
        );
        let own = [
            ("yate.conf", format!("[general]\nnodename={name}\n")),
            ("extmodule.conf", listener),
        ];
        let own = own.iter().map(|(file, text)| (*file, text.as_str()));
        for (file, text) in own.chain(files.iter().copied()) {
            fs::write(directory.join(file), text)?;
        }
        let log = File::create(directory.join("log"))?;
        let mut process = Running(
            Command::new(&binaries.engine)
                .args(["-v", "-c"])
                .arg(&directory)
                .arg("-m")
                .arg(directory.join("modules"))
                .arg("-x")
                .arg(&binaries.module)
                .args(["-N", name])
                .stdin(Stdio::null())
                .stdout(log.try_clone()?)
                .stderr(log)
                .spawn()?,
        );
        self.guard.watch(process.0.id())?;
        process.wait_until_up(&directory).map_err(|error| {
            let log = read_log(&directory);
            failure(format!("{name} does not start: {error}\n{log}"))
        })?;
        self.running.push(Node {
            name: name.to_owned(),
            client: Client::connect(&socket)?,
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
            let log = read_log(&node.directory);
            format!("--- log of {} ---\n{log}\n", node.name)
        });
        logs.collect()
    }
}

impl Drop for Nodes {
    fn drop(&mut self) {
        // All at once, and then wait for each. One that doesn't listen is killed.
        for node in &self.running {
            let _ = node.client.command("stop");
        }
        for mut node in self.running.drain(..) {
            node.process.wait_until_gone();
        }
        self.guard.dismiss();
    }
}

impl Node {
    /// Puts another configuration of the module in force.
    pub fn reload(&self, config: &str) -> io::Result<()> {
        fs::write(self.directory.join("clustering.conf"), config)?;
        let answer = self.client.command("reload clustering")?;
        if answer.ends_with(": ok") {
            Ok(())
        } else {
            Err(failure(answer))
        }
    }
}

impl Running {
    /// The engine says so when all modules are there.
    fn wait_until_up(&mut self, directory: &Path) -> io::Result<()> {
        let until = Instant::now() + START_TIME;
        while !read_log(directory).contains("is initialized and starting up") {
            if let Some(status) = self.0.try_wait()? {
                return Err(failure(status.to_string()));
            }
            if Instant::now() > until {
                return Err(failure("it takes too long"));
            }
            thread::sleep(Duration::from_millis(10));
        }
        Ok(())
    }

    /// Waits for a process that was told to stop.
    fn wait_until_gone(&mut self) {
        let until = Instant::now() + STOP_TIME;
        while matches!(self.0.try_wait(), Ok(None)) && Instant::now() < until {
            thread::sleep(Duration::from_millis(10));
        }
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        // Both fail only where the process is gone.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

impl Guard {
    fn new(directory: &Path) -> io::Result<Self> {
        let mut shell = Command::new("sh")
            .args(["-c", GUARD, "guard"])
            .arg(directory)
            .arg(GOODBYE)
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()?;
        let line = shell.stdin.take();
        let line = line.ok_or_else(|| failure("the guard does not listen"))?;
        Ok(Self { shell, line })
    }

    fn watch(&mut self, process: u32) -> io::Result<()> {
        writeln!(self.line, "{process}")
    }

    fn dismiss(&mut self) {
        // If it doesn't hear us it is gone.
        let _ = writeln!(self.line, "{GOODBYE}");
        let _ = self.shell.wait();
    }
}

fn read_log(directory: &Path) -> String {
    let log = fs::read(directory.join("log")).unwrap_or_default();
    String::from_utf8_lossy(&log).into_owned()
}
