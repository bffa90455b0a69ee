//! The copy of the operator's secrets for pulling images.

use serde_json::json;
use test_kit::fake_api::FakeApi;

use super::{DEPLOYMENTS, pass};
use crate::fixtures;

#[tokio::test]
async fn a_pull_secret_of_the_operators_that_is_away_for_a_moment_replaces_no_pod() {
    let api = FakeApi::default();
    let own = format!("/api/v1/namespaces/{}/secrets/registry", fixtures::platform().operator_namespace);
    let registry = |auth: &str| {
        let config = json!({ "auths": { "registry.example.org": { "auth": auth } } }).to_string();
        let data = json!({ ".dockerconfigjson": k8s_openapi::ByteString(config.into_bytes()) });
        json!({ "apiVersion": "v1", "kind": "Secret", "metadata": { "name": "registry" }, "data": data })
    };
    let pass = async || {
        let mut context = fixtures::context(&api);
        context.platform.pull_secrets = vec!["registry".to_owned()];
        Box::pin(pass(&context)).await.unwrap();
        let get = |path: &str| api.get(path).unwrap();
        let pods = get(&format!("{DEPLOYMENTS}/demo-user-service"))["spec"]["template"].clone();
        (pods, get("/api/v1/namespaces/team/secrets/demo-pull")["data"].clone())
    };
    // Before it is made, pods name the copy already: nodes pull as soon as it has something.
    let (without, _) = pass().await;
    assert_eq!(without["spec"]["imagePullSecrets"], json!([{ "name": "demo-pull" }]));
    api.put(&own, registry("one"));
    let (pods, copy) = pass().await;
    assert_eq!(pods, without);
    api.remove(&own);
    assert_eq!(pass().await, (pods.clone(), copy.clone()));
    api.put(&own, registry("two"));
    let (after, renewed) = pass().await;
    assert!(after == pods && renewed != copy, "the copy follows, and the pods stay");
}
