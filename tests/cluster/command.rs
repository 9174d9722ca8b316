// SPDX-License-Identifier: GPL-2.0-or-later

//! Commands as an operator gives them: on a node's remote manager.

use std::io::{self, Read, Write};
use std::net::{Ipv4Addr, TcpStream};

use crate::PATIENCE;
use crate::configuration::MANAGER;

/// Runs a command and gives its answer, without the marks around that of `status`.
pub fn run(address: Ipv4Addr, line: &str) -> io::Result<String> {
    let mut manager = TcpStream::connect((address, MANAGER))?;
    manager.set_read_timeout(Some(PATIENCE))?;
    // The manager works off its lines in order, so it hangs up when the answer is complete.
    write!(manager, "{line}\r\nquit\r\n")?;
    let mut answer = Vec::new();
    manager.read_to_end(&mut answer)?;
    let answer = String::from_utf8_lossy(&answer);
    let lines = answer.lines().filter(|line| !line.starts_with("%%"));
    Ok(lines.collect::<Vec<_>>().join("\n"))
}
