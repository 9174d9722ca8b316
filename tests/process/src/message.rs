// SPDX-License-Identifier: GPL-2.0-or-later

//! A message of the engine, and how it is written on a line of the external module protocol.
//!
//! Only the text is here, no socket, so that a line of the mock's wire can be written as well: a
//! node's call to another node is a message in the same notation.

use std::fmt::Write;

const REQUEST: &str = "%%>message:";
const ANSWER: &str = "%%<message:";

/// A message: its name, the value it returns and its parameters in order.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Message {
    /// Its kind: `call.route`, `user.register`, ...
    pub name: String,
    /// Whether a module took it as its own. Means nothing until it was dispatched.
    pub handled: bool,
    /// The return value of the module that handled it.
    pub retval: String,
    /// Names and values, in the order in which they were set.
    pub params: Vec<(String, String)>,
}

/// A line that the engine sent.
#[derive(Debug, PartialEq, Eq)]
pub enum Line {
    /// The engine asks one of our handlers; the text is the id to answer with.
    Request(String, Message),
    /// The result of the message that we sent with this id.
    Answer(String, Message),
    /// A message of somebody else, after it was dispatched.
    Watched(Message),
    /// Anything else: the engine confirms a command.
    Other(String),
}

impl Message {
    /// A message with no parameters yet.
    #[must_use]
    pub fn new(name: &str) -> Self {
        Self {
            name: name.to_owned(),
            ..Self::default()
        }
    }

    /// The same with one more parameter.
    #[must_use]
    pub fn with(mut self, name: &str, value: &str) -> Self {
        self.params.push((name.to_owned(), value.to_owned()));
        self
    }

    /// A parameter's value, empty if there is none: the engine seldom tells these apart.
    #[must_use]
    pub fn get(&self, name: &str) -> &str {
        let found = self.params.iter().find(|(key, _)| key == name);
        found.map_or("", |(_, value)| value)
    }

    /// Sets a parameter, in place if it is there.
    pub fn set(&mut self, name: &str, value: &str) {
        match self.params.iter_mut().find(|(key, _)| key == name) {
            Some((_, old)) => value.clone_into(old),
            None => self.params.push((name.to_owned(), value.to_owned())),
        }
    }

    /// The line that has the engine dispatch this message; it is answered under the same id.
    #[must_use]
    pub fn request(&self, id: &str) -> String {
        // A time of 0 is now.
        format!("{REQUEST}{}:0:{}", escape(id), self.body())
    }

    /// The line that gives the engine a handler's result.
    #[must_use]
    pub fn answer(&self, id: &str) -> String {
        format!("{ANSWER}{}:{}:{}", escape(id), self.handled, self.body())
    }

    fn body(&self) -> String {
        let mut text = format!("{}:{}", escape(&self.name), escape(&self.retval));
        for (name, value) in &self.params {
            let name = escape(name).replace('=', "%}");
            // Writing to a string doesn't fail.
            let _ = write!(text, ":{name}={}", escape(value));
        }
        text
    }

    /// Reads name, returned value and parameters.
    fn parse(mut fields: impl Iterator<Item = String>) -> Option<Self> {
        let name = fields.next()?;
        let retval = fields.next()?;
        let params = fields
            .filter_map(|field| {
                let (name, value) = field.split_once('=')?;
                Some((name.to_owned(), value.to_owned()))
            })
            // The engine's notes of the handlers that had it.
            .filter(|(name, _)| name != "handlers")
            .collect();
        Some(Self {
            name,
            handled: false,
            retval,
            params,
        })
    }
}

impl Line {
    /// Reads a line.
    #[must_use]
    pub fn parse(line: &str) -> Self {
        Self::parse_message(line).unwrap_or_else(|| Self::Other(line.to_owned()))
    }

    fn parse_message(line: &str) -> Option<Self> {
        let (request, rest) = match line.strip_prefix(REQUEST) {
            Some(rest) => (true, rest),
            None => (false, line.strip_prefix(ANSWER)?),
        };
        let mut fields = rest.split(':').map(unescape);
        let id = fields.next()?;
        // The time of a request, the success of an answer.
        let handled = fields.next()? == "true";
        let mut message = Message::parse(fields)?;
        message.handled = !request && handled;
        Some(match (request, id.as_str()) {
            (true, _) => Self::Request(id, message),
            (false, "") => Self::Watched(message),
            (false, _) => Self::Answer(id, message),
        })
    }
}

fn escape(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '%' => escaped.push_str("%%"),
            ':' | '\0'..' ' => {
                escaped.push('%');
                // At most ':' and 64, which is a letter.
                escaped.push(char::from(c as u8 + 64));
            }
            _ => escaped.push(c),
        }
    }
    escaped
}

fn unescape(text: &str) -> String {
    let mut plain = String::with_capacity(text.len());
    let mut chars = text.chars();
    while let Some(c) = chars.next() {
        match (c, chars.as_str().bytes().next()) {
            ('%', Some(code @ 64..=127)) => {
                plain.push(char::from(code - 64));
                chars.next();
            }
            ('%', Some(b'%')) => {
                plain.push('%');
                chars.next();
            }
            _ => plain.push(c),
        }
    }
    plain
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_message_comes_back_from_its_line() {
        let message = Message {
            handled: true,
            retval: "100%:\u{e4}".to_owned(),
            ..Message::new("call.route")
                .with("called", "a:b%zc\nd")
                .with("odd=name", "x=y")
                .with("empty", "")
        };
        let line = message.answer("id:1");
        assert!(!line.contains('\n'), "{line}");
        // The engine reads the name of a parameter up to the first '=' after all.
        let mut read = message.clone();
        read.params[1] = ("odd".to_owned(), "name=x=y".to_owned());
        assert_eq!(Line::parse(&line), Line::Answer("id:1".to_owned(), read));
    }

    #[test]
    fn lines_are_told_apart() {
        let watched = Line::parse("%%<message::false:call.cdr::chan=sip/1:handlers=cdr%z50");
        let cdr = Message::new("call.cdr").with("chan", "sip/1");
        assert_eq!(watched, Line::Watched(cdr));
        let request = Line::parse("%%>message:mock.1:17:call.route::called=bob");
        let route = Message::new("call.route").with("called", "bob");
        assert_eq!(request, Line::Request("mock.1".to_owned(), route));
        let other = "%%<install:10:call.route:true";
        assert_eq!(Line::parse(other), Line::Other(other.to_owned()));
    }
}
