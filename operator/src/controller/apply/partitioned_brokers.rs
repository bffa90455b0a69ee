//! Brokers that stay apart from the majority of their cluster: their pods are deleted, and they join again.
//!
//! RabbitMQ resolves a partition itself, with one exception that was measured: if the network comes back just as the brokers
//! notice that it was away (45 to 75 s after the cut), the smaller side neither pauses nor connects again, and stays apart
//! until it is restarted. A restart took 6 s, and nothing is lost by it: the smaller side has confirmed nothing meanwhile.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, PoisonError},
};

use k8s_openapi::{
    api::core::v1::Pod,
    jiff::{SignedDuration, Timestamp},
};
use kube::{ResourceExt as _, api::Preconditions};

use super::{Error, delete_pod::delete_pod};
use crate::{
    controller::{
        Context,
        brokers::members::{Brokers, Membership},
    },
    events::Notice,
    names::{Part, StackId},
};

/// How long a broker may be apart before its pod is deleted. A partition that RabbitMQ resolves itself is over sooner: the
/// broker pauses at once and is back within 15 s.
const PATIENCE: SignedDuration = SignedDuration::from_secs(30);

/// Since when pods of brokers are apart, by the uid of the stack and of the pod. A new operator starts to count again.
#[derive(Debug, Default)]
pub struct ApartSince(Mutex<HashMap<String, HashMap<String, Timestamp>>>);

impl ApartSince {
    /// Forgets a stack that is gone.
    pub fn forget(&self, stack: &str) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).remove(stack);
    }

    /// Remembers which pods of a stack are apart at `now`, and returns those that have been for longer than [`PATIENCE`].
    fn overdue<'a>(&self, stack: &str, apart: &[&'a Pod], now: Timestamp) -> Vec<&'a Pod> {
        let mut stacks = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let before = stacks.remove(stack).unwrap_or_default();
        let since = |uid: &String| before.get(uid).copied().unwrap_or(now);
        let known = apart.iter().filter_map(|pod| pod.uid()).map(|uid| (uid.clone(), since(&uid)));
        let known = known.collect::<HashMap<_, _>>();
        let is_overdue = |pod: &&&Pod| {
            let since = pod.metadata.uid.as_ref().and_then(|uid| known.get(uid));
            since.is_some_and(|since| now.duration_since(*since) > PATIENCE)
        };
        let overdue = apart.iter().filter(is_overdue).copied().collect();
        if !known.is_empty() {
            stacks.insert(stack.to_owned(), known);
        }
        overdue
    }
}

/// Deletes the pods of brokers that have been apart for too long.
pub(super) async fn restart(context: &Context, id: &StackId, brokers: &Brokers) -> Result<(), Error> {
    let pods = context.children.pods.of(id, Part::RabbitMq);
    let apart = apart(&pods, brokers);
    for pod in context.brokers_apart.overdue(&id.uid, &apart, Timestamp::now()) {
        let same_pod = Preconditions { uid: pod.uid(), resource_version: None };
        if delete_pod(&context.client, pod, same_pod).await? {
            context.events.notify(id, Notice::broker_restarted(pod)).await;
        }
    }
    Ok(())
}

fn apart<'a>(pods: &'a [Arc<Pod>], brokers: &Brokers) -> Vec<&'a Pod> {
    let Membership::Split { can_rejoin, .. } = brokers.membership() else { return Vec::new() };
    let is_apart =
        |pod: &&Pod| can_rejoin.contains(&pod.name_any()) && pod.metadata.deletion_timestamp.is_none();
    pods.iter().map(Arc::as_ref).filter(is_apart).collect()
}

#[cfg(test)]
mod tests;
