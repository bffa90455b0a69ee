//! External metrics behind an `APIService`, and the autoscaler that reads them. A small server stands for the operator.

use std::path::PathBuf;

use cluster::{
    Case, deadline, metrics_api,
    wait::{chain, eventually, seen},
};
use http::Request;
use k8s_openapi::{
    ByteString,
    api::{
        apps::v1::Deployment,
        autoscaling::v2::HorizontalPodAutoscaler,
        core::v1::{ConfigMap, Secret, Service},
    },
};
use kube::{
    Api,
    api::{DeleteParams, Patch, PatchParams},
};
use serde_json::{Value, json};

use crate::pod::TestPod;

const STUB: &str = "external-metrics";
/// On the `APIService` of these cases: one that an interrupted run left is removed.
const LABEL: &str = "ping-e2e";

#[tokio::test]
async fn aggregated_api_needs_a_client_certificate() {
    Case::without_operator(async |case: &Case| {
        let body = async {
            serve_external_metrics(case).await;
            case.wait_api_service(deadline::MAIL).await;
            let path = format!("{}/namespaces/{}/ping_test_backlog", metrics_api::PATH, case.namespace);
            let list = case.get_raw(&path).await.expect("the API server passes the request on");
            assert!(list.contains("ExternalMetricValueList"), "{list}");
            // The same server through the API server's proxy, which shows it no certificate.
            let path = format!(
                "/api/v1/namespaces/{}/services/https:{STUB}:443/proxy{}",
                case.namespace, "/apis/external.metrics.k8s.io"
            );
            // The API server may notice that the connection is closed before it reads why.
            eventually("the refusal of a client without a certificate", deadline::READ, async || {
                let refusal = case.try_kubectl(&["get", "--raw", &path]).await;
                let refusal = refusal.expect_err("a client without a certificate was served");
                seen(refusal.contains("certificate"), || refusal.clone())
            })
            .await;
        };
        case.with_cleanup(body, remove_api_service(case)).await;
    })
    .await;
}

#[tokio::test]
async fn autoscaler_follows_an_external_metric() {
    Case::without_operator(async |case: &Case| {
        let body = async {
            serve_external_metrics(case).await;
            create_autoscaled_deployment(case).await;
            set_backlog(case, 37).await;
            // 37 waiting, 10 for each replica.
            wait_replicas(case, 4).await;
            set_backlog(case, 0).await;
            wait_replicas(case, 1).await;
        };
        case.with_cleanup(body, remove_api_service(case)).await;
    })
    .await;
}

/// The stub behind an `APIService`, with the certificate authority of the API server's own clients.
async fn serve_external_metrics(case: &Case) {
    make_room(case).await;
    let folder = certificate(case).await;
    let read = |name: &str| std::fs::read_to_string(folder.join(name)).expect("a file of the certificate");
    let system: Api<ConfigMap> = Api::namespaced(case.kube().clone(), "kube-system");
    let authorities = system.get("extension-apiserver-authentication").await.expect("the API server's CAs");
    let client_ca = authorities.data.and_then(|mut data| data.remove("requestheader-client-ca-file"));
    let files = json!({ "tls.crt": read("tls.crt"), "tls.key": read("tls.key"), "client-ca.crt": client_ca });
    let _: Secret = case.apply(json!({ "metadata": { "name": STUB }, "stringData": files })).await;

    // The API server must reach pods of other nodes than its own.
    let nodes = case.node_names().await;
    let probe = json!({ "httpGet": { "path": "/ready", "port": 8080 }, "periodSeconds": 1 });
    let pod =
        TestPod::new(case, STUB, "external-metrics-stub").with("args", json!(["serve", "/certificates"]));
    let pod = pod.with_volume("/certificates", json!({ "secret": { "secretName": STUB } }));
    pod.with("readinessProbe", probe).on_node(nodes.last().expect("a node")).start().await;
    let spec = json!({ "selector": { "app": STUB }, "ports": [{ "port": 443, "targetPort": 8443 }] });
    let _: Service = case.apply(json!({ "metadata": { "name": STUB }, "spec": spec })).await;
    create_api_service(case, read("tls.crt")).await;
}

/// A cluster can have one server of external metrics only.
async fn make_room(case: &Case) {
    let found = case.api_services().get_opt(metrics_api::API_SERVICE).await.expect("the API services");
    let Some(found) = found else { return };
    let is_own = found.metadata.labels.is_some_and(|labels| labels.contains_key(LABEL));
    assert!(is_own, "another server of external metrics is installed: remove it to run this case");
    remove_api_service(case).await;
}

/// The folder with a certificate for the stub's Service.
async fn certificate(case: &Case) -> PathBuf {
    let folder = case.cluster.repository.join(".build/cluster-cases/external-metrics");
    std::fs::create_dir_all(&folder).expect("a folder for the certificate");
    let name = format!("{STUB}.{}.svc", case.namespace);
    let arguments = ["certificate", &name, folder.to_str().expect("a path of UTF-8")];
    let made = case.cluster.run_go("tests/cluster/external-metrics-stub", &arguments, "").await;
    made.expect("a certificate");
    folder
}

async fn create_api_service(case: &Case, certificate: String) {
    let object = json!({
        "apiVersion": "apiregistration.k8s.io/v1", "kind": "APIService",
        "metadata": { "name": metrics_api::API_SERVICE, "labels": { LABEL: case.namespace } },
        "spec": {
            "group": "external.metrics.k8s.io", "version": "v1beta1",
            "groupPriorityMinimum": 100, "versionPriority": 100,
            "caBundle": ByteString(certificate.into_bytes()),
            "service": { "name": STUB, "namespace": case.namespace },
        },
    });
    let parameters = PatchParams::apply("cluster-cases").force();
    let applied =
        case.api_services().patch(metrics_api::API_SERVICE, &parameters, &Patch::Apply(object)).await;
    applied.expect("the APIService is created");
}

async fn remove_api_service(case: &Case) {
    let deleted = case.api_services().delete(metrics_api::API_SERVICE, &DeleteParams::default()).await;
    match deleted {
        Ok(_) => {}
        Err(kube::Error::Api(status)) if status.is_not_found() => {}
        Err(error) => panic!("the APIService cannot be deleted: {}", chain(error)),
    }
    case.wait_no_api_service(deadline::MAIL).await;
}

async fn create_autoscaled_deployment(case: &Case) {
    let mut pod = TestPod::client(case, "autoscaled").object;
    pod["spec"]["restartPolicy"] = json!("Always");
    let labels = pod["metadata"]["labels"].clone();
    let template = json!({ "metadata": { "labels": labels }, "spec": pod["spec"] });
    let spec = json!({ "selector": { "matchLabels": labels }, "template": template });
    let _: Deployment = case.apply(json!({ "metadata": { "name": "autoscaled" }, "spec": spec })).await;
    let _: HorizontalPodAutoscaler =
        case.apply(json!({ "metadata": { "name": "autoscaled" }, "spec": autoscaler() })).await;
}

fn autoscaler() -> Value {
    json!({
        "scaleTargetRef": { "apiVersion": "apps/v1", "kind": "Deployment", "name": "autoscaled" },
        "minReplicas": 1, "maxReplicas": 10,
        "behavior": { "scaleDown": { "stabilizationWindowSeconds": 0 } },
        "metrics": [{
            "type": "External",
            "external": {
                "metric": { "name": "ping_test_backlog" },
                "target": { "type": "AverageValue", "averageValue": "10" },
            },
        }],
    })
}

async fn set_backlog(case: &Case, value: u32) {
    let path = format!("/api/v1/namespaces/{}/pods/{STUB}:8080/proxy/value", case.namespace);
    let request = Request::put(path).body(format!("{value}\n").into_bytes()).expect("a request");
    case.kube().request_text(request).await.expect("the stub takes a value");
}

async fn wait_replicas(case: &Case, wanted: i32) {
    case.wait_object::<Deployment>("autoscaled", deadline::STOP, |deployment| {
        let replicas = deployment.spec.as_ref().and_then(|spec| spec.replicas);
        seen(replicas == Some(wanted), || format!("{replicas:?} replicas"))
    })
    .await;
}
