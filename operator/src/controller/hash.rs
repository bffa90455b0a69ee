//! A hash of what a pod's processes read at start: when it changes, the pods are rolled.

use std::collections::BTreeMap;

use k8s_openapi::api::core::v1::Secret;
use sha2::{Digest as _, Sha256};

/// Adds up content; every piece is framed by its length, so that no two contents look alike.
#[derive(Debug, Clone, Default)]
pub struct ContentHash(Sha256);

impl ContentHash {
    /// Adds a text or bytes.
    #[must_use]
    pub fn bytes(mut self, bytes: impl AsRef<[u8]>) -> Self {
        let bytes = bytes.as_ref();
        self.0.update(u64::try_from(bytes.len()).unwrap_or(u64::MAX).to_le_bytes());
        self.0.update(bytes);
        self
    }

    /// Adds keys and values of a Secret.
    #[must_use]
    pub fn secret(self, secret: &Secret) -> Self {
        let data = secret.data.iter().flatten();
        data.fold(self, |hash, (key, value)| hash.bytes(key).bytes(&value.0))
    }

    /// Adds names and texts.
    #[must_use]
    pub fn texts(self, texts: &BTreeMap<String, String>) -> Self {
        texts.iter().fold(self, |hash, (key, value)| hash.bytes(key).bytes(value))
    }

    /// The first 16 hex digits of the SHA-256.
    #[must_use]
    pub fn finish(self) -> String {
        let digest = self.0.finalize();
        hex::encode(&digest[..8])
    }
}

#[cfg(test)]
mod tests {
    use super::ContentHash;

    #[test]
    fn where_one_piece_ends_and_the_next_begins_matters() {
        let joined = ContentHash::default().bytes("ab").bytes("c").finish();
        assert_ne!(joined, ContentHash::default().bytes("a").bytes("bc").finish());
        assert_eq!(joined, ContentHash::default().bytes("ab").bytes("c").finish());
        assert_eq!(joined.len(), 16);
    }
}
