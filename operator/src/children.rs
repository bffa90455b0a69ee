//! What the operator has made, as it is in the cluster: one watch per kind, and whose stack to look at again.
//!
//! Every event of a child counts, without a filter by generation: such a filter swallows deletions.

use std::fmt::Debug;

use futures::{StreamExt as _, channel::mpsc::UnboundedSender, pin_mut};
use k8s_openapi::{
    NamespaceResourceScope,
    api::{
        apps::v1::{Deployment, StatefulSet},
        autoscaling::v2::HorizontalPodAutoscaler,
        batch::v1::Job,
        core::v1::{ConfigMap, Secret, Service, ServiceAccount},
        networking::v1::{Ingress, NetworkPolicy},
        policy::v1::PodDisruptionBudget,
    },
};
use kube::{
    Api, Client, Resource, ResourceExt as _,
    core::DeserializeGuard,
    runtime::{
        WatchStreamExt as _,
        reflector::{self, ObjectRef, Store},
        watcher,
    },
};
use serde::{Serialize, de::DeserializeOwned};
use service_kit::shutdown::Shutdown;

use crate::{
    autoscaling::replicas::owns_replicas, crd::PingStack, metrics::OperatorMetrics, names::OWN_SELECTOR,
    pods::Pods,
};

/// A stack as the API server stores it, which an older schema may have let through.
pub type StoredStack = DeserializeGuard<PingStack>;

/// A kind that stacks are made of.
pub trait ChildKind:
    Resource<DynamicType = (), Scope = NamespaceResourceScope>
    + k8s_openapi::Resource
    + Clone
    + Debug
    + Serialize
    + DeserializeOwned
    + Send
    + Sync
    + 'static
{
    /// The cache of this kind.
    fn store(children: &Children) -> &Store<Self>;
}

/// Declares the caches, one per kind.
macro_rules! children {
    ($($(#[$doc:meta])* $field:ident: $kind:ty,)+) => {
        /// The caches of everything the operator has made in one scope.
        #[derive(Debug, Clone)]
        pub struct Children {
            $($(#[$doc])* $field: Store<$kind>,)+
            /// The pods that the controllers of Kubernetes make from them.
            pub pods: Pods,
        }

        $(impl ChildKind for $kind {
            fn store(children: &Children) -> &Store<Self> { &children.$field }
        })+

        impl Children {
            /// Starts a watch per kind in `scope`; stacks whose children change are sent to `touched`.
            #[must_use]
            pub fn watch(watches: &Watches<'_>, touched: &UnboundedSender<ObjectRef<StoredStack>>) -> Self {
                Self {
                    $($field: watches.start::<$kind>(touched.clone()),)+
                    pods: Pods::watch(watches, touched.clone()),
                }
            }

            /// Caches that hold what of `objects` is of their kind, without a watch.
            #[cfg(test)]
            pub(crate) fn holding(objects: &[serde_json::Value]) -> Self {
                Self { $($field: holding::<$kind>(objects),)+ pods: Pods::holding(objects) }
            }

            /// Waits until every cache has been filled once.
            pub async fn filled(&self) -> bool {
                $(if self.$field.wait_until_ready().await.is_err() { return false; })+
                self.pods.filled().await
            }
        }
    };
}

children! {
    /// Passwords and keys.
    secrets: Secret,
    /// One per part.
    service_accounts: ServiceAccount,
    /// Configuration files.
    config_maps: ConfigMap,
    /// How pods find each other.
    services: Service,
    /// Who may reach whom.
    network_policies: NetworkPolicy,
    /// Evictions.
    pod_disruption_budgets: PodDisruptionBudget,
    /// Redis and the broker.
    stateful_sets: StatefulSet,
    /// Both services.
    deployments: Deployment,
    /// How many mail consumers.
    horizontal_pod_autoscalers: HorizontalPodAutoscaler,
    /// The way in.
    ingresses: Ingress,
    /// Test mails.
    jobs: Job,
}

/// How watches are started.
pub struct Watches<'a> {
    /// Who asks.
    pub client: &'a Client,
    /// One namespace, or all.
    pub namespace: Option<&'a str>,
    /// Ends them.
    pub shutdown: &'a Shutdown,
    /// Counts what goes wrong.
    pub metrics: &'a OperatorMetrics,
}

impl Watches<'_> {
    /// The API of a kind in the scope.
    #[must_use]
    pub fn api<K: Resource<DynamicType = (), Scope = NamespaceResourceScope>>(&self) -> Api<K> {
        match self.namespace {
            Some(namespace) => Api::namespaced(self.client.clone(), namespace),
            None => Api::all(self.client.clone()),
        }
    }

    fn start<K: ChildKind>(&self, touched: UnboundedSender<ObjectRef<StoredStack>>) -> Store<K> {
        let (store, writer) = reflector::store();
        let config = watcher::Config::default().labels(OWN_SELECTOR);
        let events = watcher(self.api::<K>(), config)
            .default_backoff()
            // The rest of them is most of an object.
            .modify(|object: &mut K| object.managed_fields_mut().retain(owns_replicas))
            .reflect(writer)
            .touched_objects();
        let (shutdown, metrics) = (self.shutdown.clone(), self.metrics.clone());
        self.shutdown.spawn_critical("watch of a child kind", async move {
            let events = events.take_until(shutdown.soft().cancelled());
            pin_mut!(events);
            while let Some(event) = events.next().await {
                match event {
                    Ok(object) => send_owners(&object, &touched),
                    Err(error) => metrics.watch_failed(K::KIND, &error),
                }
            }
        });
        store
    }
}

#[cfg(test)]
fn holding<K: ChildKind>(objects: &[serde_json::Value]) -> Store<K> {
    let (store, mut writer) = reflector::store();
    let ours = objects.iter().filter(|object| object["kind"] == K::KIND);
    for object in ours.map(|object| serde_json::from_value(object.clone())) {
        writer.apply_watcher_event(&watcher::Event::Apply(object.unwrap()));
    }
    store
}

fn send_owners<K: ChildKind>(object: &K, touched: &UnboundedSender<ObjectRef<StoredStack>>) {
    let namespace = object.namespace().unwrap_or_default();
    for owner in object.owner_references().iter().filter(|owner| owner.kind == "PingStack") {
        // The receiver is gone only when the process is going.
        let _ = touched.unbounded_send(ObjectRef::new(&owner.name).within(&namespace));
    }
}
