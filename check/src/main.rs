// SPDX-License-Identifier: GPL-2.0-or-later

//! `yate-clustering-check FILE`: checks a `clustering.conf` without an engine, by the module's own rules.

mod disk;

use std::ffi::OsString;
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::path::PathBuf;
use std::process::ExitCode;

use clustering::file::Document;
use clustering::operator::check::report;
use clustering::settings::{Settings, UNNAMED};
use clustering::text::Escaped;
use lexopt::{Arg, Parser, ValueExt};

use disk::Disk;

const USAGE: &str = "\
Usage: yate-clustering-check [OPTION...] FILE
Checks a clustering.conf as the module would, and names each mistake with its line.

   --node NAME          the name of the node that is to load the file
   --param NAME=VALUE   a parameter of the engine, for ${NAME} in the file
   --strict             take warnings for mistakes
   --help               show this

Ends with 0 for a good file, with 1 for one that would be refused, and with 2 for
one that can't be read.
";

/// The options of the program.
#[derive(Default)]
struct Options {
    file: PathBuf,
    node: Option<Vec<u8>>,
    parameters: Vec<(Vec<u8>, Vec<u8>)>,
    is_strict: bool,
}

/// Reads the options; `None` where only the usage is wanted.
fn options(mut parser: Parser) -> Result<Option<Options>, lexopt::Error> {
    let mut options = Options::default();
    let mut file: Option<OsString> = None;
    while let Some(argument) = parser.next()? {
        match argument {
            Arg::Long("node") => options.node = Some(parser.value()?.into_vec()),
            Arg::Long("param") => {
                let parameter = parser.value()?;
                let bytes = parameter.as_bytes();
                let equal = bytes.iter().position(|&byte| byte == b'=');
                let equal = equal.ok_or("--param takes NAME=VALUE")?;
                let (name, value) = (bytes[..equal].to_vec(), bytes[equal + 1..].to_vec());
                options.parameters.push((name, value));
            }
            Arg::Long("strict") => options.is_strict = true,
            Arg::Long("help") | Arg::Short('h') => return Ok(None),
            Arg::Value(value) if file.is_none() => file = Some(value),
            other => return Err(other.unexpected()),
        }
    }
    options.file = file.ok_or("there is no FILE")?.parse()?;
    Ok(Some(options))
}

/// Checks a file.
fn check(options: Options) -> ExitCode {
    let Options {
        file,
        node,
        mut parameters,
        is_strict,
    } = options;
    let path = file.into_os_string().into_vec();
    let shown = Escaped(&path).to_string();
    parameters.extend(node.clone().map(|node| (b"nodename".to_vec(), node)));
    let disk = Disk::new(parameters, &path);
    let (entries, document) = match Document::read(&path, &disk) {
        Ok(read) => read,
        Err(error) => {
            eprintln!("yate-clustering-check: can't read '{shown}': {error}");
            return ExitCode::from(2);
        }
    };
    let node = node.as_deref().unwrap_or(UNNAMED);
    let checked = Settings::check(node, &shown, &entries.list(), &document);
    print!("{}", report(&checked, &shown));
    let is_good = match &checked.settings {
        Ok(settings) => !is_strict || settings.enabled && checked.warnings.is_empty(),
        Err(_) => false,
    };
    ExitCode::from(u8::from(!is_good))
}

fn main() -> ExitCode {
    match options(Parser::from_env()) {
        Ok(Some(options)) => check(options),
        Ok(None) => {
            print!("{USAGE}");
            ExitCode::SUCCESS
        }
        Err(error) => {
            eprintln!("yate-clustering-check: {error}; see --help");
            ExitCode::from(2)
        }
    }
}
