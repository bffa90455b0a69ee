//! Finds the user who signs in, or creates one.
//!
//! The original compares addresses exactly, so one address may belong to several documents in different letter cases. The
//! document whose address is stored as the user wrote it comes first, then the one in normalised form. A single document
//! in any other form is adopted: its address is stored in normalised form from then on. Several are never chosen from.

use futures::TryStreamExt as _;
use mongodb::{
    Collection,
    bson::{DateTime, Document, doc},
    options::ReturnDocument,
};
use ping_contract::address::EmailAddress;

use super::{Directory, document, find_one, is_duplicate, no_answer, read};
use crate::accounts::{AccountsError, User};

impl Directory {
    /// The user with this address, which was written as `written`.
    pub(super) async fn sign_in(&self, address: &EmailAddress, written: &str) -> Result<User, AccountsError> {
        let users = self.users()?;
        let as_written = as_written(&users, address, written).await?;
        let normalised = find_one(&users, document::by_address(address)).await?;
        if let Some(normalised) = normalised {
            return Ok(as_written.unwrap_or(normalised));
        }
        match in_another_form(&users, address).await?.as_slice() {
            [] => match as_written {
                Some(user) => Ok(user),
                None => self.create(&users, address, written).await,
            },
            [only] => adopt(&users, only, address).await,
            _ => as_written.ok_or(AccountsError::SeveralUsers),
        }
    }

    async fn create(
        &self,
        users: &Collection<Document>,
        address: &EmailAddress,
        written: &str,
    ) -> Result<User, AccountsError> {
        let id = self.ids.as_ref().and_then(|ids| document::object_id(&ids.id(address)));
        let new = document::new_person(id.unwrap_or_default(), address, written);
        let made = users
            .find_one_and_update(document::by_address(address), new)
            .upsert(true)
            .return_document(ReturnDocument::After)
            .await;
        match made {
            Ok(document) => read(document).and_then(|user| user.ok_or(AccountsError::Document)),
            // Another request made the same person in between.
            Err(error) if is_duplicate(&error) => {
                find_one(users, document::by_address(address)).await?.ok_or(AccountsError::Document)
            }
            Err(error) => Err(no_answer(&error)),
        }
    }
}

/// The user whose address is stored as it was written, with the white space around it or without.
async fn as_written(
    users: &Collection<Document>,
    address: &EmailAddress,
    written: &str,
) -> Result<Option<User>, AccountsError> {
    let trimmed = Some(written.trim()).filter(|trimmed| *trimmed != written);
    for form in [Some(written), trimmed].into_iter().flatten().filter(|form| *form != address.as_str()) {
        let user = find_one(users, document::as_written(form)).await?;
        if user.is_some() {
            return Ok(user);
        }
    }
    Ok(None)
}

/// Stores the address in normalised form, and keeps the form that it had.
async fn adopt(
    users: &Collection<Document>,
    old: &User,
    address: &EmailAddress,
) -> Result<User, AccountsError> {
    let Some(id) = document::object_id(&old.id) else { return Ok(old.clone()) };
    let change = doc! { "$set": {
        "email": address.as_str(), document::AS_WRITTEN: &old.email, "updatedAt": DateTime::now(),
    } };
    let update = users.find_one_and_update(doc! { "_id": id, "email": &old.email }, change);
    match update.return_document(ReturnDocument::After).await {
        Ok(Some(document)) => document::user(&document).ok_or(AccountsError::Document),
        // A document with the normalised address was created in between, or this one was adopted.
        Ok(None) => find_one(users, document::by_address(address)).await?.ok_or(AccountsError::Document),
        Err(error) if is_duplicate(&error) => {
            find_one(users, document::by_address(address)).await?.ok_or(AccountsError::Document)
        }
        Err(error) => Err(no_answer(&error)),
    }
}

async fn in_another_form(
    users: &Collection<Document>,
    address: &EmailAddress,
) -> Result<Vec<User>, AccountsError> {
    let query = users.find(document::in_another_form(address)).projection(document::projection());
    let mut candidates = query.await.map_err(|error| no_answer(&error))?;
    let mut found = Vec::new();
    while let Some(candidate) = candidates.try_next().await.map_err(|error| no_answer(&error))? {
        if document::has_address(&candidate, address) {
            found.push(document::user(&candidate).ok_or(AccountsError::Document)?);
        }
    }
    Ok(found)
}
