//! Opening, in mail-service.

use std::{
    collections::{HashMap, VecDeque},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use hpke::{Deserializable as _, OpModeR};
use ring::aead::{Aad, LessSafeKey, Nonce};
use zeroize::Zeroizing;

use crate::{
    contents::{Binding, Contents},
    event::SealedEvent,
    keys::PrivateKey,
    sealer::aead_key,
    suite::{Aead, Kdf, Kem, LABEL},
};

/// How many agreed keys are kept: agreeing costs 90 µs, opening less than one. Ten pods of user-service make one a minute each,
/// and a code lives for five to ten minutes.
const KEPT: usize = 256;

/// Opens events with any of its keys.
pub struct Opener {
    keys: HashMap<String, PrivateKey>,
    agreed: Mutex<Agreed>,
}

/// The keys agreed on, by what the events carry of them; the oldest leaves first.
#[derive(Default)]
struct Agreed {
    keys: HashMap<[u8; 32], Arc<LessSafeKey>>,
    order: VecDeque<[u8; 32]>,
}

/// Why an event was not opened. It never holds what was read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum OpenError {
    /// It may come later: keys of a rotation reach pods one after the other.
    #[error("the event is sealed with a key that is not here: see MAIL_OPEN_KEYS_DIR")]
    UnknownKey,
    /// The contents were changed, or moved from another event.
    #[error("the event was changed after it was sealed")]
    Tampered,
    /// Authentic, and of a form that a later release may know.
    #[error("the sealed contents have a form that this release does not know")]
    Contents,
}

impl Opener {
    /// With these keys, in any order.
    #[must_use]
    pub fn new(keys: impl IntoIterator<Item = PrivateKey>) -> Self {
        let keys = keys.into_iter().map(|key| (key.public_key().id().as_str().to_owned(), key)).collect();
        Self { keys, agreed: Mutex::default() }
    }

    /// Opens an event whose message says that its code expires at this time, in milliseconds since the Unix epoch.
    pub fn open(&self, event: &SealedEvent, expires_at_ms: i64) -> Result<Contents, OpenError> {
        let private = self.keys.get(&event.key_id).ok_or(OpenError::UnknownKey)?;
        let known = self.agreed().keys.get(&event.encapsulated).cloned();
        let key = match &known {
            Some(key) => Arc::clone(key),
            None => Arc::new(agree(private, &event.encapsulated).ok_or(OpenError::Tampered)?),
        };
        let binding = Binding { id: &event.id, purpose: &event.purpose, expires_at_ms };
        let mut text = Zeroizing::new(event.ciphertext.clone());
        let length = key
            .open_in_place(
                Nonce::assume_unique_for_key(event.nonce),
                Aad::from(binding.associated_data()),
                &mut text,
            )
            .map_err(|_| OpenError::Tampered)?
            .len();
        text.truncate(length);
        // Only what an authentic event carries is worth keeping.
        if known.is_none() {
            self.agreed().keep(event.encapsulated, key);
        }
        Contents::from_plaintext(&text).ok_or(OpenError::Contents)
    }

    fn agreed(&self) -> MutexGuard<'_, Agreed> {
        self.agreed.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl std::fmt::Debug for Opener {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_list().entries(self.keys.keys()).finish()
    }
}

impl Agreed {
    fn keep(&mut self, encapsulated: [u8; 32], key: Arc<LessSafeKey>) {
        if self.keys.insert(encapsulated, key).is_none() {
            self.order.push_back(encapsulated);
        }
        if self.order.len() > KEPT
            && let Some(oldest) = self.order.pop_front()
        {
            self.keys.remove(&oldest);
        }
    }
}

/// The key that the sender agreed on with the owner of `private`.
fn agree(private: &PrivateKey, encapsulated: &[u8; 32]) -> Option<LessSafeKey> {
    let encapsulated = <Kem as hpke::Kem>::EncappedKey::from_bytes(encapsulated).ok()?;
    let context =
        hpke::setup_receiver::<Aead, Kdf, Kem>(&OpModeR::Base, &private.key, &encapsulated, LABEL).ok()?;
    let mut key = Zeroizing::new([0; 32]);
    context.export(LABEL, key.as_mut_slice()).ok()?;
    aead_key(&key)
}

#[cfg(test)]
impl Opener {
    /// How many agreed keys are kept now.
    pub(crate) fn kept(&self) -> usize {
        self.agreed().keys.len()
    }
}
