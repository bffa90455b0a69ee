//! What a session's record in Redis says about whose it is, and how its tokens are hashed.

use redis_client::StoreError;

use super::Owner;
use crate::{accounts::User, tokens::SessionRef};

/// The fields that do not change from one refresh to the next, but for the key.
#[derive(Debug)]
pub struct Record {
    /// Whose session it is.
    pub owner: Owner,
    /// Id of the key that hashes are under; `None` for the plain hashes of earlier versions.
    pub(super) kid: Option<String>,
    /// Hash of what all refresh tokens of the session share.
    pub(super) family: String,
}

impl Record {
    /// In the order that [`Record::read`] expects.
    pub(super) const FIELDS: [&str; 7] = ["v", "user", "name", "email", "created", "family", "kid"];

    /// From the fields of the hash; `None` where there is no session.
    pub(super) fn read(id: &str, fields: Vec<Option<String>>) -> Result<Option<Self>, StoreError> {
        let fields = <[Option<String>; 7]>::try_from(fields).map_err(|_| StoreError::Answer)?;
        let [version, user, name, email, created, family, kid] = fields;
        if version.as_deref() != Some("1") {
            return Ok(None);
        }
        let (Some(user), Some(name), Some(email), Some(created), Some(family)) =
            (user, name, email, created, family)
        else {
            return Err(StoreError::Answer);
        };
        let auth_time = created.parse::<u64>().map_err(|_| StoreError::Answer)? / 1000;
        let session = SessionRef { id: id.to_owned(), auth_time };
        Ok(Some(Self { owner: Owner { session, user: User::new(user, name, email) }, kid, family }))
    }
}

/// Whether a text is a session's id: 32 lower-case hex digits.
pub(super) fn is_session_id(text: &str) -> bool {
    text.len() == 32 && text.bytes().all(|b| matches!(b, b'0'..=b'9' | b'a'..=b'f'))
}

#[cfg(test)]
mod tests {
    use redis_client::StoreError;

    use super::{Record, is_session_id};

    fn fields(texts: [&str; 7]) -> Vec<Option<String>> {
        texts.iter().map(|text| (!text.is_empty()).then(|| (*text).to_owned())).collect()
    }

    #[test]
    fn a_record_of_this_version_and_of_the_one_before_is_read() {
        let new = ["1", "0a", "Ada", "ada@example.org", "1700000000123", "ff", "a"];
        let record = Record::read("00", fields(new)).unwrap().unwrap();
        assert_eq!((record.owner.user.id.as_str(), record.owner.session.auth_time), ("0a", 1_700_000_000));
        assert_eq!((record.kid.as_deref(), record.family.as_str()), (Some("a"), "ff"));
        let old = ["1", "0a", "Ada", "ada@example.org", "1700000000123", "ff", ""];
        assert_eq!(Record::read("00", fields(old)).unwrap().unwrap().kid, None);
    }

    #[test]
    fn what_is_no_record_is_none_and_half_a_record_is_no_guess() {
        assert!(Record::read("00", fields([""; 7])).unwrap().is_none());
        assert!(Record::read("00", fields(["2", "0a", "Ada", "a@x.org", "1", "ff", "a"])).unwrap().is_none());
        for half in [["1", "0a", "", "", "", "", ""], ["1", "0a", "Ada", "a@x.org", "soon", "ff", "a"]] {
            assert_eq!(Record::read("00", fields(half)).unwrap_err(), StoreError::Answer);
        }
        assert_eq!(Record::read("00", Vec::new()).unwrap_err(), StoreError::Answer);
    }

    #[test]
    fn a_session_id_is_32_lower_case_hex_digits() {
        assert!(is_session_id(&"0f".repeat(16)));
        let others = [
            String::new(),
            "0f".repeat(15),
            "0f".repeat(17),
            "0F".repeat(16),
            format!("of:{}", "0".repeat(29)),
        ];
        for other in others {
            assert!(!is_session_id(&other), "{other}");
        }
    }
}
