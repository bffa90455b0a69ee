//! The external metrics API: what it lists, and whom it answers.

use std::time::Duration;

use cluster::{
    Case, deadline,
    metrics_api::{BACKLOG, PATH},
    wait::{eventually, seen},
};
use serde_json::{Value, json};

/// The API server to list a new API group.
const LISTED: Duration = Duration::from_secs(90);
/// The operator's port.
const PORT: u16 = 8443;
/// A request past the API server.
const ANSWERED: Duration = Duration::from_secs(10);

#[tokio::test]
async fn the_metrics_api_answers_the_front_proxy_alone() {
    Case::run(async |case: &Case| {
        let demo = case.ready_stack(json!({})).await;
        demo.wait_reason("AutoscalingReady", "FollowsQueue", deadline::OPERATOR).await;
        assert_listed(case).await;
        // The replica that answers may read the queue a moment after the one that wrote the condition.
        eventually("every replica to have read the queue", deadline::READ, async || {
            let items = case.backlogs(&case.backlog_path()).await?;
            let stacks: Vec<&Value> = items.iter().map(|item| &item["metricLabels"]["pingstack"]).collect();
            seen(stacks == [&json!("demo")], || format!("{items:?}"))
        })
        .await;
        assert_refused(case).await;
        let learned = past_the_api_server(case).await;
        assert!(learned.is_empty(), "answered without the certificate of the front proxy: {learned}");
    })
    .await;
}

async fn assert_listed(case: &Case) {
    let api = case.get_raw(PATH).await.expect("the API");
    let api: Value = serde_json::from_str(&api).expect("JSON");
    assert_eq!(api["resources"][0]["name"], BACKLOG, "{api}");
    eventually("the API server to list the metric", LISTED, async || {
        let listed = case.try_kubectl(&["api-resources", "--api-group", "external.metrics.k8s.io"]).await?;
        seen(listed.contains(BACKLOG), || listed)
    })
    .await;
}

/// A user without the right is refused, and an unknown namespace or metric has no value.
async fn assert_refused(case: &Case) {
    for path in [
        format!("{PATH}/namespaces/nowhere/{BACKLOG}"),
        format!("{PATH}/namespaces/{}/another_metric", case.namespace),
    ] {
        let answer = case.get_raw(&path).await;
        assert!(answer.is_err(), "{path} was answered: {answer:?}");
    }
    let user = format!("system:serviceaccount:{}:default", case.namespace);
    let refused = case.get_raw_as(&case.backlog_path(), &user).await.expect_err("the backlog was told");
    assert!(refused.contains("Forbidden"), "{refused}");
}

/// The body of an answer to a request with the API server's headers and without its certificate.
async fn past_the_api_server(case: &Case) -> String {
    let forward = case.operator().forward(PORT).await;
    let client = reqwest::Client::builder().no_proxy().tls_danger_accept_invalid_certs(true).build();
    let url = format!("https://127.0.0.1:{}{}", forward.port, case.backlog_path());
    let request = client.expect("a client").get(url).timeout(ANSWERED);
    let request = request.header("X-Remote-User", "admin").header("X-Remote-Group", "system:masters");
    match request.send().await {
        Ok(response) => response.text().await.unwrap_or_default(),
        // The handshake failed.
        Err(_) => String::new(),
    }
}
