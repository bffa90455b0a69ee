//! Reads a stack's queue as its monitor user, who may see and do nothing else.

use std::{sync::Arc, time::Duration};

use futures::future::BoxFuture;
use k8s_openapi::api::core::v1::Secret;
use kube::{Api, Client};
use ping_contract::{topology::MAIL_QUEUE, users::Role};
use service_kit::telemetry::chain;
use tokio::sync::Mutex;
use topology::{
    Management,
    queue_depth::{DepthError, queue_depth},
};

use super::{
    poller::{Backlog, BacklogSource, FOLLOWED, WATCHED},
    sample::Unreadable,
};
use crate::{
    broker_connections::BrokerConnections,
    controller::{
        build::broker_topology::{self, Management as ManagementAccess},
        secrets::{self, password_key},
    },
    crd::rabbitmq::ExternalRabbitMq,
    names::{Slot, StackId},
};

/// Where a stack's broker is.
#[derive(Debug, Clone, PartialEq)]
pub enum Broker {
    /// In the stack.
    Managed,
    /// Elsewhere.
    External(Box<ExternalRabbitMq>),
}

/// Whose queue it is.
#[derive(Debug, Clone, PartialEq)]
pub struct Target {
    /// The stack.
    pub id: StackId,
    /// Its broker.
    pub broker: Broker,
    /// Whether consumers follow the queue by this operator's metric.
    pub followed: bool,
}

/// What sources read with.
#[derive(Clone)]
pub struct Clients {
    /// The Secrets.
    pub kubernetes: Client,
    /// The queues.
    pub brokers: BrokerConnections,
}

/// One stack's queue.
pub struct BrokerSource {
    clients: Clients,
    target: Target,
    access: Mutex<Option<Arc<Management>>>,
}

impl BrokerSource {
    /// Connects to nobody yet.
    #[must_use]
    pub fn new(clients: Clients, target: Target) -> Self {
        Self { clients, target, access: Mutex::new(None) }
    }

    async fn backlog(&self) -> Result<Backlog, Unreadable> {
        let mut access = self.access.lock().await;
        let known = access.take();
        let was_known = known.is_some();
        let management = match known {
            Some(management) => management,
            None => self.connect().await?,
        };
        let outcome = match self.ask(&management).await {
            // A rotation made another user.
            Err(Unreadable::Refused) if was_known => {
                let management = self.connect().await?;
                self.ask(&management).await.inspect(|_| *access = Some(management))
            }
            Err(Unreadable::Refused) => Err(Unreadable::Refused),
            other => {
                *access = Some(management);
                other
            }
        };
        drop(access);
        outcome
    }

    async fn ask(&self, management: &Management) -> Result<Backlog, Unreadable> {
        let vhost = match &self.target.broker {
            Broker::Managed => broker_topology::MANAGED_VHOST,
            Broker::External(external) => &external.vhost,
        };
        let depth = queue_depth(management, vhost, MAIL_QUEUE).await.map_err(|error| unreadable(&error))?;
        Ok(Backlog { messages: depth.ready + depth.unacknowledged, consumers: depth.consumers })
    }

    async fn connect(&self) -> Result<Arc<Management>, Unreadable> {
        let (slot, secret) = self.newest_users().await?;
        let role = Role::Monitor.name();
        let (url, ca) = match &self.target.broker {
            Broker::Managed => (broker_topology::managed_url(&self.target.id), None),
            Broker::External(external) => (external.management_url.clone(), self.ca(external).await?),
        };
        let access = ManagementAccess {
            url,
            username: self.target.id.broker_user(role, slot),
            password: secrets::text(&secret, &password_key(role)),
            ca,
        };
        let management = self.clients.brokers.management(&access);
        management.map(Arc::new).map_err(|error| Unreadable::Unreachable(chain(&error)))
    }

    /// The newer generation of broker users: during a rotation both exist.
    async fn newest_users(&self) -> Result<(Slot, Secret), Unreadable> {
        let mut found = Vec::new();
        for slot in Slot::ALL {
            let secret = self.secret(&self.target.id.broker_users_secret(slot)).await?;
            let ours = |secret: &Secret| self.target.id.owns(secret.metadata.owner_references.as_ref());
            found.extend(secret.filter(ours).map(|secret| (slot, secret)));
        }
        let newest = found.into_iter().max_by_key(|(_, secret)| secret.metadata.creation_timestamp.clone());
        newest.ok_or(Unreadable::NoCredentials)
    }

    async fn ca(&self, external: &ExternalRabbitMq) -> Result<Option<Vec<u8>>, Unreadable> {
        let Some(reference) = external.tls.as_ref().and_then(|tls| tls.ca_secret_ref.as_ref()) else {
            return Ok(None);
        };
        let secret = self.secret(&reference.name).await?.ok_or(Unreadable::NoCredentials)?;
        let pem =
            secret.data.and_then(|mut data| data.remove(&reference.key)).ok_or(Unreadable::NoCredentials)?;
        Ok(Some(pem.0))
    }

    async fn secret(&self, name: &str) -> Result<Option<Secret>, Unreadable> {
        let api = Api::<Secret>::namespaced(self.clients.kubernetes.clone(), &self.target.id.namespace);
        api.get_opt(name).await.map_err(|error| {
            tracing::warn!(stack = self.target.id.name, error = chain(&error), "a Secret cannot be read");
            Unreadable::NoCredentials
        })
    }
}

impl BacklogSource for BrokerSource {
    fn read(&self) -> BoxFuture<'_, Result<Backlog, Unreadable>> {
        Box::pin(self.backlog())
    }

    fn interval(&self) -> Duration {
        if self.target.followed { FOLLOWED } else { WATCHED }
    }
}

fn unreadable(error: &DepthError) -> Unreadable {
    match error {
        DepthError::Management(topology::Error::Login | topology::Error::Forbidden(_)) => Unreadable::Refused,
        DepthError::Management(error) => Unreadable::Unreachable(chain(error)),
        DepthError::Missing(_) => Unreadable::QueueMissing,
        DepthError::NotRunning(_) => Unreadable::NotRunning,
        DepthError::Minority { online, members, .. } => {
            Unreadable::Minority { online: *online, members: *members }
        }
        DepthError::Incomplete(_) => Unreadable::Incomplete,
    }
}
