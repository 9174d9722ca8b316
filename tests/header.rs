// SPDX-License-Identifier: GPL-2.0-or-later

//! The committed C header is the one that the source gives, and compiles alone as C and as C++.

use std::path::{Path, PathBuf};
use std::process::Command;

const HEADER: &str = "include/clustering.h";

#[test]
fn the_committed_header_is_fresh() {
    let made = include_str!(concat!(env!("OUT_DIR"), "/clustering.h"));
    let committed = std::fs::read_to_string(path()).unwrap();
    assert!(committed == made, "{HEADER} is stale, run `make header`");
}

#[test]
fn the_header_compiles_alone_as_c_and_as_cpp() {
    for (compiler, language, standard) in [
        ("cc", "-xc", "-std=c99"),
        ("cc", "-xc", "-std=c2x"),
        ("c++", "-xc++", "-std=c++98"),
        ("c++", "-xc++", "-std=c++20"),
    ] {
        let status = Command::new(compiler)
            .args([
                language,
                standard,
                "-Wall",
                "-Wextra",
                "-Werror",
                "-fsyntax-only",
            ])
            .arg(path())
            .status()
            .expect("a C and C++ compiler is installed");
        assert!(status.success(), "{compiler} {standard}");
    }
}

fn path() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(HEADER)
}
