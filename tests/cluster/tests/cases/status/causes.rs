//! Every cause of not being ready is named, and a paused stack still reports.

use cluster::{Case, deadline};
use k8s_openapi::api::{
    apps::v1::{Deployment, StatefulSet},
    core::v1::{ResourceQuota, Secret},
};
use serde_json::json;

/// An image that no registry has.
const NO_IMAGE: &str = "localhost/ping/no-such-image:1";
/// Mailpit, the pod `client`, and one pod of the stack.
const FEW_PODS: &str = "3";

#[tokio::test]
#[ignore = "make e2e-full runs it; CI has the causes"]
async fn a_paused_stack_is_left_alone_and_still_reports() {
    Case::run(async |case: &Case| {
        let demo = case.ready_stack(json!({})).await;
        demo.patch(json!({ "paused": true, "userService": { "replicas": 1 } })).await;
        demo.wait_reason("Paused", "Paused", deadline::OPERATOR).await;
        assert_eq!(replicas(case, "demo-user-service").await, Some(2), "a paused stack was changed");
        case.delete::<Deployment>("demo-mail-service").await;
        case.wait_absent::<Deployment>("demo-mail-service", deadline::MAIL).await;
        demo.wait_reason("MailServiceReady", "Missing", deadline::OPERATOR).await;
        demo.patch(json!({ "paused": false })).await;
        case.wait_present::<Deployment>("demo-mail-service", deadline::MAIL).await;
        demo.wait_ready().await;
        assert_eq!(replicas(case, "demo-user-service").await, Some(1));
    })
    .await;
}

#[tokio::test]
async fn every_cause_of_not_being_ready_is_named() {
    Case::run(async |case: &Case| {
        let [image, volume, smtp, proxy] = ["image", "volume", "smtp", "proxy"].map(|name| case.stack(name));
        image.apply(json!({ "userService": { "image": NO_IMAGE } })).await;
        let class = json!({ "storageClassName": "no-such-class" });
        volume.apply(json!({ "redis": { "managed": { "storage": class } } })).await;
        let login = json!({ "tls": "StartTls", "credentialsSecretRef": { "name": "mail-login" } });
        smtp.apply(json!({ "smtp": login })).await;
        proxy.apply(json!({ "login": { "trustedProxies": ["10.0.0.0/99"] } })).await;
        let missing = smtp.wait_reason("Ready", "SecretMissing", deadline::OPERATOR).await;
        assert!(missing.message.contains("Secret mail-login"), "{missing:?}");
        proxy.wait_reason("Ready", "InvalidSpec", deadline::OPERATOR).await;
        volume.wait_reason("RedisReady", "VolumePending", deadline::SERVER).await;
        let pull = image.wait_reason("UserServiceReady", "ImagePull", deadline::SERVER).await;
        assert!(pull.message.contains(NO_IMAGE), "{pull:?}");
        // What was missing is found once it is there, without a change of the stack.
        let values = json!({ "EMAIL_USER": "u", "EMAIL_PASSWORD": "p" });
        let secret = json!({ "metadata": { "name": "mail-login" }, "stringData": values });
        let _: Secret = case.apply(secret).await;
        case.wait_present::<StatefulSet>("smtp-redis", deadline::MAIL).await;
    })
    .await;
}

#[tokio::test]
#[ignore = "make e2e-full runs it; CI has the other causes"]
async fn a_quota_is_named() {
    Case::run(async |case: &Case| {
        let hard = json!({ "metadata": { "name": "small" }, "spec": { "hard": { "pods": FEW_PODS } } });
        let _: ResourceQuota = case.apply(hard).await;
        let demo = case.stack("demo");
        demo.apply(json!({})).await;
        for kind in ["UserServiceReady", "RabbitMQReady"] {
            demo.wait_reason(kind, "QuotaExceeded", deadline::SERVER).await;
        }
    })
    .await;
}

async fn replicas(case: &Case, deployment: &str) -> Option<i32> {
    case.get::<Deployment>(deployment).await.spec.and_then(|spec| spec.replicas)
}
