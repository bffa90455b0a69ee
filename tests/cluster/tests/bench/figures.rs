//! Counters of the replica that reconciles, at one moment.

use std::time::Instant;

use cluster::Case;
use k8s_openapi::api::core::v1::Pod;
use serde_json::Value;

pub(crate) struct Figures {
    at: Instant,
    reconciles: f64,
    reconcile_seconds: f64,
    api_requests: f64,
    cpu_seconds: f64,
}

impl Figures {
    pub(crate) async fn of(case: &Case) -> Self {
        let leader = case.operator().leader().await.expect("a leader");
        let namespace = case.operator().namespace();
        let path = format!("/api/v1/namespaces/{namespace}/pods/{leader}:8081/proxy/metrics");
        let metrics = case.get_raw(&path).await.expect("the operator's metrics");
        let metric = |name: &str| value_of(&metrics, name).unwrap_or_else(|| panic!("no metric {name}"));
        let cpu = usage(case, &leader).await["cpu"]["usageCoreNanoSeconds"].as_f64();
        Self {
            at: Instant::now(),
            reconciles: metric("ping_operator_reconcile_seconds_count"),
            reconcile_seconds: metric("ping_operator_reconcile_seconds_sum"),
            api_requests: metric("ping_operator_api_requests_total"),
            cpu_seconds: cpu.expect("CPU time") / 1e9,
        }
    }

    /// In seconds.
    pub(crate) fn mean_reconcile_since(&self, before: &Self) -> f64 {
        (self.reconcile_seconds - before.reconcile_seconds) / (self.reconciles - before.reconciles)
    }

    /// How many cores were used.
    pub(crate) fn cores_since(&self, before: &Self) -> f64 {
        (self.cpu_seconds - before.cpu_seconds) / self.seconds_since(before)
    }

    pub(crate) fn requests_per_second_since(&self, before: &Self) -> f64 {
        (self.api_requests - before.api_requests) / self.seconds_since(before)
    }

    fn seconds_since(&self, before: &Self) -> f64 {
        self.at.duration_since(before.at).as_secs_f64()
    }
}

/// In octets.
pub(crate) async fn memory_of_the_leader(case: &Case) -> f64 {
    let leader = case.operator().leader().await.expect("a leader");
    usage(case, &leader).await["memory"]["workingSetBytes"].as_f64().expect("memory")
}

/// What the container of a pod of the operator uses, as the kubelet measures it.
async fn usage(case: &Case, pod: &str) -> Value {
    let found = case.operator().api::<Pod>().get(pod).await.expect("the leader's pod");
    let node = found.spec.and_then(|spec| spec.node_name).expect("a node");
    let summary = case.get_raw(&format!("/api/v1/nodes/{node}/proxy/stats/summary")).await;
    let summary: Value = serde_json::from_str(&summary.expect("the kubelet's summary")).expect("JSON");
    let pods = summary["pods"].as_array().expect("pods");
    let own = pods.iter().find(|entry| entry["podRef"]["name"] == pod).expect("the leader's usage");
    own["containers"][0].clone()
}

/// The value of a metric without labels.
fn value_of(metrics: &str, name: &str) -> Option<f64> {
    metrics.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(' ')?.trim().parse().ok())
}

#[cfg(test)]
mod tests {
    use super::value_of;

    #[test]
    fn a_metric_is_found_by_its_whole_name() {
        let metrics = "# TYPE a counter\na_total_more 7\na_total 3.5\n";
        assert_eq!(value_of(metrics, "a_total"), Some(3.5));
        assert_eq!(value_of(metrics, "a"), None);
    }
}
