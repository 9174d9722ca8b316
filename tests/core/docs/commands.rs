// SPDX-License-Identifier: GPL-2.0-or-later

//! Every command that a page shows as a line of its own is run by a test, or says here why it can't be.

use std::collections::BTreeSet;
use std::fs;

use super::{pages, path};

/// The words that a line begins with if it is a command.
const PROGRAMS: [&str; 13] = [
    "cargo",
    "cc",
    "clustering",
    "cmake",
    "debug",
    "dpkg",
    "gdb",
    "git",
    "make",
    "module",
    "reload",
    "status",
    "yate-clustering-check",
];

/// How a command is shown to work.
enum Shown {
    /// This file has this text, which runs it: a test, or a script that CI runs.
    By(&'static str, &'static str),
    /// Nothing runs it, for this reason.
    Not(&'static str),
}
use Shown::{By, Not};

const REAL: Shown =
    Not("it is run by hand where a Yate is; its scripts are those of other commands");
const LONG: Shown = Not("a short run of the same script is in CI");

/// The start of each command, the first one that fits counts.
const COMMANDS: &[(&str, Shown)] = &[
    (
        "make yate",
        By(
            "tests/package/main.rs",
            "fn a_build_shows_progress_and_what_it_made_and_no_more()",
        ),
    ),
    ("make build", By("scripts/test", "scripts/build mock")),
    ("make demo", By("demo/tests/demo.rs", "#[test]")),
    (
        "make check-config",
        By(
            "tests/package/main.rs",
            "fn make_checks_a_file_and_says_which_one_is_missing()",
        ),
    ),
    (
        "yate-clustering-check",
        By(
            "check/tests/program.rs",
            "CARGO_BIN_EXE_yate-clustering-check",
        ),
    ),
    ("make test YATE_ROOT", REAL),
    ("make test", By("scripts/check", "step scripts/test")),
    ("make quick", By("scripts/check", "\nscripts/quick\n")),
    ("make check", By(".ci/run", "exec make check")),
    (
        "make cluster",
        By("scripts/test", "run scripts/real --test cluster"),
    ),
    ("make install", By("tests/package/orders.rs", "#[test]")),
    ("make uninstall", By("tests/package/orders.rs", "#[test]")),
    (
        "make package-monitor",
        By(
            "tests/package/monitor.rs",
            "fn the_monitor_has_a_package_that_needs_no_yate()",
        ),
    ),
    (
        "make package",
        By(
            "tests/package/main.rs",
            "fn the_package_has_what_an_operator_needs()",
        ),
    ),
    ("make bench", Not("a benchmark; CI compiles it, by clippy")),
    ("make load", Not("a benchmark; CI compiles it, by clippy")),
    (
        "make simulate",
        Not("a benchmark; CI compiles it, by clippy"),
    ),
    ("make counts RENEW", Not("writes a file of the source")),
    ("make counts", By("scripts/check", "step scripts/counts")),
    ("make deny", By("scripts/check", "step scripts/deny")),
    ("make fuzz", LONG),
    ("make soak", LONG),
    ("make sanitize", LONG),
    ("make", By("scripts/test", "scripts/build mock")),
    ("dpkg", By("tests/package/orders.rs", "fn dpkg(")),
    (
        "cargo test --no-run",
        By(
            "scripts/test",
            "cargo test --locked --no-fail-fast --workspace",
        ),
    ),
    (
        "cargo test",
        By(
            "scripts/test",
            "cargo test --locked --no-fail-fast --workspace",
        ),
    ),
    ("cargo bench", Not("a benchmark; CI compiles it, by clippy")),
    (
        "cargo run --release --example placement",
        Not("a benchmark; CI compiles it, by clippy"),
    ),
    (
        "cargo run --release --package yate-clustering-monitor --example load",
        Not("a benchmark; CI compiles it, by clippy"),
    ),
    (
        "cargo run --release --package yate-clustering-monitor",
        By("tests/cluster/monitor.rs", "\"yate-clustering-monitor\""),
    ),
    (
        "cargo check",
        By("scripts/quick", "cargo clippy --quiet --locked --workspace"),
    ),
    (
        "cargo rustc",
        By(
            "tests/embedding.rs",
            "fn what_the_docs_show_is_what_the_commands_say()",
        ),
    ),
    (
        "cc -std=c11 -Iinclude",
        By(
            "tests/embedding.rs",
            "fn what_the_docs_show_is_what_the_commands_say()",
        ),
    ),
    ("cc -std=c11 host.c", By("tests/embedding.rs", "pkg-config")),
    (
        "cmake -S tests/mock-yate",
        By("scripts/test", "run build/mock/mock-facts"),
    ),
    (
        "cmake --install build/mock",
        By("tests/embedding.rs", "\"--install\""),
    ),
    ("clustering", By("tests/cluster/operator.rs", "fn ")),
    (
        "status",
        By("tests/cluster/life.rs", "command(\"status clustering\")"),
    ),
    (
        "reload clustering",
        By("tests/cluster/life.rs", "command(\"reload clustering\")"),
    ),
    (
        "module reload server/clustering.yate",
        By("tests/cluster/maintenance.rs", "module reload"),
    ),
    (
        "debug clustering level",
        By("tests/scenarios/settings.rs", "level(\"level 9\")"),
    ),
    ("gdb", Not("a debugger is somebody's own")),
    ("git", Not("publishes a release")),
];

/// The commands of a page: lines of code that begin with a program.
fn commands(page: &str) -> BTreeSet<String> {
    let mut fenced = false;
    let mut commands = BTreeSet::new();
    for line in page.lines() {
        let text = line.trim_start();
        if text.starts_with("```") {
            fenced = !fenced;
            continue;
        }
        if !fenced && !line.starts_with("    ") {
            continue;
        }
        let text = text.strip_prefix("$ ").unwrap_or(text);
        let text = text.strip_prefix("sudo ").unwrap_or(text);
        let text = text.split(" #").next().unwrap_or(text);
        let words = text.split_whitespace();
        // Settings of the environment come first.
        let words: Vec<_> = words.skip_while(|word| word.contains('=')).collect();
        if words.first().is_some_and(|word| PROGRAMS.contains(word)) {
            commands.insert(words.join(" "));
        }
    }
    commands
}

#[test]
fn every_command_in_the_docs_is_run_by_a_test() {
    let mut used = BTreeSet::new();
    for (page, content) in pages() {
        for command in commands(&content) {
            let fits = |start: &str| {
                let rest = command.strip_prefix(start);
                rest.is_some_and(|rest| !rest.starts_with(|c: char| c.is_alphanumeric()))
            };
            let shown = COMMANDS.iter().position(|(start, _)| fits(start));
            let shown = shown.unwrap_or_else(|| panic!("{page}: no test runs {command}"));
            used.insert(shown);
        }
    }
    for (number, (start, shown)) in COMMANDS.iter().enumerate() {
        assert!(used.contains(&number), "no page has {start}");
        match shown {
            By(file, runs) => {
                let test = fs::read_to_string(path(file)).unwrap_or_default();
                assert!(test.contains(runs), "{file} doesn't run {start}: {runs}");
            }
            Not(why) => assert!(!why.is_empty()),
        }
    }
}
