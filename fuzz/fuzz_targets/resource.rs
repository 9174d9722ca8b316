// SPDX-License-Identifier: GPL-2.0-or-later

//! Targets in the cluster: the parts of any text, by a grammar written anew. A target that was put together
//! comes apart again.
#![no_main]

use arbitrary::Arbitrary;
use clustering::addressing::resource::{Prefix, Target, trim_blanks};
use clustering_fuzz::Text;
use libfuzzer_sys::fuzz_target;

#[derive(Arbitrary, Debug)]
struct Input {
    prefix: Text,
    target: Text,
    node: Text,
    resource: Text,
}

/// The text between its first and its last byte that is no blank.
fn trimmed(text: &[u8]) -> &[u8] {
    let solid = |byte: &u8| *byte != b' ' && *byte != b'\t';
    let first = text.iter().position(solid);
    let last = text.iter().rposition(solid);
    first.zip(last).map_or(b"", |(from, to)| &text[from..=to])
}

/// Node and resource of a target: the grammar, straightforwardly.
fn model<'t>(prefix: &[u8], target: &'t [u8]) -> Option<(&'t [u8], &'t [u8])> {
    if target.len() < prefix.len() || target[..prefix.len()] != *prefix {
        return None;
    }
    let mut parts = target[prefix.len()..].splitn(2, |&byte| byte == b'/');
    let (node, resource) = (trimmed(parts.next()?), trimmed(parts.next()?));
    (!resource.is_empty()).then_some((node, resource))
}

fuzz_target!(|input: Input| {
    let mut expected = input.prefix.0.clone();
    if expected.last() != Some(&b'/') {
        expected.push(b'/');
    }
    let prefix = Prefix::new(&input.prefix.0);
    assert_eq!(prefix.as_bytes(), expected);
    assert_eq!(trim_blanks(&input.target.0), trimmed(&input.target.0));

    let whole = [&*expected, &input.target.0].concat();
    for target in [&input.target.0, &whole] {
        let parsed = prefix.parse(target);
        let parsed = parsed.map(|Target { node, resource }| (node, resource));
        assert_eq!(parsed, model(&expected, target));
        assert_eq!(
            prefix.strip(target).is_some(),
            target.starts_with(&expected)
        );
    }

    let (node, resource) = (&input.node.0, &input.resource.0);
    if !node.contains(&b'/') && !trimmed(resource).is_empty() {
        let together = [&*expected, node, b"/", resource].concat();
        let (node, resource) = (trimmed(node), trimmed(resource));
        assert_eq!(prefix.parse(&together), Some(Target { node, resource }));
    }
});
