//! Folders of signing keys.

use std::path::Path;

use ed25519_dalek::{
    SigningKey,
    pkcs8::{EncodePrivateKey as _, spki::der::pem::LineEnding},
};
use tempfile::TempDir;

/// A folder with one key.
pub fn key_folder() -> TempDir {
    let folder = TempDir::new().unwrap();
    add_key(folder.path(), "a.pem", 1);
    folder
}

/// Adds the key that follows from `seed`.
pub fn add_key(folder: &Path, name: &str, seed: u8) {
    let pem = SigningKey::from_bytes(&[seed; 32]).to_pkcs8_pem(LineEnding::default()).unwrap();
    std::fs::write(folder.join(name), pem.as_bytes()).unwrap();
}
