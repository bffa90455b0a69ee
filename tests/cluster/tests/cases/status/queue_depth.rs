//! The queue's depth in the status of a stack.

use std::time::{Duration, Instant};

use cluster::{Case, deadline, wait::eventually};
use k8s_openapi::api::apps::v1::Deployment;
use serde_json::json;

/// The status is promised to be at most 15 s old while the depth changes.
const OLDEST: Duration = Duration::from_secs(3 * 15);
/// Long enough for a status that is renewed once a minute to be found out.
const WATCHED: Duration = Duration::from_secs(150);

#[tokio::test]
#[ignore = "make e2e-full runs it; the operator has unit tests of it"]
async fn the_depth_in_the_status_follows_a_queue_that_grows() {
    Case::run(async |case: &Case| {
        let demo = case.stack("demo");
        // An autoscaler changes its own status with each reading, and the operator would look at the stack for that alone.
        demo.apply(json!({ "mailService": { "autoscaling": { "provider": "None" } } })).await;
        demo.wait_ready().await;
        let load = demo.start_load("grow", 5).await;
        // Nothing is delivered any more, so every login makes the queue longer.
        case.patch::<Deployment>("mailpit", json!({ "spec": { "replicas": 0 } })).await;
        let began = Instant::now();
        let mut changed = Instant::now();
        let mut depth = 0;
        while began.elapsed() < WATCHED {
            let before = depth;
            depth = eventually(format!("another depth than {before}"), OLDEST, async || {
                let stack = demo.object().await;
                let now = stack["status"]["queue"]["messages"].as_i64().unwrap_or_default();
                if now == before { Err(format!("{now}")) } else { Ok(now) }
            })
            .await;
            case.step(&format!("{depth} mails wait, after {:.1} s", changed.elapsed().as_secs_f32()));
            changed = Instant::now();
        }
        let confirmed = i64::try_from(load.summary().await.confirmed).unwrap_or_default();
        assert!(depth <= confirmed, "{depth} mails wait though only {confirmed} logins were confirmed");
        case.patch::<Deployment>("mailpit", json!({ "spec": { "replicas": 1 } })).await;
        eventually("an empty queue in the status", deadline::SERVER, async || {
            let queue = demo.object().await["status"]["queue"].clone();
            let confirmed = load.summary().await.in_progress;
            if queue["messages"] == 0 {
                Ok(())
            } else {
                Err(format!("{queue}, {confirmed} sign-ins in progress"))
            }
        })
        .await;
    })
    .await;
}
