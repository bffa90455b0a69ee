//! Brokers that lose their volume: one comes back by itself, and no confirmed mail is lost; of two a person decides.

use std::time::Instant;

use cluster::{Case, Stack, deadline, load::assert_nothing_lost};
use k8s_openapi::api::batch::v1::Job;
use kube::{ResourceExt, api::ListParams};
use serde_json::json;

pub(crate) const BROKERS: u32 = 3;
/// Sign-ins a second.
const RATE: u32 = 5;

#[tokio::test]
async fn the_volume_of_broker_2_is_lost_and_nothing_with_it() {
    Case::run(async |case: &Case| lose_volume(case, 2).await).await;
}

#[tokio::test]
#[ignore = "make e2e-full runs it; CI has broker 2"]
async fn the_volume_of_broker_0_is_lost_and_nothing_with_it() {
    Case::run(async |case: &Case| lose_volume(case, 0).await).await;
}

#[tokio::test]
#[ignore = "make e2e-full runs it; CI has broker 2"]
async fn the_volume_of_broker_1_is_lost_and_nothing_with_it() {
    Case::run(async |case: &Case| lose_volume(case, 1).await).await;
}

async fn lose_volume(case: &Case, ordinal: u32) {
    let demo = start(case).await;
    let load = demo.start_load("volume", RATE).await;
    case.lose_volume(&broker(&demo, ordinal)).await;
    demo.wait_brokers(BROKERS, deadline::VOLUME).await;
    demo.wait_ready().await;
    assert_nothing_lost(&load.finish().await);
}

#[tokio::test]
#[ignore = "make e2e-full runs it; CI has the loss of one volume"]
async fn two_lost_volumes_are_left_for_a_person() {
    Case::run(async |case: &Case| {
        let demo = start(case).await;
        for ordinal in [1, 2] {
            case.lose_volume(&broker(&demo, ordinal)).await;
        }
        let condition = demo.wait_reason("RabbitMQReady", "QuorumLost", deadline::SERVER).await;
        assert_eq!(condition.status, "False", "{condition:?}");
        assert!(condition.message.contains("docs/backup.md"), "{condition:?}");
        let jobs = case.api::<Job>().list(&ListParams::default()).await.map(|jobs| jobs.items);
        let names = jobs.map(|jobs| jobs.iter().map(ResourceExt::name_any).collect::<Vec<_>>());
        assert!(names.as_ref().is_ok_and(Vec::is_empty), "something is done by itself: {names:?}");
    })
    .await;
}

/// Each of the three pods would wait for a quorum plus one in its preStop hook, which never comes when all of them stop.
#[tokio::test]
#[ignore = "make e2e-full runs it"]
async fn a_stack_of_three_brokers_is_deleted_as_fast_as_its_pods_stop() {
    Case::run(async |case: &Case| {
        let demo = start(case).await;
        let began = Instant::now();
        demo.delete_in_the_foreground().await;
        let took = began.elapsed();
        case.step(&format!("deleted after {} s", took.as_secs()));
        assert!(took < deadline::STOP, "the deletion took {took:?}");
    })
    .await;
}

pub(crate) async fn start(case: &Case) -> Stack<'_> {
    let demo = case.ready_stack(json!({ "rabbitmq": { "managed": { "replicas": BROKERS } } })).await;
    demo.wait_brokers(BROKERS, deadline::STACK).await;
    demo
}

pub(crate) fn broker(demo: &Stack<'_>, ordinal: u32) -> String {
    format!("{}-{ordinal}", demo.part("rabbitmq"))
}
