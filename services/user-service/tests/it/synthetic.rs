//! Synthetic sign-ins: the operator's, by addresses of the reserved domain.

use ping_contract::synthetic;
use test_kit::{
    proxy::{Mode, Proxy},
    servers::shared_mongo_uri,
};

use crate::support::{MongoDatabase, Service, Setup};

#[tokio::test]
async fn a_synthetic_sign_in_gets_a_token_and_is_nobody_in_the_directory() {
    let database = MongoDatabase::create().await;
    let service = Setup::default().directory(&database.uri()).start().await;
    for number in [1, 2] {
        let address = synthetic::address(number);
        let (code, challenge) = service.code_for(&address).await;
        let answer = service.verify_with(&challenge, &address, &code).await.expect(200);
        assert_eq!(answer.json["user"]["_id"], synthetic::USER_ID);
        assert!(answer.json["token"].as_str().is_some());
        service.verify_with(&challenge, &address, &code).await.expect(400);
    }
    assert_eq!(database.count().await, 0, "no document is made");
}

#[tokio::test]
async fn a_synthetic_sign_in_fails_where_users_fail_for_want_of_the_directory() {
    let database = MongoDatabase::create().await;
    let upstream = shared_mongo_uri().trim_start_matches("mongodb://").trim_end_matches('/').parse().unwrap();
    let proxy = Proxy::start(upstream).await;
    let service = Setup::default().directory(&database.uri_at(proxy.address())).start().await;
    let address = synthetic::address(3);
    let (code, challenge) = service.code_for(&address).await;
    proxy.set_mode(Mode::Refuse).await;
    proxy.reset_connections();
    service.verify_with(&challenge, &address, &code).await.expect(503);
}

#[tokio::test]
async fn the_code_of_a_synthetic_sign_in_is_worth_nothing_without_its_challenge() {
    let service = Service::start().await;
    let address = synthetic::address(4);
    let (code, challenge) = service.code_for(&address).await;
    service.verify(&address, &code).await.expect(400);
    service.verify_with("another", &address, &code).await.expect(400);
    let answer = service.verify_with(&challenge, &address, &code).await.expect(200);
    assert_eq!(answer.json["user"]["_id"], synthetic::USER_ID, "without a directory too");
}
