//! An object that this release cannot read: stored before the schema changed, or without one. It is not reconciled,
//! and its author is told so where they look: in its status, and by an Event.

use k8s_openapi::{
    apimachinery::pkg::apis::meta::v1::{Condition, Time},
    jiff::Timestamp,
};
use kube::{
    Api,
    api::{DynamicObject, Patch, PatchParams},
    core::{ApiResource, error_boundary::InvalidObject},
};
use pingstack_crd::PingStack;
use serde::Deserialize as _;
use serde_json::{Value, json};

use super::Context;
use crate::{
    conditions::{self, ConditionType, Finding},
    events::Notice,
    names::{MANAGER, StackId},
};

/// The condition's reason.
const UNREADABLE: &str = "Unreadable";

/// The status could not be read or written.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The object as it is stored.
    #[error("the object's status cannot be read")]
    Read(#[source] kube::Error),
    #[error("the object's status cannot be written")]
    Write(#[source] kube::Error),
}

/// Says it, once for each generation.
pub(super) async fn report(context: &Context, invalid: &InvalidObject) -> Result<(), Error> {
    let Some(id) = StackId::of(&invalid.metadata) else { return Ok(()) };
    let kind = ApiResource::erase::<PingStack>(&());
    let api = Api::<DynamicObject>::namespaced_with(context.client.clone(), &id.namespace, &kind);
    let Some(stored) = api.get_opt(&id.name).await.map_err(Error::Read)? else { return Ok(()) };
    let before = conditions_of(&stored.data);
    let after = conditions_after(&before, invalid, &Time(Timestamp::now()));
    context.metrics.conditions.set(&id, &after, &[]);
    let generation = invalid.metadata.generation;
    if after == before
        && stored.data.pointer("/status/observedGeneration").and_then(Value::as_i64) == generation
    {
        return Ok(());
    }
    // Without it, tools that wait take the object for one that no operator has seen.
    let status = json!({ "observedGeneration": generation, "conditions": after });
    let patch = json!({ "metadata": { "uid": id.uid }, "status": status });
    let params = PatchParams { field_manager: Some(MANAGER.to_owned()), ..PatchParams::default() };
    let written = api.patch_status(&id.name, &params, &Patch::Merge(&patch)).await;
    for condition in after.iter().filter(|condition| condition.type_ == ConditionType::Ready.name()) {
        context.events.notify(&id, Notice::condition(condition, true)).await;
    }
    match written {
        // Where a rule cannot even be tried on what is stored, the API server takes no status (seen on 1.37.2): the Event
        // has said it.
        Err(kube::Error::Api(status)) if status.code == 422 => Ok(()),
        written => written.map(drop).map_err(Error::Write),
    }
}

/// Those of a stored status that can be read.
fn conditions_of(object: &Value) -> Vec<Condition> {
    let conditions = object.pointer("/status/conditions").and_then(Value::as_array);
    conditions.into_iter().flatten().filter_map(|condition| Condition::deserialize(condition).ok()).collect()
}

/// The conditions with the summary and the standstill; what is known of the parts stays.
pub(super) fn conditions_after(before: &[Condition], invalid: &InvalidObject, now: &Time) -> Vec<Condition> {
    let message = format!(
        "this release of the operator cannot read the object and leaves everything as it is: {}; correct it by kubectl edit",
        invalid.error
    );
    let stalled = Finding::good(ConditionType::Stalled, UNREADABLE, message.clone());
    let findings = vec![Finding::bad(ConditionType::Ready, UNREADABLE, message), stalled];
    let mut after = conditions::stamp(findings, before, invalid.metadata.generation, now);
    let stays = |old: &&Condition| {
        let type_ = ConditionType::named(&old.type_);
        type_.is_none_or(|type_| type_ != ConditionType::Ready && !type_.is_transient())
    };
    after.extend(before.iter().filter(stays).cloned());
    after
}

#[cfg(test)]
mod tests;
