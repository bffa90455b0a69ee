//! Turns one `PingStack` object into a running Ping.
//!
//! In reading order, after `pingstack_crd`, the object as a user writes it:
//! - [`controller`]: the reconcile, five steps, one module each.
//! - [`names`], [`secret_values`], [`platform`]: what things are called, how values lie in Secrets, and what the operator brings.
//! - [`watches`]: the objects and pods of all stacks, as they are in the cluster.
//! - [`pod_reports`]: what the pods say of the servers they need.
//! - [`synthetic_login`]: sign-ins of the operator's own.
//! - [`autoscaling`]: mail consumers that follow the queue.
//! - [`broker_connections`]: the way to the brokers' management APIs, shared by all stacks.
//! - [`conditions`]: what a condition is, and the table of all reasons.
//! - [`events`], [`metrics`], [`condition_metrics`]: what users and Prometheus see; [`requeue`]: when a failed stack is tried again.
//! - [`leader`]: which replica reconciles.
//! - [`config`]: what can be set.

use std::{net::SocketAddr, time::Duration};

use k8s_openapi::api::core::v1::Namespace;
use kube::{Api, Client, client::ClientBuilder};
use service_kit::{
    backoff::{ShuttingDown, pause},
    health::{Health, HealthCheck},
    management,
    metrics::Metrics,
    shutdown::{Finish, Shutdown},
    telemetry::chain,
};
use tokio::net::TcpListener;
use tower::util::MapRequestLayer;

pub mod autoscaling;
pub mod broker_connections;
pub mod condition_metrics;
pub mod conditions;
pub mod config;
pub mod controller;
pub mod events;
pub mod leader;
pub mod metrics;
pub mod names;
pub mod platform;
pub mod pod_reports;
pub mod requeue;
pub mod secret_values;
pub mod synthetic_login;
pub mod watches;

#[cfg(test)]
mod documented_metrics;
#[cfg(test)]
mod fixtures;

use autoscaling::{Autoscaling, backlog_reader::Clients};
use broker_connections::BrokerConnections;
use config::Config;
use controller::Context;
use metrics::OperatorMetrics;
use platform::Platform;
use pod_reports::PodReports;
use synthetic_login::{SignInMetrics, SyntheticLogins, Touch};
use watches::{Children, Watches};

/// How long reconciles in work may take to finish after SIGTERM.
const GRACE: Duration = Duration::from_secs(20);

/// How long the API server may take to answer the first request.
const API_DEADLINE: Duration = Duration::from_secs(10);

/// How often it is asked again.
const API_RETRY: Duration = Duration::from_secs(2);

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
        "the API server does not let the operator read the namespace kube-system, whose uid identifies the cluster: check \
         the ClusterRole"
    )]
    Identify(#[source] kube::Error),
    /// Which APIs the cluster has.
    #[error("could not read which APIs the cluster has, by which securityProfile: Auto decides")]
    Discover(#[source] kube::Error),
}

/// Runs until the shutdown.
pub async fn run(config: Config, shutdown: Shutdown) -> Result<Finish, Error> {
    let registry = Metrics::new("ping-operator", env!("CARGO_PKG_VERSION"));
    let metrics = OperatorMetrics::new(&registry);
    let health = Health::new();
    let api_check = health.require_always("kubernetes");
    let listener = listen(SocketAddr::new(config.bind_address, config.management_port)).await?;
    shutdown.spawn_critical(
        "management",
        management::serve(listener, health.clone(), registry.clone(), shutdown.clone()),
    );
    let client = client(&metrics).await?;
    let cluster_uid = match cluster_uid(&client, &api_check, &shutdown).await {
        Ok(uid) => uid,
        Err(Start::Refused(error)) => return Err(Error::Identify(error)),
        Err(Start::ShuttingDown) => return Ok(shutdown.finish(GRACE).await),
    };
    let groups = client.list_api_groups().await.map_err(Error::Discover)?;
    let mut platform = config.platform();
    platform.settle(groups.groups.iter().map(|group| group.name.as_str()));
    let listener = listen(config.metrics_api_address()).await?;
    let clients =
        Clients { kubernetes: client.clone(), brokers: BrokerConnections::new(&config.allowed_broker_hosts) };
    let broker_connections = clients.brokers.clone();
    let service =
        autoscaling::Service { clients, settings: config.metrics_api(), scopes: config.scopes(), listener };
    let autoscaling = Autoscaling::start(service, &health, &shutdown);
    autoscaling.register(&registry);
    let synthetic_logins = SyntheticLogins::new(SignInMetrics::new(&registry), shutdown.clone());
    let operator = Operator {
        synthetic_logins,
        cluster_uid,
        client,
        broker_connections,
        autoscaling,
        metrics,
        platform,
        config,
        shutdown: shutdown.clone(),
        _api_check: api_check,
    };
    shutdown.spawn_critical("operator", operator.lead());
    Ok(shutdown.finish(GRACE).await)
}

/// Why the operator does not start.
enum Start {
    /// The API server answered, and refused.
    Refused(kube::Error),
    ShuttingDown,
}

/// The uid of the namespace kube-system. An API server that does not answer yet is waited for: it may be about to start, as
/// this node is.
async fn cluster_uid(client: &Client, check: &HealthCheck, shutdown: &Shutdown) -> Result<String, Start> {
    let namespaces = Api::<Namespace>::all(client.clone());
    loop {
        let error = match tokio::time::timeout(API_DEADLINE, namespaces.get("kube-system")).await {
            Ok(Ok(kube_system)) => {
                check.set_usable();
                return Ok(kube_system.metadata.uid.unwrap_or_default());
            }
            Ok(Err(kube::Error::Api(status))) if matches!(status.code, 401 | 403 | 404) => {
                return Err(Start::Refused(kube::Error::Api(status)));
            }
            Ok(Err(error)) => chain(&error),
            Err(_) => "it does not answer".to_owned(),
        };
        check.set_unusable("ApiServerUnreachable", "the API server does not answer");
        tracing::warn!(
            error,
            "the API server cannot be reached, trying again: see whether it runs, and the network to it"
        );
        pause(API_RETRY, shutdown).await.map_err(|ShuttingDown| Start::ShuttingDown)?;
    }
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
    synthetic_logins: SyntheticLogins,
    client: Client,
    cluster_uid: String,
    broker_connections: BrokerConnections,
    autoscaling: Autoscaling,
    metrics: OperatorMetrics,
    platform: Platform,
    config: Config,
    shutdown: Shutdown,
    _api_check: HealthCheck,
}

impl Operator {
    /// Waits to be the leader, then reconciles until the shutdown.
    async fn lead(self) {
        let candidate = leader::Candidate {
            namespace: self.config.namespace.clone(),
            lease: self.config.lease_name.clone(),
            identity: self.config.pod_name.clone(),
        };
        let leadership = leader::Leadership::new(self.client.clone(), candidate, self.shutdown.clone());
        let Ok(held) = leadership.acquire().await else { return };
        tracing::info!("this replica reconciles");
        self.metrics.set_leader(true);
        let scopes = self.config.scopes();
        let controllers =
            futures::future::join_all(scopes.iter().map(|scope| self.reconcile(scope.as_deref())));
        let sink = self.synthetic_logins.serve_sink(self.config.sign_in_sink());
        let work = futures::future::join3(controllers, self.autoscaling.lead(&self.shutdown), sink);
        // Losing the Lease must end reconciles at once: another replica may have begun.
        tokio::select! {
            () = leadership.keep(held) => {}
            _ = work => leadership.release().await,
        }
        self.metrics.set_leader(false);
    }

    async fn reconcile(&self, namespace: Option<&str>) {
        let watches =
            Watches { client: &self.client, namespace, shutdown: &self.shutdown, metrics: &self.metrics };
        controller::run::run(watches, |children, reports, touch| self.context(children, reports, touch))
            .await;
    }

    fn context(&self, children: Children, pod_reports: PodReports, touch: Touch) -> Context {
        Context {
            client: self.client.clone(),
            platform: self.platform.clone(),
            cluster_uid: self.cluster_uid.clone(),
            children,
            pod_reports,
            memo: controller::apply::Memo::default(),
            broker_connections: self.broker_connections.clone(),
            autoscaling: self.autoscaling.clone(),
            complete_once: controller::topology::CompleteOnce::default(),
            brokers_apart: controller::apply::ApartSince::default(),
            absent_monitoring: controller::monitoring::KnownAbsent::default(),
            synthetic_logins: self.synthetic_logins.clone(),
            template_checks: controller::branding::checks::Checks::default(),
            touch,
            requeue: requeue::Requeue::default(),
            events: events::Events::new(self.client.clone(), self.config.pod_name.clone()),
            metrics: self.metrics.clone(),
        }
    }
}

#[cfg(test)]
mod tests {
    use http::{Method, StatusCode};
    use serde_json::json;
    use service_kit::{health::Health, shutdown::Shutdown};
    use test_kit::fake_api::FakeApi;

    use super::{Start, cluster_uid, pause};

    const KUBE_SYSTEM: &str = "/api/v1/namespaces/kube-system";

    #[tokio::test(start_paused = true)]
    async fn an_api_server_that_does_not_answer_yet_is_waited_for() {
        let api = FakeApi::default();
        api.put(KUBE_SYSTEM, json!({ "metadata": { "name": "kube-system", "uid": "c1u5ter" } }));
        api.silence(true);
        let health = Health::new();
        let check = health.require_always("kubernetes");
        let back = async {
            pause(std::time::Duration::from_mins(1), &Shutdown::new()).await.unwrap();
            assert_eq!(health.not_ready()[0].1, "the API server does not answer");
            api.silence(false);
        };
        let client = api.client();
        let shutdown = Shutdown::new();
        let (uid, ()) = futures::future::join(cluster_uid(&client, &check, &shutdown), back).await;
        assert_eq!(uid.ok().as_deref(), Some("c1u5ter"));
        assert!(health.not_ready().is_empty());
    }

    #[tokio::test(start_paused = true)]
    async fn only_a_refusal_of_the_api_server_is_a_matter_of_the_cluster_role() {
        let api = FakeApi::default();
        api.fail(Method::GET, KUBE_SYSTEM, StatusCode::FORBIDDEN);
        let check = Health::new().require_always("kubernetes");
        let refused = cluster_uid(&api.client(), &check, &Shutdown::new()).await;
        let Err(Start::Refused(error)) = refused else { panic!("it is a refusal") };
        assert!(super::Error::Identify(error).to_string().contains("check the ClusterRole"));
    }
}
