//! A request's path, query and the samples → the answer. Pure.
//!
//! The autoscaler adds up the items it gets, so one stack that cannot be read makes the whole answer 503: never 0, and
//! never a list without it.

use std::time::Instant;

use k8s_openapi::{api::authorization::v1::ResourceAttributes, jiff::Timestamp};
use kube::{
    Resource as _,
    core::{Expression, Selector, SelectorExt as _},
};
use percent_encoding::percent_decode_str;
use pingstack_crd::PingStack;
use serde_json::{Value, json};

use super::{
    discovery::{self, LABEL, METRIC, MetricsGroup, OBJECT},
    refusal::Refusal,
    sample::{Sample, Samples},
    selector,
};

/// What a request is for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Target {
    /// `/apis`.
    Groups,
    /// `/apis/external.metrics.k8s.io`, or the other.
    Group(MetricsGroup),
    /// `/apis/external.metrics.k8s.io/v1beta1`, or the other.
    Resources(MetricsGroup),
    /// `/apis/external.metrics.k8s.io/v1beta1/namespaces/{namespace}/{metric}`.
    Metric { namespace: String, metric: String },
    /// `/apis/custom.metrics.k8s.io/v1beta2/namespaces/{namespace}/pingstacks.pingstack.dev/{stack}/{metric}`.
    ObjectMetric { namespace: String, stack: String, metric: String },
    /// Any other path.
    Other,
}

impl Target {
    /// Reads the path of a request.
    #[must_use]
    pub fn of(path: &str) -> Self {
        let segments = path.trim_matches('/').split('/').map(decoded).collect::<Option<Vec<_>>>();
        let Some(segments) = segments else { return Self::Other };
        let segments = segments.iter().map(String::as_str).collect::<Vec<_>>();
        let (group, rest) = match segments.as_slice() {
            ["apis"] => return Self::Groups,
            ["apis", group, rest @ ..] => (group, rest),
            _ => return Self::Other,
        };
        let Some(group) = MetricsGroup::ALL.into_iter().find(|known| known.name() == *group) else {
            return Self::Other;
        };
        match rest {
            [] => Self::Group(group),
            [version, rest @ ..] if *version == group.version() => Self::in_group(group, rest),
            _ => Self::Other,
        }
    }

    /// What follows group and version.
    fn in_group(group: MetricsGroup, rest: &[&str]) -> Self {
        match (group, rest) {
            (group, []) => Self::Resources(group),
            (_, ["namespaces", "", ..]) => Self::Other,
            (MetricsGroup::External, ["namespaces", namespace, metric]) => {
                Self::Metric { namespace: (*namespace).to_owned(), metric: (*metric).to_owned() }
            }
            (MetricsGroup::Custom, ["namespaces", namespace, OBJECT, stack, metric]) => Self::ObjectMetric {
                namespace: (*namespace).to_owned(),
                stack: (*stack).to_owned(),
                metric: (*metric).to_owned(),
            },
            _ => Self::Other,
        }
    }

    /// What the caller must be allowed. The API server calls the reading of an external metric `list`, and that of an object's
    /// `get`, as its own authorizer does.
    ///
    /// `None`: discovery, which is the same for everybody, and paths that do not exist. The API server itself reads both
    /// as users without a single right (1.37: `system:kube-aggregator`, `system:aggregator`). Refused discovery makes
    /// the group stale, and then no namespace of the cluster can be deleted (seen).
    #[must_use]
    pub fn attributes(&self) -> Option<ResourceAttributes> {
        let of = |group: MetricsGroup, namespace: &str, verb: &str| ResourceAttributes {
            group: Some(group.name().to_owned()),
            version: Some(group.version().to_owned()),
            namespace: Some(namespace.to_owned()),
            verb: Some(verb.to_owned()),
            ..ResourceAttributes::default()
        };
        match self {
            Self::Metric { namespace, metric } => Some(ResourceAttributes {
                resource: Some(metric.clone()),
                ..of(MetricsGroup::External, namespace, "list")
            }),
            Self::ObjectMetric { namespace, stack, metric } => Some(ResourceAttributes {
                resource: Some(OBJECT.to_owned()),
                subresource: Some(metric.clone()),
                name: Some(stack.clone()),
                ..of(MetricsGroup::Custom, namespace, "get")
            }),
            Self::Groups | Self::Group(_) | Self::Resources(_) | Self::Other => None,
        }
    }

    /// The answer to somebody who may have it. `query` is the part of the URL after `?`.
    pub fn answer(&self, query: &str, samples: &Samples, now: Instant) -> Result<Value, Refusal> {
        match self {
            Self::Groups => Ok(discovery::groups()),
            Self::Group(group) => Ok(discovery::group(*group)),
            Self::Resources(group) => Ok(discovery::resources(*group)),
            Self::Metric { metric, .. } | Self::ObjectMetric { metric, .. } if metric != METRIC => {
                Err(Refusal::not_found(format!("there is no metric of that name, only {METRIC}")))
            }
            Self::Metric { namespace, .. } => {
                let selector = query_selector(query, "labelSelector")?;
                let items = selected(namespace, &selector, samples, now)?;
                let items = items.into_iter().map(|(name, sample)| item(&name, &sample));
                Ok(list(MetricsGroup::External, &items.collect::<Vec<_>>()))
            }
            Self::ObjectMetric { namespace, stack, .. } => {
                query_selector(query, "metricLabelSelector")?;
                let items = selected(namespace, &named(stack), samples, now)?;
                let items = items.into_iter().map(|(name, sample)| object_item(namespace, &name, &sample));
                Ok(list(MetricsGroup::Custom, &items.collect::<Vec<_>>()))
            }
            Self::Other => Err(Refusal::not_found("there is nothing at this path")),
        }
    }
}

fn decoded(segment: &str) -> Option<String> {
    percent_decode_str(segment).decode_utf8().ok().map(std::borrow::Cow::into_owned)
}

/// The selector of one stack. `*`, which stands for all objects, is no stack's name.
fn named(stack: &str) -> Selector {
    let mut selector = Selector::default();
    selector.extend(Expression::Equal(LABEL.to_owned(), stack.to_owned()));
    selector
}

fn query_selector(query: &str, parameter: &str) -> Result<Selector, Refusal> {
    let mut text = None;
    for (key, value) in form_urlencoded::parse(query.as_bytes()) {
        match key.as_ref() {
            key if key == parameter && text.is_none() => text = Some(value),
            key if key == parameter => {
                return Err(Refusal::bad_request(format!("{parameter} is given twice")));
            }
            "watch" | "follow" if !matches!(value.as_ref(), "false" | "0") => {
                return Err(Refusal::method_not_allowed("a metric can be read, not watched"));
            }
            _ => {}
        }
    }
    selector::parse(&text.unwrap_or_default())
        .map_err(|malformed| Refusal::bad_request(malformed.to_string()))
}

/// Each stack that the selector matches, with its sample.
fn selected(
    namespace: &str,
    selector: &Selector,
    samples: &Samples,
    now: Instant,
) -> Result<Vec<(String, Sample)>, Refusal> {
    let is_selected = |name: &str| selector.matches(&[(LABEL.to_owned(), name.to_owned())].into());
    let mut items = Vec::new();
    for (name, outcome) in samples.in_namespace(namespace, now) {
        if !is_selected(&name) {
            continue;
        }
        let sample = outcome.map_err(|why| {
            Refusal::unavailable(format!("the backlog of PingStack {name} is unknown: {why}"))
        })?;
        items.push((name, sample));
    }
    if items.is_empty() {
        return Err(Refusal::not_found("no PingStack in this namespace matches the selector"));
    }
    Ok(items)
}

fn list(group: MetricsGroup, items: &[Value]) -> Value {
    json!({ "kind": group.list_kind(), "apiVersion": group.api_version(), "metadata": {}, "items": items })
}

fn object_item(namespace: &str, name: &str, sample: &Sample) -> Value {
    let object = json!({
        "apiVersion": PingStack::api_version(&()), "kind": PingStack::kind(&()),
        "namespace": namespace, "name": name,
    });
    json!({
        "describedObject": object,
        "metric": { "name": METRIC },
        "timestamp": rfc3339_seconds(sample.taken_at),
        "value": sample.messages.to_string(),
    })
}

fn item(name: &str, sample: &Sample) -> Value {
    json!({
        "metricName": METRIC,
        "metricLabels": { LABEL: name },
        "timestamp": rfc3339_seconds(sample.taken_at),
        "value": sample.messages.to_string(),
    })
}

/// RFC 3339 without fractions: `metav1.Time` knows no others.
fn rfc3339_seconds(at: Timestamp) -> String {
    at.strftime("%Y-%m-%dT%H:%M:%SZ").to_string()
}

#[cfg(test)]
mod tests;
