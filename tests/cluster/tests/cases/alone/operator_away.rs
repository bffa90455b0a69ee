//! The operator is stopped, or installed with a mistake.

use cluster::{
    Case, deadline,
    load::{assert_no_login_refused, assert_nothing_lost},
};
use serde_json::json;

use crate::{
    faults::lost_broker_volume::{self, BROKERS, broker},
    status::bad_settings::{self, assert_back},
};

/// Sign-ins a second: the queue grows and shrinks, and consumers are added.
const RATE: u32 = 10;
/// Long enough for Helm to look at an object more than once.
const BRIEFLY: &str = "15s";
/// [`deadline::STACK`], for Helm.
const HELM: &str = "240s";

/// The images of both servers, as after an upgrade of the operator with a mistake in its values.
#[tokio::test]
#[ignore = "make e2e-full runs it"]
async fn a_server_image_that_does_not_exist_in_the_operators_values_is_taken_back() {
    Case::alone(async |case: &Case| {
        let demo = bad_settings::start(case, 1).await;
        let missing =
            ["redis", "rabbitmq"].map(|server| format!("stackImages.{server}=localhost/ping/{server}:none"));
        case.operator().install(&missing.each_ref().map(String::as_str)).await;
        for server in ["RedisReady", "RabbitMQReady"] {
            demo.wait_reason(server, "ImagePull", deadline::SERVER).await;
        }
        case.operator().install(&[]).await;
        assert_back(case, &demo, "redis").await;
        assert_back(case, &demo, "rabbitmq").await;
    })
    .await;
}

/// Controllers write the status of what the operator has made while it starts, and its caches are behind then.
#[tokio::test]
#[ignore = "make e2e-full runs it; it restarts the operator five times"]
async fn restarts_under_load_are_no_corrections() {
    Case::alone(async |case: &Case| {
        let demo = case.ready_stack(json!({})).await;
        let load = demo.start_load("restarts", RATE).await;
        for replicas in [3, 2, 3, 2, 3] {
            demo.patch(json!({ "userService": { "replicas": replicas } })).await;
            case.operator().restart().await;
            demo.wait_ready().await;
        }
        let ledger = load.finish().await;
        assert_no_login_refused(&ledger);
        assert_nothing_lost(&ledger);
        let events =
            case.kubectl(&["get", "events", "--field-selector=reason=Corrected", "--output=name"]).await;
        assert_eq!(events.trim(), "", "nobody had changed anything");
    })
    .await;
}

#[tokio::test]
#[ignore = "make e2e-full runs it; it stops the operator"]
async fn a_broker_that_restarts_while_the_operator_is_down_is_used_again() {
    Case::alone(async |case: &Case| {
        let demo = lost_broker_volume::start(case).await;
        case.operator().scale(0).await;
        for ordinal in 0..BROKERS {
            case.replace_pod(&broker(&demo, ordinal)).await;
        }
        demo.wait_sign_in("ada@example.org").await;
        case.operator().scale(2).await;
        demo.wait_brokers(BROKERS, deadline::SERVER).await;
    })
    .await;
}

#[tokio::test]
#[ignore = "make e2e-full runs it; it stops the operator"]
async fn an_object_that_no_operator_has_read_is_not_taken_for_one_that_is_done() {
    Case::alone(async |case: &Case| {
        case.operator().scale(0).await;
        let demo = case.stack("demo");
        let unseen = demo.try_install_chart(BRIEFLY).await;
        assert!(unseen.is_err(), "helm --wait took a stack for done that no operator has read");
        let observed = demo.object().await["status"]["observedGeneration"].clone();
        assert_eq!(observed, json!(-1));
        case.operator().scale(2).await;
        demo.try_install_chart(HELM).await.expect("helm --wait with an operator");
        let ready = demo.condition("Ready").await;
        assert!(ready.as_ref().is_some_and(|ready| ready.status == "True"), "Helm ended at {ready:?}");
    })
    .await;
}

#[tokio::test]
#[ignore = "make e2e-full runs it; CI has the API that is given back"]
async fn a_stack_can_be_deleted_while_the_operator_is_down() {
    Case::alone(async |case: &Case| {
        let demo = case.ready_stack(json!({})).await;
        case.operator().scale(0).await;
        demo.delete().await;
        demo.wait_gone(deadline::READ).await;
        demo.wait_no_children(deadline::SERVER).await;
        case.operator().scale(2).await;
    })
    .await;
}
