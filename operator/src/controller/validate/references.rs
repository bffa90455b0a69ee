//! What a spec points at.

use pingstack_crd::PingStackSpec;

use super::Error;
use crate::{conditions::ConditionType, controller::dereference::References, secret_values::value};

/// The field of the spec that names what users' ids follow from.
pub(super) const USER_ID_FIELD: &str = "users.idSecretRef";

const MONGO_FIELD: &str = "users.mongoUriSecretRef";
const REDIS_FIELD: &str = "redis.external.urlSecretRef";

/// A key of a Secret that a field of the spec points at.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reference {
    field: &'static str,
    /// The Secret's name.
    pub secret: String,
    /// The key in it.
    pub key: String,
}

impl Reference {
    pub(super) fn new(field: &'static str, secret: &str, key: &str) -> Self {
        Self { field, secret: secret.to_owned(), key: key.to_owned() }
    }

    /// Whether it is a user, a password or a URL, of which a line break at the end is no part. Of a key it is.
    pub(super) fn is_credential(&self) -> bool {
        self.condition().is_some()
    }

    /// The condition of whoever signs in with it; `None` for a key or a certificate.
    #[must_use]
    pub fn condition(&self) -> Option<ConditionType> {
        match self.field {
            "smtp.credentialsSecretRef" => Some(ConditionType::MailServiceReady),
            "rabbitmq.external.adminSecretRef" => Some(ConditionType::TopologyReady),
            MONGO_FIELD => Some(ConditionType::UserServiceReady),
            REDIS_FIELD => Some(ConditionType::RedisReady),
            _ => None,
        }
    }
}

/// Every key that the spec points at.
#[must_use]
pub fn referenced_keys(spec: &PingStackSpec) -> Vec<Reference> {
    let mut keys = Vec::new();
    let mut add = |field, secret: &str, key: &str| keys.push(Reference::new(field, secret, key));
    if let Some(smtp) = &spec.smtp.credentials_secret_ref {
        add("smtp.credentialsSecretRef", &smtp.name, "EMAIL_USER");
        add("smtp.credentialsSecretRef", &smtp.name, "EMAIL_PASSWORD");
    }
    if let Some(external) = &spec.rabbitmq.external {
        add("rabbitmq.external.adminSecretRef", &external.admin_secret_ref.name, "username");
        add("rabbitmq.external.adminSecretRef", &external.admin_secret_ref.name, "password");
    }
    let redis = spec.redis.external.as_ref();
    let tls = spec.rabbitmq.external.as_ref().and_then(|external| external.tls.as_ref());
    let single = [
        ("tokens.signingKeySecretRef", spec.tokens.signing_key_secret_ref.as_ref()),
        ("tokens.jwtSecretRef", spec.tokens.jwt_secret_ref.as_ref()),
        ("smtp.caSecretRef", spec.smtp.ca_secret_ref.as_ref()),
        (MONGO_FIELD, spec.users.mongo_uri_secret_ref.as_ref()),
        (USER_ID_FIELD, spec.users.id_secret_ref.as_ref()),
        (REDIS_FIELD, redis.map(|redis| &redis.url_secret_ref)),
        ("redis.external.caSecretRef", redis.and_then(|redis| redis.ca_secret_ref.as_ref())),
        ("rabbitmq.external.tls.caSecretRef", tls.and_then(|tls| tls.ca_secret_ref.as_ref())),
    ];
    for (field, reference) in single {
        if let Some(reference) = reference {
            add(field, &reference.name, &reference.key);
        }
    }
    keys
}

impl References {
    /// The value of a key that the spec points at.
    pub fn value(&self, reference: &Reference) -> Result<&[u8], Error> {
        let field = reference.field;
        let secret = reference.secret.clone();
        let Some(Some(found)) = self.secrets.get(&secret) else {
            return Err(Error::SecretMissing { field, secret });
        };
        value(found, &reference.key).map(|value| value.0.as_slice()).ok_or(Error::KeyMissing {
            field,
            secret,
            key: reference.key.clone(),
        })
    }
}
