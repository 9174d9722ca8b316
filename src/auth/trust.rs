// SPDX-License-Identifier: GPL-2.0-or-later

//! Decides whether a sender's cluster headers are trusted: the networks of trusted senders, and the reason
//! why a message isn't trusted.
//!
//! The headers that one node sends another name the call's next target, with no further question. Anybody can
//! send such headers. So they are trusted only where the message came from a trusted address or, where the
//! cluster has a secret, is signed with it. With both, both must hold. Where the secret isn't required yet, a
//! trusted address alone will do, too.
//! Where nothing is set, the addresses of the nodes are [derived](super::derived).

use std::fmt::{self, Display};
use std::net::{IpAddr, Ipv4Addr};

use ipnet::IpNet;
use rustc_hash::FxHashMap;

use crate::auth::nonce_cache::NonceError;
use crate::operator::counters::Counter;
use crate::text::Escaped;

/// The senders whose cluster headers are trusted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Trust {
    /// `*`: anybody who can send a message, as with the stock module.
    Anyone,
    /// Addresses in these networks, so nobody where there are none.
    Networks(Networks),
}

/// Networks, among which that of an address is found in the same time however many there are: a large cluster has one
/// for each node.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Networks {
    all: Vec<IpNet>,
    /// Where there are many, all of them by their [keys](key).
    by_key: FxHashMap<Box<[u8]>, usize>,
    /// The lengths of their prefixes, of IPv4 and of IPv6.
    lengths: [Vec<u8>; 2],
}

/// The number of networks that are looked at one by one, in less time than a key takes.
const FEW: usize = 4;

/// A network's length and address, as bytes.
fn key(network: IpNet) -> [u8; 18] {
    let mut key = [0; 18];
    key[0] = network.prefix_len();
    key[1] = u8::from(network.addr().is_ipv4());
    match network.network() {
        IpAddr::V4(address) => key[2..6].copy_from_slice(&address.octets()),
        IpAddr::V6(address) => key[2..].copy_from_slice(&address.octets()),
    }
    key
}

impl Networks {
    #[inline]
    fn contain(&self, address: IpAddr) -> bool {
        if self.all.len() <= FEW {
            return self.all.iter().any(|network| network.contains(&address));
        }
        self.has_key_of(address)
    }

    #[inline(never)]
    fn has_key_of(&self, address: IpAddr) -> bool {
        self.lengths[usize::from(address.is_ipv6())]
            .iter()
            .any(|&length| {
                let network = IpNet::new(address, length);
                network.is_ok_and(|network| self.by_key.contains_key(&key(network)[..]))
            })
    }

    fn add(&mut self, network: IpNet) {
        self.all.push(network);
        self.by_key.insert(key(network).into(), self.all.len());
        let lengths = &mut self.lengths[usize::from(network.addr().is_ipv6())];
        if !lengths.contains(&network.prefix_len()) {
            lengths.push(network.prefix_len());
        }
    }
}

/// The reason why a text is not a list of networks.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "'{}' is neither an IP address nor a network like 10.0.0.0/8 or 2001:db8::/32, nor *",
    Escaped(.0.as_bytes())
)]
pub struct TrustError(String);

impl Default for Trust {
    fn default() -> Self {
        Self::Networks(Networks::default())
    }
}

impl Trust {
    /// Reads addresses, networks and `*`, with commas or blanks between them.
    ///
    /// # Errors
    ///
    /// Names the first item that is none of these.
    pub fn parse(text: &str) -> Result<Self, TrustError> {
        let mut networks = Networks::default();
        let mut anyone = false;
        let items = text.split(|c: char| c == ',' || c.is_ascii_whitespace());
        for item in items.filter(|item| !item.is_empty()) {
            if item == "*" {
                anyone = true;
                continue;
            }
            let network = item
                .parse()
                .or_else(|_| item.parse::<IpAddr>().map(IpNet::from));
            networks.add(canonical(network.map_err(|_| TrustError(item.to_owned()))?));
        }
        Ok(if anyone {
            Self::Anyone
        } else {
            Self::Networks(networks)
        })
    }

    /// Trusts others, too.
    #[must_use]
    pub(crate) fn with(self, others: impl IntoIterator<Item = Self>) -> Self {
        others
            .into_iter()
            .fold(self, |trust, other| match (trust, other) {
                (Self::Networks(mut own), Self::Networks(more)) => {
                    more.all.into_iter().for_each(|network| own.add(network));
                    Self::Networks(own)
                }
                _ => Self::Anyone,
            })
    }

    /// Nobody is trusted, because nobody was named.
    #[must_use]
    pub fn is_unset(&self) -> bool {
        matches!(self, Self::Networks(networks) if networks.all.is_empty())
    }

    /// Whether a message from this address, as the engine writes it, is trusted.
    ///
    /// Messages that were made within the engine have no address at all: `None`.
    #[must_use]
    pub fn trusts(&self, address: Option<&[u8]>) -> bool {
        match self {
            Self::Anyone => true,
            Self::Networks(networks) => address
                .and_then(parse_address)
                .is_some_and(|address| networks.contain(address)),
        }
    }
}

/// A network of IPv4 addresses within IPv6 as one of IPv4 addresses, which is how they are compared.
fn canonical(network: IpNet) -> IpNet {
    let mapped = match network {
        IpNet::V6(v6) if v6.prefix_len() >= 96 => v6.addr().to_ipv4_mapped(),
        _ => None,
    };
    let canonical = mapped.map(|v4| IpNet::new(v4.into(), network.prefix_len() - 96));
    canonical.and_then(Result::ok).unwrap_or(network)
}

/// The reason why cluster headers are not trusted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AuthError {
    /// The sender's address isn't trusted.
    Address,
    /// The sender's address is none of the node that it says it is.
    OtherNode,
    /// The host of the node that the sender says it is has no address.
    NoAddress,
    /// The host of that node is not known yet.
    Unresolved,
    /// The host of that node is being looked up, and the message can wait.
    Pending,
    /// A header stands there twice, so that two readers might read different things.
    Repeated,
    /// There is no signature where there must be one.
    Unsigned,
    /// A header has a control character.
    Malformed,
    /// The signature isn't that of this call, from this origin to this node, by a secret of the cluster.
    Forged,
    /// The signature is good, but the request URI or the extension isn't the one that its sender has signed.
    Altered,
    /// The target and its copy in the extension differ, so that two readers would read different things.
    Differing,
    /// The same, from a node of this node's own name.
    Namesake,
    /// The signature's age is not within the window.
    Skewed {
        /// Its age, or how far in the future it is.
        seconds: u64,
        /// The window.
        window: u64,
    },
    /// The signature was used before.
    Replayed,
    /// The signature is of a time for which this node has forgotten the used ones.
    Forgotten,
    /// There is no room to remember the signature.
    Full,
}

impl From<NonceError> for AuthError {
    fn from(error: NonceError) -> Self {
        match error {
            NonceError::Replayed => Self::Replayed,
            NonceError::Forgotten => Self::Forgotten,
            NonceError::Full => Self::Full,
        }
    }
}

impl AuthError {
    /// The signature is missing or wrong; all else is as it should be.
    #[must_use]
    pub(crate) const fn is_of_signature(self) -> bool {
        matches!(
            self,
            Self::Unsigned
                | Self::Forged
                | Self::Altered
                | Self::Skewed { .. }
                | Self::Replayed
                | Self::Forgotten
                | Self::Full
        )
    }

    /// The counter of such messages.
    #[must_use]
    pub const fn counter(self) -> Counter {
        match self {
            Self::Address
            | Self::OtherNode
            | Self::NoAddress
            | Self::Unresolved
            | Self::Pending => Counter::Untrusted,
            Self::Unsigned => Counter::Unsigned,
            Self::Repeated | Self::Forged | Self::Altered | Self::Differing | Self::Namesake => {
                Counter::Forged
            }
            Self::Malformed => Counter::Malformed,
            Self::Skewed { .. } | Self::Forgotten => Counter::Skewed,
            Self::Replayed | Self::Full => Counter::Replayed,
        }
    }
}

impl AuthError {
    /// The reason that the sender hears.
    #[must_use]
    pub fn answer(self) -> String {
        match self {
            // A stranger learns nothing of the nodes' names and addresses.
            Self::Address
            | Self::OtherNode
            | Self::NoAddress
            | Self::Unresolved
            | Self::Pending => "cluster headers from an untrusted sender".to_owned(),
            _ => format!("cluster headers were not accepted: {self}"),
        }
    }
}

impl Display for AuthError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Address => "the sender is not trusted",
            Self::OtherNode => "the sender's address is not that of the node in its X-NodeName",
            Self::NoAddress => "no address is known for the node in its X-NodeName",
            Self::Unresolved | Self::Pending => {
                "the address of the node in its X-NodeName is still being looked up"
            }
            Self::Repeated => "a cluster header occurs twice",
            Self::Malformed => "a cluster header has a control character",
            Self::Unsigned => "it has no signature",
            Self::Forged => "its signature is not valid for this call, this node and the cluster's secret",
            Self::Altered => {
                "its signature is good, but not for its request URI and its X-Cluster: it was changed on the way"
            }
            Self::Differing => "its X-CallTo and its X-Cluster name different targets",
            Self::Namesake => {
                "it says that it comes from this node, but was not signed for it: another one has its name, or a \
                 'callto' leads back here"
            }
            Self::Skewed { seconds, window } => {
                return write!(
                    f,
                    "its signature is {seconds} seconds off, the window is {window}: check the clocks"
                );
            }
            Self::Replayed => "its signature was used before: a captured call was replayed",
            Self::Forgotten => {
                "its signature is too old to tell whether it was used before: check the clocks"
            }
            Self::Full => "the nonce cache is full, so a replay could not be detected",
        })
    }
}

/// Reads an address as it stands in a message; an IPv4 address within IPv6 is an IPv4 address.
pub(crate) fn parse_address(text: &[u8]) -> Option<IpAddr> {
    let text = text
        .strip_prefix(b"[")
        .and_then(|t| t.strip_suffix(b"]"))
        .unwrap_or(text);
    parse_ipv4(text).or_else(|| parse_other(text))
}

/// Reads a usual address: each call from another node has one, and the standard library takes four times as long.
fn parse_ipv4(text: &[u8]) -> Option<IpAddr> {
    // The bytes of an address have their place from the highest one on.
    let (mut address, mut number, mut digits, mut dots) = (0, 0, 0, 0);
    for &byte in text {
        match byte {
            b'0'..=b'9' if digits == 0 || number > 0 => {
                number = number * 10 + u32::from(byte - b'0');
                digits += 1;
            }
            b'.' if digits > 0 => {
                address = address << 8 | number;
                (number, digits) = (0, 0);
                dots += 1;
            }
            _ => return None,
        }
        if number > 255 || dots > 3 {
            return None;
        }
    }
    let is_whole = dots == 3 && digits > 0;
    is_whole.then(|| Ipv4Addr::from_bits(address << 8 | number).into())
}

#[inline(never)]
fn parse_other(text: &[u8]) -> Option<IpAddr> {
    let text = std::str::from_utf8(text).ok()?;
    let address = text.parse().ok().or_else(|| parse_scoped(text));
    address.as_ref().map(IpAddr::to_canonical)
}

/// The scope of a link-local address tells the way to the sender, not the sender.
#[cold]
fn parse_scoped(text: &str) -> Option<IpAddr> {
    text.split_once('%')?.0.parse().ok()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn trusts(networks: &str, address: &str) -> bool {
        Trust::parse(networks)
            .unwrap()
            .trusts(Some(address.as_bytes()))
    }

    proptest! {
        #[test]
        fn a_usual_address_is_read_as_the_standard_library_reads_it(
            text in "[0-9]{0,4}(\\.[0-9]{0,4}){2,4}|([0-9]{1,3}\\.){3}[0-9]{1,3}|[0-9a.]{0,12}"
        ) {
            let expected = text.parse::<Ipv4Addr>().ok().map(IpAddr::from);
            prop_assert_eq!(parse_ipv4(text.as_bytes()), expected);
        }
    }

    #[test]
    fn addresses_and_networks_of_both_families_are_trusted() {
        let networks = "192.0.2.7, 10.1.0.0/16 2001:db8::/32,::1 ::ffff:203.0.113.0/120";
        for address in [
            "192.0.2.7",
            "10.1.255.1",
            "2001:db8::5",
            "[2001:db8::5]",
            "::1",
            "::ffff:10.1.2.3",
            "203.0.113.9",
        ] {
            assert!(trusts(networks, address), "{address}");
        }
        for address in [
            "192.0.2.8",
            "10.2.0.1",
            "2001:db9::5",
            "::2",
            "10.1.2",
            "10.1.2.3.4",
            "10.1.2.3x",
            "::ffff:11.0.0.1",
            "",
            "node2",
            "*",
        ] {
            assert!(!trusts(networks, address), "{address}");
        }
    }

    #[test]
    fn a_scope_does_not_count() {
        assert!(trusts("fe80::/10", "fe80::1%eth0"));
    }

    #[test]
    fn nobody_is_trusted_unless_named() {
        let nobody = Trust::parse(" , ").unwrap();
        assert!(nobody.is_unset());
        assert!(!nobody.trusts(Some(b"127.0.0.1")));
        assert!(!Trust::parse("0.0.0.0/0").unwrap().trusts(None));
    }

    #[test]
    fn a_star_trusts_anyone_even_without_an_address() {
        assert!(trusts("10.0.0.1,*", "192.0.2.1"));
        assert!(Trust::Anyone.trusts(None));
    }

    #[test]
    fn a_bad_network_is_shown_fit_to_be_printed() {
        let error = Trust::parse("10.0.0.1,\u{1b}[2Jn\u{f6}de")
            .unwrap_err()
            .to_string();
        assert!(
            error.starts_with(r"'\x1b[2Jn\xc3\xb6de' is neither"),
            "{error}"
        );
    }

    #[test]
    fn a_stranger_hears_nothing_of_the_names_and_addresses_of_nodes() {
        for cause in [
            AuthError::Address,
            AuthError::OtherNode,
            AuthError::NoAddress,
            AuthError::Unresolved,
        ] {
            assert_eq!(cause.answer(), "cluster headers from an untrusted sender");
        }
    }

    #[test]
    fn a_bad_network_is_named() {
        for (text, item) in [("10.0.0.1,node2", "node2"), ("10.0.0.0/33", "10.0.0.0/33")] {
            let error = Trust::parse(text).unwrap_err().to_string();
            assert!(
                error.starts_with(&format!("'{item}' is neither")),
                "{error}"
            );
        }
    }
}
