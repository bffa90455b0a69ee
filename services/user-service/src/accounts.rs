//! Who a person is: found, or made at the first verified code.

mod derived;
mod directory;
mod document;

use futures::future::{BoxFuture, FutureExt as _, ready};
use ping_contract::{address::EmailAddress, synthetic};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

pub use derived::DerivedAccounts;
pub use directory::{
    Directory, DirectorySettings, DirectoryTrouble, ParseUriError, check, parse_uri, restore, supervise,
};

/// A person, as answers and tokens show it.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct User {
    /// 24 hex digits.
    #[serde(rename = "_id")]
    pub id: String,
    /// What the person is called; the local part of the address at first.
    #[serde(default)]
    pub name: String,
    /// The address, in full: for its owner only.
    #[serde(default)]
    pub email: String,
    /// When the directory first met them (RFC 3339); only where there is a directory.
    #[serde(rename = "createdAt", default, skip_serializing_if = "Option::is_none")]
    pub created_at: Option<String>,
    /// When the directory last changed them (RFC 3339); only where there is a directory.
    #[serde(rename = "updatedAt", default, skip_serializing_if = "Option::is_none")]
    pub updated_at: Option<String>,
}

impl User {
    /// A person of whom no times are known.
    #[must_use]
    pub fn new(id: impl Into<String>, name: impl Into<String>, email: impl Into<String>) -> Self {
        Self { id: id.into(), name: name.into(), email: email.into(), created_at: None, updated_at: None }
    }
}

impl std::fmt::Debug for User {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("User").field("id", &self.id).finish_non_exhaustive()
    }
}

/// Which part of all people is asked for, in the order of their ids.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Page {
    /// At most this many.
    pub limit: u16,
    /// Those that come after this id.
    pub after: Option<String>,
}

/// Choices about accounts.
#[derive(Debug, Clone)]
#[expect(clippy::struct_excessive_bools, reason = "each is a switch of its own")]
pub struct AccountOptions {
    /// Show people each other's addresses.
    pub directory_emails: bool,
    /// Domain of the cookie that `/authz` reads; `None` = no cookie.
    pub cookie_domain: Option<String>,
    /// Ask Redis whether the session of a token has ended.
    pub check_session: bool,
    /// Accept a code with the challenge of its login only.
    pub require_challenge: bool,
    /// Answer lists of users.
    pub list_users: bool,
}

impl Default for AccountOptions {
    fn default() -> Self {
        Self {
            directory_emails: false,
            cookie_domain: None,
            check_session: true,
            require_challenge: false,
            list_users: true,
        }
    }
}

/// The directory gave no usable answer. Never holds its own words, which may quote an address.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum AccountsError {
    /// There is none: `MONGO_URI` is not set.
    #[error("MONGO_URI is not set, so there is no directory of users")]
    NoDirectory,
    /// It did not answer, or refused.
    #[error("the directory of users gave no answer: {}", .0.message())]
    NoAnswer(DirectoryTrouble),
    /// Several documents have the address in other letter cases, and none has it as it was written.
    #[error(
        "several users have this address in other letter cases, and none as it was written; `user-service directory \
         check` lists them"
    )]
    SeveralUsers,
    /// A document without a usable `_id`.
    #[error("the directory of users holds a document that is no user")]
    Document,
}

/// Where people are found. What needs a directory fails with [`AccountsError::NoDirectory`] where there is none.
pub trait Accounts: Send + Sync + 'static {
    /// The person with this address; made where there is none. `written` is the address as the person wrote it: where
    /// several people have it in different letter cases, that decides.
    fn find_or_make<'a>(
        &'a self,
        address: &'a EmailAddress,
        written: &'a str,
    ) -> BoxFuture<'a, Result<User, AccountsError>>;

    /// Asks for the person with this address as a sign-in does, and makes nobody.
    fn look_up<'a>(&'a self, _address: &'a EmailAddress) -> BoxFuture<'a, Result<(), AccountsError>> {
        ready(Ok(())).boxed()
    }

    /// The person with this id.
    fn find<'a>(&'a self, _id: &'a str) -> BoxFuture<'a, Result<Option<User>, AccountsError>> {
        ready(Err(AccountsError::NoDirectory)).boxed()
    }

    /// Calls the person with this id something else; answers them as they are now.
    fn rename<'a>(
        &'a self,
        _id: &'a str,
        _name: &'a str,
    ) -> BoxFuture<'a, Result<Option<User>, AccountsError>> {
        ready(Err(AccountsError::NoDirectory)).boxed()
    }

    /// People in the order of their ids.
    fn list<'a>(&'a self, _page: &'a Page) -> BoxFuture<'a, Result<Vec<User>, AccountsError>> {
        ready(Err(AccountsError::NoDirectory)).boxed()
    }
}

/// Whoever signs in with this address. A synthetic sign-in asks the directory, which it tests so, and is nobody there.
pub async fn of_sign_in(
    accounts: &dyn Accounts,
    address: &EmailAddress,
    written: &str,
) -> Result<User, AccountsError> {
    if !synthetic::is_synthetic(address) {
        return accounts.find_or_make(address, written).await;
    }
    accounts.look_up(address).await?;
    Ok(User::new(synthetic::USER_ID, address.local_part(), address.as_str()))
}
