//! The managed Redis is restarted in every way that its owner can: sessions, codes and limits stay.

use cluster::{Case, Session, Stack, deadline, served};
use k8s_openapi::api::core::v1::{Pod, Secret};
use serde_json::json;

pub(crate) const REDIS: &str = "demo-redis-0";

/// What must be the same after a restart: a session, an unused code, and an address that has to wait.
pub(crate) struct Before {
    session: Session,
    code: String,
}

#[tokio::test]
#[ignore = "make e2e-full runs it; CI has the killed process"]
async fn a_deleted_redis_pod_comes_back_with_sessions_codes_and_limits() {
    Case::run(async |case: &Case| {
        let demo = start(case).await;
        let before = promises(&demo).await;
        case.replace_pod(REDIS).await;
        assert_kept(case, &demo, before).await;
    })
    .await;
}

#[tokio::test]
async fn a_killed_redis_process_comes_back_with_sessions_codes_and_limits() {
    Case::run(async |case: &Case| {
        let demo = start(case).await;
        let before = promises(&demo).await;
        case.kill_container(REDIS, "redis").await;
        assert_kept(case, &demo, before).await;
    })
    .await;
}

#[tokio::test]
#[ignore = "make e2e-full runs it; CI has the killed process"]
async fn a_changed_redis_password_ends_no_session() {
    Case::run(async |case: &Case| {
        let demo = start(case).await;
        let before = promises(&demo).await;
        let secret = case.uid::<Secret>("demo-redis").await;
        let pod = case.uid::<Pod>(REDIS).await;
        case.delete::<Secret>("demo-redis").await;
        case.wait_new::<Secret>("demo-redis", secret.as_deref(), deadline::OPERATOR).await;
        case.wait_new::<Pod>(REDIS, pod.as_deref(), deadline::SERVER).await;
        case.wait_pod_ready(REDIS, deadline::SERVER).await;
        assert_kept(case, &demo, before).await;
    })
    .await;
}

#[tokio::test]
#[ignore = "make e2e-full runs it; CI has the killed process"]
async fn a_rolled_redis_keeps_sessions_codes_and_limits() {
    Case::run(async |case: &Case| {
        let demo = start(case).await;
        let before = promises(&demo).await;
        case.roll_stateful_set("demo-redis", deadline::SERVER).await;
        assert_kept(case, &demo, before).await;
    })
    .await;
}

/// Codes and the wait between two of them last longer than the case.
pub(crate) async fn start(case: &Case) -> Stack<'_> {
    let demo =
        case.ready_stack(json!({ "login": { "codeTtlSeconds": 1800, "allowLongCodeTtl": true, "resendAfterSeconds": 1800 } })).await;
    demo
}

pub(crate) async fn promises(demo: &Stack<'_>) -> Before {
    let session = demo.user("session@example.org").sign_in().await;
    let code = demo.user("code@example.org").mailed_code().await;
    let waits = demo.user("waits@example.org");
    assert_eq!(waits.request_code().await.status, 200);
    assert_eq!(waits.request_code().await.status, 429, "a second code within the wait");
    Before { session, code }
}

pub(crate) async fn assert_kept(case: &Case, demo: &Stack<'_>, before: Before) {
    // The services have found the restarted server.
    demo.wait_sign_in("afterwards@example.org").await;
    let Before { mut session, code } = before;
    let owner = demo.user("session@example.org");
    let answer = served("a refresh", async || owner.refresh(&mut session).await).await;
    assert_eq!(answer.status, 200, "the session was lost: {answer:?}");
    let user = demo.user("code@example.org");
    let answer = served("a code", async || user.verify(&code).await).await;
    assert_eq!(answer.status, 200, "the mailed code was lost: {answer:?}");
    let again = served("a used code", async || user.verify(&code).await).await;
    assert_eq!(again.status, 400, "the code worked twice");
    let waits = demo.user("waits@example.org");
    let answer = served("a second login", async || waits.request_code().await).await;
    assert_eq!(answer.status, 429, "the wait between two codes was lost: {answer:?}");
    let log = redis_log(case).await;
    for error in ["NOPERM", "CRITICAL"] {
        let line = log.lines().find(|line| line.contains(error));
        assert_eq!(line, None, "Redis refused a part of its append-only file");
    }
}

/// Of the container that runs, which is the one that read the file.
async fn redis_log(case: &Case) -> String {
    let log = case.log(REDIS, false).await;
    assert!(log.contains("Ready to accept connections"), "this is not the whole log of a start: {log}");
    log
}
