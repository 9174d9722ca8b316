// SPDX-License-Identifier: GPL-2.0-or-later

//! The log of a node.

use std::fs;
use std::path::PathBuf;

use engine_process::patiently;

/// The log of a node.
pub struct Log {
    file: PathBuf,
    /// The place where it begins.
    start: usize,
}

impl Log {
    /// A file that may not be there yet.
    pub fn of(file: PathBuf) -> Self {
        Self { file, start: 0 }
    }

    /// Its lines from now on.
    pub fn since_now(self) -> Self {
        let start = self.bytes().len();
        Self { start, ..self }
    }

    /// Its text so far.
    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.bytes()[self.start..]).into_owned()
    }

    /// The number of lines that have this text so far.
    pub fn count(&self, text: &str) -> usize {
        let log = self.text();
        log.lines().filter(|line| line.contains(text)).count()
    }

    /// The first line that has this text, once it is there.
    ///
    /// # Panics
    /// When it doesn't come.
    pub fn wait_for(&self, text: &str) -> String {
        self.wait_for_nth(text, 1)
    }

    /// The line of that number, from 1 on, among those that have this text, once it is there.
    ///
    /// # Panics
    /// When it doesn't come.
    pub fn wait_for_nth(&self, text: &str, number: usize) -> String {
        let line = || {
            let log = self.text();
            let mut lines = log.lines().filter(|line| line.contains(text));
            lines.nth(number - 1).map(str::to_owned)
        };
        patiently(line, || {
            format!("the log never said '{text}':\n{}", self.text())
        })
    }

    fn bytes(&self) -> Vec<u8> {
        fs::read(&self.file).unwrap_or_default()
    }
}
