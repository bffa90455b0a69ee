//! How values lie in the Secrets that the operator makes for a stack.

use k8s_openapi::{ByteString, api::core::v1::Secret};
use service_kit::config::without_line_end;

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

/// A value in a Secret. An empty one is a missing one.
#[must_use]
pub fn value<'a>(secret: &'a Secret, key: &str) -> Option<&'a ByteString> {
    secret.data.as_ref()?.get(key).filter(|value| !value.0.is_empty())
}

/// A text in a Secret, without a line break at its end, as the services read it; empty where it is missing, which no server accepts as
/// a password.
#[must_use]
pub fn text(secret: &Secret, key: &str) -> String {
    let text = |value: &ByteString| without_line_end(&String::from_utf8_lossy(&value.0)).to_owned();
    value(secret, key).map(text).unwrap_or_default()
}

/// The salt in a Secret.
#[must_use]
pub fn salt(secret: &Secret, key: &str) -> [u8; 4] {
    hex::decode(text(secret, key)).ok().and_then(|bytes| bytes.try_into().ok()).unwrap_or_default()
}
