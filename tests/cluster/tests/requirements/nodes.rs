//! Nodes, and the network between their pods.

use std::time::Duration;

use cluster::{
    Case, deadline,
    wait::{eventually, seen},
};
use serde_json::json;
use tokio::{
    io::{AsyncBufReadExt as _, AsyncWriteExt as _, BufReader},
    net::TcpStream,
    time::timeout,
};

use crate::pod::{TestPod, claim, shell, shell_eventually};

const ZONE: &str = "topology.kubernetes.io/zone";

#[tokio::test]
async fn node_is_ready() {
    Case::without_operator(async |case: &Case| {
        case.kubectl(&["wait", "--for", "condition=Ready", "node", "--all", "--timeout", "60s"]).await;
        case.kubectl(&system(&["rollout", "status", "deployment/coredns", "--timeout", "60s"])).await;
    })
    .await;
}

/// A Redis with a volume on each node: its pod is a client, and a server for the pods of the other nodes.
#[tokio::test]
async fn pods_of_every_node_reach_services_volumes_and_each_other() {
    Case::without_operator(async |case: &Case| {
        let nodes = case.node_names().await;
        for node in &nodes {
            let data = format!("data-of-{node}");
            claim(case, &data).await;
            let command = json!(["redis-server", "--protected-mode", "no", "--save", ""]);
            let redis = TestPod::new(case, &format!("on-{node}"), "redis").with("command", command);
            redis.with_claim("/data", &data).on_node(node).serve(6379).await;
        }
        for node in &nodes {
            let pod = format!("on-{node}");
            let services = "echo written >/data/file && getent hosts kubernetes.default \
                            && timeout 5 bash -c 'exec 3<>/dev/tcp/kubernetes.default/443'";
            shell(case, &pod, services).await.expect("volume, DNS and a Service");
            for other in &nodes {
                reaches(case, &pod, &format!("on-{other}")).await;
            }
            let log = case.log(&pod, false).await;
            assert!(log.contains("Ready to accept connections"), "{log}");
            assert_port_forward_works(case, &pod).await;
        }
    })
    .await;
}

/// By its address, and by the name of its Service.
async fn reaches(case: &Case, pod: &str, other: &str) {
    let address = case.get::<k8s_openapi::api::core::v1::Pod>(other).await;
    let address = address.status.and_then(|status| status.pod_ip).expect("an address");
    let ping = shell(case, pod, &format!("timeout 5 redis-cli -h {address} ping")).await;
    assert_eq!(ping.expect("the other pod answers").trim(), "PONG");
    shell_eventually(case, pod, &format!("timeout 5 redis-cli -h {other} ping | grep -x PONG")).await;
}

async fn assert_port_forward_works(case: &Case, pod: &str) {
    let forward = case.forward(pod, 6379).await;
    let mut redis = TcpStream::connect(("127.0.0.1", forward.port)).await.expect("the forwarded port");
    redis.write_all(b"PING\r\n").await.expect("a request is sent");
    let mut answer = String::new();
    let read = timeout(Duration::from_secs(10), BufReader::new(redis).read_line(&mut answer)).await;
    read.expect("an answer within 10 s").expect("an answer");
    assert!(answer.starts_with("+PONG"), "{answer}");
}

#[tokio::test]
async fn services_outlive_a_restart_of_kube_proxy() {
    Case::without_operator(async |case: &Case| {
        if !case.cluster.is_local() {
            return;
        }
        case.kubectl(&system(&["delete", "pod", "--selector", "k8s-app=kube-proxy", "--wait"])).await;
        case.kubectl(&system(&["rollout", "status", "daemonset/kube-proxy", "--timeout", "60s"])).await;
        for node in case.node_names().await {
            wait_full_syncs(case, &node, 1).await.expect("kube-proxy has written its rules");
        }
        case.local_script("nodes", &["check"]).await.expect("the Services work");
    })
    .await;
}

/// kube-proxy rewrites all of its rules once an hour, and whenever the zone of its node changes.
#[tokio::test]
async fn services_outlive_a_full_sync_of_kube_proxy() {
    Case::without_operator(async |case: &Case| {
        if !case.cluster.is_local() {
            return;
        }
        let sync = async {
            for node in case.node_names().await {
                let before = full_syncs(case, &node).await.expect("kube-proxy's metrics");
                case.kubectl(&["label", "node", &node, &format!("{ZONE}=of-the-test")]).await;
                wait_full_syncs(case, &node, before + 1).await.expect("a full sync");
                case.local_script("nodes", &["check", &node]).await.expect("the Services work");
            }
        };
        let remove_zones = async {
            case.kubectl(&["label", "node", "--all", &format!("{ZONE}-")]).await;
        };
        case.with_cleanup(sync, remove_zones).await;
    })
    .await;
}

async fn wait_full_syncs(case: &Case, node: &str, count: u64) -> Result<(), String> {
    cluster::wait::attempt(format!("{count} full syncs on {node}"), deadline::READ, async || {
        let syncs = full_syncs(case, node).await?;
        seen(syncs >= count, || format!("{syncs} full syncs"))
    })
    .await
}

/// How often the kube-proxy of a node has written all of its rules.
async fn full_syncs(case: &Case, node: &str) -> Result<u64, String> {
    let curl = ["curl", "--silent", "--show-error", "--max-time", "5", "http://127.0.0.1:10249/metrics"];
    let metrics = case.local_script("node/steps", &[&["in", node], &curl[..]].concat()).await?;
    let name = "kubeproxy_sync_full_proxy_rules_duration_seconds_count{ip_family=\"IPv4\"} ";
    let value = metrics.lines().find_map(|line| line.strip_prefix(name));
    value.and_then(|value| value.trim().parse().ok()).ok_or_else(|| format!("no metric {name}"))
}

#[tokio::test]
async fn worker_that_was_away_comes_back_with_its_data() {
    Case::without_operator(async |case: &Case| {
        let nodes = case.node_names().await;
        if !case.cluster.is_local() || nodes.len() == 1 {
            return;
        }
        let worker = nodes.last().expect("a worker");
        claim(case, "data-of-worker").await;
        let client = TestPod::client(case, "on-worker").with_claim("/data", "data-of-worker");
        client.on_node(worker).start().await;
        shell(case, "on-worker", "echo kept >/data/file").await.expect("the volume can be written");

        case.local_script("worker", &["cut", worker]).await.expect("the worker is cut off");
        let reached = timeout(Duration::from_secs(10), case.try_exec("on-worker", &["true"])).await;
        case.local_script("worker", &["heal", worker]).await.expect("the worker is back");
        assert!(!matches!(reached, Ok(Ok(_))), "the worker was reached while it was cut off");
        assert_eq!(shell(case, "on-worker", "cat /data/file").await.expect("the file").trim(), "kept");

        case.local_script("worker", &["kill", worker]).await.expect("the worker is killed");
        case.local_script("worker", &["start", worker]).await.expect("the worker is back");
        eventually("the file of the killed worker", deadline::READ, async || {
            shell(case, "on-worker", "grep -x kept /data/file").await
        })
        .await;
    })
    .await;
}

/// Arguments of kubectl for the namespace of the cluster's own parts.
fn system<'a>(arguments: &[&'a str]) -> Vec<&'a str> {
    [&["--namespace", "kube-system"], arguments].concat()
}
