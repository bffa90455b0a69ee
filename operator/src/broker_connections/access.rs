//! Where a broker's management API is, and as whom it is used.

use crate::names::StackId;

/// The vhost of a managed broker.
pub const MANAGED_VHOST: &str = "ping";

/// All that a stack's status says of an external broker that cannot be used. Whoever may write a PingStack chooses the address,
/// and must not learn from the operator what is there.
pub const EXTERNAL_UNUSABLE: &str = "the external broker's management API cannot be used: check managementUrl (host and port \
     only, and a host that the operator may connect to), and the user name and password in the Secret of adminSecretRef; the \
     operator's log says more";

/// Whose brokers they are.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Owner {
    /// The stack's: their addresses are the operator's own work.
    Stack,
    /// Somebody else's: whoever may write a PingStack chose the address.
    Other,
}

/// The management API of a broker, and whom it lets in.
#[derive(Clone, PartialEq, Eq)]
pub struct BrokerAccess {
    /// Whose broker it is.
    pub owner: Owner,
    /// `http(s)://host:port`.
    pub url: String,
    /// The administrator.
    pub username: String,
    /// Its password.
    pub password: String,
    /// PEM of the authority that signed its certificate; `None` means the public ones.
    pub ca: Option<Vec<u8>>,
}

impl std::fmt::Debug for BrokerAccess {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("BrokerAccess").field("url", &self.url).finish_non_exhaustive()
    }
}

/// The management API of one of a stack's own brokers.
#[must_use]
pub fn managed_url(id: &StackId, ordinal: i32) -> String {
    format!("http://{}.svc:15672", id.broker_host(ordinal))
}
