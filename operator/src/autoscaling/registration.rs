//! The leader's work: certificates renewed, the `APIService` made and kept. And the last replica's: the `APIService` taken
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

use super::{
    api_service::{self, NAME, Registered, Step},
    certificate_store::{self, CertificateStore},
    settings::Settings,
};

/// How often everything is looked at, besides at each change of the `APIService`.
const LOOK: Duration = Duration::from_secs(30);

/// How often the last replica tries to take the `APIService` away.
const WITHDRAWALS: usize = 20;

/// Whose the cluster's external metrics are.
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

/// A step failed; it is tried again.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The `APIService`.
    #[error("the APIService {NAME} cannot be read or written")]
    ApiService(#[source] kube::Error),
    /// Its owner.
    #[error("our ClusterRole {0} cannot be read")]
    ClusterRole(String, #[source] kube::Error),
    /// The certificate.
    #[error(transparent)]
    Certificate(#[from] certificate_store::Error),
    /// Who else serves.
    #[error("the EndpointSlices of the metrics Service cannot be read")]
    Endpoints(#[source] kube::Error),
}

/// What the leader keeps in order.
#[derive(Clone)]
pub struct Registration {
    client: Client,
    settings: Settings,
    /// Whether any stack follows its queue through us.
    wanted: watch::Receiver<bool>,
    slot: watch::Sender<Slot>,
}

impl Registration {
    /// Nothing happens before [`Registration::keep`].
    #[must_use]
    pub fn new(
        client: Client,
        settings: Settings,
        wanted: watch::Receiver<bool>,
        slot: watch::Sender<Slot>,
    ) -> Self {
        Self { client, settings, wanted, slot }
    }

    /// Keeps certificates and `APIService` in order until the soft phase. The leader alone runs it.
    pub async fn keep(mut self, shutdown: &Shutdown) {
        let events = watcher::watch_object(self.api_services(), NAME).default_backoff();
        let mut events = std::pin::pin!(events);
        loop {
            let again = match self.look().await {
                Ok(again) => again,
                Err(error) => {
                    tracing::warn!(error = chain(&error), "external metrics are not in order, trying again");
                    false
                }
            };
            let pause = if again { Duration::from_secs(1) } else { LOOK };
            tokio::select! {
                waited = backoff::pause(pause, shutdown) => if waited.is_err() { return },
                _ = events.next() => {}
                changed = self.wanted.changed() => if changed.is_err() { return },
            }
        }
    }

    /// One look; whether another is due at once.
    async fn look(&mut self) -> Result<bool, Error> {
        let store = CertificateStore::new(self.client.clone(), &self.settings);
        let (material, secret) = store.material(SystemTime::now()).await?;
        let published = self.register(&material.bundle()).await?;
        Ok(store.renew(&material, secret, published).await?)
    }

    /// Makes the `APIService` what it must be; whether the API server now has `ca_bundle`, or never will have it.
    async fn register(&mut self, ca_bundle: &str) -> Result<bool, Error> {
        let wanted = *self.wanted.borrow_and_update();
        let existing = self.api_services().get_opt(NAME).await.map_err(Error::ApiService)?;
        if existing.is_none() && !wanted {
            self.slot.send_if_modified(|slot| std::mem::replace(slot, Slot::Unknown) != Slot::Unknown);
            return Ok(true);
        }
        let registered = Registered {
            namespace: self.settings.namespace.clone(),
            service: self.settings.service.clone(),
            owner: self.owner().await?,
            ca_bundle: ca_bundle.to_owned(),
        };
        let (slot, published) = match api_service::step(existing.as_ref(), &registered) {
            Step::LeaveTo(owner) => (Slot::Foreign(owner), true),
            Step::Keep => (Slot::Ours(existing.as_ref().map_or(Ok(()), api_service::availability)), true),
            Step::Create(new) => (self.write(&new, true).await?, false),
            Step::Replace(new) => (self.write(&new, false).await?, false),
        };
        self.slot.send_if_modified(|old| {
            let changed = *old != slot;
            *old = slot;
            changed
        });
        Ok(published)
    }

    /// A conflict means that somebody was faster: the next look sees who.
    async fn write(&self, new: &APIService, create: bool) -> Result<Slot, Error> {
        let (api, params) = (self.api_services(), PostParams::default());
        let written =
            if create { api.create(&params, new).await } else { api.replace(NAME, &params, new).await };
        match written {
            Ok(written) => {
                tracing::info!(created = create, "registered as the cluster's external metrics API");
                Ok(Slot::Ours(api_service::availability(&written)))
            }
            Err(kube::Error::Api(status)) if status.code == 409 => Ok(Slot::Unknown),
            Err(error) => Err(Error::ApiService(error)),
        }
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

    /// Waits for the soft phase, then takes our `APIService` away if no other replica serves.
    ///
    /// The next replica makes it again. Until then the autoscaler finds no metric, and leaves the pods as they are.
    pub async fn withdraw_at_the_end(self, shutdown: Shutdown) {
        shutdown.soft().cancelled().await;
        for _ in 0..WITHDRAWALS {
            match self.withdraw_if_last().await {
                Ok(()) => return,
                // The API server writes its status at this very moment: its endpoints leave.
                Err(Error::ApiService(kube::Error::Api(status))) if status.code == 409 => {}
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
        let api = self.api_services();
        let Some(existing) = api.get_opt(NAME).await.map_err(Error::ApiService)? else { return Ok(()) };
        if !api_service::is_ours(&existing, &self.settings.namespace, &self.settings.service) {
            return Ok(());
        }
        let (uid, resource_version) = (existing.metadata.uid, existing.metadata.resource_version);
        let preconditions = Some(Preconditions { uid, resource_version });
        let params = DeleteParams { preconditions, ..DeleteParams::default() };
        api.delete(NAME, &params).await.map_err(Error::ApiService)?;
        tracing::info!("last replica: deleted the APIService, so that the API server does not wait for it");
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
