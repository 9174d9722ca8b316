// SPDX-License-Identifier: GPL-2.0-or-later

//! The package of the monitor.

use std::fs;
use std::os::unix::fs::symlink;
use std::path::Path;
use std::process::Command;

use tempfile::TempDir;

use crate::{PACKER, repository, run, text};

const UNIT: &str = "yate-clustering-monitor.service";

#[test]
fn the_monitor_has_a_package_that_needs_no_yate() {
    let directory = TempDir::new().unwrap();
    let made =
        text(Command::new(repository().join("scripts/package-monitor")).arg(directory.path()));
    let package = made.trim_end().strip_prefix("Made ").expect(&made);
    let root = directory.path().join("root");
    run(Command::new("dpkg-deb")
        .args(["--raw-extract", package])
        .arg(&root));
    for (place, mode) in [
        ("usr/bin/yate-clustering-monitor", 0o755),
        (
            "usr/lib/systemd/system/yate-clustering-monitor.service",
            0o644,
        ),
        ("etc/yate-clustering-monitor.conf", 0o644),
        ("usr/share/man/man1/yate-clustering-monitor.1.gz", 0o644),
        ("usr/share/doc/yate-clustering-monitor/copyright", 0o644),
        ("usr/share/doc/yate-clustering-monitor/monitoring.md", 0o644),
        ("usr/share/doc/yate-clustering-monitor/page.png", 0o644),
        (
            "usr/share/yate-clustering-monitor/prometheus/yate-clustering.rules.yml",
            0o644,
        ),
        (
            "usr/share/yate-clustering-monitor/grafana/yate-clustering.json",
            0o644,
        ),
    ] {
        use std::os::unix::fs::PermissionsExt;
        let file =
            fs::metadata(root.join(place)).unwrap_or_else(|error| panic!("{place}: {error}"));
        assert_eq!(file.permissions().mode() & 0o7777, mode, "{place}");
    }
    let depends = text(Command::new("dpkg-deb").args(["--field", package, "Depends"]));
    assert!(
        depends.starts_with("libc6 (>= ") && !depends.contains("yate"),
        "{depends}"
    );
    // It starts with the sample as it is.
    let program = root.join("usr/bin/yate-clustering-monitor");
    let config = root.join("etc/yate-clustering-monitor.conf");
    let version = text(
        Command::new(program)
            .arg("--config")
            .arg(config)
            .arg("--version"),
    );
    let number = env!("CARGO_PKG_VERSION");
    assert_eq!(version, format!("yate-clustering-monitor {number}\n"));
    let mut lintian = Command::new("lintian");
    lintian.args([
        "--no-cfg",
        "--fail-on",
        "error,warning",
        "--suppress-tags",
        PACKER,
    ]);
    assert_eq!(text(lintian.arg(package)), "");
}

#[test]
fn a_purge_takes_the_link_of_an_enabled_service_with_it() {
    if Path::new("/run/systemd/system").exists() {
        // The scripts would have it do something.
        eprintln!("skipped: systemd runs here");
        return;
    }
    let directory = TempDir::new().unwrap();
    let root = directory.path();
    let file = |place: &str| {
        let file = root.join(place);
        fs::create_dir_all(file.parent().unwrap()).unwrap();
        file
    };
    let unit = file(&format!("lib/systemd/system/{UNIT}"));
    let link = file(&format!(
        "etc/systemd/system/multi-user.target.wants/{UNIT}"
    ));
    let scripts = repository().join("packaging/monitor");
    let script = |name: &str, what: &str| {
        run(Command::new("sh")
            .arg(scripts.join(name))
            .arg(what)
            .env("DPKG_ROOT", root)
            .env("DPKG_MAINTSCRIPT_PACKAGE", "yate-clustering-monitor"));
    };
    fs::copy(scripts.join(UNIT), &unit).unwrap();
    script("postinst", "configure");
    symlink(&unit, &link).unwrap();
    fs::remove_file(&unit).unwrap();
    script("postrm", "purge");
    assert!(link.symlink_metadata().is_err(), "{}", link.display());
}

/// As far as it can be said without systemd itself.
#[test]
fn systemd_understands_the_unit_of_the_monitor() {
    let unit = repository().join("packaging/monitor/yate-clustering-monitor.service");
    let directory = TempDir::new().unwrap();
    // The program is not installed here.
    let text = fs::read_to_string(unit).unwrap();
    let text = text.replace("/usr/bin/yate-clustering-monitor", "/bin/true");
    let copy = directory.path().join("yate-clustering-monitor.service");
    fs::write(&copy, text).unwrap();
    let Ok(output) = Command::new("systemd-analyze")
        .args(["verify", "--man=no"])
        .arg(&copy)
        .output()
    else {
        eprintln!("skipped: there is no systemd-analyze here");
        return;
    };
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(!said.contains("yate-clustering-monitor.service"), "{said}");
}
