//! The APIServices of metrics, of which a cluster has one each: when the operator takes them, and gives them back.

use std::time::Duration;

use cluster::{Case, PodSecurity, SlowMail, Stack, deadline, metrics_api::API_SERVICE};
use k8s_openapi::{
    api::{autoscaling::v2::HorizontalPodAutoscaler, core::v1::Service},
    kube_aggregator::pkg::apis::apiregistration::v1::APIService,
};
use kube::api::{DeleteParams, PostParams};
use serde_json::{Value, json};

/// The replicas of an operator that its chart installs.
const REPLICAS: i32 = 2;
/// The operator's, and that of another version.
const CUSTOM: &str = "v1beta2.custom.metrics.k8s.io";
const CUSTOM_OF_OTHERS: &str = "v1beta1.custom.metrics.k8s.io";
/// More than the consumers of the bounds are for.
const LOGINS: usize = 300;
const MOST_CONSUMERS: i32 = 3;
/// Consumers to have been added: two looks of an autoscaler, and pods that start.
const SCALED: Duration = Duration::from_secs(90);
const SETTLED: Duration = deadline::NAMESPACE;

#[tokio::test]
#[ignore = "make e2e-full runs it; CI has the API that is given back"]
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

/// KEDA could not be installed before.
#[tokio::test]
async fn the_external_metrics_api_is_given_back_when_no_stack_follows_its_queue() {
    Case::alone(async |case: &Case| {
        let demo = case.ready_stack(json!({})).await;
        case.wait_api_service(deadline::OPERATOR).await;
        demo.patch(json!({ "mailService": { "autoscaling": { "provider": "None" } } })).await;
        case.wait_no_api_service(deadline::OPERATOR).await;
        demo.patch(json!({ "mailService": { "autoscaling": { "provider": "Auto" } } })).await;
        case.wait_api_service(deadline::OPERATOR).await;
        demo.wait_reason("AutoscalingReady", "FollowsQueue", deadline::SERVER).await;
        demo.delete().await;
        case.wait_no_api_service(deadline::OPERATOR).await;
    })
    .await;
}

#[tokio::test]
#[ignore = "make e2e-full runs it; CI has the API that is given back"]
async fn somebody_elses_metrics_provider_is_left_alone_and_consumers_follow_an_object_metric() {
    Case::alone(async |case: &Case| {
        take(case, &[API_SERVICE]).await;
        let body = async {
            case.start_slow_mail().await;
            let before = provider_now(case, API_SERVICE).await;
            case.operator().scale(REPLICAS).await;
            let demo = case.ready_stack(stack("Embedded")).await;
            let follows = demo.wait_reason("AutoscalingReady", "FollowsObjectMetric", deadline::SERVER).await;
            assert!(follows.message.contains(&whose(case)), "{follows:?}");
            assert_eq!(
                provider_now(case, API_SERVICE).await,
                before,
                "somebody else's APIService was changed"
            );
            assert_follows_the_queue(&demo).await;
        };
        // A provider that does not answer would keep every namespace from being deleted.
        case.with_cleanup(body, give_up(case, &[API_SERVICE])).await;
        case.wait_api_service(deadline::OPERATOR).await;
        case.stack("demo").wait_reason("AutoscalingReady", "FollowsQueue", deadline::SERVER).await;
        let custom = case.api_services().get_opt(CUSTOM).await.expect("an answer");
        assert!(custom.is_none(), "the custom metrics were not given back");
    })
    .await;
}

#[tokio::test]
#[ignore = "make e2e-full runs it; CI has the API that is given back"]
async fn the_operator_scales_by_itself_where_both_metrics_apis_belong_to_somebody_else() {
    Case::alone(async |case: &Case| {
        let both = [API_SERVICE, CUSTOM_OF_OTHERS];
        take(case, &both).await;
        let body = async {
            case.start_slow_mail().await;
            let mut before = Vec::new();
            for name in both {
                before.push(provider_now(case, name).await);
            }
            case.operator().scale(REPLICAS).await;
            let demo = case.stack("demo");
            demo.apply(stack("Embedded")).await;
            // Users can sign in: only the number of consumers stays as it is.
            demo.wait_ready().await;
            let conflict = demo
                .wait_reason("AutoscalingReady", "ExternalMetricsProviderConflict", deadline::SERVER)
                .await;
            assert!(conflict.message.contains(&whose(case)), "{conflict:?}");
            demo.patch(json!({ "mailService": { "autoscaling": { "provider": "Auto" } } })).await;
            demo.wait_reason("AutoscalingReady", "ScaledByOperator", deadline::SERVER).await;
            case.wait_absent::<HorizontalPodAutoscaler>("demo-mail-service", deadline::OPERATOR).await;
            assert_follows_the_queue(&demo).await;
            for (name, before) in both.into_iter().zip(before) {
                assert_eq!(provider_now(case, name).await, before, "somebody else's APIService was changed");
            }
        };
        case.with_cleanup(body, give_up(case, &both)).await;
        case.wait_api_service(deadline::OPERATOR).await;
    })
    .await;
}

fn stack(provider: &str) -> Value {
    let autoscaling = json!({
        "provider": provider, "maxReplicas": MOST_CONSUMERS, "messagesPerReplica": 5,
        "scaleDownStabilizationSeconds": 15,
    });
    json!({ "smtp": SlowMail::smtp(), "mailService": { "concurrency": 1, "autoscaling": autoscaling } })
}

/// Each consumer sends two mails a second: the queue is there for minutes.
async fn assert_follows_the_queue(demo: &Stack<'_>) {
    for number in 0..LOGINS {
        let answer = demo.user(&format!("queued-{number}@example.org")).request_code().await;
        assert_eq!(answer.status, 200, "{answer:?}");
    }
    demo.wait_consumers("as many consumers as the bounds allow", SCALED, |count| count == MOST_CONSUMERS)
        .await;
    demo.wait_consumers("one consumer again", SETTLED, |count| count == 1).await;
}

/// Stops the operator, and registers a provider that does not answer.
async fn take(case: &Case, names: &[&str]) {
    case.operator().scale(0).await;
    // The last replica deletes its own when it stops.
    case.wait_no_api_service(deadline::MAIL).await;
    let ports = json!([{ "port": 443, "targetPort": 8443 }]);
    let service = json!({ "metadata": { "name": "provider" }, "spec": { "ports": ports } });
    let _: Service = case.apply(service).await;
    for name in names {
        let (version, group) = name.split_once('.').expect("version and group");
        let provider = json!({
            "metadata": { "name": name },
            "spec": {
                "group": group, "version": version, "groupPriorityMinimum": 100, "versionPriority": 100,
                "insecureSkipTLSVerify": true,
                "service": { "name": "provider", "namespace": case.namespace, "port": 443 },
            },
        });
        let provider: APIService = serde_json::from_value(provider).expect("an APIService");
        case.api_services().create(&PostParams::default(), &provider).await.expect("it is created");
    }
}

async fn give_up(case: &Case, names: &[&str]) {
    for name in names {
        let deleted = case.api_services().delete(name, &DeleteParams::default()).await;
        drop(deleted.expect("the APIService is deleted"));
    }
    case.operator().scale(REPLICAS).await;
}

fn whose(case: &Case) -> String {
    format!("the Service provider in the namespace {}", case.namespace)
}

/// What an operator could have changed.
async fn provider_now(case: &Case, name: &str) -> Value {
    let found = json!(case.api_services().get(name).await.expect("an APIService"));
    let metadata = &found["metadata"];
    json!({
        "spec": found["spec"], "uid": metadata["uid"], "labels": metadata["labels"],
        "owners": metadata["ownerReferences"],
    })
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
