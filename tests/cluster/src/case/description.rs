//! What a person would look at first after a failure. Nothing of it is secret: no Secret is read, and the services log no
//! code, token or whole address.

use std::collections::BTreeMap;

use k8s_openapi::api::core::v1::{Event, Namespace, PersistentVolumeClaim, Pod};
use kube::{
    Api,
    api::{ListParams, LogParams},
};
use test_client::ledger::Summary;

use crate::{case::Case, case::pods::summary, cluster::namespace::LABEL, pingstack};

const EVENTS: usize = 25;
const LOG_LINES: i64 = 12;
const LINE: usize = 400;

/// The namespaces of a case.
pub(crate) async fn namespaces_of(case: &Case) -> Vec<String> {
    let api: Api<Namespace> = Api::all(case.kube().clone());
    let selector = format!("{LABEL}={}", case.namespace);
    let listed = api.list_metadata(&ListParams::default().labels(&selector)).await;
    listed.map(|list| list.into_iter().filter_map(|one| one.metadata.name).collect()).unwrap_or_default()
}

/// Stacks, pods, claims, the newest events and the last log lines of all namespaces of a case.
pub(crate) async fn of(case: &Case) -> String {
    let mut lines = vec![format!("--- {} failed; its namespaces:", case.name)];
    lines.extend(loads(case).await);
    for namespace in namespaces_of(case).await {
        lines.push(format!("--- namespace {namespace}"));
        let part = Part { case, namespace: &namespace };
        lines.extend(part.stacks().await);
        lines.extend(part.pods().await);
        lines.extend(part.claims().await);
        lines.extend(part.events().await);
    }
    let short: Vec<String> = lines.iter().map(|line| line.chars().take(LINE).collect()).collect();
    short.join("\n")
}

/// What the loads of the case have seen, the examples of bad answers above all.
async fn loads(case: &Case) -> Vec<String> {
    let summaries =
        case.ask_client::<BTreeMap<String, Summary>>("GET", "loads", &serde_json::Value::Null).await;
    let one = |(prefix, summary): (String, Summary)| format!("load {prefix} {summary:?}");
    summaries.map(|all| all.into_iter().map(one).collect()).unwrap_or_default()
}

struct Part<'a> {
    case: &'a Case,
    namespace: &'a str,
}

impl Part<'_> {
    fn api<K>(&self) -> Api<K>
    where
        K: kube::Resource<Scope = kube::core::NamespaceResourceScope, DynamicType = ()>,
    {
        Api::namespaced(self.case.kube().clone(), self.namespace)
    }

    async fn stacks(&self) -> Vec<String> {
        let listed = pingstack::stacks(self.case.kube(), self.namespace).list(&ListParams::default()).await;
        let stacks = listed.map(|list| list.items).unwrap_or_default();
        let described = stacks.iter().flat_map(|found| {
            let found = serde_json::to_value(found).unwrap_or_default();
            let name = found["metadata"]["name"].as_str().unwrap_or("?").to_owned();
            let conditions = pingstack::in_words(&found);
            let conditions: Vec<String> = conditions.split("; ").map(|one| format!("    {one}")).collect();
            std::iter::once(format!("stack {name}")).chain(conditions)
        });
        described.collect()
    }

    async fn pods(&self) -> Vec<String> {
        let listed = self.api::<Pod>().list(&ListParams::default()).await;
        let mut lines = Vec::new();
        for pod in listed.map(|list| list.items).unwrap_or_default() {
            lines.push(format!("pod {}", summary(&pod)));
            lines.extend(self.log(&pod.metadata.name.unwrap_or_default()).await);
        }
        lines
    }

    async fn log(&self, pod: &str) -> Vec<String> {
        let parameters = LogParams { tail_lines: Some(LOG_LINES), ..LogParams::default() };
        let text = self.api::<Pod>().logs(pod, &parameters).await;
        let text = text.unwrap_or_else(|error| format!("no log: {error}"));
        text.lines().map(|line| format!("    | {line}")).collect()
    }

    async fn claims(&self) -> Vec<String> {
        let listed = self.api::<PersistentVolumeClaim>().list(&ListParams::default()).await;
        let claims = listed.map(|list| list.items).unwrap_or_default();
        let one = |claim: &PersistentVolumeClaim| {
            let phase = claim.status.as_ref().and_then(|status| status.phase.clone());
            format!("claim {} {}", claim.metadata.name.as_deref().unwrap_or("?"), phase.unwrap_or_default())
        };
        claims.iter().map(one).collect()
    }

    async fn events(&self) -> Vec<String> {
        let listed = self.api::<Event>().list(&ListParams::default()).await;
        let mut events = listed.map(|list| list.items).unwrap_or_default();
        events.sort_by_key(|event| event.metadata.creation_timestamp.clone().map(|time| time.0));
        let skipped = events.len().saturating_sub(EVENTS);
        let one = |event: &Event| {
            let [kind, reason, message] =
                [&event.type_, &event.reason, &event.message].map(|text| text.as_deref().unwrap_or(""));
            let object = event.involved_object.name.as_deref().unwrap_or("?");
            format!("event {kind} {reason} {object}: {message}")
        };
        events.iter().skip(skipped).map(one).collect()
    }
}
