// SPDX-License-Identifier: GPL-2.0-or-later

//! The installation of an operator: by `cmake --install`, and as a Debian package of the build at hand.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::sync::{Mutex, MutexGuard, PoisonError};

use engine_bridge::module_path;
use tempfile::TempDir;

mod metrics;
mod monitor;
mod orders;

/// Tags about the maker of a package, whom DEBFULLNAME and DEBEMAIL name when it's built.
const PACKER: &str = "bogus-mail-host,bogus-mail-host-in-debian-changelog,root-in-contact";

fn repository() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

fn build() -> PathBuf {
    module_path().canonicalize().unwrap().with_file_name("")
}

fn run(command: &mut Command) -> Output {
    let output = command
        .output()
        .unwrap_or_else(|error| panic!("{command:?}: {error}; `scripts/setup lint` installs it"));
    let said = String::from_utf8_lossy(&[&output.stdout[..], &output.stderr].concat()).into_owned();
    assert!(output.status.success(), "{command:?}: {said}");
    output
}

fn text(command: &mut Command) -> String {
    String::from_utf8(run(command).stdout).unwrap()
}

/// The build notes the files that it has installed, so one test at a time has it do so.
fn installing() -> MutexGuard<'static, ()> {
    static INSTALLING: Mutex<()> = Mutex::new(());
    INSTALLING.lock().unwrap_or_else(PoisonError::into_inner)
}

/// The name of a heading in a link.
fn anchor(heading: &str) -> String {
    let kept = heading.trim_start_matches(['#', ' ']).chars();
    let kept: String = kept
        .filter(|c| c.is_alphanumeric() || matches!(c, ' ' | '-' | '_'))
        .collect();
    kept.to_lowercase().replace(' ', "-")
}

/// The links of the docs below a directory that lead to no file there, or to no heading of it.
fn dangling(root: &Path) -> Vec<String> {
    let pages = ["README", "CHANGELOG", "CONTRIBUTING", "SECURITY"];
    let mut pages = pages
        .map(|page| root.join(page.to_owned() + ".md"))
        .to_vec();
    let docs = fs::read_dir(root.join("docs")).unwrap();
    let docs = docs.map(|entry| entry.unwrap().path());
    pages.extend(docs.filter(|page| page.extension() == Some("md".as_ref())));
    let mut dangling = Vec::new();
    for page in pages {
        let text = fs::read_to_string(&page).unwrap();
        let links = text.split("](").skip(1);
        let links = links.filter_map(|rest| rest.split_once(')'));
        for (link, _) in links.filter(|(link, _)| !link.contains("://")) {
            let (file, heading) = link.split_once('#').unwrap_or((link, ""));
            let target = match file {
                "" => page.clone(),
                _ => page.with_file_name(file),
            };
            let found = fs::read(&target).is_ok_and(|bytes| {
                let text = String::from_utf8_lossy(&bytes);
                let mut headings = text.lines().filter(|line| line.starts_with('#'));
                heading.is_empty() || headings.any(|line| anchor(line) == heading)
            });
            if !found {
                dangling.push(format!("{}: {link}", page.display()));
            }
        }
    }
    dangling
}

#[test]
fn links_in_the_docs_lead_to_what_is_there() {
    assert_eq!(dangling(repository()), [""; 0]);
}

/// A package of the module, in a directory that goes with it.
struct Package {
    directory: TempDir,
    file: PathBuf,
}

impl Package {
    fn make() -> Self {
        let config = build().join("CPackConfig.cmake");
        let directory = TempDir::new().unwrap();
        run(Command::new("cpack")
            .arg("--config")
            .arg(config)
            .arg("-B")
            .arg(directory.path()));
        let mut files = fs::read_dir(directory.path()).unwrap();
        let file = files.find_map(|entry| {
            let path = entry.unwrap().path();
            path.extension()
                .is_some_and(|end| end == "deb")
                .then_some(path)
        });
        let file = file.expect("cpack has made a package");
        Self { directory, file }
    }

    fn field(&self, name: &str) -> String {
        text(
            Command::new("dpkg-deb")
                .arg("--field")
                .arg(&self.file)
                .arg(name),
        )
    }

    /// Its files, by their names without the directory.
    fn unpack(&self) -> (PathBuf, BTreeSet<String>) {
        let root = self.directory.path().join("root");
        run(Command::new("dpkg-deb")
            .arg("--raw-extract")
            .arg(&self.file)
            .arg(&root));
        let listing = text(Command::new("dpkg-deb").arg("--contents").arg(&self.file));
        let names = listing.lines().filter(|line| !line.ends_with('/'));
        let names = names
            .filter_map(|line| line.rsplit('/').next())
            .map(str::to_owned);
        (root, names.collect())
    }
}

#[test]
fn the_package_has_what_an_operator_needs() {
    let package = Package::make();
    let (root, names) = package.unpack();
    for name in [
        "clustering.yate",
        "clustering.conf.sample",
        "clustering.pgsql.sql",
        "clustering.sqlite.sql",
        "yate-clustering.rules.yml",
        "yate-clustering.json",
        "clustering.conf.5.gz",
        "yate-clustering.7.gz",
        "yate-clustering-check",
        "yate-clustering-check.1.gz",
        "yate-clustering-metrics",
        "yate-clustering-metrics.1.gz",
        "README.md",
        "SECURITY.md",
        "configuration.md",
        "maintenance.md",
        "membership.md",
        "migration.md",
        "operation.md",
        "registrations.md",
        "security.md",
        "copyright",
        "changelog.gz",
        "changelog.Debian.gz",
    ] {
        assert!(names.contains(name), "{name} is not among {names:?}");
    }
    // The core for other hosts is no part of it.
    assert!(!names.contains("libclustering.a") && !names.contains("clustering.pc"));
    let docs = text(
        Command::new("find")
            .arg(&root)
            .args(["-name", "README.md", "-printf", "%h"]),
    );
    assert_eq!(dangling(Path::new(&docs)), [""; 0]);
    // The engine finds these in the directory of its configuration, where operators may change them.
    let conffiles = fs::read_to_string(root.join("DEBIAN/conffiles")).unwrap();
    assert_eq!(conffiles.lines().count(), 3, "{conffiles}");
    for path in conffiles.lines() {
        assert!(root.join(&path[1..]).exists(), "{path}");
    }
    // The stock module makes room, and comes back.
    for (script, action) in [("preinst", "--add"), ("postrm", "--remove")] {
        let script = fs::read_to_string(root.join("DEBIAN").join(script)).unwrap();
        assert!(
            script.contains("dpkg-divert") && script.contains(action),
            "{script}"
        );
        assert!(script.contains("/server/clustering.yate.stock"), "{script}");
    }
    assert!(package.field("Depends").contains("libc6 (>= "));
}

#[test]
fn lintian_finds_nothing_in_the_package() {
    let package = Package::make();
    let mut lintian = Command::new("lintian");
    lintian.args([
        "--no-cfg",
        "--fail-on",
        "error,warning",
        "--suppress-tags",
        PACKER,
    ]);
    let said = text(lintian.arg(&package.file));
    assert_eq!(said, "");
}

#[test]
fn what_is_linked_in_has_its_licence_in_the_package() {
    let tree = text(Command::new(env!("CARGO")).current_dir(repository()).args([
        "tree",
        "--locked",
        "--offline",
        "--package=yate-clustering",
        "--package=yate-clustering-check",
        "--package=yate-clustering-monitor",
        "--edges=normal,no-proc-macro",
        "--prefix=none",
        "--format={p}",
    ]));
    let name = |line: &str| line.split(' ').next().unwrap().to_owned();
    let lines = tree.lines().filter(|line| !line.is_empty());
    let mut linked: BTreeSet<_> = lines.map(name).collect();
    linked.remove("yate-clustering");
    linked.remove("yate-clustering-check");
    linked.remove("yate-clustering-monitor");
    linked.insert("std".to_owned());
    let copyright = fs::read_to_string(repository().join("packaging/copyright")).unwrap();
    let files = copyright
        .lines()
        .filter_map(|line| line.strip_prefix("Files: "));
    let mut named: BTreeSet<_> = files
        .flat_map(str::split_whitespace)
        .map(str::to_owned)
        .collect();
    assert!(named.remove("*"));
    assert_eq!(named, linked);
}

#[test]
fn no_library_needs_a_newer_rust_than_this_project() {
    let metadata = text(Command::new(env!("CARGO")).current_dir(repository()).args([
        "metadata",
        "--locked",
        "--offline",
        "--format-version=1",
        "--filter-platform=x86_64-unknown-linux-gnu",
    ]));
    let metadata: serde_json::Value = serde_json::from_str(&metadata).unwrap();
    let packages = metadata["packages"].as_array().unwrap();
    // "1.88" or "1.88.0"; where a library names no version there is nothing to compare.
    let needs = |package: &serde_json::Value| -> Option<(u32, u32)> {
        let (major, rest) = package["rust_version"].as_str()?.split_once('.')?;
        let minor = rest.split('.').next()?;
        Some((major.parse().ok()?, minor.parse().ok()?))
    };
    let own = packages
        .iter()
        .find(|package| package["name"] == "yate-clustering")
        .and_then(needs)
        .expect("Cargo.toml has a rust-version");
    let newer = packages.iter().filter(|package| needs(package) > Some(own));
    let newer: Vec<_> = newer.map(|package| &package["id"]).collect();
    assert!(newer.is_empty(), "newer than {own:?}: {newer:?}");
}

/// Runs it as make does, which has makes below it announce each directory.
#[test]
fn a_build_shows_progress_and_what_it_made_and_no_more() {
    let mut build = Command::new(repository().join("scripts/build"));
    let build = build
        .arg("mock")
        .env("MAKELEVEL", "1")
        .env("MAKEFLAGS", "w");
    let said = text(build);
    let (progress, made) = said.trim_end().rsplit_once('\n').unwrap();
    assert_eq!(made, "Made build/mock/clustering.yate for the mock engine");
    for line in progress.lines() {
        assert!(line.starts_with('['), "{line}");
    }
}

#[test]
fn make_checks_a_file_and_says_which_one_is_missing() {
    let make = |arguments: &[&str]| {
        let mut make = Command::new("make");
        // The program is of the build at hand, so nothing is compiled for it.
        make.args(["--no-print-directory", "check-config"]);
        let output = make.args(arguments).current_dir(repository()).output();
        let output = output.unwrap();
        let said = [output.stdout, output.stderr].concat();
        let said = String::from_utf8_lossy(&said).into_owned();
        (output.status.success(), said)
    };
    let (done, said) = make(&["FILE=conf/clustering.conf.sample", "ARGS=--node node1"]);
    assert!(
        done && said.ends_with("conf/clustering.conf.sample is good\n"),
        "{said}"
    );
    let (done, said) = make(&["FILE=conf/clusterng.conf"]);
    assert!(
        !done && said.contains("can't read 'conf/clusterng.conf'"),
        "{said}"
    );
    let (done, said) = make(&[]);
    assert!(!done && said.starts_with("Which file?"), "{said}");
}

#[test]
fn an_installation_keeps_the_stock_module_and_brings_it_back() {
    let script = fs::read_to_string(build().join("cmake_install.cmake")).unwrap();
    let (before, _) = script
        .split_once("/server/clustering.yate")
        .expect("it has a place");
    let directory = TempDir::new().unwrap();
    let modules = before.rsplit(['"', '}']).next().unwrap();
    let place = directory
        .path()
        .join(&modules[1..])
        .join("server/clustering.yate");
    let stock = place.with_extension("yate.stock");
    fs::create_dir_all(place.parent().unwrap()).unwrap();
    fs::write(&place, "stock").unwrap();
    let _installing = installing();
    let cmake = |arguments: &[&str]| {
        let mut command = Command::new("cmake");
        run(command
            .env("DESTDIR", directory.path())
            .args(arguments)
            .current_dir(repository()));
    };
    let build = build();
    let build = build.to_str().unwrap();
    // The second time the installed module is not the stock one.
    for _ in 0..2 {
        cmake(&["--install", build]);
        assert_eq!(fs::read(&place).unwrap(), fs::read(module_path()).unwrap());
        assert_eq!(fs::read_to_string(&stock).unwrap(), "stock");
    }
    let core = text(Command::new("find").arg(directory.path()).args([
        "-name",
        "libclustering.a",
        "-o",
        "-name",
        "clustering.pc",
    ]));
    assert_eq!(core, "", "only where it's asked for");
    // Nor does it take the stock module away, the second time.
    for _ in 0..2 {
        cmake(&[&format!("-DBUILD={build}"), "-P", "cmake/Uninstall.cmake"]);
        assert_eq!(fs::read_to_string(&place).unwrap(), "stock");
        assert!(!stock.exists());
    }
    let left = text(
        Command::new("find")
            .arg(directory.path())
            .args(["-name", "yate-clustering"]),
    );
    assert_eq!(left, "");
}
