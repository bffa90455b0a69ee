use ping_contract::{topology::Desired, topology_plan::Warning, users::Role};
use rabbitmq_management::{Management, apply};
use serde_json::{Value, json};
use test_kit::vhost::Vhost;

use crate::{applied_vhost, apply_to, delete_users, desired, management_config, user_of};

#[tokio::test]
async fn queue_types_and_policies_are_as_the_contract_says_when_the_broker_reports_them() {
    let (vhost, _) = applied_vhost().await;
    let common = json!({ "overflow": "reject-publish", "max-length": 100_000, "delivery-limit": -1 });
    let tier = |milliseconds: u64| {
        json!({
            "message-ttl": milliseconds, "dead-letter-exchange": "", "dead-letter-routing-key": "send-otp",
            "dead-letter-strategy": "at-least-once",
        })
    };
    for (queue, own) in [
        ("send-otp", json!({})),
        ("send-otp.retry.5s", tier(5_000)),
        ("send-otp.retry.15s", tier(15_000)),
        ("send-otp.retry.45s", tier(45_000)),
        ("send-otp.dead", json!({ "message-ttl": 604_800_000 })),
    ] {
        let reported = |value: &Value| value.get("effective_policy_definition").is_some();
        let path = vhost.path("queues", queue);
        let value = vhost.management().wait_for("the queue's effective policy", &path, reported).await;
        let mut expected = common.clone();
        expected.as_object_mut().unwrap().extend(own.as_object().unwrap().clone());
        assert_eq!(value["effective_policy_definition"], expected, "{queue}");
        assert_eq!(value["type"], "quorum", "{queue}");
        assert_eq!(value["arguments"], json!({ "x-queue-type": "quorum" }), "{queue}");
        assert_eq!(value["policy"], format!("ping.{queue}"));
    }
}

#[tokio::test]
async fn a_second_apply_changes_nothing() {
    let vhost = Vhost::create().await;
    let users = Role::ALL.map(|role| user_of(&vhost, role));
    let desired = users.into_iter().fold(desired(&vhost), Desired::with_user);
    let first = apply_to(&vhost, &desired).await;
    assert_eq!((first.applied.len(), first.conflicts), (2 + 5 + 5 + 5 + 4 + 4, vec![]));
    // Another salt, as another process would draw it: the hash that is there is of the same password.
    let mut again = desired.clone();
    again.users.iter_mut().for_each(|user| user.salt = [9; 4]);
    let second = apply_to(&vhost, &again).await;
    assert_eq!((second.applied, second.conflicts, second.warnings), (vec![], vec![], vec![]));
    delete_users(&vhost, &desired).await;
}

#[tokio::test]
async fn a_missing_vhost_is_made_with_quorum_as_its_default() {
    let vhost = Vhost::create().await;
    vhost.management().delete(&vhost.path("vhosts", "")).await;
    apply_to(&vhost, &desired(&vhost)).await;
    let made = vhost.management().get(&vhost.path("vhosts", "")).await.unwrap();
    assert_eq!(made["default_queue_type"], "quorum");
}

#[tokio::test]
async fn another_default_queue_type_is_told_and_left_as_it_is() {
    let vhost = Vhost::create().await;
    let path = vhost.path("vhosts", "");
    vhost.management().delete(&path).await;
    vhost.management().put(&path, &json!({ "default_queue_type": "classic" })).await;
    let report = apply_to(&vhost, &desired(&vhost)).await;
    assert_eq!(report.warnings, [Warning::DefaultQueueType("classic".into())]);
    assert_eq!(vhost.management().get(&path).await.unwrap()["default_queue_type"], "classic");
}

#[tokio::test]
async fn the_server_version_is_read() {
    let (vhost, desired) = applied_vhost().await;
    let overview = vhost.management().get("/api/overview").await.unwrap();
    let report = apply_to(&vhost, &desired).await;
    assert_eq!(report.server_version, overview["rabbitmq_version"].as_str().unwrap());
}

#[tokio::test]
async fn an_error_says_what_to_do_and_holds_no_password() {
    let vhost = Vhost::create().await;
    let mut config = management_config(&vhost);
    config.password = "s3cret".into();
    let refused = apply(&Management::new(&config).unwrap(), &desired(&vhost)).await.unwrap_err();
    config.url = format!("http://127.0.0.1:{}", test_kit::port::free_port());
    let unreachable = apply(&Management::new(&config).unwrap(), &desired(&vhost)).await.unwrap_err();
    for (error, advice) in [(refused, "check user and password"), (unreachable, "its port reachable")] {
        let text = service_kit::telemetry::chain(&error);
        assert!(text.contains(advice) && !text.contains("s3cret"), "{text}");
    }
}
