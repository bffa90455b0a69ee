//! The keys of what Redis keeps for 30 days: the records of sessions, and the networks that users sign in from.
//!
//! A code lives for minutes, so these are hashed under a key that outlives the rotation of codes' peppers and of signing keys:
//! the one that follows from `USER_ID_SECRET`. Where that is not set, the peppers of codes have to do: a session that is not
//! refreshed, and a network that nobody signs in from, while their pepper is in use end with the pepper.

use ping_contract::address::EmailAddress;

use super::{HexDigest, Pepper, Peppers, derive_key};

/// The id of the key that follows from `USER_ID_SECRET`. No pepper that is configured can have it: `/` is not allowed there.
const LASTING_KID: &str = "user-id/1";

/// The current key, and the others under which something may be hashed. Clones share a rotation of the peppers.
#[derive(Debug, Clone)]
pub struct LastingPeppers {
    lasting: Option<Pepper>,
    peppers: Peppers,
}

impl LastingPeppers {
    /// With a key from `USER_ID_SECRET`, if there is one.
    #[must_use]
    pub fn new(user_id_secret: Option<&[u8]>, peppers: Peppers) -> Self {
        let lasting = user_id_secret
            .and_then(|secret| Pepper::new(LASTING_KID, &derive_key(secret, "ping/session-pepper/1")));
        Self { lasting, peppers }
    }

    /// The key of what is stored from now on.
    #[must_use]
    pub fn current(&self) -> Option<Pepper> {
        self.lasting.clone().or_else(|| self.peppers.all().first().cloned())
    }

    /// The key with this id.
    #[must_use]
    pub fn find(&self, kid: &str) -> Option<Pepper> {
        let lasting = self.lasting.clone().filter(|pepper| pepper.kid() == kid);
        lasting.or_else(|| self.peppers.all().iter().find(|pepper| pepper.kid() == kid).cloned())
    }

    /// [`Pepper::network_digest`] of a client network beside an address, whatever its `+tag`, under each key that is in use, the
    /// current one first.
    #[must_use]
    pub fn network_digests(&self, address: &EmailAddress, network: &str) -> Vec<HexDigest> {
        let mailbox = address.without_tag();
        let peppers = self.peppers.all();
        self.lasting.iter().chain(&*peppers).map(|key| key.network_digest(&mailbox, network)).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::{LASTING_KID, LastingPeppers};
    use crate::peppers::Peppers;

    const SECRET: &[u8] = b"a secret of at least 32 octets....";

    fn peppers(kid: &str) -> Peppers {
        Peppers::parse(&format!("{kid}:{}", "0a".repeat(32))).unwrap()
    }

    fn kid_of(keys: &LastingPeppers) -> String {
        keys.current().unwrap().kid().to_owned()
    }

    #[test]
    fn the_key_of_the_user_ids_is_used_where_there_is_one_and_older_records_stay_readable() {
        let without = LastingPeppers::new(None, peppers("a"));
        assert_eq!(kid_of(&without), "a");
        let with = LastingPeppers::new(Some(SECRET), peppers("a"));
        assert_eq!(kid_of(&with), LASTING_KID);
        for kid in ["a", LASTING_KID] {
            assert_eq!(with.find(kid).unwrap().kid(), kid);
        }
        assert!(with.find("b").is_none() && without.find(LASTING_KID).is_none());
        assert!(Peppers::parse(&format!("{LASTING_KID}:{}", "0a".repeat(32))).is_err());
    }

    #[test]
    fn a_rotation_of_the_peppers_changes_nothing_for_records_under_the_lasting_key() {
        let peppers = peppers("a");
        let with = LastingPeppers::new(Some(SECRET), peppers.clone());
        peppers.replace(&format!("b:{}", "0b".repeat(32))).unwrap();
        assert_eq!(kid_of(&with), LASTING_KID);
        assert!(with.find("a").is_none() && with.find("b").is_some());
    }
}
