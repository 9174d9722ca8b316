// SPDX-License-Identifier: GPL-2.0-or-later

//! The program reads any file as the engine does: random files go through both. The module in the engine says by
//! `clustering check` what it was given. No entry of these files is a setting, so each of them is named.

use std::fs;
use std::process::Command;

use engine_bridge::{Engine, Setup, engine};
use proptest::prelude::*;
use proptest::test_runner::{Config, TestRunner};

/// Lines of the file itself.
const LINES: &[&str] = &[
    "[general]",
    "[ s1 ] text",
    "[s2]",
    "[s3",
    "[]",
    "[${nodename}]",
    "[s${gone$ 4 }]",
    "[${gone}]",
    "[$include more.conf]",
    "[$include d]",
    "[$include  gone.conf ]",
    "[$includesilent ${gone$more.conf}]",
    "[$include clustering.conf]",
    "[$include]",
    "[$require more.conf]",
    "[$require gone.conf]",
    "[$includesection s1]",
    "[$includesection s2]",
    "[$includesectionsilent node1]",
    "[$requiresection s1]",
    "[$enabled]",
    "[$enabled off]",
    "[$enabled else]",
    "[$enabled elseif yes]",
    "[$enabled toggle]",
    "[$enabled $not $filled ${nodename}]",
    "[$enabled $empty ${gone$}]",
    "[$enabled $bool junk]",
    "[$enabled junk]",
    "  ; a comment",
    "\u{feff}x=1",
    "<<<<<<< ours",
    "=======",
    "=x",
    "x",
    "x\\",
    " key = a value ; no comment \t",
    "key=\\",
    "key=a \\",
    "  joined \\",
    "#key=x",
    "",
];

/// Lines of the files that it may include.
const MORE: &[&str] = &[
    "[s2]",
    "[s5]",
    "m=1",
    "m=a \\",
    "  b",
    "[$enabled no]",
    "[$enabled else]",
    "[$includesection s1]",
    "[$require gone.conf]",
    "[$include clustering.conf]",
];

fn lines(of: &'static [&'static str]) -> impl Strategy<Value = String> {
    let long = (1010..1030_usize).prop_map(|length| format!(";{}", "x".repeat(length)));
    let line = prop_oneof![
        12 => prop::sample::select(of).prop_map(str::to_owned),
        2 => "[\\[\\]=;\\\\ \tx${}]{0,8}",
        1 => long,
    ];
    let end = prop_oneof![6 => Just("\n"), 3 => Just("\r\n"), 1 => Just("\r")];
    let lines = prop::collection::vec((line, end), 0..16);
    lines.prop_map(|lines| {
        lines
            .into_iter()
            .flat_map(|(line, end)| [line, end.to_owned()])
            .collect()
    })
}

/// What is said of entries, in any order, and of damaged lines of the file itself. In the module an entry of an included
/// file has no place, and such a file's damage isn't seen.
fn essence(said: &str, path: &str, asks: bool) -> Vec<String> {
    let about = said.lines().filter(|line| !line.contains(": warning: "));
    let about = about.filter_map(|line| {
        let (place, text) = line.strip_prefix('/')?.split_once(": ")?;
        let file = place
            .trim_end_matches(|c: char| c.is_ascii_digit())
            .trim_end_matches(':');
        // Behind a question to the engine the module doesn't know which section is open in the text.
        let is_of_section = [
            "no section is open",
            "there is no key",
            "the section has no name",
        ];
        let is_of_section = is_of_section.iter().any(|fault| text.starts_with(fault));
        // Where an included file brings a damaged line's key elsewhere, the module names that, too.
        if text.starts_with('[')
            && ["\\xef\\xbb\\xbf", "<<<<<<<"]
                .iter()
                .any(|key| text.contains(key))
        {
            return None;
        }
        let is_seen = (file == path && !(asks && is_of_section)) || text.starts_with('[');
        is_seen.then(|| text.to_owned())
    });
    let mut about: Vec<_> = about.collect();
    about.sort_unstable();
    about
}

fn compare(engine: &Engine, file: &str, more: &str, other: &str) {
    let path = engine.configuration("clustering");
    let directory = path.parent().unwrap();
    fs::create_dir_all(directory.join("d")).unwrap();
    for (name, text) in [
        ("more.conf", more),
        ("d/10.conf", other),
        ("d/20.bak", "bad=1\n"),
    ] {
        fs::write(directory.join(name), text).unwrap();
    }
    engine.configure("clustering", file);
    let module = engine
        .command("clustering check")
        .expect("the module answers");
    let module = String::from_utf8_lossy(&module).replace("\r\n", "\n");
    let mut program = Command::new(env!("CARGO_BIN_EXE_yate-clustering-check"));
    let program = program
        .args(["--node", "node1"])
        .arg(&path)
        .output()
        .unwrap();
    let program = String::from_utf8_lossy(&program.stdout).into_owned();
    let context = format!("{file:?} {more:?} {other:?}\nmodule: {module}\nprogram: {program}");
    let path = &path.to_str().unwrap()[1..];
    let asks = file.contains("${");
    // Where the engine takes nothing the module has nothing to check.
    let is_missing = module.contains("a required part of it is missing");
    let reasons = [
        "is required is missing",
        "can't be included: it is not there",
        "no section is open",
    ];
    let lacks = file.contains("$require") && reasons.iter().any(|why| program.contains(why));
    if is_missing {
        assert!(lacks, "{context}");
        return;
    }
    let without = |lines: Vec<String>| -> Vec<String> {
        let lines = lines.into_iter();
        lines
            .filter(|line| !line.contains("can't be included"))
            .collect()
    };
    assert!(!program.contains("is required is missing"), "{context}");
    assert_eq!(
        without(essence(&program, path, asks)),
        without(essence(&module, path, asks)),
        "{context}"
    );
}

#[test]
fn any_file_is_read_as_the_engine_reads_it() {
    let engine = engine(&Setup::default());
    let cases = std::env::var("PROPTEST_CASES").map_or(500, |cases| cases.parse().unwrap());
    let mut runner = TestRunner::new(Config {
        cases,
        failure_persistence: None,
        ..Config::default()
    });
    let files = (lines(LINES), lines(MORE), lines(MORE));
    let run = runner.run(&files, |(file, more, other)| {
        compare(engine, &file, &more, &other);
        let _ = engine.take_log();
        Ok(())
    });
    if let Err(failed) = run {
        panic!("{failed}");
    }
}
