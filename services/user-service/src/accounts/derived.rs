//! People without a directory: the id follows from the address, so that it is the same at every sign-in.

use futures::future::{BoxFuture, FutureExt as _, ready};
use hmac::{Hmac, KeyInit as _, Mac as _};
use ping_contract::address::EmailAddress;
use sha2::Sha256;

use super::{Accounts, AccountsError, User};

/// Octets of an id: as many as a MongoDB `ObjectId` has, so that a later directory keeps the ids.
const ID_OCTETS: usize = 12;

/// Makes ids by an HMAC: without the key nobody can tell whose id it is.
#[derive(Clone)]
pub struct DerivedAccounts(Hmac<Sha256>);

impl DerivedAccounts {
    /// Ids under this key.
    #[must_use]
    pub fn new(key: &[u8; 32]) -> Self {
        Self(Hmac::new(&(*key).into_block()))
    }

    /// The id of the person with this address.
    #[must_use]
    pub fn id(&self, address: &EmailAddress) -> String {
        let mut mac = self.0.clone();
        mac.update(address.as_str().as_bytes());
        hex::encode(&mac.finalize().into_bytes()[..ID_OCTETS])
    }

    fn user(&self, address: &EmailAddress) -> User {
        User::new(self.id(address), address.local_part(), address.as_str())
    }
}

impl std::fmt::Debug for DerivedAccounts {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("DerivedAccounts")
    }
}

impl Accounts for DerivedAccounts {
    fn find_or_make<'a>(
        &'a self,
        address: &'a EmailAddress,
        _written: &'a str,
    ) -> BoxFuture<'a, Result<User, AccountsError>> {
        ready(Ok(self.user(address))).boxed()
    }
}

/// HMAC's block of SHA-256: 64 octets, a shorter key is padded with zeros (RFC 2104).
trait IntoBlock {
    fn into_block(self) -> hmac::digest::Key<Hmac<Sha256>>;
}

impl IntoBlock for [u8; 32] {
    fn into_block(self) -> hmac::digest::Key<Hmac<Sha256>> {
        let mut block = hmac::digest::Key::<Hmac<Sha256>>::default();
        block[..32].copy_from_slice(&self);
        block
    }
}

#[cfg(test)]
mod tests {
    use ping_contract::address::EmailAddress;

    use super::DerivedAccounts;

    #[test]
    fn an_id_is_24_hex_digits_that_follow_from_key_and_address() {
        let user = |key: u8, address: &str| {
            DerivedAccounts::new(&[key; 32]).user(&EmailAddress::parse(address).unwrap())
        };
        let ada = user(1, "Ada@Example.org");
        assert_eq!(ada, user(1, "ada@example.org"));
        assert_eq!((ada.name.as_str(), ada.email.as_str()), ("ada", "ada@example.org"));
        assert!(ada.id.len() == 24 && ada.id.bytes().all(|b| b.is_ascii_hexdigit()), "{}", ada.id);
        assert_ne!(ada.id, user(2, "ada@example.org").id);
        assert_ne!(ada.id, user(1, "eve@example.org").id);
    }

    #[test]
    fn debug_prints_no_address() {
        let user = DerivedAccounts::new(&[1; 32]).user(&EmailAddress::parse("ada@example.org").unwrap());
        assert!(!format!("{user:?}").contains("ada"));
    }
}
