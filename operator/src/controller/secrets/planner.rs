//! One Secret: as it is, with the values that it lacks, or new.

use std::{collections::BTreeMap, sync::Arc};

use k8s_openapi::{
    ByteString,
    api::core::v1::Secret,
    apimachinery::pkg::apis::meta::v1::{ObjectMeta, OwnerReference},
};

use super::{SecretChange, mail_keys};
use crate::{
    controller::{entropy::Entropy, validate::ValidatedStack},
    names::Part,
    secret_values::value,
};

/// What a key of a Secret holds.
#[derive(Clone)]
pub(super) enum Value {
    /// 256 random bits in hex: safe in URLs, too long to guess.
    Password,
    /// 32 random bits in hex.
    Salt,
    /// An Ed25519 private key.
    SigningKey,
    /// A private key of sealed mails. What is none is replaced, since no mail can be sealed under it.
    MailKey,
    /// This very value, whatever is there.
    Copy(ByteString),
}

impl Value {
    /// A new one, from 256 random bits.
    pub(super) fn draw(self, random: [u8; 32]) -> ByteString {
        match self {
            Self::Password => ByteString(hex::encode(random).into_bytes()),
            Self::Salt => ByteString(hex::encode(&random[..4]).into_bytes()),
            Self::SigningKey => ByteString(signing_key_pem(random).into_bytes()),
            Self::MailKey => mail_keys::draw(random),
            Self::Copy(value) => value,
        }
    }

    /// Whether `secret` has it.
    fn is_in(&self, secret: &Secret, key: &str) -> bool {
        match self {
            Self::Copy(wanted) => value(secret, key) == Some(wanted),
            Self::MailKey => mail_keys::is_key(secret, key),
            Self::Password | Self::Salt | Self::SigningKey => value(secret, key).is_some(),
        }
    }
}

/// A Secret that must be there.
pub(super) struct Wanted {
    pub(super) name: String,
    pub(super) part: Part,
    pub(super) values: Vec<(String, Value)>,
    /// The annotations of a new one.
    pub(super) annotations: BTreeMap<String, String>,
    /// Whether it is deleted with the stack.
    pub(super) owned: bool,
}

impl Wanted {
    /// One that is deleted with the stack.
    pub(super) const fn new(name: String, part: Part, values: Vec<(String, Value)>) -> Self {
        Self { name, part, values, annotations: BTreeMap::new(), owned: true }
    }
}

pub(super) struct Planner<'a> {
    pub(super) stack: &'a ValidatedStack,
    entropy: &'a Entropy,
    pub(super) missing: Vec<Secret>,
    pub(super) changes: Vec<SecretChange>,
}

impl<'a> Planner<'a> {
    pub(super) const fn new(stack: &'a ValidatedStack, entropy: &'a Entropy) -> Self {
        Self { stack, entropy, missing: Vec::new(), changes: Vec::new() }
    }

    /// The Secret of this name, if it exists.
    pub(super) fn present(&self, name: &str) -> Option<&Arc<Secret>> {
        self.stack.own_secrets.get(name)
    }

    /// The Secret as it will be; what it lacks is noted.
    pub(super) fn secret(&mut self, wanted: Wanted) -> Arc<Secret> {
        match self.present(&wanted.name).cloned() {
            Some(secret) => self.completed(&secret, wanted),
            None => self.new_secret(wanted),
        }
    }

    fn completed(&mut self, secret: &Arc<Secret>, wanted: Wanted) -> Arc<Secret> {
        let mut change = SecretChange::of(secret);
        for (key, value) in wanted.values {
            if !value.is_in(secret, &key) {
                let value = self.draw(&wanted.name, &key, value);
                change.set(&key, Some(value));
            }
        }
        let owners = self.owners(wanted.owned);
        if secret.metadata.owner_references.clone().unwrap_or_default() != owners {
            change.owners = Some(owners);
        }
        if change.is_empty() {
            return Arc::clone(secret);
        }
        let completed = change.applied();
        self.changes.push(change);
        Arc::new(completed)
    }

    fn new_secret(&mut self, wanted: Wanted) -> Arc<Secret> {
        let values = wanted.values.into_iter();
        let data = values.map(|(key, value)| (key.clone(), self.draw(&wanted.name, &key, value))).collect();
        let secret = Secret {
            metadata: ObjectMeta {
                namespace: Some(self.stack.id.namespace.clone()),
                labels: Some(self.stack.id.labels(wanted.part)),
                annotations: (!wanted.annotations.is_empty()).then_some(wanted.annotations),
                owner_references: Some(self.owners(wanted.owned)).filter(|owners| !owners.is_empty()),
                name: Some(wanted.name),
                ..ObjectMeta::default()
            },
            type_: Some("Opaque".to_owned()),
            data: Some(data),
            ..Secret::default()
        };
        self.missing.push(secret.clone());
        Arc::new(secret)
    }

    fn owners(&self, owned: bool) -> Vec<OwnerReference> {
        owned.then(|| self.stack.id.owner_reference()).into_iter().collect()
    }

    fn draw(&self, secret: &str, key: &str, value: Value) -> ByteString {
        value.draw(self.entropy.bytes(&format!("{secret}/{key}")))
    }
}

/// PKCS#8 v1 (RFC 8410) of an Ed25519 private key: a fixed prefix before the 32 octets.
fn signing_key_pem(seed: [u8; 32]) -> String {
    use base64::{Engine as _, engine::general_purpose::STANDARD};
    const PREFIX: [u8; 16] =
        [0x30, 0x2e, 0x02, 0x01, 0x00, 0x30, 0x05, 0x06, 0x03, 0x2b, 0x65, 0x70, 0x04, 0x22, 0x04, 0x20];
    let der = [PREFIX.as_slice(), seed.as_slice()].concat();
    format!("-----BEGIN PRIVATE KEY-----\n{}\n-----END PRIVATE KEY-----\n", STANDARD.encode(der))
}
