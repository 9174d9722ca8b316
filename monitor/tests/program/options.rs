// SPDX-License-Identifier: GPL-2.0-or-later

//! The options of the command line and of the file.

use std::collections::BTreeSet;
use std::fs;

use tempfile::TempDir;
use yate_clustering_monitor::options::{Options, Order, USAGE};

use crate::console::{good, start};
use crate::monitor::{Monitor, command};

/// The exit code and the text of a run that ends at once.
fn run(options: &[&str]) -> (Option<i32>, String) {
    let output = command().args(options).output().unwrap();
    let text = [output.stdout, output.stderr].concat();
    (output.status.code(), String::from_utf8(text).unwrap())
}

#[test]
fn help_and_version_are_shown() {
    let (code, help) = run(&["--help"]);
    assert_eq!(code, Some(0));
    assert!(
        help.starts_with("Usage: yate-clustering-monitor "),
        "{help}"
    );
    assert!(help.lines().all(|line| line.len() <= 90), "{help}");
    let (code, version) = run(&["--version"]);
    assert_eq!(code, Some(0));
    assert!(version.starts_with("yate-clustering-monitor "), "{version}");
}

/// The words behind these beginnings of lines.
fn words<'t>(text: &'t str, begin: &str) -> BTreeSet<&'t str> {
    let lines = text.lines().filter_map(|line| line.strip_prefix(begin));
    lines
        .filter_map(|line| line.split([' ', '=']).next())
        .collect()
}

#[test]
fn the_man_page_and_the_sample_have_all_options() {
    let help = words(USAGE, "   --");
    let page = words(
        include_str!("../../../docs/yate-clustering-monitor.1"),
        ".It Fl -",
    );
    assert_eq!(page, help);
    let sample = include_str!("../../../conf/yate-clustering-monitor.conf");
    let samples = words(sample, ";")
        .into_iter()
        .filter(|word| !word.is_empty());
    let samples: BTreeSet<_> = samples.collect();
    let lines: BTreeSet<_> = help
        .difference(&BTreeSet::from(["config", "help", "version"]))
        .copied()
        .collect();
    assert_eq!(samples, lines);
    // Each line of it is taken.
    let directory = TempDir::new().unwrap();
    let secret = directory.path().join("secret");
    fs::write(&secret, "a:b").unwrap();
    let path = directory.path().join("monitor.conf");
    let options = sample.lines().filter_map(|line| line.strip_prefix(';'));
    let options =
        options
            .filter(|line| !line.starts_with(' '))
            .map(|line| match line.split_once('=') {
                Some((name, _)) if name.ends_with("-file") => {
                    format!("{name}={}", secret.display())
                }
                _ => line.to_owned(),
            });
    fs::write(&path, options.collect::<Vec<_>>().join("\n")).unwrap();
    let parser = lexopt::Parser::from_args(["--config", path.to_str().unwrap()]);
    let order = Options::read(parser);
    assert!(matches!(order, Ok(Order::Serve(_))), "{order:?}");
}

#[test]
fn a_file_has_the_options_one_a_line() {
    let directory = TempDir::new().unwrap();
    let path = directory.path().join("monitor.conf");
    let console = start(good);
    let text =
        format!("; A comment\n# Another one\n\n  engine = {console} \nname=cluster.example.net\n");
    fs::write(&path, text).unwrap();
    let monitor = Monitor::start(&["--config", path.to_str().unwrap()]);
    let cluster = monitor.wait(|cluster| !cluster.nodes.is_empty());
    assert_eq!(cluster.engines[0].address, console.to_string());
    let (head, _) = monitor.request("GET / HTTP/1.1\r\nHost: cluster.example.net\r\n");
    assert!(head.starts_with("HTTP/1.1 200 "), "{head}");
    fs::write(&path, "interval=5\n\nintervall=5\n").unwrap();
    let (code, said) = run(&["--config", path.to_str().unwrap()]);
    assert_eq!(code, Some(2));
    assert!(
        said.contains("monitor.conf:3: invalid option '--intervall'"),
        "{said}"
    );
    fs::write(&path, "config=/dev/null\n").unwrap();
    assert_eq!(run(&["--config", path.to_str().unwrap()]).0, Some(2));
}

#[test]
fn what_cannot_be_meant_is_refused() {
    let directory = TempDir::new().unwrap();
    let empty = directory.path().join("empty");
    fs::write(&empty, "\n").unwrap();
    let empty = empty.to_str().unwrap();
    for (options, reason) in [
        (
            &["--listen", "0.0.0.0:9738"][..],
            "0.0.0.0:9738 is not loopback: give --login-file, or --no-login",
        ),
        (&["--listen", "[::]:9738"], "is not loopback"),
        (&["--listen", "9738"], "not ADDRESS:PORT or unix:/PATH"),
        (
            &["--listen", "unix:socket"],
            "not ADDRESS:PORT or unix:/PATH",
        ),
        (&["--engine", "a:b"], "not HOST or HOST:PORT"),
        (&["--engine", ":5038"], "not HOST or HOST:PORT"),
        (&["--engine", "a b"], "not HOST or HOST:PORT"),
        (
            &["--interval", "0"],
            "not a number of seconds from 0.2 to 3600",
        ),
        (
            &["--interval", "nan"],
            "not a number of seconds from 0.2 to 3600",
        ),
        (
            &["--interval", "1"],
            "--timeout 3: is longer than the interval",
        ),
        (&["--password-file", "/nowhere"], "/nowhere: No such file"),
        (&["--password-file", empty], "no password in its first line"),
        (&["--login-file", empty], "no password in its first line"),
        (&["--config", "/nowhere"], "/nowhere: No such file"),
        (&["more"], "unexpected argument"),
        (&["--engine"], "missing argument"),
    ] {
        let (code, said) = run(options);
        assert_eq!(code, Some(2), "{options:?}: {said}");
        assert!(said.contains(reason), "{options:?}: {said}");
    }
    let many: Vec<_> = (0..251).flat_map(|_| ["--engine", "node"]).collect();
    assert!(run(&many).1.contains("more than 250 engines"));
}
