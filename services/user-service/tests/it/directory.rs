//! Addresses that the original stored in forms of their own, the commands for administrators, and the way back.

use std::process::Output;

use mongodb::bson::doc;
use test_kit::servers::shared_mongo_uri;
use tokio::process::Command;
use user_service::accounts::DirectorySettings;

use crate::support::{MongoDatabase, OriginalDatabase, Service, Setup, client};

const LOWER: &str = "64f0c0ffee64f0c0ffee64f0";
const MIXED: &str = "64f0c0ffee64f0c0ffee64f1";
const UPPER: &str = "64f0c0ffee64f0c0ffee64f2";

async fn with_directory() -> (MongoDatabase, Service) {
    let database = MongoDatabase::create().await;
    let service = Setup::default().unlimited_logins().directory(&database.uri()).start().await;
    (database, service)
}

async fn id_of(service: &Service, email: &str) -> String {
    service.sign_in(email).await.json["user"]["_id"].as_str().unwrap().to_owned()
}

#[tokio::test]
async fn of_two_letter_cases_the_one_as_written_comes_first_and_then_the_lower_case_one() {
    let (database, service) = with_directory().await;
    database.insert_original(LOWER, "Ada", "ada@example.org").await;
    database.insert_original(MIXED, "Ada L.", "Ada@Example.org").await;
    for (written, id) in [
        ("Ada@Example.org", MIXED),
        ("ada@example.org", LOWER),
        ("ADA@EXAMPLE.ORG", LOWER),
        (" Ada@Example.org ", MIXED),
    ] {
        let (code, _) = service.code_for("ada@example.org").await;
        let user = service.verify(written, &code).await.expect(200).json["user"].clone();
        assert_eq!(user["_id"], id, "{written}");
    }
    assert_eq!(database.count().await, 2);
    assert_eq!(database.users().count_documents(doc! { "email": "Ada@Example.org" }).await.unwrap(), 1);
}

#[tokio::test]
async fn of_two_users_that_differ_in_spaces_or_punycode_the_one_as_written_comes_first() {
    let (database, service) = with_directory().await;
    for (one, other, address) in [
        ("ada@example.org", " ada@example.org ", "ada@example.org"),
        ("bob@xn--bcher-kva.example", "bob@b\u{fc}cher.example", "bob@xn--bcher-kva.example"),
    ] {
        database.users().delete_many(doc! {}).await.unwrap();
        database.insert_original(LOWER, "One", one).await;
        database.insert_original(MIXED, "Other", other).await;
        for (written, id) in [(one, LOWER), (other, MIXED)] {
            let (code, _) = service.code_for(address).await;
            let user = service.verify(written, &code).await.expect(200).json["user"].clone();
            assert_eq!(user["_id"], id, "{written:?}");
        }
        assert_eq!(database.count().await, 2);
    }
}

#[tokio::test]
async fn of_several_users_none_is_guessed_and_the_exact_form_signs_in() {
    let (database, service) = with_directory().await;
    database.insert_original(MIXED, "Ada", "Ada@Example.org").await;
    database.insert_original(UPPER, "ADA", "ADA@EXAMPLE.ORG").await;
    let (code, _) = service.code_for("ada@example.org").await;
    service.verify("ada@example.org", &code).await.expect(503);
    // The code stays valid, and both stay as they are.
    assert_eq!(service.verify("ADA@EXAMPLE.ORG", &code).await.expect(200).json["user"]["_id"], UPPER);
    assert_eq!(id_of(&service, "Ada@Example.org").await, MIXED);
    let (code, _) = service.code_for("ada@example.org").await;
    service.verify("ada@example.org", &code).await.expect(503);
    assert_eq!(database.count().await, 2);
}

#[tokio::test]
async fn addresses_stored_with_spaces_or_a_unicode_domain_are_found() {
    let (database, service) = with_directory().await;
    database.insert_original(LOWER, "Ada", " Ada@example.org ").await;
    database.insert_original(MIXED, "Bob", "Bob@B\u{fc}cher.example").await;
    assert_eq!(id_of(&service, "ada@example.org").await, LOWER);
    assert_eq!(id_of(&service, "bob@xn--bcher-kva.example").await, MIXED);
    // White space that is not ASCII, and a domain in full-width letters.
    database.insert_original(UPPER, "Eve", "\u{a0}Eve@\u{ff45}xample.org\u{3000}").await;
    assert_eq!(id_of(&service, "eve@example.org").await, UPPER);
    assert_eq!(database.count().await, 3);
    let stored = database.users().find_one(doc! { "email": "bob@xn--bcher-kva.example" }).await.unwrap();
    assert_eq!(stored.unwrap().get_str("emailAsWritten").unwrap(), "Bob@B\u{fc}cher.example");
}

async fn command(database: &MongoDatabase, command: &str) -> (Option<i32>, String) {
    command_with(command, &[("MONGO_URI", &shared_mongo_uri()), ("MONGO_DATABASE", &database.name)]).await
}

pub(crate) async fn command_with(command: &str, environment: &[(&str, &str)]) -> (Option<i32>, String) {
    let mut program = Command::new(env!("CARGO_BIN_EXE_user-service"));
    let program = program.args(["directory", command]).env_clear().envs(environment.iter().copied()).output();
    let Output { status, stdout, stderr } = program.await.unwrap();
    let text = String::from_utf8(stdout).unwrap() + &String::from_utf8(stderr).unwrap();
    (status.code(), text)
}

#[tokio::test]
async fn the_command_check_lists_what_it_finds_and_changes_nothing() {
    let database = MongoDatabase::create().await;
    database.insert_original(LOWER, "Ada", "ada@example.org").await;
    let (code, text) = command(&database, "check").await;
    assert_eq!(code, Some(0), "{text}");
    database.insert_original(MIXED, "Ada", "Ada@example.org").await;
    database.insert_original(UPPER, "Eve", "eve at example.org").await;
    let (code, text) = command(&database, "check").await;
    assert_eq!(code, Some(1), "{text}");
    for line in [
        format!("address of several users: a***@example.org: {LOWER}, {MIXED}"),
        format!("cannot sign in: {UPPER}"),
    ] {
        assert!(text.contains(&line), "{line} is missing in:\n{text}");
    }
    assert_eq!(database.users().count_documents(doc! { "email": "Ada@example.org" }).await.unwrap(), 1);
}

#[tokio::test]
async fn an_empty_variable_is_an_unset_one() {
    test_kit::environment::assert_empty_is_unset(env!("CARGO_BIN_EXE_user-service"));
    let (code, text) = command_with("check", &[("MONGO_URI", ""), ("MONGO_DATABASE", "")]).await;
    assert_eq!((code, text.contains("MONGO_URI is not set")), (Some(1), true), "{text}");
    // MONGO_DATABASE must be a name where it is set, and decides where two databases hold users.
    let _empty = OriginalDatabase::take().await;
    let database = MongoDatabase::create().await;
    database.insert_original(LOWER, "Ada", "ada@example.org").await;
    let (code, text) = command_with("check", &[("MONGO_URI", &database.uri()), ("MONGO_DATABASE", "")]).await;
    assert_eq!((code, text.contains("users")), (Some(0), true), "{text}");
}

#[tokio::test]
async fn to_ping_and_back_to_the_original_nobody_is_doubled() {
    let database = OriginalDatabase::take().await;
    let uri = shared_mongo_uri();
    let original = |action: &'static str, rest: &[&str]| {
        let words =
            [&[action, uri.as_str()], rest].concat().into_iter().map(str::to_owned).collect::<Vec<_>>();
        async move { client("original.cjs", &words.iter().map(String::as_str).collect::<Vec<_>>()).await }
    };
    let ada = original("sign-in", &["Ada@Example.org"]).await;
    let settings = || DirectorySettings { uri: shared_mongo_uri().into(), database: None };

    let service = Setup::default().unlimited_logins().directory_at(settings()).start().await;
    assert_eq!(ada["_id"], id_of(&service, "ada@example.org").await);
    let bob = id_of(&service, "Bob@Example.org").await;
    drop(service);

    let (code, text) = command(&database, "restore").await;
    assert_eq!((code, text.contains("2 addresses restored")), (Some(0), true), "{text}");
    assert_eq!(original("sign-in", &["Ada@Example.org"]).await["_id"], ada["_id"]);
    assert_eq!(original("sign-in", &["Bob@Example.org"]).await["_id"], bob);
    assert_eq!(original("rename", &[&bob, "Bob B."]).await["name"], "Bob B.");
    assert_eq!(database.count().await, 2);

    let service = Setup::default().unlimited_logins().directory_at(settings()).start().await;
    assert_eq!(service.sign_in("bob@example.org").await.json["user"]["name"], "Bob B.");
    assert_eq!(ada["_id"], id_of(&service, "Ada@Example.org").await);
    assert_eq!(database.count().await, 2);
}
