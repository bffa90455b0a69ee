//! Refresh tokens: opaque to clients. Inside are the session's id, a secret of the session's whole family of tokens, and
//! the secret of this one.

use base64::prelude::{BASE64_URL_SAFE_NO_PAD, Engine as _};
use hmac::{Hmac, KeyInit as _, Mac as _};
use sha2::{Digest as _, Sha256};

use crate::{accounts::User, peppers::Pepper};

const ID_OCTETS: usize = 16;
const FAMILY_OCTETS: usize = 16;
const SECRET_OCTETS: usize = 32;
const OCTETS: usize = ID_OCTETS + FAMILY_OCTETS + SECRET_OCTETS;

/// One refresh token. Never printed; [`RefreshToken::expose`] is for the answer to its owner alone.
#[derive(Clone, PartialEq, Eq)]
pub struct RefreshToken([u8; OCTETS]);

impl RefreshToken {
    pub(super) fn from_bytes(bytes: [u8; OCTETS]) -> Self {
        Self(bytes)
    }

    /// Reads what a client sends.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        // What is longer need not be decoded.
        if text.len() > 2 * OCTETS {
            return None;
        }
        BASE64_URL_SAFE_NO_PAD.decode(text).ok()?.try_into().ok().map(Self)
    }

    /// As the client gets it: 86 characters of base64url.
    #[must_use]
    pub fn expose(&self) -> String {
        BASE64_URL_SAFE_NO_PAD.encode(self.0)
    }

    /// The session's id, 32 hex digits.
    #[must_use]
    pub fn session_id(&self) -> String {
        hex::encode(&self.0[..ID_OCTETS])
    }

    /// What is the same for all tokens of a session. Only a holder of one of them knows it: the id alone, which every access
    /// token shows, ends nothing.
    fn family(&self) -> &[u8] {
        &self.0[..ID_OCTETS + FAMILY_OCTETS]
    }

    /// How a record holds the family. Without a key: as earlier versions hashed it.
    pub(super) fn family_mark(&self, key: Option<&Pepper>, owner: &User) -> String {
        match key {
            Some(key) => key.family_digest(self.family(), owner),
            None => hex::encode(Sha256::digest(self.family())),
        }
    }

    /// How a record holds this token. Without a key: as earlier versions hashed it.
    pub(super) fn mark(&self, key: Option<&Pepper>) -> String {
        match key {
            Some(key) => key.refresh_token_digest(&self.0),
            None => hex::encode(Sha256::digest(self.0)),
        }
    }

    /// The next token. It follows from this one and a nonce, so that the same can be answered again while Redis holds
    /// the nonce alone, which is of no use without this token.
    pub(super) fn successor(&self, nonce: &[u8]) -> Self {
        let mut bytes = self.0;
        let secret = &mut bytes[ID_OCTETS + FAMILY_OCTETS..];
        let mut block = hmac::digest::Key::<Hmac<Sha256>>::default();
        block[..SECRET_OCTETS].copy_from_slice(secret);
        let mut mac = Hmac::<Sha256>::new(&block);
        mac.update(b"ping/refresh-token/1\0");
        mac.update(nonce);
        secret.copy_from_slice(&mac.finalize().into_bytes());
        Self(bytes)
    }
}

impl std::fmt::Debug for RefreshToken {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_tuple("RefreshToken").field(&self.session_id()).finish()
    }
}

#[cfg(test)]
mod tests {
    use super::{OCTETS, RefreshToken};
    use crate::{accounts::User, peppers::Peppers};

    #[test]
    fn a_token_reads_back_and_nothing_else_is_one() {
        let token = RefreshToken::from_bytes([7; OCTETS]);
        assert_eq!(token.expose().len(), 86);
        assert_eq!(RefreshToken::parse(&token.expose()), Some(token.clone()));
        for text in ["", "x", &token.expose()[1..], &format!("{}A", token.expose()), &"A".repeat(10_000)] {
            assert_eq!(RefreshToken::parse(text), None, "{text}");
        }
    }

    #[test]
    fn a_successor_follows_from_token_and_nonce_and_stays_in_the_family() {
        let token = RefreshToken::from_bytes([7; OCTETS]);
        let next = token.successor(&[1; 32]);
        assert_eq!(next, token.successor(&[1; 32]));
        assert_ne!(next, token.successor(&[2; 32]));
        assert_ne!(next.mark(None), token.mark(None));
        let ada = User::new("0a", "Ada", "ada@example.org");
        assert_eq!(next.family_mark(None, &ada), token.family_mark(None, &ada));
        assert_eq!(next.session_id(), token.session_id());
    }

    #[test]
    fn a_record_is_bound_to_the_key_and_to_whose_session_it_is() {
        let peppers = Peppers::parse(&format!("a:{},b:{}", "0a".repeat(32), "0b".repeat(32))).unwrap().all();
        let (a, b) = (Some(&peppers[0]), Some(&peppers[1]));
        let token = RefreshToken::from_bytes([7; OCTETS]);
        let ada = User::new("0a", "Ada", "ada@example.org");
        let family = token.family_mark(a, &ada);
        assert_eq!(family, token.successor(&[1; 32]).family_mark(a, &ada));
        for other in [
            token.family_mark(b, &ada),
            token.family_mark(None, &ada),
            token.family_mark(a, &User::new("0b", "Ada", "ada@example.org")),
            token.family_mark(a, &User::new("0a", "Eve", "ada@example.org")),
            token.family_mark(a, &User::new("0a", "Ada", "eve@example.org")),
            RefreshToken::from_bytes([8; OCTETS]).family_mark(a, &ada),
        ] {
            assert_ne!(other, family);
        }
        let marks = [token.mark(a), token.mark(b), token.mark(None)];
        assert!(marks[0] != marks[1] && marks[1] != marks[2] && marks[0] != marks[2]);
    }

    #[test]
    fn debug_prints_no_secret() {
        let text = format!("{:?}", RefreshToken::from_bytes([0xab; OCTETS]));
        assert_eq!(text, format!("RefreshToken(\"{}\")", "ab".repeat(16)));
    }
}
