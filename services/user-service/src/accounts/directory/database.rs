//! Which database holds the users.
//!
//! The original always uses `user-service`, whatever database its `MONGO_URI` names. Ping once used the named one, so both
//! can hold users. Without `MONGO_DATABASE` the one that does is used, so that nobody becomes another user.

use mongodb::{
    Client,
    bson::{Document, doc},
};
use tokio::time::timeout;

use super::{DEADLINE, DirectoryTrouble};

/// The database of the original.
const ORIGINAL: &str = "user-service";

/// The collection of users.
pub(super) const USERS: &str = "users";

/// What is known of the users in a database.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Holds {
    Users,
    /// No collection of users, or an empty one.
    Nobody,
    /// We may not look.
    Unknown,
}

/// One of the two databases.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Choice {
    Original,
    Named,
}

/// The database to use: the configured one, or else the one that holds users.
pub(super) async fn choose(client: &Client, configured: Option<&str>) -> Result<String, DirectoryTrouble> {
    if let Some(name) = configured {
        return Ok(name.to_owned());
    }
    let named = client.default_database().map(|database| database.name().to_owned());
    let Some(named) = named.filter(|name| name != ORIGINAL) else { return Ok(ORIGINAL.to_owned()) };
    let choice = decide(holds(client, ORIGINAL).await?, holds(client, &named).await?).inspect_err(|_| {
        tracing::error!(
            databases = %format_args!("{ORIGINAL}, {named}"),
            "two databases hold users; set MONGO_DATABASE to the one to use"
        );
    })?;
    if choice == Choice::Original {
        return Ok(ORIGINAL.to_owned());
    }
    tracing::warn!(
        database = named,
        "using the database that MONGO_URI names, since it holds the users; the original services always use \
         {ORIGINAL}; set MONGO_DATABASE to choose one"
    );
    Ok(named)
}

fn decide(original: Holds, named: Holds) -> Result<Choice, DirectoryTrouble> {
    match (original, named) {
        (Holds::Users, Holds::Users) => Err(DirectoryTrouble::TwoDatabases),
        (Holds::Nobody | Holds::Unknown, Holds::Users) | (Holds::Unknown, Holds::Nobody) => Ok(Choice::Named),
        _ => Ok(Choice::Original),
    }
}

async fn holds(client: &Client, database: &str) -> Result<Holds, DirectoryTrouble> {
    let users = client.database(database).collection::<Document>(USERS);
    let query = users.find_one(doc! {}).projection(doc! { "_id": 1 });
    let found = timeout(DEADLINE, query).await.map_err(|_| DirectoryTrouble::Unreachable)?;
    match found.map_err(|error| DirectoryTrouble::from(&error)) {
        Ok(Some(_)) => Ok(Holds::Users),
        Ok(None) => Ok(Holds::Nobody),
        Err(DirectoryTrouble::AccessDenied) => Ok(Holds::Unknown),
        Err(trouble) => Err(trouble),
    }
}

#[cfg(test)]
mod tests {
    use super::{Choice, DirectoryTrouble, Holds, decide};

    #[test]
    fn the_database_with_users_is_chosen_and_two_of_them_are_refused() {
        let [original, named] = [Ok(Choice::Original), Ok(Choice::Named)];
        for (in_original, in_named, choice) in [
            (Holds::Users, Holds::Nobody, original),
            (Holds::Users, Holds::Unknown, original),
            (Holds::Users, Holds::Users, Err(DirectoryTrouble::TwoDatabases)),
            (Holds::Nobody, Holds::Users, named),
            (Holds::Nobody, Holds::Nobody, original),
            (Holds::Nobody, Holds::Unknown, original),
            (Holds::Unknown, Holds::Users, named),
            // A user of one database alone.
            (Holds::Unknown, Holds::Nobody, named),
            (Holds::Unknown, Holds::Unknown, original),
        ] {
            assert_eq!(decide(in_original, in_named), choice, "{in_original:?}, {in_named:?}");
        }
    }
}
