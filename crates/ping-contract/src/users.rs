//! Broker users: one per role, each with the least that its work needs, and password hashes that do not change when
//! the same password is applied again.

use std::fmt;

use base64::{Engine as _, engine::general_purpose::STANDARD};
use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};

use crate::queues::{MAIL_EXCHANGE, MAIL_QUEUE, RETRY_EXCHANGE};

/// The hashing module that `RabbitMQ` reads [`PasswordHash`] with.
pub const HASHING_ALGORITHM: &str = "rabbit_password_hashing_sha256";

/// What a user is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Role {
    /// Publishes mail events.
    UserService,
    /// Consumes them, and publishes to retry tiers and parking queue.
    MailService,
    /// Reads queue depth through the management API.
    Monitor,
    /// For the original services, which declare `send-otp` themselves and publish straight to it.
    Legacy,
}

impl Role {
    pub const ALL: [Self; 4] = [Self::UserService, Self::MailService, Self::Monitor, Self::Legacy];

    /// The name in configuration and in user names.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::UserService => "user-service",
            Self::MailService => "mail-service",
            Self::Monitor => "monitor",
            Self::Legacy => "legacy",
        }
    }

    /// The user's tags: what it may do in the management API.
    #[must_use]
    pub fn tags(self) -> Vec<String> {
        match self {
            Self::Monitor => vec!["monitoring".to_owned()],
            Self::UserService | Self::MailService | Self::Legacy => Vec::new(),
        }
    }

    /// The permissions of a user of this role. `RabbitMQ` from 4.2.7 and 4.3.1 on lets a user declare passively only what it
    /// has any permission on, so a service must look at nothing else; older versions ask for no permission.
    #[must_use]
    pub fn permissions(self, user: &str) -> Permissions {
        let (configure, write, read) = match self {
            Self::UserService => (nothing(), only(&[MAIL_EXCHANGE]), nothing()),
            Self::MailService => (nothing(), only(&[RETRY_EXCHANGE]), only(&[MAIL_QUEUE])),
            // Empty, not absent: without any the management API answers 401 (seen on RabbitMQ 4.0.5).
            Self::Monitor => (nothing(), nothing(), nothing()),
            // `amq.default` is what RabbitMQ calls the default exchange in permissions.
            Self::Legacy => (only(&[MAIL_QUEUE]), only(&[MAIL_QUEUE, "amq.default"]), only(&[MAIL_QUEUE])),
        };
        Permissions { user: user.to_owned(), configure, write, read }
    }
}

/// The pattern that matches exactly these names.
fn only(names: &[&str]) -> String {
    match names {
        [name] => format!("^{}$", escaped(name)),
        names => format!("^({})$", names.iter().map(|name| escaped(name)).collect::<Vec<_>>().join("|")),
    }
}

fn escaped(name: &str) -> String {
    name.replace('.', "\\.")
}

/// The pattern that matches no object: every object has a name.
fn nothing() -> String {
    "^$".to_owned()
}

/// What a user may do on the vhost; three regular expressions over names of exchanges and queues.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Permissions {
    pub user: String,
    /// What it may create and delete.
    pub configure: String,
    /// What it may publish to and bind.
    pub write: String,
    /// What it may consume from and bind to.
    pub read: String,
}

/// A user that must exist.
#[derive(Clone, PartialEq, Eq, Serialize)]
pub struct User {
    /// Global to a broker, so an operator adds namespace and name of its stack.
    pub name: String,
    /// Decides tags and permissions.
    pub role: Role,
    /// In clear; only its hash leaves the process.
    #[serde(skip)]
    pub password: String,
    /// The salt for a new hash; an existing hash of the same password is kept with its own.
    #[serde(skip)]
    pub salt: [u8; 4],
}

impl fmt::Debug for User {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("User").field("name", &self.name).field("role", &self.role).finish_non_exhaustive()
    }
}

/// A password as `RabbitMQ` stores it: base64 of salt and SHA-256(salt ‖ password).
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct PasswordHash(String);

impl PasswordHash {
    /// The hash of `password` with `salt`.
    #[must_use]
    pub fn new(password: &str, salt: [u8; 4]) -> Self {
        let digest = Sha256::new().chain_update(salt).chain_update(password).finalize();
        Self(STANDARD.encode([salt.as_slice(), digest.as_slice()].concat()))
    }

    /// What the broker reports of a user.
    #[must_use]
    pub fn from_broker(text: impl Into<String>) -> Self {
        Self(text.into())
    }

    /// Whether it is a hash of `password`, with whatever salt it has.
    #[must_use]
    pub fn is_of(&self, password: &str) -> bool {
        self.salt().is_some_and(|salt| *self == Self::new(password, salt))
    }

    /// The base64 text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    fn salt(&self) -> Option<[u8; 4]> {
        STANDARD.decode(&self.0).ok()?.first_chunk::<4>().copied()
    }
}

impl fmt::Debug for PasswordHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("PasswordHash(…)")
    }
}

#[cfg(test)]
mod tests;
