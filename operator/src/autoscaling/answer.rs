//! A request's path, query and the samples → the answer. Pure.
//!
//! The autoscaler adds up the items it gets, so one stack that cannot be read makes the whole answer 503: never 0, and
//! never a list without it.

use std::time::Instant;

use k8s_openapi::{api::authorization::v1::ResourceAttributes, jiff::Timestamp};
use kube::core::{Selector, SelectorExt as _};
use percent_encoding::percent_decode_str;
use serde_json::{Value, json};

use super::{
    discovery::{self, GROUP, LABEL, METRIC, VERSION},
    refusal::Refusal,
    sample::{Sample, Samples},
    selector,
};

/// What a request is for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Target {
    /// `/apis`.
    Groups,
    /// `/apis/external.metrics.k8s.io`.
    Group,
    /// `/apis/external.metrics.k8s.io/v1beta1`.
    Resources,
    /// `/apis/external.metrics.k8s.io/v1beta1/namespaces/{namespace}/{metric}`.
    Metric {
        /// The namespace.
        namespace: String,
        /// The metric's name.
        metric: String,
    },
    /// Any other path.
    Other,
}

impl Target {
    /// Reads the path of a request.
    #[must_use]
    pub fn of(path: &str) -> Self {
        let segments = path.trim_matches('/').split('/').map(decoded).collect::<Option<Vec<_>>>();
        let Some(segments) = segments else { return Self::Other };
        match segments.iter().map(String::as_str).collect::<Vec<_>>().as_slice() {
            ["apis"] => Self::Groups,
            ["apis", GROUP] => Self::Group,
            ["apis", GROUP, VERSION] => Self::Resources,
            ["apis", GROUP, VERSION, "namespaces", namespace, metric] if !namespace.is_empty() => {
                Self::Metric { namespace: (*namespace).to_owned(), metric: (*metric).to_owned() }
            }
            _ => Self::Other,
        }
    }

    /// What the caller must be allowed. The API server calls the reading of a metric `list`, as its own authorizer does.
    ///
    /// `None`: discovery, which is the same for everybody, and paths that do not exist. The API server itself reads both
    /// as users without a single right (1.37: `system:kube-aggregator`, `system:aggregator`). Refused discovery makes
    /// the group stale, and then no namespace of the cluster can be deleted (seen).
    #[must_use]
    pub fn attributes(&self) -> Option<ResourceAttributes> {
        let Self::Metric { namespace, metric } = self else { return None };
        Some(ResourceAttributes {
            group: Some(GROUP.to_owned()),
            version: Some(VERSION.to_owned()),
            resource: Some(metric.clone()),
            namespace: Some(namespace.clone()),
            verb: Some("list".to_owned()),
            ..ResourceAttributes::default()
        })
    }

    /// The answer to somebody who may have it. `query` is the part of the URL after `?`.
    pub fn answer(&self, query: &str, samples: &Samples, now: Instant) -> Result<Value, Refusal> {
        match self {
            Self::Groups => Ok(discovery::groups()),
            Self::Group => Ok(discovery::group()),
            Self::Resources => Ok(discovery::resources()),
            Self::Metric { metric, .. } if metric != METRIC => {
                Err(Refusal::not_found(format!("there is no metric of that name, only {METRIC}")))
            }
            Self::Metric { namespace, .. } => backlog(namespace, &query_selector(query)?, samples, now),
            Self::Other => Err(Refusal::not_found("there is nothing at this path")),
        }
    }
}

fn decoded(segment: &str) -> Option<String> {
    percent_decode_str(segment).decode_utf8().ok().map(std::borrow::Cow::into_owned)
}

fn query_selector(query: &str) -> Result<Selector, Refusal> {
    let mut text = None;
    for (key, value) in form_urlencoded::parse(query.as_bytes()) {
        match key.as_ref() {
            "labelSelector" if text.is_none() => text = Some(value),
            "labelSelector" => return Err(Refusal::bad_request("labelSelector is given twice")),
            "watch" | "follow" if !matches!(value.as_ref(), "false" | "0") => {
                return Err(Refusal::method_not_allowed("a metric can be read, not watched"));
            }
            _ => {}
        }
    }
    selector::parse(&text.unwrap_or_default())
        .map_err(|malformed| Refusal::bad_request(malformed.to_string()))
}

fn backlog(namespace: &str, selector: &Selector, samples: &Samples, now: Instant) -> Result<Value, Refusal> {
    let selected = |name: &str| selector.matches(&[(LABEL.to_owned(), name.to_owned())].into());
    let mut items = Vec::new();
    for (name, outcome) in samples.in_namespace(namespace, now).into_iter().filter(|(name, _)| selected(name))
    {
        let sample = outcome.map_err(|why| {
            Refusal::unavailable(format!("the backlog of PingStack {name} is unknown: {why}"))
        })?;
        items.push(item(&name, &sample));
    }
    if items.is_empty() {
        return Err(Refusal::not_found("no PingStack in this namespace matches the selector"));
    }
    Ok(json!({
        "kind": "ExternalMetricValueList",
        "apiVersion": format!("{GROUP}/{VERSION}"),
        "metadata": {},
        "items": items,
    }))
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
