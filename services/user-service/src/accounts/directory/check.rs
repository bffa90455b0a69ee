//! `user-service directory check`: what an administrator should know about the stored addresses.
//!
//! Prints ids, and addresses only masked.

use std::{
    collections::BTreeMap,
    fmt::{self, Display},
};

use futures::TryStreamExt as _;
use mongodb::bson::{Bson, Document, doc};
use ping_contract::address::{AddressError, EmailAddress};

use super::{
    DirectoryTrouble,
    connection::{self, DirectorySettings},
};

/// A user and its address, as they are stored.
struct Stored {
    id: String,
    email: String,
}

/// What was found.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Report {
    database: String,
    users: usize,
    /// Addresses of several users, with the ids of these.
    pairs: Vec<(EmailAddress, Vec<String>)>,
    /// Users who cannot sign in with the stored address, and why.
    unusable: Vec<(String, AddressError)>,
    /// Users without an address.
    without: Vec<String>,
    /// Users whose address has white space around it.
    spaces: Vec<String>,
    /// Users whose domain is not stored in punycode.
    unicode: Vec<String>,
    /// How many addresses are stored in other letter case.
    letter_case: usize,
}

/// Reads all addresses. Changes nothing.
pub async fn check(settings: &DirectorySettings) -> Result<Report, DirectoryTrouble> {
    let failed = |error: mongodb::error::Error| DirectoryTrouble::from(&error);
    let users = connection::users(settings).await?;
    let query = users.find(doc! {}).sort(doc! { "_id": 1 }).projection(doc! { "_id": 1, "email": 1 });
    let documents = query.await.map_err(failed)?.try_collect::<Vec<_>>().await.map_err(failed)?;
    let mut report = Report::of(documents.iter().map(stored));
    report.database = users.namespace().db;
    Ok(report)
}

fn stored(document: &Document) -> Stored {
    let id = match document.get("_id") {
        Some(Bson::ObjectId(id)) => id.to_hex(),
        Some(other) => other.to_string(),
        None => String::new(),
    };
    Stored { id, email: document.get_str("email").unwrap_or_default().to_owned() }
}

impl Report {
    fn of(users: impl Iterator<Item = Stored>) -> Self {
        let mut report = Self::default();
        let mut by_address = BTreeMap::<EmailAddress, Vec<String>>::new();
        for Stored { id, email } in users {
            report.users += 1;
            match EmailAddress::parse(email.trim()) {
                _ if email.is_empty() => report.without.push(id),
                Err(error) => report.unusable.push((id, error)),
                Ok(address) => {
                    report.note_form(&email, &address, &id);
                    by_address.entry(address).or_default().push(id);
                }
            }
        }
        report.pairs = by_address.into_iter().filter(|(_, ids)| ids.len() > 1).collect();
        report
    }

    fn note_form(&mut self, email: &str, address: &EmailAddress, id: &str) {
        let trimmed = email.trim();
        if trimmed != email {
            self.spaces.push(id.to_owned());
        }
        if trimmed.is_ascii() {
            self.letter_case += usize::from(trimmed != address.as_str());
        } else {
            self.unicode.push(id.to_owned());
        }
    }

    /// Whether nothing is left to do.
    #[must_use]
    pub fn is_clean(&self) -> bool {
        self.pairs.is_empty() && self.unusable.is_empty() && self.without.is_empty()
    }
}

impl Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "database {}: {} users", self.database, self.users)?;
        for (address, ids) in &self.pairs {
            writeln!(f, "address of several users: {address}: {}", ids.join(", "))?;
        }
        for (id, error) in &self.unusable {
            writeln!(f, "cannot sign in: {id}: {error}")?;
        }
        for id in &self.without {
            writeln!(f, "cannot sign in: {id}: the document has no address")?;
        }
        for id in &self.spaces {
            writeln!(f, "white space around the address: {id}: corrected at the next sign-in")?;
        }
        for id in &self.unicode {
            writeln!(f, "domain not in punycode: {id}: corrected at the next sign-in")?;
        }
        if self.letter_case > 0 {
            writeln!(f, "addresses in other letter case: {}", self.letter_case)?;
        }
        if self.is_clean() {
            return writeln!(f, "every user can sign in, and no address belongs to several users");
        }
        if !self.pairs.is_empty() {
            writeln!(
                f,
                "An address of several users signs in the one whose address is stored as it is typed, or else the one in \
                 lower case. Keep one document of each address to leave no doubt."
            )?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::{Report, Stored};

    fn report(emails: &[&str]) -> Report {
        let users = emails.iter().enumerate();
        Report::of(users.map(|(at, email)| Stored { id: at.to_string(), email: (*email).to_owned() }))
    }

    #[test]
    fn every_kind_of_finding_is_listed_by_id_and_without_a_full_address() {
        let report = report(&[
            "ada@example.org",
            "Ada@Example.org",
            " eve@example.org",
            "bob@b\u{fc}cher.example",
            "\u{212a}im@example.org",
            "nobody",
            "",
            "Zoe@example.org",
        ]);
        let text = report.to_string();
        for line in [
            ": 8 users",
            "address of several users: a***@example.org: 0, 1",
            "cannot sign in: 4: the part before the @ may only have unquoted ASCII characters",
            "cannot sign in: 5: the address is not of the form name@domain",
            "cannot sign in: 6: the document has no address",
            "white space around the address: 2:",
            "domain not in punycode: 3:",
            "addresses in other letter case: 2",
        ] {
            assert!(text.contains(line), "{line} is missing in:\n{text}");
        }
        assert!(!text.contains("ada@") && !text.contains("eve@") && !report.is_clean(), "{text}");
    }

    #[test]
    fn a_pair_may_differ_in_letter_case_in_spaces_or_in_punycode() {
        let report = report(&[
            "ada@example.org",
            " Ada@example.org",
            "bob@b\u{fc}cher.example",
            "bob@xn--bcher-kva.example",
            "eve@example.org",
            "EVE@EXAMPLE.ORG",
            "Eve@example.org",
        ]);
        let pairs = report.pairs.iter().map(|(_, ids)| ids.join(",")).collect::<Vec<_>>();
        assert_eq!(pairs, ["0,1", "2,3", "4,5,6"]);
    }

    #[test]
    fn a_directory_without_findings_is_clean() {
        let report = report(&["ada@example.org", "Eve@example.org"]);
        assert!(report.is_clean());
        assert!(report.to_string().contains("every user can sign in"));
    }
}
