//! Pairs of keys, and how they are written into files and Secrets.

use std::fmt;

use base64::{Engine as _, engine::general_purpose::STANDARD};
use hpke::{Deserializable as _, Kem as _, Serializable as _};
use sha2::{Digest as _, Sha256};
use zeroize::Zeroizing;

use crate::suite::Kem;

/// A key that opens events: 32 octets (X25519), in base64. `Debug` shows the id alone.
#[derive(Clone)]
pub struct PrivateKey {
    octets: Zeroizing<[u8; 32]>,
    pub(crate) key: <Kem as hpke::Kem>::PrivateKey,
}

/// The half that seals: 32 octets (X25519), in base64. It opens nothing.
#[derive(Clone)]
pub struct PublicKey {
    octets: [u8; 32],
    pub(crate) key: <Kem as hpke::Kem>::PublicKey,
}

/// Names a pair of keys in events, logs and metrics: the first eight octets of the public key's SHA-256, as 16 hex digits.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct KeyId(String);

/// Why a text is no key. It never holds the text.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum KeyError {
    #[error("the key is not 32 octets in base64, as `openssl rand -base64 32` prints a private one")]
    Form,
    #[error("the 32 octets are not an X25519 key")]
    Value,
}

impl PrivateKey {
    /// The key made of 32 random octets (the caller's: this crate has no generator).
    pub fn from_random(octets: [u8; 32]) -> Result<Self, KeyError> {
        let octets = Zeroizing::new(octets);
        let key =
            <Kem as hpke::Kem>::PrivateKey::from_bytes(octets.as_slice()).map_err(|_| KeyError::Value)?;
        Ok(Self { octets, key })
    }

    /// Reads what [`Self::to_base64`] writes; white space around it is ignored.
    pub fn from_base64(text: &str) -> Result<Self, KeyError> {
        Self::from_random(*octets(text)?)
    }

    /// For a file or a Secret.
    #[must_use]
    pub fn to_base64(&self) -> Zeroizing<String> {
        Zeroizing::new(STANDARD.encode(self.octets.as_slice()))
    }

    /// The half that user-service gets.
    #[must_use]
    pub fn public_key(&self) -> PublicKey {
        let key = Kem::sk_to_pk(&self.key);
        PublicKey { octets: key.to_bytes().into(), key }
    }
}

impl PublicKey {
    /// Reads what [`Self::to_base64`] writes; white space around it is ignored.
    pub fn from_base64(text: &str) -> Result<Self, KeyError> {
        let octets = octets(text)?;
        let key =
            <Kem as hpke::Kem>::PublicKey::from_bytes(octets.as_slice()).map_err(|_| KeyError::Value)?;
        Ok(Self { octets: *octets, key })
    }

    /// For a file or a `ConfigMap`.
    #[must_use]
    pub fn to_base64(&self) -> String {
        STANDARD.encode(self.octets)
    }

    /// Its name.
    #[must_use]
    pub fn id(&self) -> KeyId {
        let digest = Sha256::digest(self.octets);
        KeyId(hex::encode(&digest[..8]))
    }
}

impl KeyId {
    /// The 16 digits.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for KeyId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Debug for PrivateKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "PrivateKey({})", self.public_key().id())
    }
}

impl fmt::Debug for PublicKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "PublicKey({})", self.id())
    }
}

impl PartialEq for PublicKey {
    fn eq(&self, other: &Self) -> bool {
        self.octets == other.octets
    }
}

impl Eq for PublicKey {}

fn octets(text: &str) -> Result<Zeroizing<[u8; 32]>, KeyError> {
    let mut octets = Zeroizing::new([0; 32]);
    let read = Zeroizing::new(STANDARD.decode(text.trim()).map_err(|_| KeyError::Form)?);
    if read.len() != octets.len() {
        return Err(KeyError::Form);
    }
    octets.copy_from_slice(&read);
    Ok(octets)
}

#[cfg(test)]
mod tests {
    use super::{KeyError, PrivateKey, PublicKey};

    #[test]
    fn keys_are_read_as_they_are_written() {
        let private = PrivateKey::from_random([7; 32]).unwrap();
        let read = PrivateKey::from_base64(&format!(" {}\n", *private.to_base64())).unwrap();
        assert_eq!(read.public_key(), private.public_key());
        let public = PublicKey::from_base64(&private.public_key().to_base64()).unwrap();
        assert_eq!(public, private.public_key());
        assert_eq!(public.id().as_str().len(), 16);
        assert_ne!(public.id(), PrivateKey::from_random([8; 32]).unwrap().public_key().id());
    }

    #[test]
    fn a_text_that_is_no_key_is_refused_without_repeating_it() {
        for text in ["", "482931", "AAAA", &"A".repeat(45), "not base64 at all, but of about the right size"]
        {
            let error = PrivateKey::from_base64(text).unwrap_err();
            assert_eq!(error, KeyError::Form, "{text}");
            assert!(text.is_empty() || !error.to_string().contains(text));
            assert_eq!(PublicKey::from_base64(text).unwrap_err(), KeyError::Form);
        }
    }

    #[test]
    fn a_private_key_is_not_printed() {
        let key = PrivateKey::from_random([7; 32]).unwrap();
        assert_eq!(format!("{key:?}"), format!("PrivateKey({})", key.public_key().id()));
    }
}
