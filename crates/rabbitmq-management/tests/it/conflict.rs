use ping_contract::{
    topology::{MAIL_EXCHANGE, MAIL_QUEUE},
    topology_plan::{Conflict, Operation},
};
use serde_json::json;
use test_kit::vhost::Vhost;

use crate::{applied_vhost, apply_to, desired};

#[tokio::test]
async fn a_queue_with_other_arguments_is_told_and_left_untouched() {
    let vhost = Vhost::create().await;
    let path = vhost.path("queues", MAIL_QUEUE);
    let arguments = json!({ "x-queue-type": "classic", "x-max-length": 7 });
    vhost.management().put(&path, &json!({ "durable": true, "arguments": arguments })).await;

    for _ in 0..2 {
        let report = apply_to(&vhost, &desired(&vhost)).await;
        assert!(
            matches!(&report.conflicts[..], [Conflict::Queue { name, .. }] if name == MAIL_QUEUE),
            "{report:?}"
        );
    }
    assert_eq!(vhost.management().get(&path).await.unwrap()["arguments"], arguments);
    let bindings = vhost.management().get(&format!("{path}/bindings")).await.unwrap();
    let sources = bindings.as_array().unwrap().iter().map(|binding| &binding["source"]).collect::<Vec<_>>();
    assert_eq!(sources, [""], "a queue that is not ours must not be fed codes");
}

#[tokio::test]
async fn an_exchange_of_another_type_is_told_and_left_untouched_while_the_rest_is_applied() {
    let vhost = Vhost::create().await;
    let path = vhost.path("exchanges", MAIL_EXCHANGE);
    vhost.management().put(&path, &json!({ "type": "fanout", "durable": true })).await;
    let report = apply_to(&vhost, &desired(&vhost)).await;
    let actual = "durable fanout".to_owned();
    assert_eq!(report.conflicts, [Conflict::Exchange { name: MAIL_EXCHANGE.into(), actual }]);
    assert_eq!(vhost.management().get(&path).await.unwrap()["type"], "fanout");
    assert!(vhost.management().get(&vhost.path("queues", "send-otp.dead")).await.is_some());
}

#[tokio::test]
async fn a_policy_that_outranks_ours_is_told() {
    let (vhost, desired) = applied_vhost().await;
    let policy =
        json!({ "pattern": ".*", "definition": { "max-length": 1 }, "priority": 1000, "apply-to": "queues" });
    vhost.management().put(&vhost.path("policies", "everything"), &policy).await;
    let report = apply_to(&vhost, &desired).await;
    assert_eq!((report.applied, report.conflicts.len()), (vec![], 5));
    vhost.management().delete(&vhost.path("policies", "everything")).await;
    assert_eq!(apply_to(&vhost, &desired).await.conflicts, [], "gone at once, not when statistics are fresh");
}

#[tokio::test]
async fn a_vhost_is_claimed_once_and_refused_to_another_owner() {
    let vhost = Vhost::create().await;
    let path = vhost.path("vhosts", "");
    vhost.management().put(&path, &json!({ "tags": ["team-a"] })).await;

    let ours = desired(&vhost).owned_by("cluster/shop/ping");
    let report = apply_to(&vhost, &ours).await;
    assert!(matches!(report.applied.first(), Some(Operation::ClaimVhost(..))), "{report:?}");
    let claimed = vhost.management().get(&path).await.unwrap();
    assert_eq!(claimed["tags"], json!(["team-a", "cluster/shop/ping"]));
    assert_eq!(claimed["default_queue_type"], "quorum", "a claim changes nothing else");
    assert_eq!(apply_to(&vhost, &ours).await.applied, []);

    let report = apply_to(&vhost, &desired(&vhost).owned_by("cluster/shop/other")).await;
    assert!(matches!(&report.conflicts[..], [Conflict::VhostOwned { .. }]), "{report:?}");
    assert_eq!(report.applied, []);
}
