//! Sealed mails: turned on, off, and under another key, while users sign in.

use std::time::Duration;

use cluster::{
    Case, Stack, deadline,
    load::{assert_no_login_refused, assert_nothing_lost},
    management::Request,
    wait::seen,
};
use k8s_openapi::api::{apps::v1::Deployment, core::v1::Secret};
use serde_json::{Value, json};

/// The private keys, which mail-service alone mounts.
const KEYS: &str = "demo-mail-keys";
/// The annotation on them that names the key of user-service.
const SEALS_UNDER: &str = "pingstack.dev/mail-seal-key";
/// Sign-ins a second.
const RATE: u32 = 5;
/// A rollout of mail-service, whose old pod may take 95 s to end, and the time until the operator looks again.
const ROLLOUT: Duration = Duration::from_mins(5);
/// Two rollouts, the life of a code and two minutes.
const ROTATION: Duration = Duration::from_mins(15);

#[tokio::test]
#[ignore = "make e2e-full runs it; it waits for rollouts and for the life of a code"]
async fn sealing_is_turned_on_and_off_without_a_lost_code() {
    Case::run(async |case: &Case| {
        let demo = case.ready_stack(json!({ "login": { "codeTtlSeconds": 60 } })).await;
        let load = demo.start_load("sealing", RATE).await;
        demo.patch(sealing(true)).await;
        wait_sealing(case, ROLLOUT).await;
        demo.wait_ready().await;
        load.wait_served(deadline::SERVER).await;
        demo.patch(sealing(false)).await;
        case.wait_absent::<Secret>(KEYS, ROTATION).await;
        for (part, variable) in
            [("mail-service", "MAIL_OPEN_KEYS_DIR"), ("user-service", "MAIL_SEAL_KEY_FILE")]
        {
            let name = demo.part(part);
            case.wait_deployment(&name, deadline::SERVER).await;
            assert!(!has_variable(&case.get(&name).await, variable), "{part} has {variable}");
        }
        load.wait_served(deadline::SERVER).await;
        let ledger = load.finish().await;
        assert_no_login_refused(&ledger);
        assert_nothing_lost(&ledger);
        assert_eq!(parked(&demo).await, 0, "a mail was parked");
    })
    .await;
}

#[tokio::test]
#[ignore = "make e2e-full runs it; it waits for rollouts and for the life of a code"]
async fn rotated_mail_keys_lose_no_code() {
    Case::run(async |case: &Case| {
        let sealed = json!({ "login": { "codeTtlSeconds": 60 }, "mail": { "sealing": { "enabled": true } } });
        let demo = case.ready_stack(sealed).await;
        wait_sealing(case, ROLLOUT).await;
        let first = key(case).await;
        let load = demo.start_load("mail-keys", RATE).await;
        // The second change waits for the end of the first rotation.
        demo.annotate("pingstack.dev/rotate-mail-keys", "1").await;
        wait_rotating(case).await;
        demo.annotate("pingstack.dev/rotate-mail-keys", "2").await;
        let second = wait_other_key(case, &first).await;
        let third = wait_other_key(case, &second).await;
        assert_ne!(third, first);
        let ledger = load.finish().await;
        assert_no_login_refused(&ledger);
        assert_nothing_lost(&ledger);
        assert_eq!(parked(&demo).await, 0, "a mail was parked");
    })
    .await;
}

fn sealing(enabled: bool) -> Value {
    json!({ "mail": { "sealing": { "enabled": enabled } } })
}

/// Waits until all pods of user-service seal their mails.
async fn wait_sealing(case: &Case, deadline: Duration) {
    case.wait_object(KEYS, deadline, |secret: &Secret| {
        let annotations = secret.metadata.annotations.as_ref();
        let seals = annotations.is_some_and(|all| all.contains_key(SEALS_UNDER));
        seen(seals, || format!("{annotations:?}"))
    })
    .await;
    case.wait_object("demo-user-service", deadline::OPERATOR, |deployment: &Deployment| {
        seen(has_variable(deployment, "MAIL_SEAL_KEY_FILE"), || "no MAIL_SEAL_KEY_FILE".to_owned())
    })
    .await;
    case.wait_deployment("demo-user-service", deadline::SERVER).await;
}

/// Waits until there are two keys.
async fn wait_rotating(case: &Case) {
    case.wait_object(KEYS, deadline::OPERATOR, |secret: &Secret| {
        seen(value(secret, "mail-key-next").is_some(), || "one key".to_owned())
    })
    .await;
}

/// Waits until another key has taken the place of this one; the other one.
async fn wait_other_key(case: &Case, old: &[u8]) -> Vec<u8> {
    case.wait_object(KEYS, ROTATION, |secret: &Secret| {
        let is_replaced = value(secret, "mail-key").as_deref() != Some(old);
        seen(is_replaced, || format!("{:?}", secret.metadata.annotations))
    })
    .await;
    key(case).await
}

async fn key(case: &Case) -> Vec<u8> {
    value(&case.get(KEYS).await, "mail-key").expect("the Secret has a key")
}

fn value(secret: &Secret, key: &str) -> Option<Vec<u8>> {
    secret.data.as_ref().and_then(|data| data.get(key)).map(|value| value.0.clone())
}

fn has_variable(deployment: &Deployment, name: &str) -> bool {
    let pod = deployment.spec.as_ref().and_then(|spec| spec.template.spec.as_ref());
    let variables = pod.and_then(|pod| pod.containers.first()?.env.as_ref());
    variables.into_iter().flatten().any(|variable| variable.name == name)
}

/// How many mails could not be delivered.
async fn parked(demo: &Stack<'_>) -> u64 {
    demo.manage(Request::get("queues/ping/send-otp.dead")).await["messages"]
        .as_u64()
        .expect("the broker counts the parked mails")
}
