//! Mail events that mail-service alone can read.
//!
//! An event of version 1 holds the code in clear, so whoever reads the queue or the brokers' disks can sign in. An event of
//! version 2 holds it sealed to a public key of mail-service: user-service, which has no other half, cannot read it either.
//!
//! ```json
//! {"v":2,"id":"<32 hex digits>","purpose":"sign-in","sealed":{"k":"<key id>","e":"<32 octets>","n":"<12 octets>","c":"<ciphertext>"}}
//! ```
//!
//! `e`, `n` and `c` are base64. HPKE in base mode (RFC 9180: X25519, HKDF-SHA256, export only) agrees on a key, once for many
//! events since it costs 100 µs; ChaCha20-Poly1305 seals each event under that key, with a nonce of its own. The id, the
//! purpose and the moment at which the code expires are authenticated too, so that nothing sealed can be moved to another event.
//!
//! - [`Sealer`] seals, [`Opener`] opens; [`Contents`] is what is sealed, [`Binding`] what it is bound to.
//! - [`PrivateKey`] and [`PublicKey`]: a pair of keys, and how it is written down.

mod contents;
mod event;
mod keys;
mod opener;
mod sealer;
mod suite;

pub use contents::{Binding, Contents};
pub use event::{SEALED_VERSION, SealedEvent};
pub use keys::{KeyError, KeyId, PrivateKey, PublicKey};
pub use opener::{OpenError, Opener};
pub use sealer::{SealError, Sealer};

#[cfg(test)]
mod tests;
