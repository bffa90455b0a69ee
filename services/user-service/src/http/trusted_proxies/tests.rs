use std::net::IpAddr;

use axum::http::{HeaderMap, HeaderValue};
use proptest::prelude::*;

use super::{FORWARDED_FOR, TrustedProxies};

fn proxies(networks: &[&str]) -> TrustedProxies {
    TrustedProxies::new(networks.iter().map(|network| network.parse().unwrap()).collect())
}

fn client(proxies: &TrustedProxies, peer: &str, forwarded: &[&str]) -> String {
    let mut headers = HeaderMap::new();
    for line in forwarded {
        headers.append(FORWARDED_FOR, HeaderValue::from_str(line).unwrap());
    }
    proxies.origin(peer.parse().unwrap(), &headers).client.network()
}

#[test]
fn an_untrusted_peer_is_the_client_whatever_it_writes() {
    let none = proxies(&[]);
    assert_eq!(client(&none, "203.0.113.7", &["198.51.100.1"]), "203.0.113.7");
    assert_eq!(client(&proxies(&["10.0.0.0/8"]), "203.0.113.7", &["198.51.100.1"]), "203.0.113.7");
}

#[test]
fn the_chain_is_walked_from_the_right_to_the_first_address_that_is_no_proxy() {
    let ours = proxies(&["10.0.0.0/8", "192.0.2.1/32"]);
    assert_eq!(client(&ours, "10.1.1.1", &["1.1.1.1, 198.51.100.1, 192.0.2.1"]), "198.51.100.1");
    // Several header lines are one list.
    assert_eq!(
        client(&ours, "10.1.1.1", &["1.1.1.1", "198.51.100.1", "10.9.9.9, 192.0.2.1"]),
        "198.51.100.1"
    );
    // All trusted: the leftmost is as far as we can see.
    assert_eq!(client(&ours, "10.1.1.1", &["10.2.2.2, 10.3.3.3"]), "10.2.2.2");
    assert_eq!(client(&ours, "10.1.1.1", &[]), "10.1.1.1");
}

#[test]
fn what_is_no_address_ends_the_walk() {
    let ours = proxies(&["10.0.0.0/8"]);
    assert_eq!(client(&ours, "10.1.1.1", &["198.51.100.1, unknown, 10.2.2.2"]), "10.2.2.2");
    assert_eq!(client(&ours, "10.1.1.1", &["198.51.100.1, "]), "10.1.1.1");
}

#[test]
fn ports_and_brackets_are_understood() {
    let ours = proxies(&["10.0.0.0/8"]);
    assert_eq!(client(&ours, "10.1.1.1", &["198.51.100.1:4711"]), "198.51.100.1");
    assert_eq!(client(&ours, "10.1.1.1", &["[2001:db8:1:2:3::4]:4711"]), "2001:db8:1:2::/64");
    assert_eq!(client(&ours, "10.1.1.1", &["[2001:db8:1:2:3::4]"]), "2001:db8:1:2::/64");
}

#[test]
fn ipv4_in_ipv6_counts_as_ipv4_and_ipv6_by_its_64_and_48() {
    let none = proxies(&[]);
    assert_eq!(client(&none, "::ffff:203.0.113.7", &[]), "203.0.113.7");
    assert_eq!(client(&none, "64:ff9b::203.0.113.7", &[]), "203.0.113.7");
    assert_eq!(client(&none, "2001:db8:1:2:3:4:5:6", &[]), "2001:db8:1:2::/64");
    // A trusted network in IPv4 also covers the mapped form.
    assert_eq!(client(&proxies(&["10.0.0.0/8"]), "::ffff:10.1.1.1", &["198.51.100.1"]), "198.51.100.1");
    let wide =
        |peer: &str| none.origin(peer.parse::<IpAddr>().unwrap(), &HeaderMap::new()).client.wide_network();
    assert_eq!(wide("2001:db8:1:2:3:4:5:6").unwrap(), "2001:db8:1::/48");
    assert_eq!(wide("203.0.113.7"), None);
    assert_eq!(wide("::ffff:203.0.113.7"), None);
}

#[test]
fn a_private_peer_that_forwards_without_trust_is_noticed() {
    let mut headers = HeaderMap::new();
    let notice = |peer: &str, headers: &HeaderMap| {
        proxies(&["10.0.0.0/8"]).origin(peer.parse().unwrap(), headers).untrusted_proxy
    };
    assert!(!notice("192.168.1.1", &headers));
    headers.append(FORWARDED_FOR, HeaderValue::from_static("198.51.100.1"));
    assert!(notice("192.168.1.1", &headers));
    assert!(!notice("10.1.1.1", &headers) && !notice("203.0.113.7", &headers));
}

proptest! {
    /// Whoever is not behind our proxies cannot choose whom they are counted as.
    #[test]
    fn the_header_of_a_stranger_never_matters(line in "[ -~]{0,80}", peer in any::<[u8; 4]>()) {
        let peer = IpAddr::from(peer);
        prop_assume!(!"10.0.0.0/8".parse::<ipnet::IpNet>().unwrap().contains(&peer));
        let mut headers = HeaderMap::new();
        headers.append(FORWARDED_FOR, HeaderValue::from_str(&line).unwrap());
        prop_assert_eq!(proxies(&["10.0.0.0/8"]).origin(peer, &headers).client.network(), peer.to_string());
    }

    /// Behind our proxy, what stands left of the last entry never matters.
    #[test]
    fn what_a_client_writes_left_of_itself_never_matters(forged in "[ -~]{0,80}", real in any::<u32>()) {
        let real = IpAddr::from(real.to_be_bytes());
        let ours = proxies(&["127.255.255.255/32"]);
        prop_assume!(real.to_string() != "127.255.255.255");
        prop_assert_eq!(client(&ours, "127.255.255.255", &[&format!("{forged}, {real}")]), real.to_string());
    }

    #[test]
    fn any_header_gives_some_client(line in proptest::collection::vec(any::<u8>(), 0..200)) {
        let Ok(value) = HeaderValue::from_bytes(&line) else { return Ok(()) };
        let mut headers = HeaderMap::new();
        headers.append(FORWARDED_FOR, value);
        let _ = proxies(&["0.0.0.0/0", "::/0"]).origin(IpAddr::from([10, 0, 0, 1]), &headers);
    }
}
