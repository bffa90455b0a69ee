//! The original's services and ours on one Redis and one broker: neither ends the other's codes, and the way back of the
//! queue. The original's part is done with its client libraries.

use ping_contract::{
    topology::{Desired, MAIL_QUEUE},
    topology_plan::{Conflict, Operation},
};
use rabbitmq_management::{ApplyReport, Management, ManagementConfig, apply};
use redis::AsyncCommands as _;
use serde_json::{Value, json};
use test_kit::{servers::fresh_database, vhost::Vhost, wait::wait_until};

use crate::support::{DEADLINE, Service, Setup, client, other};

const ADA: &str = "ada@example.org";
const THEIRS: &str = "482931";

/// A service of ours, and the Redis that it has in common with the original.
struct Beside {
    service: Service,
    redis_url: String,
}

impl Beside {
    async fn start() -> Self {
        let redis_url = fresh_database().await;
        let service = Setup::default().unlimited_logins().redis_url(redis_url.clone()).start().await;
        Self { service, redis_url }
    }

    async fn original(&self, action: &str, code: &str) -> Value {
        client("original-beside.cjs", &[action, &self.redis_url, ADA, code]).await
    }

    /// As if a minute had passed since the last code.
    async fn wait_for_pause(&self) {
        let _: u32 = self.service.redis().await.del(format!("otp:ratelimit:{ADA}")).await.unwrap();
    }

    async fn text_of_the_original(&self) -> Option<String> {
        self.service.redis().await.get(format!("otp:{ADA}")).await.unwrap()
    }
}

#[tokio::test]
async fn a_code_of_ours_is_no_code_to_the_original_and_stays_good_here() {
    let both = Beside::start().await;
    let (code, _) = both.service.code_for(ADA).await;
    for typed in [code.as_str(), &other(&code), "", " "] {
        assert_eq!(both.original("verify", typed).await, 400, "{typed:?}");
    }
    assert_eq!(both.text_of_the_original().await.as_deref(), Some(""));
    both.service.verify(ADA, &code).await.expect(200);
    assert_eq!(both.text_of_the_original().await, None);
}

#[tokio::test]
async fn a_login_at_the_original_and_one_here_leave_each_others_codes_good() {
    let both = Beside::start().await;
    for ours_first in [true, false] {
        let ours = if ours_first {
            let (ours, _) = both.service.code_for(ADA).await;
            both.wait_for_pause().await;
            assert_eq!(both.original("login", THEIRS).await, 200);
            ours
        } else {
            assert_eq!(both.original("login", THEIRS).await, 200);
            both.wait_for_pause().await;
            both.service.code_for(ADA).await.0
        };
        // Each belongs to the service that mailed it.
        both.service.verify(ADA, THEIRS).await.expect(400);
        assert_eq!(both.original("verify", &ours).await, 400);
        if ours_first {
            both.service.verify(ADA, &ours).await.expect(200);
            assert_eq!(both.original("verify", THEIRS).await, 200);
        } else {
            assert_eq!(both.original("verify", THEIRS).await, 200);
            both.service.verify(ADA, &ours).await.expect(200);
        }
        assert_eq!(both.original("verify", THEIRS).await, 400, "a code works once");
        both.wait_for_pause().await;
    }
}

#[tokio::test]
async fn the_pause_between_two_codes_counts_for_both() {
    let redis_url = fresh_database().await;
    let service = Setup::default().redis_url(redis_url.clone()).start().await;
    let both = Beside { service, redis_url };
    both.service.login(ADA).await.expect(200);
    assert_eq!(both.original("login", THEIRS).await, 429);
    both.wait_for_pause().await;
    assert_eq!(both.original("login", THEIRS).await, 200);
    both.service.login(ADA).await.expect(429);
}

/// They are a hash under the original's key.
#[tokio::test]
async fn codes_of_the_release_before_outlive_a_rolling_update() {
    let both = Beside::start().await;
    let service = &both.service;
    let store_as_before = async || {
        let mut rename = redis::cmd("RENAME");
        rename.arg(format!("otp:codes:{ADA}")).arg(format!("otp:{ADA}"));
        let _: () = rename.query_async(&mut service.redis().await).await.unwrap();
    };
    let (first, _) = service.code_for(ADA).await;
    store_as_before().await;
    service.verify(ADA, &other(&first)).await.expect(400);
    assert_eq!(both.text_of_the_original().await.as_deref(), Some(""));
    let life: i64 = service.redis().await.pttl(format!("otp:codes:{ADA}")).await.unwrap();
    assert!((200_000..=300_000).contains(&life), "{life}");
    store_as_before().await;
    let (second, _) = service.code_for(ADA).await;
    service.verify(ADA, &first).await.expect(200);
    service.verify(ADA, &second).await.expect(200);
}

/// A vhost where queues are classic unless they say otherwise, as on most brokers.
async fn classic_vhost() -> Vhost {
    let vhost = Vhost::create().await;
    let path = vhost.path("vhosts", "");
    vhost.management().delete(&path).await;
    let classic = json!({ "default_queue_type": "classic", "tags": ["team-a"], "description": "mail" });
    vhost.management().put(&path, &classic).await;
    vhost
}

async fn ping_topology(vhost: &Vhost, for_original: bool) -> ApplyReport {
    let broker = vhost.broker();
    let config = ManagementConfig {
        url: broker.management_url.clone(),
        user: broker.user.clone(),
        password: broker.password.clone().into(),
        ca_file: None,
    };
    let desired = Desired::new(vhost.name());
    let desired = if for_original { desired.for_original() } else { desired };
    apply(&Management::new(&config).unwrap(), &desired).await.unwrap()
}

/// The whole vhost as the original's library sees it.
async fn original(vhost: &Vhost, action: &str, argument: &str) -> Value {
    client("original-beside.cjs", &[action, &vhost.amqp_url(), argument]).await
}

async fn messages(vhost: &Vhost) -> Value {
    let path = format!("{}?disable_stats=true&enable_queue_totals=true", vhost.path("queues", MAIL_QUEUE));
    vhost.management().get(&path).await.unwrap()["messages"].clone()
}

#[tokio::test]
async fn on_the_way_back_the_original_declares_our_queue_and_takes_what_is_in_it() {
    let vhost = classic_vhost().await;
    assert_eq!(ping_topology(&vhost, false).await.conflicts, []);
    let message = json!({
        "routing_key": MAIL_QUEUE, "payload": "ours", "payload_encoding": "string",
        "properties": { "delivery_mode": 2 },
    });
    let path = format!("{}/publish", vhost.path("exchanges", "ping.mail"));
    assert_eq!(vhost.management().post(&path, &message).await["routed"], true);
    assert_eq!(original(&vhost, "publish", "theirs").await, json!({ "refused": 406 }));

    let report = ping_topology(&vhost, true).await;
    assert!(matches!(report.applied[..], [Operation::SetDefaultQueueType(..)]), "{report:?}");
    assert_eq!((report.conflicts, report.warnings), (vec![], vec![]));
    let after = vhost.management().get(&vhost.path("vhosts", "")).await.unwrap();
    assert_eq!((&after["tags"], &after["description"]), (&json!(["team-a"]), &json!("mail")));
    assert_eq!(original(&vhost, "publish", "theirs").await, 1);
    assert_eq!(original(&vhost, "mail", "2").await, json!(["ours", "theirs"]));

    // And forward again: nothing is left to do.
    for for_original in [true, false] {
        let report = ping_topology(&vhost, for_original).await;
        assert_eq!((report.applied, report.conflicts, report.warnings), (vec![], vec![], vec![]));
    }
}

#[tokio::test]
async fn queues_of_others_keep_the_default_type_that_they_rely_on() {
    let vhost = classic_vhost().await;
    ping_topology(&vhost, false).await;
    vhost.management().put(&vhost.path("queues", "orders"), &json!({ "durable": true })).await;
    let report = ping_topology(&vhost, true).await;
    assert!(
        matches!(&report.conflicts[..], [Conflict::DefaultQueueTypeInUse { queues }] if queues == "'orders'")
    );
    // What the conflict says to do instead. RabbitMQ refuses `if-empty` for quorum queues.
    assert_eq!(messages(&vhost).await, 0);
    vhost.management().delete(&vhost.path("queues", MAIL_QUEUE)).await;
    assert_eq!(original(&vhost, "publish", "theirs").await, 1);
    assert_eq!(vhost.management().get(&vhost.path("queues", MAIL_QUEUE)).await.unwrap()["type"], "classic");
}

/// The original acknowledges nothing that it could not send, so its queue never gets empty.
#[tokio::test]
async fn mails_that_nobody_acknowledges_return_when_their_consumer_is_gone_and_can_be_purged() {
    let vhost = classic_vhost().await;
    assert_eq!(original(&vhost, "publish", "theirs").await, 1);
    assert_eq!(original(&vhost, "hold", "1").await, json!(["theirs"]));
    wait_until("the message to be back", DEADLINE, || async { messages(&vhost).await == 1 }).await;
    assert_eq!(ping_topology(&vhost, false).await.conflicts.len(), 1);
    vhost.management().delete(&format!("{}/contents", vhost.path("queues", MAIL_QUEUE))).await;
    wait_until("the queue to be empty", DEADLINE, || async { messages(&vhost).await == 0 }).await;
    vhost.management().delete(&format!("{}?if-empty=true", vhost.path("queues", MAIL_QUEUE))).await;
    assert_eq!(ping_topology(&vhost, false).await.conflicts, []);
}
