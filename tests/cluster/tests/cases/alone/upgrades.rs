//! An older operator, installed from its own chart with its own images, upgraded under its stacks.

use cluster::{Case, deadline, served};
use k8s_openapi::api::{
    apps::v1::StatefulSet,
    core::v1::{ConfigMap, Pod},
};
use serde_json::json;

use crate::faults::redis_restarts::{REDIS, assert_kept, promises, start};

/// Its stacks lost all sessions when Redis restarted.
const LAST_RELEASE: &str = "e2ff3d7";

/// The rule of operators up to 0.1.0. Redis replays its append-only file as `default`, so every script in it was refused.
const OLD_RULE: &str = "user default off resetchannels -@all";

#[tokio::test]
#[ignore = "make e2e-full runs it; it compiles an older release"]
async fn an_operator_of_the_last_release_is_upgraded_and_its_sessions_survive_the_restarts() {
    Case::alone(async |case: &Case| {
        if !case.cluster.is_local() {
            return;
        }
        case.operator().install_older(LAST_RELEASE).await;
        let demo = start(case).await;
        let before = promises(&demo).await;
        let pod = case.uid::<Pod>(REDIS).await;
        case.operator().install(&[]).await;
        case.wait_new::<Pod>(REDIS, pod.as_deref(), deadline::SERVER).await;
        case.wait_pod_ready(REDIS, deadline::SERVER).await;
        demo.wait_ready().await;
        assert_kept(case, &demo, before).await;
        let owner = demo.user("later@example.org");
        let mut later = owner.sign_in().await;
        case.replace_pod(REDIS).await;
        let answer = served("a refresh", async || owner.refresh(&mut later).await).await;
        assert_eq!(answer.status, 200, "the session was lost: {answer:?}");
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
