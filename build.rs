// SPDX-License-Identifier: GPL-2.0-or-later

//! Makes the C header of the ABI, which a test compares with the committed one.

use std::env;
use std::fs;
use std::path::PathBuf;

fn main() {
    let sources = [
        "",
        "/abi",
        "/text",
        "/node",
        "/message",
        "/verdict",
        "/task",
        "/lookup",
        "/operator",
    ]
    .map(|file| format!("src/ffi{file}.rs"));
    for source in sources.iter().map(String::as_str).chain(["cbindgen.toml"]) {
        println!("cargo::rerun-if-changed={source}");
    }
    let config = cbindgen::Config::from_file("cbindgen.toml").expect("cbindgen.toml is readable");
    let out = PathBuf::from(env::var_os("OUT_DIR").expect("cargo sets OUT_DIR"));
    let builder = cbindgen::Builder::new().with_config(config);
    let mut header = Vec::new();
    sources
        .iter()
        .fold(builder, cbindgen::Builder::with_src)
        .generate()
        .expect("the C ABI can be read by cbindgen")
        .write(&mut header);
    // Rust's word for the safety of an entry is a precondition in the comments of the header.
    let header = String::from_utf8(header).expect("the sources are UTF-8");
    let header = header.replace(" * # Safety\n *\n * ", " * \\pre ");
    fs::write(out.join("clustering.h"), header).expect("the output directory is writable");
}
