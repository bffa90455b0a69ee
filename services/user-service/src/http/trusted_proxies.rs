//! Whose request it is: the peer's, unless the peer is a trusted proxy. Pure.

use std::net::{IpAddr, Ipv6Addr};

use axum::http::{HeaderMap, HeaderName};
use ipnet::IpNet;

use crate::rate_limits::ClientIp;

/// Where proxies append the address that they saw.
const FORWARDED_FOR: HeaderName = HeaderName::from_static("x-forwarded-for");

/// The proxies whose `X-Forwarded-For` is believed (`TRUSTED_PROXIES`).
#[derive(Debug, Clone, Default)]
pub struct TrustedProxies(Vec<IpNet>);

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
        let mut client = ClientIp::new(peer);
        if !self.trusts(client) {
            let untrusted_proxy = is_private(client.address()) && headers.contains_key(FORWARDED_FOR);
            return Origin { client, untrusted_proxy };
        }
        let lines = headers.get_all(FORWARDED_FOR).iter().collect::<Vec<_>>();
        let hops = lines.iter().rev().flat_map(|line| line.to_str().unwrap_or("?").rsplit(','));
        for hop in hops {
            let Some(address) = parse_hop(hop) else { break };
            client = ClientIp::new(address);
            if !self.trusts(client) {
                break;
            }
        }
        Origin { client, untrusted_proxy: false }
    }

    /// Whether the peer of a connection is one of these proxies.
    #[must_use]
    pub fn trusts_peer(&self, peer: IpAddr) -> bool {
        self.trusts(ClientIp::new(peer))
    }

    fn trusts(&self, client: ClientIp) -> bool {
        self.0.iter().any(|network| network.contains(&client.address()))
    }
}

/// One entry of `X-Forwarded-For`: an address, or one with a port, as some proxies write it.
fn parse_hop(hop: &str) -> Option<IpAddr> {
    let hop = hop.trim();
    let address = hop.parse::<IpAddr>().ok();
    let with_port = || hop.parse::<std::net::SocketAddr>().ok().map(|socket| socket.ip());
    let in_brackets = || hop.strip_prefix('[')?.strip_suffix(']')?.parse::<Ipv6Addr>().ok().map(IpAddr::V6);
    address.or_else(with_port).or_else(in_brackets)
}

fn is_private(address: IpAddr) -> bool {
    match address {
        IpAddr::V4(v4) => v4.is_private() || v4.is_loopback() || v4.is_link_local(),
        IpAddr::V6(v6) => v6.is_loopback() || v6.is_unique_local() || v6.is_unicast_link_local(),
    }
}

#[cfg(test)]
mod tests;
