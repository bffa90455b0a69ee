//! Connecting to MongoDB once; the driver keeps the connections from then on. Whether they work is asked regularly.

use std::{sync::Arc, time::Duration};

use mongodb::{
    Client, Collection, IndexModel,
    bson::{Document, doc},
    error::{Error, ErrorKind},
    options::{ClientOptions, ConnectionString, IndexOptions},
};
use secrecy::{ExposeSecret as _, SecretString};
use service_kit::{
    backoff::{self, Backoff},
    health::HealthCheck,
    shutdown::Shutdown,
};
use tokio::time::timeout;

use super::{DEADLINE, Directory, DirectoryTrouble, database, is_duplicate};

/// The name that mongoose gives to the unique index.
const INDEX: &str = "email_1";

/// Nobody waits longer for a server: the request's own deadline is near.
const SELECTION_DEADLINE: Duration = Duration::from_secs(2);
const CONNECT_DEADLINE: Duration = Duration::from_secs(1);

/// How often a connected directory is asked for a sign of life.
const PROBE_PERIOD: Duration = Duration::from_secs(2);

/// Codes of an index of that name, or on that field, that is not unique.
const INDEX_CONFLICTS: [i32; 2] = [85, 86];

/// Not a MongoDB URI. The driver's own words may quote the password.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not a URI such as mongodb://user:password@host:27017 or mongodb+srv://host")]
pub struct ParseUriError;

/// Where the directory is.
#[derive(Debug, Clone)]
pub struct DirectorySettings {
    /// `MONGO_URI`.
    pub uri: SecretString,
    /// `MONGO_DATABASE`; `None`: the database that holds users.
    pub database: Option<String>,
}

/// Checks a URI without asking any server.
pub fn parse_uri(uri: &str) -> Result<(), ParseUriError> {
    ConnectionString::parse(uri).map(drop).map_err(|_| ParseUriError)
}

/// Tries until the directory is connected and its index is there, until when every call fails; then keeps asking
/// whether it answers.
pub async fn supervise(
    directory: Directory,
    settings: DirectorySettings,
    health: HealthCheck,
    shutdown: Shutdown,
) {
    let mut backoff = Backoff::new(Duration::from_millis(200), Duration::from_secs(5));
    while let Err(trouble) = open(&directory, &settings).await {
        health.set_unusable(trouble.reason(), trouble.message());
        if backoff.wait(&shutdown).await.is_err() {
            return;
        }
    }
    health.set_usable();
    while backoff::pause(PROBE_PERIOD, &shutdown).await.is_ok() {
        match answers(&directory).await {
            Ok(()) => health.set_usable(),
            Err(trouble) => health.set_unusable(trouble.reason(), trouble.message()),
        }
    }
}

/// Whether a primary answers: sign-in writes.
async fn answers(directory: &Directory) -> Result<(), DirectoryTrouble> {
    let users = directory.users.load_full().ok_or(DirectoryTrouble::Unreachable)?;
    let database = users.client().database("admin");
    match timeout(DEADLINE, database.run_command(doc! { "ping": 1 })).await {
        Ok(answer) => answer.map(drop).map_err(|error| (&error).into()),
        Err(_) => Err(DirectoryTrouble::Unreachable),
    }
}

async fn open(directory: &Directory, settings: &DirectorySettings) -> Result<(), DirectoryTrouble> {
    let users = users(settings).await?;
    make_index(&users).await?;
    directory.users.store(Some(Arc::new(users)));
    Ok(())
}

/// Connects, and finds the collection of users.
pub(super) async fn users(settings: &DirectorySettings) -> Result<Collection<Document>, DirectoryTrouble> {
    let failed = |error: Error| DirectoryTrouble::from(&error);
    // A mongodb+srv URI is looked up here, so this may fail for a while.
    let mut options = ClientOptions::parse(settings.uri.expose_secret()).await.map_err(failed)?;
    options.app_name.get_or_insert_with(|| "ping user-service".to_owned());
    options.server_selection_timeout = Some(SELECTION_DEADLINE);
    options.connect_timeout = Some(CONNECT_DEADLINE);
    let client = Client::with_options(options).map_err(failed)?;
    let name = database::choose(&client, settings.database.as_deref()).await?;
    Ok(client.database(&name).collection(database::USERS))
}

/// Mongoose has made it already, most often.
async fn make_index(users: &Collection<Document>) -> Result<(), DirectoryTrouble> {
    let unique = IndexOptions::builder().name(INDEX.to_owned()).unique(true).build();
    let index = IndexModel::builder().keys(doc! { "email": 1 }).options(unique).build();
    let Err(error) = users.create_index(index).await else { return Ok(()) };
    // Servers that speak MongoDB's protocol give codes of their own for it.
    if is_duplicate(&error) || has_doubles(users).await {
        return Err(DirectoryTrouble::AddressTwice);
    }
    Err(match &*error.kind {
        ErrorKind::Command(command) if INDEX_CONFLICTS.contains(&command.code) => {
            DirectoryTrouble::IndexNotUnique
        }
        _ => (&error).into(),
    })
}

async fn has_doubles(users: &Collection<Document>) -> bool {
    let count = doc! { "$group": { "_id": "$email", "count": { "$sum": 1 } } };
    let twice = doc! { "$match": { "count": { "$gt": 1 } } };
    let found = users.aggregate([count, twice, doc! { "$limit": 1 }]).await;
    match found {
        Ok(mut found) => found.advance().await.unwrap_or(false),
        Err(_) => false,
    }
}

#[cfg(test)]
mod tests {
    use super::parse_uri;

    #[test]
    fn a_wrong_uri_is_refused_without_being_quoted() {
        for uri in [
            "mongodb://localhost:27017",
            "mongodb+srv://u:p@db.example.org/people",
            "mongodb://a,b/?replicaSet=r",
        ] {
            assert!(parse_uri(uri).is_ok(), "{uri}");
        }
        let error = parse_uri("mongo://ada:hunter2@host").unwrap_err().to_string();
        assert!(error.contains("mongodb+srv://host") && !error.contains("hunter2"), "{error}");
    }
}
