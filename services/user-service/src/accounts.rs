//! Who a person is: found, or made at the first verified code.

mod derived;

use futures::future::BoxFuture;
use ping_contract::address::EmailAddress;
use serde::Serialize;

pub use derived::DerivedAccounts;

/// A person, as answers and tokens show it.
#[derive(Clone, PartialEq, Eq, Serialize)]
pub struct User {
    /// 24 hex digits.
    #[serde(rename = "_id")]
    pub id: String,
    /// What the person is called; the local part of the address at first.
    pub name: String,
    /// The normalised address, in full: for its owner only.
    pub email: String,
}

impl std::fmt::Debug for User {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("User").field("id", &self.id).finish_non_exhaustive()
    }
}

/// The directory did not answer.
#[derive(Debug, thiserror::Error)]
#[error("the directory of users did not answer")]
pub struct AccountsError(#[source] pub Box<dyn std::error::Error + Send + Sync>);

/// A directory of people.
pub trait Accounts: Send + Sync + 'static {
    /// The person with this address; made where there is none.
    fn find_or_make<'a>(&'a self, address: &'a EmailAddress) -> BoxFuture<'a, Result<User, AccountsError>>;
}
