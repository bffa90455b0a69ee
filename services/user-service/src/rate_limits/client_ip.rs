//! The client as limits count it. They count networks, not addresses: an IPv4 address is one, an IPv6 customer has a
//! /64 to draw addresses from, and whoever has a /48 is counted once more, with tenfold quotas.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// The first 96 bits of an IPv4 address behind NAT64 (RFC 6052).
const NAT64: [u16; 6] = [0x64, 0xff9b, 0, 0, 0, 0];

/// The address of a client; an IPv4-mapped or NAT64 address is the IPv4 address inside.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ClientIp(IpAddr);

impl ClientIp {
    /// The client with this address.
    #[must_use]
    pub fn new(address: IpAddr) -> Self {
        Self(unmapped(address))
    }

    #[must_use]
    pub fn address(self) -> IpAddr {
        self.0
    }

    /// The network that limits count: the IPv4 address, or the IPv6 /64.
    #[must_use]
    pub fn network(self) -> String {
        match self.0 {
            IpAddr::V4(v4) => v4.to_string(),
            IpAddr::V6(v6) => format!("{}/64", masked(v6, 64)),
        }
    }

    /// The wider network that is counted with larger quotas: the IPv6 /48. IPv4 has none.
    #[must_use]
    pub fn wide_network(self) -> Option<String> {
        match self.0 {
            IpAddr::V4(_) => None,
            IpAddr::V6(v6) => Some(format!("{}/48", masked(v6, 48))),
        }
    }
}

fn unmapped(address: IpAddr) -> IpAddr {
    let IpAddr::V6(v6) = address else { return address };
    if let Some(v4) = v6.to_ipv4_mapped() {
        return IpAddr::V4(v4);
    }
    if v6.segments()[..6] == NAT64 {
        let [.., a, b, c, d] = v6.octets();
        return IpAddr::V4(Ipv4Addr::new(a, b, c, d));
    }
    address
}

fn masked(address: Ipv6Addr, prefix: u32) -> Ipv6Addr {
    Ipv6Addr::from_bits(address.to_bits() & (u128::MAX << (128 - prefix)))
}
