//! The directory of people, in a real MongoDB or what speaks its protocol.

use futures::future::join_all;
use mongodb::bson::doc;
use ping_contract::address::EmailAddress;
use serde_json::{Value, json};
use test_kit::{
    proxy::{Mode, Proxy},
    servers::shared_mongo_uri,
    wait::wait_until,
};
use user_service::accounts::DerivedAccounts;

use crate::support::{CLIENT, DEADLINE, MongoDatabase, Service, Setup, USER_ID_KEY};

const ADA: &str = "ada@example.org";
const ID: &str = "64f0c0ffee64f0c0ffee64f0";

async fn with_directory() -> (MongoDatabase, Service) {
    let database = MongoDatabase::create().await;
    let service = Setup::default().unlimited_logins().directory(&database.uri()).start().await;
    (database, service)
}

fn token(answer: &crate::support::Answer) -> String {
    answer.json["token"].as_str().unwrap().to_owned()
}

#[tokio::test]
async fn the_first_verify_makes_the_person_and_the_next_finds_them() {
    let (database, service) = with_directory().await;
    let first = service.sign_in(ADA).await;
    let user = &first.json["user"];
    assert_eq!((user["name"].as_str(), user["email"].as_str()), (Some("ada"), Some(ADA)));
    assert!(user["createdAt"].as_str().unwrap().ends_with('Z'), "{user}");
    assert_eq!(service.sign_in("ADA@Example.org").await.json["user"], *user);
    assert_eq!(database.count().await, 1);
    let stored = database.users().find_one(doc! {}).await.unwrap().unwrap();
    let mut fields = stored.keys().map(String::as_str).collect::<Vec<_>>();
    fields.sort_unstable();
    assert_eq!(fields, ["__v", "_id", "createdAt", "email", "name", "updatedAt"]);
    assert_eq!(stored.get_object_id("_id").unwrap().to_hex(), user["_id"].as_str().unwrap());
}

#[tokio::test]
async fn addresses_are_kept_apart_by_the_unique_index_email_1() {
    let (database, _service) = with_directory().await;
    let index = database.users().list_index_names().await.unwrap();
    assert!(index.contains(&"email_1".to_owned()), "{index:?}");
    database.insert_original(ID, "Ada", ADA).await;
    let again = database.users().insert_one(doc! { "name": "Eve", "email": ADA }).await;
    assert!(again.unwrap_err().to_string().contains("11000"));
}

#[tokio::test(flavor = "multi_thread")]
async fn two_first_verifies_make_one_user() {
    let (database, service) = with_directory().await;
    for round in 0..10 {
        let email = format!("ada{round}@example.org");
        let (first, _) = service.code_for(&email).await;
        let (second, _) = service.code_for(&email).await;
        let answers = join_all([service.verify(&email, &first), service.verify(&email, &second)]).await;
        let ids = answers.into_iter().map(|answer| answer.expect(200).json["user"]["_id"].clone());
        let ids = ids.collect::<Vec<_>>();
        assert_eq!(ids[0], ids[1]);
        assert_eq!(database.count().await, round + 1);
    }
}

#[tokio::test]
async fn documents_of_the_original_are_adopted_in_whatever_case_their_address_is() {
    let (database, service) = with_directory().await;
    database.insert_original(ID, "Ada Lovelace", "Ada.L+x@Example.ORG").await;
    database.insert_original("64f0c0ffee64f0c0ffee64f1", "Eve", "adaxl+x@example.org").await;
    let user = service.sign_in("ada.l+x@example.org").await.json["user"].clone();
    assert_eq!((user["_id"].as_str(), user["name"].as_str()), (Some(ID), Some("Ada Lovelace")));
    assert_eq!(user["email"], "ada.l+x@example.org");
    assert_eq!(user["createdAt"], "2023-11-14T22:13:20.123Z");
    assert_eq!(database.count().await, 2);
    let stored = database.users().find_one(doc! { "email": "ada.l+x@example.org" }).await.unwrap().unwrap();
    assert_eq!(stored.get_i32("__v").unwrap(), 0);
}

/// Case folding in Unicode maps U+212A (KELVIN SIGN) to `k` and U+017F (LONG S) to `s`.
#[tokio::test]
async fn an_address_with_letters_that_fold_to_ascii_is_another_users() {
    let (database, service) = with_directory().await;
    database.insert_original(ID, "Eve", "\u{212a}ass@example.org").await;
    database.insert_original("64f0c0ffee64f0c0ffee64f1", "Mallory", "ka\u{17f}s@example.org").await;
    let user = service.sign_in("kass@example.org").await.json["user"].clone();
    assert_eq!((user["name"].as_str(), database.count().await), (Some("kass"), 3));
    // Such a document does not hide the one that is the user's.
    database.insert_original("64f0c0ffee64f0c0ffee64f2", "Kim", "KIM@example.org").await;
    database.insert_original("64f0c0ffee64f0c0ffee64f3", "Eve", "\u{212a}im@example.org").await;
    assert_eq!(service.sign_in("kim@example.org").await.json["user"]["name"], "Kim");
    assert_eq!(database.count().await, 5);
}

#[tokio::test(flavor = "multi_thread")]
async fn while_the_directory_is_down_verify_is_503_and_the_code_stays_good() {
    let database = MongoDatabase::create().await;
    let upstream = shared_mongo_uri().trim_start_matches("mongodb://").trim_end_matches('/').parse().unwrap();
    let proxy = Proxy::start(upstream).await;
    let service =
        Setup::default().unlimited_logins().directory(&database.uri_at(proxy.address())).start().await;
    let (code, _) = service.code_for(ADA).await;
    for mode in [Mode::Refuse, Mode::BlackHole] {
        proxy.set_mode(mode).await;
        if mode == Mode::Refuse {
            proxy.reset_connections();
        }
        let answer = service.verify(ADA, &code).await.expect(503);
        assert_eq!(answer.header("retry-after"), "2");
        assert_eq!(answer.json["code"], "unavailable");
    }
    proxy.set_mode(Mode::Forward).await;
    proxy.cut_connections();
    wait_until("the code to be good again", DEADLINE, || async {
        service.verify(ADA, &code).await.status == 200
    })
    .await;
    assert_eq!(database.count().await, 1);
}

#[tokio::test]
async fn a_directory_that_is_not_there_yet_is_waited_for() {
    let database = MongoDatabase::create().await;
    let upstream = shared_mongo_uri().trim_start_matches("mongodb://").trim_end_matches('/').parse().unwrap();
    let proxy = Proxy::start(upstream).await;
    proxy.set_mode(Mode::Refuse).await;
    let service = Setup::default().directory(&database.uri_at(proxy.address())).start_unready().await;
    let (code, _) = service.code_for(ADA).await;
    service.verify(ADA, &code).await.expect(503);
    assert!(service.health.not_ready().iter().any(|(name, _)| *name == "directory"));
    proxy.set_mode(Mode::Forward).await;
    wait_until("the directory", DEADLINE, || async { service.health.not_ready().is_empty() }).await;
    service.verify(ADA, &code).await.expect(200);
}

#[tokio::test]
async fn a_later_directory_keeps_the_ids() {
    let derived = Service::start().await.sign_in(ADA).await.json["user"]["_id"].clone();
    let (_database, service) = with_directory().await;
    let kept = service.sign_in(ADA).await.json["user"]["_id"].clone();
    assert_eq!(kept, derived);
    let address = EmailAddress::parse(ADA).unwrap();
    assert_eq!(kept, DerivedAccounts::new(&USER_ID_KEY).id(&address));
}

#[tokio::test]
async fn without_a_directory_me_is_answered_from_the_token_and_the_rest_names_mongo_uri() {
    let service = Service::start().await;
    let signed_in = service.sign_in(ADA).await;
    let token = token(&signed_in);
    let me = service.ask("GET", "/api/v1/users/me", Some(&token)).await.expect(200);
    assert_eq!(me.json["user"], signed_in.json["user"]);
    let id = me.json["user"]["_id"].as_str().unwrap();
    for answer in [
        service.ask("GET", "/api/v1/users", Some(&token)).await,
        service.ask("GET", &format!("/api/v1/users/{id}"), Some(&token)).await,
        service.ask("GET", &format!("/api/v1/users/{id}"), None).await,
        rename(&service, &token, &json!({ "name": "Ada" })).await,
    ] {
        let answer = answer.expect(501);
        assert_eq!(answer.header("content-type"), "application/problem+json");
        assert!(answer.message().contains("MONGO_URI"), "{answer:?}");
    }
}

async fn rename(service: &Service, token: &str, body: &Value) -> crate::support::Answer {
    let authorization = format!("Bearer {token}");
    let headers = [("authorization", authorization.as_str()), ("x-forwarded-for", CLIENT)];
    service.put("/api/v1/users/me", body, &headers).await
}

#[tokio::test]
async fn a_rename_answers_the_person_and_a_token_with_the_new_name() {
    let (_database, service) = with_directory().await;
    let old = token(&service.sign_in(ADA).await);
    let answer = rename(&service, &old, &json!({ "name": " Ada L. " })).await.expect(200);
    assert_eq!(answer.message(), "Name updated successfully");
    assert_eq!(answer.json["user"]["name"], "Ada L.");
    for token in [&old, &token(&answer)] {
        let me = service.ask("GET", "/api/v1/users/me", Some(token)).await.expect(200);
        assert_eq!(me.json["user"]["name"], "Ada L.");
    }
    let nameless = rename(&service, &old, &json!({ "name": "  " })).await.expect(400);
    assert_eq!(nameless.message(), "Name is required and must be a non-empty string");
}

#[tokio::test]
async fn a_person_removed_from_the_directory_has_a_token_no_more() {
    let (database, service) = with_directory().await;
    let token = token(&service.sign_in(ADA).await);
    database.users().delete_many(doc! {}).await.unwrap();
    let answer = service.ask("GET", "/api/v1/users/me", Some(&token)).await.expect(401);
    assert_eq!(answer.message(), "Please login to access, invalid token!");
}

#[tokio::test]
async fn a_person_is_shown_by_id_without_a_token_and_without_an_address() {
    let (database, service) = with_directory().await;
    database.insert_original(ID, "Eve", "eve@example.org").await;
    let path = format!("/api/v1/users/{ID}");
    let stranger = service.ask("GET", &path, None).await.expect(200);
    assert_eq!(stranger.json, json!({ "user": { "_id": ID, "name": "Eve" } }));
    let ada = token(&service.sign_in(ADA).await);
    let with_token = service.ask("GET", &path, Some(&ada)).await.expect(200);
    assert_eq!(with_token.json["user"].get("email"), None);
    let with_bad_token = service.ask("GET", &path, Some("nonsense")).await.expect(200);
    assert_eq!(with_bad_token.json, stranger.json);
    let eve = token(&service.sign_in("eve@example.org").await);
    assert_eq!(service.ask("GET", &path, Some(&eve)).await.json["user"]["email"], "eve@example.org");
    for unknown in ["/api/v1/users/64f0c0ffee64f0c0ffee64ff", "/api/v1/users/nobody", "/api/v1/users/%ff"] {
        assert_eq!(
            service.ask("GET", unknown, None).await.expect(404).message(),
            "User not found",
            "{unknown}"
        );
    }
}

#[tokio::test]
async fn everyone_is_listed_at_once_and_in_pages_only_with_a_limit() {
    let (database, service) = with_directory().await;
    for number in 0..120 {
        database.insert_original(&format!("{number:024x}"), "Eve", &format!("eve{number}@example.org")).await;
    }
    service.ask("GET", "/api/v1/users", None).await.expect(401);
    let ada = token(&service.sign_in(ADA).await);
    let all = service.ask("GET", "/api/v1/users", Some(&ada)).await.expect(200).json;
    assert_eq!(all["users"].as_array().unwrap().len(), 121);
    assert_eq!(all.as_object().unwrap().len(), 1);
    let with_address = all["users"].as_array().unwrap().iter().filter(|user| user.get("email").is_some());
    assert_eq!(with_address.count(), 1, "the caller's own address alone");

    let mut paged = Vec::new();
    let mut path = "/api/v1/users?limit=50".to_owned();
    for size in [50, 50, 21] {
        let page = service.ask("GET", &path, Some(&ada)).await.expect(200).json;
        assert_eq!(page["users"].as_array().unwrap().len(), size);
        paged.extend(page["users"].as_array().unwrap().clone());
        path = format!("/api/v1/users?limit=50&after={}", page["next"].as_str().unwrap_or("none"));
    }
    assert!(path.ends_with("none"));
    assert_eq!(Value::from(paged), all["users"]);
    let first = service.ask("GET", "/api/v1/users?limit=5", Some(&ada)).await.expect(200).json;
    for (odd, expected) in [
        ("?limit=0", &all),
        ("?limit=x", &all),
        ("?limit=5000", &all),
        ("?limit=1&limit=2", &all),
        ("?after=x", &all),
        ("?limit=5&after=x", &first),
    ] {
        let answer = service.ask("GET", &format!("/api/v1/users{odd}"), Some(&ada)).await.expect(200);
        assert_eq!(answer.json, *expected, "{odd}");
    }
}

#[tokio::test]
async fn a_list_without_a_limit_ends_after_a_thousand_and_says_where_to_go_on() {
    let (database, service) = with_directory().await;
    let person = |number| {
        let id = mongodb::bson::oid::ObjectId::parse_str(format!("{number:024x}")).unwrap();
        doc! { "_id": id, "name": "Eve", "email": format!("eve{number}@example.org") }
    };
    database.users().insert_many((0..1100).map(person)).await.unwrap();
    let ada = token(&service.sign_in(ADA).await);
    let first = service.ask("GET", "/api/v1/users", Some(&ada)).await.expect(200).json;
    assert_eq!(first["users"].as_array().unwrap().len(), 1000);
    let next = format!("/api/v1/users?after={}", first["next"].as_str().unwrap());
    let second = service.ask("GET", &next, Some(&ada)).await.expect(200).json;
    assert_eq!((second["users"].as_array().unwrap().len(), second.get("next")), (101, None));
    assert_eq!(second["users"][0]["_id"], format!("{:024x}", 1000));
}

#[tokio::test]
async fn where_users_are_not_listed_the_answer_says_how_to_have_them_listed() {
    let database = MongoDatabase::create().await;
    let service = Setup::default().directory(&database.uri()).unlisted_users().start().await;
    service.ask("GET", "/api/v1/users", None).await.expect(401);
    let signed_in = service.sign_in(ADA).await;
    let answer = service.ask("GET", "/api/v1/users", Some(&token(&signed_in))).await.expect(501);
    assert_eq!(
        (&answer.json["code"], answer.message().contains("LIST_USERS")),
        (&json!("users-not-listed"), true)
    );
    let path = format!("/api/v1/users/{}", signed_in.json["user"]["_id"].as_str().unwrap());
    service.ask("GET", &path, Some(&token(&signed_in))).await.expect(200);
}

#[tokio::test]
async fn addresses_of_others_are_shown_where_that_is_on() {
    let database = MongoDatabase::create().await;
    database.insert_original(ID, "Eve", "eve@example.org").await;
    let service = Setup::default().directory(&database.uri()).directory_emails().start().await;
    let ada = token(&service.sign_in(ADA).await);
    let list = service.ask("GET", "/api/v1/users", Some(&ada)).await.expect(200).json;
    assert!(list["users"].as_array().unwrap().iter().all(|user| user["email"].is_string()), "{list}");
    let stranger = service.ask("GET", &format!("/api/v1/users/{ID}"), None).await.expect(200).json;
    assert_eq!(stranger["user"].get("email"), None);
}
