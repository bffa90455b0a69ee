//! One Ed25519 key: read from a PEM file, named by its thumbprint, shown as a JWK.

use base64::prelude::{BASE64_URL_SAFE_NO_PAD, Engine as _};
use ed25519_dalek::pkcs8::{DecodePrivateKey as _, EncodePrivateKey as _};
use jsonwebtoken::{DecodingKey, EncodingKey};
use serde::Serialize;
use sha2::{Digest as _, Sha256};
use zeroize::Zeroizing;

use crate::peppers::KeySecret;

/// The public half: what is published and what tokens are checked with.
#[derive(Clone)]
pub struct PublicKey {
    jwk: Jwk,
    decoding: DecodingKey,
}

/// A key that signs. Never printed.
#[derive(Clone)]
pub struct SigningKey {
    public: PublicKey,
    encoding: EncodingKey,
    pepper_secret: Zeroizing<[u8; 32]>,
}

/// A public key as other services read it (RFC 8037).
#[derive(Debug, Clone, Serialize)]
pub struct Jwk {
    kty: &'static str,
    crv: &'static str,
    r#use: &'static str,
    alg: &'static str,
    kid: String,
    x: String,
}

/// The file holds no private Ed25519 key in PKCS#8 PEM. What it holds is not said.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not an Ed25519 private key in PKCS#8 PEM; make one with: openssl genpkey -algorithm ed25519")]
pub struct NoKey;

impl SigningKey {
    /// Reads PKCS#8 PEM, with or without the public half inside.
    pub fn parse(pem: &str) -> Result<Self, NoKey> {
        let key = ed25519_dalek::SigningKey::from_pkcs8_pem(pem.trim_start()).map_err(|_| NoKey)?;
        let der = key.to_pkcs8_der().map_err(|_| NoKey)?;
        let x = BASE64_URL_SAFE_NO_PAD.encode(key.verifying_key().as_bytes());
        let decoding = DecodingKey::from_ed_components(&x).map_err(|_| NoKey)?;
        let jwk = Jwk { kty: "OKP", crv: "Ed25519", r#use: "sig", alg: "EdDSA", kid: thumbprint(&x), x };
        Ok(Self {
            public: PublicKey { jwk, decoding },
            encoding: EncodingKey::from_ed_der(der.as_bytes()),
            pepper_secret: Zeroizing::new(key.to_bytes()),
        })
    }

    /// The key's id.
    #[must_use]
    pub fn kid(&self) -> &str {
        &self.public.jwk.kid
    }

    /// The public half.
    #[must_use]
    pub fn public(&self) -> &PublicKey {
        &self.public
    }

    pub(super) fn encoding(&self) -> &EncodingKey {
        &self.encoding
    }

    /// What a pepper is derived from where none is configured.
    #[must_use]
    pub fn pepper_secret(&self) -> KeySecret<'_> {
        KeySecret { kid: self.kid(), secret: &*self.pepper_secret }
    }
}

impl PublicKey {
    /// The key's id.
    #[must_use]
    pub fn kid(&self) -> &str {
        &self.jwk.kid
    }

    /// As it is published.
    #[must_use]
    pub fn jwk(&self) -> &Jwk {
        &self.jwk
    }

    pub(super) fn decoding(&self) -> &DecodingKey {
        &self.decoding
    }
}

impl std::fmt::Debug for SigningKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_tuple("SigningKey").field(&self.kid()).finish()
    }
}

impl std::fmt::Debug for PublicKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_tuple("PublicKey").field(&self.kid()).finish()
    }
}

/// SHA-256 over the members that make the key, in order (RFC 7638).
fn thumbprint(x: &str) -> String {
    let members = format!(r#"{{"crv":"Ed25519","kty":"OKP","x":"{x}"}}"#);
    BASE64_URL_SAFE_NO_PAD.encode(Sha256::digest(members))
}

#[cfg(test)]
pub(super) mod tests {
    use super::{SigningKey, thumbprint};

    /// Made with openssl genpkey; without the public half.
    pub(in crate::tokens) const KEY_A: &str = "-----BEGIN PRIVATE KEY-----\n\
        MC4CAQAwBQYDK2VwBCIEIJ1hsZ3v/VpguoRK9JLsLMREScVpezJpGXA7rAMcrn9g\n-----END PRIVATE KEY-----\n";
    pub(in crate::tokens) const KEY_B: &str = "-----BEGIN PRIVATE KEY-----\n\
        MC4CAQAwBQYDK2VwBCIEIAABAgMEBQYHCAkKCwwNDg8QERITFBUWFxgZGhscHR4f\n-----END PRIVATE KEY-----\n";

    /// Key and thumbprint of RFC 8037, appendix A.
    #[test]
    fn the_kid_is_the_thumbprint_of_the_standards_example() {
        let key = SigningKey::parse(KEY_A).unwrap();
        assert_eq!(key.kid(), "kPrK_qmxVWaYVA9wwBF6Iuo3vVzz7TxHCTwXBygrS4k");
        assert_eq!(key.kid(), thumbprint("11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"));
        let jwk = serde_json::to_value(key.public().jwk()).unwrap();
        assert_eq!(jwk["x"], "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo");
        assert_eq!((jwk["kty"].as_str(), jwk["alg"].as_str()), (Some("OKP"), Some("EdDSA")));
        assert!(jwk.get("d").is_none());
    }

    #[test]
    fn other_files_are_no_keys_and_nothing_of_them_is_said() {
        for text in ["", "secret", "-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n"] {
            let error = SigningKey::parse(text).unwrap_err().to_string();
            assert!(error.contains("openssl genpkey") && !error.contains("AAAA"), "{error}");
        }
        let key = SigningKey::parse(KEY_B).unwrap();
        assert_eq!(format!("{key:?}"), format!("SigningKey({:?})", key.kid()));
    }
}
