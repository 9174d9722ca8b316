// SPDX-License-Identifier: GPL-2.0-or-later

//! The time of day as the nodes of a lab see it, which a test may set.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

/// The clock of all nodes.
pub struct Clock {
    library: PathBuf,
    file: PathBuf,
}

impl Clock {
    /// The right time. Makes the library that tells it, in this directory.
    pub fn new(directory: &Path) -> Self {
        let source = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/cluster/clock.c");
        let library = directory.join("clock.so");
        let made = Command::new("cc")
            .args(["-shared", "-fPIC", source, "-ldl", "-o"])
            .arg(&library)
            .status()
            .expect("a C compiler is installed");
        assert!(made.success(), "the C compiler takes {source}");
        let clock = Self {
            library,
            file: directory.join("clock"),
        };
        clock.set_back(0);
        clock
    }

    /// Has all nodes believe from now on that it is so many seconds earlier than it is.
    pub fn set_back(&self, seconds: u64) {
        // Replaced as a whole, since nodes may be reading it.
        let next = self.file.with_extension("next");
        fs::write(&next, format!("{seconds}\n")).expect("there is room for a file");
        fs::rename(next, &self.file).expect("it was just written");
    }

    /// The environment of a node.
    pub fn environment(&self) -> [(&'static str, &Path); 2] {
        [("LD_PRELOAD", &self.library), ("LAB_CLOCK", &self.file)]
    }
}
