//! Turns one `PingStack` object into a running Ping.
//!
//! In reading order:
//! - [`crd`]: the object, as a user writes it.
//! - [`controller`]: the reconcile, five steps, one module each.
//! - [`names`], [`platform`]: what things are called, and what the operator brings.
//! - [`children`], [`pods`]: the watches of everything that was made.
//! - [`pod_reports`]: what the pods say of the servers they need.
//! - [`autoscaling`]: mail consumers that follow the queue.
//! - [`broker_connections`]: the way to the brokers' management APIs, shared by all stacks.
//! - [`events`], [`requeue`], [`metrics`], [`condition_metrics`]: what people and machines see, and when a failed stack is tried again.
//! - [`leader`]: which replica reconciles.
//! - [`config`]: what can be set.

use std::{net::SocketAddr, time::Duration};

use k8s_openapi::api::core::v1::Namespace;
use kube::{Api, Client, client::ClientBuilder};
use service_kit::{
    health::{Health, HealthCheck},
    management,
    metrics::Metrics,
    shutdown::{Finish, Shutdown},
};
use tokio::net::TcpListener;
use tower::util::MapRequestLayer;

pub mod autoscaling;
pub mod broker_connections;
pub mod children;
pub mod condition_metrics;
pub mod config;
pub mod controller;
pub mod crd;
pub mod events;
pub mod leader;
pub mod metrics;
pub mod names;
pub mod platform;
pub mod pod_reports;
pub mod pods;
pub mod requeue;

#[cfg(test)]
mod fake_api;
#[cfg(test)]
mod fixtures;

use autoscaling::{Autoscaling, broker_source::Clients};
use broker_connections::BrokerConnections;
use children::{Children, Watches};
use config::Config;
use controller::Context;
use metrics::OperatorMetrics;
use pod_reports::PodReports;

/// How long reconciles in work may take to finish after SIGTERM.
const GRACE: Duration = Duration::from_secs(20);

/// The operator could not start.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The management port, or that of the external metrics API.
    #[error("could not listen on {address}: free the port, or set MANAGEMENT_PORT and METRICS_API_PORT")]
    Listen {
        /// The address.
        address: SocketAddr,
        /// Why.
        #[source]
        source: std::io::Error,
    },
    /// No way to the API server.
    #[error("could not find the API server: run in a cluster, or set KUBECONFIG")]
    Connect(#[source] Box<dyn std::error::Error + Send + Sync>),
    /// The cluster's identity.
    #[error(
        "could not read the namespace kube-system, whose uid identifies the cluster: check the ClusterRole"
    )]
    Identify(#[source] kube::Error),
}

/// Runs until the shutdown.
pub async fn run(config: Config, shutdown: Shutdown) -> Result<Finish, Error> {
    let registry = Metrics::new("ping-operator", env!("CARGO_PKG_VERSION"));
    let (metrics, health) = (OperatorMetrics::new(&registry), Health::new());
    let api_check = health.require_always("kubernetes");
    let listener = listen(SocketAddr::new(config.bind_address, config.management_port)).await?;
    shutdown.spawn_critical(
        "management",
        management::serve(listener, health.clone(), registry.clone(), shutdown.clone()),
    );
    let client = client(&metrics).await?;
    let kube_system =
        Api::<Namespace>::all(client.clone()).get("kube-system").await.map_err(Error::Identify)?;
    api_check.set_usable();
    let settings = config.metrics_api();
    let listener = listen(settings.address).await?;
    let clients =
        Clients { kubernetes: client.clone(), brokers: BrokerConnections::new(&config.allowed_broker_hosts) };
    let broker_connections = clients.brokers.clone();
    let autoscaling = Autoscaling::start((clients, settings, config.scopes()), listener, &health, &shutdown);
    autoscaling.register(&registry);
    let operator = Operator {
        cluster_uid: kube_system.metadata.uid.unwrap_or_default(),
        client,
        broker_connections,
        autoscaling,
        metrics,
        config,
        shutdown: shutdown.clone(),
        _api_check: api_check,
    };
    shutdown.spawn_critical("operator", operator.lead());
    Ok(shutdown.finish(GRACE).await)
}

async fn listen(address: SocketAddr) -> Result<TcpListener, Error> {
    TcpListener::bind(address).await.map_err(|source| Error::Listen { address, source })
}

/// A client that counts its requests.
async fn client(metrics: &OperatorMetrics) -> Result<Client, Error> {
    let config = kube::Config::infer().await.map_err(|error| Error::Connect(error.into()))?;
    let counted = metrics.clone();
    let count = MapRequestLayer::new(move |request| {
        counted.api_requested();
        request
    });
    let builder = ClientBuilder::try_from(config).map_err(|error| Error::Connect(error.into()))?;
    Ok(builder.with_layer(&count).build())
}

/// One replica.
struct Operator {
    client: Client,
    cluster_uid: String,
    broker_connections: BrokerConnections,
    autoscaling: Autoscaling,
    metrics: OperatorMetrics,
    config: Config,
    shutdown: Shutdown,
    _api_check: HealthCheck,
}

impl Operator {
    /// Waits to be the leader, then reconciles until the shutdown.
    async fn lead(self) {
        let (namespace, name) = (&self.config.namespace, self.config.lease_name.clone());
        let identity = self.config.pod_name.clone();
        let leadership =
            leader::Leadership::new(self.client.clone(), namespace, (name, identity), self.shutdown.clone());
        if leadership.acquire().await.is_err() {
            return;
        }
        tracing::info!("this replica reconciles");
        self.metrics.set_leader(true);
        let scopes = self.config.scopes();
        let controllers =
            futures::future::join_all(scopes.iter().map(|scope| self.reconcile(scope.as_deref())));
        let work = futures::future::join(controllers, self.autoscaling.lead(&self.shutdown));
        // Losing the Lease must end reconciles at once: another replica may have begun.
        tokio::select! {
            () = leadership.keep() => {}
            _ = work => leadership.release().await,
        }
        self.metrics.set_leader(false);
    }

    async fn reconcile(&self, namespace: Option<&str>) {
        let watches =
            Watches { client: &self.client, namespace, shutdown: &self.shutdown, metrics: &self.metrics };
        controller::run::run(watches, |children, reports| self.context(children, reports)).await;
    }

    fn context(&self, children: Children, pod_reports: PodReports) -> Context {
        Context {
            client: self.client.clone(),
            platform: self.config.platform(),
            cluster_uid: self.cluster_uid.clone(),
            children,
            pod_reports,
            memo: controller::apply::Memo::default(),
            broker_connections: self.broker_connections.clone(),
            autoscaling: self.autoscaling.clone(),
            complete_once: controller::topology::CompleteOnce::default(),
            brokers_apart: controller::apply::ApartSince::default(),
            absent_monitoring: controller::monitoring::KnownAbsent::default(),
            requeue: requeue::Requeue::default(),
            events: events::Events::new(self.client.clone(), self.config.pod_name.clone()),
            metrics: self.metrics.clone(),
        }
    }
}
