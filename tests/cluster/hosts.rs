// SPDX-License-Identifier: GPL-2.0-or-later

//! The names of hosts as the nodes of a lab see them: they end in `.lab.test`, and resolve as a test says.

use std::fs;
use std::path::{Path, PathBuf};

use crate::preload;

/// The end of all names.
const DOMAIN: &str = ".lab.test";

/// The hosts that have names.
pub struct Hosts {
    library: PathBuf,
    file: PathBuf,
}

impl Hosts {
    /// None yet, in a file of this directory. Makes the library that resolves them.
    pub fn new(directory: &Path) -> Self {
        let library = preload::library(directory, "resolver");
        let file = directory.join("hosts");
        Self { library, file }
    }

    /// Has these names resolve from now on, a line each: `node2.lab.test MILLISECONDS ADDRESS...`.
    pub fn say(&self, lines: &str) {
        preload::replace(&self.file, &format!("{DOMAIN}\n{lines}"));
    }

    /// The names that the nodes' modules have looked up so far.
    pub fn asked(&self) -> Vec<String> {
        let text = fs::read_to_string(self.file.with_extension("asked"));
        text.unwrap_or_default()
            .lines()
            .map(str::to_owned)
            .collect()
    }

    /// The environment of a node.
    pub fn environment(&self) -> [(&'static str, &Path); 2] {
        [("LD_PRELOAD", &self.library), ("LAB_HOSTS", &self.file)]
    }
}
