//! People as MongoDB documents: those that the original's mongoose wrote, and ours.

use mongodb::bson::{Bson, DateTime, Document, doc, oid::ObjectId};
use ping_contract::address::EmailAddress;
use service_kit::timestamp::rfc3339_millis;

use super::User;

/// What is read of a document.
pub(super) fn projection() -> Document {
    doc! { "_id": 1, "name": 1, "email": 1, "createdAt": 1, "updatedAt": 1 }
}

/// Finds the person whose address is stored normalised.
pub(super) fn by_address(address: &EmailAddress) -> Document {
    doc! { "email": address.as_str() }
}

/// Finds the person whose address was stored in other letter case.
pub(super) fn by_address_in_any_case(address: &EmailAddress) -> Document {
    let mut pattern = String::from("^");
    for c in address.as_str().chars() {
        if !c.is_ascii_alphanumeric() {
            pattern.push('\\');
        }
        pattern.push(c);
    }
    pattern.push('$');
    doc! { "email": { "$regex": pattern, "$options": "i" } }
}

/// What a new person's document holds besides the address, which the query names.
pub(super) fn new_person(id: ObjectId, address: &EmailAddress) -> Document {
    let now = DateTime::now();
    // `__v` is mongoose's: a document without it makes the original's `save` fail.
    doc! { "$setOnInsert": {
        "_id": id, "name": address.local_part(), "createdAt": now, "updatedAt": now, "__v": 0,
    } }
}

/// The id as MongoDB has it; `None` for a text that no id has.
pub(super) fn object_id(id: &str) -> Option<ObjectId> {
    ObjectId::parse_str(id).ok()
}

/// Reads a document. `None` where it has no usable `_id`; other fields may be missing.
pub(super) fn user(document: &Document) -> Option<User> {
    let id = match document.get("_id")? {
        Bson::ObjectId(id) => id.to_hex(),
        Bson::String(id) => id.clone(),
        _ => return None,
    };
    let text = |name| document.get_str(name).unwrap_or_default();
    let time = |name| document.get_datetime(name).ok().map(|time| rfc3339_millis(time.timestamp_millis()));
    let email = text("email");
    let name =
        if text("name").is_empty() { email.split('@').next().unwrap_or_default() } else { text("name") };
    Some(User { created_at: time("createdAt"), updated_at: time("updatedAt"), ..User::new(id, name, email) })
}

#[cfg(test)]
mod tests {
    use mongodb::bson::{DateTime, doc, oid::ObjectId};
    use ping_contract::address::EmailAddress;

    use super::{by_address_in_any_case, user};

    #[test]
    fn a_document_of_the_original_is_read() {
        let id = ObjectId::parse_str("64f0c0ffee64f0c0ffee64f0").unwrap();
        let document = doc! {
            "_id": id, "name": "Ada L.", "email": "Ada@Example.org", "__v": 0,
            "createdAt": DateTime::from_millis(1_700_000_000_123), "updatedAt": DateTime::from_millis(0),
        };
        let user = user(&document).unwrap();
        assert_eq!(
            serde_json::to_value(&user).unwrap(),
            serde_json::json!({
                "_id": "64f0c0ffee64f0c0ffee64f0", "name": "Ada L.", "email": "Ada@Example.org",
                "createdAt": "2023-11-14T22:13:20.123Z", "updatedAt": "1970-01-01T00:00:00.000Z",
            })
        );
    }

    #[test]
    fn a_document_without_name_has_the_local_part_and_one_without_id_is_none() {
        let document = doc! { "_id": ObjectId::new(), "email": "ada@example.org" };
        let user_of = |document| user(&document);
        assert_eq!(user_of(document).unwrap().name, "ada");
        assert!(user_of(doc! { "email": "ada@example.org" }).is_none());
        assert!(user_of(doc! { "_id": 7 }).is_none());
    }

    #[test]
    fn the_pattern_of_an_address_means_its_characters() {
        let address = EmailAddress::parse("a.b+c*d@example.org").unwrap();
        let query = by_address_in_any_case(&address);
        let pattern = query.get_document("email").unwrap().get_str("$regex").unwrap();
        assert_eq!(pattern, r"^a\.b\+c\*d\@example\.org$");
    }
}
