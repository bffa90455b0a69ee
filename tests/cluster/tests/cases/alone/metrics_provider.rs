//! The APIService of external metrics, of which a cluster has one.

use cluster::{Case, PodSecurity, deadline, metrics_api::API_SERVICE};
use k8s_openapi::{api::core::v1::Service, kube_aggregator::pkg::apis::apiregistration::v1::APIService};
use kube::api::{DeleteParams, PostParams};
use serde_json::{Value, json};

/// The replicas of an operator that its chart installs.
const REPLICAS: i32 = 2;

#[tokio::test]
async fn a_namespace_can_be_deleted_while_the_operator_is_down() {
    Case::alone(async |case: &Case| {
        case.stack("demo").apply(json!({})).await;
        case.wait_api_service(deadline::OPERATOR).await;
        let other = case.create_namespace("other", PodSecurity::Restricted).await;
        case.operator().scale(0).await;
        case.delete_namespace(&other, deadline::MAIL).await;
        case.operator().scale(REPLICAS).await;
        case.wait_api_service(deadline::OPERATOR).await;
    })
    .await;
}

#[tokio::test]
async fn somebody_elses_metrics_provider_is_left_alone_and_reported() {
    Case::alone(async |case: &Case| {
        case.operator().scale(0).await;
        // The last replica deletes its own when it stops.
        case.wait_no_api_service(deadline::MAIL).await;
        // A provider that does not answer would keep every namespace from being deleted.
        case.with_cleanup(assert_left_alone(case), delete_provider(case)).await;
        case.wait_api_service(deadline::OPERATOR).await;
    })
    .await;
}

async fn assert_left_alone(case: &Case) {
    let ports = json!([{ "port": 443, "targetPort": 8443 }]);
    let service = json!({ "metadata": { "name": "provider" }, "spec": { "ports": ports } });
    let _: Service = case.apply(service).await;
    let provider = json!({
        "metadata": { "name": API_SERVICE },
        "spec": {
            "group": "external.metrics.k8s.io", "version": "v1beta1", "groupPriorityMinimum": 100,
            "versionPriority": 100, "insecureSkipTLSVerify": true,
            "service": { "name": "provider", "namespace": case.namespace, "port": 443 },
        },
    });
    let provider: APIService = serde_json::from_value(provider).expect("an APIService");
    case.api_services().create(&PostParams::default(), &provider).await.expect("it is created");
    let before = provider_now(case).await;
    case.operator().scale(REPLICAS).await;
    let demo = case.stack("demo");
    demo.apply(json!({})).await;
    let conflict =
        demo.wait_reason("AutoscalingReady", "ExternalMetricsProviderConflict", deadline::OPERATOR).await;
    let whose = format!("the Service provider in the namespace {}", case.namespace);
    assert!(conflict.message.contains(&whose), "{conflict:?}");
    assert_eq!(provider_now(case).await, before, "somebody else's APIService was changed");
}

/// What an operator could have changed.
async fn provider_now(case: &Case) -> Value {
    let found = json!(case.api_services().get(API_SERVICE).await.expect("an APIService"));
    let metadata = &found["metadata"];
    json!({
        "spec": found["spec"], "uid": metadata["uid"], "labels": metadata["labels"],
        "owners": metadata["ownerReferences"],
    })
}

async fn delete_provider(case: &Case) {
    let deleted = case.api_services().delete(API_SERVICE, &DeleteParams::default()).await;
    drop(deleted.expect("the APIService is deleted"));
}

#[tokio::test]
async fn an_uninstall_leaves_no_api_service() {
    Case::alone(async |case: &Case| {
        case.stack("demo").apply(json!({})).await;
        case.wait_api_service(deadline::OPERATOR).await;
        case.operator().uninstall().await;
        case.wait_no_api_service(deadline::MAIL).await;
        case.operator().install(&[]).await;
    })
    .await;
}
