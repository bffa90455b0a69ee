//! A stack's objects for Prometheus. A cluster that lacks the Prometheus operator is a state, not an error: people sign in
//! without alerts as well.

use std::{
    collections::HashSet,
    sync::{Mutex, PoisonError},
};

use kube::{
    Api, Client,
    api::{DeleteParams, DynamicObject, Patch, PatchParams, Preconditions},
};
use service_kit::telemetry::chain;

use super::build::monitoring::{Monitoring, Optional};
use crate::{
    conditions::{ConditionType, Finding},
    names::{MANAGER, StackId},
};

const MONITORING_READY: ConditionType = ConditionType::MonitoringReady;

/// What was looked for and is not there, by stack and kind: what nobody wants costs one request in the operator's life.
/// These objects have no watch, for one on a kind that the cluster lacks would fail for ever.
#[derive(Debug, Default)]
pub struct KnownAbsent(Mutex<HashSet<(String, String)>>);

impl KnownAbsent {
    /// Forgets a stack that is gone.
    pub fn forget(&self, uid: &str) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).retain(|(stack, _)| stack != uid);
    }

    fn note(&self, id: &StackId, kind: &str, absent: bool) {
        let mut known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let key = (id.uid.clone(), kind.to_owned());
        if absent {
            known.insert(key);
        } else {
            known.remove(&key);
        }
    }

    fn contains(&self, id: &StackId, kind: &str) -> bool {
        let known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        known.contains(&(id.uid.clone(), kind.to_owned()))
    }
}

/// Makes what is wanted and removes what is not. The condition, where something is wanted.
pub async fn reconcile(
    client: &Client,
    absent: &KnownAbsent,
    id: &StackId,
    monitoring: &Monitoring,
) -> Option<Finding> {
    let mut made = Vec::new();
    let mut troubles = Vec::new();
    for optional in &monitoring.objects {
        let kind = optional.resource.kind.as_str();
        let api = Api::namespaced_with(client.clone(), &id.namespace, &optional.resource);
        let Some(object) = &optional.object else {
            if !absent.contains(id, kind) {
                remove(&api, absent, id, optional).await;
            }
            continue;
        };
        absent.note(id, kind, false);
        match apply(&api, id, object.clone()).await {
            Ok(()) => made.push(kind),
            Err(error) => troubles.push(trouble(kind, &optional.name, &error)),
        }
    }
    match troubles.into_iter().next() {
        Some(first) => Some(first),
        None if made.is_empty() => None,
        None => Some(all_made(&made, monitoring.shut_out)),
    }
}

/// Why an object is not as it must be.
#[derive(Debug, thiserror::Error)]
pub(super) enum Error {
    /// Somebody else's is in its place.
    #[error("the stack does not own it")]
    Foreign,
    /// The API server did not take it.
    #[error("the API server refused")]
    Kube(#[from] kube::Error),
}

async fn apply(api: &Api<DynamicObject>, id: &StackId, mut object: DynamicObject) -> Result<(), Error> {
    let name = object.metadata.name.clone().unwrap_or_default();
    if let Some(present) = api.get_metadata_opt(&name).await? {
        if !id.owns(present.metadata.owner_references.as_ref()) {
            return Err(Error::Foreign);
        }
        // With the uid that we know the API server refuses to touch an object that was made anew by somebody else.
        object.metadata.uid = present.metadata.uid;
    }
    api.patch(&name, &PatchParams::apply(MANAGER).force(), &Patch::Apply(&object)).await?;
    Ok(())
}

async fn remove(api: &Api<DynamicObject>, absent: &KnownAbsent, id: &StackId, optional: &Optional) {
    let kind = optional.resource.kind.as_str();
    match api.get_metadata_opt(&optional.name).await {
        Ok(Some(present)) if id.owns(present.metadata.owner_references.as_ref()) => {
            let preconditions = Preconditions { uid: present.metadata.uid, resource_version: None };
            let params = DeleteParams { preconditions: Some(preconditions), ..DeleteParams::background() };
            // The next reconcile looks whether it went.
            match api.delete(&optional.name, &params).await {
                Ok(_) => tracing::info!(namespace = %id.namespace, stack = %id.name, kind, "removed"),
                Err(error) => tracing::warn!(kind, error = %chain(&error), "cannot be removed, trying again"),
            }
        }
        // Not there, not ours, or a kind that the cluster lacks.
        Ok(_) => absent.note(id, kind, true),
        Err(error) => {
            tracing::debug!(kind, error = %chain(&error), "nobody wants it, and it cannot be looked for");
            absent.note(id, kind, true);
        }
    }
}

pub(super) fn all_made(kinds: &[&str], shut_out: bool) -> Finding {
    let made = format!("created the {}", kinds.join(" and the "));
    if !shut_out {
        return Finding::good(MONITORING_READY, "Applied", made);
    }
    let message = format!(
        "{made}; the stack's NetworkPolicies let no Prometheus in: set neighbours.prometheusNamespace in the values of \
         the operator's chart"
    );
    Finding::impaired(MONITORING_READY, "AppliedWithWarnings", message)
}

pub(super) fn trouble(kind: &str, name: &str, error: &Error) -> Finding {
    let bad = |reason, message: String| Finding::bad(MONITORING_READY, reason, message);
    match error {
        Error::Foreign => bad(
            "NameConflict",
            format!("{kind} {name} is not owned by this stack and was not changed: rename or delete it"),
        ),
        Error::Kube(kube::Error::Api(status)) if status.code == 404 => bad(
            "PrometheusOperatorMissing",
            format!(
                "this cluster has no {kind}: install the Prometheus operator, which brings the kind, or set \
                 spec.monitoring.{} to false",
                field(kind)
            ),
        ),
        Error::Kube(kube::Error::Api(status)) if status.code == 403 => bad(
            "Forbidden",
            format!("the operator may not make a {kind}: upgrade its chart, whose roles say that it may"),
        ),
        Error::Kube(kube::Error::Api(status)) => bad(
            "ApplyFailed",
            format!("{kind} {name}; the API server says ({}): {}", status.code, status.message),
        ),
        Error::Kube(_) => {
            bad("ApplyFailed", format!("{kind} {name}: the API server does not answer, it is tried again"))
        }
    }
}

/// The field of `spec.monitoring` that asks for a kind.
fn field(kind: &str) -> String {
    let (first, rest) = kind.split_at(1);
    first.to_ascii_lowercase() + rest
}

#[cfg(test)]
mod tests;
