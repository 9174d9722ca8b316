// SPDX-License-Identifier: GPL-2.0-or-later

//! The grammar of cluster resources: `prefix/NODE/RESOURCE`.

/// Stands in place of a node's name: the node is yet to be found.
pub const ANY_NODE: &[u8] = b"*";

/// The prefix of cluster resources: the configured one, with a slash at its end.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Prefix(Box<[u8]>);

impl Prefix {
    /// Makes a prefix of a configured text, adding the final slash where it lacks; an empty text becomes `/`.
    #[must_use]
    pub fn new(text: &[u8]) -> Self {
        let mut bytes = text.to_vec();
        if !bytes.ends_with(b"/") {
            bytes.push(b'/');
        }
        Self(bytes.into())
    }

    /// The prefix with its final slash.
    #[must_use]
    pub fn as_bytes(&self) -> &[u8] {
        &self.0
    }

    /// The text behind the prefix; `None` where `text` doesn't start with it.
    #[must_use]
    pub fn strip<'t>(&self, text: &'t [u8]) -> Option<&'t [u8]> {
        text.strip_prefix(self.as_bytes())
    }

    /// Splits a target `prefix/NODE/RESOURCE`; `None` where it isn't one, or names no resource.
    #[must_use]
    pub fn parse<'t>(&self, target: &'t [u8]) -> Option<Target<'t>> {
        let rest = self.strip(target)?;
        let slash = rest.iter().position(|&byte| byte == b'/')?;
        let node = trim_blanks(&rest[..slash]);
        let resource = trim_blanks(&rest[slash + 1..]);
        (!resource.is_empty()).then_some(Target { node, resource })
    }
}

/// A resource in the cluster.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Target<'t> {
    /// The node's name without blanks around it: empty for "this one", or [`ANY_NODE`].
    pub node: &'t [u8],
    /// The resource that the node shall call, never empty.
    pub resource: &'t [u8],
}

/// Takes spaces and tabs, the engine's blanks, off both ends.
#[must_use]
pub fn trim_blanks(mut text: &[u8]) -> &[u8] {
    while let [b' ' | b'\t', rest @ ..] | [rest @ .., b' ' | b'\t'] = text {
        text = rest;
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn prefix_gets_its_final_slash() {
        for (text, prefix) in [("cluster", "cluster/"), ("c/", "c/"), ("", "/"), ("/", "/")] {
            assert_eq!(Prefix::new(text.as_bytes()).as_bytes(), prefix.as_bytes());
        }
    }

    #[test]
    fn blanks_around_node_and_resource_do_not_count() {
        let target = Prefix::new(b"cluster")
            .parse(b"cluster/ node2\t/ sip/a b ")
            .unwrap();
        assert_eq!(
            (target.node, target.resource),
            (&b"node2"[..], &b"sip/a b"[..])
        );
    }

    #[test]
    fn a_target_of_only_slashes_is_the_resource_slash_on_this_node() {
        let target = Prefix::new(b"").parse(b"///").unwrap();
        assert_eq!((target.node, target.resource), (&b""[..], &b"/"[..]));
    }

    #[test]
    fn a_target_without_node_or_resource_is_not_one() {
        let prefix = Prefix::new(b"cluster");
        for text in [
            "",
            "cluster",
            "cluster/",
            "cluster/node2",
            "cluster/node2/",
            "cluster/n/ \t",
            "Cluster/n/x",
        ] {
            assert_eq!(prefix.parse(text.as_bytes()), None, "{text}");
        }
    }

    proptest! {
        #[test]
        fn what_is_put_together_comes_apart_again(
            prefix in "[a-z]{0,8}/?", node in "[a-z0-9.-]{0,12}", resource in "[^ \t](.*[^ \t])?"
        ) {
            let prefix = Prefix::new(prefix.as_bytes());
            let text = [prefix.as_bytes(), node.as_bytes(), b"/", resource.as_bytes()].concat();
            let target = prefix.parse(&text).unwrap();
            prop_assert_eq!(target, Target { node: node.as_bytes(), resource: resource.as_bytes() });
        }

        #[test]
        fn arbitrary_bytes_do_no_harm(text in proptest::collection::vec(any::<u8>(), 0..64)) {
            let _ = Prefix::new(b"").parse(&text);
        }
    }
}
