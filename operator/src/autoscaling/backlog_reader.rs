//! Reads a stack's queue as its monitor user, who may see and do nothing else.

use std::time::Duration;

use futures::future::BoxFuture;
use k8s_openapi::api::core::v1::Secret;
use kube::{Api, Client};
use ping_contract::{topology::MAIL_QUEUE, users::Role};
use pingstack_crd::rabbitmq::ExternalRabbitMq;
use rabbitmq_management::{
    Management,
    nodes::node_view,
    queue_depth::{DepthError, QueueDepth, queue_depth},
};
use service_kit::telemetry::chain;
use tokio::sync::Mutex;

use super::{
    poller::{Backlog, BacklogSource, FOLLOWED, WATCHED},
    sample::Unreadable,
};
use crate::{
    broker_connections::{self, BrokerAccess, BrokerConnections, Owner},
    names::{Slot, StackId},
    secret_values::{password_key, text},
};

mod nodes;

use nodes::NodeAnswer;

/// Where a stack's broker is.
#[derive(Debug, Clone, PartialEq)]
pub enum Broker {
    /// In the stack.
    Managed {
        /// How many nodes.
        replicas: i32,
    },
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
pub struct BacklogReader {
    clients: Clients,
    target: Target,
    state: Mutex<State>,
}

/// What one reading leaves for the next.
#[derive(Default)]
struct State {
    /// `None` until they have been read, and again once the broker has refused them.
    credentials: Option<Credentials>,
    /// The node that was read last, of a broker in the stack.
    preferred: i32,
}

/// As whom to read, and whose certificates to trust.
struct Credentials {
    username: String,
    password: String,
    ca: Option<Vec<u8>>,
}

impl BacklogReader {
    /// Connects to nobody yet.
    #[must_use]
    pub fn new(clients: Clients, target: Target) -> Self {
        Self { clients, target, state: Mutex::default() }
    }

    async fn backlog(&self) -> Result<Backlog, Unreadable> {
        let mut state = self.state.lock().await;
        let known = state.credentials.take();
        let was_known = known.is_some();
        let credentials = match known {
            Some(credentials) => credentials,
            None => self.credentials().await?,
        };
        let outcome = match self.ask(&mut state.preferred, &credentials).await {
            // A rotation made another user.
            Err(Unreadable::Refused) if was_known => {
                let credentials = self.credentials().await?;
                let outcome = self.ask(&mut state.preferred, &credentials).await;
                outcome.inspect(|_| state.credentials = Some(credentials))
            }
            Err(Unreadable::Refused) => Err(Unreadable::Refused),
            other => {
                state.credentials = Some(credentials);
                other
            }
        };
        drop(state);
        outcome
    }

    async fn ask(&self, preferred: &mut i32, credentials: &Credentials) -> Result<Backlog, Unreadable> {
        match &self.target.broker {
            Broker::External(external) => {
                let management = self.management(external.management_url.clone(), credentials)?;
                let depth = queue_depth(&management, &external.vhost, MAIL_QUEUE).await;
                depth.map(|depth| Backlog::from(&depth)).map_err(|error| unreadable(&error))
            }
            Broker::Managed { replicas } => {
                let ask = |ordinal| self.ask_node(ordinal, *replicas, credentials);
                nodes::first_of_most(*replicas, preferred, ask).await
            }
        }
    }

    /// What a node says of the queue, and whether it is in a cluster of most of the stack's brokers.
    async fn ask_node(
        &self,
        ordinal: i32,
        replicas: i32,
        credentials: &Credentials,
    ) -> Result<NodeAnswer, Unreadable> {
        let url = broker_connections::managed_url(&self.target.id, ordinal);
        let management = self.management(url, credentials)?;
        let depth = queue_depth(&management, broker_connections::MANAGED_VHOST, MAIL_QUEUE).await;
        let depth = depth.map_err(|error| unreadable(&error))?;
        let backlog = Backlog::from(&depth);
        if nodes::are_most(depth.members, replicas) {
            return Ok(NodeAnswer { backlog, is_of_most: true });
        }
        // Few copies: a node that is a cluster of its own, or a stack that has just grown.
        let view = node_view(&management).await.map_err(|error| unreadable(&error.into()))?;
        Ok(NodeAnswer { backlog, is_of_most: nodes::are_most(view.running.len(), replicas) })
    }

    fn management(&self, url: String, credentials: &Credentials) -> Result<Management, Unreadable> {
        let Credentials { username, password, ca } = credentials;
        let username = username.clone();
        let password = password.clone();
        let ca = ca.clone();
        let owner = match self.target.broker {
            Broker::Managed { .. } => Owner::Stack,
            Broker::External(_) => Owner::Other,
        };
        let management =
            self.clients.brokers.management(&BrokerAccess { owner, url, username, password, ca });
        management.map_err(|error| Unreadable::Unreachable(chain(&error)))
    }

    /// What the stack's status may say of `why`: for an external broker, nothing that would let the author of its
    /// address probe the network.
    fn for_status(&self, why: Unreadable) -> Unreadable {
        match (&self.target.broker, why) {
            (Broker::External(_), why @ (Unreadable::Refused | Unreadable::Unreachable(_))) => {
                let namespace = &self.target.id.namespace;
                let stack = &self.target.id.name;
                tracing::debug!(%namespace, %stack, error = %why, "an external broker cannot be used");
                Unreadable::Unreachable(broker_connections::EXTERNAL_UNUSABLE.to_owned())
            }
            (_, why) => why,
        }
    }

    async fn credentials(&self) -> Result<Credentials, Unreadable> {
        let (slot, secret) = self.newest_users().await?;
        let role = Role::Monitor.name();
        let ca = match &self.target.broker {
            Broker::Managed { .. } => None,
            Broker::External(external) => self.ca(external).await?,
        };
        Ok(Credentials {
            username: self.target.id.broker_user(role, slot),
            password: text(&secret, &password_key(role)),
            ca,
        })
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

impl BacklogSource for BacklogReader {
    fn read(&self) -> BoxFuture<'_, Result<Backlog, Unreadable>> {
        Box::pin(async { self.backlog().await.map_err(|why| self.for_status(why)) })
    }

    fn interval(&self) -> Duration {
        if self.target.followed { FOLLOWED } else { WATCHED }
    }
}

impl From<&QueueDepth> for Backlog {
    fn from(depth: &QueueDepth) -> Self {
        Self { messages: depth.ready + depth.unacknowledged, consumers: depth.consumers }
    }
}

fn unreadable(error: &DepthError) -> Unreadable {
    match error {
        DepthError::Management(
            rabbitmq_management::Error::Login | rabbitmq_management::Error::Forbidden(_),
        ) => Unreadable::Refused,
        DepthError::Management(error) => Unreadable::Unreachable(chain(error)),
        DepthError::Missing(_) => Unreadable::QueueMissing,
        DepthError::NotRunning(_) => Unreadable::NotRunning,
        DepthError::Minority { online, members, .. } => {
            Unreadable::Minority { online: *online, members: *members }
        }
        DepthError::Incomplete(_) => Unreadable::Incomplete,
    }
}
