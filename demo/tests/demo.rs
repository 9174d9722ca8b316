// SPDX-License-Identifier: GPL-2.0-or-later

//! The demo as somebody runs it who has just built the module.

use std::fs;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::path::Path;
use std::process::{Command, Output, Stdio};

use engine_process::eventually;
use serde_json::Value;
use tempfile::TempDir;

const SAMPLE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/cases.jsonl");

/// A demo whose temporary files go where the test can see them.
fn demo(files: &TempDir) -> Command {
    let mut demo = Command::new(env!("CARGO_BIN_EXE_clustering-demo"));
    demo.env("TMPDIR", files.path());
    demo
}

fn text(output: &[u8]) -> String {
    String::from_utf8_lossy(output).into_owned()
}

fn is_empty(directory: &Path) -> bool {
    fs::read_dir(directory).unwrap().next().is_none()
}

/// Runs the demo to its end; nothing may be left of it.
fn run(args: &[&str]) -> Output {
    let files = TempDir::new().unwrap();
    let output = demo(&files).args(args).output().unwrap();
    assert!(is_empty(files.path()), "temporary files are left");
    output
}

/// Runs the cases of a text.
fn run_cases(cases: &str) -> Output {
    let directory = TempDir::new().unwrap();
    let file = directory.path().join("cases.jsonl");
    fs::write(&file, cases).unwrap();
    run(&["--cases", file.to_str().unwrap()])
}

/// What the project's first page shows of the demo.
fn readme_excerpt() -> &'static str {
    let readme = include_str!("../../README.md");
    let (_, excerpt) = readme.split_once("```text\n").unwrap();
    excerpt.split_once("```").unwrap().0
}

#[test]
fn all_calls_go_where_they_should() {
    let output = run(&[]);
    let (told, errors) = (text(&output.stdout), text(&output.stderr));
    assert!(output.status.success(), "{told}{errors}");
    for line in [
        "  node2  stored is      cluster/node2/sip/sip:bob@10.0.0.9",
        "  node1  call.execute   -> sip/sip:cluster/@node2.example.net",
        "  node2  call.execute   -> sip/sip:bob@10.0.0.9",
        "  node2  text           See you in room9",
        "  node2  cluster.locate conf/1 is on node3",
        "  node3  enters room    conf/1",
        "  node1  error          noroute",
        "  node2  call.route     forbidden",
        "  node3  call.cdr       4 of 4 have nodename=node3, nodeprefix=cluster/node3/",
        "  all    alice to bob   4 of 4 legs have the billid of the call",
        "  node1  sees           node1 up, node2 up, node3 draining",
        "  node1  sees           node1 up, node2 down, node3 up",
        "  node2  cluster.locate conf/9 is on node3",
        "  node1  quentin gets   accepted",
    ] {
        assert!(told.lines().any(|told| told == line), "{line}\n{told}");
    }
    assert!(told.contains(readme_excerpt()), "{told}");
    let end = told.lines().last().unwrap_or_default();
    assert!(end.starts_with("demo: "), "{end}");
    assert!(end.ends_with(" steps, all went where they should"), "{end}");
    let widest = told.lines().map(str::len).max();
    assert!(widest <= Some(80), "a line has {widest:?} columns");
}

#[test]
fn the_sample_cases_are_as_expected() {
    let output = run(&["--cases", SAMPLE]);
    let told = text(&output.stdout);
    assert!(output.status.success(), "{told}{}", text(&output.stderr));
    assert!(told.ends_with("\ncases: 13 sent, 12 compared, 12 as expected\n"));
}

#[test]
fn a_case_that_is_not_as_expected_is_an_error() {
    let case = r#"{"config": "[general]\nregexp=^node\ncallto=sip/\\0\n", "node": "node1",
        "message": "user.register", "params": [["data", "sip/bob"]],
        "handled": false, "result": [["data", "cluster/node7/sip/bob"]]}"#;
    let output = run_cases(&case.replace('\n', " "));
    let told = text(&output.stdout);
    assert_eq!(output.status.code(), Some(1), "{told}");
    let difference = "WRONG  result: expected [data=cluster/node7/sip/bob], \
                      came [data=cluster/node1/sip/bob]";
    assert!(told.contains(difference), "{told}");
    assert!(told.ends_with("\ncases: 1 sent, 1 compared, 0 as expected\n"));
}

#[test]
fn a_file_that_is_no_cases_is_an_error_with_its_line() {
    for (cases, error) in [
        ("\n{}\n", "cases.jsonl:2: 'config' is to be a text"),
        ("what?\n", "cases.jsonl:1: expected value"),
    ] {
        let output = run_cases(cases);
        let errors = text(&output.stderr);
        assert_eq!(output.status.code(), Some(1));
        assert!(errors.contains(error), "{errors}");
    }
}

#[test]
fn without_a_build_the_demo_says_what_to_do() {
    let files = TempDir::new().unwrap();
    let output = demo(&files)
        .env("YATE_MOCK_DIR", files.path())
        .output()
        .unwrap();
    let errors = text(&output.stderr);
    assert_eq!(output.status.code(), Some(1));
    assert_eq!(errors.lines().count(), 1, "{errors}");
    assert!(errors.ends_with("yate-mock: run `make build` first\n"));
}

#[test]
fn a_demo_that_is_killed_leaves_nothing_behind() {
    // More cases than a pipe holds the results of, so that the demo can't come to its end.
    let sample = fs::read_to_string(SAMPLE).unwrap();
    let directory = TempDir::new().unwrap();
    let file = directory.path().join("cases.jsonl");
    fs::write(&file, sample.repeat(200)).unwrap();
    let files = TempDir::new().unwrap();
    let mut demo = demo(&files)
        .arg("--cases")
        .arg(file)
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    // The first thing told is the configuration of a node that is up.
    let mut first = [0];
    demo.stdout
        .as_mut()
        .unwrap()
        .read_exact(&mut first)
        .unwrap();
    assert!(!is_empty(files.path()));
    demo.kill().unwrap();
    demo.wait().unwrap();
    let missing = || "temporary files are left".to_owned();
    eventually(|| is_empty(files.path()), missing);
}

/// The cluster as the page's program has it.
fn served(address: &str) -> Value {
    let mut connection = TcpStream::connect(address).unwrap();
    let request =
        format!("GET /api/cluster HTTP/1.1\r\nHost: {address}\r\nConnection: close\r\n\r\n");
    connection.write_all(request.as_bytes()).unwrap();
    let mut response = String::new();
    connection.read_to_string(&mut response).unwrap();
    let (_, body) = response.split_once("\r\n\r\n").unwrap();
    serde_json::from_str(body).unwrap()
}

#[test]
fn the_page_shows_calls_a_drain_and_a_death() {
    // A test of this package alone doesn't build the other one.
    let built = Command::new(env!("CARGO"))
        .args(["build", "--quiet", "--locked", "--package"])
        .args(["yate-clustering-monitor", "--target-dir"])
        .args(
            Path::new(env!("CARGO_BIN_EXE_clustering-demo"))
                .ancestors()
                .nth(2),
        )
        .status();
    assert!(built.unwrap().success());
    let files = TempDir::new().unwrap();
    let mut demo = demo(&files)
        .args(["--page", "127.0.0.1:0"])
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut said = BufReader::new(demo.stdout.take().unwrap()).lines();
    let mut says = |begin: &str| {
        said.by_ref()
            .map_while(Result::ok)
            .find_map(|line| line.strip_prefix(begin).map(ToOwned::to_owned))
            .unwrap()
    };
    let url = says("Look at http://");
    let address = url.trim_end_matches('/');
    let condition = |node: usize| served(address)["nodes"][node]["condition"].clone();
    let shows = |node: usize, word: &str| {
        eventually(
            || condition(node) == word,
            || format!("{word}: {}", served(address)),
        );
    };
    shows(0, "up");
    says("  node3 is drained");
    shows(2, "draining");
    says("  node2 is killed");
    shows(1, "down");
    let forwards = &served(address)["nodes"][0]["seen_by"][0]["forwards"];
    assert!(forwards.as_u64() > Some(0), "{}", served(address));
    demo.kill().unwrap();
    demo.wait().unwrap();
    // Its program ends with it.
    let missing = || "temporary files are left, or the page is still served".to_owned();
    eventually(
        || is_empty(files.path()) && TcpStream::connect(address).is_err(),
        missing,
    );
}
