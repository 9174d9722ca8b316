// SPDX-License-Identifier: GPL-2.0-or-later

//! Signatures: a signed call is verified, and nothing else is, whatever the header is.
#![no_main]

use arbitrary::Arbitrary;
use clustering::auth::signature::{Keys, Nonce, Secret, Signed, Signer, Verified};
use clustering::text::Text;
use libfuzzer_sys::fuzz_target;

#[derive(Arbitrary, Debug)]
struct Input<'a> {
    fields: [&'a [u8]; 6],
    seconds: u64,
    process: u64,
    count: u64,
    signer: u8,
    /// The byte of the header that is changed, and the change.
    at: usize,
    flip: u8,
    /// A header that nobody signed.
    header: &'a [u8],
}

fuzz_target!(|input: Input| {
    let secret = Secret::new(b"a secret of the cluster's").expect("it's long enough");
    let keys = Keys::new(secret, Secret::default());
    let [origin, target, callto, billid, username, visited] = input.fields;
    let call = Signed {
        origin,
        target,
        callto,
        billid,
        username,
        visited,
    };
    let nonce = Nonce {
        process: input.process,
        count: input.count,
    };
    let mut header = Text::new();
    let signer = match input.signer % 3 {
        0 => Signer::Released,
        1 => Signer::Plain,
        _ => Signer::Extended,
    };
    keys.sign(&call, signer, input.seconds, nonce, &mut header);
    let expected = Verified {
        seconds: input.seconds,
        nonce,
        signer,
    };
    assert_eq!(keys.verify(&call, &header), Some(expected));

    // A header that nobody signed is good only if it's the very one.
    if *input.header != *header {
        assert_eq!(keys.verify(&call, input.header), None);
    }
    if input.flip != 0 {
        let at = input.at % header.len();
        header[at] ^= input.flip;
        assert_eq!(keys.verify(&call, &header), None);
    }
});
