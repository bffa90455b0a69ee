//! The stack's own Secrets, pure: which exist, which must be made, and which generation of broker users is in use.
//!
//! A Secret is created once and never applied over: applying without its data would empty it. Deleting one is how a
//! person asks for new values.

use std::{collections::BTreeMap, sync::Arc};

use k8s_openapi::{ByteString, api::core::v1::Secret, apimachinery::pkg::apis::meta::v1::ObjectMeta};
use kube::ResourceExt as _;
use ping_contract::{redis_users, users::Role};

use crate::{
    controller::{
        entropy::Entropy,
        validate::{BrokerTarget, RedisTarget, ValidatedStack},
    },
    names::{Part, ROTATION_ANNOTATION, Slot},
};

/// The Redis users, each with a password in the Secret.
pub const REDIS_USERS: [&str; 3] = [redis_users::USER_SERVICE, redis_users::MAIL_SERVICE, redis_users::PROBE];

/// The broker roles that a stack has users for.
pub const BROKER_ROLES: [Role; 3] = [Role::UserService, Role::MailService, Role::Monitor];

/// The administrator of a managed broker.
pub const BROKER_ADMIN: &str = "ping-operator";

/// The stack's own Secrets, as they will be.
#[derive(Debug, Clone)]
pub struct StackSecrets {
    /// Redis' passwords, if Redis is managed.
    pub redis: Option<Arc<Secret>>,
    /// Administrator and cookie, if the broker is managed.
    pub broker: Option<Arc<Secret>>,
    /// The broker users in use.
    pub broker_users: BrokerUsers,
    /// The broker users of the rotation before, which some pod may still use.
    pub retiring: Option<BrokerUsers>,
    /// Signing key and peppers.
    pub user_service: Arc<Secret>,
    /// Those of the above that do not exist yet.
    pub missing: Vec<Secret>,
}

/// One generation of broker users.
#[derive(Debug, Clone)]
pub struct BrokerUsers {
    /// Which.
    pub slot: Slot,
    /// Their passwords.
    pub secret: Arc<Secret>,
}

/// Works out the stack's own Secrets; new values come from `entropy`.
#[must_use]
pub fn plan(stack: &ValidatedStack, entropy: &Entropy) -> StackSecrets {
    let mut planner = Planner { stack, entropy, missing: Vec::new() };
    let redis = matches!(stack.redis, RedisTarget::Managed(_)).then(|| {
        let keys = REDIS_USERS.into_iter().map(|user| (password_key(user), Value::Password));
        planner.secret(stack.id.part(Part::Redis), Part::Redis, keys)
    });
    let broker = matches!(stack.broker, BrokerTarget::Managed(_)).then(|| {
        let keys = [("password", Value::Password), ("salt", Value::Salt), ("erlang-cookie", Value::Password)];
        let keys = keys.into_iter().map(|(key, value)| (key.to_owned(), value));
        planner.secret(stack.id.part(Part::RabbitMq), Part::RabbitMq, keys)
    });
    let keys = [
        ("signing-key.pem", Value::SigningKey),
        ("otp-pepper", Value::Password),
        ("user-id-secret", Value::Password),
    ];
    let keys = keys.into_iter().map(|(key, value)| (key.to_owned(), value));
    let user_service = planner.secret(stack.id.part(Part::UserService), Part::UserService, keys);
    let (broker_users, retiring) = planner.broker_users();
    StackSecrets { redis, broker, broker_users, retiring, user_service, missing: planner.missing }
}

/// The key of a user's password.
#[must_use]
pub fn password_key(user: &str) -> String {
    format!("{user}-password")
}

/// The key of the salt of a broker user's hash.
#[must_use]
pub fn salt_key(user: &str) -> String {
    format!("{user}-salt")
}

/// A text in a Secret; empty where it is missing, which no server accepts as a password.
#[must_use]
pub fn text(secret: &Secret, key: &str) -> String {
    let value = secret.data.as_ref().and_then(|data| data.get(key));
    value.map(|value| String::from_utf8_lossy(&value.0).into_owned()).unwrap_or_default()
}

/// The salt in a Secret.
#[must_use]
pub fn salt(secret: &Secret, key: &str) -> [u8; 4] {
    hex::decode(text(secret, key)).ok().and_then(|bytes| bytes.try_into().ok()).unwrap_or_default()
}

/// What a key of a new Secret holds.
#[derive(Debug, Clone, Copy)]
enum Value {
    /// 256 random bits in hex: safe in URLs, too long to guess.
    Password,
    /// 32 random bits in hex.
    Salt,
    /// A new Ed25519 private key.
    SigningKey,
}

struct Planner<'a> {
    stack: &'a ValidatedStack,
    entropy: &'a Entropy,
    missing: Vec<Secret>,
}

impl Planner<'_> {
    fn secret(
        &mut self,
        name: String,
        part: Part,
        keys: impl Iterator<Item = (String, Value)> + Clone,
    ) -> Arc<Secret> {
        let complete = |secret: &&Arc<Secret>| keys.clone().all(|(key, _)| !text(secret, &key).is_empty());
        if let Some(secret) = self.stack.own_secrets.get(&name).filter(complete) {
            return Arc::clone(secret);
        }
        let data =
            keys.map(|(key, value)| (key.clone(), self.value(&format!("{name}/{key}"), value))).collect();
        let secret = Secret {
            metadata: ObjectMeta {
                namespace: Some(self.stack.id.namespace.clone()),
                labels: Some(self.stack.id.labels(part)),
                owner_references: Some(vec![self.stack.id.owner_reference()]),
                name: Some(name),
                ..ObjectMeta::default()
            },
            type_: Some("Opaque".to_owned()),
            data: Some(data),
            ..Secret::default()
        };
        self.missing.push(secret.clone());
        Arc::new(secret)
    }

    fn value(&self, purpose: &str, value: Value) -> ByteString {
        let random = self.entropy.bytes(purpose);
        ByteString(match value {
            Value::Password => hex::encode(random).into_bytes(),
            Value::Salt => hex::encode(&random[..4]).into_bytes(),
            Value::SigningKey => signing_key_pem(random).into_bytes(),
        })
    }

    /// The generation in use, and the one before, which some pod may still use.
    fn broker_users(&mut self) -> (BrokerUsers, Option<BrokerUsers>) {
        let existing = Slot::ALL.map(|slot| self.existing(slot));
        let [a, b] = &existing;
        let made_for = |users: &BrokerUsers| users.secret.annotations().get(ROTATION_ANNOTATION).cloned();
        let wanted = |users: &&BrokerUsers| made_for(users).unwrap_or_default() == self.stack.rotation;
        let slot = match existing.iter().flatten().find(wanted) {
            Some(users) => users.slot,
            None => match (a, b) {
                (None, None) => Slot::A,
                (Some(only), None) | (None, Some(only)) => only.slot.other(),
                // A rotation asked for in the middle of another waits for that to end.
                (Some(a), Some(b)) if newer(&a.secret, &b.secret) => Slot::A,
                (Some(_), Some(_)) => Slot::B,
            },
        };
        let old = existing.into_iter().flatten().find(|users| users.slot != slot);
        (BrokerUsers { slot, secret: self.users_secret(slot) }, old)
    }

    fn existing(&self, slot: Slot) -> Option<BrokerUsers> {
        let secret = self.stack.own_secrets.get(&self.stack.id.broker_users_secret(slot))?;
        Some(BrokerUsers { slot, secret: Arc::clone(secret) })
    }

    fn users_secret(&mut self, slot: Slot) -> Arc<Secret> {
        let roles = BROKER_ROLES.into_iter().map(Role::name);
        let keys =
            roles.flat_map(|role| [(password_key(role), Value::Password), (salt_key(role), Value::Salt)]);
        let before = self.missing.len();
        let secret = self.secret(self.stack.id.broker_users_secret(slot), Part::RabbitMq, keys);
        let Some(new) = self.missing.get_mut(before) else { return secret };
        let rotation = (ROTATION_ANNOTATION.to_owned(), self.stack.rotation.clone());
        new.metadata.annotations = Some(BTreeMap::from([rotation]));
        Arc::new(new.clone())
    }
}

fn newer(a: &Secret, b: &Secret) -> bool {
    a.metadata.creation_timestamp > b.metadata.creation_timestamp
}

/// PKCS#8 v1 (RFC 8410) of an Ed25519 private key: a fixed prefix before the 32 octets.
fn signing_key_pem(seed: [u8; 32]) -> String {
    use base64::{Engine as _, engine::general_purpose::STANDARD};
    const PREFIX: [u8; 16] =
        [0x30, 0x2e, 0x02, 0x01, 0x00, 0x30, 0x05, 0x06, 0x03, 0x2b, 0x65, 0x70, 0x04, 0x22, 0x04, 0x20];
    let der = [PREFIX.as_slice(), seed.as_slice()].concat();
    format!("-----BEGIN PRIVATE KEY-----\n{}\n-----END PRIVATE KEY-----\n", STANDARD.encode(der))
}

#[cfg(test)]
mod tests;
