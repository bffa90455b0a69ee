//! Brokers that stay apart after the network between them was away.

use cluster::{Case, deadline, load::assert_nothing_lost};
use k8s_openapi::api::core::v1::Pod;

use super::lost_broker_volume::{BROKERS, broker, start};

/// Sign-ins a second.
const RATE: u32 = 5;

/// Drops the connections to all other nodes, which are opened again at once: the state after a cut that ends just as the
/// brokers notice it, when none of them pauses.
const DROP_CONNECTIONS: &str =
    "[erlang:disconnect_node(Node) || Node <- nodes()], timer:sleep(1000), nodes().";

#[tokio::test]
#[ignore = "make e2e-full runs it; CI has the volume of one broker"]
async fn a_broker_that_stays_apart_is_restarted_and_loses_no_mail() {
    Case::run(async |case: &Case| {
        let demo = start(case).await;
        let load = demo.start_load("apart", RATE).await;
        let apart = broker(&demo, 0);
        let before = case.uid::<Pod>(&apart).await;
        case.exec(&apart, &["rabbitmqctl", "eval", DROP_CONNECTIONS]).await;
        demo.wait_reason("RabbitMQReady", "ClusterSplit", deadline::OPERATOR).await;
        case.wait_new::<Pod>(&apart, before.as_deref(), deadline::SERVER).await;
        demo.wait_brokers(BROKERS, deadline::SERVER).await;
        demo.wait_ready().await;
        assert_nothing_lost(&load.finish().await);
    })
    .await;
}
