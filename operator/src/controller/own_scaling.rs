//! Sets the number of mail consumers where no API of metrics is the operator's: the leader does what Kubernetes' autoscaler would
//! do, as often, and within the same bounds.

use std::{
    collections::HashMap,
    sync::Arc,
    time::{Duration, Instant},
};

use k8s_openapi::api::apps::v1::Deployment;
use kube::runtime::reflector::{ObjectRef, Store};
use pingstack_crd::PingStack;
use service_kit::{backoff, shutdown::Shutdown, telemetry::chain};

use super::Context;
use crate::{
    autoscaling::{replicas, route::Route, scaler::History},
    names::{Part, StackId},
    watches::{ChildKind as _, StoredStack},
};

/// How often Kubernetes' autoscaler looks.
const LOOK: Duration = Duration::from_secs(15);

/// For one write.
const DEADLINE: Duration = Duration::from_secs(3);

/// What was decided about each stack, by its uid.
type Histories = HashMap<String, History>;

/// Scales the stacks of the cache until the soft phase. One that is paused is left alone.
pub async fn follow(context: &Context, stacks: Store<StoredStack>, shutdown: &Shutdown) {
    let mut histories = Histories::new();
    while backoff::pause(LOOK, shutdown).await.is_ok() {
        let stacks = stacks.state();
        look(context, &stacks, &mut histories, Instant::now()).await;
    }
}

async fn look(context: &Context, stacks: &[Arc<StoredStack>], histories: &mut Histories, now: Instant) {
    let readable = stacks.iter().filter_map(|stack| stack.0.as_ref().ok());
    let scaled = readable.filter(|stack| is_ours_to_scale(context, stack));
    let scaled = scaled.filter_map(|stack| Some((StackId::of(&stack.metadata)?, stack))).collect::<Vec<_>>();
    histories.retain(|uid, _| scaled.iter().any(|(id, _)| id.uid == *uid));
    for (id, stack) in scaled {
        let history = histories.entry(id.uid.clone()).or_default();
        scale(context, &id, stack, history, now).await;
    }
}

fn is_ours_to_scale(context: &Context, stack: &PingStack) -> bool {
    let route = context.autoscaling.route(&stack.spec.mail_service.autoscaling);
    route == Some(Route::ByOperator) && !stack.spec.paused && stack.metadata.deletion_timestamp.is_none()
}

/// A queue that cannot be read changes nothing.
async fn scale(context: &Context, id: &StackId, stack: &PingStack, history: &mut History, now: Instant) {
    let reference = ObjectRef::new(&id.part(Part::MailService)).within(&id.namespace);
    let deployment = Deployment::store(&context.children).get(&reference);
    let ours = deployment.filter(|live| id.owns(live.metadata.owner_references.as_ref()));
    let (Some(live), Ok(sample)) = (ours, context.autoscaling.sample(id)) else { return };
    let current = live.spec.as_ref().and_then(|spec| spec.replicas).unwrap_or(1);
    let next = history.next(current, sample.messages, &stack.spec.mail_service.autoscaling, now);
    if next == current {
        return;
    }
    let namespace = &id.namespace;
    let stack = &id.name;
    let write = replicas::scale(&context.client, &live, next);
    match tokio::time::timeout(DEADLINE, write).await {
        Ok(Ok(())) => {
            let messages = sample.messages;
            tracing::info!(%namespace, %stack, from = current, to = next, messages, "scaled the mail consumers");
        }
        // Deleted, or deleted and created again.
        Ok(Err(kube::Error::Api(status))) if matches!(status.code, 404 | 409) => {}
        Ok(Err(error)) => {
            tracing::warn!(%namespace, %stack, error = chain(&error), "the mail consumers could not be scaled");
        }
        Err(_) => tracing::warn!(%namespace, %stack, "the mail consumers could not be scaled within 3 s"),
    }
}

#[cfg(test)]
mod tests;
