//! Pods of the operator are killed: alone, and together with the servers of a stack.

use std::time::Instant;

use cluster::{
    Case, deadline,
    load::assert_nothing_lost,
    wait::{eventually, seen},
};
use k8s_openapi::api::core::v1::{Pod, Service};
use kube::api::DeleteParams;
use serde_json::json;

/// Sign-ins a second.
const RATE: u32 = 10;

#[tokio::test]
async fn the_other_replica_takes_over() {
    Case::alone(async |case: &Case| {
        case.ready_stack(json!({})).await;
        let operator = case.operator();
        let leader = operator.leader().await.expect("a leader");
        let began = Instant::now();
        let at_once = DeleteParams::default().grace_period(0);
        drop(operator.api::<Pod>().delete(&leader, &at_once).await.expect("the leader is deleted"));
        eventually("another leader", deadline::MAIL, async || {
            let now = operator.leader().await?;
            seen(now != leader, || format!("still {now}"))
        })
        .await;
        case.step(&format!("another leader after {:.1} s", began.elapsed().as_secs_f32()));
        case.recreate::<Service>("demo-user-service").await;
    })
    .await;
}

#[tokio::test]
#[ignore = "make e2e-full runs it; CI has a day of restarts"]
async fn killed_servers_lose_no_confirmed_mail() {
    Case::alone(async |case: &Case| {
        let demo = case.ready_stack(json!({})).await;
        let load = demo.start_load("kill", RATE).await;
        // Twice each: to RabbitMQ, the first start on a volume differs from the second.
        for round in [1, 2] {
            for pod in ["demo-rabbitmq-0", "demo-redis-0"] {
                case.step(&format!("round {round}: {pod}"));
                case.kill_pod(pod).await;
                load.wait_served(deadline::OPERATOR).await;
            }
        }
        let operator = case.operator();
        for pod in operator.pod_names().await.expect("pods of the operator") {
            drop(operator.api::<Pod>().delete(&pod, &DeleteParams::default()).await.expect("it is deleted"));
        }
        load.wait_served(deadline::MAIL).await;
        assert_nothing_lost(&load.finish().await);
        operator.wait_rollout().await;
        demo.wait_ready().await;
    })
    .await;
}
