// SPDX-License-Identifier: GPL-2.0-or-later
//! The one engine of a test process.

use std::collections::VecDeque;
use std::fs;
use std::io;
use std::mem;
use std::os::unix::fs::symlink;
use std::panic::resume_unwind;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, OnceLock, PoisonError};

use cxx::UniquePtr;
use tempfile::TempDir;

use crate::ffi;
use crate::message::{Call, Callback, Message, Outcome, take_panic};
use crate::process::module_path;

/// Lines of the log that are kept; a test that reloads for ever must not eat the memory.
const LOG_LINES: usize = 50_000;

static ENGINE: OnceLock<Engine> = OnceLock::new();
static LOG: Mutex<VecDeque<String>> = Mutex::new(VecDeque::new());

/// The setup of an engine.
#[derive(Clone, Debug)]
pub struct Setup {
    /// The node's name (`-N`).
    pub node: String,
    /// Configuration files, by name without `.conf`.
    pub files: Vec<(String, String)>,
    /// Modules that are loaded at start (`-x`).
    pub modules: Vec<PathBuf>,
    /// The number of levels that the log shows above the default (`-v`), or below it (`-q`).
    pub verbosity: i32,
    /// Whether the log is written to a file, as a daemon's is, rather than kept for the test.
    pub log_to_file: bool,
}

/// `node1` with the module under test and no configuration.
impl Default for Setup {
    fn default() -> Self {
        Self {
            node: "node1".into(),
            files: Vec::new(),
            modules: vec![module_path()],
            verbosity: 0,
            log_to_file: false,
        }
    }
}

/// The engine that runs in this process.
pub struct Engine {
    directory: Mutex<Option<TempDir>>,
    root: PathBuf,
    exclusive: Mutex<()>,
}

/// A handler of the test's; it is uninstalled when this is dropped. Do not drop it in a handler.
pub struct Handler(#[expect(dead_code, reason = "held for its drop")] UniquePtr<ffi::Installed>);

impl Handler {
    pub(crate) fn new(installed: UniquePtr<ffi::Installed>) -> Self {
        Self(installed)
    }
}

/// The engine of this process, which the first call starts.
///
/// # Panics
/// When the engine does not start.
pub fn engine(setup: &Setup) -> &'static Engine {
    ENGINE.get_or_init(|| Engine::run(setup).expect("the engine starts"))
}

impl Engine {
    /// Starts the engine of this process.
    ///
    /// # Errors
    /// When one was started before, when its directories cannot be made, or when it ends instead of
    /// starting.
    pub fn start(setup: &Setup) -> io::Result<&'static Self> {
        let mut started = Ok(());
        let mut first = false;
        let engine = ENGINE.get_or_init(|| {
            first = true;
            Self::run(setup).unwrap_or_else(|error| {
                started = Err(error);
                Self::stopped()
            })
        });
        started?;
        if first {
            Ok(engine)
        } else {
            Err(io::Error::new(
                io::ErrorKind::AlreadyExists,
                "a process has one engine",
            ))
        }
    }

    fn stopped() -> Self {
        Self {
            directory: Mutex::new(None),
            root: PathBuf::new(),
            exclusive: Mutex::new(()),
        }
    }

    fn run(setup: &Setup) -> io::Result<Self> {
        let directory = TempDir::with_prefix("engine-")?;
        let root = directory.path().to_path_buf();
        fs::create_dir(root.join("conf"))?;
        fs::create_dir(root.join("modules"))?;
        for (name, text) in &setup.files {
            fs::write(configuration(&root, name), text)?;
        }
        let mut arguments = vec![
            "yate".to_owned(),
            "-c".to_owned(),
            utf8(&root.join("conf"))?,
            "-m".to_owned(),
            utf8(&root.join("modules"))?,
            "-N".to_owned(),
            setup.node.clone(),
        ];
        for module in &setup.modules {
            arguments.extend(["-x".to_owned(), utf8(&module.canonicalize()?)?]);
        }
        let louder = if setup.verbosity < 0 { "-q" } else { "-v" };
        for _ in 0..setup.verbosity.unsigned_abs() {
            arguments.push(louder.to_owned());
        }
        let log = if setup.log_to_file {
            utf8(&root.join("log"))?
        } else {
            String::new()
        };
        if !ffi::start(arguments, &log) {
            ffi::stop();
            let log = lines().drain(..).collect::<Vec<_>>().join("\n");
            return Err(io::Error::other(format!(
                "the engine did not start:\n{log}"
            )));
        }
        Ok(Self {
            directory: Mutex::new(Some(directory)),
            root,
            ..Self::stopped()
        })
    }

    /// Halts the engine and waits until it has gone; its exit code. The process's end does it too.
    pub fn stop(&self) -> i32 {
        let code = ffi::stop();
        drop(
            self.directory
                .lock()
                .unwrap_or_else(PoisonError::into_inner)
                .take(),
        );
        code
    }

    /// Keeps other tests of this process out while one changes the configuration or loads modules.
    pub fn exclusive(&self) -> MutexGuard<'_, ()> {
        self.exclusive
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }

    /// Writes a configuration file, given by its name without `.conf`.
    ///
    /// # Panics
    /// When the file cannot be written.
    pub fn configure(&self, name: &str, text: impl AsRef<[u8]>) {
        fs::write(self.configuration(name), text).expect("the configuration is writable");
    }

    /// The path of a configuration file, given by its name without `.conf`.
    #[must_use]
    pub fn configuration(&self, name: &str) -> PathBuf {
        configuration(&self.root, name)
    }

    /// The engine's node name.
    #[must_use]
    pub fn node_name(&self) -> Vec<u8> {
        ffi::node_name()
    }

    /// Dispatches a message in this thread. A panic of a handler of the test's comes out here.
    #[must_use]
    pub fn dispatch(&self, message: &Message) -> Outcome {
        let reply = ffi::dispatch(&message.packet());
        if let Some(panic) = take_panic() {
            resume_unwind(panic);
        }
        reply.into()
    }

    /// Queues a message for one of the engine's worker threads; false when the engine took it not.
    #[must_use]
    pub fn enqueue(&self, message: &Message) -> bool {
        ffi::enqueue(&message.packet())
    }

    /// Runs a command line as an operator's console does: the answer, or `None` where nobody knows
    /// it.
    #[must_use]
    pub fn command(&self, line: &str) -> Option<Vec<u8>> {
        let outcome = self.dispatch(&Message::new("engine.command").with("line", line));
        outcome.handled.then_some(outcome.retval)
    }

    /// The status of a module, or of all when the name is empty.
    #[must_use]
    pub fn status(&self, module: &str) -> Vec<u8> {
        let message = Message::new("engine.status");
        let message = if module.is_empty() {
            message
        } else {
            message.with("module", module)
        };
        self.dispatch(&message).retval
    }

    /// Has a module read its configuration again, in this thread; false where it isn't known.
    /// Without a name all modules do, later, in the engine's main thread.
    #[must_use]
    pub fn reload(&self, module: Option<&str>) -> bool {
        ffi::initialize(module.unwrap_or_default().as_bytes())
    }

    /// Loads a module under a name of its own, as the command `module load NAME.yate` does; whether
    /// it is loaded now. The engine then initializes all modules.
    ///
    /// # Panics
    /// When the module cannot be put where the engine looks for it.
    #[must_use]
    pub fn load(&self, module: &Path, name: &str) -> bool {
        let file = format!("{name}.yate");
        let link = self.root.join("modules").join(&file);
        if fs::read_link(&link).ok().as_deref() != Some(module) {
            let _ = fs::remove_file(&link);
            symlink(module, &link).expect("the module directory is writable");
        }
        let _ = self.command(&format!("module load {file}"));
        ffi::stop_at_exit();
        self.is_loaded(name)
    }

    /// Unloads the module whose file has that name, without `.yate`; whether it is gone from the
    /// engine's list.
    #[must_use]
    pub fn unload(&self, name: &str) -> bool {
        let _ = self.command(&format!("module unload {name}"));
        !self.is_loaded(name)
    }

    /// Whether the engine lists a module whose file has that name, without `.yate`.
    #[must_use]
    pub fn is_loaded(&self, name: &str) -> bool {
        let list = self.command("module list").unwrap_or_default();
        let mut modules = list.split(|byte| b"\t\r\n*".contains(byte));
        modules.any(|module| module == name.as_bytes())
    }

    /// Installs a handler of the test's.
    #[must_use]
    pub fn handle(
        &self,
        name: &str,
        priority: u32,
        handler: impl Fn(&mut Call) -> bool + Send + Sync + 'static,
    ) -> Handler {
        let callback = Box::new(Callback(Box::new(handler)));
        Handler(ffi::install(name.as_bytes(), priority, b"test", callback))
    }

    /// The lines logged since it was last taken.
    #[must_use]
    pub fn take_log(&self) -> Vec<String> {
        // With the room that they had: a test that measures memory mustn't find it.
        mem::take(&mut *lines()).into()
    }
}

fn configuration(root: &Path, name: &str) -> PathBuf {
    root.join("conf").join(format!("{name}.conf"))
}

fn utf8(path: &Path) -> io::Result<String> {
    let text = path.to_str().ok_or(io::ErrorKind::InvalidFilename)?;
    Ok(text.to_owned())
}

fn lines() -> MutexGuard<'static, VecDeque<String>> {
    LOG.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Called by the engine for each line it logs. `ENGINE_LOG` set shows them too.
pub(crate) fn log_line(line: &[u8]) {
    let line = String::from_utf8_lossy(line).trim_end().to_owned();
    if std::env::var_os("ENGINE_LOG").is_some() {
        eprintln!("{line}");
    }
    let mut log = lines();
    if log.len() == LOG_LINES {
        log.pop_front();
    }
    log.push_back(line);
}

/// Called at the process's end: an engine that still ran then would lose its memory under its feet.
pub(crate) fn at_exit() {
    match ENGINE.get() {
        Some(engine) => drop(engine.stop()),
        None => drop(ffi::stop()),
    }
}
