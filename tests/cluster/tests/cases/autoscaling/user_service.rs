//! The number of user-service pods, set by an autoscaler of the user's own.

use std::time::Duration;

use cluster::{
    Case, deadline,
    wait::{chain, eventually, seen},
};
use k8s_openapi::api::{apps::v1::Deployment, autoscaling::v2::HorizontalPodAutoscaler};
use serde_json::json;

pub(crate) const NAME: &str = "demo-user-service";

/// An autoscaler raises the number to its minimum without any metric.
#[tokio::test]
#[ignore = "make e2e-full runs it; CI has the hand-over of mail consumers"]
async fn an_autoscaler_of_the_users_own_on_user_service_is_left_alone() {
    Case::run(async |case: &Case| {
        let demo = case.ready_stack(json!({ "userService": { "replicas": 1 } })).await;
        let target = json!({ "apiVersion": "apps/v1", "kind": "Deployment", "name": NAME });
        let resource =
            json!({ "name": "cpu", "target": { "type": "Utilization", "averageUtilization": 50 } });
        let spec = json!({
            "scaleTargetRef": target, "minReplicas": 3, "maxReplicas": 4,
            "metrics": [{ "type": "Resource", "resource": resource }],
        });
        let _: HorizontalPodAutoscaler =
            case.apply(json!({ "metadata": { "name": "theirs" }, "spec": spec })).await;
        wait_replicas(case, 3, deadline::OPERATOR).await;
        // The Deployment is applied again, twice.
        for idle in [70, 75] {
            demo.patch(json!({ "userService": { "idleTimeoutSeconds": idle } })).await;
            demo.wait_ready().await;
            case.wait_deployment(NAME, deadline::SERVER).await;
            assert_eq!(replicas(case).await, Some(3));
        }
        case.delete::<HorizontalPodAutoscaler>("theirs").await;
        demo.patch(json!({ "userService": { "replicas": 2 } })).await;
        wait_replicas(case, 2, deadline::OPERATOR).await;
    })
    .await;
}

pub(crate) async fn wait_replicas(case: &Case, wanted: i32, deadline: Duration) {
    eventually(format!("{wanted} pods of user-service"), deadline, async || {
        let deployment = case.api::<Deployment>().get(NAME).await.map_err(chain)?;
        let replicas = deployment.spec.and_then(|spec| spec.replicas);
        seen(replicas == Some(wanted), || format!("{replicas:?}"))
    })
    .await;
}

pub(crate) async fn replicas(case: &Case) -> Option<i32> {
    case.get::<Deployment>(NAME).await.spec.and_then(|spec| spec.replicas)
}
