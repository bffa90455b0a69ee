//! Whose request it is: the peer's, unless the peer is a proxy we were told to trust. Pure.
//!
//! Limits count networks, not addresses: an IPv4 address is one, an IPv6 customer has a /64 to draw addresses from,
//! and whoever has a /48 is counted once more, with tenfold quotas.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use axum::http::{HeaderMap, HeaderName};
use ipnet::IpNet;

/// Where proxies append the address that they saw.
const FORWARDED_FOR: HeaderName = HeaderName::from_static("x-forwarded-for");

/// The first 96 bits of an IPv4 address behind NAT64 (RFC 6052).
const NAT64: [u16; 6] = [0x64, 0xff9b, 0, 0, 0, 0];

/// The proxies whose `X-Forwarded-For` is believed (`TRUSTED_PROXIES`).
#[derive(Debug, Clone, Default)]
pub struct TrustedProxies(Vec<IpNet>);

/// The client, as limits count it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ClientIp(IpAddr);

/// What was found out about a request's origin.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Origin {
    /// Who to count.
    pub client: ClientIp,
    /// A private peer sent `X-Forwarded-For` and is not trusted: most likely a proxy that was not named, so that
    /// all its clients are counted as one.
    pub untrusted_proxy: bool,
}

impl TrustedProxies {
    /// Trusts these networks.
    #[must_use]
    pub fn new(networks: Vec<IpNet>) -> Self {
        Self(networks)
    }

    /// Finds the client of a request. `X-Forwarded-For` is walked from the right, where our proxies append, to the
    /// first address that is none of them; what stands left of it anyone could have written. Where the walk meets
    /// something that is no address, the proxy that let it through is the client.
    #[must_use]
    pub fn origin(&self, peer: IpAddr, headers: &HeaderMap) -> Origin {
        let mut client = unmapped(peer);
        if !self.trusts(client) {
            let untrusted_proxy = is_private(client) && headers.contains_key(FORWARDED_FOR);
            return Origin { client: ClientIp(client), untrusted_proxy };
        }
        let lines = headers.get_all(FORWARDED_FOR).iter().collect::<Vec<_>>();
        let hops = lines.iter().rev().flat_map(|line| line.to_str().unwrap_or("?").rsplit(','));
        for hop in hops {
            let Some(address) = parse_hop(hop) else { break };
            client = address;
            if !self.trusts(client) {
                break;
            }
        }
        Origin { client: ClientIp(client), untrusted_proxy: false }
    }

    fn trusts(&self, address: IpAddr) -> bool {
        self.0.iter().any(|network| network.contains(&address))
    }
}

impl ClientIp {
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

/// One entry of `X-Forwarded-For`: an address, or one with a port, as some proxies write it.
fn parse_hop(hop: &str) -> Option<IpAddr> {
    let hop = hop.trim();
    let address = hop.parse::<IpAddr>().ok();
    let with_port = || hop.parse::<std::net::SocketAddr>().ok().map(|socket| socket.ip());
    let in_brackets = || hop.strip_prefix('[')?.strip_suffix(']')?.parse::<Ipv6Addr>().ok().map(IpAddr::V6);
    address.or_else(with_port).or_else(in_brackets).map(unmapped)
}

/// IPv4-mapped and NAT64 addresses are the IPv4 address inside.
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

fn is_private(address: IpAddr) -> bool {
    match address {
        IpAddr::V4(v4) => v4.is_private() || v4.is_loopback() || v4.is_link_local(),
        IpAddr::V6(v6) => v6.is_loopback() || v6.is_unique_local() || v6.is_unicast_link_local(),
    }
}

#[cfg(test)]
mod tests;
