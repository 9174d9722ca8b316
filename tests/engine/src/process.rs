// SPDX-License-Identifier: GPL-2.0-or-later
//! The facts of a test's own process and build.

use std::env;
use std::fs;
use std::path::{Path, PathBuf};

use crate::ffi;
use crate::message::optional;

/// Whether a file whose name ends so is mapped into this process as code. Tools that look for a
/// function's name map it, too, but as data.
///
/// # Panics
/// When `/proc` cannot be read.
#[must_use]
pub fn is_mapped(file: &str) -> bool {
    fs::read_to_string("/proc/self/maps")
        .expect("/proc/self/maps is readable")
        .lines()
        .any(|line| line.ends_with(file) && line.contains(" r-xp "))
}

/// Whether this was built with a real engine (`YATE_ROOT`) rather than with the mock.
#[must_use]
pub fn real_engine() -> bool {
    env!("ENGINE_BRIDGE_KIND") == "real"
}

/// Whether the engine asks a module's own code which messages its handlers shall meet. Yates before April 2025
/// don't, so there they meet them all, and a handler that was replaced stays in sight for a while.
#[must_use]
pub fn has_filters() -> bool {
    ffi::has_filters()
}

/// The module under test: `CLUSTERING_MODULE`, or the one that the build made for the engine of this test.
#[must_use]
pub fn module_path() -> PathBuf {
    env::var_os("CLUSTERING_MODULE").map_or_else(
        || Path::new(env!("ENGINE_BRIDGE_BUILD")).join("clustering.yate"),
        PathBuf::from,
    )
}

/// The engine's library, for a test that builds a module of its own.
#[must_use]
pub fn engine_library() -> PathBuf {
    env!("ENGINE_BRIDGE_LIBRARY").into()
}

/// The match of a POSIX basic regular expression in a text, and its nine groups; `None` where there
/// is no match, a group `None` that took no part.
#[must_use]
pub fn posix_match(pattern: &[u8], text: &[u8]) -> Option<Vec<Option<Vec<u8>>>> {
    let groups: Vec<_> = ffi::posix_match(pattern, text)
        .into_iter()
        .map(optional)
        .collect();
    (!groups.is_empty()).then_some(groups)
}
