// SPDX-License-Identifier: GPL-2.0-or-later

//! What a node has to say.

use std::fs;
use std::path::PathBuf;
use std::time::Instant;

use crate::{PATIENCE, POLL};

/// The log of a node.
pub struct Log {
    file: PathBuf,
}

impl Log {
    /// A file that may not be there yet.
    pub fn of(file: PathBuf) -> Self {
        Self { file }
    }

    /// What was said so far.
    pub fn text(&self) -> String {
        let log = fs::read(&self.file).unwrap_or_default();
        String::from_utf8_lossy(&log).into_owned()
    }

    /// The first line that has this text, once it is there.
    ///
    /// # Panics
    /// When it doesn't come.
    pub fn wait_for(&self, text: &str) -> String {
        let begin = Instant::now();
        loop {
            let log = self.text();
            if let Some(line) = log.lines().find(|line| line.contains(text)) {
                return line.to_owned();
            }
            assert!(
                begin.elapsed() < PATIENCE,
                "the log never said '{text}':\n{log}"
            );
            std::thread::sleep(POLL);
        }
    }
}
