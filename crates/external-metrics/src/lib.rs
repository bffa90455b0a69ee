//! A server of `external.metrics.k8s.io`, the API from which Kubernetes' autoscalers read numbers of things that are not pods, and
//! of `custom.metrics.k8s.io` where the first belongs to another server. It runs inside the program that knows the numbers.
//!
//! In reading order:
//! - [`provider`]: what the program says, the trait [`ExternalMetricsProvider`];
//! - [`settings`], [`group`]: what the server's objects are called, and the two APIs;
//! - [`answer`], [`refusal`]: request → answer, pure;
//! - [`access`]: who asks, and whether they may;
//! - [`certificate`], [`trust`]: what the server shows, whom it lets in;
//! - [`registration`]: how the API server comes to ask us, the leader's task;
//! - [`server`]: all of that over TLS.

use std::sync::Arc;

use kube::Client;
use service_kit::{health::HealthCheck, shutdown::Shutdown};
use tokio::{net::TcpListener, sync::watch};

pub mod access;
pub mod answer;
pub mod certificate;
pub mod group;
pub mod provider;
pub mod refusal;
pub mod registration;
pub mod server;
pub mod settings;
pub mod trust;

#[cfg(test)]
mod test_authority;
#[cfg(test)]
mod test_provider;

pub use group::MetricsGroup;
pub use provider::{ExternalMetricsProvider, Objects, Sample, Series};
pub use registration::{Registration, Slot, Slots, api_service::Demand};
pub use settings::Settings;

use access::authorization::Authorizer;
use server::MetricsApi;

/// What a server is started with.
pub struct Service {
    /// The way to the API server.
    pub client: Client,
    /// The names of its objects.
    pub settings: Settings,
    /// The numbers.
    pub provider: Arc<dyn ExternalMetricsProvider>,
    /// Whether anybody needs them: an API that nobody needs is given back, for another server to have.
    pub demand: watch::Receiver<Demand>,
    /// Where it says whose the APIs are. Only the leader knows.
    pub slots: watch::Sender<Slots>,
    /// Where it listens.
    pub listener: TcpListener,
}

/// Serves until the shutdown; every replica does. `check` is ready while there is a certificate. The leader alone runs
/// [`Registration::keep`], which makes it and has the API server ask us.
#[must_use]
pub fn start(service: Service, check: HealthCheck, shutdown: &Shutdown) -> Registration {
    let Service { client, settings, provider, demand, slots, listener } = service;
    let served = MetricsGroup::served(provider.objects().is_some());
    let (trust, trusted) = watch::channel(None);
    let follow = trust::watch::follow(client.clone(), settings.clone(), trust, check, shutdown.clone());
    shutdown.spawn_critical("watch of certificates", follow);
    let authorizer = Authorizer::new(Arc::new(client.clone()));
    let api = MetricsApi { provider, authorizer };
    shutdown.spawn_critical("external metrics", server::serve(listener, api, trusted, shutdown.clone()));
    let registration = Registration::new(client, settings, served, demand, slots);
    shutdown.spawn("withdrawal", registration.clone().withdraw_at_the_end(shutdown.clone()));
    registration
}
