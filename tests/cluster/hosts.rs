// SPDX-License-Identifier: GPL-2.0-or-later

//! The names of hosts as the nodes of a lab see them: they end in `.lab.test`, and resolve as a test says.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

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
        let source = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/cluster/resolver.c");
        let library = directory.join("resolver.so");
        let made = Command::new("cc")
            .args(["-shared", "-fPIC", source, "-ldl", "-o"])
            .arg(&library)
            .status()
            .expect("a C compiler is installed");
        assert!(made.success(), "the C compiler takes {source}");
        let file = directory.join("hosts");
        Self { library, file }
    }

    /// Has these names resolve from now on, a line each: `node2.lab.test MILLISECONDS ADDRESS...`.
    pub fn say(&self, lines: &str) {
        // Replaced as a whole, since nodes may be reading it.
        let next = self.file.with_extension("next");
        fs::write(&next, format!("{DOMAIN}\n{lines}")).expect("there is room for a file");
        fs::rename(next, &self.file).expect("it was just written");
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
