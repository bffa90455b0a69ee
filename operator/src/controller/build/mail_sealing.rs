//! The keys of sealed mails in the pods: private ones in mail-service, a public one in user-service. Both services read their
//! files again and again; a new key rolls the pods all the same, because only a rollout tells when every pod has it.

use k8s_openapi::api::core::v1::ConfigMap;
use serde_json::json;

use super::{Context, Error, connections::Connections, metadata, object, pod::env};
use crate::names::Part;

/// Where mail-service has the private keys, one in each file.
const OPEN_KEYS: &str = "/etc/ping/mail-keys";

/// Where user-service has the folder with the public key.
const SEAL_KEY: &str = "/etc/ping/mail-seal-key";

/// The name of that file, and of the value in the ConfigMap.
const SEAL_KEY_FILE: &str = "mail-seal-key";

/// The public key that user-service seals under. While sealing ends it stays for pods of an older template. It is empty where
/// there is none that mail-service is known to have.
pub(super) fn config_map(context: &Context<'_>) -> Result<Option<ConfigMap>, Error> {
    let Some(state) = &context.secrets.mail_keys.state else { return Ok(None) };
    let id = &context.stack.id;
    let key = state.published().map(|half| &*half.key).unwrap_or_default();
    object(json!({
        "metadata": metadata(id, Part::UserService, &id.mail_seal_key()),
        "data": { SEAL_KEY_FILE: key },
    }))
    .map(Some)
}

/// The private keys, for mail-service. The hash covers the newest one: an older one that is removed restarts nothing.
pub(super) fn add_open_keys(context: &Context<'_>, connections: &mut Connections) {
    let state = context.secrets.mail_keys.state.as_ref();
    let Some(newest) = state.and_then(|state| state.opens_with()) else { return };
    let secret = context.stack.id.mail_keys_secret();
    connections.volumes.push(json!({ "name": "mail-keys", "secret": { "secretName": secret } }));
    connections.mounts.push(json!({ "name": "mail-keys", "mountPath": OPEN_KEYS, "readOnly": true }));
    connections.env.push(env("MAIL_OPEN_KEYS_DIR", OPEN_KEYS));
    connections.hash = connections.hash.clone().bytes(newest);
}

/// The public key, for user-service.
pub(super) fn add_seal_key(context: &Context<'_>, connections: &mut Connections) {
    let state = context.secrets.mail_keys.state.as_ref();
    let Some(half) = state.and_then(|state| state.seals_under()) else { return };
    let config_map = context.stack.id.mail_seal_key();
    connections.volumes.push(json!({ "name": "mail-seal-key", "configMap": { "name": config_map } }));
    connections.mounts.push(json!({ "name": "mail-seal-key", "mountPath": SEAL_KEY, "readOnly": true }));
    connections.env.push(env("MAIL_SEAL_KEY_FILE", format!("{SEAL_KEY}/{SEAL_KEY_FILE}")));
    connections.hash = connections.hash.clone().bytes(&half.id);
}

#[cfg(test)]
mod tests;
