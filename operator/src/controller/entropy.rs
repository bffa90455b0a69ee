//! New secret values for a pure planner: one random seed per reconcile, and a value per purpose derived from it.

use sha2::{Digest as _, Sha256};

/// 256 random bits. `Debug` does not print them.
#[derive(Clone)]
pub struct Entropy([u8; 32]);

impl std::fmt::Debug for Entropy {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Entropy")
    }
}

impl Entropy {
    /// From the operating system.
    #[must_use]
    pub fn random() -> Self {
        Self(rand::random())
    }

    /// A fixed seed: the same values each time.
    #[cfg(test)]
    #[must_use]
    pub const fn fixed(seed: [u8; 32]) -> Self {
        Self(seed)
    }

    /// 256 bits for `purpose`, unrelated to those for any other.
    #[must_use]
    pub fn bytes(&self, purpose: &str) -> [u8; 32] {
        Sha256::new().chain_update(self.0).chain_update(purpose).finalize().into()
    }
}
