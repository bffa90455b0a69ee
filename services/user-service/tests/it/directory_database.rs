//! Which database holds the users: that of the original, or the one that `MONGO_URI` names.

use test_kit::servers::shared_mongo_uri;
use user_service::accounts::DirectorySettings;

use crate::{
    directory::command_with,
    support::{MongoDatabase, OriginalDatabase, Service, Setup, client},
};

const ADA: &str = "ada@example.org";
const ID: &str = "64f0c0ffee64f0c0ffee64f0";
const OTHER_ID: &str = "64f0c0ffee64f0c0ffee64f1";

/// A service whose `MONGO_URI` names `named`.
fn service(named: &MongoDatabase, database: Option<&str>) -> Setup {
    let settings = DirectorySettings { uri: named.uri().into(), database: database.map(str::to_owned) };
    Setup::default().unlimited_logins().directory_at(settings)
}

async fn id_of(service: &Service) -> String {
    service.sign_in(ADA).await.json["user"]["_id"].as_str().unwrap().to_owned()
}

#[tokio::test]
async fn users_of_the_original_are_found_whatever_database_the_uri_names() {
    let original = OriginalDatabase::take().await;
    let named = MongoDatabase::create().await;
    let stored = client("original.cjs", &["sign-in", &named.uri(), ADA]).await;
    assert_eq!((original.count().await, named.count().await), (1, 0));
    let service = service(&named, None).start().await;
    assert_eq!(stored["_id"], id_of(&service).await);
    assert_eq!((original.count().await, named.count().await), (1, 0));
}

#[tokio::test]
async fn the_uri_may_name_a_database_and_options_or_nothing() {
    let original = OriginalDatabase::take().await;
    original.insert_original(ID, "Ada", ADA).await;
    let server = shared_mongo_uri().trim_end_matches('/').to_owned();
    for rest in
        ["", "/", "/?appName=ping", "/user-service", "/ping-users?appName=ping", "/admin?appName=ping"]
    {
        let settings = DirectorySettings { uri: format!("{server}{rest}").into(), database: None };
        let service = Setup::default().unlimited_logins().directory_at(settings).start().await;
        assert_eq!(id_of(&service).await, ID, "{rest:?}");
    }
    assert_eq!(original.count().await, 1);
}

#[tokio::test]
async fn users_in_the_named_database_alone_keep_their_ids() {
    let original = OriginalDatabase::take().await;
    let named = MongoDatabase::create().await;
    named.insert_original(ID, "Ada", ADA).await;
    let service = service(&named, None).start().await;
    assert_eq!(id_of(&service).await, ID);
    assert_eq!((original.count().await, named.count().await), (0, 1));
    let (code, text) = directory_check(&named).await;
    assert_eq!(code, Some(0), "{text}");
    assert!(text.contains("the original services always use user-service"), "{text}");
}

/// What an administrator sees, with no database set.
async fn directory_check(named: &MongoDatabase) -> (Option<i32>, String) {
    command_with("check", &[("MONGO_URI", &named.uri()), ("MONGO_DATABASE", "")]).await
}

#[tokio::test]
async fn without_users_anywhere_the_database_is_that_of_the_original() {
    let original = OriginalDatabase::take().await;
    let named = MongoDatabase::create().await;
    id_of(&service(&named, None).start().await).await;
    assert_eq!((original.count().await, named.count().await), (1, 0));
    // Ping itself finds them there after a restart, and without a database in the URI.
    let plain = DirectorySettings { uri: shared_mongo_uri().into(), database: None };
    id_of(&Setup::default().directory_at(plain).start().await).await;
    assert_eq!((original.count().await, named.count().await), (1, 0));
}

#[tokio::test]
async fn where_both_databases_hold_users_none_is_used_until_one_is_set() {
    let original = OriginalDatabase::take().await;
    let named = MongoDatabase::create().await;
    original.insert_original(ID, "Ada", ADA).await;
    named.insert_original(OTHER_ID, "Ada", ADA).await;
    let refused = service(&named, None).start_unready().await;
    refused.wait_for_trouble("directory", Some("DirectoryTwoDatabases")).await;
    assert!(refused.health.not_ready().iter().any(|(_, why)| why.contains("MONGO_DATABASE")));
    let (code, _) = refused.code_for(ADA).await;
    refused.verify(ADA, &code).await.expect(503);
    let (code, text) = directory_check(&named).await;
    assert_eq!((code, text.contains("set MONGO_DATABASE")), (Some(1), true), "{text}");
    for (database, id) in [("user-service", ID), (named.name.as_str(), OTHER_ID)] {
        assert_eq!(id_of(&service(&named, Some(database)).start().await).await, id, "{database}");
    }
    assert_eq!((original.count().await, named.count().await), (1, 1));
}
