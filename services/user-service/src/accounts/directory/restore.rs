//! `user-service directory restore`: the way back to the original, which compares addresses exactly.
//!
//! Ping stores addresses in normalised form, and keeps the form that a user wrote where it was another. This puts that
//! form back, so that the original finds its users.

use std::fmt::{self, Display};

use futures::TryStreamExt as _;
use mongodb::{
    Collection,
    bson::{Document, doc},
    error::Error,
};

use super::{
    DirectoryTrouble,
    connection::{self, DirectorySettings},
    document, is_duplicate,
};

/// What was done.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Restored {
    database: String,
    /// How many addresses have their form back.
    addresses: usize,
    /// Users whose form is the address of another document.
    taken: Vec<String>,
}

impl Restored {
    /// Whether every address has its form back.
    #[must_use]
    pub fn is_complete(&self) -> bool {
        self.taken.is_empty()
    }
}

/// Puts every address back into the form that it had before Ping.
pub async fn restore(settings: &DirectorySettings) -> Result<Restored, DirectoryTrouble> {
    let failed = |error: Error| DirectoryTrouble::from(&error);
    let users = connection::users(settings).await?;
    let query = users.find(doc! { document::AS_WRITTEN: { "$exists": true } });
    let found = query.await.map_err(failed)?.try_collect::<Vec<_>>().await.map_err(failed)?;
    let mut restored = Restored { database: users.namespace().db, addresses: 0, taken: Vec::new() };
    for document in &found {
        match restore_one(&users, document).await {
            Ok(()) => restored.addresses += 1,
            Err(error) if is_duplicate(&error) => {
                restored.taken.push(document.get("_id").map(ToString::to_string).unwrap_or_default());
            }
            Err(error) => return Err(failed(error)),
        }
    }
    Ok(restored)
}

async fn restore_one(users: &Collection<Document>, document: &Document) -> Result<(), Error> {
    let Ok(written) = document.get_str(document::AS_WRITTEN) else { return Ok(()) };
    let change = doc! { "$set": { "email": written }, "$unset": { document::AS_WRITTEN: "" } };
    users.update_one(doc! { "_id": document.get("_id") }, change).await.map(drop)
}

impl Display for Restored {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "database {}: {} addresses restored", self.database, self.addresses)?;
        for id in &self.taken {
            writeln!(f, "not restored, because another document has this address: {id}")?;
        }
        Ok(())
    }
}
