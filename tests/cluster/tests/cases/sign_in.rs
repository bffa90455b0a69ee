//! From one object to a user who is signed in.

use cluster::Case;
use k8s_openapi::api::core::v1::Event;
use kube::api::ListParams;
use serde_json::json;

#[tokio::test]
async fn the_minimal_sample_signs_a_person_in() {
    Case::run(async |case: &Case| {
        let demo = case.apply_minimal_sample().await;
        demo.wait_ready().await;
        let listed = case.kubectl(&["get", "ping"]).await;
        assert!(
            listed.lines().any(|line| line.starts_with("demo ")),
            "the short name lists nothing: {listed}"
        );
        demo.user("ada@example.org").sign_in().await;
        let events = case.api::<Event>().list(&ListParams::default()).await.expect("events");
        let written = format!("{} {}", demo.object().await, json!(events.items));
        for secret in ["ada@example.org", "OTP code is"] {
            assert!(!written.contains(secret), "the operator wrote '{secret}'");
        }
    })
    .await;
}

#[tokio::test]
#[ignore = "make e2e-full runs it; CI has the minimal sample"]
async fn two_stacks_share_a_namespace() {
    Case::run(async |case: &Case| {
        let stacks = ["one", "two"].map(|name| case.stack(name));
        for stack in &stacks {
            stack.apply(json!({})).await;
        }
        for stack in &stacks {
            stack.wait_ready().await;
        }
        let [one, two] = stacks;
        one.user("ada@example.org").sign_in().await;
        two.user("bob@example.org").sign_in().await;
        // A code of one stack is worth nothing in the other.
        let code = one.user("eve@example.org").mailed_code().await;
        let answer = two.user("eve@example.org").verify(&code).await;
        assert_eq!(answer.status, 400, "{answer:?}");
        assert_eq!(answer.body["message"], "Invalid or expired OTP", "{answer:?}");
    })
    .await;
}

#[tokio::test]
#[ignore = "make e2e-full runs it; CI has the minimal sample"]
async fn stacks_of_one_name_live_in_two_namespaces() {
    Case::run(async |case: &Case| {
        let second = case.beside("2").await;
        let [here, there] = [case, &second].map(|case| case.stack("demo"));
        here.apply(json!({})).await;
        there.apply(json!({})).await;
        there.wait_ready().await;
        there.user("bob@example.org").sign_in().await;
        here.wait_ready().await;
        here.user("ada@example.org").sign_in().await;
        let mailed = case.mailed_addresses().await;
        assert_eq!(mailed, ["ada@example.org"], "mails of another namespace's stack");
    })
    .await;
}
