//! A mail server takes two mails a second on each connection, and the queue grows.

use std::{collections::BTreeSet, time::Duration};

use cluster::{
    Case, SlowMail, Stack, deadline,
    wait::{eventually, seen},
};
use futures::{StreamExt as _, future::join_all, stream};
use k8s_openapi::api::{autoscaling::v2::HorizontalPodAutoscaler, core::v1::Pod};
use serde_json::json;

use super::samples::{Samples, sampled};

/// Logins in flight at the same time.
const LANES: usize = 8;
/// What the autoscaler may start.
const MOST_CONSUMERS: i32 = 8;
/// The autoscaler to have added consumers.
const SCALED_UP: Duration = Duration::from_secs(90);
/// Consumers to have gone again, or all mails to have been taken.
const SETTLED: Duration = deadline::NAMESPACE;
/// A pod of mail-service to stop by itself: one that goes on consuming is killed after 102 s.
const STOPPED: Duration = Duration::from_secs(40);

#[tokio::test]
#[ignore = "make e2e-full runs it; CI has the hand-over of mail consumers"]
async fn three_thousand_logins_bring_consumers_and_lose_nothing() {
    Case::run(async |case: &Case| {
        let mail = case.start_slow_mail().await;
        let demo = start(case).await;
        let samples = Samples::default();
        sampled(&demo, &samples, follow_the_queue(case, &demo, &mail)).await;
        samples.report(case, MOST_CONSUMERS);
        let mut once = BTreeSet::new();
        let twice: Vec<String> =
            mail.recipients().await.into_iter().filter(|address| !once.insert(address.clone())).collect();
        assert!(twice.is_empty(), "mailed twice: {twice:?}");
    })
    .await;
}

async fn follow_the_queue(case: &Case, demo: &Stack<'_>, mail: &SlowMail<'_>) {
    assert_eq!(demo.consumers().await, Ok(1));
    let logins = burst(demo, "follow", 3000).await;
    demo.wait_consumers("as many consumers as the formula gives", SCALED_UP, |count| count == MOST_CONSUMERS)
        .await;
    // Pods come and go: those that have to stop finish or return what they hold.
    let pods = case.pods_of(&demo.name, "mail-service").await;
    let leaving: Vec<String> = pods.into_iter().filter_map(|pod| pod.metadata.name).collect();
    for pod in &leaving {
        case.delete::<Pod>(pod).await;
    }
    // For a moment no mail is taken, so that two questions get the same answer.
    mail.hold().await;
    eventually("the metric to be what the broker holds", STOPPED, async || {
        let metric = demo.backlog().await?;
        let queued = demo.queued().await?;
        seen(metric > 0 && metric == queued, || format!("the metric is {metric}, the broker holds {queued}"))
    })
    .await;
    case.get::<HorizontalPodAutoscaler>("demo-mail-service").await;
    mail.go_on().await;
    join_all(leaving.iter().map(|pod| case.wait_no_pod(pod, STOPPED))).await;
    wait_delivered(mail, &logins).await;
    eventually("the metric to be 0", deadline::MAIL, async || {
        let backlog = demo.backlog().await?;
        seen(backlog == 0, || backlog.to_string())
    })
    .await;
    demo.wait_consumers("one consumer again", SETTLED, |count| count == 1).await;
}

#[tokio::test]
#[ignore = "make e2e-full runs it; CI has the hand-over of mail consumers"]
async fn consumers_hold_while_the_broker_is_away_and_then_go_on() {
    Case::run(async |case: &Case| {
        let mail = case.start_slow_mail().await;
        let demo = start(case).await;
        let logins = burst(&demo, "hold", 500).await;
        demo.wait_consumers("as many consumers as the formula gives", SCALED_UP, |count| count >= 3).await;
        case.delete::<Pod>("demo-rabbitmq-0").await;
        eventually("the metric to be refused while it is unknown", deadline::MAIL, async || {
            let backlog = case.get_raw(&demo.backlog_path()).await;
            seen(backlog.is_err(), || format!("{backlog:?}"))
        })
        .await;
        let consumers = demo.consumers().await;
        assert!(consumers.as_ref().is_ok_and(|count| *count >= 3), "{consumers:?} without the broker");
        eventually("the metric to be known again", deadline::SERVER, async || demo.backlog().await).await;
        wait_delivered(&mail, &logins).await;
        demo.wait_consumers("one consumer again", SETTLED, |count| count == 1).await;
    })
    .await;
}

async fn start(case: &Case) -> Stack<'_> {
    let demo = case.stack("demo");
    let autoscaling = json!({
        "maxReplicas": MOST_CONSUMERS, "messagesPerReplica": 100, "scaleDownStabilizationSeconds": 15,
    });
    let consumers = json!({ "concurrency": 2, "autoscaling": autoscaling });
    demo.apply(json!({ "smtp": SlowMail::smtp(), "mailService": consumers })).await;
    demo.wait_ready().await;
    case.wait_api_service(deadline::MAIL).await;
    demo.wait_reason("AutoscalingReady", "FollowsQueue", deadline::OPERATOR).await;
    demo
}

/// Logs in `count` new addresses, which must all be answered 200.
async fn burst(demo: &Stack<'_>, prefix: &str, count: usize) -> BTreeSet<String> {
    let addresses = (1..=count).map(|number| format!("{prefix}-{number}@example.org"));
    let logins = stream::iter(addresses).map(async |address| {
        let answer = demo.user(&address).request_code().await;
        assert_eq!(answer.status, 200, "the login of {address} was refused: {answer:?}");
        address
    });
    logins.buffer_unordered(LANES).collect().await
}

async fn wait_delivered(mail: &SlowMail<'_>, logins: &BTreeSet<String>) {
    eventually("the mail of every login", SETTLED, async || {
        let delivered: BTreeSet<String> = mail.recipients().await.into_iter().collect();
        let missing = logins.difference(&delivered).count();
        seen(missing == 0, || format!("{missing} are missing"))
    })
    .await;
}
