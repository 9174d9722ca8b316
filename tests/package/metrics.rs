// SPDX-License-Identifier: GPL-2.0-or-later

//! `yate-clustering-metrics`, beside consoles that answer in every way. That it understands a real engine's console is
//! shown in `tests/cluster`.

use std::fs;
use std::io::{BufRead, BufReader, Write};
use std::net::{TcpListener, TcpStream};
use std::path::Path;
use std::process::Command;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::thread;
use std::time::Duration;

use tempfile::TempDir;

const PAGE: &str = "# HELP yate_clustering_enabled Whether the current settings enable the module.\r\n\
    # TYPE yate_clustering_enabled gauge\r\nyate_clustering_enabled 1\r\n";

/// A console: its answer to a line.
type Console = fn(&str) -> &'static str;

fn good(line: &str) -> &'static str {
    match line {
        "echo off" => "Remote echo: off\r\n",
        "output off" => "Output mode: off\r\n",
        "clustering metrics" => PAGE,
        _ => "Cannot understand\r\n",
    }
}

/// As the engine's: with a password it answers only those who know it.
fn locked(line: &str) -> &'static str {
    match line {
        "echo off" => "Remote echo: off\r\n",
        "auth secret" => "Authenticated successfully as user!\r\n",
        line if line.starts_with("auth ") => "Bad authentication password!\r\n",
        _ => "Not authenticated!\r\n",
    }
}

fn without_module(line: &str) -> &'static str {
    match line {
        "clustering metrics" => "Cannot understand: clustering metrics\r\n",
        line => good(line),
    }
}

fn empty(line: &str) -> &'static str {
    match line {
        "clustering metrics" => "",
        line => good(line),
    }
}

/// Ends while it answers.
fn broken(line: &str) -> &'static str {
    match line {
        "clustering metrics" => "yate_clustering_enabled 1\r\nyate_clu",
        line => good(line),
    }
}

/// Answers on one connection, which it ends at `quit`, or after its answer where that is `broken`.
fn answer(connection: &TcpStream, console: Console) {
    let mut to = connection.try_clone().unwrap();
    // The engine's greeting: three requests of telnet's, and a line.
    to.write_all(b"\xff\xfb\x03\xff\xfb\x01\xff\xfd\x1f\rYATE ready on node1.\r\n")
        .unwrap();
    for line in BufReader::new(connection).lines() {
        let line = line.unwrap();
        let line = line.trim_end();
        if line == "quit" {
            return;
        }
        // A line of the log in between.
        let said = format!("<sip:INFO> Something\r\n{}", console(line));
        to.write_all(said.as_bytes()).unwrap();
        if !said.ends_with('\n') {
            return;
        }
    }
}

/// The program's output, its exit code, and its errors, with a console that answers once for each run.
fn run(console: Console, runs: &[&[&str]]) -> Vec<(String, Option<i32>, String)> {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port().to_string();
    thread::scope(|scope| {
        scope.spawn(|| {
            for _ in runs {
                answer(&listener.accept().unwrap().0, console);
            }
        });
        let outputs = runs.iter().map(|arguments| {
            let output = program().args(["--port", &port]).args(*arguments).output();
            let output = output.unwrap();
            let text = |bytes| String::from_utf8(bytes).unwrap();
            (
                text(output.stdout),
                output.status.code(),
                text(output.stderr),
            )
        });
        outputs.collect()
    })
}

fn program() -> Command {
    Command::new(Path::new(env!("CARGO_MANIFEST_DIR")).join("tools/yate-clustering-metrics"))
}

#[test]
fn metrics_are_printed_as_prometheus_reads_them() {
    let said = run(good, &[&[]]);
    assert_eq!(said, [(PAGE.replace('\r', ""), Some(0), String::new())]);
}

#[test]
fn a_password_comes_from_a_file() {
    let directory = TempDir::new().unwrap();
    let file = |name, text: &str| {
        let file = directory.path().join(name);
        fs::write(&file, text).unwrap();
        file.display().to_string()
    };
    let (right, wrong, none) = (file("a", "secret"), file("b", "sesame\n"), file("c", "\n"));
    let said = run(
        locked,
        &[
            &["--password-file", &right],
            &["--password-file", &wrong],
            &[],
        ],
    );
    let reasons: Vec<_> = said.iter().map(|(_, _, reason)| reason.as_str()).collect();
    // The console of this test lets nobody see the metrics, so this is as far as one gets.
    assert!(reasons[0].contains("not allowed"), "{reasons:?}");
    assert!(reasons[1].contains("wrong password"), "{reasons:?}");
    assert!(reasons[2].contains("not allowed"), "{reasons:?}");
    assert!(
        said.iter()
            .all(|(page, code, _)| page.is_empty() && *code == Some(1))
    );
    for file in [none, "/nowhere/at/all".to_owned()] {
        let output = program().args(["--password-file", &file]).output().unwrap();
        let reason = String::from_utf8(output.stderr).unwrap();
        assert!(reason.contains(&file), "{reason}");
        assert_eq!(output.status.code(), Some(1));
    }
}

#[test]
fn a_failure_is_loud_and_leaves_the_file_as_it_was() {
    let directory = TempDir::new().unwrap();
    let file = directory.path().join("yate.prom");
    fs::write(&file, "as it was").unwrap();
    let output = ["--output", file.to_str().unwrap()];
    for (console, reason) in [
        (without_module as Console, "not loaded"),
        (empty, "no metrics"),
        (broken, "cut short"),
        (locked, "not allowed"),
        (|_| "HTTP/1.1 400 Bad Request\r\n", "no console"),
    ] {
        let said = run(console, &[&output]).remove(0);
        assert_eq!((said.0.as_str(), said.1), ("", Some(1)));
        assert!(
            said.2.contains(reason) && said.2.lines().count() == 1,
            "{said:?}"
        );
        assert_eq!(fs::read_to_string(&file).unwrap(), "as it was");
    }
    let left = fs::read_dir(directory.path()).unwrap().count();
    assert_eq!(left, 1);
}

#[test]
fn nobody_who_answers_is_waited_for_longer_than_is_said() {
    // It takes the connection, since that is in the queue, and never answers.
    let silent = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = silent.local_addr().unwrap().port().to_string();
    let output = program().args(["--timeout", "1", "--port", &port]).output();
    let output = output.unwrap();
    let reason = String::from_utf8(output.stderr).unwrap();
    assert!(reason.contains("no answer within 1 s"), "{reason}");
    assert_eq!(output.status.code(), Some(1));
    drop(silent);
    let output = program().args(["--port", &port]).output().unwrap();
    let reason = String::from_utf8(output.stderr).unwrap();
    assert!(reason.contains("no connection"), "{reason}");
}

#[test]
fn whoever_reads_the_file_never_sees_a_part_of_it() {
    const RUNS: usize = 30;
    let directory = TempDir::new().unwrap();
    let file = directory.path().join("yate.prom");
    let whole = PAGE.replace('\r', "");
    fs::write(&file, &whole).unwrap();
    let done = AtomicBool::new(false);
    let output: &[&str] = &["--output", file.to_str().unwrap()];
    thread::scope(|scope| {
        let reader = scope.spawn(|| {
            let mut reads = 0;
            while !done.load(Relaxed) {
                assert_eq!(fs::read_to_string(&file).unwrap(), whole);
                reads += 1;
                thread::sleep(Duration::from_micros(50));
            }
            reads
        });
        let said = run(good, &[output; RUNS]);
        done.store(true, Relaxed);
        assert!(said.iter().all(|(_, code, _)| *code == Some(0)), "{said:?}");
        assert!(reader.join().unwrap() > RUNS);
    });
}
