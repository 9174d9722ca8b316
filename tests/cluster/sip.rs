// SPDX-License-Identifier: GPL-2.0-or-later

//! A SIP message as text. Only as much of the protocol as the lab's phones need.

use std::fmt::{self, Display, Formatter};

/// Headers that an answer has from its request.
const OF_REQUEST: [&str; 5] = ["Via", "From", "To", "Call-ID", "CSeq"];
/// The version, at the end of a request's first line and at the start of an answer's.
const VERSION: &str = "SIP/2.0";

/// A request or an answer.
#[derive(Clone, Debug)]
pub struct SipMessage {
    /// The first line.
    pub start: String,
    /// Names and values in order.
    pub headers: Vec<(String, String)>,
    /// The text after the headers.
    pub body: String,
}

impl SipMessage {
    /// A request without headers.
    pub fn request(method: &str, uri: &str) -> Self {
        Self {
            start: format!("{method} {uri} {VERSION}"),
            headers: Vec::new(),
            body: String::new(),
        }
    }

    /// The same with one more header.
    pub fn with(mut self, name: &str, value: &str) -> Self {
        self.headers.push((name.to_owned(), value.to_owned()));
        self
    }

    /// The same with a body.
    pub fn with_body(mut self, kind: &str, body: &str) -> Self {
        body.clone_into(&mut self.body);
        self.with("Content-Type", kind)
    }

    /// An answer to this request, whose To header gets this tag unless it has one.
    pub fn answer(&self, code: u16, tag: &str) -> Self {
        let mut answer = Self {
            start: format!("{VERSION} {code} {}", reason(code)),
            headers: Vec::new(),
            body: String::new(),
        };
        for (name, value) in &self.headers {
            if OF_REQUEST.iter().any(|of| name.eq_ignore_ascii_case(of)) {
                let untagged = name.eq_ignore_ascii_case("To") && !value.contains(";tag=");
                let tag = if untagged {
                    format!(";tag={tag}")
                } else {
                    String::new()
                };
                answer = answer.with(name, &(value.clone() + &tag));
            }
        }
        answer
    }

    /// The first message in the bytes of a connection, and its length; `None` as long as it isn't complete.
    pub fn first(bytes: &[u8]) -> Option<(Self, usize)> {
        // Bytes that keep a connection alive are no part of a message.
        let start = bytes.iter().position(|byte| !b"\r\n".contains(byte))?;
        let head = bytes[start..]
            .windows(4)
            .position(|end| end == b"\r\n\r\n")?;
        let body = start + head + 4;
        let message = Self::parse(&bytes[start..body])?;
        let end = body + message.header("Content-Length").parse().unwrap_or(0);
        let message = Self::parse(bytes.get(start..end)?)?;
        Some((message, end))
    }

    /// Reads a datagram; `None` if that is no message.
    pub fn parse(datagram: &[u8]) -> Option<Self> {
        let text = String::from_utf8_lossy(datagram);
        let (head, body) = text.split_once("\r\n\r\n")?;
        let mut lines = head.split("\r\n");
        let start = lines.next()?.to_owned();
        let headers = lines.filter_map(|line| {
            let (name, value) = line.split_once(':')?;
            Some((name.trim().to_owned(), value.trim().to_owned()))
        });
        Some(Self {
            start,
            headers: headers.collect(),
            body: body.to_owned(),
        })
    }

    /// The first header of a name in any case, empty if there is none.
    pub fn header(&self, name: &str) -> &str {
        let mut headers = self.headers.iter();
        let found = headers.find(|(key, _)| key.eq_ignore_ascii_case(name));
        found.map_or("", |(_, value)| value)
    }

    /// Whether this is a request of that method.
    pub fn is(&self, method: &str) -> bool {
        self.start.split(' ').next() == Some(method)
    }

    /// The code of an answer, 0 of a request.
    pub fn code(&self) -> u16 {
        let mut words = self.start.split(' ');
        let code = (words.next() == Some(VERSION)).then(|| words.next()?.parse().ok());
        code.flatten().unwrap_or(0)
    }

    /// The meaning of the code, in the words of the answer's sender.
    pub fn reason(&self) -> &str {
        self.start.splitn(3, ' ').nth(2).unwrap_or("")
    }

    /// The URI of a request.
    pub fn uri(&self) -> &str {
        self.start.split(' ').nth(1).unwrap_or("")
    }

    /// The branch, which request and answer, and the requests that belong to an INVITE, have in common.
    pub fn branch(&self) -> &str {
        let via = self.header("Via");
        let branch = via.split(';').find_map(|part| part.strip_prefix("branch="));
        branch.unwrap_or("")
    }

    /// The method of the request, of an answer, too.
    pub fn method(&self) -> &str {
        self.header("CSeq").split(' ').nth(1).unwrap_or("")
    }
}

impl Display for SipMessage {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        write!(f, "{}\r\n", self.start)?;
        for (name, value) in &self.headers {
            write!(f, "{name}: {value}\r\n")?;
        }
        write!(
            f,
            "Content-Length: {}\r\n\r\n{}",
            self.body.len(),
            self.body
        )
    }
}

/// The URI in a Contact, From or To header.
pub fn uri(header: &str) -> &str {
    let bare = header.split(';').next().unwrap_or("");
    let inner = || {
        header
            .split_once('<')?
            .1
            .split_once('>')
            .map(|(uri, _)| uri)
    };
    inner().unwrap_or(bare)
}

fn reason(code: u16) -> &'static str {
    match code {
        100 => "Trying",
        180 => "Ringing",
        200 => "OK",
        486 => "Busy Here",
        487 => "Request Terminated",
        603 => "Decline",
        _ => "For Reasons Of My Own",
    }
}
