// SPDX-License-Identifier: GPL-2.0-or-later

//! The time of day as the nodes of a lab see it, which a test may set.

use std::path::{Path, PathBuf};

use crate::preload;

/// The clock of all nodes.
pub struct Clock {
    library: PathBuf,
    file: PathBuf,
}

impl Clock {
    /// The right time. Makes the library that tells it, in this directory.
    pub fn new(directory: &Path) -> Self {
        let library = preload::library(directory, "clock");
        let clock = Self {
            library,
            file: directory.join("clock"),
        };
        clock.set_back(0);
        clock
    }

    /// Has all nodes believe from now on that it is so many seconds earlier than it is.
    pub fn set_back(&self, seconds: u64) {
        preload::replace(&self.file, &format!("{seconds}\n"));
    }

    /// The environment of a node.
    pub fn environment(&self) -> [(&'static str, &Path); 2] {
        [("LD_PRELOAD", &self.library), ("LAB_CLOCK", &self.file)]
    }
}
