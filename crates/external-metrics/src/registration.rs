//! The leader's work: certificates renewed, the `APIService`s made, kept and given back. And the last replica's: those taken
//! away, because a namespace cannot be deleted while an API that is registered does not answer (seen on 1.37).

use std::time::{Duration, SystemTime};

use futures::StreamExt as _;
use k8s_openapi::{
    api::{discovery::v1::EndpointSlice, rbac::v1::ClusterRole},
    apimachinery::pkg::apis::meta::v1::OwnerReference,
    kube_aggregator::pkg::apis::apiregistration::v1::APIService,
};
use kube::{
    Api, Client,
    api::{DeleteParams, ListParams, PostParams, Preconditions},
    runtime::{WatchStreamExt as _, watcher},
};
use service_kit::{backoff, shutdown::Shutdown, telemetry::chain};
use tokio::sync::watch;

use crate::{
    certificate::store::{self, CertificateStore},
    group::MetricsGroup,
    settings::Settings,
};

pub mod api_service;

use api_service::{Demand, Place, Registered, Step};

/// How often everything is checked, besides at each change of an `APIService`.
const LOOK: Duration = Duration::from_secs(30);

/// How often the last replica tries to take the `APIService`s away.
const WITHDRAWALS: usize = 20;

/// Whose an API of metrics is.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub enum Slot {
    /// Not looked at yet, or nobody's.
    #[default]
    Unknown,
    /// Ours; the error is why the API server does not reach us.
    Ours(Result<(), String>),
    /// Somebody else's: who, in words.
    Foreign(String),
}

/// Whose both are.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Slots {
    /// `external.metrics.k8s.io`.
    pub external: Slot,
    /// `custom.metrics.k8s.io`, which we want only where the other belongs to somebody else.
    pub custom: Slot,
}

/// A step failed; it is tried again.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// An `APIService`.
    #[error("the APIService {0} cannot be read or written")]
    ApiService(&'static str, #[source] kube::Error),
    /// Its owner.
    #[error("our ClusterRole {0} cannot be read")]
    ClusterRole(String, #[source] kube::Error),
    /// The certificate.
    #[error(transparent)]
    Certificate(#[from] store::Error),
    /// Who else serves.
    #[error("the EndpointSlices of the metrics Service cannot be read")]
    Endpoints(#[source] kube::Error),
}

/// What the leader keeps in order.
#[derive(Clone)]
pub struct Registration {
    client: Client,
    settings: Settings,
    served: &'static [MetricsGroup],
    demand: watch::Receiver<Demand>,
    slots: watch::Sender<Slots>,
}

impl Registration {
    /// Of a program that serves these APIs. Nothing happens before [`Registration::keep`].
    #[must_use]
    pub fn new(
        client: Client,
        settings: Settings,
        served: &'static [MetricsGroup],
        demand: watch::Receiver<Demand>,
        slots: watch::Sender<Slots>,
    ) -> Self {
        Self { client, settings, served, demand, slots }
    }

    /// Keeps certificates and `APIService`s in order until the soft phase, or until nobody can tell the demand any more. The leader
    /// alone runs it.
    pub async fn keep(mut self, shutdown: &Shutdown) {
        let names = self
            .served
            .iter()
            .flat_map(|group| [Some(group.api_service()), group.other_version()].into_iter().flatten());
        let watches =
            names.map(|name| watcher::watch_object(self.api_services(), name).default_backoff().boxed());
        let mut events = futures::stream::select_all(watches);
        loop {
            let again = match self.look().await {
                Ok(again) => again,
                Err(error) => {
                    tracing::warn!(error = chain(&error), "the metrics API is not in order, trying again");
                    false
                }
            };
            let pause = if again { Duration::from_secs(1) } else { LOOK };
            tokio::select! {
                waited = backoff::pause(pause, shutdown) => if waited.is_err() { return },
                _ = events.next() => {}
                changed = self.demand.changed() => if changed.is_err() { return },
            }
        }
    }

    /// One look; whether another is due at once.
    async fn look(&mut self) -> Result<bool, Error> {
        let store = CertificateStore::new(self.client.clone(), &self.settings);
        let (material, secret) = store.material(SystemTime::now()).await?;
        let bundle = material.bundle();
        let demand = *self.demand.borrow_and_update();
        let (external, external_published) = self.register(MetricsGroup::External, &bundle, demand).await?;
        let (custom, custom_published) = if self.served.contains(&MetricsGroup::Custom) {
            let of_custom = demand_of_custom(&external, demand);
            self.register(MetricsGroup::Custom, &bundle, of_custom).await?
        } else {
            (Slot::Unknown, true)
        };
        let slots = Slots { external, custom };
        self.slots.send_if_modified(|old| {
            let changed = *old != slots;
            *old = slots;
            changed
        });
        Ok(store.renew(&material, secret, external_published && custom_published).await?)
    }

    /// Makes an `APIService` what it must be: whose it is then, and whether the API server now has `ca_bundle`, or never will
    /// have it.
    async fn register(
        &self,
        group: MetricsGroup,
        ca_bundle: &str,
        demand: Demand,
    ) -> Result<(Slot, bool), Error> {
        let existing = self.get(group.api_service()).await?;
        let other = match group.other_version() {
            Some(name) => self.get(name).await?,
            None => None,
        };
        let registered = Registered {
            group,
            manager: self.settings.manager.clone(),
            namespace: self.settings.namespace.clone(),
            service: self.settings.service.clone(),
            owner: self.owner().await?,
            ca_bundle: ca_bundle.to_owned(),
        };
        let place = Place { existing: existing.as_ref(), other: other.as_ref() };
        Ok(match api_service::step(place, &registered, demand) {
            Step::LeaveTo(owner) => (Slot::Foreign(owner), true),
            Step::Keep => (Slot::Ours(existing.as_ref().map_or(Ok(()), api_service::availability)), true),
            Step::Create(new) => (self.write(group, &new, true).await?, false),
            Step::Replace(new) => (self.write(group, &new, false).await?, false),
            Step::Free => (Slot::Unknown, true),
            Step::GiveBack(ours) => {
                match self.delete(group, *ours).await {
                    Ok(()) => tracing::info!(
                        name = group.api_service(),
                        "deleted the APIService, which nobody needs"
                    ),
                    // It has just been changed: the next look sees by whom.
                    Err(Error::ApiService(_, kube::Error::Api(status)))
                        if matches!(status.code, 404 | 409) => {}
                    Err(error) => return Err(error),
                }
                (Slot::Unknown, true)
            }
        })
    }

    async fn get(&self, name: &'static str) -> Result<Option<APIService>, Error> {
        self.api_services().get_opt(name).await.map_err(|error| Error::ApiService(name, error))
    }

    /// A conflict means that somebody was faster: the next look sees who.
    async fn write(&self, group: MetricsGroup, new: &APIService, create: bool) -> Result<Slot, Error> {
        let name = group.api_service();
        let api = self.api_services();
        let params = PostParams::default();
        let written =
            if create { api.create(&params, new).await } else { api.replace(name, &params, new).await };
        match written {
            Ok(written) => {
                tracing::info!(created = create, name, "registered as an API of metrics of the cluster");
                Ok(Slot::Ours(api_service::availability(&written)))
            }
            Err(kube::Error::Api(status)) if status.code == 409 => Ok(Slot::Unknown),
            Err(error) => Err(Error::ApiService(name, error)),
        }
    }

    /// Deletes what was read, and nothing that was written since.
    async fn delete(&self, group: MetricsGroup, read: APIService) -> Result<(), Error> {
        let name = group.api_service();
        let preconditions =
            Preconditions { uid: read.metadata.uid, resource_version: read.metadata.resource_version };
        let params = DeleteParams { preconditions: Some(preconditions), ..DeleteParams::default() };
        let deleted = self.api_services().delete(name, &params).await;
        deleted.map(drop).map_err(|error| Error::ApiService(name, error))
    }

    async fn owner(&self) -> Result<OwnerReference, Error> {
        let name = &self.settings.cluster_role;
        let role = Api::<ClusterRole>::all(self.client.clone()).get_metadata(name).await;
        let role = role.map_err(|error| Error::ClusterRole(name.clone(), error))?;
        Ok(OwnerReference {
            api_version: "rbac.authorization.k8s.io/v1".to_owned(),
            kind: "ClusterRole".to_owned(),
            name: name.clone(),
            uid: role.metadata.uid.unwrap_or_default(),
            ..OwnerReference::default()
        })
    }

    /// Waits for the soft phase, then takes our `APIService`s away if no other replica serves.
    ///
    /// The next replica makes them again. Until then the autoscaler finds no metric, and leaves the pods as they are.
    pub async fn withdraw_at_the_end(self, shutdown: Shutdown) {
        shutdown.soft().cancelled().await;
        for _ in 0..WITHDRAWALS {
            match self.withdraw_if_last().await {
                Ok(()) => return,
                // The API server writes its status at this very moment: its endpoints leave.
                Err(Error::ApiService(_, kube::Error::Api(status))) if status.code == 409 => {}
                Err(error) => {
                    tracing::info!(error = chain(&error), "the APIService was left as it is");
                    return;
                }
            }
        }
        tracing::info!("the APIService was left as it is: it changes all the time");
    }

    async fn withdraw_if_last(&self) -> Result<(), Error> {
        if self.others_serve().await? {
            return Ok(());
        }
        for group in self.served.iter().copied() {
            let name = group.api_service();
            let Some(existing) = self.get(name).await? else { continue };
            if api_service::is_ours(&existing, &self.settings.namespace, &self.settings.service) {
                self.delete(group, existing).await?;
                tracing::info!(
                    name,
                    "last replica: deleted the APIService, so that the API server does not wait for it"
                );
            }
        }
        Ok(())
    }

    async fn others_serve(&self) -> Result<bool, Error> {
        let selector = format!("kubernetes.io/service-name={}", self.settings.service);
        let api = Api::<EndpointSlice>::namespaced(self.client.clone(), &self.settings.namespace);
        let slices = api.list(&ListParams::default().labels(&selector)).await.map_err(Error::Endpoints)?;
        let mut endpoints = slices.items.into_iter().flat_map(|slice| slice.endpoints);
        Ok(endpoints.any(|endpoint| {
            let ours =
                endpoint.target_ref.and_then(|pod| pod.name).is_some_and(|pod| pod == self.settings.pod_name);
            let conditions = endpoint.conditions.unwrap_or_default();
            !ours && conditions.ready == Some(true) && conditions.terminating != Some(true)
        }))
    }

    fn api_services(&self) -> Api<APIService> {
        Api::all(self.client.clone())
    }
}

/// The custom metrics are needed only where the external ones belong to somebody else.
const fn demand_of_custom(external: &Slot, demand: Demand) -> Demand {
    match external {
        Slot::Foreign(_) => demand,
        // Given back, or created in the next moment.
        Slot::Unknown => match demand {
            Demand::Unneeded => Demand::Unneeded,
            Demand::Unknown | Demand::Needed => Demand::Unknown,
        },
        Slot::Ours(_) => Demand::Unneeded,
    }
}

#[cfg(test)]
mod tests;
