// SPDX-License-Identifier: GPL-2.0-or-later

//! The options of the program, of its command line and of its file.

use std::ffi::OsString;
use std::fs;
use std::io::Read;
use std::net::{IpAddr, SocketAddr};
use std::path::{Path, PathBuf};
use std::time::Duration;

use lexopt::{Arg, Parser, ValueExt};

use crate::console::PORT;
use crate::server::Place;

/// What `--help` says.
pub const USAGE: &str = "\
Usage: yate-clustering-monitor [OPTION...]
Shows a cluster of Yate engines: asks their remote managers, and serves a page (/),
JSON (/api/cluster) and metrics for Prometheus (/metrics). To read only.

   --config FILE         options, one a line, as NAME=VALUE without the dashes
   --engine HOST[:PORT]  a remote manager to ask, may be given often: 127.0.0.1:5038
   --password-file FILE  the password of the consoles of the engines that follow
   --interval SECONDS    from one question to the next: 5
   --timeout SECONDS     how long to wait for an answer: 3
   --listen PLACE        ADDRESS:PORT or unix:PATH to serve at: 127.0.0.1:9738
   --login-file FILE     NAME:PASSWORD that a browser must give
   --no-login            serve at an address that is not loopback without that
   --name HOST           a host name that browsers know this program by, may be given
                         often
   --version             show the version
   --help                show this

Passwords stand in the first lines of their files.
";

/// The most engines that are asked.
pub const MOST_ENGINES: usize = 250;

/// What the program is to do.
#[derive(Debug)]
pub enum Order {
    /// Serve a cluster.
    Serve(Options),
    /// Show the usage.
    Help,
    /// Show the version.
    Version,
}

/// The options.
#[derive(Debug)]
pub struct Options {
    /// The remote managers that are asked: a host and a port, and a password.
    pub engines: Vec<(String, Option<String>)>,
    /// The time from one question to the next.
    pub interval: Duration,
    /// The time that an answer may take.
    pub timeout: Duration,
    /// The place where the cluster is served.
    pub listen: Place,
    /// A name and a password, with a colon between, that a browser must give.
    pub login: Option<String>,
    /// The host names that browsers know this program by.
    pub names: Vec<String>,
    no_login: bool,
    /// The password for the engines that follow.
    password: Option<String>,
}

/// The reason why the options can't be taken.
#[derive(Debug, thiserror::Error)]
pub enum OptionError {
    /// They can't be read.
    #[error("{0}; see --help")]
    Argument(#[from] lexopt::Error),
    /// A file can't be read.
    #[error("{path}: {1}", path = .0.display())]
    File(PathBuf, std::io::Error),
    /// A file has something else than it should.
    #[error("{path}: {1}", path = .0.display())]
    Contents(PathBuf, &'static str),
    /// A line of the file can't be taken.
    #[error("{path}:{1}: {2}", path = .0.display())]
    Line(PathBuf, usize, Box<OptionError>),
    /// An option has a value that it can't have.
    #[error("--{0} {1}: {2}")]
    Value(&'static str, String, &'static str),
    /// Everybody could read it.
    #[error(
        "{0} is not loopback: give --login-file, or --no-login if everybody may see the cluster"
    )]
    Open(SocketAddr),
}

impl Default for Options {
    fn default() -> Self {
        Self {
            engines: Vec::new(),
            interval: Duration::from_secs(5),
            timeout: Duration::from_secs(3),
            listen: Place::Tcp(SocketAddr::from(([127, 0, 0, 1], 9738))),
            login: None,
            names: Vec::new(),
            no_login: false,
            password: None,
        }
    }
}

impl Options {
    /// Reads the command line.
    ///
    /// # Errors
    ///
    /// Says what can't be taken.
    pub fn read(parser: Parser) -> Result<Order, OptionError> {
        let mut options = Self::default();
        if let Some(order) = options.take(parser, true)? {
            return Ok(order);
        }
        if options.engines.is_empty() {
            let engine = (format!("127.0.0.1:{PORT}"), options.password.take());
            options.engines.push(engine);
        }
        if options.engines.len() > MOST_ENGINES {
            let number = options.engines.len().to_string();
            return Err(OptionError::Value(
                "engine",
                number,
                "more than 250 engines",
            ));
        }
        if options.timeout > options.interval {
            let timeout = options.timeout.as_secs_f64().to_string();
            return Err(OptionError::Value(
                "timeout",
                timeout,
                "is longer than the interval",
            ));
        }
        match options.listen {
            Place::Tcp(address)
                if !address.ip().is_loopback() && options.login.is_none() && !options.no_login =>
            {
                Err(OptionError::Open(address))
            }
            _ => Ok(Order::Serve(options)),
        }
    }

    /// Takes the options of a command line, or those of a file, which has no file.
    fn take(&mut self, mut parser: Parser, is_line: bool) -> Result<Option<Order>, OptionError> {
        while let Some(argument) = parser.next()? {
            match argument {
                Arg::Long("config") if is_line => self.file(Path::new(&parser.value()?))?,
                Arg::Long("engine") => {
                    let text = parser.value()?.string()?;
                    let address = engine(&text).ok_or(OptionError::Value(
                        "engine",
                        text,
                        "not HOST or HOST:PORT",
                    ))?;
                    self.engines.push((address, self.password.clone()));
                }
                Arg::Long("password-file") => {
                    let password = first_line(Path::new(&parser.value()?))?;
                    self.password = Some(password);
                }
                Arg::Long("interval") => {
                    self.interval = seconds("interval", &parser.value()?.string()?)?;
                }
                Arg::Long("timeout") => {
                    self.timeout = seconds("timeout", &parser.value()?.string()?)?;
                }
                Arg::Long("listen") => self.listen = place(&parser.value()?.string()?)?,
                Arg::Long("login-file") => {
                    let path = PathBuf::from(parser.value()?);
                    let login = first_line(&path)?;
                    if login
                        .split_once(':')
                        .is_none_or(|(name, password)| name.is_empty() || password.is_empty())
                    {
                        return Err(OptionError::Contents(
                            path,
                            "its first line is not NAME:PASSWORD",
                        ));
                    }
                    self.login = Some(login);
                }
                Arg::Long("no-login") => self.no_login = true,
                Arg::Long("name") => self.names.push(parser.value()?.string()?),
                Arg::Long("version") if is_line => return Ok(Some(Order::Version)),
                Arg::Long("help") | Arg::Short('h') if is_line => return Ok(Some(Order::Help)),
                other => return Err(other.unexpected().into()),
            }
        }
        Ok(None)
    }

    /// Takes the options of a file, each line as the command line has it. Comments begin with `;` or `#`.
    fn file(&mut self, path: &Path) -> Result<(), OptionError> {
        let text =
            fs::read_to_string(path).map_err(|error| OptionError::File(path.to_owned(), error))?;
        for (at, line) in text.lines().enumerate() {
            let line = line.trim();
            if line.is_empty() || line.starts_with([';', '#']) {
                continue;
            }
            let line = match line.split_once('=') {
                Some((name, value)) => format!("--{}={}", name.trim_end(), value.trim_start()),
                None => format!("--{line}"),
            };
            let parser = Parser::from_args([OsString::from(line)]);
            self.take(parser, false)
                .map_err(|error| OptionError::Line(path.to_owned(), at + 1, Box::new(error)))?;
        }
        Ok(())
    }

    /// The host names that a request may be for; `None` for any: where a login is needed, and behind a proxy, it does
    /// no harm.
    #[must_use]
    pub fn hosts(&self) -> Option<Vec<String>> {
        let is_open = self.login.is_none() && matches!(self.listen, Place::Tcp(_));
        is_open.then(|| self.names.clone())
    }
}

/// The address of a remote manager, with its port.
fn engine(text: &str) -> Option<String> {
    if text.is_empty() || text.contains(char::is_whitespace) {
        return None;
    }
    if let Ok(address) = text.parse::<SocketAddr>() {
        return Some(address.to_string());
    }
    let bare = text
        .strip_prefix('[')
        .and_then(|text| text.strip_suffix(']'));
    if let Ok(address) = bare.unwrap_or(text).parse::<IpAddr>() {
        return Some(SocketAddr::new(address, PORT).to_string());
    }
    match text.split_once(':') {
        None => Some(format!("{text}:{PORT}")),
        Some((host, port)) => {
            let port: u16 = port.parse().ok()?;
            (!host.is_empty()).then(|| format!("{host}:{port}"))
        }
    }
}

fn place(text: &str) -> Result<Place, OptionError> {
    if let Some(path) = text.strip_prefix("unix:") {
        if path.starts_with('/') {
            return Ok(Place::Unix(path.into()));
        }
    } else if let Ok(address) = text.parse() {
        return Ok(Place::Tcp(address));
    }
    let reason = "not ADDRESS:PORT or unix:/PATH";
    Err(OptionError::Value("listen", text.to_owned(), reason))
}

fn seconds(name: &'static str, text: &str) -> Result<Duration, OptionError> {
    let seconds: f64 = text.parse().unwrap_or_default();
    if (0.2..=3600.0).contains(&seconds) {
        return Ok(Duration::from_secs_f64(seconds));
    }
    let reason = "not a number of seconds from 0.2 to 3600";
    Err(OptionError::Value(name, text.to_owned(), reason))
}

/// The first line of a file, which is a password.
fn first_line(path: &Path) -> Result<String, OptionError> {
    let read = || {
        let mut text = String::new();
        // Longer than any password: it may be the wrong file.
        fs::File::open(path)?.take(4096).read_to_string(&mut text)?;
        Ok(text)
    };
    let text = read().map_err(|error| OptionError::File(path.to_owned(), error))?;
    let line = text.lines().next().unwrap_or_default();
    if line.is_empty() {
        return Err(OptionError::Contents(
            path.to_owned(),
            "no password in its first line",
        ));
    }
    if line.contains(char::is_control) {
        return Err(OptionError::Contents(
            path.to_owned(),
            "a control character in the password",
        ));
    }
    Ok(line.to_owned())
}
