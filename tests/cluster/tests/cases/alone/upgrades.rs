//! An older operator, installed from its own chart with its own images, upgraded under its stacks.

use cluster::{Case, deadline, load::assert_nothing_lost, served, wait::seen};
use k8s_openapi::api::{
    apps::v1::{Deployment, StatefulSet},
    core::v1::{ConfigMap, Pod, Secret},
};
use serde_json::{Value, json};

use crate::{
    faults::redis_restarts::{REDIS, assert_kept, promises, start},
    user_ids::{IDS, KEYS, user_id},
};

/// Its stacks lost all sessions when Redis restarted.
const LAST_RELEASE: &str = "e2ff3d7";

/// The replicas of an operator that its chart installs.
const REPLICAS: i32 = 2;

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

/// Objects that were stored as `v1alpha1` are served and written in both versions after the upgrade, and nobody notices it.
#[tokio::test]
#[ignore = "make e2e-full runs it; it compiles an older release"]
async fn stacks_of_the_first_version_stay_up_when_v1beta1_becomes_the_stored_one() {
    Case::alone(async |case: &Case| {
        if !case.cluster.is_local() {
            return;
        }
        case.operator().install_older(LAST_RELEASE).await;
        let demo = case.ready_stack(json!({ "login": { "maxAttempts": 4 } })).await;
        let id = user_id(&demo).await;
        let uid = demo.object().await["metadata"]["uid"].clone();
        let load = demo.start_load("upgrade", 2).await;
        case.operator().install(&[]).await;
        demo.wait_ready().await;
        assert_nothing_lost(&load.finish().await);
        assert_eq!(demo.object().await["metadata"]["uid"], uid, "the object is another one");
        assert_eq!(user_id(&demo).await, id);
        for version in ["v1alpha1", "v1beta1"] {
            let read = in_version(case, version).await;
            assert_eq!(read["apiVersion"], format!("pingstack.dev/{version}"));
            assert_eq!(read["spec"]["login"]["maxAttempts"], 4, "{version}");
        }
        // Tools that still write the first version.
        let patch = r#"{"spec":{"login":{"maxAttempts":3}}}"#;
        let words =
            ["patch", "pingstacks.v1alpha1.pingstack.dev", "demo", "--type", "merge", "--patch", patch];
        case.kubectl(&words).await;
        assert_eq!(in_version(case, "v1beta1").await["spec"]["login"]["maxAttempts"], 3);
        demo.wait_ready().await;
        let stored =
            ["get", "crd", "pingstacks.pingstack.dev", "--output", "jsonpath={.status.storedVersions}"];
        let stored = case.kubectl(&stored).await;
        assert!(stored.contains("v1alpha1") && stored.contains("v1beta1"), "{stored}");
    })
    .await;
}

async fn in_version(case: &Case, version: &str) -> Value {
    let resource = format!("pingstacks.{version}.pingstack.dev");
    let read = case.kubectl(&["get", &resource, "demo", "--output", "json"]).await;
    serde_json::from_str(&read).expect("an object")
}

/// Helm takes the values of the older release as they are: blocks that are new in this chart are missing.
#[tokio::test]
#[ignore = "make e2e-full runs it; it compiles an older release"]
async fn an_upgrade_that_reuses_the_values_of_the_last_release_works() {
    Case::alone(async |case: &Case| {
        if !case.cluster.is_local() {
            return;
        }
        case.operator().install_older(LAST_RELEASE).await;
        let demo = case.ready_stack(json!({})).await;
        case.operator().upgrade_reusing_values().await;
        // Its images are the older ones, as their names are values: the operator of this chart comes with its own.
        case.operator().install(&[]).await;
        demo.wait_ready().await;
        demo.user("ada@example.org").sign_in().await;
    })
    .await;
}

/// Volumes, Secrets and the CRD stay, so that another release takes the stacks over.
#[tokio::test]
#[ignore = "make e2e-full runs it; CI has the watched namespace that is deleted"]
async fn an_operator_that_is_installed_again_under_another_name_takes_the_stacks_over() {
    Case::alone(async |case: &Case| {
        let demo = case.ready_stack(json!({})).await;
        let id = user_id(&demo).await;
        let pod = case.uid::<Pod>(REDIS).await;
        let elsewhere = case.beside("elsewhere").await;
        case.operator().move_to("blue", &elsewhere.namespace).await;
        demo.patch(json!({ "login": { "maxAttempts": 3 } })).await;
        demo.wait_ready().await;
        assert_eq!(case.uid::<Pod>(REDIS).await, pod, "Redis was restarted");
        assert_eq!(user_id(&demo).await, id);
        case.operator().move_back("blue", &elsewhere.namespace).await;
        demo.patch(json!({ "login": { "maxAttempts": 4 } })).await;
        demo.wait_ready().await;
        assert_eq!(user_id(&demo).await, id);
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
        case.operator().scale(REPLICAS).await;
        case.wait_new::<Pod>(REDIS, pod.as_deref(), deadline::SERVER).await;
        case.wait_pod_ready(REDIS, deadline::SERVER).await;
        assert_kept(case, &demo, before).await;
    })
    .await;
}

/// The older operator has the secret of user ids in one Secret with signing key and pepper, and redraws all three if one is
/// missing.
#[tokio::test]
#[ignore = "make e2e-full runs it; it compiles an older release"]
async fn users_keep_their_ids_through_an_upgrade_from_the_last_release_and_a_roll_back() {
    Case::alone(async |case: &Case| {
        if !case.cluster.is_local() {
            return;
        }
        case.operator().install_older(LAST_RELEASE).await;
        let demo = case.ready_stack(json!({})).await;
        let id = user_id(&demo).await;
        case.operator().install(&[]).await;
        wait_ids_from(case, IDS).await;
        assert_eq!(user_id(&demo).await, id, "after the upgrade");
        case.operator().roll_back_to(LAST_RELEASE).await;
        wait_ids_from(case, KEYS).await;
        assert_eq!(user_id(&demo).await, id, "after the roll-back");
    })
    .await;
}

/// The state that an older operator leaves behind, without one.
#[tokio::test]
#[ignore = "make e2e-full runs it; CI has the sessions of an older operator"]
async fn an_upgrade_takes_user_ids_over_from_the_secret_of_an_older_operator() {
    Case::alone(async |case: &Case| {
        let demo = case.ready_stack(json!({})).await;
        let id = user_id(&demo).await;
        case.operator().scale(0).await;
        case.delete::<Secret>(IDS).await;
        case.wait_absent::<Secret>(IDS, deadline::READ).await;
        case.operator().scale(REPLICAS).await;
        case.wait_present::<Secret>(IDS, deadline::OPERATOR).await;
        demo.wait_ready().await;
        assert_eq!(user_id(&demo).await, id);
    })
    .await;
}

/// Waits until all pods of user-service read the secret of user ids there.
async fn wait_ids_from(case: &Case, secret: &str) {
    case.wait_object(KEYS, deadline::OPERATOR, |deployment: &Deployment| {
        let found = secret_of_ids(deployment);
        seen(found.as_deref() == Some(secret), || format!("{found:?}"))
    })
    .await;
    case.wait_deployment(KEYS, deadline::STACK).await;
}

fn secret_of_ids(deployment: &Deployment) -> Option<String> {
    let pod = deployment.spec.as_ref()?.template.spec.as_ref()?;
    let variables = pod.containers.first()?.env.as_ref()?;
    let variable = variables.iter().find(|variable| variable.name == "USER_ID_SECRET")?;
    Some(variable.value_from.as_ref()?.secret_key_ref.as_ref()?.name.clone())
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

/// Helm 4 would refuse to take a number back that somebody else has set.
#[tokio::test]
#[ignore = "make e2e-full runs it; CI has the sessions of an older operator"]
async fn a_helm_upgrade_after_kubectl_scale_keeps_the_number_of_pods() {
    Case::alone(async |case: &Case| {
        let operator = case.operator();
        operator.scale(1).await;
        operator.install(&[]).await;
        assert_eq!(operator.pod_names().await.map(|pods| pods.len()), Ok(1), "after the upgrade");
        operator.scale(REPLICAS).await;
        operator.install(&[]).await;
        assert_eq!(operator.pod_names().await.map(|pods| pods.len()), Ok(2), "as the value says");
    })
    .await;
}
