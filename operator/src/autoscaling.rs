//! Mail consumers that follow the queue: the external metrics API that Kubernetes' autoscaler asks, and what it asks for.
//!
//! In reading order:
//! - [`sample`], [`poller`], [`targets`], [`backlog_reader`]: what each stack's queue holds, read every few seconds by every replica,
//!   and told to the autoscaler and to Prometheus;
//! - `external_metrics`, a crate: who may ask, what the server shows, and how the API server comes to ask us;
//! - [`route`], [`hpa`], [`replicas`], [`scaler`]: by whom each stack is scaled, its autoscaler, and who sets the number of pods;
//! - [`condition`]: what the status says of it.

use std::{sync::Arc, time::Instant};

use external_metrics::{Demand, Registration, Settings, Slots};
use pingstack_crd::services::Autoscaling as Spec;
use service_kit::{health::Health, metrics::Metrics, shutdown::Shutdown};
use tokio::{net::TcpListener, sync::watch};

use crate::{conditions::Finding, names::StackId};

pub mod backlog_reader;
pub mod condition;
pub mod hpa;
pub mod poller;
pub mod replicas;
pub mod route;
pub mod sample;
pub mod scaler;
pub mod targets;

use backlog_reader::Clients;
use route::Route;
use sample::{Sample, Samples, StackKey, Unreadable};
use targets::Targets;

/// What the metrics server is started with.
pub struct Service {
    /// What queues are read with.
    pub clients: Clients,
    /// The names of its objects.
    pub settings: Settings,
    /// The namespaces whose stacks it serves; `None` is all.
    pub scopes: Vec<Option<String>>,
    /// Where it listens.
    pub listener: TcpListener,
}

/// The running metrics server of one replica.
#[derive(Clone)]
pub struct Autoscaling {
    samples: Samples,
    slots: watch::Sender<Slots>,
    registration: Registration,
}

impl Autoscaling {
    /// Starts to poll and to serve; every replica does. Ready once there is a certificate and every stack was tried.
    #[must_use]
    pub fn start(service: Service, health: &Health, shutdown: &Shutdown) -> Self {
        let Service { clients, settings, scopes, listener } = service;
        let samples = Samples::default();
        let (sources, polled) = watch::channel(None);
        let (demand, demanded) = watch::channel(Demand::Unknown);
        let polls =
            poller::poll(polled, samples.clone(), health.require_always("mail-backlog"), shutdown.clone());
        shutdown.spawn_critical("queue poller", polls);
        let follow =
            targets::follow(clients.clone(), scopes, Targets::new(sources, demand), shutdown.clone());
        shutdown.spawn_critical("watch of stacks to poll", follow);
        let (slots, _) = watch::channel(Slots::default());
        let service = external_metrics::Service {
            client: clients.kubernetes,
            settings,
            provider: Arc::new(samples.clone()),
            demand: demanded,
            slots: slots.clone(),
            listener,
        };
        let check = health.require_always("external-metrics-certificate");
        Self { samples, slots, registration: external_metrics::start(service, check, shutdown) }
    }

    /// Tells Prometheus what the queues hold.
    pub fn register(&self, metrics: &Metrics) {
        sample::metrics::register(metrics, self.samples.clone());
    }

    /// One that neither polls nor serves.
    #[cfg(test)]
    pub(crate) fn idle(client: kube::Client) -> Self {
        let (slots, _) = watch::channel(Slots::default());
        let (_, demand) = watch::channel(Demand::Unknown);
        let name = || "ping-operator".to_owned();
        let settings = Settings {
            manager: name(),
            namespace: name(),
            pod_name: name(),
            service: name(),
            secret: name(),
            cluster_role: name(),
        };
        let served = &external_metrics::MetricsGroup::ALL;
        let registration = Registration::new(client, settings, served, demand, slots.clone());
        Self { samples: Samples::default(), slots, registration }
    }

    /// The leader's part: certificates and the `APIService`, until the soft phase.
    pub async fn lead(&self, shutdown: &Shutdown) {
        self.registration.clone().keep(shutdown).await;
    }

    /// What a stack's queue held a few seconds ago.
    pub fn sample(&self, id: &StackId) -> Result<Sample, Unreadable> {
        self.samples.at(&StackKey::new(&id.namespace, &id.name), Instant::now())
    }

    /// Puts a sample there, as the poller would.
    #[cfg(test)]
    pub(crate) fn record(&self, id: &StackId, sample: Sample) {
        self.samples.record(StackKey::new(&id.namespace, &id.name), Ok(sample));
    }

    /// Says whose the APIs of metrics are, as the leader's look would.
    #[cfg(test)]
    pub(crate) fn put_slots(&self, slots: Slots) {
        self.slots.send_replace(slots);
    }

    /// How a stack's backlog gets to what scales it; `None` while it is not known whose the cluster's metrics are.
    #[must_use]
    pub fn route(&self, spec: &Spec) -> Option<Route> {
        route::route(spec.provider, &self.slots.borrow())
    }

    /// What a person reads about a stack's autoscaling. Only the leader knows whose the cluster's metrics are.
    #[must_use]
    pub fn finding(&self, id: &StackId, spec: &Spec) -> Finding {
        condition::finding(spec, &self.slots.borrow(), self.sample(id))
    }
}
