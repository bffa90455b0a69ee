//! What users get while a server is away: an HTTP response to every request, and `Retry-After` on each 503.

use std::time::Duration;

use cluster::{
    Case, Load, LoadPlan, PROXY_URL, Stack, deadline,
    load::{assert_every_request_answered, assert_nothing_lost},
};
use k8s_openapi::api::apps::v1::StatefulSet;
use serde_json::json;

/// How long a server is away: longer than the services wait before they are unready.
const AWAY: Duration = Duration::from_secs(30);
/// Sign-ins a second, at the Service and at the proxy each.
const RATE: u32 = 5;

#[tokio::test]
#[ignore = "make e2e-full runs it; CI has a day of restarts"]
async fn every_request_is_answered_while_redis_and_then_the_broker_are_away() {
    Case::run(async |case: &Case| {
        let demo = case.ready_stack(json!({})).await;
        case.start_proxy(&demo.url()).await;
        let direct = demo.start_load("direct", RATE).await;
        let proxied = case.start_load(LoadPlan::new(PROXY_URL, "proxied", RATE)).await;
        for server in ["redis", "rabbitmq"] {
            take_away(case, &demo, server).await;
            for load in [&direct, &proxied] {
                load.wait_served(deadline::SERVER).await;
            }
        }
        for load in [direct, proxied] {
            assert_answered(load).await;
        }
    })
    .await;
}

/// The stack is paused meanwhile, or the operator would bring the server back at once.
async fn take_away(case: &Case, demo: &Stack<'_>, server: &str) {
    let name = demo.part(server);
    demo.patch(json!({ "paused": true })).await;
    demo.wait_reason("Paused", "Paused", deadline::OPERATOR).await;
    case.step(&format!("{server} is away for {} s", AWAY.as_secs()));
    case.patch::<StatefulSet>(&name, json!({ "spec": { "replicas": 0 } })).await;
    case.wait_no_pod(&format!("{name}-0"), deadline::SERVER).await;
    case.outage(AWAY).await;
    case.patch::<StatefulSet>(&name, json!({ "spec": { "replicas": 1 } })).await;
    case.wait_stateful_set(&name, deadline::SERVER).await;
    demo.patch(json!({ "paused": false })).await;
}

async fn assert_answered(load: Load<'_>) {
    let ledger = load.finish().await;
    assert_every_request_answered(&ledger);
    assert!(ledger.answers.of("login", 503) > 0, "no login met an outage: {:?}", ledger.answers);
    assert_nothing_lost(&ledger);
}
