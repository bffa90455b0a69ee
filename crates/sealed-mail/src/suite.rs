//! The algorithms, and the label that keeps their keys apart from those of other programs.

/// The key encapsulation of HPKE.
pub(crate) type Kem = hpke::kem::X25519HkdfSha256;

/// The key derivation of HPKE.
pub(crate) type Kdf = hpke::kdf::HkdfSha256;

/// HPKE agrees on a key, and encrypts nothing itself.
pub(crate) type Aead = hpke::aead::ExportOnlyAead;

/// What both sides of HPKE must agree on besides the keys, and the first part of the associated data of each event.
pub(crate) const LABEL: &[u8] = b"ping/mail/2";
