//! Recipients as other publishers write them: `Ada <ada@example.org>`, a list in one text, an array of such texts or of
//! objects with an `address`. Names are dropped.

use serde_json::Value;

use crate::address::EmailAddress;

/// The most recipients of one event: what every mail server must take (RFC 5321, 4.5.3.1.8).
const MAX_RECIPIENTS: usize = 100;

/// The recipients of an event.
#[derive(Debug, Default)]
pub(super) struct Recipients {
    /// Those that can be mailed to, each once.
    pub(super) usable: Vec<EmailAddress>,
    /// How many cannot.
    pub(super) unusable: usize,
}

impl Recipients {
    /// From the field `to`. `local_domains` are those that need no dot.
    pub(super) fn read(to: &Value, local_domains: &[String]) -> Self {
        let mut recipients = Self::default();
        recipients.add(to, local_domains);
        recipients
    }

    fn add(&mut self, to: &Value, local_domains: &[String]) {
        match to {
            Value::String(text) => entries(text).for_each(|entry| self.add_one(entry, local_domains)),
            Value::Array(list) => list.iter().for_each(|entry| self.add(entry, local_domains)),
            Value::Object(object) => {
                let address = object.get("address").and_then(Value::as_str).unwrap_or_default();
                self.add_one(address, local_domains);
            }
            _ => self.unusable += 1,
        }
    }

    fn add_one(&mut self, entry: &str, local_domains: &[String]) {
        match EmailAddress::parse_with_local(&address(entry), local_domains) {
            Ok(known) if self.usable.contains(&known) => {}
            Ok(new) if self.usable.len() < MAX_RECIPIENTS => self.usable.push(new),
            _ => self.unusable += 1,
        }
    }
}

/// Where a character of a list stands: commas separate entries only outside of names, comments and addresses.
#[derive(Default)]
struct Place {
    escaped: bool,
    quoted: bool,
    in_angles: bool,
    comments: usize,
}

impl Place {
    /// Moves past `c`; whether it stood outside of everything.
    fn pass(&mut self, c: char) -> bool {
        if std::mem::take(&mut self.escaped) {
            return false;
        }
        match c {
            '\\' => self.escaped = true,
            '"' => self.quoted = !self.quoted,
            _ if self.quoted => {}
            '(' => self.comments += 1,
            ')' => self.comments = self.comments.saturating_sub(1),
            '<' => self.in_angles = true,
            '>' => self.in_angles = false,
            _ => return !self.in_angles && self.comments == 0,
        }
        false
    }
}

/// The entries of a list, which commas or semicolons separate.
fn entries(list: &str) -> impl Iterator<Item = &str> {
    let mut place = Place::default();
    list.split(move |c| place.pass(c) && matches!(c, ',' | ';')).filter(|entry| !entry.trim().is_empty())
}

/// What stands in the last angle brackets, or else what stands outside of names in quotes and comments. A group's name before
/// its members (`Team: ada@example.org, bob@example.org;`) is none of it.
fn address(entry: &str) -> String {
    if let Some((_, rest)) = entry.rsplit_once('<')
        && let Some((address, _)) = rest.split_once('>')
    {
        return address.trim().to_owned();
    }
    let mut place = Place::default();
    let outside = entry.chars().filter(|c| place.pass(*c)).collect::<String>();
    let is_group = |name: &str| !name.contains(|c: char| c == '@' || c.is_control());
    let member = outside.split_once(':').filter(|(name, _)| is_group(name)).map(|(_, member)| member);
    member.unwrap_or(&outside).trim().to_owned()
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::Recipients;

    fn read(to: &Value) -> (Vec<String>, usize) {
        let recipients = Recipients::read(to, &["localhost".to_owned()]);
        (recipients.usable.iter().map(|to| to.as_str().to_owned()).collect(), recipients.unusable)
    }

    #[test]
    fn every_form_that_mail_libraries_take_is_read() {
        let both = ["ada@example.org", "bob@example.org"].map(str::to_owned).to_vec();
        for to in [
            json!("ada@example.org, bob@example.org"),
            json!("ada@example.org;bob@example.org;"),
            json!("Ada <ada@example.org>, \"Smith, Bob\" <Bob@example.org>"),
            json!("ada@example.org (Ada, of London), <bob@example.org>"),
            json!("ada@example.org, bob@example.org, Ada@Example.org"),
            json!(["ada@example.org", "Bob <bob@example.org>"]),
            json!(["ada@example.org, bob@example.org"]),
            json!([{ "name": "Ada", "address": "ada@example.org" }, "bob@example.org"]),
            json!([["ada@example.org"], [["Bob <bob@example.org>"]]]),
            json!("Team: ada@example.org, Bob <bob@example.org>;"),
            json!("Ada <ada@example.org>; bob@example.org"),
            json!("  Ada@example.org ,, bob@example.org\n"),
        ] {
            assert_eq!(read(&to), (both.clone(), 0), "{to}");
        }
        assert_eq!(read(&json!("root@localhost")), (vec!["root@localhost".to_owned()], 0));
    }

    #[test]
    fn what_cannot_be_mailed_to_is_counted_and_the_rest_stays() {
        let one = vec!["ada@example.org".to_owned()];
        for (to, unusable) in [
            (json!("nobody, ada@example.org"), 1),
            (json!(["ada@example.org", 7, null, { "name": "Bob" }]), 3),
            (json!("ada@example.org, root@otherhost"), 1),
            (json!("ada@example.org, eve@example.org\r\nBcc: bob@example.org"), 1),
            (json!("ada@example.org, \r\nBcc: bob@example.org"), 1),
        ] {
            assert_eq!(read(&to), (one.clone(), unusable), "{to}");
        }
        assert_eq!(read(&json!("")), (vec![], 0));
        assert_eq!(read(&json!([])), (vec![], 0));
    }

    #[test]
    fn more_than_a_hundred_recipients_are_too_many() {
        let list = (0..120).map(|number| format!("a{number}@example.org")).collect::<Vec<_>>();
        let (usable, unusable) = read(&json!(list));
        assert_eq!((usable.len(), unusable), (100, 20));
    }
}
