//! The directory of people in MongoDB: the collection `users`, as the original has it.
//!
//! - [`sign_in`]: finds the user who signs in, or creates one.
//! - [`connection`]: connects, and chooses the [`database`]. [`trouble`]: why the directory cannot be used.
//! - [`check`], [`restore`]: the commands `user-service directory …`.

use std::{future::Future, sync::Arc, time::Duration};

use arc_swap::ArcSwapOption;
use futures::{
    TryStreamExt as _,
    future::{BoxFuture, FutureExt as _},
};
use mongodb::{
    Collection,
    bson::{DateTime, Document, doc},
    error::{Error, ErrorKind, WriteFailure},
    options::ReturnDocument,
};
use ping_contract::address::EmailAddress;
use tokio::time::timeout;

use super::{Accounts, AccountsError, DerivedAccounts, Page, User, document};

mod check;
mod connection;
mod database;
mod restore;
mod sign_in;
mod trouble;

pub use check::check;
pub use connection::{DirectorySettings, ParseUriError, parse_uri, supervise};
pub use restore::restore;
pub use trouble::DirectoryTrouble;

/// No answer within this is a failure.
const DEADLINE: Duration = Duration::from_secs(2);

/// The server's code for a value that a unique index has already.
const DUPLICATE_KEY: i32 = 11000;

/// The directory. Clones share the connection, which [`supervise`] makes.
#[derive(Debug, Clone, Default)]
pub struct Directory {
    users: Arc<ArcSwapOption<Collection<Document>>>,
    ids: Option<DerivedAccounts>,
}

impl Directory {
    /// Not connected yet. With `ids`, new people get the ids that they would have without a directory, or had.
    #[must_use]
    pub fn new(ids: Option<DerivedAccounts>) -> Self {
        Self { users: Arc::default(), ids }
    }

    fn users(&self) -> Result<Collection<Document>, AccountsError> {
        let users = self.users.load();
        users.as_deref().cloned().ok_or(AccountsError::NoAnswer(DirectoryTrouble::Unreachable))
    }

    async fn rename_to(&self, id: &str, name: &str) -> Result<Option<User>, AccountsError> {
        let Some(id) = document::object_id(id) else { return Ok(None) };
        let change = doc! { "$set": { "name": name, "updatedAt": DateTime::now() } };
        let users = self.users()?;
        let update = users.find_one_and_update(doc! { "_id": id }, change);
        read(update.return_document(ReturnDocument::After).await.map_err(|error| no_answer(&error))?)
    }

    async fn page(&self, page: &Page) -> Result<Vec<User>, AccountsError> {
        let after = page.after.as_deref().and_then(document::object_id);
        let filter = after.map_or_else(Document::new, |after| doc! { "_id": { "$gt": after } });
        let users = self.users()?;
        let query = users.find(filter).sort(doc! { "_id": 1 }).projection(document::projection());
        let query = query.limit(page.limit.into());
        let found = query.await.map_err(|error| no_answer(&error))?;
        let found = found.try_collect::<Vec<_>>().await.map_err(|error| no_answer(&error))?;
        Ok(found.iter().filter_map(document::user).collect())
    }
}

async fn find_one(users: &Collection<Document>, filter: Document) -> Result<Option<User>, AccountsError> {
    read(users.find_one(filter).projection(document::projection()).await.map_err(|error| no_answer(&error))?)
}

fn read(document: Option<Document>) -> Result<Option<User>, AccountsError> {
    document.map(|document| document::user(&document).ok_or(AccountsError::Document)).transpose()
}

fn is_duplicate(error: &Error) -> bool {
    match &*error.kind {
        ErrorKind::Write(WriteFailure::WriteError(error)) => error.code == DUPLICATE_KEY,
        ErrorKind::Command(error) => error.code == DUPLICATE_KEY,
        _ => false,
    }
}

fn no_answer(error: &Error) -> AccountsError {
    AccountsError::NoAnswer(error.into())
}

async fn in_time<T>(work: impl Future<Output = Result<T, AccountsError>>) -> Result<T, AccountsError> {
    timeout(DEADLINE, work).await.unwrap_or(Err(AccountsError::NoAnswer(DirectoryTrouble::Unreachable)))
}

impl Accounts for Directory {
    fn find_or_make<'a>(
        &'a self,
        address: &'a EmailAddress,
        written: &'a str,
    ) -> BoxFuture<'a, Result<User, AccountsError>> {
        in_time(self.sign_in(address, written)).boxed()
    }

    fn look_up<'a>(&'a self, address: &'a EmailAddress) -> BoxFuture<'a, Result<(), AccountsError>> {
        in_time(async { find_one(&self.users()?, document::by_address(address)).await.map(drop) }).boxed()
    }

    fn find<'a>(&'a self, id: &'a str) -> BoxFuture<'a, Result<Option<User>, AccountsError>> {
        in_time(async {
            let Some(id) = document::object_id(id) else { return Ok(None) };
            find_one(&self.users()?, doc! { "_id": id }).await
        })
        .boxed()
    }

    fn rename<'a>(
        &'a self,
        id: &'a str,
        name: &'a str,
    ) -> BoxFuture<'a, Result<Option<User>, AccountsError>> {
        in_time(self.rename_to(id, name)).boxed()
    }

    fn list<'a>(&'a self, page: &'a Page) -> BoxFuture<'a, Result<Vec<User>, AccountsError>> {
        in_time(self.page(page)).boxed()
    }
}
