//! The servers of a stack as restricted pods.

use cluster::{
    Case, deadline,
    wait::{eventually, seen},
};
use serde_json::json;

use crate::pod::{TestPod, claim, remove, shell_eventually};

#[tokio::test]
async fn redis_runs_as_a_restricted_pod() {
    Case::without_operator(async |case: &Case| {
        claim(case, "redis-data").await;
        start_redis(case).await;
        TestPod::client(case, "redis-client").start().await;
        shell_eventually(case, "redis-client", "redis-cli -h redis set key value | grep -x OK").await;
        remove(case, "redis").await;
        start_redis(case).await;
        shell_eventually(case, "redis-client", "redis-cli -h redis get key | grep -x value").await;
    })
    .await;
}

async fn start_redis(case: &Case) {
    let command = json!(["redis-server", "--protected-mode", "no", "--appendonly", "yes"]);
    let redis = TestPod::new(case, "redis", "redis").with_claim("/data", "redis-data");
    redis.with("command", command).serve(6379).await;
}

#[tokio::test]
async fn rabbitmq_runs_as_a_restricted_pod() {
    Case::without_operator(async |case: &Case| {
        claim(case, "rabbitmq-data").await;
        let broker = TestPod::new(case, "rabbitmq", "rabbitmq").with("command", json!(["rabbitmq-server"]));
        broker.with_claim("/var/lib/rabbitmq/mnesia", "rabbitmq-data").serve(5672).await;
        case.exec("rabbitmq", &["rabbitmqctl", "await_startup", "--timeout", "60"]).await;
        case.exec("rabbitmq", &["rabbitmqctl", "add_vhost", "test"]).await;
        let vhosts = case.exec("rabbitmq", &["rabbitmqctl", "list_vhosts", "--silent"]).await;
        assert!(vhosts.lines().any(|line| line == "test"), "{vhosts}");
    })
    .await;
}

#[tokio::test]
async fn mailpit_runs_as_a_restricted_pod() {
    Case::without_operator(async |case: &Case| {
        let mailpit =
            TestPod::new(case, "mailpit", "mailpit").with_volume("/data", json!({ "emptyDir": {} }));
        mailpit.serve(8025).await;
        let path = format!("/api/v1/namespaces/{}/pods/mailpit:8025/proxy/api/v1/info", case.namespace);
        eventually("Mailpit's version", deadline::READ, async || {
            let info = case.get_raw(&path).await?;
            seen(info.contains("\"Version\""), || info.clone())
        })
        .await;
    })
    .await;
}
