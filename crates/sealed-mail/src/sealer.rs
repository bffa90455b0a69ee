//! Sealing, in user-service.

use hpke::{OpModeS, Serializable as _, rand_core::CryptoRng};
use ring::aead::{Aad, CHACHA20_POLY1305, LessSafeKey, Nonce, UnboundKey};
use zeroize::Zeroizing;

use crate::{
    contents::{Binding, Contents},
    event::SealedEvent,
    keys::PublicKey,
    suite::{Aead, Kdf, Kem, LABEL},
};

/// Seals events to one public key. It is to be renewed once a minute: what is learned from the memory of one then opens the
/// events of that minute alone, and random nonces stay far from the 2^32 that one key allows.
pub struct Sealer {
    key_id: String,
    encapsulated: [u8; 32],
    key: LessSafeKey,
}

/// Why nothing was sealed. There is no way to be told more: the libraries say that something failed, and no more.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum SealError {
    #[error("no key could be agreed on with the public key: generate another pair")]
    Agreement,
    #[error("the event could not be encrypted")]
    Encryption,
}

impl Sealer {
    /// Agrees on a new key with the owner of `public`, who learns it from each event.
    pub fn new(public: &PublicKey, random: &mut impl CryptoRng) -> Result<Self, SealError> {
        let (encapsulated, context) =
            hpke::setup_sender_with_rng::<Aead, Kdf, Kem>(&OpModeS::Base, &public.key, LABEL, random)
                .map_err(|_| SealError::Agreement)?;
        let mut key = Zeroizing::new([0; 32]);
        context.export(LABEL, key.as_mut_slice()).map_err(|_| SealError::Agreement)?;
        Ok(Self {
            key_id: public.id().as_str().to_owned(),
            encapsulated: encapsulated.to_bytes().into(),
            key: aead_key(&key).ok_or(SealError::Agreement)?,
        })
    }

    /// The event as it goes over the wire. `nonce` is random (the caller's: this crate has no generator).
    pub fn seal(
        &self,
        binding: Binding<'_>,
        contents: &Contents,
        nonce: [u8; 12],
    ) -> Result<Vec<u8>, SealError> {
        let mut text = contents.to_plaintext();
        let associated = Aad::from(binding.associated_data());
        let unique = Nonce::assume_unique_for_key(nonce);
        self.key
            .seal_in_place_append_tag(unique, associated, &mut text)
            .map_err(|_| SealError::Encryption)?;
        let event = SealedEvent {
            id: binding.id.clone(),
            purpose: binding.purpose.to_owned(),
            key_id: self.key_id.clone(),
            encapsulated: self.encapsulated,
            nonce,
            ciphertext: text,
        };
        Ok(event.to_json())
    }
}

impl std::fmt::Debug for Sealer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Sealer({})", self.key_id)
    }
}

/// The cipher of events, under a key of 32 octets.
pub(crate) fn aead_key(octets: &[u8; 32]) -> Option<LessSafeKey> {
    UnboundKey::new(&CHACHA20_POLY1305, octets).ok().map(LessSafeKey::new)
}
