//! Keeps `status.queue` close to what the autoscaler sees. Nothing else writes that field, so that no reconcile puts an
//! older number over a newer one.
//!
//! The leader compares each stack's status with the latest sample twice a second and writes only what differs, at most
//! every [`SPACING`]. With the intervals at which queues are read, a number that changes is replaced within 10 s; the broker
//! renews its own numbers every 5 s, which makes 15 s at most.

use std::{
    collections::HashMap,
    sync::Arc,
    time::{Duration, Instant},
};

use futures::StreamExt as _;
use kube::{
    Api,
    api::{Patch, PatchParams},
    runtime::reflector::Store,
};
use pingstack_crd::{PingStack, status::QueueStatus};
use serde_json::json;
use service_kit::{backoff, shutdown::Shutdown, telemetry::chain};

use super::Context;
use crate::{
    autoscaling::sample::Sample,
    names::{MANAGER, StackId},
    watches::StoredStack,
};

/// How often the statuses are compared with the samples.
const LOOK: Duration = Duration::from_millis(500);

/// The least time between the samples of two writes of a stack.
const SPACING: Duration = Duration::from_secs(6);

/// For one write.
const DEADLINE: Duration = Duration::from_secs(3);

/// How many writes may be in flight.
const CONCURRENCY: usize = 8;

/// When the sample of each stack's last write was taken, by the stack's uid.
type LastWritten = HashMap<String, Instant>;

/// Follows the samples of all stacks in the cache until the soft phase. Paused stacks are included: the queue of a stack
/// that is left alone is still worth knowing.
pub async fn follow(context: &Context, stacks: Store<StoredStack>, shutdown: &Shutdown) {
    let mut written = LastWritten::new();
    while backoff::pause(LOOK, shutdown).await.is_ok() {
        let stacks = stacks.state();
        look(context, &stacks, &mut written).await;
    }
}

/// Writes every number that is due.
async fn look(context: &Context, stacks: &[Arc<StoredStack>], written: &mut LastWritten) {
    let readable = stacks.iter().filter_map(|stack| stack.0.as_ref().ok());
    let known = readable.filter_map(|stack| Some((StackId::of(&stack.metadata)?, stack))).collect::<Vec<_>>();
    written.retain(|uid, _| known.iter().any(|(id, _)| id.uid == *uid));
    let mut writes = Vec::new();
    for (id, stack) in known {
        let Ok(sample) = context.autoscaling.sample(&id) else { continue };
        let Some(queue) = due(stack, &sample, written.get(&id.uid).copied()) else { continue };
        // A write that fails is not repeated sooner than one that worked.
        written.insert(id.uid.clone(), sample.asked);
        writes.push(write(context, id, queue));
    }
    futures::stream::iter(writes).buffer_unordered(CONCURRENCY).collect::<()>().await;
}

/// What to write into the stack's status; `None` if it says so already, or was written a moment ago.
fn due(stack: &PingStack, sample: &Sample, last: Option<Instant>) -> Option<QueueStatus> {
    // The first status is the reconcile's.
    let status = stack.status.as_ref().filter(|status| !status.conditions.is_empty())?;
    let number = |count: u64| i64::try_from(count).unwrap_or(i64::MAX);
    let queue = QueueStatus { messages: number(sample.messages), consumers: number(sample.consumers) };
    let is_soon = last.is_some_and(|last| sample.asked.saturating_duration_since(last) < SPACING);
    let differs = status.queue.as_ref() != Some(&queue);
    (differs && !is_soon && stack.metadata.deletion_timestamp.is_none()).then_some(queue)
}

/// Writes this one field into this very stack, not one of the same name that was created since.
async fn write(context: &Context, id: StackId, queue: QueueStatus) {
    let api = Api::<PingStack>::namespaced(context.client.clone(), &id.namespace);
    let patch = json!({ "metadata": { "uid": id.uid }, "status": { "queue": queue } });
    let params = PatchParams { field_manager: Some(MANAGER.to_owned()), ..PatchParams::default() };
    let patch = Patch::Merge(&patch);
    let namespace = &id.namespace;
    let stack = &id.name;
    match tokio::time::timeout(DEADLINE, api.patch_status(&id.name, &params, &patch)).await {
        // Deleted, or deleted and created again.
        Ok(Err(kube::Error::Api(status))) if matches!(status.code, 404 | 409) => {}
        Ok(Err(error)) => {
            tracing::warn!(%namespace, %stack, error = chain(&error), "the queue's depth could not be written");
        }
        Err(_) => tracing::warn!(%namespace, %stack, "the queue's depth could not be written within 3 s"),
        Ok(Ok(_)) => {}
    }
}

#[cfg(test)]
mod tests;
