// SPDX-License-Identifier: GPL-2.0-or-later

//! Consoles as the engine's remote manager is one, and others.

use std::io::{self, BufRead, BufReader, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::thread;

/// An answer to a line of a console.
pub enum Say {
    /// This, and a line of the log before.
    Text(String),
    /// This, and no more is said on that connection, which stays open.
    Stall(String),
    /// This, and the end of the connection.
    End(String),
}

/// Starts a console that answers each line as `answer` does, for as long as the test runs.
pub fn start(answer: impl Fn(&str) -> Say + Send + Sync + Clone + 'static) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    thread::spawn(move || {
        for connection in listener.incoming().map_while(Result::ok) {
            let answer = answer.clone();
            thread::spawn(move || talk(&connection, answer));
        }
    });
    address
}

fn talk(connection: &TcpStream, answer: impl Fn(&str) -> Say) -> io::Result<()> {
    connection.set_nodelay(true)?;
    let mut to = connection.try_clone()?;
    // The engine's greeting: three requests of telnet's, and a line.
    to.write_all(b"\xff\xfb\x03\xff\xfb\x01\xff\xfd\x1f\rYATE ready on node1.\r\n")?;
    let mut lines = BufReader::new(connection).lines();
    while let Some(line) = lines.next().transpose()? {
        match answer(line.trim_end()) {
            Say::Text(text) => {
                to.write_all(format!("<sip:INFO> Something\r\n{text}").as_bytes())?;
            }
            Say::Stall(text) => {
                to.write_all(text.as_bytes())?;
                lines.by_ref().for_each(drop);
            }
            Say::End(text) => return to.write_all(text.as_bytes()),
        }
    }
    Ok(())
}

/// What a console says that has no password, `json` to the command of that name.
pub fn open(line: &str, json: impl FnOnce(&str) -> Say) -> Say {
    match line {
        "echo off" => Say::Text("Remote echo: off\r\n".to_owned()),
        "output off" => Say::Text("Output mode: off\r\n".to_owned()),
        line => match line.strip_prefix("clustering json") {
            Some(from) => json(from.trim()),
            None => Say::Text(format!("Cannot understand: {line}\r\n")),
        },
    }
}

/// A node's answer, with a node of that name beside it.
pub fn json(node: &str, other: &str) -> String {
    let other = serde_json::to_string(other).unwrap();
    format!(
        "{{\"schema\":1,\"node\":\"{node}\",\"version\":\"1.1.0\",\"time\":1795790000,\"enabled\":true,\
         \"counters\":{{\"forwarded\":3}},\"nodes\":[{{\"name\":\"{node}\",\"own\":true,\"state\":\"up\",\
         \"admin\":\"enabled\"}},{{\"name\":{other},\"state\":\"down\",\"admin\":\"enabled\",\"forwards\":3,\
         \"reason\":\"no answer to a probe\"}}]}}"
    )
}

/// A console of node1 without a password, which knows a node2.
pub fn good(line: &str) -> Say {
    open(line, |_| Say::Text(json("node1", "node2") + "\r\n"))
}
