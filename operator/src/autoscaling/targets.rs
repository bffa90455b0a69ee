//! Which queues are polled: one per stack, on every replica, from a watch of the stacks.

use std::{collections::BTreeMap, sync::Arc};

use futures::{FutureExt as _, StreamExt as _};
use kube::{
    Api,
    runtime::{
        WatchStreamExt as _,
        reflector::{self, Store},
        watcher,
    },
};
use service_kit::{shutdown::Shutdown, telemetry::chain};
use tokio::sync::watch;

use super::{
    broker_source::{Broker, BrokerSource, Clients, Target},
    poller::{BacklogSource, Sources},
    sample::StackKey,
};
use crate::{
    children::StoredStack,
    controller::validate::stack_id,
    crd::{PingStack, services::AutoscalingProvider},
};

/// Follows the stacks of all scopes, each a namespace or `None` for all, until the soft phase.
pub async fn follow(clients: Clients, scopes: Vec<Option<String>>, targets: Targets, shutdown: Shutdown) {
    let (mut stores, mut watches) = (Vec::new(), Vec::new());
    for scope in scopes {
        let (store, writer) = reflector::store::<StoredStack>();
        let api: Api<StoredStack> = match scope {
            Some(namespace) => Api::namespaced(clients.kubernetes.clone(), &namespace),
            None => Api::all(clients.kubernetes.clone()),
        };
        let events = watcher(api, watcher::Config::default()).default_backoff().reflect(writer);
        watches.push(events.boxed());
        stores.push(store);
    }
    let events = futures::stream::select_all(watches).take_until(shutdown.soft().cancelled());
    let mut events = std::pin::pin!(events);
    while let Some(event) = events.next().await {
        if let Err(error) = event {
            tracing::warn!(error = chain(&error), "the watch of stacks failed, starting it again");
        }
        // Part of a list must not look like all of it: stacks would be forgotten.
        if stores
            .iter()
            .all(|store| store.wait_until_ready().now_or_never().is_some_and(|ready| ready.is_ok()))
        {
            targets.set(&clients, &stacks(&stores));
        }
    }
}

/// Stacks that an older schema let through and that cannot be read are polled by nobody.
fn stacks(stores: &[Store<StoredStack>]) -> Vec<PingStack> {
    let all = stores.iter().flat_map(Store::state);
    all.filter_map(|stack| stack.0.as_ref().ok().cloned()).collect()
}

/// Where the outcome goes.
#[derive(Clone)]
pub struct Targets {
    /// What the poller reads.
    pub sources: watch::Sender<Sources>,
    /// Whether any stack follows its queue through the embedded metric.
    pub wanted: watch::Sender<bool>,
    known: Arc<std::sync::Mutex<BTreeMap<StackKey, Known>>>,
}

/// What a source was made from: an unchanged stack keeps its source, and with it its connection.
#[derive(Clone)]
struct Known {
    target: Target,
    source: Arc<dyn BacklogSource>,
}

impl Targets {
    /// Nothing is known yet.
    #[must_use]
    pub fn new(sources: watch::Sender<Sources>, wanted: watch::Sender<bool>) -> Self {
        Self { sources, wanted, known: Arc::default() }
    }

    fn set(&self, clients: &Clients, stacks: &[PingStack]) {
        let wanted =
            stacks.iter().any(|stack| is_followed(stack) && stack.metadata.deletion_timestamp.is_none());
        self.wanted.send_if_modified(|old| std::mem::replace(old, wanted) != wanted);
        let mut known = self.known.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        let (mut next, mut changed) = (BTreeMap::new(), false);
        for target in stacks.iter().filter_map(target) {
            let key = StackKey::new(&target.id.namespace, &target.id.name);
            let same = |known: &&Known| known.target == target;
            let kept = known.get(&key).filter(same).cloned();
            changed |= kept.is_none();
            let make = || {
                let source = Arc::new(BrokerSource::new(clients.clone(), target.clone()));
                Known { target: target.clone(), source }
            };
            next.insert(key, kept.unwrap_or_else(make));
        }
        changed |= next.len() != known.len();
        *known = next;
        let sources = || known.iter().map(|(key, known)| (key.clone(), Arc::clone(&known.source))).collect();
        self.sources.send_if_modified(|old| {
            let changed = changed || old.is_none();
            if changed {
                *old = Some(sources());
            }
            changed
        });
    }
}

fn is_followed(stack: &PingStack) -> bool {
    stack.spec.mail_service.autoscaling.provider == AutoscalingProvider::Embedded
}

fn target(stack: &PingStack) -> Option<Target> {
    let broker = match (&stack.spec.rabbitmq.managed, &stack.spec.rabbitmq.external) {
        (Some(managed), None) => Broker::Managed { replicas: managed.replicas },
        (None, Some(external)) => Broker::External(Box::new(external.clone())),
        _ => return None,
    };
    Some(Target { id: stack_id(stack).ok()?, broker, followed: is_followed(stack) })
}
