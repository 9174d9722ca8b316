// SPDX-License-Identifier: GPL-2.0-or-later

//! Nothing may stay behind, even if we ourselves are killed. So a small shell stands guard: it
//! learns which engines run, and if we end without a goodbye it ends them.

use std::io::{self, Write};
use std::path::Path;
use std::process::{Child, ChildStdin, Command, Stdio};
use std::sync::{Mutex, PoisonError};

use crate::failure;

const GOODBYE: &str = "goodbye";

/// Each line has the process ids of all engines that run now, or is the goodbye, the second argument.
/// At the end of input without one we are dead: what is left are the engines, and the directory that
/// is the first argument.
const SCRIPT: &str = r#"
trap '' HUP INT TERM
while read -r line; do
    if [ "$line" = "$2" ]; then exit; fi
    engines=$line
done
kill -9 $engines
rm -rf -- "$1"
"#;

/// Ends the engines that outlive us, and removes their directory.
pub struct Guard {
    shell: Child,
    watched: Mutex<Watched>,
}

struct Watched {
    engines: Vec<u32>,
    line: ChildStdin,
}

impl Guard {
    /// Stands guard over engines that will live in this directory.
    ///
    /// # Errors
    /// When there is no shell.
    pub fn new(directory: &Path) -> io::Result<Self> {
        let mut shell = Command::new("sh")
            .args(["-c", SCRIPT, "guard"])
            .arg(directory)
            .arg(GOODBYE)
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()?;
        let line = shell.stdin.take();
        let line = line.ok_or_else(|| failure("the guard does not listen"))?;
        let engines = Vec::new();
        Ok(Self {
            shell,
            watched: Mutex::new(Watched { engines, line }),
        })
    }

    /// Watches over one more process.
    ///
    /// # Errors
    /// When the guard itself is gone.
    pub fn watch(&self, process: u32) -> io::Result<()> {
        self.change(|engines| engines.push(process))
    }

    /// A process is gone, so that its id may be somebody else's from now on.
    pub(crate) fn forget(&self, process: u32) -> io::Result<()> {
        self.change(|engines| engines.retain(|engine| *engine != process))
    }

    fn change(&self, change: impl FnOnce(&mut Vec<u32>)) -> io::Result<()> {
        let mut watched = self.watched.lock().unwrap_or_else(PoisonError::into_inner);
        change(&mut watched.engines);
        let ids: Vec<String> = watched.engines.iter().map(u32::to_string).collect();
        writeln!(watched.line, "{}", ids.join(" "))
    }
}

impl Drop for Guard {
    /// The engines have been ended by now.
    fn drop(&mut self) {
        let watched = self
            .watched
            .get_mut()
            .unwrap_or_else(PoisonError::into_inner);
        // A guard that doesn't hear us is gone.
        let _ = writeln!(watched.line, "{GOODBYE}");
        let _ = self.shell.wait();
    }
}
