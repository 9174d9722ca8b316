// SPDX-License-Identifier: GPL-2.0-or-later

//! The core in other hosts than an engine: the library, its installation, and the steps in the docs.

use std::collections::BTreeSet;
use std::fs;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::sync::OnceLock;

use engine_bridge::module_path;
use tempfile::TempDir;

const STRICT: [&str; 4] = ["-Wall", "-Wextra", "-Wpedantic", "-Werror"];

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

fn read(file: &str) -> String {
    fs::read_to_string(root().join(file)).unwrap()
}

/// Runs a line of a shell at the root of the source; its output has its errors, too.
fn shell(line: &str) -> Output {
    Command::new("sh")
        .args(["-c", &format!("exec 2>&1; {line}")])
        .current_dir(root())
        // The place of the library in the docs, and in the build of the module.
        .env("CARGO_TARGET_DIR", root().join("target"))
        .output()
        .unwrap()
}

fn done(output: &Output) -> String {
    let said = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(output.status.success(), "{said}");
    said
}

/// The library of the core, as it is released.
fn library() -> &'static Path {
    static LIBRARY: OnceLock<PathBuf> = OnceLock::new();
    LIBRARY.get_or_init(|| {
        done(&shell(
            "cargo rustc --release --locked --lib --crate-type staticlib",
        ));
        root().join("target/release/libclustering.a")
    })
}

/// The example, as a program.
struct Host {
    place: TempDir,
}

impl Host {
    /// Compiled with the header in a directory, and linked with the library of the build.
    fn new(standard: &str, header: &Path) -> Self {
        let include = format!("-I{}", header.display());
        let library = library().to_str().unwrap();
        let system = ["-lpthread", "-ldl", "-lm", "-lrt", "-lutil"];
        Self::compile(standard, &[&[&include, library][..], &system].concat())
    }

    fn compile(standard: &str, flags: &[&str]) -> Self {
        let place = TempDir::new().unwrap();
        let output = Command::new("cc")
            .arg(standard)
            .args(STRICT)
            .arg(root().join("examples/embed.c"))
            .args(flags)
            .arg("-o")
            .arg(place.path().join("embed"))
            .output()
            .expect("a C compiler is installed");
        assert!(
            output.status.success(),
            "{standard}: {}",
            String::from_utf8_lossy(&output.stderr)
        );
        Self { place }
    }

    fn run(&self, arguments: &[&str]) -> Output {
        Command::new(self.place.path().join("embed"))
            .args(arguments)
            .output()
            .unwrap()
    }
}

/// The global symbols that a file defines, by one of the tables that `readelf` knows. `nm` won't do: where
/// it has a plugin for LLVM it looks at the bitcode, and fails, instead of at the code.
fn symbols(table: &str, file: &Path) -> BTreeSet<String> {
    let output = Command::new("readelf")
        .args([table, "--wide"])
        .arg(file)
        .output()
        .expect("binutils are installed, the linker is one of them");
    let text = String::from_utf8_lossy(&output.stdout);
    let symbols = text.lines().filter_map(|line| {
        let words: Vec<_> = line.split_whitespace().collect();
        match words[..] {
            [_, _, _, _, "GLOBAL" | "WEAK", _, place, name] if place != "UND" => {
                Some(name.to_owned())
            }
            _ => None,
        }
    });
    symbols.collect()
}

#[test]
fn the_library_has_the_entries_of_the_header_and_no_other() {
    let mut symbols = symbols("--symbols", library());
    symbols.retain(|name| name.starts_with("clustering_"));
    let header = read("include/clustering.h");
    let declarations = header.lines().filter(|line| !line.starts_with([' ', '/']));
    let entries: BTreeSet<_> = declarations
        .filter_map(|line| line.split_once('('))
        .filter_map(|(start, _)| start.rsplit([' ', '*']).next())
        .map(str::to_owned)
        .collect();
    assert!(entries.len() > 20, "{entries:?}");
    assert_eq!(symbols, entries);
}

#[test]
fn the_module_exports_what_the_engine_looks_up_and_nothing_else() {
    let expected = ["_unload".to_owned()];
    assert_eq!(symbols("--dyn-syms", &module_path()), expected.into());
}

#[test]
fn the_example_compiles_as_c_without_a_warning_and_shows_verdicts() {
    for standard in ["-std=c99", "-std=c11", "-std=c2x"] {
        let host = Host::new(standard, &root().join("include"));
        for (arguments, expected) in [
            (
                &["call.execute", "callto=cluster/node2/conf/7", "called=7"][..],
                "action 1\n\
                 set osip_x-callto = conf/7\n\
                 set osip_x-nodename = node1\n\
                 set callto = sip/sip:cluster/7@192.0.2.2\n",
            ),
            (
                &[
                    "call.execute",
                    "callto=cluster/node1/conf/7",
                    "oip_transport=x",
                ],
                "action 1\nset callto = conf/7\n",
            ),
            (
                &["call.execute", "callto=cluster/*/conf/7"],
                "action 3\nreturn cluster.locate\n\
                 set allocate = true\nset nodename = node1\nset callto = conf/7\n",
            ),
            (
                &["user.register", "data=sip/sip:bob@192.0.2.9"],
                "action 1\nset data = cluster/node1/sip/sip:bob@192.0.2.9\n",
            ),
            (
                &["call.execute", "callto=sip/sip:bob@192.0.2.9"],
                "action 0\n",
            ),
        ] {
            let said = host.run(arguments);
            assert!(said.status.success(), "{arguments:?}");
            let said = String::from_utf8(said.stdout).unwrap();
            assert_eq!(said, expected, "{arguments:?}");
        }
        let unknown = host.run(&["no.message"]);
        assert_eq!(unknown.status.code(), Some(2), "a bad argument");
    }
}

#[test]
fn an_installed_core_is_found_by_pkg_config_and_serves_a_host() {
    // From the build of the module, which has the same library.
    library();
    let build = module_path().canonicalize().unwrap().with_file_name("");
    let prefix = TempDir::new().unwrap();
    let mut install = Command::new("cmake");
    install.arg("--install").arg(build);
    install.args(["--component", "core", "--prefix"]);
    done(&install.arg(prefix.path()).output().unwrap());
    let header = fs::read(prefix.path().join("include/clustering.h")).unwrap();
    assert_eq!(
        header,
        fs::read(root().join("include/clustering.h")).unwrap()
    );
    let pkg_config = |arguments: &[&str]| {
        let found = Command::new("find")
            .arg(prefix.path())
            .args(["-name", "clustering.pc", "-printf", "%h"])
            .output();
        let output = Command::new("pkg-config")
            .env("PKG_CONFIG_PATH", done(&found.unwrap()))
            .args(arguments)
            .arg("clustering")
            .output()
            .expect("pkg-config is installed");
        done(&output).trim().to_owned()
    };
    assert_eq!(pkg_config(&["--modversion"]), env!("CARGO_PKG_VERSION"));
    let flags = pkg_config(&["--cflags", "--libs"]);
    let flags: Vec<_> = flags.split_whitespace().collect();
    let said = Host::compile("-std=c11", &flags).run(&["call.execute", "callto=cluster/node1/x"]);
    assert_eq!(done(&said), "action 1\nset callto = x\n");
}

#[test]
fn a_host_that_was_built_for_another_abi_is_told_so() {
    let other = TempDir::new().unwrap();
    let header = read("include/clustering.h");
    let (before, number) = header
        .split_once("#define CLUSTERING_ABI_VERSION ")
        .unwrap();
    let (number, after) = number.split_once('\n').unwrap();
    let changed = format!("{before}#define CLUSTERING_ABI_VERSION 999\n{after}");
    fs::write(other.path().join("clustering.h"), changed).unwrap();
    let said = Host::new("-std=c11", other.path()).run(&["call.execute"]);
    assert_eq!(said.status.code(), Some(2));
    let version = env!("CARGO_PKG_VERSION");
    let expected = format!(
        "built for ABI 999 of the clustering core, but this is {version} with ABI {number}: build it \
         again, with the clustering.h of this core\n"
    );
    assert_eq!(String::from_utf8(said.stderr).unwrap(), expected);
}

/// A tree as in a fresh clone in which only cargo has built something.
fn fresh_clone() -> TempDir {
    let clone = TempDir::new().unwrap();
    for place in ["examples", "include", "target"] {
        symlink(root().join(place), clone.path().join(place)).unwrap();
    }
    clone
}

#[test]
fn what_the_docs_show_is_what_the_commands_say() {
    let docs = read("docs/embedding.md");
    let clone = fresh_clone();
    let (_, block) = docs.split_once("```console\n$ ").unwrap();
    let (block, _) = block.split_once("```").unwrap();
    let mut ran = 0;
    for step in block.split("\n$ ") {
        let (line, expected) = step.split_once('\n').unwrap_or((step, ""));
        let said = match line.strip_prefix("cargo rustc") {
            Some(rest) => shell(&format!("cargo rustc --quiet {rest}")),
            None => shell(&format!("cd '{}' && {line}", clone.path().display())),
        };
        let said = done(&said);
        assert_eq!(said.trim_end(), expected.trim_end(), "{line}");
        ran += 1;
    }
    assert!(ran > 4, "{block}");
}

#[test]
fn code_in_the_docs_compiles() {
    let docs = read("docs/embedding.md");
    let blocks = docs.split("```c\n").skip(1);
    let blocks: Vec<_> = blocks
        .map(|block| block.split_once("```").unwrap().0)
        .collect();
    assert_eq!(blocks.len(), 2);
    let place = TempDir::new().unwrap();
    let source = place.path().join("docs.c");
    fs::write(
        &source,
        format!("#include \"clustering.h\"\n{}", blocks.concat()),
    )
    .unwrap();
    let compiled = Command::new("cc")
        .args(["-std=c11", "-fsyntax-only", "-I"])
        .arg(root().join("include"))
        .args(STRICT)
        .arg(source)
        .output()
        .unwrap();
    assert!(
        compiled.status.success(),
        "{}",
        String::from_utf8_lossy(&compiled.stderr)
    );
}

#[test]
fn the_example_has_as_many_lines_as_the_docs_say() {
    let lines = read("examples/embed.c").lines().count();
    assert!(lines < 80);
    assert!(read("docs/embedding.md").contains(&format!("is a host in {lines} lines")));
}
