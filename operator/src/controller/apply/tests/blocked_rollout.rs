//! A pod that keeps a rollout from ending.

use http::Method;
use serde_json::json;
use test_kit::fake_api::FakeApi;

use super::{PODS, pass_anew, writes};

/// A Redis whose controller waits for a pod of an old template that nothing can schedule.
pub(super) fn blocked_redis(api: &FakeApi) {
    let path = "/apis/apps/v1/namespaces/team/statefulsets/demo-redis";
    let mut set = api.get(path).unwrap();
    set["metadata"]["generation"] = json!(2);
    set["status"] = json!({
        "replicas": 1, "updatedReplicas": 0, "observedGeneration": 2,
        "currentRevision": "new", "updateRevision": "new",
    });
    let uid = set["metadata"]["uid"].clone();
    api.put(path, set);
    let owner = json!([{ "apiVersion": "apps/v1", "kind": "StatefulSet", "name": "demo-redis", "uid": uid }]);
    let labels = json!({
        "pingstack.dev/stack": "demo", "pingstack.dev/part": "redis", "controller-revision-hash": "old",
    });
    api.put(&format!("{PODS}/demo-redis-0"), json!({
        "apiVersion": "v1", "kind": "Pod", "status": { "phase": "Pending" },
        "metadata": { "name": "demo-redis-0", "namespace": "team", "labels": labels, "ownerReferences": owner },
    }));
}

#[tokio::test]
async fn a_pod_that_blocks_the_rollout_of_a_corrected_setting_is_deleted() {
    let api = FakeApi::default();
    pass_anew(&api).await.unwrap();
    blocked_redis(&api);
    api.forget_requests();
    pass_anew(&api).await.unwrap();
    let sent = writes(&api, PODS);
    let deleted = sent.iter().map(|sent| (&sent.method, sent.path.as_str())).collect::<Vec<_>>();
    assert_eq!(deleted, [(&Method::DELETE, format!("{PODS}/demo-redis-0").as_str())]);
}
