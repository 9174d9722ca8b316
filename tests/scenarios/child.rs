// SPDX-License-Identifier: GPL-2.0-or-later
//! Tests that need a process of their own, because an engine ends in it or starts in its own way.

use std::env;
use std::fs::{self, File};
use std::os::unix::process::ExitStatusExt;
use std::path::Path;
use std::process::{self, Command};
use std::thread;
use std::time::{Duration, Instant};

/// The longest time that such a process may run.
const PATIENCE: Duration = Duration::from_secs(120);
/// Tells the process which test it is.
const ROLE: &str = "LIFE_CHILD";

/// The end of such a process.
#[derive(Debug)]
pub struct Ended {
    pub code: Option<i32>,
    pub signal: Option<i32>,
    /// Its output, the engine's log included.
    pub output: String,
}

/// Runs the test of that name once more, in a process of its own, where `body` gives the exit code.
///
/// # Panics
/// When the process doesn't end in time.
pub fn in_child(test: &str, body: impl FnOnce() -> i32) -> Ended {
    if env::var_os(ROLE).is_some_and(|role| role == test) {
        process::exit(body());
    }
    let log = Path::new(env!("CARGO_TARGET_TMPDIR")).join(test.replace(':', "_"));
    let file = File::create(&log).expect("the directory is cargo's for tests");
    let mut child = Command::new(env::current_exe().expect("a test knows itself"))
        .args(["--exact", test, "--nocapture"])
        .env(ROLE, test)
        .env("ENGINE_LOG", "1")
        .env("LSAN_OPTIONS", leak_options())
        .stdout(file.try_clone().expect("there is room for a handle"))
        .stderr(file)
        .spawn()
        .expect("a test can run itself");
    let begin = Instant::now();
    let status = loop {
        if let Some(status) = child.try_wait().expect("it is our child") {
            break Some(status);
        }
        if begin.elapsed() > PATIENCE {
            child.kill().expect("it is our child");
            child.wait().expect("it is our child");
            break None;
        }
        thread::sleep(Duration::from_millis(10));
    };
    let output = fs::read(log).expect("it was made above");
    let output = String::from_utf8_lossy(&output).into_owned();
    let Some(status) = status else {
        panic!("{test} did not end:\n{output}");
    };
    Ended {
        code: status.code(),
        signal: status.signal(),
        output,
    }
}

/// A thread that the engine kills leaks its memory, so leaks are looked for in the tests' own process only.
fn leak_options() -> String {
    let options = env::var("LSAN_OPTIONS").unwrap_or_default();
    format!("{options}:detect_leaks=0")
}

impl Ended {
    /// Asserts that the process ended by itself, found nothing wrong and left no thread running in a library
    /// that it had taken away.
    pub fn assert_clean(&self) {
        let Self {
            code,
            signal,
            output,
        } = self;
        assert_eq!((*code, *signal), (Some(0), None), "{output}");
        assert!(!output.contains("Could not kill"), "{output}");
    }
}
