//! User-service scaled by CPU, with metrics-server, of which a cluster has one.

use std::time::Duration;

use cluster::{
    Case, deadline,
    load::{assert_no_login_refused, assert_nothing_lost},
    wait::eventually,
};
use k8s_openapi::api::autoscaling::v2::HorizontalPodAutoscaler;
use serde_json::{Value, json};

use crate::autoscaling::user_service::{NAME, replicas, wait_replicas};

const METRICS: &str = "v1beta1.metrics.k8s.io";
const METRICS_SERVER: &str = include_str!("../../../metrics-server/install.yaml");
/// Metrics of a new pod to be read and averaged, and the autoscaler to follow them.
const SCALING: Duration = Duration::from_mins(4);
/// Three times as long as an autoscaler may read no metrics before the condition says so.
const UNREAD: Duration = Duration::from_mins(9);
/// Sign-ins a second: far more than a share of 5m of CPU.
const RATE: u32 = 10;

#[tokio::test]
#[ignore = "make e2e-full runs it; CI has not the six minutes in which metrics of new pods are read and followed"]
async fn user_service_follows_the_cpu_that_its_pods_use() {
    Case::alone(async |case: &Case| {
        let is_there = case.api_services().get_opt(METRICS).await.expect("the API services").is_some();
        if is_there {
            follows_the_cpu(case).await;
        } else {
            let body = async {
                says_what_is_missing(case).await;
                metrics_server(case, &["apply", "--server-side", "--filename", "-"]).await;
                follows_the_cpu(case).await;
            };
            // Without its server the API would keep every namespace from being deleted.
            let delete = ["delete", "--ignore-not-found", "--wait=false", "--filename", "-"];
            case.with_cleanup(body, metrics_server(case, &delete)).await;
        }
    })
    .await;
}

/// Without metrics users sign in, and the condition says what user-service's autoscaler waits for.
async fn says_what_is_missing(case: &Case) {
    let demo = case
        .ready_stack(json!({ "userService": { "autoscaling": { "minReplicas": 2, "maxReplicas": 3 } } }))
        .await;
    demo.wait_reason("AutoscalingReady", "UserServiceNotScaled", UNREAD).await;
    assert_eq!(replicas(case).await, Some(2));
    demo.wait_condition("Ready", "True", deadline::OPERATOR).await;
    demo.user("ada@example.org").sign_in().await;
}

async fn metrics_server(case: &Case, arguments: &[&str]) {
    let manifest =
        METRICS_SERVER.replace("NAMESPACE", &case.namespace).replace("IMAGE", &case.image("metrics-server"));
    case.kubectl_with_input(arguments, &manifest).await;
}

async fn follows_the_cpu(case: &Case) {
    eventually("metrics of pods", deadline::SERVER, async || {
        case.get_raw("/apis/metrics.k8s.io/v1beta1/nodes").await.map(drop)
    })
    .await;
    let scaled = |target: i32| {
        let at_once = json!({ "stabilizationWindowSeconds": 0 });
        json!({ "userService": { "autoscaling": {
            "minReplicas": 1, "maxReplicas": 3, "targetCpuPercent": target, "behavior": { "scaleDown": at_once },
        } } })
    };
    let demo = case.ready_stack(scaled(1000)).await;
    wait_replicas(case, 1, SCALING).await;
    demo.patch(scaled(20)).await;
    let load = demo.start_load("scaling", RATE).await;
    wait_replicas(case, 3, SCALING).await;
    // The condition says nothing of user-service while its autoscaler works.
    demo.wait_reason("AutoscalingReady", "FollowsQueue", deadline::OPERATOR).await;
    let ledger = load.finish().await;
    assert_no_login_refused(&ledger);
    assert_nothing_lost(&ledger);
    demo.patch(scaled(1000)).await;
    wait_replicas(case, 1, SCALING).await;
    demo.patch(json!({ "userService": { "autoscaling": Value::Null, "replicas": 2 } })).await;
    case.wait_absent::<HorizontalPodAutoscaler>(NAME, deadline::MAIL).await;
    wait_replicas(case, 2, deadline::OPERATOR).await;
}
