// SPDX-License-Identifier: GPL-2.0-or-later

//! The module runs in the Yate that it was built for, and in no other.
//!
//! `FOREIGN_MODULE` names a module that was built for another Yate than the one at hand.

use std::env;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use engine_bridge::{Setup, engine, engine_library, is_mapped, module_path, real_engine};
use tempfile::TempDir;

const MODULE: &str = "clustering";
const REFUSED: &str = "Wrong Yate, this module was built for ";

/// An engine that ends as soon as it has started.
struct Run {
    directory: TempDir,
    command: Command,
}

impl Run {
    /// With this module, and this text as `yate.conf`.
    fn new(module: &Path, configuration: &str) -> Self {
        let directory = TempDir::new().unwrap();
        let path = directory.path();
        fs::write(path.join("yate.conf"), configuration).unwrap();
        fs::create_dir(path.join("modules")).unwrap();
        let mut command = Command::new(program());
        command.env("LD_LIBRARY_PATH", engine_library().parent().unwrap());
        command.arg("-c").arg(path);
        command.arg("-m").arg(path.join("modules"));
        command.arg("-x").arg(module.canonicalize().unwrap());
        command.args(["-N", "node1", "-Dxn"]);
        Self { directory, command }
    }

    /// Its log about the module; it must come to a good end.
    fn said(&mut self) -> Vec<String> {
        let output = self.command.output().unwrap();
        let said = [output.stdout, output.stderr].concat();
        let said = String::from_utf8_lossy(&said);
        assert!(output.status.success(), "{}: {said}", output.status);
        let about = |line: &&str| line.to_lowercase().contains("clustering");
        said.lines().filter(about).map(str::to_owned).collect()
    }

    /// The one line that an engine logs whose module refuses: the reason.
    fn refusal(&mut self) -> String {
        let said = self.said();
        let [line] = &said[..] else {
            panic!("{said:?}");
        };
        let reason = line.strip_prefix("<clustering:CONF> ");
        let reason = reason.and_then(|line| line.strip_prefix(REFUSED));
        reason.unwrap_or_else(|| panic!("{line}")).to_owned()
    }
}

fn program() -> PathBuf {
    if !real_engine() {
        return engine_library().with_file_name("yate-mock");
    }
    let root = PathBuf::from(env::var_os("YATE_ROOT").expect("a real engine has a root"));
    let installed = root.join("bin/yate");
    if installed.exists() {
        installed
    } else {
        root.join("yate")
    }
}

/// A file with these bytes in the place of others, of which there are as many.
fn changed(file: &Path, from: &[u8], to: &[u8]) -> Vec<u8> {
    assert_eq!(from.len(), to.len());
    let mut bytes = fs::read(file).unwrap();
    let place = bytes.windows(from.len()).position(|part| part == from);
    let place = place.expect("the file has them");
    bytes[place..place + to.len()].copy_from_slice(to);
    bytes
}

#[test]
fn the_module_says_which_yate_it_was_built_for() {
    let said = Run::new(&module_path(), "").said();
    assert!(
        said[0].starts_with("Loaded module Clustering, built for Yate "),
        "{said:?}"
    );
    assert!(
        said.contains(&"Initializing module Clustering".to_owned()),
        "{said:?}"
    );
}

#[test]
fn a_module_that_needs_what_the_engine_lacks_is_refused() {
    let (now, other) = (b"_ZN9TelEngine4Time3nowEv", b"_ZN9TelEngine4Time3newEv");
    let directory = TempDir::new().unwrap();
    let module = directory.path().join("clustering.yate");
    fs::write(&module, changed(&module_path(), now, other)).unwrap();
    let reason = Run::new(&module, "").refusal();
    assert!(
        reason.ends_with("this one lacks _ZN9TelEngine4Time3newEv. Build it again for this one"),
        "{reason}"
    );
}

#[test]
#[ignore = "needs a module of another Yate: FOREIGN_MODULE"]
fn a_module_of_another_yate_is_refused() {
    let module = env::var_os("FOREIGN_MODULE").expect("FOREIGN_MODULE names one");
    let reason = Run::new(Path::new(&module), "").refusal();
    assert!(
        reason.ends_with(". Build it again for this one"),
        "{reason}"
    );
}

/// A real engine has one version and one revision.
mod mock_only {
    use super::*;

    /// A module can see the version in the name of the engine's library before anything else.
    #[test]
    fn an_engine_whose_library_has_another_version_is_refused() {
        assert!(!real_engine(), "it takes the mock: --skip mock_only");
        let mut run = Run::new(&module_path(), "");
        let library = run.directory.path().join("libyate.so.6.5.0");
        fs::copy(engine_library(), &library).unwrap();
        run.command.env("LD_PRELOAD", &library);
        assert_eq!(
            run.refusal(),
            "6.4.1 mock1: this is 6.5.0. Build it again for this one"
        );
    }

    #[test]
    fn an_engine_of_another_revision_is_refused_and_one_of_an_unknown_is_not() {
        assert!(!real_engine(), "it takes the mock: --skip mock_only");
        let claim = |revision| format!("[mock]\nrevision={revision}\n");
        assert_eq!(
            Run::new(&module_path(), &claim("1234")).refusal(),
            "6.4.1 mock1: that was revision mock, this is 1234. Build it again for this one"
        );
        let said = Run::new(&module_path(), &claim("")).said();
        assert!(said[0].starts_with("Loaded"), "{said:?}");
    }

    #[test]
    fn a_refused_module_does_nothing_and_can_be_unloaded() {
        assert!(!real_engine(), "it takes the mock: --skip mock_only");
        let engine = engine(&Setup {
            files: vec![("yate".into(), "[mock]\nversion=6.4.2\n".into())],
            modules: Vec::new(),
            ..Setup::default()
        });
        assert!(engine.load(&module_path(), MODULE));
        let log = engine.take_log().join("\n");
        assert!(
            log.contains(&format!("{REFUSED}6.4.1 mock1: this is 6.4.2.")),
            "{log}"
        );
        assert!(is_mapped("clustering.yate"));
        assert_eq!(engine.status(MODULE), b"");
        assert!(!engine.reload(Some(MODULE)));
        assert!(engine.unload(MODULE) && !is_mapped("clustering.yate"));
    }
}
