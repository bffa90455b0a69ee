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

/// Finds the user whose address is stored as it was written.
pub(super) fn as_written(written: &str) -> Document {
    doc! { "email": written }
}

/// The field with the address as it was written, where [`EmailAddress`] is another: a way back to the original, which
/// compares exactly, puts it back.
pub(super) const AS_WRITTEN: &str = "emailAsWritten";

/// Finds candidates for the user whose address was stored in another form: in other letter case, with white space or
/// invisible characters around it, or with characters in its domain that punycode replaces. [`has_address`] decides.
pub(super) fn in_another_form(address: &EmailAddress) -> Document {
    let (local, domain) = (in_any_case(address.local_part()), in_any_case(address.domain()));
    doc! { "email": { "$regex": format!(r"^[^!-~]*{local}[@＠﹫](?:{domain}\.?[^!-~]*|.*[^ -~].*)$") } }
}

/// Each letter in its two ASCII forms: the option `i` would also match U+212A (KELVIN SIGN) for `k`.
fn in_any_case(text: &str) -> String {
    let mut pattern = String::with_capacity(4 * text.len());
    for c in text.chars() {
        if c.is_ascii_alphabetic() {
            pattern.extend(['[', c.to_ascii_lowercase(), c.to_ascii_uppercase(), ']']);
        } else if c.is_ascii_digit() {
            pattern.push(c);
        } else {
            pattern.extend(['\\', c]);
        }
    }
    pattern
}

/// Whether the address of a document is this one, in whatever form it is stored.
pub(super) fn has_address(document: &Document, address: &EmailAddress) -> bool {
    document.get_str("email").is_ok_and(|email| EmailAddress::parse(email.trim()).as_ref() == Ok(address))
}

/// What a new person's document holds besides the address, which the query names.
pub(super) fn new_person(id: ObjectId, address: &EmailAddress, written: &str) -> Document {
    let now = DateTime::now();
    // `__v` is mongoose's: a document without it makes the original's `save` fail.
    let mut person = doc! {
        "_id": id, "name": address.local_part(), "createdAt": now, "updatedAt": now, "__v": 0,
    };
    if written.trim() != address.as_str() {
        person.insert(AS_WRITTEN, written.trim());
    }
    doc! { "$setOnInsert": person }
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

    use super::{has_address, in_another_form, user};

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
        let pattern = |address: &str| {
            let query = in_another_form(&EmailAddress::parse(address).unwrap());
            let email = query.get_document("email").unwrap();
            assert!(!email.contains_key("$options"), "{email}");
            email.get_str("$regex").unwrap().to_owned()
        };
        assert_eq!(
            pattern("a.b+c*7@xy.org"),
            "^[^!-~]*[aA]\\.[bB]\\+[cC]\\*7[@\u{ff20}\u{fe6b}](?:[xX][yY]\\.[oO][rR][gG]\\.?[^!-~]*|.*[^ -~].*)$"
        );
        assert!(pattern("a@b\u{fc}cher.org").contains(r"\-\-[bB][cC][hH][eE][rR]\-[kK][vV][aA]\.[oO]"));
    }

    #[test]
    fn an_address_is_the_same_in_other_ascii_case_only() {
        let address = EmailAddress::parse("kass@example.org").unwrap();
        let is_same = |email: &str| has_address(&doc! { "email": email }, &address);
        for same in ["kass@example.org", "KASS@Example.ORG"] {
            assert!(is_same(same), "{same}");
        }
        // KELVIN SIGN, LATIN SMALL LETTER LONG S, and more.
        let others = ["\u{212a}ass@example.org", "ka\u{17f}s@example.org", "kass@example.org x", ""];
        for other in others {
            assert!(!is_same(other), "{other:?}");
        }
        assert!(!has_address(&doc! {}, &address));
    }

    #[test]
    fn an_address_is_the_same_with_spaces_around_it_and_with_its_domain_in_unicode() {
        let has = |stored: &str, address: &str| {
            has_address(&doc! { "email": stored }, &EmailAddress::parse(address).unwrap())
        };
        for stored in [" ada@example.org", "Ada@example.org \n", "\tada@example.org"] {
            assert!(has(stored, "ada@example.org"), "{stored:?}");
        }
        assert!(has("Ada@B\u{dc}cher.example", "ada@xn--bcher-kva.example"));
        assert!(!has("ada@bucher.example", "ada@xn--bcher-kva.example"));
    }
}
