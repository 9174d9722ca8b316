// SPDX-License-Identifier: GPL-2.0-or-later

//! Signed forwards: proof that a call comes from a node that knows the cluster's secret.
//!
//! One header has the time of the signature, the nonce, and the HMAC-SHA256 of all that the receiving node
//! acts upon:
//!
//! ```text
//! X-Signature: 1;1795383063;00c0ffee00c0ffee-2a;3q2-7w...
//!              version;seconds;nonce;HMAC in base64url
//! ```
//!
//! The signed text has each of version, origin node, target node, callto, billid, username, visited nodes,
//! seconds and nonce, as the engine carries it. Each has its length in front, so that nothing can move from
//! one to the next.
//!
//! A call with an extension, which nodes with version 1.0 don't know, has a second HMAC at the end of its
//! `X-Cluster`, of version 2. It covers the same fields, the user of the request URI, the rest of that header,
//! and name and value of each header for the phone. So older nodes take the call, and newer ones verify all of
//! it. Each call whose request URI has more than the prefix has an extension.
//!
//! A nonce is the random number that the node's process was started with, and a count: it need not
//! be secret, only used once. Zeros in front of it are no part of the number, but they are signed: they tell
//! what else the signer has signed. So nobody can remove the extension, or have a call of a newer node pass for
//! one of version 1.0. Nodes with version 1.0 write no such zeros, and read over them.

pub(crate) mod normalized;

use std::fmt;
use std::io::Write;

use base64ct::{Base64UrlUnpadded, Encoding};
use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;

use crate::text::Text;
use normalized::NormalizedHeader;

/// The version of the signed text and of the algorithm.
const VERSION: &[u8] = b"1";
/// The version of the signed text in `X-Cluster`.
const EXTENDED: &[u8] = b"2";

/// The shortest secret, in bytes.
pub const SHORTEST_SECRET: usize = 16;

/// The length of the HMAC in the header.
const MAC_TEXT: usize = 43;

/// The digits of a process's number in a nonce, without the zeros that tell the signer.
const PROCESS_DIGITS: usize = 16;

/// What else a node has signed, which the nonce tells.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Signer {
    /// A node with version 1.0: nothing, whatever the request URI is.
    Released,
    /// A newer node: nothing, since the request URI has the prefix and no more.
    Plain,
    /// A newer node: an extension.
    Extended,
}

impl Signer {
    /// The one that the number of a process's digits tells.
    const fn of(digits: usize) -> Self {
        match digits.saturating_sub(PROCESS_DIGITS) {
            0 => Self::Released,
            1 => Self::Plain,
            _ => Self::Extended,
        }
    }

    /// The zeros in front of the nonce.
    const fn zeros(self) -> &'static str {
        match self {
            Self::Released => "",
            Self::Plain => "0",
            Self::Extended => "00",
        }
    }
}

/// The secrets of a cluster. They are in no error and in no debug output.
#[derive(Clone, Default)]
pub struct Keys {
    /// Signs, and verifies.
    current: Option<Hmac<Sha256>>,
    /// Only verifies.
    previous: Option<Hmac<Sha256>>,
}

impl fmt::Debug for Keys {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Keys").finish_non_exhaustive()
    }
}

/// A secret, ready to be used; by default none. It is in no debug output.
#[derive(Clone, Default)]
pub struct Secret(Option<Hmac<Sha256>>);

impl Secret {
    /// Takes a secret's text; an empty one is none.
    ///
    /// # Errors
    ///
    /// Fails when it is too short.
    pub fn new(text: &[u8]) -> Result<Self, SecretError> {
        match text.len() {
            0 => Ok(Self(None)),
            1..SHORTEST_SECRET => Err(SecretError),
            _ => Hmac::new_from_slice(text)
                .map(|key| Self(Some(key)))
                .map_err(|_| SecretError),
        }
    }
}

/// The reason why a text is not a secret.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a secret has at least {SHORTEST_SECRET} bytes")]
pub struct SecretError;

/// The signed parts of a call, but for time and nonce. A value that is missing is empty.
#[derive(Clone, Copy, Debug, Default)]
pub struct Signed<'a> {
    /// The node that sends the call.
    pub origin: &'a [u8],
    /// The node that the call is sent to.
    pub target: &'a [u8],
    /// The target that the node shall call.
    pub callto: &'a [u8],
    /// The call's billid.
    pub billid: &'a [u8],
    /// The user that makes the call.
    pub username: &'a [u8],
    /// The nodes that the call has been on.
    pub visited: &'a [u8],
}

/// The signed parts of a call's extension, where it has one.
#[derive(Clone, Copy, Debug, Default)]
pub struct Extended<'a> {
    /// The user of the request URI.
    pub called: &'a [u8],
    /// The header `X-Cluster`, but for its HMAC.
    pub extension: &'a [u8],
    /// Names and values of the headers for the phone.
    pub headers: &'a [(&'a [u8], &'a [u8])],
}

/// A number used once: that of a process, and its count.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Nonce {
    /// The random number that a node's process was started with.
    pub process: u64,
    /// The number of calls that the process had signed before.
    pub count: u64,
}

/// A header that was verified.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Verified {
    /// The time of the signature, in seconds on the clock of the node that signed.
    pub seconds: u64,
    /// The nonce, which nobody may have used before.
    pub nonce: Nonce,
    /// What else was signed.
    pub signer: Signer,
}

impl Keys {
    /// Takes the secret to sign with and the one that is still, or already, good for verifying. Empty
    /// ones are none.
    #[must_use]
    pub fn new(current: Secret, previous: Secret) -> Self {
        Self {
            current: current.0,
            previous: previous.0,
        }
    }

    /// Calls are to be signed, and so must be those that come in.
    #[must_use]
    pub fn are_set(&self) -> bool {
        self.current.is_some()
    }

    /// Writes the header's text for a call; nothing where there is no secret.
    pub fn sign(&self, call: &Signed, signer: Signer, seconds: u64, nonce: Nonce, out: &mut Text) {
        let Some(key) = &self.current else { return };
        let Nonce { process, count } = nonce;
        let (mut time, mut number, mut text) = ([0; 20], [0; 35], [0; MAC_TEXT]);
        let seconds = digits(&mut time, format_args!("{seconds}"));
        let zeros = signer.zeros();
        let nonce = digits(&mut number, format_args!("{zeros}{process:016x}-{count:x}"));
        let mac = mac(key, VERSION, call, seconds, nonce);
        let mac = mac.finalize().into_bytes();
        let mac = Base64UrlUnpadded::encode(&mac, &mut text).unwrap_or_default();
        for (at, field) in [VERSION, seconds, nonce, mac.as_bytes()]
            .into_iter()
            .enumerate()
        {
            if at > 0 {
                out.push(b';');
            }
            out.extend_from_slice(field);
        }
    }

    /// Writes the HMAC of a call's extension, which was signed with `signature`; nothing where there is no
    /// secret.
    pub(crate) fn sign_extended(
        &self,
        call: &Signed,
        extended: &Extended,
        signature: &[u8],
        out: &mut Vec<u8>,
    ) {
        let Some(key) = &self.current else { return };
        let mut text = [0; MAC_TEXT];
        let mac = extended_mac(key, call, extended, signature);
        let mac = mac.finalize().into_bytes();
        let mac = Base64UrlUnpadded::encode(&mac, &mut text).unwrap_or_default();
        out.extend_from_slice(mac.as_bytes());
    }

    /// Whether an HMAC is that of a call's extension, which was signed with `signature`, by one of the
    /// secrets.
    #[must_use]
    pub(crate) fn verify_extended(
        &self,
        call: &Signed,
        extended: &Extended,
        signature: &[u8],
        mac: &[u8],
    ) -> bool {
        self.is_right(mac, |key| extended_mac(key, call, extended, signature))
    }

    /// Whether a text is the HMAC that `compute` computes, by one of the secrets. The time that this takes doesn't
    /// depend on how much of the text is right.
    fn is_right(&self, text: &[u8], compute: impl Fn(&Hmac<Sha256>) -> Hmac<Sha256>) -> bool {
        let mut received = [0; 32];
        let is_text =
            text.len() == MAC_TEXT && Base64UrlUnpadded::decode(text, &mut received).is_ok();
        let mut keys = [&self.current, &self.previous].into_iter().flatten();
        is_text && keys.any(|key| compute(key).verify_slice(&received).is_ok())
    }

    /// Verifies a header; `None` where it is malformed or not signed with one of the secrets.
    ///
    /// The time that this takes doesn't depend on how much of the signature is right.
    #[must_use]
    pub fn verify(&self, call: &Signed, header: &[u8]) -> Option<Verified> {
        let mut fields = header.split(|&byte| byte == b';');
        let mut next = || fields.next();
        let (version, seconds, nonce, text) = (next()?, next()?, next()?, next()?);
        if next().is_some() || version != VERSION {
            return None;
        }
        let is_right = self.is_right(text, |key| mac(key, VERSION, call, seconds, nonce));
        is_right.then(|| {
            let (nonce, signer) = nonce_of(nonce)?;
            Some(Verified {
                seconds: number(seconds, 10)?,
                nonce,
                signer,
            })
        })?
    }
}

/// The HMAC in `X-Cluster`, yet to be finished.
fn extended_mac(
    key: &Hmac<Sha256>,
    call: &Signed,
    extended: &Extended,
    signature: &[u8],
) -> Hmac<Sha256> {
    let mut fields = signature.split(|&byte| byte == b';').skip(1);
    let (seconds, nonce) = (fields.next(), fields.next());
    let (seconds, nonce) = (seconds.unwrap_or_default(), nonce.unwrap_or_default());
    let mut mac = mac(key, EXTENDED, call, seconds, nonce);
    // It is no header, so no engine takes it apart.
    mac.update(&(extended.called.len() as u64).to_be_bytes());
    mac.update(extended.called);
    update(&mut mac, extended.extension);
    for (name, value) in extended.headers {
        update(&mut mac, name);
        update(&mut mac, value);
    }
    mac
}

/// The HMAC over all of the signed text, yet to be finished.
fn mac(
    key: &Hmac<Sha256>,
    version: &[u8],
    call: &Signed,
    seconds: &[u8],
    nonce: &[u8],
) -> Hmac<Sha256> {
    let mut mac = key.clone();
    let Signed {
        origin,
        target,
        callto,
        billid,
        username,
        visited,
    } = *call;
    for field in [
        version, origin, target, callto, billid, username, visited, seconds, nonce,
    ] {
        update(&mut mac, field);
    }
    mac
}

/// Adds a field as the engine carries it.
fn update(mac: &mut Hmac<Sha256>, field: &[u8]) {
    let field = NormalizedHeader::of(field);
    mac.update(&(field.len() as u64).to_be_bytes());
    field.each_piece(|piece| mac.update(piece));
}

/// Writes a number where there is room for the longest.
fn digits<'b>(buffer: &'b mut [u8], number: fmt::Arguments) -> &'b [u8] {
    let room = buffer.len();
    let mut rest = &mut *buffer;
    let _ = rest.write_fmt(number);
    let left = rest.len();
    &buffer[..room - left]
}

fn nonce_of(text: &[u8]) -> Option<(Nonce, Signer)> {
    let split = text.iter().position(|&byte| byte == b'-')?;
    let nonce = Nonce {
        process: number(&text[..split], 16)?,
        count: number(&text[split + 1..], 16)?,
    };
    Some((nonce, Signer::of(split)))
}

fn number(text: &[u8], radix: u32) -> Option<u64> {
    if text.is_empty() {
        return None;
    }
    text.iter().try_fold(0, |number: u64, &byte| {
        let digit = char::from(byte).to_digit(radix)?;
        number
            .checked_mul(u64::from(radix))?
            .checked_add(u64::from(digit))
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const SECRET: &[u8] = b"correct horse battery staple";
    const NONCE: Nonce = Nonce {
        process: 0x00c0_ffee_00c0_ffee,
        count: 42,
    };

    const CALL: Signed = Signed {
        origin: b"node1",
        target: b"node2",
        callto: b"sip/sip:bob@192.0.2.9",
        billid: b"1-2",
        username: b"alice",
        visited: b"",
    };

    fn keys(current: &[u8], previous: &[u8]) -> Keys {
        Keys::new(
            Secret::new(current).unwrap(),
            Secret::new(previous).unwrap(),
        )
    }

    fn signed(keys: &Keys, call: &Signed) -> Vec<u8> {
        let mut out = Text::new();
        keys.sign(call, Signer::Released, 1_795_383_063, NONCE, &mut out);
        out.into_vec()
    }

    /// The HMAC was computed by another implementation over the documented layout.
    #[test]
    fn the_header_is_as_documented() {
        let header = signed(&keys(SECRET, b""), &CALL);
        let header = String::from_utf8(header).unwrap();
        let (head, mac) = header.rsplit_once(';').unwrap();
        assert_eq!(head, "1;1795383063;00c0ffee00c0ffee-2a");
        assert_eq!(mac, "mp6wM8_YphRv2vBJxVsWWhY4_IqWHt0V9aT1gzAC-HI");
    }

    #[test]
    fn what_was_signed_is_verified() {
        let keys = keys(SECRET, b"");
        let verified = keys.verify(&CALL, &signed(&keys, &CALL));
        assert_eq!(
            verified,
            Some(Verified {
                seconds: 1_795_383_063,
                nonce: NONCE,
                signer: Signer::Released,
            })
        );
    }

    #[test]
    fn another_value_of_any_field_is_refused() {
        let keys = keys(SECRET, b"");
        let header = signed(&keys, &CALL);
        for other in [
            Signed {
                origin: b"node3",
                ..CALL
            },
            Signed {
                target: b"node3",
                ..CALL
            },
            Signed {
                callto: b"sip/sip:premium@192.0.2.9",
                ..CALL
            },
            Signed {
                billid: b"1-3",
                ..CALL
            },
            Signed {
                username: b"",
                ..CALL
            },
            Signed {
                visited: b"node3",
                ..CALL
            },
            // Moved from one field to the next.
            Signed {
                origin: b"node1node",
                target: b"2",
                ..CALL
            },
        ] {
            assert_eq!(keys.verify(&other, &header), None, "{other:?}");
        }
    }

    #[test]
    fn a_header_that_was_tampered_with_is_refused() {
        let keys = keys(SECRET, b"");
        let header = signed(&keys, &CALL);
        for length in 0..header.len() {
            assert_eq!(
                keys.verify(&CALL, &header[..length]),
                None,
                "truncated to {length}"
            );
        }
        for at in 0..header.len() {
            let mut other = header.clone();
            other[at] ^= 1;
            assert_eq!(keys.verify(&CALL, &other), None, "byte {at}");
        }
        let text = String::from_utf8(header.clone()).unwrap();
        let fields: Vec<_> = text.split(';').collect();
        let reordered = [fields[0], fields[2], fields[1], fields[3]].join(";");
        let doubled = format!("{text};{}", fields[3]);
        for other in [
            reordered,
            doubled,
            text.to_uppercase(),
            text.to_lowercase(),
            String::new(),
        ] {
            assert_eq!(keys.verify(&CALL, other.as_bytes()), None, "{other}");
        }
    }

    /// The HMAC was computed by another implementation over the documented layout.
    #[test]
    fn what_is_signed_besides_is_as_documented_and_no_other_is_taken() {
        let keys = keys(SECRET, b"");
        let header = signed(&keys, &CALL);
        let extended = Extended {
            called: b"700",
            extension: b"2;headers=Alert-Info",
            headers: &[(b"Alert-Info", b"info=x")],
        };
        let mut out = Vec::new();
        keys.sign_extended(&CALL, &extended, &header, &mut out);
        assert_eq!(
            out.as_slice(),
            b"9iyY7X45tiqXfutBf2W_Tq4_FRbnnETw6C4osdGnHDk"
        );
        assert!(keys.verify_extended(&CALL, &extended, &header, &out));
        for other in [
            Extended {
                called: b"",
                ..extended
            },
            Extended {
                extension: b"2;headers=Alert-Inf",
                ..extended
            },
            Extended {
                headers: &[(b"Alert-Info", b"info=y")],
                ..extended
            },
            Extended {
                headers: &[],
                ..extended
            },
        ] {
            assert!(
                !keys.verify_extended(&CALL, &other, &header, &out),
                "{other:?}"
            );
        }
        let other = Signed {
            callto: b"park/1",
            ..CALL
        };
        assert!(!keys.verify_extended(&other, &extended, &header, &out));
        assert!(!keys.verify_extended(&CALL, &extended, b"1;1795383064;0-0;x", &out));
        assert!(!keys.verify_extended(&CALL, &extended, &header, b""));
        // An HMAC of version 1 is none of version 2.
        let mac = header.rsplit(|&byte| byte == b';').next().unwrap();
        assert!(!keys.verify_extended(&CALL, &Extended::default(), &header, mac));
    }

    #[test]
    fn a_header_tells_what_else_its_signer_has_signed() {
        let keys = keys(SECRET, b"");
        for (signer, nonce) in [
            (Signer::Released, "00c0ffee00c0ffee-2a"),
            (Signer::Plain, "000c0ffee00c0ffee-2a"),
            (Signer::Extended, "0000c0ffee00c0ffee-2a"),
        ] {
            let mut out = Text::new();
            keys.sign(&CALL, signer, 1_795_383_063, NONCE, &mut out);
            let verified = keys.verify(&CALL, &out).unwrap();
            assert_eq!((verified.nonce, verified.signer), (NONCE, signer));
            let text = String::from_utf8(out.into_vec()).unwrap();
            assert_eq!(text.split(';').nth(2), Some(nonce));
            for other in ["00c0ffee00c0ffee-2a", "000c0ffee00c0ffee-2a"] {
                let other = text.replace(&format!(";{nonce};"), &format!(";{other};"));
                if other != text {
                    assert_eq!(keys.verify(&CALL, other.as_bytes()), None, "{other}");
                }
            }
        }
    }

    #[test]
    fn secrets_roll_over_while_nodes_have_either() {
        let (old, new) = (
            b"the old secret of all nodes",
            b"the new secret of all nodes",
        );
        let early = keys(old, new);
        let late = keys(new, old);
        for (signer, verifier) in [(&early, &late), (&late, &early)] {
            assert!(verifier.verify(&CALL, &signed(signer, &CALL)).is_some());
        }
        assert!(
            keys(new, b"")
                .verify(&CALL, &signed(&early, &CALL))
                .is_none()
        );
    }

    #[test]
    fn a_short_secret_is_refused_and_none_is_shown() {
        let error = Secret::new(b"hunter2").err().unwrap().to_string();
        assert_eq!(error, "a secret has at least 16 bytes");
        assert!(!format!("{:?}", keys(SECRET, SECRET)).contains("horse"));
    }

    #[test]
    fn without_a_secret_nothing_is_signed_or_verified() {
        let none = keys(b"", b"");
        assert!(!none.are_set());
        assert_eq!(signed(&none, &CALL), b"");
        assert_eq!(none.verify(&CALL, &signed(&keys(SECRET, b""), &CALL)), None);
    }

    proptest! {
        #[test]
        fn arbitrary_headers_are_refused(header in prop::collection::vec(any::<u8>(), 0..96)) {
            prop_assert_eq!(keys(SECRET, b"").verify(&CALL, &header), None);
        }
    }
}
