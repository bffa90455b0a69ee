//! Objects of the Prometheus operator, where the spec asks for them: what is scraped, and the alerts.
//!
//! Their kinds come with the Prometheus operator, so no type of ours knows them, and a cluster may lack them.

use k8s_openapi::api::core::v1::Service;
use kube::{
    api::DynamicObject,
    core::{ApiResource, GroupVersionKind},
};
use serde::de::Error as _;
use serde_json::{Value, json};

use super::{Context, Error, mail_service, metadata, object};
use crate::names::{PART_LABEL, Part, STACK_LABEL};

/// The alerts of one stack, whose own names take the place of [`SAMPLE_SELECTOR`].
const ALERTS: &str = include_str!("alerts.yaml");

/// The stack that the file of alerts speaks of.
const SAMPLE_SELECTOR: &str = r#"namespace="shop",pingstack="demo""#;

/// Where the file of alerts says that its pages are.
const SAMPLE_RUNBOOKS: &str = "https://pingstack.dev/runbooks/";

/// How often Prometheus asks. The shortest window of an alert holds several answers.
const INTERVAL: &str = "15s";

/// An object of a kind that the cluster may lack.
#[derive(Debug, Clone)]
pub struct Optional {
    /// Its kind.
    pub resource: ApiResource,
    pub name: String,
    /// The object; `None` where there shall be none.
    pub object: Option<DynamicObject>,
}

/// A stack's objects for Prometheus.
#[derive(Debug, Clone)]
pub struct Monitoring {
    /// The ServiceMonitor and the PrometheusRule.
    pub objects: Vec<Optional>,
    /// Whether NetworkPolicies let nobody scrape.
    pub shut_out: bool,
}

pub(super) fn build(context: &Context<'_>) -> Result<Monitoring, Error> {
    let wanted = &context.stack.spec.monitoring;
    let monitor = wanted.service_monitor.then(|| service_monitor(context));
    let rule = wanted.prometheus_rule.then(|| prometheus_rule(context)).transpose()?;
    let policies = context.stack.spec.network_policy.enabled;
    Ok(Monitoring {
        objects: vec![
            optional(context, "ServiceMonitor", monitor)?,
            optional(context, "PrometheusRule", rule)?,
        ],
        shut_out: wanted.service_monitor && policies && context.platform.prometheus_namespace.is_none(),
    })
}

/// mail-service serves nobody but Prometheus, so there is a Service only for that.
pub(super) fn mail_service(context: &Context<'_>) -> Result<Option<Service>, Error> {
    if !context.stack.spec.monitoring.service_monitor {
        return Ok(None);
    }
    let id = &context.stack.id;
    let port = json!({
        "name": "management", "port": mail_service::MANAGEMENT_PORT, "targetPort": "management", "protocol": "TCP",
    });
    let service = object(json!({
        "metadata": metadata(id, Part::MailService, &id.part(Part::MailService)),
        "spec": { "clusterIP": "None", "selector": id.selector(Part::MailService), "ports": [port] },
    }))?;
    Ok(Some(service))
}

fn optional(context: &Context<'_>, kind: &'static str, spec: Option<Value>) -> Result<Optional, Error> {
    let resource = ApiResource::from_gvk(&GroupVersionKind::gvk("monitoring.coreos.com", "v1", kind));
    let manifest = spec.map(|spec| {
        json!({
            "apiVersion": "monitoring.coreos.com/v1",
            "kind": kind,
            "metadata": stack_metadata(context),
            "spec": spec,
        })
    });
    let object = manifest.map(serde_json::from_value).transpose();
    let object = object.map_err(|source| Error::Shape { kind, source })?;
    Ok(Optional { resource, name: context.stack.id.name.clone(), object })
}

/// Metadata of an object that speaks of the whole stack. Prometheus may select by labels that the user gives; ours win.
fn stack_metadata(context: &Context<'_>) -> Value {
    let id = &context.stack.id;
    let mut labels = context.stack.spec.monitoring.labels.clone();
    labels.extend(id.labels(Part::UserService));
    labels.insert("app.kubernetes.io/name".to_owned(), "ping".to_owned());
    labels.insert(PART_LABEL.to_owned(), "monitoring".to_owned());
    json!({
        "name": id.name,
        "namespace": id.namespace,
        "labels": labels,
        "ownerReferences": [id.owner_reference()],
    })
}

fn service_monitor(context: &Context<'_>) -> Value {
    let id = &context.stack.id;
    let stack_label = json!({
        "sourceLabels": ["__meta_kubernetes_service_label_pingstack_dev_stack"],
        "targetLabel": "pingstack",
    });
    json!({
        "jobLabel": PART_LABEL,
        "selector": {
            "matchLabels": { STACK_LABEL: id.name },
            // The broker has a port of the same name that is not for Prometheus.
            "matchExpressions": [{
                "key": PART_LABEL,
                "operator": "In",
                "values": [Part::UserService.name(), Part::MailService.name()],
            }],
        },
        "endpoints": [{
            "port": "management", "path": "/metrics", "interval": INTERVAL, "relabelings": [stack_label],
        }],
    })
}

fn prometheus_rule(context: &Context<'_>) -> Result<Value, Error> {
    let id = &context.stack.id;
    let own = format!(r#"namespace="{}",pingstack="{}""#, id.namespace, id.name);
    let alerts =
        ALERTS.replace(SAMPLE_SELECTOR, &own).replace(SAMPLE_RUNBOOKS, &context.platform.runbooks_url);
    serde_yaml::from_str(&alerts)
        .map_err(|error| Error::Shape { kind: "PrometheusRule", source: serde_json::Error::custom(error) })
}

#[cfg(test)]
mod tests;
