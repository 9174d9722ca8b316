// SPDX-License-Identifier: GPL-2.0-or-later

//! Messages from a file, and what becomes of each.
//!
//! Who wants to know how the module treats a message writes it down with the settings, and sees; who
//! knows already writes that down too, and has a test. The recorded cases of the test suite have the
//! same form.

use std::io::{self, Write};
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};

use engine_process::{Handler, Message, failure};
use serde_json::Value;

use crate::nodes::{Binaries, Node, Nodes};

/// What a node starts with, and has again before each other configuration.
const DISABLED: &str = "[general]\nenabled=no\n";
/// The default of the setting `locate`.
const LOCATE: &str = "cluster.locate";

type Params = Vec<(String, String)>;

/// The lookups that the module made, by the parameters of each.
type Lookups = Arc<Mutex<Vec<Params>>>;

/// A message and its circumstances.
struct Case {
    line: usize,
    config: String,
    node: String,
    message: Message,
    expected: Expected,
}

/// What should become of a message, as far as it is said.
struct Expected {
    handled: Option<bool>,
    retval: Option<String>,
    result: Option<Params>,
    locate: Option<Vec<Params>>,
}

/// Sends all messages of a file. Whether all that was expected came.
pub fn run(
    file: &Path,
    binaries: &Binaries,
    nodes: &mut Nodes,
    out: &mut dyn Write,
) -> io::Result<bool> {
    let groups = grouped(read(file)?);
    let lookups = Lookups::default();
    let (mut sent, mut compared, mut met) = (0, 0, 0);
    for group in &groups {
        let Case { node, config, .. } = &group[0];
        if nodes.get(node).is_err() {
            nodes.start(binaries, node, &[("clustering.conf", DISABLED)])?;
        }
        let node = nodes.get(node)?;
        configure(node, config, &lookups, out)?;
        for case in group {
            take(&lookups);
            let came = node.client().dispatch(&case.message)?;
            show(case, &came, out)?;
            let differences = case.expected.differences(&came, &take(&lookups));
            for difference in &differences {
                writeln!(out, "    WRONG  {difference}")?;
            }
            sent += 1;
            if case.expected.is_given() {
                compared += 1;
                if differences.is_empty() {
                    met += 1;
                    writeln!(out, "    as expected")?;
                }
            }
        }
    }
    writeln!(
        out,
        "\ncases: {sent} sent, {compared} compared, {met} as expected"
    )?;
    Ok(met == compared)
}

/// Puts the cases of one node and configuration together, so that each is loaded once.
fn grouped(cases: Vec<Case>) -> Vec<Vec<Case>> {
    let mut groups: Vec<Vec<Case>> = Vec::new();
    for case in cases {
        let known = groups.iter_mut().find(|group| {
            let Case { node, config, .. } = &group[0];
            (node, config) == (&case.node, &case.config)
        });
        match known {
            Some(group) => group.push(case),
            None => groups.push(vec![case]),
        }
    }
    groups
}

/// Puts a configuration in force as if none had been before.
fn configure(node: &Node, config: &str, lookups: &Lookups, out: &mut dyn Write) -> io::Result<()> {
    let name = &node.name;
    writeln!(out, "\n{name}, clustering.conf:")?;
    for line in config.lines() {
        writeln!(out, "{}", format!("    {line}").trim_end())?;
    }
    node.client()
        .install(50, locate_message(config), answer(lookups))?;
    node.reload(DISABLED)?;
    node.reload(config)?;
    if !node
        .client()
        .command("status clustering")?
        .contains("enabled=true")
    {
        writeln!(out, "  These settings leave the module disabled.")?;
    }
    Ok(())
}

/// The message that the module sends to find a node.
fn locate_message(config: &str) -> &str {
    config
        .lines()
        .filter_map(|line| line.split_once('='))
        .find(|(key, _)| key.trim() == "locate")
        .map(|(_, message)| message.trim())
        .filter(|message| !message.is_empty())
        .unwrap_or(LOCATE)
}

/// Answers lookups by how the resource begins, so that a case can have any answer it likes.
fn answer(lookups: &Lookups) -> Handler {
    let lookups = Arc::clone(lookups);
    Box::new(move |lookup| {
        let mut kept = lookups.lock().unwrap_or_else(PoisonError::into_inner);
        kept.push(lookup.params.clone());
        let resource = lookup.get("callto");
        let begins = |text| resource.starts_with(text);
        if begins("fail") {
            let full = begins("fail-reason");
            lookup.set("error", "nolocate");
            if full {
                lookup.set("reason", "full");
            }
            return false;
        }
        let node = match () {
            () if begins("dash") => "-",
            () if begins("err") => "error",
            () if begins("local") => "node1",
            () if begins("odd") => "???",
            () => "node2",
        };
        node.clone_into(&mut lookup.retval);
        true
    })
}

fn take(lookups: &Lookups) -> Vec<Params> {
    std::mem::take(&mut *lookups.lock().unwrap_or_else(PoisonError::into_inner))
}

/// Prints what a message was about and what the dispatch changed.
fn show(case: &Case, result: &Message, out: &mut dyn Write) -> io::Result<()> {
    let sent = &case.message;
    writeln!(
        out,
        "  line {}: {} {}",
        case.line,
        sent.name,
        list(&sent.params)
    )?;
    let mut changed = result.handled;
    if result.handled {
        writeln!(out, "    handled, returns '{}'", plain(&result.retval))?;
    }
    for (name, _) in &sent.params {
        if !result.params.iter().any(|(other, _)| other == name) {
            changed = true;
            writeln!(out, "    {name} is gone")?;
        }
    }
    for param in &result.params {
        if !sent.params.contains(param) {
            changed = true;
            writeln!(out, "    {}={}", plain(&param.0), plain(&param.1))?;
        }
    }
    if !changed {
        writeln!(out, "    unchanged")?;
    }
    Ok(())
}

impl Expected {
    fn is_given(&self) -> bool {
        let Self {
            handled,
            retval,
            result,
            locate,
        } = self;
        handled.is_some() || retval.is_some() || result.is_some() || locate.is_some()
    }

    /// What came otherwise than expected, a line each.
    fn differences(&self, came: &Message, lookups: &[Params]) -> Vec<String> {
        let expected = [
            self.handled.map(|handled| handled.to_string()),
            self.retval.as_ref().map(|text| plain(text)),
            self.result.as_ref().map(|params| list(params)),
            self.locate.as_ref().map(|lookups| list_all(lookups)),
        ];
        let came = [
            came.handled.to_string(),
            plain(&came.retval),
            list(&came.params),
            list_all(lookups),
        ];
        let keys = ["handled", "retval", "result", "locate"];
        let compared = keys.iter().zip(expected).zip(came);
        compared
            .filter_map(|((key, expected), came)| Some((key, expected?, came)))
            .filter(|(_, expected, came)| expected != came)
            .map(|(key, expected, came)| format!("{key}: expected {expected}, came {came}"))
            .collect()
    }
}

/// Reads the cases of a file.
fn read(file: &Path) -> io::Result<Vec<Case>> {
    let name = file.display();
    let text = std::fs::read_to_string(file)
        .map_err(|error| failure(format!("can't read {name}: {error}")))?;
    let lines = text.lines().zip(1..);
    lines
        .filter(|(text, _)| !text.trim().is_empty())
        .map(|(text, line)| {
            read_case(text, line).map_err(|error| failure(format!("{name}:{line}: {error}")))
        })
        .collect()
}

fn read_case(text: &str, line: usize) -> Result<Case, String> {
    let case: Value = serde_json::from_str(text).map_err(|error| error.to_string())?;
    let text = |key: &str| {
        let text = case[key].as_str().map(str::to_owned);
        text.ok_or_else(|| format!("'{key}' is to be a text"))
    };
    // A key that is not there is not wrong.
    let given = |key| Some(&case[key]).filter(|value| !value.is_null());
    let wrong = |key| move || format!("'{key}' is not what it is to be");
    Ok(Case {
        line,
        config: text("config")?,
        node: text("node")?,
        message: Message {
            params: read_params(&case["params"]).ok_or_else(wrong("params"))?,
            ..Message::new(&text("message")?)
        },
        expected: Expected {
            handled: given("handled")
                .map(|value| value.as_bool().ok_or_else(wrong("handled")))
                .transpose()?,
            retval: given("retval").map(|_| text("retval")).transpose()?,
            result: given("result")
                .map(|value| read_params(value).ok_or_else(wrong("result")))
                .transpose()?,
            locate: given("locate")
                .map(|value| {
                    let lookups = value.as_array().map(|list| list.iter().map(read_params));
                    lookups
                        .and_then(Iterator::collect)
                        .ok_or_else(wrong("locate"))
                })
                .transpose()?,
        },
    })
}

/// Reads `[[name, value], ...]`; `null` is a value that is empty.
fn read_params(value: &Value) -> Option<Params> {
    let pairs = value.as_array()?.iter();
    pairs
        .map(|pair| match pair.as_array()?.as_slice() {
            [name, Value::Null] => Some((name.as_str()?.to_owned(), String::new())),
            [name, value] => Some((name.as_str()?.to_owned(), value.as_str()?.to_owned())),
            _ => None,
        })
        .collect()
}

fn list(params: &[(String, String)]) -> String {
    let params = params.iter();
    let params: Vec<_> = params
        .map(|(name, value)| format!("{}={}", plain(name), plain(value)))
        .collect();
    format!("[{}]", params.join(", "))
}

fn list_all(lists: &[Params]) -> String {
    let lists: Vec<_> = lists.iter().map(|params| list(params)).collect();
    format!("[{}]", lists.join(", "))
}

/// A text that is safe to print.
fn plain(text: &str) -> String {
    let mut plain = String::with_capacity(text.len());
    for c in text.chars() {
        if c.is_control() {
            plain.extend(c.escape_default());
        } else {
            plain.push(c);
        }
    }
    plain
}
