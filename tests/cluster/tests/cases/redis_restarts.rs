//! The managed Redis is restarted in every way that its owner can: sessions, codes and limits stay.

use cluster::{Case, Session, Stack, deadline};
use k8s_openapi::api::{
    apps::v1::StatefulSet,
    core::v1::{ConfigMap, Pod, Secret},
};
use serde_json::json;

pub(super) const REDIS: &str = "demo-redis-0";

/// The rule of operators up to 0.1.0. Redis replays its append-only file as `default`, so every script in it was refused.
const OLD_RULE: &str = "user default off resetchannels -@all";

/// What must be the same after a restart: a session, an unused code, and an address that has to wait.
pub(super) struct Before {
    session: Session,
    code: String,
}

#[tokio::test]
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
#[ignore = "make e2e-full runs it; CI has the deleted pod and the killed process"]
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
#[ignore = "make e2e-full runs it; CI has the deleted pod and the killed process"]
async fn a_rolled_redis_keeps_sessions_codes_and_limits() {
    Case::run(async |case: &Case| {
        let demo = start(case).await;
        let before = promises(&demo).await;
        case.roll_stateful_set("demo-redis", deadline::SERVER).await;
        assert_kept(case, &demo, before).await;
    })
    .await;
}

/// The old operator's users.acl is put back while no operator runs, so that sessions are written by a Redis that has it.
#[tokio::test]
async fn sessions_of_an_older_operator_survive_its_upgrade_and_the_first_restart() {
    Case::alone(async |case: &Case| {
        let demo = start(case).await;
        case.operator().scale(0).await;
        put_old_rule_back(case).await;
        demo.wait_sign_in("first@example.org").await;
        let before = promises(&demo).await;
        let pod = case.uid::<Pod>(REDIS).await;
        case.operator().install(&[]).await;
        case.wait_new::<Pod>(REDIS, pod.as_deref(), deadline::SERVER).await;
        case.wait_pod_ready(REDIS, deadline::SERVER).await;
        assert_kept(case, &demo, before).await;
    })
    .await;
}

/// Codes and the wait between two of them last longer than the case.
pub(super) async fn start(case: &Case) -> Stack<'_> {
    let demo = case.stack("demo");
    demo.apply(json!({ "login": { "codeTtlSeconds": 1800, "resendAfterSeconds": 1800 } })).await;
    demo.wait_ready().await;
    demo
}

pub(super) async fn promises(demo: &Stack<'_>) -> Before {
    let session = demo.user("session@example.org").sign_in().await;
    let code = demo.user("code@example.org").mailed_code().await;
    let waits = demo.user("waits@example.org");
    assert_eq!(waits.request_code().await.status, 200);
    assert_eq!(waits.request_code().await.status, 429, "a second code within the wait");
    Before { session, code }
}

pub(super) async fn assert_kept(case: &Case, demo: &Stack<'_>, before: Before) {
    // The services have found the restarted server.
    demo.wait_sign_in("afterwards@example.org").await;
    let Before { mut session, code } = before;
    let answer = demo.user("session@example.org").refresh(&mut session).await;
    assert_eq!(answer.status, 200, "the session was lost: {answer:?}");
    let user = demo.user("code@example.org");
    let answer = user.verify(&code).await;
    assert_eq!(answer.status, 200, "the mailed code was lost: {answer:?}");
    assert_eq!(user.verify(&code).await.status, 400, "the code worked twice");
    let answer = demo.user("waits@example.org").request_code().await;
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

async fn put_old_rule_back(case: &Case) {
    let config = case.get::<ConfigMap>("demo-redis").await;
    let rules = config.data.as_ref().and_then(|data| data.get("users.acl")).expect("rules of Redis' users");
    let is_default = |line: &str| line.starts_with("user default ");
    assert!(rules.lines().any(is_default), "no rule of the user default: {rules}");
    let old = |line: &str| if is_default(line) { OLD_RULE.to_owned() } else { line.to_owned() };
    let rules: String = rules.lines().map(|line| old(line) + "\n").collect();
    case.patch::<ConfigMap>("demo-redis", json!({ "data": { "users.acl": rules } })).await;
    // The template of an older operator has another hash, which is why its successor rolls Redis.
    let hash = json!({ "pingstack.dev/config-hash": "of-an-older-operator" });
    let template = json!({ "template": { "metadata": { "annotations": hash } } });
    case.patch::<StatefulSet>("demo-redis", json!({ "spec": template })).await;
    case.wait_stateful_set("demo-redis", deadline::SERVER).await;
}
