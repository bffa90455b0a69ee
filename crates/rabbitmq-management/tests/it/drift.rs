use ping_contract::{
    topology::{MAIL_EXCHANGE, MAIL_QUEUE},
    topology_plan::Operation,
    users::Role,
};
use serde_json::json;

use crate::{applied_vhost, apply_to, delete_users, desired, user_of};

#[tokio::test]
async fn a_changed_policy_is_put_back() {
    let (vhost, desired) = applied_vhost().await;
    let path = vhost.path("policies", "ping.send-otp");
    let changed =
        json!({ "pattern": "^send-otp$", "definition": { "message-ttl": 1 }, "apply-to": "queues" });
    vhost.management().put(&path, &changed).await;
    let report = apply_to(&vhost, &desired).await;
    assert_eq!(report.applied, [Operation::CorrectPolicy(desired.policies[0].clone())]);
    let corrected = vhost.management().get(&path).await.unwrap();
    assert_eq!(
        (&corrected["definition"]["message-ttl"], &corrected["definition"]["max-length"]),
        (&json!(null), &json!(100_000))
    );
}

#[tokio::test]
async fn the_policy_of_an_older_release_is_changed_and_no_queue() {
    let (vhost, mut older) = applied_vhost().await;
    let desired = older.clone();
    older.policies[0].definition.insert("message-ttl".to_owned(), json!(300_000));
    apply_to(&vhost, &older).await;
    let report = apply_to(&vhost, &desired).await;
    assert_eq!(report.applied, [Operation::CorrectPolicy(desired.policies[0].clone())]);
    assert_eq!(report.conflicts, []);
}

#[tokio::test]
async fn a_deleted_binding_and_a_deleted_queue_come_back() {
    let (vhost, desired) = applied_vhost().await;
    let binding = format!("e/{MAIL_EXCHANGE}/q/{MAIL_QUEUE}/{MAIL_QUEUE}");
    vhost.management().delete(&vhost.path("bindings", &binding)).await;
    let report = apply_to(&vhost, &desired).await;
    assert_eq!(report.applied, [Operation::CreateBinding(desired.bindings[0].clone())]);

    vhost.management().delete(&vhost.path("queues", MAIL_QUEUE)).await;
    let report = apply_to(&vhost, &desired).await;
    let expected = [
        Operation::CreateQueue(desired.queues[0].clone()),
        Operation::CreateBinding(desired.bindings[0].clone()),
    ];
    assert_eq!(report.applied, expected);
    assert_eq!(apply_to(&vhost, &desired).await.applied, []);
}

#[tokio::test]
async fn a_changed_password_and_wider_permissions_are_put_back() {
    let (vhost, _) = applied_vhost().await;
    let desired = desired(&vhost).with_user(user_of(&vhost, Role::UserService));
    apply_to(&vhost, &desired).await;
    let user = &desired.users[0];
    let management = vhost.management();
    management.put(&format!("/api/users/{}", user.name), &json!({ "password": "other", "tags": "" })).await;
    let all = json!({ "configure": ".*", "write": ".*", "read": ".*" });
    management.put(&vhost.path("permissions", &user.name), &all).await;
    let report = apply_to(&vhost, &desired).await;
    let expected =
        [Operation::CorrectUser(user.clone()), Operation::SetPermissions(desired.permissions[0].clone())];
    assert_eq!(report.applied, expected);
    assert_eq!(apply_to(&vhost, &desired).await.applied, []);
    delete_users(&vhost, &desired).await;
}
