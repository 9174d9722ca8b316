// SPDX-License-Identifier: GPL-2.0-or-later

//! Package, `make install`, `make uninstall`, upgrades, purges and Yate's own installation, in all orders: a model, and
//! a random walk beside it in a root of its own.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use tempfile::TempDir;

use crate::{Package, build, installing, repository, run};

const CONFIGURATION: &str = "[general]\nregexp=^node[0-9]$\ncallto=sip/sip:x@\\0\n";

/// A step of the walk.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Step {
    /// `make install`
    Install,
    /// `make uninstall`
    Uninstall,
    /// `dpkg --install` of one of two versions.
    Package(usize),
    /// `dpkg --remove`
    Remove,
    /// `dpkg --purge`
    Purge,
    /// Yate's own `make install`, of another version of it.
    Yate,
}

const STEPS: [Step; 7] = [
    Step::Install,
    Step::Uninstall,
    Step::Package(0),
    Step::Package(1),
    Step::Remove,
    Step::Purge,
    Step::Yate,
];

/// dpkg's state of the package.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    Unknown,
    Installed,
    /// Removed, but for what operators may have changed.
    Removed,
}

/// The expected state.
#[derive(Clone, Copy, Debug)]
struct Model {
    /// The version of the newest stock module.
    stock: usize,
    package: State,
    /// `make install` has put things in place.
    made: bool,
    /// Since then Yate has put its module into the place of ours.
    overwritten: bool,
}

impl Model {
    /// Takes a step; gives the reason why it must be refused, if it must be.
    fn step(&mut self, step: Step) -> Result<(), &'static str> {
        let packaged = self.package == State::Installed;
        match step {
            Step::Install | Step::Uninstall if packaged => return Err("dpkg --remove"),
            Step::Package(_) if self.made => return Err("make uninstall"),
            Step::Install => (self.made, self.overwritten) = (true, false),
            Step::Uninstall => self.made = false,
            Step::Package(_) => (self.package, self.overwritten) = (State::Installed, false),
            Step::Remove if packaged => self.package = State::Removed,
            Step::Remove => {}
            Step::Purge => self.package = State::Unknown,
            Step::Yate => (self.stock, self.overwritten) = (self.stock + 1, true),
        }
        Ok(())
    }

    fn is_ours(&self) -> bool {
        self.made || self.package == State::Installed
    }
}

/// A root directory with a Yate in it, the package in two versions, and a build.
struct Root {
    directory: TempDir,
    packages: [PathBuf; 2],
    server: PathBuf,
    configuration: PathBuf,
    /// The files without package and installation.
    bare: BTreeSet<PathBuf>,
}

impl Root {
    fn new(package: &Package, server: &str, configuration: &str) -> Self {
        let directory = TempDir::new().unwrap();
        let root = directory.path();
        let server = root.join(&server[1..]);
        let configuration = root.join(&configuration[1..]);
        for needed in [
            &server,
            &configuration,
            &root.join("var/lib/dpkg/info"),
            &root.join("var/lib/dpkg/updates"),
        ] {
            fs::create_dir_all(needed).unwrap();
        }
        fs::write(root.join("var/lib/dpkg/status"), "").unwrap();
        fs::write(configuration.join("clustering.conf"), CONFIGURATION).unwrap();
        let packages = ["1", "2"].map(|version| repack(package, version));
        let mut made = Self {
            directory,
            packages,
            server,
            configuration,
            bare: BTreeSet::new(),
        };
        made.yate(0);
        made.bare = made.tree();
        made
    }

    fn place(&self) -> PathBuf {
        self.server.join("clustering.yate")
    }

    /// Puts a stock module in place, whatever is there.
    fn yate(&self, version: usize) {
        fs::write(self.place(), format!("stock {version}")).unwrap();
    }

    /// All files and directories, but for dpkg's own.
    fn tree(&self) -> BTreeSet<PathBuf> {
        fn walk(directory: &Path, tree: &mut BTreeSet<PathBuf>) {
            for entry in fs::read_dir(directory).unwrap() {
                let path = entry.unwrap().path();
                if path.ends_with("var/lib/dpkg") {
                    continue;
                }
                if path.is_dir() {
                    walk(&path, tree);
                }
                tree.insert(path);
            }
        }
        let mut tree = BTreeSet::new();
        walk(self.directory.path(), &mut tree);
        tree
    }

    fn cmake(&self, arguments: &[&str]) -> Output {
        let mut cmake = Command::new("cmake");
        let cmake = cmake.env("DESTDIR", self.directory.path());
        cmake
            .args(arguments)
            .current_dir(repository())
            .output()
            .unwrap()
    }

    fn dpkg(&self, action: &str, what: &str) -> Output {
        // dpkg wants to be root, or to be told that it is.
        let is_root = run(Command::new("id").arg("-u")).stdout == b"0\n";
        let mut dpkg = Command::new(if is_root { "dpkg" } else { "fakeroot" });
        if !is_root {
            dpkg.arg("dpkg");
        }
        dpkg.arg("--root").arg(self.directory.path());
        dpkg.args([
            // The root has nothing but a Yate, not even a shell.
            "--force-depends",
            "--force-script-chrootless",
            "--force-unsafe-io",
            "--force-bad-path",
            action,
            what,
        ]);
        dpkg.output().unwrap()
    }

    fn take(&self, step: Step, model: &Model) -> Output {
        let build = build();
        let build = build.to_str().unwrap();
        match step {
            Step::Install => self.cmake(&["--install", build]),
            Step::Uninstall => {
                let build = format!("-DBUILD={build}");
                self.cmake(&[&build, "-P", "cmake/Uninstall.cmake"])
            }
            Step::Package(version) => {
                self.dpkg("--install", self.packages[version].to_str().unwrap())
            }
            Step::Remove => self.dpkg("--remove", "yate-clustering"),
            Step::Purge => self.dpkg("--purge", "yate-clustering"),
            Step::Yate => {
                self.yate(model.stock);
                run(&mut Command::new("true"))
            }
        }
    }

    /// Compares the files with the expected state.
    fn compare(&self, model: &Model, so_far: &[Step]) {
        let place = self.place();
        let stock = fs::read(&place).unwrap_or_default();
        let stock = String::from_utf8_lossy(&stock);
        let newest = format!("stock {}", model.stock);
        let aside = fs::read_to_string(place.with_extension("yate.stock")).ok();
        let is_ours = model.is_ours() && !model.overwritten;
        if is_ours {
            assert!(!stock.starts_with("stock "), "{so_far:?}");
            assert_eq!(aside.as_deref(), Some(&*newest), "{so_far:?}");
        } else {
            assert_eq!(stock, newest, "{so_far:?}");
            // The file of an engine of the version before is of no use, but does no harm.
            assert_eq!(aside.is_some(), model.is_ours(), "{so_far:?}");
        }
        let file = self.configuration.join("clustering.conf");
        assert_eq!(fs::read_to_string(file).unwrap(), CONFIGURATION);
        if !model.is_ours() {
            let tree = self.tree();
            let left: Vec<_> = tree.difference(&self.bare).collect();
            let samples = left
                .iter()
                .all(|path| path.starts_with(&self.configuration));
            let may_stay = model.package == State::Removed && samples;
            assert!(left.is_empty() || may_stay, "{so_far:?}: {left:?}");
            assert!(self.bare.is_subset(&tree), "{so_far:?}");
        }
    }
}

/// Makes another version of a package.
fn repack(package: &Package, version: &str) -> PathBuf {
    let directory = package.directory.path().join(version);
    run(Command::new("dpkg-deb")
        .arg("--raw-extract")
        .arg(&package.file)
        .arg(&directory));
    let control = directory.join("DEBIAN/control");
    let text = fs::read_to_string(&control).unwrap();
    let lines = text
        .lines()
        .map(|line| match line.strip_prefix("Version: ") {
            Some(old) => format!("Version: {old}+{version}\n"),
            None => format!("{line}\n"),
        });
    fs::write(&control, lines.collect::<String>()).unwrap();
    let file = directory.with_extension("deb");
    run(Command::new("dpkg-deb")
        .args(["--root-owner-group", "-Znone", "--build"])
        .arg(&directory)
        .arg(&file));
    file
}

fn walk(steps: impl IntoIterator<Item = Step>) {
    let package = Package::make();
    let (extracted, _) = package.unpack();
    let place = |name: &str| {
        let found = run(Command::new("find")
            .arg(&extracted)
            .args(["-name", name, "-printf", "/%P"]));
        let found = String::from_utf8(found.stdout).unwrap();
        let (directory, _) = found.rsplit_once('/').unwrap();
        directory.to_owned()
    };
    let root = Root::new(
        &package,
        &place("clustering.yate"),
        &place("clustering.conf.sample"),
    );
    let _installing = installing();
    // So there is something to take away, whatever comes first.
    let mut model = Model {
        stock: 0,
        package: State::Unknown,
        made: false,
        overwritten: false,
    };
    let begin = [Step::Install, Step::Uninstall];
    let mut so_far = Vec::new();
    for step in begin.into_iter().chain(steps) {
        so_far.push(step);
        let before = model;
        let expected = model.step(step);
        let output = root.take(step, &model);
        let said = [output.stdout, output.stderr].concat();
        let said = String::from_utf8_lossy(&said);
        let words: Vec<_> = said.split_whitespace().collect();
        match expected {
            Ok(()) => assert!(output.status.success(), "{so_far:?}: {said}"),
            Err(reason) => {
                assert!(!output.status.success(), "{so_far:?}: {said}");
                assert!(words.join(" ").contains(reason), "{so_far:?}: {said}");
            }
        }
        let restart = said.contains("Restart Yate");
        let changed = before.is_ours() != model.is_ours() && !before.overwritten;
        assert!(restart || !changed, "{so_far:?}: {said}");
        root.compare(&model, &so_far);
    }
}

#[test]
fn a_package_survives_an_uninstallation_and_gives_the_stock_module_back() {
    use Step::{Package, Purge, Remove, Uninstall};
    walk([Package(0), Uninstall, Remove, Package(0), Purge]);
}

#[test]
fn what_yate_installs_meanwhile_is_kept() {
    use Step::{Install, Package, Remove, Uninstall, Yate};
    walk([
        Package(0),
        Yate,
        Remove,
        Package(0),
        Yate,
        Package(1),
        Remove,
        Install,
        Yate,
        Package(0),
        Uninstall,
        Package(0),
        Remove,
    ]);
}

/// In any order: the stock module is never lost, the configuration never touched, and nothing left over.
#[test]
fn no_order_of_steps_loses_the_stock_module() {
    // The steps are the same in each run.
    let mut state = 1_u64;
    let steps = (0..60).map(|_| {
        state = state
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        STEPS[usize::try_from(state >> 33).unwrap() % STEPS.len()]
    });
    walk(steps);
}
