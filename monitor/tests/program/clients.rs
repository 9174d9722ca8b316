// SPDX-License-Identifier: GPL-2.0-or-later

//! Clients that ask for what there is, for what there isn't, slowly, or too many at a time.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::thread;
use std::time::{Duration, Instant};

use tempfile::TempDir;

use crate::console::{Say, good, json, open, start};
use crate::monitor::{Monitor, PATIENCE, get_at};

fn monitor() -> Monitor {
    let monitor = Monitor::start(&["--engine", &start(good).to_string()]);
    monitor.wait(|cluster| !cluster.nodes.is_empty());
    monitor
}

#[test]
fn all_that_is_served_is_to_read_only_and_for_nobody_elses_page() {
    let monitor = monitor();
    for (path, status, kind) in [
        ("/", "200 OK", "text/html; charset=utf-8"),
        ("/api/cluster", "200 OK", "application/json"),
        (
            "/metrics",
            "200 OK",
            "text/plain; version=0.0.4; charset=utf-8",
        ),
        ("/api", "404 Not Found", "text/plain; charset=utf-8"),
        (
            "/../etc/passwd",
            "404 Not Found",
            "text/plain; charset=utf-8",
        ),
    ] {
        let (head, body) = monitor.get(path);
        let head = head.to_lowercase();
        assert!(
            head.starts_with(&format!("http/1.1 {status}").to_lowercase()),
            "{path}: {head}"
        );
        assert!(!body.is_empty());
        for header in [
            format!("content-type: {kind}"),
            "content-security-policy: default-src 'none'; ".to_owned(),
            "x-content-type-options: nosniff".to_owned(),
            "x-frame-options: deny".to_owned(),
            "referrer-policy: no-referrer".to_owned(),
            "cache-control: no-store".to_owned(),
            "cross-origin-resource-policy: same-origin".to_owned(),
        ] {
            assert!(
                head.lines().any(|line| line.starts_with(&header)),
                "{path}: {header}: {head}"
            );
        }
        assert!(!head.contains("unsafe"), "{head}");
        assert!(!head.contains("access-control"), "{head}");
    }
    for method in ["POST", "PUT", "DELETE", "OPTIONS", "TRACE"] {
        let (head, _) = monitor.request(&format!("{method} / HTTP/1.1\r\nHost: localhost\r\n"));
        assert!(head.starts_with("HTTP/1.1 405 "), "{head}");
    }
    let (head, body) = monitor.request("HEAD /metrics HTTP/1.1\r\nHost: localhost:9738\r\n");
    assert!(
        head.starts_with("HTTP/1.1 200 ") && body.is_empty(),
        "{head}{body}"
    );
    assert_eq!(monitor.terminate(), Some(0));
}

/// A name of somebody's that leads to this machine would let their page read what is served here.
#[test]
fn requests_for_another_host_are_refused() {
    let monitor = Monitor::start(&[
        "--engine",
        &start(good).to_string(),
        "--name",
        "cluster.example.net",
    ]);
    let status = |host: &str| {
        let (head, _) = monitor.request(&format!("GET / HTTP/1.1\r\nHost: {host}\r\n"));
        head.split(' ').nth(1).unwrap().to_owned()
    };
    for good in [
        "127.0.0.1",
        "127.0.0.1:9738",
        "[::1]:9738",
        "LOCALHOST:1",
        "cluster.example.net",
    ] {
        assert_eq!(status(good), "200", "{good}");
    }
    for bad in [
        "evil.example.com",
        "evil.example.com:9738",
        "127.0.0.1.example.com",
        "localhost.example.com",
        "",
    ] {
        assert_eq!(status(bad), "421", "{bad}");
    }
    let (head, _) = monitor.request("GET / HTTP/1.0\r\n");
    assert!(head.contains(" 421 "), "{head}");
}

#[test]
fn only_the_right_login_is_let_in() {
    let directory = TempDir::new().unwrap();
    let path = directory.path().join("login");
    std::fs::write(&path, "viewer:secret").unwrap();
    let console = start(good).to_string();
    let monitor = Monitor::start(&["--engine", &console, "--login-file", path.to_str().unwrap()]);
    let status = |lines: &str| {
        let (head, _) = monitor.request(&format!("GET /metrics HTTP/1.1\r\nHost: x\r\n{lines}"));
        head.split(' ').nth(1).unwrap().to_owned()
    };
    let right = "Authorization: Basic dmlld2VyOnNlY3JldA==\r\n";
    assert_eq!(status(right), "200");
    assert_eq!(status(&right.replace("Basic", "basic")), "200");
    for wrong in [
        "",
        "Authorization: Basic dmlld2VyOnNlY3JldB==\r\n",
        "Authorization: Basic dmlld2VyOg==\r\n",
        "Authorization: Basic \r\n",
        "Authorization: Bearer dmlld2VyOnNlY3JldA==\r\n",
        "Authorization: dmlld2VyOnNlY3JldA==\r\n",
        "Authorization: \u{e9}\u{e9}\u{e9}\u{e9}\r\n",
    ] {
        assert_eq!(status(wrong), "401", "{wrong}");
    }
    assert_eq!(status(&format!("{right}{right}")), "401");
    let (head, _) = monitor.get("/nothing");
    assert!(head.contains("www-authenticate: Basic realm="), "{head}");
    assert!(
        head.starts_with("HTTP/1.1 401 "),
        "nobody learns what there is: {head}"
    );
}

#[test]
fn a_node_named_like_a_script_is_just_a_name() {
    let name = "<script>alert(\"1\")</script>&'\u{0}\u{1b}\n";
    let console = start(move |line| open(line, |_| Say::Text(json("node1", name) + "\r\n")));
    let monitor = Monitor::start(&["--engine", &console.to_string()]);
    let cluster = monitor.wait(|cluster| !cluster.nodes.is_empty());
    assert!(cluster.nodes.iter().any(|node| node.name == name));
    let (_, page) = monitor.get("/");
    assert!(!page.contains("<script>alert"), "{page}");
    assert!(page.contains("&#60;script&#62;alert"), "{page}");
}

#[test]
fn a_unix_socket_serves_too_and_is_left_behind_by_nobody() {
    let directory = TempDir::new().unwrap();
    let path = directory.path().join("socket");
    let place = format!("unix:{}", path.display());
    let console = start(good).to_string();
    let options = ["--engine", &console, "--listen", &place];
    for _ in 0..2 {
        let monitor = Monitor::start(&options);
        let (head, _) = get_at(&path, "/metrics");
        assert!(head.starts_with("HTTP/1.1 200 "), "{head}");
        // Killed, so that it leaves its socket behind.
        drop(monitor);
        assert!(path.exists());
    }
    let monitor = Monitor::start(&options);
    let second = crate::monitor::command().args(options).output().unwrap();
    assert_eq!(second.status.code(), Some(1), "{second:?}");
    assert_eq!(monitor.terminate(), Some(0));
    assert!(!path.exists());
}

#[test]
fn heads_of_any_size_and_garbage_are_refused() {
    let monitor = monitor();
    let refused = |request: &[u8]| {
        let mut stream = TcpStream::connect(monitor.address()).unwrap();
        stream.set_read_timeout(Some(PATIENCE)).unwrap();
        // The server may end the connection before all of it was sent.
        let _ = stream.write_all(request);
        let mut answer = Vec::new();
        let _ = stream.read_to_end(&mut answer);
        assert!(
            !answer.starts_with(b"HTTP/1.1 200"),
            "{}",
            String::from_utf8_lossy(&answer)
        );
    };
    let big = format!(
        "GET / HTTP/1.1\r\nHost: x\r\nX: {}\r\n\r\n",
        "x".repeat(1_000_000)
    );
    refused(big.as_bytes());
    refused(
        format!(
            "GET /{} HTTP/1.1\r\nHost: localhost\r\n\r\n",
            "x".repeat(100_000)
        )
        .as_bytes(),
    );
    refused(
        format!(
            "GET / HTTP/1.1\r\nHost: localhost\r\n{}\r\n",
            "X: y\r\n".repeat(65)
        )
        .as_bytes(),
    );
    refused(&vec![0; 100_000]);
    refused(b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03\r\n\r\n");
    refused(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n");
    assert!(monitor.get("/").0.starts_with("HTTP/1.1 200 "));
}

/// Thousands of connections, of which none says anything, or all too slowly.
#[test]
fn many_and_slow_clients_are_shut_out_in_time() {
    let monitor = monitor();
    let address = monitor.address();
    let slow = thread::spawn(move || {
        let begin = Instant::now();
        let mut stream = TcpStream::connect(address).unwrap();
        // A byte now and then.
        for byte in b"GET / HTTP/1.1\r\nHost: localhost\r\nX: "
            .iter()
            .chain([b'x'; 1000].iter())
        {
            if stream.write_all(&[*byte]).is_err() {
                return begin.elapsed();
            }
            thread::sleep(Duration::from_millis(100));
        }
        begin.elapsed()
    });
    // The kernel takes in some, the program 128 of them.
    let crowd: Vec<_> = (0..2000)
        .map_while(|_| TcpStream::connect(address).ok())
        .collect();
    assert!(crowd.len() > 500, "{}", crowd.len());
    let mut last = crowd.last().unwrap();
    last.set_read_timeout(Some(PATIENCE)).unwrap();
    assert_eq!(last.read(&mut [0]).unwrap_or(0), 0, "it is closed at once");
    // Those that were first give way while they are still connected.
    let begin = Instant::now();
    loop {
        let mut stream = TcpStream::connect(address).unwrap();
        stream.set_read_timeout(Some(PATIENCE)).unwrap();
        let request = b"GET / HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n";
        let mut answer = Vec::new();
        if stream.write_all(request).is_ok()
            && stream.read_to_end(&mut answer).is_ok()
            && answer.starts_with(b"HTTP/1.1 200")
        {
            break;
        }
        assert!(begin.elapsed() < PATIENCE);
        thread::sleep(Duration::from_millis(100));
    }
    drop(crowd);
    assert!(slow.join().unwrap() < PATIENCE);
}

/// A client that asks for everything and reads nothing holds no more than its own connection, and not for long.
#[test]
fn a_client_that_does_not_read_is_shut_out_in_time() {
    let names: Vec<_> = (0..1500)
        .map(|number| format!("{{\"name\":\"node{number}{}\"}}", "x".repeat(200)))
        .collect();
    let all = format!(
        "{{\"schema\":1,\"node\":\"node1\",\"nodes\":[{}]}}\r\n",
        names.join(",")
    );
    let console = start(move |line| open(line, |_| Say::Text(all.clone())));
    let monitor = Monitor::start(&["--engine", &console.to_string()]);
    monitor.wait(|cluster| cluster.nodes.len() == 1000);
    let mut stream = TcpStream::connect(monitor.address()).unwrap();
    let request = "GET /api/cluster HTTP/1.1\r\nHost: localhost\r\n\r\n".repeat(200);
    stream
        .set_write_timeout(Some(Duration::from_secs(60)))
        .unwrap();
    // The requests don't fit in once the answers have filled everything, until the connection is ended.
    let begin = Instant::now();
    while stream.write_all(request.as_bytes()).is_ok() {
        assert!(begin.elapsed() < Duration::from_secs(55));
        thread::sleep(Duration::from_millis(50));
    }
    assert!(monitor.get("/").0.starts_with("HTTP/1.1 200 "));
}
