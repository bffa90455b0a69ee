//! Which hosts and addresses a client may connect to, pure. A program that takes addresses from others must not become their
//! scanner of what only it can reach.

use std::net::{IpAddr, Ipv6Addr};

/// AWS' instance metadata by IPv6, an address that is private and not link-local.
const AWS_METADATA: Ipv6Addr = Ipv6Addr::new(0xfd00, 0x0ec2, 0, 0, 0, 0, 0, 0x0254);

/// What may be connected to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Reach {
    /// Everything: the address is one's own.
    Anywhere,
    /// Everything but this machine, its links and metadata services; and of hosts, if `hosts` are given, only those.
    Network {
        /// Names and addresses as a URL has them; `*.example.org` is every name below `example.org`.
        hosts: Vec<String>,
    },
}

impl Reach {
    /// Whether `host` may be connected to, as far as its name says: `host` is in lower case, an IPv6 address in brackets.
    pub(crate) fn allows_host(&self, host: &str) -> bool {
        let Self::Network { hosts } = self else { return true };
        let address = host.trim_start_matches('[').trim_end_matches(']').parse::<IpAddr>();
        if address.is_ok_and(|address| !self.allows_address(address)) {
            return false;
        }
        let fits = |pattern: &String| match pattern.strip_prefix("*.") {
            Some(parent) => {
                host.strip_suffix(parent).is_some_and(|child| child.len() > 1 && child.ends_with('.'))
            }
            None => host == pattern,
        };
        hosts.is_empty() || hosts.iter().any(fits)
    }

    /// Whether `address` may be connected to, whichever name led to it.
    pub(crate) fn allows_address(&self, address: IpAddr) -> bool {
        *self == Self::Anywhere || !is_special(address.to_canonical())
    }
}

fn is_special(address: IpAddr) -> bool {
    match address {
        IpAddr::V4(v4) => {
            v4.is_loopback()
                || v4.is_link_local()
                || v4.is_unspecified()
                || v4.is_multicast()
                || v4.is_broadcast()
                || v4.octets()[0] == 0
        }
        IpAddr::V6(v6) => {
            v6.is_loopback()
                || v6.is_unicast_link_local()
                || v6.is_unspecified()
                || v6.is_multicast()
                || v6 == AWS_METADATA
                || v6.to_ipv4().is_some_and(|v4| is_special(IpAddr::V4(v4)))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::Reach;

    fn network(hosts: &[&str]) -> Reach {
        Reach::Network { hosts: hosts.iter().map(|host| (*host).to_owned()).collect() }
    }

    #[test]
    fn this_machine_its_links_and_metadata_services_are_out_of_reach_in_any_notation() {
        let reach = network(&[]);
        for address in [
            "127.0.0.1",
            "127.1.2.3",
            "0.0.0.0",
            "0.1.2.3",
            "169.254.169.254",
            "224.0.0.1",
            "255.255.255.255",
            "::1",
            "::",
            "fe80::1",
            "ff02::1",
            "fd00:ec2::254",
            "::ffff:127.0.0.1",
            "::ffff:169.254.169.254",
            "::127.0.0.1",
        ] {
            assert!(!reach.allows_address(address.parse().unwrap()), "{address}");
            let host = if address.contains(':') { format!("[{address}]") } else { address.to_owned() };
            assert!(!reach.allows_host(&host), "{host}");
            assert!(Reach::Anywhere.allows_host(&host));
        }
        for address in ["10.0.0.7", "192.168.1.9", "203.0.113.5", "fd12::7", "2001:db8::1"] {
            assert!(reach.allows_address(address.parse().unwrap()), "{address}");
        }
    }

    #[test]
    fn with_a_list_only_its_hosts_are_in_reach() {
        let reach = network(&["rabbitmq.shop.svc", "*.example.org", "10.0.0.7"]);
        for host in ["rabbitmq.shop.svc", "a.example.org", "a.b.example.org", "10.0.0.7"] {
            assert!(reach.allows_host(host), "{host}");
        }
        for host in
            ["example.org", ".example.org", "evilexample.org", "rabbitmq.shop.svc.evil", "10.0.0.8", ""]
        {
            assert!(!reach.allows_host(host), "{host}");
        }
    }

    #[test]
    fn a_list_opens_no_way_to_this_machine() {
        assert!(!network(&["127.0.0.1"]).allows_host("127.0.0.1"));
    }
}
