//! What `kubectl get` and `kubectl describe` show: sentences, each change once, and no warning where nothing is wrong.

use cluster::{
    Case, Relay, Stack, deadline,
    wait::{eventually, seen},
};
use k8s_openapi::api::core::v1::Secret;
use serde_json::{Value, json};

/// An ordinary start: its objects, those on the broker, its beginning, six conditions and its end, and one to spare.
const EVENTS_OF_A_START: usize = 11;

#[tokio::test]
async fn an_ordinary_start_is_a_handful_of_events_and_no_warning() {
    Case::run(async |case: &Case| {
        let demo = case.ready_stack(json!({})).await;
        let events = events(case, &demo).await;
        let said = |event: &Value| format!("{}: {}", event["type"], event["note"]);
        let said = events.iter().map(said).collect::<Vec<_>>();
        assert!(said.iter().all(|line| !line.contains("Warning")), "{said:#?}");
        assert!(said.len() <= EVENTS_OF_A_START, "{said:#?}");
        assert!(events.iter().all(|event| event["series"].is_null()), "said twice: {said:#?}");
    })
    .await;
}

/// The Events about a stack, as events.k8s.io has them.
async fn events(case: &Case, demo: &Stack<'_>) -> Vec<Value> {
    let uid = demo.object().await["metadata"]["uid"].clone();
    let listed = case.kubectl(&["get", "events.v1.events.k8s.io", "--output=json"]).await;
    let listed: Value = serde_json::from_str(&listed).expect("a list of Events");
    let events = listed["items"].as_array().cloned().unwrap_or_default();
    events.into_iter().filter(|event| event["regarding"]["uid"] == uid).collect()
}

#[tokio::test]
#[ignore = "make e2e-full runs it; CI has the ordinary start"]
async fn another_cause_is_another_event_and_the_wide_output_has_the_message() {
    Case::run(async |case: &Case| {
        let demo = case.stack("demo");
        let login = |secret: &str| {
            json!({ "smtp": { "tls": "StartTls", "credentialsSecretRef": { "name": secret } } })
        };
        demo.apply(login("first")).await;
        case.wait_event("SecretMissing", "names the Secret first", deadline::OPERATOR).await;
        demo.patch(login("second")).await;
        case.wait_event("SecretMissing", "names the Secret second", deadline::OPERATOR).await;
        eventually("the message in the wide output", deadline::OPERATOR, async || {
            let wide = case.try_kubectl(&["get", "ping", "demo", "--output=wide"]).await?;
            seen(wide.contains("MESSAGE") && wide.contains("names the Secret second"), || wide)
        })
        .await;
    })
    .await;
}

#[tokio::test]
async fn what_the_api_server_refuses_it_refuses_in_plain_words() {
    Case::run(async |case: &Case| {
        let demo = case.stack("demo");
        let amount = |memory: &str| json!({ "mailService": { "resources": { "limits": { "memory": memory } } } });
        for (spec, message) in [
            (json!({ "smtp": { "from": "no-reply" } }), "from is not a sender: write an address"),
            (
                json!({ "login": { "allowedOrigins": ["https://app.example.org/"] } }),
                "allowedOrigins has an entry that is not an origin",
            ),
            (json!({ "login": { "trustedProxies": ["10.0.0.7"] } }), "trustedProxies has an entry that is not a network"),
            (
                json!({ "monitoring": { "tracing": { "endpoint": "otel-collector:4318" } } }),
                "endpoint is not an address of a collector",
            ),
            (
                json!({ "monitoring": { "tracing": { "endpoint": "http://c:4318", "samplingRatio": "10%" } } }),
                "samplingRatio is not a share of traces",
            ),
            (amount("128MB"), "memory is not an amount of memory"),
            (
                json!({ "redis": { "managed": { "storage": { "size": "big" } } } }),
                "size is not an amount of storage",
            ),
        ] {
            let refused = demo.try_create(spec.clone()).await.expect_err("the API server took it");
            assert!(refused.contains(message) && !refused.contains('^'), "{spec}: {refused}");
        }
    })
    .await;
}

#[tokio::test]
#[ignore = "make e2e-full runs it; CI has the ordinary start"]
async fn a_paused_stack_does_not_say_what_nobody_looked_at() {
    Case::run(async |case: &Case| {
        let demo = case.ready_stack(json!({})).await;
        demo.patch(json!({ "paused": true })).await;
        let topology = demo.wait_reason("TopologyReady", "Paused", deadline::OPERATOR).await;
        assert_eq!(topology.status, "Unknown", "{topology:?}");
        demo.patch(json!({ "paused": false })).await;
        demo.wait_reason("TopologyReady", "Applied", deadline::OPERATOR).await;
        demo.wait_ready().await;
    })
    .await;
}

#[tokio::test]
#[ignore = "make e2e-full runs it; CI has the ordinary start"]
async fn a_password_with_a_line_break_at_its_end_is_used_without_it_and_the_condition_says_so() {
    Case::run(async |case: &Case| {
        case.start_relay().await;
        let login: Secret = case.get("relay-login").await;
        let mut data = login.data.expect("a login");
        data.entry("EMAIL_PASSWORD".to_owned()).or_default().0.push(b'\n');
        let _: Secret = case.patch("relay-login", json!({ "data": data })).await;
        let mut smtp = Relay::right();
        smtp["testRecipient"] = json!("admin@example.org");
        let demo = case.ready_stack(json!({ "smtp": smtp })).await;
        demo.wait_reason("TestMailSent", "Delivered", deadline::MAIL).await;
        let mail = demo.condition("MailServiceReady").await.expect("MailServiceReady");
        let expected = "EMAIL_PASSWORD in the Secret relay-login ends in a line break, which is left out";
        assert!(mail.message.contains(expected), "{mail:?}");
    })
    .await;
}
