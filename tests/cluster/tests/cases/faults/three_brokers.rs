//! One broker becomes three, and each of them is killed.

use cluster::{Case, deadline, load::assert_nothing_lost};
use serde_json::json;

const BROKERS: u32 = 3;
/// Sign-ins a second.
const RATE: u32 = 10;

#[tokio::test]
#[ignore = "make e2e-full runs it; CI has a day of restarts of three brokers and the loss of a worker"]
async fn three_brokers_survive_the_loss_of_any_one() {
    Case::run(async |case: &Case| {
        let demo = case.ready_stack(json!({})).await;
        let load = demo.start_load("grow", RATE).await;
        demo.patch(json!({ "rabbitmq": { "managed": { "replicas": BROKERS } } })).await;
        demo.wait_brokers(BROKERS, deadline::STACK).await;
        demo.wait_reason("TopologyReady", "Applied", deadline::STACK).await;
        for ordinal in 0..BROKERS {
            case.kill_pod(&format!("demo-rabbitmq-{ordinal}")).await;
            load.wait_served(deadline::OPERATOR).await;
            demo.wait_reason("TopologyReady", "Applied", deadline::OPERATOR).await;
        }
        assert_nothing_lost(&load.finish().await);
        demo.wait_brokers(BROKERS, deadline::MAIL).await;
    })
    .await;
}
