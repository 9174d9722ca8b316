// SPDX-License-Identifier: GPL-2.0-or-later

//! A library that nodes load before the C library, and the file by which a test tells it what to say.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

/// Makes the library of a C source beside this file, in a directory.
pub fn library(directory: &Path, name: &str) -> PathBuf {
    let source = Path::new(env!("CARGO_MANIFEST_DIR")).join(format!("tests/cluster/{name}.c"));
    let library = directory.join(format!("{name}.so"));
    let made = Command::new("cc")
        .args(["-shared", "-fPIC"])
        .arg(&source)
        .args(["-ldl", "-o"])
        .arg(&library)
        .status()
        .expect("a C compiler is installed");
    assert!(made.success(), "the C compiler takes {}", source.display());
    library
}

/// Replaces a file as a whole, since nodes may be reading it.
pub fn replace(file: &Path, text: &str) {
    let next = file.with_extension("next");
    fs::write(&next, text).expect("there is room for a file");
    fs::rename(next, file).expect("it was just written");
}
