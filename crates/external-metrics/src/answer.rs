//! A request's path, query and what the provider knows → the answer. Pure.
//!
//! The autoscaler adds up the items it gets, so one series without a sample makes the whole answer 503: never 0, and never a list
//! without it.

use std::collections::BTreeMap;

use k8s_openapi::{api::authorization::v1::ResourceAttributes, jiff::Timestamp};
use kube::core::{Expression, Selector, SelectorExt as _};
use percent_encoding::percent_decode_str;
use serde_json::{Value, json};

use crate::{
    group::MetricsGroup,
    provider::{ExternalMetricsProvider, Objects, Sample, Series},
    refusal::Refusal,
};

pub mod discovery;
pub mod selector;

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
    /// `/apis/custom.metrics.k8s.io/v1beta2/namespaces/{namespace}/{resource}/{object}/{metric}`.
    ObjectMetric { namespace: String, object: String, metric: String, objects: Objects },
    /// Any other path.
    Other,
}

impl Target {
    /// Reads the path of a request to a program whose metrics are of these objects.
    #[must_use]
    pub fn of(path: &str, objects: Option<Objects>) -> Self {
        let segments = path.trim_matches('/').split('/').map(decoded).collect::<Option<Vec<_>>>();
        let Some(segments) = segments else { return Self::Other };
        let segments = segments.iter().map(String::as_str).collect::<Vec<_>>();
        let (group, rest) = match segments.as_slice() {
            ["apis"] => return Self::Groups,
            ["apis", group, rest @ ..] => (group, rest),
            _ => return Self::Other,
        };
        let mut served = MetricsGroup::served(objects.is_some()).iter();
        let Some(group) = served.find(|served| served.name() == *group).copied() else { return Self::Other };
        match rest {
            [] => Self::Group(group),
            [version, rest @ ..] if *version == group.version() => Self::in_group(group, rest, objects),
            _ => Self::Other,
        }
    }

    /// What follows group and version.
    fn in_group(group: MetricsGroup, rest: &[&str], objects: Option<Objects>) -> Self {
        match (group, rest, objects) {
            (group, [], _) => Self::Resources(group),
            (_, ["namespaces", "", ..], _) => Self::Other,
            (MetricsGroup::External, ["namespaces", namespace, metric], _) => {
                Self::Metric { namespace: (*namespace).to_owned(), metric: (*metric).to_owned() }
            }
            (MetricsGroup::Custom, ["namespaces", namespace, resource, object, metric], Some(objects))
                if objects.resource == *resource =>
            {
                Self::ObjectMetric {
                    namespace: (*namespace).to_owned(),
                    object: (*object).to_owned(),
                    metric: (*metric).to_owned(),
                    objects,
                }
            }
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
            Self::ObjectMetric { namespace, object, metric, objects } => Some(ResourceAttributes {
                resource: Some(objects.resource.clone()),
                subresource: Some(metric.clone()),
                name: Some(object.clone()),
                ..of(MetricsGroup::Custom, namespace, "get")
            }),
            Self::Groups | Self::Group(_) | Self::Resources(_) | Self::Other => None,
        }
    }

    /// The answer to somebody who may have it. `query` is the part of the URL after `?`.
    pub fn answer(&self, query: &str, provider: &dyn ExternalMetricsProvider) -> Result<Value, Refusal> {
        match self {
            Self::Groups => Ok(discovery::groups(MetricsGroup::served(provider.objects().is_some()))),
            Self::Group(group) => Ok(discovery::group(*group)),
            Self::Resources(group) => Ok(discovery::resources(*group, provider)),
            Self::Metric { namespace, metric } => {
                let wanted = Wanted::of(provider, namespace, metric)?;
                let selector = query_selector(query, "labelSelector")?;
                let items = wanted.selected(&selector)?;
                let items = items.iter().map(|selected| selected.external(metric)).collect::<Vec<_>>();
                Ok(list(MetricsGroup::External, &items))
            }
            Self::ObjectMetric { namespace, object, metric, objects } => {
                let wanted = Wanted::of(provider, namespace, metric)?;
                query_selector(query, "metricLabelSelector")?;
                let items = wanted.selected(&named(objects, object))?;
                let described = json!({
                    "apiVersion": objects.api_version, "kind": objects.kind, "namespace": namespace, "name": object,
                });
                let items = items.iter().map(|selected| selected.of_object(metric, &described));
                Ok(list(MetricsGroup::Custom, &items.collect::<Vec<_>>()))
            }
            Self::Other => Err(Refusal::not_found("there is nothing at this path")),
        }
    }
}

fn decoded(segment: &str) -> Option<String> {
    percent_decode_str(segment).decode_utf8().ok().map(std::borrow::Cow::into_owned)
}

/// The selector of one object. `*`, which stands for all objects, is no object's name.
fn named(objects: &Objects, object: &str) -> Selector {
    let mut selector = Selector::default();
    selector.extend(Expression::Equal(objects.name_label.clone(), object.to_owned()));
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

/// A metric of the provider in a namespace.
struct Wanted<'a> {
    provider: &'a dyn ExternalMetricsProvider,
    namespace: &'a str,
    metric: &'a str,
}

impl<'a> Wanted<'a> {
    fn of(
        provider: &'a dyn ExternalMetricsProvider,
        namespace: &'a str,
        metric: &'a str,
    ) -> Result<Self, Refusal> {
        let metrics = provider.metrics();
        if metrics.iter().any(|known| known == metric) {
            return Ok(Self { provider, namespace, metric });
        }
        Err(Refusal::not_found(format!("there is no metric of that name, only {}", metrics.join(", "))))
    }

    /// Each series that the selector matches, with its sample.
    fn selected(&self, selector: &Selector) -> Result<Vec<Selected>, Refusal> {
        let series = self.provider.values(self.namespace, self.metric).into_iter();
        let items = series.filter(|series| selector.matches(&series.labels)).map(Selected::of);
        let items = items.collect::<Result<Vec<_>, _>>()?;
        if items.is_empty() {
            let kind = self
                .provider
                .objects()
                .map_or_else(|| "series of this metric".to_owned(), |objects| objects.kind);
            return Err(Refusal::not_found(format!("no {kind} in this namespace matches the selector")));
        }
        Ok(items)
    }
}

/// A series that has a sample.
struct Selected {
    labels: BTreeMap<String, String>,
    sample: Sample,
}

impl Selected {
    fn of(series: Series) -> Result<Self, Refusal> {
        Ok(Self { labels: series.labels, sample: series.sample.map_err(Refusal::unavailable)? })
    }

    fn external(&self, metric: &str) -> Value {
        json!({
            "metricName": metric,
            "metricLabels": self.labels,
            "timestamp": rfc3339_seconds(self.sample.taken_at),
            "value": self.sample.value.to_string(),
        })
    }

    fn of_object(&self, metric: &str, object: &Value) -> Value {
        json!({
            "describedObject": object,
            "metric": { "name": metric },
            "timestamp": rfc3339_seconds(self.sample.taken_at),
            "value": self.sample.value.to_string(),
        })
    }
}

fn list(group: MetricsGroup, items: &[Value]) -> Value {
    json!({ "kind": group.list_kind(), "apiVersion": group.api_version(), "metadata": {}, "items": items })
}

/// RFC 3339 without fractions: `metav1.Time` knows no others.
fn rfc3339_seconds(at: Timestamp) -> String {
    at.strftime("%Y-%m-%dT%H:%M:%SZ").to_string()
}

#[cfg(test)]
mod tests;
