//! Whether users can sign in: the operator tries, with a mail that travels through the stack's own queue to its sink.

use cluster::{
    Case, Stack, deadline,
    wait::{eventually, seen},
};
use k8s_openapi::api::apps::v1::Deployment;
use serde_json::{Value, json};

const CONDITION: &str = "SignInWorks";
const ANNOTATION: &str = "pingstack.dev/sign-in";

#[tokio::test]
#[ignore = "make e2e-full runs it; sign-ins that fail twice take minutes"]
async fn the_operator_signs_in_through_the_queue_and_says_what_fails() {
    Case::run(async |case: &Case| {
        let spec = json!({
            "monitoring": { "syntheticLogin": { "every": "24h" } },
            // So that nobody but this case sets the number of pods.
            "mailService": { "autoscaling": { "provider": "None" } },
        });
        let demo = case.ready_stack(spec).await;
        demo.wait_condition(CONDITION, "True", deadline::STACK).await;
        let first = last(&demo).await;
        assert_eq!(first["reason"], "SignedIn", "{first}");
        assert!(first["codeAfterMilliseconds"].as_i64().is_some_and(|took| took > 0), "{first}");
        // Once more, because it is asked for.
        ask(&demo, "again").await;
        // Its mails never reach the stack's mail server.
        let status = demo.object().await["status"].to_string();
        assert!(!status.contains('@'), "the status holds an address: {status}");
        demo.user("ada@example.org").sign_in().await;
        assert_eq!(case.mails_to("sign-in-1@ping-probe.invalid").await.len(), 0);
        assert_eq!(case.mails_to("ada@example.org").await.len(), 1);
        // Without mail-service a code is accepted for delivery and does not come.
        scale(case, 0).await;
        demo.annotate(ANNOTATION, "without mail-service").await;
        let missing = demo.wait_condition(CONDITION, "False", deadline::STACK).await;
        assert_eq!(missing.reason, "MailMissing", "{missing:?}");
        scale(case, 1).await;
        demo.wait_ready().await;
        ask(&demo, "with mail-service").await;
        demo.wait_condition(CONDITION, "True", deadline::OPERATOR).await;
        // Taken back, nothing of it is left.
        demo.patch(json!({ "monitoring": { "syntheticLogin": null } })).await;
        demo.wait_no_condition(CONDITION, deadline::OPERATOR).await;
        eventually("the last sign-in to leave the status", deadline::OPERATOR, async || {
            let last = last(&demo).await;
            seen(last.is_null(), || last.to_string())
        })
        .await;
    })
    .await;
}

/// Has the operator sign in, and waits until it has.
async fn ask(demo: &Stack<'_>, request: &str) {
    demo.annotate(ANNOTATION, request).await;
    eventually(format!("the sign-in '{request}'"), deadline::STACK, async || {
        let last = last(demo).await;
        seen(last["request"] == request && last["reason"] == "SignedIn", || last.to_string())
    })
    .await;
}

async fn last(demo: &Stack<'_>) -> Value {
    demo.object().await["status"]["syntheticLogin"].clone()
}

async fn scale(case: &Case, replicas: i32) {
    case.patch::<Deployment>("demo-mail-service", json!({ "spec": { "replicas": replicas } })).await;
    case.wait_object("demo-mail-service", deadline::SERVER, |deployment: &Deployment| {
        let ready = deployment.status.as_ref().and_then(|status| status.ready_replicas).unwrap_or_default();
        seen(ready == replicas, || format!("{ready} pods are ready"))
    })
    .await;
}
