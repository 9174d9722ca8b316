// SPDX-License-Identifier: GPL-2.0-or-later

//! The program as an operator calls it.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;
use std::process::{Command, Output};

use tempfile::TempDir;

const GOOD: &str = "[general]\nregexp=^node[0-9]\\+$\ncallto=sip/sip:cluster/@\\0.example.net\n\
                    [security]\ntrusted=192.0.2.0/24\n";

fn run(arguments: &[&str], directory: &Path) -> Output {
    let mut program = Command::new(env!("CARGO_BIN_EXE_yate-clustering-check"));
    program
        .args(arguments)
        .current_dir(directory)
        .output()
        .unwrap()
}

/// The exit status of a check of this text, and what it says.
fn check(text: &str, options: &[&str]) -> (i32, String) {
    let directory = TempDir::new().unwrap();
    fs::write(directory.path().join("c.conf"), text).unwrap();
    let output = run(&[options, &["c.conf"]].concat(), directory.path());
    assert!(output.stderr.is_empty(), "{output:?}");
    let said = String::from_utf8(output.stdout).unwrap();
    (output.status.code().unwrap(), said)
}

#[test]
fn a_good_file_a_bad_one_and_a_missing_one_are_told_apart() {
    assert_eq!(check(GOOD, &[]), (0, "c.conf is good\n".to_owned()));
    let (status, said) = check(&GOOD.replace("callto", "calto"), &[]);
    assert_eq!(
        (status, said.as_str()),
        (
            1,
            "c.conf:3: [general] calto=sip/sip:cluster/@\\0.example.net: unknown key, did you mean 'callto'?\n\
             The file would be refused\n"
        )
    );
    let directory = TempDir::new().unwrap();
    for (path, reason) in [
        (
            "clusterng.conf",
            "can't read 'clusterng.conf': No such file or directory",
        ),
        (".", "can't read '.': Is a directory"),
    ] {
        let output = run(&[path], directory.path());
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(
            said.starts_with(&format!("yate-clustering-check: {reason}")),
            "{said}"
        );
        assert_eq!((output.status.code(), output.stdout.len()), (Some(2), 0));
    }
    for wrong in [
        &[][..],
        &["a", "b"],
        &["--nod", "a"],
        &["--param", "a", "b"],
    ] {
        let output = run(wrong, directory.path());
        assert_eq!(output.status.code(), Some(2), "{wrong:?}");
        assert!(String::from_utf8_lossy(&output.stderr).ends_with("; see --help\n"));
    }
}

#[test]
fn warnings_count_where_they_are_to() {
    // Of such a target no node's address can be derived.
    let text = GOOD
        .replace("trusted=", "; trusted=")
        .replace("sip/sip:", "iax/");
    let (status, said) = check(&text, &[]);
    assert!(
        status == 0 && said.contains("c.conf: warning: no node is trusted"),
        "{said}"
    );
    assert_eq!(check(&text, &["--strict"]).0, 1);
    assert_eq!(check("", &["--strict"]).0, 1);
    assert_eq!(check(GOOD, &["--strict"]).0, 0);
}

#[test]
fn the_name_of_the_node_is_looked_at_where_it_is_given() {
    assert_eq!(check(GOOD, &["--node", "node2"]).1, "c.conf is good\n");
    let (_, said) = check(GOOD, &["--node", "f3a9c1"]);
    assert!(
        said.starts_with("c.conf:2: warning: this node is named 'f3a9c1'"),
        "{said}"
    );
}

#[test]
fn included_files_are_read_and_what_only_the_engine_knows_is_said() {
    let directory = TempDir::new().unwrap();
    let write = |name: &str, text: &str| fs::write(directory.path().join(name), text).unwrap();
    fs::create_dir(directory.path().join("d")).unwrap();
    write("d/10.conf", "hosp=1\n");
    write("d/20.conf~", "junk=1\n");
    write(
        "c.conf",
        &format!(
            "{GOOD}[$include ${{configpath}}/d]\n[node ${{nodename}}]\n[$enabled $loaded register]\n[${{x}}]\n"
        ),
    );
    let output = run(
        &["--param", "x=node odd", "--node", "node2", "c.conf"],
        directory.path(),
    );
    let said = String::from_utf8(output.stdout).unwrap();
    let root = directory.path().canonicalize().unwrap();
    let expected = format!(
        "{}/d/10.conf:1: [security] hosp=(hidden): unknown key",
        root.display()
    );
    assert!(said.starts_with(&expected), "{said}");
    fs::remove_file(directory.path().join("d/10.conf")).unwrap();
    let output = run(
        &["--param", "x=node odd", "--node", "node2", "c.conf"],
        directory.path(),
    );
    let said = String::from_utf8(output.stdout).unwrap();
    assert!(
        said.contains("c.conf:8: warning: only the engine knows whether 'register' is loaded"),
        "{said}"
    );
    assert!(said.ends_with("c.conf is good\n"), "{said}");
    let output = run(&["c.conf"], directory.path());
    let said = String::from_utf8(output.stdout).unwrap();
    assert!(
        said.contains("c.conf:7: warning: only the engine knows the parameter 'nodename'"),
        "{said}"
    );
}

#[test]
fn the_man_page_has_every_option_and_no_other() {
    let help = run(&["--help"], Path::new("/"));
    let help = String::from_utf8(help.stdout).unwrap();
    let said = help.lines().filter_map(|line| line.strip_prefix("   --"));
    let said: BTreeSet<_> = said.filter_map(|line| line.split(' ').next()).collect();
    let page = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/yate-clustering-check.1");
    let page = fs::read_to_string(page).unwrap();
    let shown = page
        .lines()
        .filter_map(|line| line.strip_prefix(".It Fl -"));
    let shown: BTreeSet<_> = shown.filter_map(|line| line.split(' ').next()).collect();
    assert_eq!(shown, said);
}
