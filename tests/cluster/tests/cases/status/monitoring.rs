//! The objects of the Prometheus operator, and the metrics that they point at.

use cluster::{
    Case, Stack, deadline,
    wait::{chain, eventually, seen},
};
use k8s_openapi::apiextensions_apiserver::pkg::apis::apiextensions::v1::CustomResourceDefinition;
use kube::{
    Api,
    api::{DeleteParams, DynamicObject, ListParams, PostParams},
    core::{ApiResource, GroupVersionKind},
};
use serde_json::json;

const GROUP: &str = "monitoring.coreos.com";
const KINDS: [&str; 2] = ["ServiceMonitor", "PrometheusRule"];
/// The label on kinds that the case created.
const OWN: &str = "ping-e2e=monitoring";
const CONDITION: &str = "MonitoringReady";

#[tokio::test]
#[ignore = "make e2e-full runs it; the operator has unit tests of it"]
async fn monitoring_is_made_where_its_kinds_are_and_reported_where_they_are_not() {
    Case::run(async |case: &Case| {
        let demo = case.stack("demo");
        let labels = json!({ "release": "prometheus" });
        let monitoring = json!({ "serviceMonitor": true, "prometheusRule": true, "labels": labels });
        demo.apply(json!({ "monitoring": monitoring })).await;
        demo.wait_ready().await;
        case.with_cleanup(assert_monitored(case, &demo), delete_kinds(case)).await;
    })
    .await;
}

async fn assert_monitored(case: &Case, demo: &Stack<'_>) {
    if kinds(case).get_opt("servicemonitors.monitoring.coreos.com").await.expect("a look").is_none() {
        let missing = demo.wait_reason(CONDITION, "PrometheusOperatorMissing", deadline::OPERATOR).await;
        assert!(missing.message.contains("install the Prometheus operator"), "{missing:?}");
        create_kinds(case).await;
    }
    demo.wait_reason(CONDITION, "Applied", deadline::OPERATOR).await;
    let uid = demo.object().await["metadata"]["uid"].clone();
    for kind in KINDS {
        let object = json!(objects(case, kind).get("demo").await.expect(kind));
        assert_eq!(object["metadata"]["ownerReferences"][0]["uid"], uid, "{object}");
        assert_eq!(object["metadata"]["labels"]["release"], "prometheus", "{object}");
    }
    assert_rules(case).await;
    demo.user("ada@example.org").sign_in().await;
    assert_metrics(case).await;
    demo.patch(json!({ "monitoring": { "serviceMonitor": false, "prometheusRule": false } })).await;
    eventually("both objects to be gone", deadline::MAIL, async || {
        for kind in KINDS {
            let found = objects(case, kind).get_opt("demo").await.map_err(chain)?;
            seen(found.is_none(), || format!("{kind} demo"))?;
        }
        Ok(())
    })
    .await;
    demo.wait_no_condition(CONDITION, deadline::MAIL).await;
}

/// Every rule is about this stack alone.
async fn assert_rules(case: &Case) {
    let rule = json!(objects(case, "PrometheusRule").get("demo").await.expect("a rule"));
    let groups = rule["spec"]["groups"].as_array().into_iter().flatten();
    let rules = groups.flat_map(|group| group["rules"].as_array().into_iter().flatten());
    let expressions: Vec<&str> = rules.map(|rule| rule["expr"].as_str().unwrap_or_default()).collect();
    let own = format!("{{namespace=\"{}\",pingstack=\"demo\"", case.namespace);
    assert!(expressions.len() > 5, "{expressions:?}");
    assert!(expressions.iter().all(|expression| expression.contains(&own)), "{expressions:?}");
}

/// What a ServiceMonitor points at answers.
async fn assert_metrics(case: &Case) {
    let namespace = &case.namespace;
    let consumers = format!("pingstack_mail_consumers{{namespace=\"{namespace}\",pingstack=\"demo\"}}");
    let targets = [
        (namespace.as_str(), "demo-mail-service", "ping_mail_age_seconds_count"),
        (namespace.as_str(), "demo-user-service", "ping_login_requests_total{outcome=\"sent\"}"),
        (case.operator().namespace(), "ping-operator", consumers.as_str()),
    ];
    for (namespace, service, metric) in targets {
        let value = metric_of(case, namespace, service, metric).await;
        if metric == "ping_mail_age_seconds_count" {
            assert!(value >= 1.0, "{metric} is {value}");
        }
    }
}

/// The Service leads to any of its pods, and only the operator that reconciles has the metrics of stacks.
async fn metric_of(case: &Case, namespace: &str, service: &str, metric: &str) -> f64 {
    let path = format!("/api/v1/namespaces/{namespace}/services/{service}:management/proxy/metrics");
    eventually(format!("{metric} of {service}"), deadline::MAIL, async || {
        let text = case.get_raw(&path).await?;
        let value = text.lines().find_map(|line| line.strip_prefix(metric)?.strip_prefix(' ')?.parse().ok());
        value.ok_or(text)
    })
    .await
}

/// Without their schemas: unit tests check what the objects hold.
async fn create_kinds(case: &Case) {
    for kind in KINDS {
        let singular = kind.to_ascii_lowercase();
        let plural = format!("{singular}s");
        let schema = json!({ "type": "object", "x-kubernetes-preserve-unknown-fields": true });
        let version = json!({
            "name": "v1", "served": true, "storage": true, "schema": { "openAPIV3Schema": schema },
        });
        let object = json!({
            "metadata": { "name": format!("{plural}.{GROUP}"), "labels": { "ping-e2e": "monitoring" } },
            "spec": {
                "group": GROUP, "scope": "Namespaced", "versions": [version],
                "names": { "kind": kind, "singular": singular, "plural": plural },
            },
        });
        let object = serde_json::from_value(object).expect("a CustomResourceDefinition");
        kinds(case).create(&PostParams::default(), &object).await.expect("a new kind");
    }
}

async fn delete_kinds(case: &Case) {
    let own = ListParams::default().labels(OWN);
    let deleted = kinds(case).delete_collection(&DeleteParams::default(), &own).await;
    drop(deleted.expect("the kinds are deleted"));
}

fn kinds(case: &Case) -> Api<CustomResourceDefinition> {
    Api::all(case.kube().clone())
}

fn objects(case: &Case, kind: &str) -> Api<DynamicObject> {
    let resource = ApiResource::from_gvk(&GroupVersionKind::gvk(GROUP, "v1", kind));
    Api::namespaced_with(case.kube().clone(), &case.namespace, &resource)
}
