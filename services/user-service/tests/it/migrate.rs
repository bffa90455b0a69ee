//! `docs/migrate.md`, step by step: people, tokens, codes and the queue of the original.

use mongodb::bson::{self, doc};
use ping_contract::topology::{Desired, MAIL_QUEUE};
use rabbitmq_management::{ApplyReport, Management, ManagementConfig, apply};
use redis::AsyncCommands as _;
use serde_json::json;
use test_kit::{servers::fresh_database, vhost::Vhost, wait::wait_until};

use crate::support::{DEADLINE, MongoDatabase, SECRET, Setup, client_text, repository};

const ADA: &str = "ada@example.org";
const ID: &str = "64f0c0ffee64f0c0ffee64f0";

/// What the guide has between ```json and ```.
fn pipeline_of_the_guide() -> Vec<bson::Document> {
    let guide = std::fs::read_to_string(repository().join("docs/migrate.md")).unwrap();
    let json = guide.split("```json").nth(1).unwrap().split("```").next().unwrap();
    let stages = serde_json::from_str::<Vec<serde_json::Value>>(json).unwrap();
    stages.iter().map(|stage| bson::serialize_to_document(stage).unwrap()).collect()
}

#[tokio::test]
async fn addresses_that_are_there_twice_are_found_and_ping_waits_until_one_is_gone() {
    use futures::TryStreamExt as _;
    let database = MongoDatabase::create().await;
    database.insert_original(ID, "Ada", ADA).await;
    database.insert_original("64f0c0ffee64f0c0ffee64f1", "Ada again", ADA).await;
    database.insert_original("64f0c0ffee64f0c0ffee64f2", "Eve", "eve@example.org").await;
    let found = database.users().aggregate(pipeline_of_the_guide()).await.unwrap();
    let found = found.try_collect::<Vec<_>>().await.unwrap();
    assert_eq!(found.len(), 1);
    assert_eq!(found[0].get_str("_id").unwrap(), ADA);

    let service = Setup::default().directory(&database.uri()).start_unready().await;
    let reason =
        || service.health.not_ready().into_iter().find(|(name, _)| *name == "directory").map(|(_, why)| why);
    let told = || async { reason().is_some_and(|why| why.contains("docs/migrate.md")) };
    wait_until("the reason to be told", DEADLINE, told).await;
    let (code, _) = service.code_for(ADA).await;
    service.verify(ADA, &code).await.expect(503);
    database.users().delete_one(doc! { "name": "Ada again" }).await.unwrap();
    wait_until("the directory to be ready", DEADLINE, || async { reason().is_none() }).await;
    assert_eq!(service.verify(ADA, &code).await.expect(200).json["user"]["_id"], ID);
}

#[tokio::test]
async fn people_and_their_tokens_go_on_and_a_code_under_way_is_asked_for_again() {
    let database = MongoDatabase::create().await;
    let redis_url = fresh_database().await;
    // As the original left it: the unique index, a person, a live token, a code in clear and its pause.
    let unique = mongodb::options::IndexOptions::builder().unique(true).build();
    let index = mongodb::IndexModel::builder().keys(doc! { "email": 1 }).options(unique).build();
    database.users().create_index(index).await.unwrap();
    database.insert_original(ID, "Ada Lovelace", "Ada@Example.org").await;
    let mut redis =
        redis::Client::open(redis_url.as_str()).unwrap().get_multiplexed_async_connection().await.unwrap();
    let _: () = redis.set_ex(format!("otp:{ADA}"), "482931", 300).await.unwrap();
    let _: () = redis.set_ex(format!("otp:ratelimit:{ADA}"), "true", 60).await.unwrap();
    let user = json!({ "_id": ID, "name": "Ada Lovelace", "email": "Ada@Example.org", "__v": 0 }).to_string();
    let token = client_text("sign-shared-secret.cjs", &[&user, str::from_utf8(SECRET).unwrap()]).await;

    let service = Setup::default().redis_url(redis_url).directory(&database.uri()).start().await;
    let me = service.ask("GET", "/api/v1/users/me", Some(&token)).await.expect(200);
    assert_eq!(me.json["user"]["name"], "Ada Lovelace");
    service.verify(ADA, "482931").await.expect(400);
    service.login(ADA).await.expect(429);
    let _: () = redis.del(format!("otp:ratelimit:{ADA}")).await.unwrap();
    assert_eq!(service.sign_in(ADA).await.json["user"]["_id"], ID);
    assert_eq!(database.count().await, 1);
}

async fn ping_topology(vhost: &Vhost) -> ApplyReport {
    let broker = vhost.broker();
    let config = ManagementConfig {
        url: broker.management_url.clone(),
        user: broker.user.clone(),
        password: broker.password.clone().into(),
        ca_file: None,
    };
    let desired = Desired::new(vhost.name());
    apply(&Management::new(&config).unwrap(), &desired).await.unwrap()
}

/// As the original's amqplib declares it where queues are classic, with a mail that is not sent yet.
async fn queue_of_the_original(vhost: &Vhost) {
    let classic = json!({ "durable": true, "arguments": { "x-queue-type": "classic" } });
    vhost.management().put(&vhost.path("queues", MAIL_QUEUE), &classic).await;
    let body = json!({ "to": ADA, "subject": "Your OTP Code", "body": "Your OTP code is 482931. It is valid for 5 minutes." });
    let message = json!({
        "routing_key": MAIL_QUEUE, "payload": body.to_string(), "payload_encoding": "string",
        "properties": { "delivery_mode": 2 },
    });
    let path = format!("{}/publish", vhost.path("exchanges", "amq.default"));
    assert_eq!(vhost.management().post(&path, &message).await["routed"], true);
}

#[tokio::test]
async fn a_classic_queue_is_never_deleted_and_is_named_until_it_is_drained_and_gone() {
    let vhost = Vhost::create().await;
    queue_of_the_original(&vhost).await;
    let refused = ping_topology(&vhost).await;
    assert_eq!(refused.conflicts.len(), 1, "{refused:?}");
    assert!(format!("{:?}", refused.conflicts[0]).contains(MAIL_QUEUE));

    // The original's mail-service takes what is left.
    let path = format!("{}/get", vhost.path("queues", MAIL_QUEUE));
    let one = json!({ "count": 1, "ackmode": "ack_requeue_false", "encoding": "auto" });
    let taken = vhost.management().post(&path, &one).await;
    assert_eq!(taken.as_array().unwrap().len(), 1);
    vhost.management().delete(&format!("{}?if-empty=true", vhost.path("queues", MAIL_QUEUE))).await;
    assert_eq!(ping_topology(&vhost).await.conflicts, []);
    let queue = vhost.management().get(&vhost.path("queues", MAIL_QUEUE)).await.unwrap();
    assert_eq!(queue["type"], "quorum");
}

#[tokio::test]
async fn a_vhost_of_its_own_leaves_the_old_queue_alone() {
    let old = Vhost::create().await;
    let new = Vhost::create().await;
    queue_of_the_original(&old).await;
    assert_eq!(ping_topology(&new).await.conflicts, []);
    let path = old.path("queues", MAIL_QUEUE);
    let kept = old.management().wait_for("the old mail", &path, |queue| queue["messages"] == 1).await;
    assert_eq!(kept["type"], "classic");
}
