// SPDX-License-Identifier: GPL-2.0-or-later

//! The host of a template's targets: the address, or the name, that a node of some name is reached at.
//!
//! A sender may say any node name. So a host that is made of a name is worth something only where its most
//! significant part is text of the template: then every name leads into the domain or the network of whoever
//! wrote the template. The rule is about the template, not about one name.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use super::{Atom, Part, Template};
use crate::addressing::pattern::Groups;

/// The longest name of a host.
const LONGEST: usize = 253;

/// The bits of an IPv4 address that must be text of the template: the smallest network that is routed alone.
const IPV4_BITS: u32 = 24;

/// The same of an IPv6 address: the network of one link.
const IPV6_BITS: u32 = 64;

/// Top-level domains in which nobody can register a name.
const RESERVED: [&[u8]; 3] = [b"internal", b"localhost", b"test"];

/// The usual domains in which anybody gets a name for the address of the moment.
const DYNAMIC: [&[u8]; 8] = [
    b"ddns.net",
    b"duckdns.org",
    b"dyndns.org",
    b"dynu.net",
    b"freeddns.org",
    b"hopto.org",
    b"no-ip.com",
    b"no-ip.org",
];

/// The host of a node.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Host {
    /// An address. One of IPv4 within IPv6 is one of IPv4.
    Address(IpAddr),
    /// A name, in small letters and without the dot at its end.
    Name(Box<str>),
}

/// The reason why no host is derived from a template.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum HostError {
    /// It isn't the URI of a host.
    #[error("is not 'sip/sip:' with a host")]
    NoHost,
    /// The host depends on a parameter, which a caller chooses.
    #[error("has a parameter of the call in the host")]
    Parameter,
    /// The node's name decides the most significant part of the host.
    #[error(
        "leaves more of the host to the node's name than a label of the operator's own domain, or the end of an \
         address"
    )]
    Loose,
}

/// A part of a target.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Unit {
    Byte(u8),
    Group(usize),
    Parameter,
}

/// The place of the host in a template's targets.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HostTemplate {
    units: Box<[Unit]>,
    rule: Rule,
}

/// The part of a host that is the same for every node name.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Rule {
    /// All of it.
    Constant(Host),
    /// The first bits of this address.
    Network(IpAddr),
    /// The end, as the units have it.
    Domain,
}

impl HostTemplate {
    /// Finds the host in a template.
    ///
    /// # Errors
    ///
    /// Fails where a node's name could lead anywhere.
    pub fn of(template: &Template) -> Result<Self, HostError> {
        Self::read(&flatten(template, |group, units| {
            units.push(Unit::Group(group));
        }))
    }

    /// The host of a node whose name is the operator's own text, so that all of it is certain.
    ///
    /// # Errors
    ///
    /// Fails where it depends on a call, and where there is none.
    pub fn of_known(template: &Template, node: &[u8], groups: &Groups) -> Result<Host, HostError> {
        let known = Self::read(&flatten(template, |group, units| {
            let text = groups.text(group, node);
            units.extend(text.iter().copied().map(Unit::Byte));
        }))?;
        match known.rule {
            Rule::Constant(host) => Ok(host),
            Rule::Network(_) | Rule::Domain => Err(HostError::NoHost),
        }
    }

    /// Finds the host, where the engine finds it, too: behind the first `@`.
    fn read(units: &[Unit]) -> Result<Self, HostError> {
        let uri = ["sip/sip:", "sip/sips:"]
            .iter()
            .find_map(|start| strip(units, start))
            .ok_or(HostError::NoHost)?;
        let is = |bytes: &'static [u8]| move |unit: &Unit| matches!(unit, Unit::Byte(byte) if bytes.contains(byte));
        let rest = match uri.iter().position(is(b"@")) {
            Some(at) => &uri[at + 1..],
            None => uri,
        };
        let (host, is_bracketed) = if let Some((Unit::Byte(b'['), inner)) = rest.split_first() {
            // The scope of a link-local address is the way to the node, not the node.
            let end = inner.iter().position(is(b"]%"));
            (&inner[..end.ok_or(HostError::NoHost)?], true)
        } else {
            let end = rest.iter().position(is(b":;?>/ "));
            (&rest[..end.unwrap_or(rest.len())], false)
        };
        if host.contains(&Unit::Parameter) {
            return Err(HostError::Parameter);
        }
        let rule = rule(host, is_bracketed)?;
        Ok(Self {
            units: host.into(),
            rule,
        })
    }

    /// The host of a node, whose name matched with `groups`; `None` where it makes none, or one that isn't
    /// surely in the template's own domain or network.
    #[must_use]
    pub fn host(&self, node: &[u8], groups: &Groups) -> Option<Host> {
        if let Rule::Constant(host) = &self.rule {
            return Some(host.clone());
        }
        let text = fill(&self.units, |group| groups.text(group, node));
        let host = Host::parse(&text)?;
        match (&self.rule, &host) {
            (Rule::Network(network), Host::Address(address)) => {
                is_one_network(*network, *address).then_some(host)
            }
            (Rule::Domain, Host::Name(_)) => Some(host),
            _ => None,
        }
    }
}

impl Host {
    /// Reads an address, or a name that the resolver takes for nothing else.
    fn parse(text: &[u8]) -> Option<Self> {
        let text = std::str::from_utf8(text).ok()?;
        if let Ok(address) = text.parse::<IpAddr>() {
            return Some(Self::Address(address.to_canonical()));
        }
        let name = text.strip_suffix('.').unwrap_or(text);
        let is_label = |label: &str| {
            (1..=63).contains(&label.len())
                && label
                    .bytes()
                    .all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_'))
        };
        // The resolver takes names that end in a number, such as 127.1 or 1.2.0x304, for addresses.
        let last = name.rsplit('.').next()?;
        let is_name = name.len() <= LONGEST
            && name.split('.').all(is_label)
            && last.starts_with(|c: char| c.is_ascii_alphabetic());
        is_name.then(|| Self::Name(name.to_ascii_lowercase().into()))
    }
}

/// Whether two addresses begin alike, as far as an operator's network goes.
fn is_one_network(one: IpAddr, other: IpAddr) -> bool {
    match (one, other) {
        (IpAddr::V4(one), IpAddr::V4(other)) => {
            let bits = |address: Ipv4Addr| address.to_bits() >> (Ipv4Addr::BITS - IPV4_BITS);
            bits(one) == bits(other)
        }
        (IpAddr::V6(one), IpAddr::V6(other)) => {
            let bits = |address: Ipv6Addr| address.to_bits() >> (Ipv6Addr::BITS - IPV6_BITS);
            bits(one) == bits(other)
        }
        _ => false,
    }
}

/// The part of a host that is certain.
fn rule(host: &[Unit], is_bracketed: bool) -> Result<Rule, HostError> {
    let with = |digit: &'static [u8]| Host::parse(&fill(host, |_| digit));
    let last_group = host.iter().rposition(|unit| matches!(unit, Unit::Group(_)));
    let Some(last_group) = last_group else {
        let constant = with(b"").ok_or(HostError::NoHost)?;
        let is_ipv6 = matches!(constant, Host::Address(IpAddr::V6(_)));
        let fits = is_bracketed == is_ipv6 || matches!(constant, Host::Address(_));
        return fits
            .then_some(Rule::Constant(constant))
            .ok_or(HostError::NoHost);
    };
    if let (Some(Host::Address(one)), Some(Host::Address(two))) = (with(b"1"), with(b"2")) {
        return is_one_network(one, two)
            .then_some(Rule::Network(one))
            .ok_or(HostError::Loose);
    }
    let tail: Vec<u8> = fill(&host[last_group + 1..], |_| b"");
    // A name's last label may go on in the tail: `\1example.net` makes evilexample.net.
    let whole = tail.iter().position(|byte| *byte == b'.');
    let domain = whole.and_then(|dot| Host::parse(&tail[dot + 1..]));
    match domain {
        Some(Host::Name(domain)) if !is_bracketed && is_own(domain.as_bytes()) => Ok(Rule::Domain),
        _ => Err(HostError::Loose),
    }
}

/// Whether nobody but the owner of a domain can make a name in it: it's at or below one that is registered, or
/// nobody can register there. The public suffix list would tell for certain, but makes the module half as large again.
fn is_own(domain: &[u8]) -> bool {
    let labels: Vec<_> = domain.split(|byte| *byte == b'.').collect();
    match labels[..] {
        [.., last] if RESERVED.contains(&last) => true,
        // As in co.uk, com.au and uk.net.
        [second, _] => second.len() > 3 && !DYNAMIC.contains(&domain),
        [..] => labels.len() > 2,
    }
}

/// A template as a list of units. `group` appends what stands for a group.
fn flatten(template: &Template, group: impl Fn(usize, &mut Vec<Unit>)) -> Vec<Unit> {
    let mut units = Vec::new();
    for part in &template.parts {
        let Part::Plain(plain) = part else {
            units.push(Unit::Parameter);
            continue;
        };
        for atom in plain {
            match atom {
                Atom::Text(text) => units.extend(text.iter().copied().map(Unit::Byte)),
                Atom::Group(number) => group(*number, &mut units),
            }
        }
    }
    units
}

/// The text of units without parameters.
fn fill<'g>(units: &[Unit], group: impl Fn(usize) -> &'g [u8]) -> Vec<u8> {
    let mut text = Vec::new();
    for unit in units {
        match unit {
            Unit::Byte(byte) => text.push(*byte),
            Unit::Group(number) => text.extend_from_slice(group(*number)),
            Unit::Parameter => {}
        }
    }
    text
}

/// The units behind a text.
fn strip<'u>(units: &'u [Unit], text: &str) -> Option<&'u [Unit]> {
    let (start, rest) = units.split_at_checked(text.len())?;
    let is_text = start
        .iter()
        .zip(text.bytes())
        .all(|(unit, byte)| *unit == Unit::Byte(byte));
    is_text.then_some(rest)
}

#[cfg(test)]
mod tests;
