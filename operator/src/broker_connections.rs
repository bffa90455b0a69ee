//! Connections to the brokers' management APIs, shared by all stacks: a hundred stacks on one broker need no hundred TLS
//! handshakes every few seconds.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, PoisonError},
};

use http::Uri;
use rabbitmq_management::{Connections, Error, Management, reach::Reach};
use service_kit::tls;

mod access;

pub use access::{BrokerAccess, EXTERNAL_UNUSABLE, MANAGED_VHOST, Owner, managed_url};

/// How many sets of connections are kept. One more clears the map: connections can be made again at any time.
const MAX: usize = 64;

/// One set of connections for each authority and owner. Clones share them.
#[derive(Debug, Clone, Default)]
pub struct BrokerConnections {
    /// The hosts of external brokers; empty means all.
    allowed_hosts: Arc<[String]>,
    known: Arc<Mutex<HashMap<Key, Connections>>>,
}

/// What connections are shared by: the authority that is trusted (`None` = the public ones), and whose brokers they lead to.
type Key = (Option<Vec<u8>>, Owner);

impl BrokerConnections {
    /// Connections to the stacks' own brokers, and to external ones on `allowed_hosts`; none given = on all.
    #[must_use]
    pub fn new(allowed_hosts: &[String]) -> Self {
        let hosts = allowed_hosts.iter().map(|host| host.trim().to_ascii_lowercase());
        Self { allowed_hosts: hosts.filter(|host| !host.is_empty()).collect(), known: Arc::default() }
    }

    /// A client of the broker; connects to nobody yet.
    pub fn management(&self, access: &BrokerAccess) -> Result<Management, Error> {
        if access.owner == Owner::Other && !is_host_and_port(&access.url) {
            return Err(Error::Url(None));
        }
        let password = access.password.clone().into();
        Management::on(self.of(access)?, &access.url, access.username.clone(), password)
    }

    fn of(&self, access: &BrokerAccess) -> Result<Connections, Error> {
        let key = (access.ca.clone(), access.owner);
        let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(connections) = known.get(&key) {
            return Ok(connections.clone());
        }
        let tls = access.ca.as_deref().map_or_else(|| tls::client_config(None), tls::client_config_of);
        let hosts = match access.owner {
            Owner::Stack => Vec::new(),
            Owner::Other => self.allowed_hosts.to_vec(),
        };
        let connections = Connections::new(tls.map_err(Error::Tls)?, Reach::Network { hosts })?;
        if known.len() == MAX {
            known.clear();
        }
        known.insert(key, connections.clone());
        drop(known);
        Ok(connections)
    }
}

/// Whether a URL names a host and a port, and nothing more that a request could be made of.
fn is_host_and_port(url: &str) -> bool {
    url.parse::<Uri>().is_ok_and(|uri| {
        let host_and_port = uri.authority().is_some_and(|authority| !authority.as_str().contains('@'));
        host_and_port && uri.path() == "/" && uri.query().is_none() && !url.contains('#')
    })
}

#[cfg(test)]
mod tests {
    use super::{BrokerAccess, BrokerConnections, Error, MAX, Owner};

    fn access(ca: Option<Vec<u8>>) -> BrokerAccess {
        BrokerAccess { ca, ..external("https://b:15671") }
    }

    fn external(url: &str) -> BrokerAccess {
        let username = "u".to_owned();
        let password = "p".to_owned();
        BrokerAccess { owner: Owner::Other, url: url.to_owned(), username, password, ca: None }
    }

    fn authority() -> Vec<u8> {
        let key = rcgen::KeyPair::generate().unwrap();
        rcgen::CertificateParams::default().self_signed(&key).unwrap().pem().into_bytes()
    }

    #[test]
    fn stacks_that_trust_the_same_authority_share_connections_and_others_do_not() {
        let connections = BrokerConnections::default();
        let ca = authority();
        for ca in [None, Some(ca.clone()), Some(ca), Some(authority()), None] {
            connections.management(&access(ca)).unwrap();
        }
        assert_eq!(connections.known.lock().unwrap().len(), 3);
    }

    #[test]
    fn authorities_that_change_for_ever_do_not_fill_the_memory() {
        let connections = BrokerConnections::default();
        for _ in 0..=MAX {
            connections.management(&access(Some(authority()))).unwrap();
        }
        assert_eq!(connections.known.lock().unwrap().len(), 1);
    }

    #[test]
    fn an_authority_that_is_none_is_refused() {
        let refused = BrokerConnections::default().management(&access(Some(b"none".to_vec())));
        assert!(matches!(refused, Err(Error::Tls(_))));
    }

    #[test]
    fn an_external_broker_is_a_host_and_a_port() {
        let connections = BrokerConnections::default();
        for url in ["http://b:15672", "https://b/", "http://10.1.2.3:15672", "http://[fd12::7]:15672"] {
            assert!(connections.management(&external(url)).is_ok(), "{url}");
        }
        for url in [
            "http://b/x",
            "http://b:1/?q",
            "http://b/#x",
            "http://u:p@b",
            "http://b/api",
            "ftp://b",
            "b:15672",
            "http://",
        ] {
            assert!(matches!(connections.management(&external(url)), Err(Error::Url(_))), "{url}");
        }
    }

    #[test]
    fn the_operator_connects_to_nothing_that_only_it_can_reach() {
        let connections = BrokerConnections::default();
        for host in [
            "127.0.0.1",
            "2130706433",
            "0x7f000001",
            "127.1",
            "[::1]",
            "[::ffff:7f00:1]",
            "169.254.169.254",
            "[fe80::1]",
            "0",
        ] {
            let url = format!("http://{host}:8081");
            assert!(matches!(connections.management(&external(&url)), Err(Error::OutOfReach)), "{url}");
        }
    }

    #[test]
    fn with_a_list_external_brokers_are_on_its_hosts_and_own_ones_where_they_are() {
        let connections = BrokerConnections::new(&["*.example.org".to_owned()]);
        assert!(connections.management(&external("https://a.example.org")).is_ok());
        assert!(matches!(connections.management(&external("https://b")), Err(Error::OutOfReach)));
        let own = BrokerAccess {
            owner: Owner::Stack,
            ..external("http://demo-rabbitmq-0.demo-rabbitmq-nodes.shop.svc:15672")
        };
        assert!(connections.management(&own).is_ok());
    }

    #[tokio::test]
    async fn a_name_that_leads_to_this_machine_is_not_followed() {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://localhost:{}", listener.local_addr().unwrap().port());
        let management = BrokerConnections::default().management(&external(&url)).unwrap();
        let answer = management.get::<String>("overview").await;
        assert!(matches!(answer, Err(Error::Unreachable(_))), "{answer:?}");
        let accepted = tokio::time::timeout(std::time::Duration::from_millis(100), listener.accept()).await;
        assert!(accepted.is_err(), "somebody connected");
    }
}
