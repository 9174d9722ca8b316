// SPDX-License-Identifier: GPL-2.0-or-later
//! Compiles the C++ side against the engine that is to be tested, and links that engine.
//!
//! `YATE_ROOT` names a real Yate: an installed prefix, or a built source tree. Without it, it is the mock
//! engine that `make build` leaves in `build/mock`, or that of the build directory `MOCK_BUILD`, such as
//! one with a sanitizer. The engine's own flags are used as they are,
//! because some of its macros change the layout of its types.

use std::env;
use std::error::Error;
use std::fs;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::process::Command;

/// The flags and files to compile and link against one engine.
struct Host {
    kind: &'static str,
    flags: Vec<String>,
    includes: Vec<PathBuf>,
    library_dir: PathBuf,
    library: &'static str,
    /// The directory in which the module for this engine is built.
    build: PathBuf,
}

fn main() -> Result<(), Box<dyn Error>> {
    let manifest = PathBuf::from(env::var("CARGO_MANIFEST_DIR")?);
    let repository = manifest.ancestors().nth(2).ok_or("not in the repository")?;
    println!("cargo:rerun-if-env-changed=YATE_ROOT");
    println!("cargo:rerun-if-env-changed=MOCK_BUILD");
    println!("cargo:rerun-if-changed=build.rs");
    let host = match env::var_os("YATE_ROOT").filter(|root| !root.is_empty()) {
        Some(root) => real_engine(&fs::canonicalize(root)?, repository)?,
        None => mock_engine(repository)?,
    };
    compile(&host);
    link(&host)?;
    println!("cargo:rustc-env=ENGINE_BRIDGE_KIND={}", host.kind);
    let library = host.library_dir.join(format!("lib{}.so", host.library));
    println!(
        "cargo:rustc-env=ENGINE_BRIDGE_LIBRARY={}",
        library.display()
    );
    println!(
        "cargo:rustc-env=ENGINE_BRIDGE_BUILD={}",
        host.build.display()
    );
    Ok(())
}

fn real_engine(root: &Path, repository: &Path) -> Result<Host, Box<dyn Error>> {
    let installed = root.join("bin/yate-config");
    let (config, includes, library_dir) = if installed.exists() {
        (installed, root.join("include/yate"), root.join("lib"))
    } else {
        (
            root.join("yate-config"),
            root.to_path_buf(),
            root.to_path_buf(),
        )
    };
    let output = Command::new(&config)
        .arg("--cflags")
        .output()
        .map_err(|error| format!("YATE_ROOT: cannot run {}: {error}", config.display()))?;
    let flags = String::from_utf8(output.stdout)?;
    Ok(Host {
        kind: "real",
        flags: flags.split_whitespace().map(str::to_owned).collect(),
        includes: vec![includes],
        library_dir,
        library: "yate",
        build: repository.join("build/yate"),
    })
}

fn mock_engine(repository: &Path) -> Result<Host, Box<dyn Error>> {
    let library_dir = match env::var_os("MOCK_BUILD").filter(|build| !build.is_empty()) {
        Some(build) => std::path::absolute(build)?,
        None => repository.join("build/mock"),
    };
    let library = library_dir.join("libyate-mock.so");
    println!("cargo:rerun-if-changed={}", library.display());
    if !library.exists() {
        // Then only those that run an engine can't be linked.
        let library = library.display();
        println!("cargo:warning={library} is missing, `make build` makes it");
    }
    let flags = [
        "-fno-exceptions",
        "-DHAVE_GCC_FORMAT_CHECK",
        "-DHAVE_BLOCK_RETURN",
        "-DATOMIC_OPS",
    ];
    Ok(Host {
        kind: "mock",
        flags: flags.map(str::to_owned).to_vec(),
        includes: vec![repository.join("tests/mock-yate/include")],
        build: library_dir.clone(),
        library_dir,
        library: "yate-mock",
    })
}

fn compile(host: &Host) {
    let mut build = cxx_build::bridge("src/ffi.rs");
    build
        .std("c++17")
        .file("cpp/bridge.cpp")
        .file("cpp/bench.cpp")
        .file("cpp/life.cpp");
    for flag in &host.flags {
        build.flag(flag);
    }
    for include in &host.includes {
        build.flag("-isystem").flag(include);
    }
    build.compile("engine-bridge");
    for file in [
        "src/ffi.rs",
        "cpp/bridge.h",
        "cpp/bridge.cpp",
        "cpp/bench.h",
        "cpp/bench.cpp",
        "cpp/life.h",
        "cpp/life.cpp",
    ] {
        println!("cargo:rerun-if-changed={file}");
    }
}

/// Links the engine by way of links to it in `OUT_DIR`: cargo puts directories under the target
/// directory on the loader's path of every test and benchmark it runs, while an rpath would reach
/// only this package's own.
fn link(host: &Host) -> Result<(), Box<dyn Error>> {
    let links = PathBuf::from(env::var("OUT_DIR")?).join("engine");
    fs::remove_dir_all(&links).or_else(|error| match error.kind() {
        std::io::ErrorKind::NotFound => Ok(()),
        _ => Err(error),
    })?;
    fs::create_dir(&links)?;
    let stem = format!("lib{}.so", host.library);
    for entry in fs::read_dir(&host.library_dir).into_iter().flatten() {
        let entry = entry?;
        if entry.file_name().to_string_lossy().starts_with(&stem) {
            symlink(entry.path(), links.join(entry.file_name()))?;
        }
    }
    println!("cargo:rustc-link-search=native={}", links.display());
    println!("cargo:rustc-link-lib=dylib={}", host.library);
    println!(
        "cargo:rustc-link-arg=-Wl,-rpath,{}",
        host.library_dir.display()
    );
    Ok(())
}
