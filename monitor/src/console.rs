// SPDX-License-Identifier: GPL-2.0-or-later

//! Asks an engine's remote manager what it knows, over a connection that stays open.
//!
//! The console works off its lines in order, and says the same to `echo off` to everybody: that stands here before and
//! behind the answer. What it says besides, greetings, prompts and lines of the log, is not looked at. An engine may
//! be down, slow, or no engine at all, so all that it sends is bounded in time and bytes.

use std::io;
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::{Instant, timeout_at};

use crate::cluster::{Answer, SCHEMA};

/// The most bytes that a console may send for one answer. 1,000 nodes need some 300 KB.
pub const MOST_BYTES: usize = 512 * 1024;

/// The most nodes and senders in one answer.
pub const MOST_NODES: usize = 2000;

/// The port of the remote manager, where nobody says another one.
pub const PORT: u16 = 5038;

const MARK: &[u8] = b"Remote echo: off";

/// The reason why there is no answer.
#[derive(Debug, thiserror::Error)]
pub enum AskError {
    /// There is no connection, or there is none any more.
    #[error("no connection: {0}")]
    Connection(#[from] io::Error),
    /// It took too long.
    #[error("no answer within {} s", .0.as_secs_f64())]
    Slow(Duration),
    /// It has ended the connection.
    #[error("the connection was ended before the answer")]
    Ended,
    /// It says more than any answer needs.
    #[error("the answer is longer than {MOST_BYTES} bytes or {MOST_NODES} nodes")]
    Long,
    /// The password is wrong.
    #[error("wrong password")]
    WrongPassword,
    /// The console wants a password, or another one.
    #[error("not allowed: give the console's password")]
    NotAllowed,
    /// It has no such command.
    #[error("the clustering module is not loaded there, or is older than 1.1")]
    NoModule,
    /// There is no answer where one should be.
    #[error("it answers nothing that can be read")]
    NoAnswer,
    /// It answers what no module says.
    #[error("the answer can't be read: {0}")]
    Garbage(#[from] serde_json::Error),
    /// It has another schema.
    #[error("the answer has schema {0}, which this program doesn't know")]
    Schema(u32),
}

/// The console of an engine.
#[derive(Debug)]
pub struct Console {
    /// Its address: a host and a port.
    address: String,
    password: Option<String>,
    connection: Option<TcpStream>,
}

impl Console {
    /// The console at an address, which is a host and a port.
    #[must_use]
    pub fn new(address: &str, password: Option<&str>) -> Self {
        Self {
            address: address.to_owned(),
            password: password.map(ToOwned::to_owned),
            connection: None,
        }
    }

    /// Its address.
    #[must_use]
    pub fn address(&self) -> &str {
        &self.address
    }

    /// Asks it, in a limited time. The connection stays open if all went well. With `with_loads` it asks the database for
    /// the loads of other nodes, which one engine of a cluster is to do.
    ///
    /// # Errors
    ///
    /// Says why there is no answer.
    pub async fn ask(&mut self, patience: Duration, with_loads: bool) -> Result<Answer, AskError> {
        let end = Instant::now() + patience;
        let kept = self.connection.take();
        let was_kept = kept.is_some();
        let said = timeout_at(end, self.talk(kept, with_loads)).await;
        let said = match said {
            // The engine was started again meanwhile, as a rule.
            Ok(Err(AskError::Ended | AskError::Connection(_))) if was_kept => {
                timeout_at(end, self.talk(None, with_loads)).await
            }
            said => said,
        };
        let (answer, connection) = said.map_err(|_| AskError::Slow(patience))??;
        self.connection = Some(connection);
        Ok(answer)
    }

    /// Asks it on a connection, or on a new one, and gives that back.
    async fn talk(
        &self,
        kept: Option<TcpStream>,
        with_loads: bool,
    ) -> Result<(Answer, TcpStream), AskError> {
        let mut connection = match kept {
            Some(connection) => connection,
            None => self.connect().await?,
        };
        let mut room = MOST_BYTES;
        let mut answer = Answer::default();
        let mut from = if with_loads { "0+" } else { "0" }.to_owned();
        loop {
            let command = format!("clustering json {from}");
            let mut part = ask_once(&mut connection, &command, &mut room).await?;
            let next = part.next.take();
            add(&mut answer, part)?;
            match next {
                // An answer that begins where it did before would never end.
                Some(next) if place(&next) > place(&from) => from = next,
                Some(_) => return Err(AskError::NoAnswer),
                None => return Ok((answer, connection)),
            }
        }
    }

    async fn connect(&self) -> Result<TcpStream, AskError> {
        let mut connection = TcpStream::connect(&self.address).await?;
        connection.set_nodelay(true)?;
        let password = self.password.as_ref();
        let password = password.map_or_else(String::new, |password| format!("auth {password}\r\n"));
        let lines = password + "output off\r\n";
        connection.write_all(lines.as_bytes()).await?;
        Ok(connection)
    }
}

/// The number in a text that says where a part begins; `None` for anything else, which is less than any number.
fn place(from: &str) -> Option<usize> {
    from.strip_suffix('+').unwrap_or(from).parse().ok()
}

/// Adds a part of an answer. A node that comes twice, because others came or went meanwhile, is taken once.
fn add(answer: &mut Answer, part: Answer) -> Result<(), AskError> {
    if part.schema != SCHEMA {
        return Err(AskError::Schema(part.schema));
    }
    if answer.schema == 0 {
        *answer = part;
    } else {
        let Answer { nodes, senders, .. } = part;
        answer.nodes.extend(nodes);
        answer.senders.extend(senders);
    }
    if answer.nodes.len() + answer.senders.len() > MOST_NODES {
        return Err(AskError::Long);
    }
    let mut names = std::collections::HashSet::new();
    let is_first: Vec<_> = answer
        .nodes
        .iter()
        .map(|node| names.insert(node.name.clone()))
        .collect();
    let mut is_first = is_first.into_iter();
    answer.nodes.retain(|_| is_first.next().unwrap_or_default());
    Ok(())
}

/// Gives one command, and reads the part of an answer. `room` is how many bytes may still come.
async fn ask_once(
    connection: &mut TcpStream,
    command: &str,
    room: &mut usize,
) -> Result<Answer, AskError> {
    let lines = format!("echo off\r\n{command}\r\necho off\r\n");
    connection.write_all(lines.as_bytes()).await?;
    let mut piece = [0; 8192];
    let mut line = Vec::new();
    let mut marks = 0;
    let mut answer = None;
    loop {
        let read = connection.read(&mut piece).await?;
        if read == 0 {
            return Err(AskError::Ended);
        }
        *room = room.checked_sub(read).ok_or(AskError::Long)?;
        for &byte in &piece[..read] {
            match byte {
                b'\n' => {
                    if line.ends_with(MARK) {
                        marks += 1;
                        if marks == 2 {
                            return answer.unwrap_or(Err(AskError::NoAnswer));
                        }
                    } else {
                        look_at(&line, marks > 0, &mut answer)?;
                    }
                    line.clear();
                }
                b'\0' | b'\r' => {}
                _ => line.push(byte),
            }
        }
    }
}

/// Looks at a line of a console; `is_answer` where it stands behind the first mark.
fn look_at(
    line: &[u8],
    is_answer: bool,
    answer: &mut Option<Result<Answer, AskError>>,
) -> Result<(), AskError> {
    if line.ends_with(b"Bad authentication password!") {
        return Err(AskError::WrongPassword);
    }
    if !is_answer {
        return Ok(());
    }
    if line.starts_with(b"{\"schema\":") {
        // A second one may be text of somebody's that the engine logs: neither is to be trusted then.
        if answer.is_some() {
            return Err(AskError::NoAnswer);
        }
        *answer = Some(serde_json::from_slice(line).map_err(AskError::from));
    } else if line.ends_with(b"Not authenticated!") {
        return Err(AskError::NotAllowed);
    } else if line.starts_with(b"Cannot understand") {
        return Err(AskError::NoModule);
    }
    Ok(())
}
