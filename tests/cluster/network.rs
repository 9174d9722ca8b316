// SPDX-License-Identifier: GPL-2.0-or-later

//! A network of one's own: an unused /24 of the loopback addresses.
//!
//! So every lab has the usual ports, whatever else runs on the machine, and an address identifies its owner.

use std::net::{Ipv4Addr, SocketAddrV4, UdpSocket};
use std::process;
use std::sync::atomic::{AtomicU8, Ordering};

/// The port of everybody who speaks SIP.
pub const SIP: u16 = 5060;
/// The port of encrypted SIP.
pub const TLS: u16 = 5061;
/// The first phone; the nodes are at 1, 2 and 3.
const PHONES: u8 = 101;
/// The address of a stranger to all nodes.
const STRANGER: u8 = 66;
/// The owner of this address has the network.
const CLAIM: u8 = 254;

/// The addresses `127.A.B.0` to `127.A.B.255`.
pub struct Network {
    bytes: [u8; 3],
    phones: AtomicU8,
    _claim: UdpSocket,
}

impl Network {
    /// Takes a network that nobody has; it is free again when this is dropped.
    pub fn claim() -> Self {
        // Tests that run at the same time begin to search at different places.
        let first = process::id().to_be_bytes();
        let first = u16::from_be_bytes([first[2], first[3]]);
        let claimed = (0..=u16::MAX).find_map(|step| {
            let [high, low] = first.wrapping_add(step).to_be_bytes();
            // 127.0 is used by everybody.
            let bytes = [127, high.max(1), low];
            let claim = UdpSocket::bind((address(bytes, CLAIM), SIP)).ok()?;
            Some((bytes, claim))
        });
        let (bytes, claim) = claimed.expect("some of the loopback networks is free");
        Self {
            bytes,
            phones: AtomicU8::new(PHONES),
            _claim: claim,
        }
    }

    /// The common start of all its addresses.
    pub fn prefix(&self) -> String {
        let [a, b, c] = self.bytes;
        format!("{a}.{b}.{c}")
    }

    /// The address of `node1`, `node2` or `node3`.
    pub fn node(&self, name: &str) -> Ipv4Addr {
        let number = name.strip_prefix("node").and_then(|text| text.parse().ok());
        address(self.bytes, number.expect("nodes are node1, node2, ..."))
    }

    /// The address at which a node listens for SIP.
    pub fn sip(&self, node: &str) -> SocketAddrV4 {
        SocketAddrV4::new(self.node(node), SIP)
    }

    /// The address at which a node listens for encrypted connections.
    pub fn tls(&self, node: &str) -> SocketAddrV4 {
        SocketAddrV4::new(self.node(node), TLS)
    }

    /// The address of one more phone.
    pub fn phone(&self) -> Ipv4Addr {
        address(self.bytes, self.phones.fetch_add(1, Ordering::Relaxed))
    }

    /// An address that is neither a node's nor a phone's.
    pub fn stranger(&self) -> Ipv4Addr {
        address(self.bytes, STRANGER)
    }
}

fn address([a, b, c]: [u8; 3], d: u8) -> Ipv4Addr {
    Ipv4Addr::new(a, b, c, d)
}
