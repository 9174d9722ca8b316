// SPDX-License-Identifier: GPL-2.0-or-later

//! The user part of a URI, as the engine reads it.

use std::borrow::Cow;

use percent_encoding::percent_decode;

use crate::addressing::resource::Prefix;

/// The user of `sip:USER@HOST`, percent codes taken out; `None` where there is none, or one of its codes is
/// none.
#[must_use]
pub fn user(uri: &[u8]) -> Option<Cow<'_, [u8]>> {
    let mut rest = uri;
    if let Some(colon) = rest.iter().position(|byte| !byte.is_ascii_alphanumeric()) {
        let is_scheme = colon > 1 && rest[colon] == b':' && rest[0].is_ascii_alphabetic();
        rest = &rest[if is_scheme { colon + 1 } else { 0 }..];
    }
    for _ in 0..2 {
        rest = rest.strip_prefix(b"/").unwrap_or(rest);
    }
    let user = &rest[..rest.iter().position(|&byte| byte == b'@')?];
    let is_clean = user
        .iter()
        .all(|byte| !byte.is_ascii_control() && *byte != b' ');
    let codes = user.split(|&byte| byte == b'%').skip(1);
    let mut are_codes = codes.map(|code| {
        let is_code = code
            .get(..2)
            .is_some_and(|code| code.iter().all(u8::is_ascii_hexdigit));
        is_code && !code.starts_with(b"00")
    });
    (!user.is_empty() && is_clean && are_codes.all(|is_code| is_code))
        .then(|| percent_decode(user).into())
}

/// The text behind a prefix in the user of a URI; empty where there is none.
#[must_use]
pub fn behind_prefix<'u>(prefix: &Prefix, uri: &'u [u8]) -> Cow<'u, [u8]> {
    match user(uri) {
        Some(Cow::Borrowed(user)) => prefix.strip(user).unwrap_or_default().into(),
        Some(Cow::Owned(user)) => prefix.strip(&user).unwrap_or_default().to_vec().into(),
        None => Cow::default(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// The results are those of an engine of version 6.4.1.
    #[test]
    fn users_are_read_as_by_the_engine() {
        for (uri, expected) in [
            ("sip:cluster/@192.0.2.1:5060", Some("cluster/")),
            ("sip:cluster/700@node2", Some("cluster/700")),
            ("sips:cluster/a%20b@[2001:db8::1]", Some("cluster/a b")),
            ("cluster/@node2", Some("cluster/")),
            ("sip://x@node2", Some("x")),
            ("sip:a:b@node2", Some("a:b")),
            ("sip:node2", None),
            ("sip:@node2", None),
            ("sip:a b@node2", None),
            ("sip:a%2@node2", None),
            ("sip:a%00@node2", None),
            ("", None),
        ] {
            let expected = expected.map(str::as_bytes);
            assert_eq!(user(uri.as_bytes()).as_deref(), expected, "{uri}");
        }
    }

    proptest! {
        #[test]
        fn arbitrary_bytes_do_no_harm(uri in prop::collection::vec(any::<u8>(), 0..64)) {
            let _ = user(&uri);
        }
    }
}
