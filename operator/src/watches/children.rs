//! The objects that the operator made, as they are in the cluster: one cache per kind.
//!
//! Every event of a child counts, without a filter by generation: such a filter swallows deletions.

use std::fmt::Debug;

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
use kube::{Resource, ResourceExt as _, runtime::reflector::Store};
use serde::{Serialize, de::DeserializeOwned};

use super::{Pods, Touched, Watch, Watches, owns_replicas, send, send_labelled};
use crate::names::OWN_SELECTOR;

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
            pub fn watch(watches: &Watches<'_>, touched: &Touched) -> Self {
                Self {
                    $($field: watch::<$kind>(watches, touched.clone()),)+
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
    /// How many pods of each service.
    horizontal_pod_autoscalers: HorizontalPodAutoscaler,
    /// The way in.
    ingresses: Ingress,
    /// Test mails.
    jobs: Job,
}

fn watch<K: ChildKind>(watches: &Watches<'_>, touched: Touched) -> Store<K> {
    watches.start(Watch {
        name: "watch of a child kind",
        selector: OWN_SELECTOR.to_owned(),
        // The rest of them is most of an object.
        trim: |object: &mut K| object.managed_fields_mut().retain(owns_replicas),
        changed: Box::new(move |object| send_owners(object, &touched)),
    })
}

#[cfg(test)]
fn holding<K: ChildKind>(objects: &[serde_json::Value]) -> Store<K> {
    let (label, value) = OWN_SELECTOR.split_once('=').unwrap();
    let ours = |object: &&serde_json::Value| {
        object["kind"] == K::KIND && object["metadata"]["labels"][label] == value
    };
    super::holding(objects.iter().filter(ours).map(|object| serde_json::from_value(object.clone()).unwrap()))
}

/// Sends the stacks that own `object`; of an object without an owner the one that it was made for.
fn send_owners<K: ChildKind>(object: &K, touched: &Touched) {
    if object.owner_references().is_empty() {
        send_labelled(object, touched);
    }
    for owner in object.owner_references().iter().filter(|owner| owner.kind == "PingStack") {
        send(&owner.name, object, touched);
    }
}
