// SPDX-License-Identifier: GPL-2.0-or-later
//! The recorded cases, and the parts of them that are compared.

use std::fmt::{self, Display, Formatter, Write as _};
use std::fs;
use std::path::Path;

use engine_bridge::{Outcome, Param};
use serde_json::Value as Json;

/// The value that a parameter must have.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Value {
    /// These bytes, or none.
    Exactly(Option<Vec<u8>>),
    /// Any text that begins so.
    Beginning(&'static str),
}

impl Value {
    fn admits(&self, actual: Option<&[u8]>) -> bool {
        match self {
            Self::Exactly(value) => value.as_deref() == actual,
            Self::Beginning(text) => {
                actual.is_some_and(|actual| actual.starts_with(text.as_bytes()))
            }
        }
    }
}

/// The result that a case must have.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Expected {
    pub handled: bool,
    pub retval: Vec<u8>,
    pub params: Vec<(Vec<u8>, Value)>,
    /// The parameters of the locate messages that are sent on the way.
    pub locates: Vec<Vec<Param>>,
}

impl Expected {
    /// Sets a parameter as the engine does: the first of that name in place, else at the end.
    pub fn set(&mut self, name: &str, value: Value) {
        match self
            .params
            .iter_mut()
            .find(|(own, _)| own == name.as_bytes())
        {
            Some((_, own)) => *own = value,
            None => self.params.push((name.into(), value)),
        }
    }

    /// Removes all parameters of these names.
    pub fn clear(&mut self, names: &[&str]) {
        self.params
            .retain(|(own, _)| !names.iter().any(|name| own == name.as_bytes()));
    }

    /// Whether this is the result.
    pub fn admits(&self, outcome: &Outcome, locates: &[Vec<Param>]) -> bool {
        let params = outcome.untraced();
        self.handled == outcome.handled
            && self.retval == outcome.retval
            && self.locates == locates
            && self.params.len() == params.len()
            && self
                .params
                .iter()
                .zip(&params)
                .all(|((name, value), (actual_name, actual))| {
                    name == actual_name && value.admits(actual.as_deref())
                })
    }
}

impl Display for Expected {
    fn fmt(&self, formatter: &mut Formatter<'_>) -> fmt::Result {
        write!(
            formatter,
            "{} '{}' ",
            self.handled,
            self.retval.escape_ascii()
        )?;
        for (name, value) in &self.params {
            match value {
                Value::Exactly(value) => {
                    let value = value.as_deref().unwrap_or_default();
                    write!(
                        formatter,
                        "[{}={}]",
                        name.escape_ascii(),
                        value.escape_ascii()
                    )?;
                }
                Value::Beginning(text) => write!(formatter, "[{}={text}...]", name.escape_ascii())?,
            }
        }
        write!(formatter, " locates {}", list_all(&self.locates))
    }
}

/// Parameters as a failure shows them.
pub fn list(params: &[Param]) -> String {
    params
        .iter()
        .fold(String::new(), |mut text, (name, value)| {
            let value = value.as_deref().unwrap_or_default();
            let _ = write!(text, "[{}={}]", name.escape_ascii(), value.escape_ascii());
            text
        })
}

/// The parameters of several messages as a failure shows them.
pub fn list_all(messages: &[Vec<Param>]) -> String {
    let lists: Vec<_> = messages.iter().map(|params| list(params)).collect();
    lists.join(" / ")
}

/// A recorded message, and the stock module's result.
#[derive(Clone, Debug)]
pub struct Case {
    /// Its line in the file, to find it again.
    pub line: usize,
    pub config: String,
    pub node: String,
    pub message: String,
    pub params: Vec<Param>,
    pub recorded: Expected,
}

impl Case {
    /// All recorded cases, in order.
    pub fn all() -> Vec<Self> {
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data/stock-cases.jsonl");
        let text = fs::read_to_string(path).expect("the recorded cases are there");
        text.lines()
            .enumerate()
            .map(|(index, line)| {
                let json: Json = serde_json::from_str(line).expect("a line is a JSON object");
                Self {
                    line: index + 1,
                    config: text_of(&json["config"]),
                    node: text_of(&json["node"]),
                    message: text_of(&json["message"]),
                    params: params_of(&json["params"]),
                    recorded: Expected {
                        handled: json["handled"].as_bool().expect("handled is a boolean"),
                        retval: text_of(&json["retval"]).into(),
                        params: params_of(&json["result"])
                            .into_iter()
                            .map(|(name, value)| (name, Value::Exactly(value)))
                            .collect(),
                        locates: array_of(&json["locate"]).iter().map(locate_of).collect(),
                    },
                }
            })
            .collect()
    }

    /// A setting of the `[general]` section; `None` where it is absent.
    pub fn setting(&self, key: &str) -> Option<&str> {
        self.config.lines().find_map(|line| {
            let (name, value) = line.split_once('=')?;
            (name.trim() == key).then(|| value.trim())
        })
    }

    /// The value of a parameter before dispatch; an empty one counts as none.
    pub fn param(&self, name: &str) -> Option<&[u8]> {
        let (_, value) = self.params.iter().find(|(own, _)| own == name.as_bytes())?;
        value.as_deref()
    }

    /// The message comes out as it went in.
    pub fn unchanged(&self) -> Expected {
        Expected {
            handled: false,
            retval: Vec::new(),
            params: self
                .params
                .iter()
                .map(|(name, value)| (name.clone(), Value::Exactly(value.clone())))
                .collect(),
            locates: Vec::new(),
        }
    }
}

fn text_of(json: &Json) -> String {
    json.as_str().expect("it is a text").to_owned()
}

fn array_of(json: &Json) -> &[Json] {
    json.as_array().expect("it is a list")
}

/// Parameters, where no value and an empty one are the same, as in the engine.
fn params_of(json: &Json) -> Vec<Param> {
    let param = |json: &Json| {
        let value = json[1].as_str().filter(|value| !value.is_empty());
        (
            text_of(&json[0]).into(),
            value.map(|value| value.as_bytes().to_vec()),
        )
    };
    array_of(json).iter().map(param).collect()
}

/// The parameters of a locate message, without the recording's trace of its handlers.
fn locate_of(json: &Json) -> Vec<Param> {
    let mut params = params_of(json);
    params.retain(|(name, _)| name != b"handlers");
    params
}
