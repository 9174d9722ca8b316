// SPDX-License-Identifier: GPL-2.0-or-later

//! The header `X-Cluster`: the extension of a call, which nodes with version 1.0 don't know. It is there only
//! where it has something to carry, or to sign.
//!
//! ```text
//! X-Cluster: 2;callto=sip/sip:bob@h%3Bline%3D%3Bob;calledname=Bob%20B;headers=Alert-Info,X-My-Id;mac=3q2-7w...
//! ```
//!
//! * `callto`: the resource with percent codes, where the engine would change it on the way at its semicolons.
//! * `calledname`: the name that the called user's phone shows for them, with percent codes.
//! * `headers`: the names of headers that the phone is to get, as its own node would send them. They travel as
//!   headers of the call, so their values are not here.
//! * `mac`: with a secret, the HMAC of all that, of the text that 1.0 signs, and of the user of the request URI; see
//!   [`signature`](crate::auth::signature).
//!
//! The first word is the version. Nodes leave a header of another version alone, and parameters that they don't know.

use std::borrow::Cow;

use percent_encoding::{AsciiSet, CONTROLS, percent_decode, percent_encode};

use crate::messages::{CLUSTER_HEADERS, Name, Parameters};
use crate::text::has_control;

const VERSION: &[u8] = b"2";
/// The most headers for the phone that a call carries.
pub(crate) const MOST_HEADERS: usize = 32;
/// The most bytes that their names and values have, together.
pub(crate) const MOST_BYTES: usize = 4096;

/// The bytes that would not arrive as they are in a parameter of a header.
const ESCAPED: &AsciiSet = &CONTROLS
    .add(b' ')
    .add(b'"')
    .add(b'%')
    .add(b',')
    .add(b';')
    .add(b'<')
    .add(b'=')
    .add(b'>');

/// Headers that the engine keeps from its modules, or makes for each leg of a call: they don't reach the other node's.
const OF_EACH_LEG: [&[u8]; 14] = [
    b"from",
    b"to",
    b"via",
    b"route",
    b"record-route",
    b"call-id",
    b"cseq",
    b"max-forwards",
    b"content-length",
    b"content-type",
    b"www-authenticate",
    b"proxy-authenticate",
    b"authorization",
    b"proxy-authorization",
];

/// The header as it came.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Extension<'m> {
    /// All but the HMAC.
    pub(crate) text: &'m [u8],
    callto: Option<&'m [u8]>,
    calledname: Option<&'m [u8]>,
    headers: &'m [u8],
    pub(crate) mac: &'m [u8],
}

impl<'m> Extension<'m> {
    /// Reads the header; `None` where it is of another version.
    pub(crate) fn read(header: &'m [u8]) -> Option<Self> {
        let mut parameters = header.split(|&byte| byte == b';');
        if parameters.next() != Some(VERSION) {
            return None;
        }
        let mut extension = Self {
            text: header,
            callto: None,
            calledname: None,
            headers: b"",
            mac: b"",
        };
        for parameter in parameters {
            let Some(equals) = parameter.iter().position(|&byte| byte == b'=') else {
                continue;
            };
            let value = &parameter[equals + 1..];
            match &parameter[..equals] {
                b"callto" => extension.callto = Some(value),
                b"calledname" => extension.calledname = Some(value),
                b"headers" => extension.headers = value,
                b"mac" => {
                    // The last one: what follows it is signed by nobody.
                    let end = header.len() - value.len() - b";mac=".len();
                    let is_last = header.ends_with(value) && header[end..].starts_with(b";mac=");
                    extension.text = if is_last { &header[..end] } else { header };
                    extension.mac = value;
                }
                _ => {}
            }
        }
        Some(extension)
    }

    /// The resource, byte for byte; `None` where it is that of `X-CallTo`.
    pub(crate) fn callto(&self) -> Option<Cow<'m, [u8]>> {
        self.callto.map(|text| percent_decode(text).into())
    }

    /// The name that the phone shows for the called user.
    pub(crate) fn calledname(&self) -> Option<Cow<'m, [u8]>> {
        self.calledname.map(|text| percent_decode(text).into())
    }

    /// The names of headers for the phone, with their values; empty where none came.
    pub(crate) fn headers(
        &self,
        message: &impl Parameters<'m>,
    ) -> impl Iterator<Item = (&'m [u8], &'m [u8])> {
        let names = self.headers.split(|&byte| byte == b',');
        let names = names.filter(|name| is_for_phone(name)).take(MOST_HEADERS);
        names.map(|name| {
            let param = [b"sip_", &*name.to_ascii_lowercase()].concat();
            (name, message.other(&param).unwrap_or_default())
        })
    }
}

/// The extension of a message that came, with what it speaks of.
#[derive(Debug)]
pub(crate) struct ReceivedExtension<'m> {
    pub(crate) extension: Extension<'m>,
    /// Names and values of headers for the phone.
    pub(crate) headers: Vec<(&'m [u8], &'m [u8])>,
}

impl<'m> ReceivedExtension<'m> {
    /// Reads the header; `None` where it is of another version.
    #[cold]
    pub(crate) fn read(header: &'m [u8], message: &impl Parameters<'m>) -> Option<Box<Self>> {
        let extension = Extension::read(header)?;
        let headers = extension.headers(message).collect();
        Some(Box::new(Self { extension, headers }))
    }
}

/// The contents of a call's extension.
#[derive(Debug, Default)]
pub(crate) struct Extras<'m> {
    /// The resource, where it would not arrive as it is.
    pub(crate) callto: Option<&'m [u8]>,
    pub(crate) calledname: Option<&'m [u8]>,
    /// Names and values of headers for the phone.
    pub(crate) headers: Vec<(&'m [u8], &'m [u8])>,
    /// The number of headers and names that are left out, and the first of them.
    pub(crate) left_out: usize,
    pub(crate) first_left_out: &'m [u8],
    /// Parameters of those that must not be sent: they are the cluster's own by another spelling, or have a control
    /// character.
    pub(crate) forbidden: Vec<&'m [u8]>,
}

impl<'m> Extras<'m> {
    pub(crate) fn is_empty(&self) -> bool {
        self.callto.is_none() && self.calledname.is_none() && self.headers.is_empty()
    }

    /// Takes the name that the phone shows for the called user.
    pub(crate) fn take_calledname(&mut self, calledname: &'m [u8]) {
        if has_control(calledname) {
            self.leave_out(b"calledname");
        } else {
            self.calledname = Some(calledname);
        }
    }

    fn leave_out(&mut self, name: &'m [u8]) {
        if self.left_out == 0 {
            self.first_left_out = name;
        }
        self.left_out += 1;
    }

    /// Takes the headers for the phone from a message that knows all its parameters, or `for_phone` none but those
    /// that must not be sent.
    pub(crate) fn take_headers(&mut self, message: &impl Parameters<'m>, for_phone: bool) {
        let mut bytes = 0;
        for (param, value) in message.all() {
            let Some(name) = param.strip_prefix(b"osip_") else {
                continue;
            };
            let is_malformed = has_control(name) || has_control(value);
            let of_leg = OF_EACH_LEG.iter().any(|of| name.eq_ignore_ascii_case(of));
            if is_known(param) || of_leg && !is_malformed {
                continue;
            }
            if is_malformed || is_cluster_header(name) {
                self.forbidden.push(param);
                self.leave_out(name);
                continue;
            }
            if !for_phone {
                continue;
            }
            let is_named = |(other, _): &(&[u8], &[u8])| other.eq_ignore_ascii_case(name);
            let is_good = is_for_phone(name)
                && self.headers.len() < MOST_HEADERS
                && bytes + name.len() + value.len() <= MOST_BYTES
                && !self.headers.iter().any(is_named);
            if is_good {
                bytes += name.len() + value.len();
                self.headers.push((name, value));
            } else {
                self.leave_out(name);
            }
        }
    }

    /// The header, but for its HMAC.
    pub(crate) fn text(&self) -> Vec<u8> {
        let mut out = VERSION.to_vec();
        for (name, value) in [("callto", self.callto), ("calledname", self.calledname)] {
            if let Some(value) = value {
                out.push(b';');
                out.extend_from_slice(name.as_bytes());
                out.push(b'=');
                for piece in percent_encode(value, ESCAPED) {
                    out.extend_from_slice(piece.as_bytes());
                }
            }
        }
        for (at, (name, _)) in self.headers.iter().enumerate() {
            out.extend_from_slice(if at == 0 { b";headers=" } else { b"," });
            out.extend_from_slice(name);
        }
        out
    }
}

/// Whether a header of that name may be for a phone: it is a name, none of the cluster's, and no engine takes it for
/// the short form of another one.
fn is_for_phone(name: &[u8]) -> bool {
    let is_token = |byte: &u8| byte.is_ascii_alphanumeric() || b"-.!*_+`'~".contains(byte);
    name.len() > 1
        && name.iter().all(is_token)
        && !is_cluster_header(name)
        && !OF_EACH_LEG.iter().any(|of| name.eq_ignore_ascii_case(of))
}

fn is_cluster_header(name: &[u8]) -> bool {
    CLUSTER_HEADERS.iter().any(|header| {
        let header = header.text().strip_prefix("sip_").unwrap_or_default();
        name.eq_ignore_ascii_case(header.as_bytes())
    })
}

/// A parameter by which the cluster writes a header of its own.
fn is_known(param: &[u8]) -> bool {
    Name::OSIP_HEADERS
        .iter()
        .any(|name| name.text().as_bytes() == param)
}

/// The parameters that the engine has made of a header for the phone: from them it would make the header
/// again.
pub(crate) fn made_by_engine(name: &[u8]) -> &'static [&'static str] {
    if name.eq_ignore_ascii_case(b"Diversion") || name.eq_ignore_ascii_case(b"Referred-By") {
        &[
            "diverter",
            "divertername",
            "diverteruri",
            "divert_reason",
            "divert_privacy",
            "divert_screen",
            "divert_counter",
        ]
    } else if name.eq_ignore_ascii_case(b"Call-Info") {
        &["caller_info_uri", "caller_icon_uri", "caller_card_uri"]
    } else {
        &[]
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    type Params = Vec<(Vec<u8>, Vec<u8>)>;

    fn params(list: &[(&str, &str)]) -> Params {
        let pair = |(name, value): &(&str, &str)| (name.as_bytes().into(), value.as_bytes().into());
        list.iter().map(pair).collect()
    }

    fn extras(params: &Params) -> Extras<'_> {
        let mut extras = Extras::default();
        extras.take_headers(&params.as_slice(), true);
        extras
    }

    #[test]
    fn the_header_is_as_documented() {
        let params = params(&[
            ("osip_Alert-Info", "info=alert-autoanswer"),
            ("callto", "x"),
            ("osip_X-My-Id", "42"),
            ("osip_x-callto", "x"),
        ]);
        let extras = Extras {
            callto: Some(b"sip/sip:bob@h;line=;ob"),
            calledname: Some(b"Bob B"),
            ..extras(&params)
        };
        assert_eq!(
            extras.text(),
            b"2;callto=sip/sip:bob@h%3Bline%3D%3Bob;calledname=Bob%20B;headers=Alert-Info,X-My-Id"
        );
        assert_eq!((extras.left_out, extras.forbidden.len()), (0, 0));
    }

    #[test]
    fn headers_that_are_none_for_a_phone_are_left_out() {
        let params = params(&[
            ("osip_X-CallTo", "x"),
            ("osip_X-Good", "1"),
            ("osip_x-good", "2"),
            ("osip_X Bad", "1"),
            ("osip_s", "1"),
            ("osip_X-Bad", "a\r\nX-CallTo: x"),
            // Not worth a line: they are of this leg of the call.
            ("osip_Contact", "<sip:x>"),
            ("osip_Via", "x"),
        ]);
        let extras = extras(&params);
        let names: Vec<_> = extras.headers.iter().map(|(name, _)| *name).collect();
        assert_eq!(names, [&b"X-Good"[..], b"Contact"]);
        assert_eq!(
            (extras.left_out, extras.first_left_out),
            (5, &b"X-CallTo"[..])
        );
        assert_eq!(extras.forbidden, [&b"osip_X-CallTo"[..], b"osip_X-Bad"]);
    }

    #[test]
    fn there_are_so_many_headers_at_most_and_of_so_many_bytes() {
        let many: Params = (0..40)
            .map(|at| (format!("osip_X-{at}").into(), b"1".to_vec()))
            .collect();
        let extras_of_many = extras(&many);
        assert_eq!(
            (extras_of_many.headers.len(), extras_of_many.left_out),
            (32, 8)
        );
        let long = params(&[
            ("osip_X-A", &"a".repeat(4000)),
            ("osip_X-B", &"a".repeat(200)),
            ("osip_X-C", "1"),
        ]);
        let extras_of_long = extras(&long);
        assert_eq!(
            (extras_of_long.headers.len(), extras_of_long.left_out),
            (2, 1)
        );
    }

    #[test]
    fn what_follows_the_hmac_is_signed_by_nobody() {
        let extension = Extension::read(b"2;headers=X;mac=abc").unwrap();
        assert_eq!(
            (extension.text, extension.mac),
            (&b"2;headers=X"[..], &b"abc"[..])
        );
        let extension = Extension::read(b"2;mac=abc;headers=X").unwrap();
        assert_eq!(extension.text, b"2;mac=abc;headers=X");
        assert!(Extension::read(b"3;headers=X").is_none());
        assert!(Extension::read(b"").is_none());
    }

    proptest! {
        #[test]
        fn what_was_written_is_read_again(
            callto in prop::collection::vec(1..=255u8, 0..60),
            calledname in prop::collection::vec(1..=255u8, 0..20),
            names in prop::collection::vec("[A-Za-z][A-Za-z0-9-]{3,8}", 0..10)
        ) {
            let params: Params = names
                .iter()
                .map(|name| (format!("osip_{name}").into(), name.clone().into()))
                .collect();
            let extras = Extras {
                callto: Some(&callto),
                calledname: Some(&calledname),
                ..extras(&params)
            };
            let text = extras.text();
            // It has no byte that an engine would change.
            prop_assert!(text.iter().all(|&byte| byte.is_ascii_graphic()));
            let extension = Extension::read(&text).unwrap();
            let came: Params = extras
                .headers
                .iter()
                .map(|(name, value)| {
                    ([&b"sip_"[..], &name.to_ascii_lowercase()].concat(), value.to_vec())
                })
                .collect();
            let headers: Vec<_> = extension.headers(&came.as_slice()).collect();
            prop_assert_eq!(&headers, &extras.headers);
            prop_assert_eq!(extension.callto().unwrap().into_owned(), callto);
            prop_assert_eq!(extension.calledname().unwrap().into_owned(), calledname);
        }

        #[test]
        fn arbitrary_bytes_do_no_harm(header in prop::collection::vec(any::<u8>(), 0..96)) {
            let header = [b"2;", &header[..]].concat();
            let extension = Extension::read(&header).unwrap();
            let none: Params = Vec::new();
            prop_assert!(extension.headers(&none.as_slice()).count() <= MOST_HEADERS);
            let _ = (extension.callto(), extension.calledname());
        }
    }
}
