//! The operator's secrets for pulling images, as one: a stack's pods can use those of their own namespace only.

use k8s_openapi::{ByteString, api::core::v1::Secret};
use serde_json::{Map, Value, json};

/// The key of a Secret of the type `kubernetes.io/dockerconfigjson`.
pub const KEY: &str = ".dockerconfigjson";

/// The key of a Secret of the older type `kubernetes.io/dockercfg`.
const OLD_KEY: &str = ".dockercfg";

/// Credentials by the registry that they are for.
#[derive(Debug, Default)]
pub struct Registries(Map<String, Value>);

impl Registries {
    /// Adds those of a Secret. Of two for one registry the first is used.
    pub fn add(&mut self, secret: &Secret) {
        let read = |key: &str| {
            let bytes = secret.data.as_ref()?.get(key)?;
            serde_json::from_slice::<Value>(&bytes.0).ok()
        };
        let found = read(KEY).map(|mut config| config["auths"].take()).or_else(|| read(OLD_KEY));
        let Some(Value::Object(found)) = found else {
            tracing::warn!(
                secret = secret.metadata.name,
                "a secret for pulling images holds no credentials of registries"
            );
            return;
        };
        for (registry, credentials) in found {
            self.0.entry(registry).or_insert(credentials);
        }
    }

    /// The value of [`KEY`].
    #[must_use]
    pub fn into_config(self) -> ByteString {
        ByteString(json!({ "auths": self.0 }).to_string().into_bytes())
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::{KEY, OLD_KEY, Registries};
    use crate::fixtures::secret;

    #[test]
    fn all_secrets_become_one_and_the_first_of_a_registry_is_used() {
        let mut registries = Registries::default();
        for (key, config) in [
            (KEY, json!({ "auths": { "one": { "auth": "1" }, "two": { "auth": "2" } } })),
            (OLD_KEY, json!({ "two": { "auth": "other" }, "three": { "auth": "3" } })),
            ("password", json!("no registry")),
        ] {
            registries.add(&secret("registry", &[(key, &config.to_string())]));
        }
        let config: Value = serde_json::from_slice(&registries.into_config().0).unwrap();
        let expected = json!({ "one": { "auth": "1" }, "two": { "auth": "2" }, "three": { "auth": "3" } });
        assert_eq!(config, json!({ "auths": expected }));
        assert_eq!(Registries::default().into_config().0, br#"{"auths":{}}"#);
    }
}
