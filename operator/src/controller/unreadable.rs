//! An object that this release cannot read: stored before the schema changed, or without one. It is not reconciled,
//! and its author is told so where they look: in its status, and by an Event.

use k8s_openapi::{
    apimachinery::pkg::apis::meta::v1::{Condition, ObjectMeta, Time},
    jiff::Timestamp,
};
use kube::{
    Api,
    api::{DynamicObject, Patch, PatchParams},
    core::{ApiResource, error_boundary::InvalidObject},
};
use serde::Deserialize as _;
use serde_json::{Value, json};

use super::{
    Context,
    conditions::{self, Finding, READY},
};
use crate::{
    crd::PingStack,
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
    /// The status.
    #[error("the object's status cannot be written")]
    Write(#[source] kube::Error),
}

/// Says it, once for each generation.
pub(super) async fn report(context: &Context, invalid: &InvalidObject) -> Result<(), Error> {
    let Some(id) = stack_id(&invalid.metadata) else { return Ok(()) };
    let kind = ApiResource::erase::<PingStack>(&());
    let api = Api::<DynamicObject>::namespaced_with(context.client.clone(), &id.namespace, &kind);
    let Some(stored) = api.get_opt(&id.name).await.map_err(Error::Read)? else { return Ok(()) };
    let before = conditions_of(&stored.data);
    let after = told(&before, invalid, &Time(Timestamp::now()));
    if after == before {
        return Ok(());
    }
    let patch = json!({ "metadata": { "uid": id.uid }, "status": { "conditions": after } });
    let params = PatchParams { field_manager: Some(MANAGER.to_owned()), ..PatchParams::default() };
    let written = api.patch_status(&id.name, &params, &Patch::Merge(&patch)).await;
    for condition in after.iter().filter(|condition| condition.type_ == READY) {
        context.events.notify(&id, Notice::condition(condition)).await;
    }
    match written {
        // Where a rule cannot even be tried on what is stored, the API server takes no status (seen on 1.37.2): the Event
        // has said it.
        Err(kube::Error::Api(status)) if status.code == 422 => Ok(()),
        written => written.map(drop).map_err(Error::Write),
    }
}

fn stack_id(metadata: &ObjectMeta) -> Option<StackId> {
    Some(StackId {
        namespace: metadata.namespace.clone()?,
        name: metadata.name.clone()?,
        uid: metadata.uid.clone()?,
    })
}

/// Those of a stored status that can be read.
fn conditions_of(object: &Value) -> Vec<Condition> {
    let conditions = object.pointer("/status/conditions").and_then(Value::as_array);
    conditions.into_iter().flatten().filter_map(|condition| Condition::deserialize(condition).ok()).collect()
}

/// The conditions with the summary put right; what is known of the parts stays.
fn told(before: &[Condition], invalid: &InvalidObject, now: &Time) -> Vec<Condition> {
    let message = format!(
        "this release of the operator cannot read the object and leaves everything as it is: {}; correct it by kubectl edit",
        invalid.error
    );
    let finding = Finding::bad(READY, UNREADABLE, message);
    let mut after = conditions::stamp(vec![finding], before, invalid.metadata.generation, now);
    after.extend(before.iter().filter(|old| old.type_ != READY).cloned());
    after
}

#[cfg(test)]
mod tests;
