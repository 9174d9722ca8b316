// SPDX-License-Identifier: GPL-2.0-or-later

//! Finds the programs that some tests need. Without them these tests are ignored, and say so.

use std::env;
use std::path::Path;

fn main() {
    println!("cargo::rerun-if-env-changed=PATH");
    for program in ["chromium", "prometheus"] {
        println!("cargo::rustc-check-cfg=cfg({program})");
        // Debian has them here, so an installation or a removal is noticed.
        println!("cargo::rerun-if-changed=/usr/bin/{program}");
        let path = env::var_os("PATH").unwrap_or_default();
        if env::split_paths(&path).any(|directory| Path::new(&directory).join(program).exists()) {
            println!("cargo::rustc-cfg={program}");
        }
    }
}
