//! A RabbitMQ vhost of one test's own, so that tests run side by side on one broker.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use serde_json::json;

use crate::management::TestManagement;
use crate::servers::{Broker, shared_broker};

/// A fresh vhost whose default queue type is quorum. Deleted, with all that is in it, when dropped.
#[derive(Debug)]
pub struct Vhost {
    broker: Broker,
    management: TestManagement,
    name: String,
}

impl Vhost {
    /// One on the shared broker.
    pub async fn create() -> Self {
        Self::create_on(&shared_broker()).await
    }

    /// One on `broker`; its administrator may do everything in it.
    pub async fn create_on(broker: &Broker) -> Self {
        static NEXT: AtomicU32 = AtomicU32::new(0);
        let name = format!("test-{}-{}", std::process::id(), NEXT.fetch_add(1, Ordering::Relaxed));
        let vhost = Self { broker: broker.clone(), management: TestManagement::new(broker), name };
        vhost.management.put(&vhost.path("vhosts", ""), &json!({"default_queue_type": "quorum"})).await;
        vhost
    }

    /// Its name: letters, digits and hyphens.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    #[must_use]
    pub fn broker(&self) -> &Broker {
        &self.broker
    }

    /// The management API of its broker.
    #[must_use]
    pub fn management(&self) -> &TestManagement {
        &self.management
    }

    /// `amqp://user:password@host:port/name`.
    #[must_use]
    pub fn amqp_url(&self) -> String {
        self.broker.amqp_url(&self.name)
    }

    /// The management path of one object of the vhost: `path("queues", "send-otp")`; with an empty name, of all.
    #[must_use]
    pub fn path(&self, kind: &str, object: &str) -> String {
        let path = format!("/api/{kind}/{}", self.name);
        if object.is_empty() { path } else { format!("{path}/{object}") }
    }
}

impl Drop for Vhost {
    fn drop(&mut self) {
        // No runtime may be left to ask; a vhost that stays on a shared broker slows down all others.
        let _ = delete(&self.broker, &self.path("vhosts", ""));
    }
}

fn delete(broker: &Broker, path: &str) -> std::io::Result<()> {
    let address = broker.management_url.trim_start_matches("http://").trim_end_matches('/');
    let mut socket = TcpStream::connect(address)?;
    socket.set_read_timeout(Some(Duration::from_secs(10)))?;
    let login = BASE64_STANDARD.encode(format!("{}:{}", broker.user, broker.password));
    write!(
        socket,
        "DELETE {path} HTTP/1.1\r\nHost: {address}\r\nAuthorization: Basic {login}\r\nConnection: close\r\n\r\n"
    )?;
    socket.read_to_end(&mut Vec::new()).map(drop)
}
