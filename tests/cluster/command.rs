// SPDX-License-Identifier: GPL-2.0-or-later

//! Commands as an operator gives them: on a node's remote manager.

use std::io::{self, Read, Write};
use std::net::{Ipv4Addr, TcpStream};

use engine_process::PATIENCE;

use crate::configuration::MANAGER;

/// The key that erases the line that is being typed.
const ERASE: char = '\u{15}';

/// Runs a command and gives its answer, without the marks around that of `status`.
pub fn run(address: Ipv4Addr, line: &str) -> io::Result<String> {
    let answer = type_in(address, &format!("{line}\r\n"))?;
    let lines = answer.lines().filter(|line| !line.starts_with("%%"));
    Ok(lines.collect::<Vec<_>>().join("\n"))
}

/// The words by which the tabulator key goes on with a line.
pub fn complete(address: Ipv4Addr, line: &str) -> io::Result<Vec<String>> {
    let answer = type_in(address, &format!("{line}\t{ERASE}"))?;
    // Of several words there is a list, a single one is put in at once.
    let words: Vec<_> = match answer.strip_prefix("\r\n") {
        Some(list) => list.lines().next().unwrap_or("").split('\t').collect(),
        None => answer.split_whitespace().next_back().into_iter().collect(),
    };
    Ok(words.into_iter().map(str::to_owned).collect())
}

/// Types something in and gives all the output.
fn type_in(address: Ipv4Addr, keys: &str) -> io::Result<String> {
    let mut manager = TcpStream::connect((address, MANAGER))?;
    manager.set_read_timeout(Some(PATIENCE))?;
    // The manager works off its lines in order, so it hangs up when the answer is complete.
    write!(manager, "{keys}quit\r\n")?;
    let mut answer = Vec::new();
    manager.read_to_end(&mut answer)?;
    Ok(String::from_utf8_lossy(&answer).into_owned())
}
