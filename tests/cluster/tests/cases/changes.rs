//! Changes of the spec and of passwords, under sign-ins.

use cluster::{
    Case, deadline,
    load::{assert_no_login_refused, assert_nothing_lost},
    management::Request,
    wait::seen,
};
use k8s_openapi::api::{apps::v1::Deployment, core::v1::Secret};
use serde_json::json;

/// Sign-ins a second.
const RATE: u32 = 10;
/// A new value of it changes the passwords of the broker's users.
const ROTATE: &str = "pingstack.dev/rotate-broker-passwords";

#[tokio::test]
async fn changed_services_roll_without_a_refused_login() {
    Case::run(async |case: &Case| {
        let demo = case.ready_stack(json!({})).await;
        let load = demo.start_load("roll", RATE).await;
        demo.patch(json!({
            "login": { "maxAttempts": 4 }, "userService": { "replicas": 3 }, "mailService": { "concurrency": 8 },
        }))
        .await;
        let name = demo.part("user-service");
        case.wait_object(&name, deadline::MAIL, |deployment| {
            let new = has_variable(deployment, "LOGIN_MAX_ATTEMPTS", "4");
            seen(new, || "LOGIN_MAX_ATTEMPTS is not 4".to_owned())
        })
        .await;
        for part in ["user-service", "mail-service"] {
            case.wait_deployment(&demo.part(part), deadline::SERVER).await;
        }
        let ledger = load.finish().await;
        assert_no_login_refused(&ledger);
        assert_nothing_lost(&ledger);
        let status = case.get::<Deployment>(&name).await.status;
        assert_eq!(status.and_then(|status| status.ready_replicas), Some(3));
    })
    .await;
}

#[tokio::test]
#[ignore = "make e2e-full runs it; CI has the rotated pepper"]
async fn deleted_secrets_are_made_anew_and_the_stack_recovers() {
    Case::run(async |case: &Case| {
        let demo = case.ready_stack(json!({})).await;
        let count = demo.recreate_all::<Secret>().await;
        assert!(count > 0, "the stack has no Secret");
        demo.wait_parts().await;
        demo.wait_ready().await;
        demo.user("ada@example.org").sign_in_eventually().await;
    })
    .await;
}

#[tokio::test]
#[ignore = "make e2e-full runs it; CI has the rotated pepper"]
async fn rotated_broker_passwords_refuse_no_login() {
    Case::run(async |case: &Case| {
        let demo = case.ready_stack(json!({})).await;
        let load = demo.start_load("rotate", RATE).await;
        demo.annotate(ROTATE, "1").await;
        case.wait_present::<Secret>("demo-broker-users-b", deadline::MAIL).await;
        case.wait_absent::<Secret>("demo-broker-users-a", deadline::NAMESPACE).await;
        let ledger = load.finish().await;
        assert_no_login_refused(&ledger);
        assert_nothing_lost(&ledger);
        let users = demo.manage(Request::get("users")).await;
        let prefix = format!("{}.demo", case.namespace);
        let names = users.as_array().into_iter().flatten().filter_map(|user| user["name"].as_str());
        let own: Vec<&str> = names.filter(|name| name.starts_with(&prefix)).collect();
        assert!(own.len() == 3 && own.iter().all(|name| name.ends_with(".b")), "users of the stack: {own:?}");
        // And back again.
        demo.annotate(ROTATE, "2").await;
        case.wait_absent::<Secret>("demo-broker-users-b", deadline::NAMESPACE).await;
        demo.user("ada@example.org").sign_in().await;
    })
    .await;
}

fn has_variable(deployment: &Deployment, name: &str, value: &str) -> bool {
    let pod = deployment.spec.as_ref().and_then(|spec| spec.template.spec.as_ref());
    let variables = pod.and_then(|pod| pod.containers.first()?.env.as_ref());
    variables
        .into_iter()
        .flatten()
        .any(|variable| variable.name == name && variable.value.as_deref() == Some(value))
}
