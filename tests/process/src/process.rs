// SPDX-License-Identifier: GPL-2.0-or-later

//! One engine: a process with a directory of its own.

use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::Arc;
use std::thread;
use std::time::Instant;

use crate::patience::POLL;
use crate::{Client, Guard, PATIENCE, failure};

const LOG: &str = "log";
const SOCKET: &str = "extmodule.sock";

/// An engine that is up. It is killed, if it still runs, when this goes out of scope.
pub struct Process {
    /// Our connection to it.
    pub client: Client,
    running: Running,
}

/// A process that doesn't outlive this.
struct Running {
    child: Child,
    guard: Arc<Guard>,
}

impl Process {
    /// Starts a node and waits until it is up. `engine` is the program with its arguments, beside its name,
    /// the directory of its configuration and its module `extmodule`. Its output is added to its log.
    ///
    /// # Errors
    /// When it doesn't come up; the error has its log.
    pub fn start(
        engine: &mut Command,
        name: &str,
        directory: &Path,
        guard: &Arc<Guard>,
    ) -> io::Result<Self> {
        let socket = directory.join(SOCKET);
        let listener = format!(
            "[listener client]\ntype=unix\npath={}\nrole=global\n",
            socket.display()
        );
        fs::write(directory.join("extmodule.conf"), listener)?;
        let log = File::options()
            .create(true)
            .append(true)
            .open(Self::log(directory))?;
        let said = usize::try_from(log.metadata()?.len()).map_err(io::Error::other)?;
        let child = engine
            .arg("-c")
            .arg(directory)
            .args(["-N", name])
            .stdin(Stdio::null())
            .stdout(log.try_clone()?)
            .stderr(log)
            .spawn()?;
        let mut running = Running {
            child,
            guard: Arc::clone(guard),
        };
        guard.watch(running.child.id())?;
        running.wait_until_up(directory, said).map_err(|error| {
            let log = fs::read(Self::log(directory)).unwrap_or_default();
            let log = String::from_utf8_lossy(&log);
            failure(format!("{name} does not start: {error}\n{log}"))
        })?;
        Ok(Self {
            client: Client::connect(&socket)?,
            running,
        })
    }

    /// One more connection to the engine of this directory.
    ///
    /// # Errors
    /// When none runs there.
    pub fn connect(directory: &Path) -> io::Result<Client> {
        Client::connect(&directory.join(SOCKET))
    }

    /// The log of an engine of this directory.
    #[must_use]
    pub fn log(directory: &Path) -> PathBuf {
        directory.join(LOG)
    }

    /// The number of its process, for signals.
    #[must_use]
    pub fn id(&self) -> u32 {
        self.running.child.id()
    }

    /// Ends it at once, without a word to it.
    ///
    /// # Errors
    /// When it can't be killed.
    pub fn kill(mut self) -> io::Result<()> {
        self.running.child.kill()
    }

    /// Waits for one that was told to stop; `None` if it takes too long.
    ///
    /// # Errors
    /// When the operating system has no answer.
    pub fn wait(&mut self) -> io::Result<Option<ExitStatus>> {
        let begin = Instant::now();
        loop {
            let status = self.running.child.try_wait()?;
            if status.is_some() || begin.elapsed() > PATIENCE {
                return Ok(status);
            }
            thread::sleep(POLL);
        }
    }
}

impl Running {
    /// The engine logs this when all modules are there.
    fn wait_until_up(&mut self, directory: &Path, said: usize) -> io::Result<()> {
        let begin = Instant::now();
        loop {
            let log = fs::read(Process::log(directory))?;
            if String::from_utf8_lossy(&log[said..]).contains("is initialized and starting up") {
                return Ok(());
            }
            if let Some(status) = self.child.try_wait()? {
                return Err(failure(status.to_string()));
            }
            if begin.elapsed() > PATIENCE {
                return Err(failure("it takes too long"));
            }
            thread::sleep(POLL);
        }
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        // These fail only where the process, or the guard, is gone.
        let _ = self.child.kill();
        let _ = self.child.wait();
        let _ = self.guard.forget(self.child.id());
    }
}
