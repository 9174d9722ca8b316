// SPDX-License-Identifier: GPL-2.0-or-later

//! The real Yate that `YATE_ROOT` names, an installed prefix or a built source tree.

use std::env;
use std::fs;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::process::Command;

use engine_bridge::real_engine;

/// The modules that the nodes load beside the module under test.
const MODULES: [&str; 11] = [
    "callfork",
    "cdrbuild",
    "cdrfile",
    "conference",
    "extmodule",
    "regexroute",
    "rmanager",
    "server/lateroute",
    "server/register",
    "yrtpchan",
    "ysipchan",
];

/// The module under test, as an operator loads it.
pub const MODULE: &str = "server/clustering.yate";

/// The places of its parts.
pub struct Installation {
    engine: PathBuf,
    libraries: PathBuf,
    modules: PathBuf,
}

impl Installation {
    /// The one that the tests were built for.
    pub fn find() -> Self {
        assert!(real_engine(), "it takes a real engine: YATE_ROOT");
        let root = env::var_os("YATE_ROOT").expect("a real engine has a root");
        let root = fs::canonicalize(root).expect("YATE_ROOT is a directory");
        let installed = root.join("bin/yate");
        if installed.exists() {
            Self {
                engine: installed,
                libraries: root.join("lib"),
                modules: root.join("lib/yate"),
            }
        } else {
            Self {
                engine: root.join("yate"),
                libraries: root.clone(),
                modules: root.join("modules"),
            }
        }
    }

    /// Fills a directory with the modules that a node loads: as in an installation, but no more.
    pub fn link_modules(&self, directory: &Path, others: &[&str], module: &Path) {
        fs::create_dir_all(directory.join("server")).expect("there is room for directories");
        let link = |target: &Path, name: &str| {
            symlink(target, directory.join(name)).expect("there is room for a link");
        };
        for name in MODULES.iter().chain(others) {
            let name = format!("{name}.yate");
            let target = self.modules.join(&name);
            assert!(target.exists(), "{} is missing", target.display());
            link(&target, &name);
        }
        let module = fs::canonicalize(module)
            .unwrap_or_else(|error| panic!("{}: {error}", module.display()));
        link(&module, MODULE);
    }

    /// The program, with the modules of a directory and its whole log.
    pub fn engine(&self, modules: &Path) -> Command {
        let mut engine = Command::new(&self.engine);
        engine
            .env("LD_LIBRARY_PATH", &self.libraries)
            .arg("-vvv")
            .arg("-m")
            .arg(modules);
        engine
    }
}
