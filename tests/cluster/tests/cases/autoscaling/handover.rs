//! The number of consumers has one owner at a time, and no owner begins with a jump.

use std::{cell::RefCell, collections::BTreeSet, pin::pin, time::Duration};

use cluster::{Case, Stack, deadline, wait::seen};
use futures::StreamExt as _;
use k8s_openapi::api::{apps::v1::Deployment, autoscaling::v2::HorizontalPodAutoscaler};
use kube::runtime::{WatchStreamExt as _, watcher};
use serde_json::{Value, json};

const NAME: &str = "demo-mail-service";
/// The autoscaler to have read the metric.
const SCALING: Duration = Duration::from_secs(90);

#[tokio::test]
async fn the_number_of_consumers_is_handed_over_without_a_jump() {
    Case::run(async |case: &Case| {
        let demo = case.stack("demo");
        let unscaled = json!({ "provider": "None", "minReplicas": 2 });
        demo.apply(json!({ "mailService": { "autoscaling": unscaled } })).await;
        demo.wait_ready().await;
        assert_eq!(demo.consumers().await, Ok(2));
        case.patch::<Deployment>(NAME, json!({ "spec": { "replicas": 4 } })).await;
        let replicas = RefCell::default();
        tokio::select! {
            () = hand_over(case, &demo) => {}
            () = watch(case, &replicas) => {}
        }
        assert_eq!(replicas.into_inner(), BTreeSet::from([4]), "replicas of {NAME} over time");
    })
    .await;
}

/// The operator leaves the number alone when it applies the Deployment again, hands it to the autoscaler, and takes it back.
async fn hand_over(case: &Case, demo: &Stack<'_>) {
    change(case, demo, json!({ "concurrency": 3 })).await;
    let embedded = json!({ "provider": "Embedded", "minReplicas": 3, "scaleDownStabilizationSeconds": 3600 });
    demo.patch(json!({ "mailService": { "autoscaling": embedded } })).await;
    case.wait_present::<HorizontalPodAutoscaler>(NAME, deadline::MAIL).await;
    case.wait_object(NAME, SCALING, |autoscaler: &HorizontalPodAutoscaler| {
        let status = autoscaler.status.as_ref();
        let mut conditions = status.and_then(|status| status.conditions.as_ref()).into_iter().flatten();
        let active =
            conditions.any(|condition| condition.type_ == "ScalingActive" && condition.status == "True");
        seen(active, || format!("it is not active: {status:?}"))
    })
    .await;
    demo.wait_reason("AutoscalingReady", "FollowsQueue", deadline::OPERATOR).await;
    change(case, demo, json!({ "concurrency": 4 })).await;
    demo.patch(json!({ "mailService": { "autoscaling": { "provider": "None" } } })).await;
    case.wait_absent::<HorizontalPodAutoscaler>(NAME, deadline::MAIL).await;
    change(case, demo, json!({ "concurrency": 5 })).await;
}

async fn change(case: &Case, demo: &Stack<'_>, mail_service: Value) {
    demo.patch(json!({ "mailService": mail_service })).await;
    demo.wait_ready().await;
    case.wait_deployment(NAME, deadline::OPERATOR).await;
}

/// Notes every number of replicas, without an end.
async fn watch(case: &Case, replicas: &RefCell<BTreeSet<i32>>) {
    let only = watcher::Config::default().fields(&format!("metadata.name={NAME}"));
    let mut deployments = pin!(watcher(case.api::<Deployment>(), only).applied_objects());
    while let Some(found) = deployments.next().await {
        // The watcher begins again after an error.
        if let Some(count) = found.ok().and_then(|deployment| deployment.spec?.replicas) {
            replicas.borrow_mut().insert(count);
        }
    }
}
