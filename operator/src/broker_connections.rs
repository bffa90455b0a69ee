//! Connections to the brokers' management APIs, shared by all stacks: a hundred stacks on one broker need no hundred TLS
//! handshakes every few seconds.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, PoisonError},
};

use rabbitmq_management::{Connections, Error, Management};
use service_kit::tls;

use crate::controller::build::broker_topology::Management as Access;

/// So many authorities are known at a time; with more, all begin anew. What is known is never wrong, only in the way.
const MAX: usize = 64;

/// One set of connections for each authority, and one for the public ones. Clones share them.
#[derive(Debug, Clone, Default)]
pub struct BrokerConnections(Arc<Mutex<HashMap<Option<Vec<u8>>, Connections>>>);

impl BrokerConnections {
    /// A client of the broker; connects to nobody yet.
    pub fn management(&self, access: &Access) -> Result<Management, Error> {
        let user = (access.username.clone(), access.password.clone().into());
        Management::on(self.trusting(access)?, &access.url, user)
    }

    fn trusting(&self, access: &Access) -> Result<Connections, Error> {
        let mut known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(connections) = known.get(&access.ca) {
            return Ok(connections.clone());
        }
        let tls = access.ca.as_deref().map_or_else(|| tls::client_config(None), tls::client_config_of);
        let connections = Connections::new(tls.map_err(Error::Tls)?)?;
        if known.len() == MAX {
            known.clear();
        }
        known.insert(access.ca.clone(), connections.clone());
        drop(known);
        Ok(connections)
    }
}

#[cfg(test)]
mod tests {
    use super::{Access, BrokerConnections, Error, MAX};

    fn access(ca: Option<Vec<u8>>) -> Access {
        Access { url: "https://b:15671".to_owned(), username: "u".to_owned(), password: "p".to_owned(), ca }
    }

    fn authority() -> Vec<u8> {
        let key = rcgen::KeyPair::generate().unwrap();
        rcgen::CertificateParams::default().self_signed(&key).unwrap().pem().into_bytes()
    }

    #[test]
    fn stacks_that_trust_the_same_authority_share_connections_and_others_do_not() {
        let (connections, ca) = (BrokerConnections::default(), authority());
        for ca in [None, Some(ca.clone()), Some(ca), Some(authority()), None] {
            connections.management(&access(ca)).unwrap();
        }
        assert_eq!(connections.0.lock().unwrap().len(), 3);
    }

    #[test]
    fn authorities_that_change_for_ever_do_not_fill_the_memory() {
        let connections = BrokerConnections::default();
        for _ in 0..=MAX {
            connections.management(&access(Some(authority()))).unwrap();
        }
        assert_eq!(connections.0.lock().unwrap().len(), 1);
    }

    #[test]
    fn an_authority_that_is_none_is_refused() {
        let refused = BrokerConnections::default().management(&access(Some(b"none".to_vec())));
        assert!(matches!(refused, Err(Error::Tls(_))));
    }
}
