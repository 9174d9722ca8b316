// SPDX-License-Identifier: GPL-2.0-or-later

//! A client of Yate's external module protocol, by which we are a module of an engine.
//!
//! One thread reads. It answers the engine's questions by the handlers installed, so a handler must not
//! dispatch messages itself. It keeps watched messages until somebody takes them.

use std::collections::HashMap;
use std::fmt::Display;
use std::io::{self, BufRead, BufReader, Write};
use std::net::Shutdown;
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::{self, JoinHandle};

use crate::message::{Line, Message};
use crate::patience::PATIENCE;

/// Changes a message; returns whether it is handled now.
pub type Handler = Box<dyn FnMut(&mut Message) -> bool + Send>;

/// A connection to an engine.
pub struct Client {
    link: Arc<Link>,
    socket: UnixStream,
    reader: Option<JoinHandle<()>>,
}

struct Link {
    writer: Mutex<UnixStream>,
    handlers: Mutex<HashMap<String, Handler>>,
    inbox: Mutex<Inbox>,
    arrived: Condvar,
}

/// The lines that came from the engine and were not asked for yet.
#[derive(Default)]
struct Inbox {
    sent: u64,
    answers: Vec<(String, Message)>,
    watched: Vec<Message>,
    others: Vec<String>,
    closed: bool,
}

impl Client {
    /// Connects to the socket of an engine, whose listener has the role `global`.
    ///
    /// # Errors
    /// When nobody listens there.
    pub fn connect(path: &Path) -> io::Result<Self> {
        let socket = UnixStream::connect(path)?;
        let link = Arc::new(Link {
            writer: Mutex::new(socket.try_clone()?),
            handlers: Mutex::default(),
            inbox: Mutex::default(),
            arrived: Condvar::new(),
        });
        let reader = {
            let link = Arc::clone(&link);
            let socket = socket.try_clone()?;
            thread::spawn(move || link.read(BufReader::new(socket)))
        };
        Ok(Self {
            link,
            socket,
            reader: Some(reader),
        })
    }

    /// Has the engine dispatch a message, and gives the result.
    ///
    /// # Errors
    /// When the engine is gone, or doesn't answer in [`PATIENCE`]; so are those of the others here.
    pub fn dispatch(&self, message: &Message) -> io::Result<Message> {
        let id = {
            let mut inbox = lock(&self.link.inbox);
            inbox.sent += 1;
            inbox.sent.to_string()
        };
        self.link.write(&message.request(&id))?;
        self.link
            .take(
                |inbox| &mut inbox.answers,
                |(answered, _)| *answered == id,
                || format!("{} was not answered", message.name),
            )
            .map(|(_, answer)| answer)
    }

    /// Runs a command as an operator would, and gives the text that it prints.
    ///
    /// # Errors
    /// As [`dispatch`](Self::dispatch), and when no module knows the command.
    pub fn command(&self, line: &str) -> io::Result<String> {
        let answer = self.dispatch(&Message::new("engine.command").with("line", line))?;
        if answer.handled {
            Ok(answer.retval.trim_end().to_owned())
        } else {
            Err(failure(format!("the command '{line}' is unknown")))
        }
    }

    /// Keeps all messages of a name from now on; see [`seen`](Self::seen).
    ///
    /// # Errors
    /// As [`dispatch`](Self::dispatch).
    pub fn watch(&self, name: &str) -> io::Result<()> {
        self.confirmed(&format!("watch:{name}"))
    }

    /// Handles all messages of a name from now on, instead of the handler before if there is one.
    ///
    /// # Errors
    /// As [`dispatch`](Self::dispatch).
    pub fn install(&self, priority: u32, name: &str, handler: Handler) -> io::Result<()> {
        let replaced = lock(&self.link.handlers).insert(name.to_owned(), handler);
        if replaced.is_some() {
            return Ok(());
        }
        self.confirmed(&format!("install:{priority}:{name}"))
    }

    /// Takes the first message seen for which this holds, waiting for it if need be. `what` names it for the
    /// case that it doesn't come.
    ///
    /// # Errors
    /// As [`dispatch`](Self::dispatch).
    pub fn seen(
        &self,
        what: impl Display,
        is_it: impl Fn(&Message) -> bool,
    ) -> io::Result<Message> {
        self.link.take(
            |inbox| &mut inbox.watched,
            is_it,
            || format!("{what} was never seen"),
        )
    }

    fn confirmed(&self, command: &str) -> io::Result<()> {
        self.link.write(&format!("%%>{command}"))?;
        let begin = format!("%%<{command}:");
        let answer = self.link.take(
            |inbox| &mut inbox.others,
            |line| line.starts_with(&begin),
            || format!("the engine did not confirm '{command}'"),
        )?;
        if answer.ends_with(":true") {
            Ok(())
        } else {
            Err(failure(format!("the engine refuses '{command}'")))
        }
    }
}

impl Drop for Client {
    fn drop(&mut self) {
        // Fails only if the engine is gone already, which the reader has noticed then.
        let _ = self.socket.shutdown(Shutdown::Both);
        if let Some(reader) = self.reader.take() {
            let _ = reader.join();
        }
    }
}

impl Link {
    fn write(&self, line: &str) -> io::Result<()> {
        lock(&self.writer).write_all(format!("{line}\n").as_bytes())
    }

    fn read(&self, mut lines: impl BufRead) {
        let mut line = Vec::new();
        while lines.read_until(b'\n', &mut line).is_ok_and(|n| n > 0) {
            let text = String::from_utf8_lossy(&line);
            self.sort(Line::parse(text.trim_end_matches(['\r', '\n'])));
            line.clear();
        }
        lock(&self.inbox).closed = true;
        self.arrived.notify_all();
    }

    fn sort(&self, line: Line) {
        match line {
            Line::Request(id, mut message) => {
                if let Some(handler) = lock(&self.handlers).get_mut(&message.name) {
                    message.handled = handler(&mut message);
                }
                // If this fails the engine is gone, and the next read fails, too.
                let _ = self.write(&message.answer(&id));
            }
            Line::Answer(id, message) => lock(&self.inbox).answers.push((id, message)),
            Line::Watched(message) => lock(&self.inbox).watched.push(message),
            Line::Other(text) => lock(&self.inbox).others.push(text),
        }
        self.arrived.notify_all();
    }

    /// Takes the first item of a list for which this holds, waiting for it if need be.
    fn take<T>(
        &self,
        list: impl Fn(&mut Inbox) -> &mut Vec<T>,
        is_it: impl Fn(&T) -> bool,
        otherwise: impl Fn() -> String,
    ) -> io::Result<T> {
        let inbox = lock(&self.inbox);
        let (mut inbox, _) = self
            .arrived
            .wait_timeout_while(inbox, PATIENCE, |inbox| {
                !inbox.closed && !list(inbox).iter().any(&is_it)
            })
            .unwrap_or_else(PoisonError::into_inner);
        let items = list(&mut inbox);
        match items.iter().position(is_it) {
            Some(place) => Ok(items.remove(place)),
            None if inbox.closed => Err(failure(otherwise() + ", the engine is gone")),
            None => Err(failure(otherwise())),
        }
    }
}

/// An error with a text of our own.
#[must_use]
pub fn failure(text: impl Into<String>) -> io::Error {
    io::Error::other(text.into())
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
