//! Mail consumers that follow the queue: the external metrics API that Kubernetes' autoscaler asks, and what it asks for.
//!
//! In reading order:
//! - [`sample`], [`poller`], [`targets`], [`broker_source`]: what each stack's queue holds, read every few seconds by every replica;
//! - [`discovery`], [`selector`], [`answer`], [`refusal`]: request → answer, pure;
//! - [`front_proxy`], [`authentication`], [`authorization`]: who asks, and whether they may;
//! - [`certificate`], [`certificate_store`], [`trust`], [`trust_watch`]: what the server shows, whom it lets in;
//! - [`server`]: all of that over TLS;
//! - [`api_service`], [`registration`]: how the API server comes to ask us;
//! - [`hpa`], [`replicas`]: the autoscaler of each stack, and who sets the number of pods;
//! - [`condition`], [`backlog_metrics`]: what people and Prometheus are told; [`settings`].

use std::{sync::Arc, time::Instant};

use service_kit::{health::Health, metrics::Metrics, shutdown::Shutdown};
use tokio::{net::TcpListener, sync::watch};

use crate::{controller::conditions::Finding, crd::services::Autoscaling as Spec, names::StackId};

pub mod answer;
pub mod api_service;
pub mod authentication;
pub mod authorization;
pub mod backlog_metrics;
pub mod broker_source;
pub mod certificate;
pub mod certificate_store;
pub mod condition;
pub mod discovery;
pub mod front_proxy;
pub mod hpa;
pub mod poller;
pub mod refusal;
pub mod registration;
pub mod replicas;
pub mod sample;
pub mod selector;
pub mod server;
pub mod settings;
pub mod targets;
pub mod trust;
pub mod trust_watch;

#[cfg(test)]
mod test_authority;

use authorization::Authorizer;
use broker_source::Clients;
use registration::{Registration, Slot};
use sample::{Sample, Samples, StackKey, Unreadable};
use server::MetricsApi;
use settings::Settings;
use targets::Targets;

/// The running metrics server of one replica.
#[derive(Clone)]
pub struct Autoscaling {
    samples: Samples,
    slot: watch::Receiver<Slot>,
    registration: Registration,
}

impl Autoscaling {
    /// Starts to poll and to serve; every replica does. Ready once there is a certificate and every stack was tried.
    #[must_use]
    pub fn start(
        (clients, settings, scopes): (Clients, Settings, Vec<Option<String>>),
        listener: TcpListener,
        health: &Health,
        shutdown: &Shutdown,
    ) -> Self {
        let (samples, (slot, slot_receiver)) = (Samples::default(), watch::channel(Slot::default()));
        let ((sources, polled), (wanted, wanted_receiver)) = (watch::channel(None), watch::channel(false));
        let (trust, trusted) = watch::channel(None);
        let polls =
            poller::poll(polled, samples.clone(), health.require_always("mail-backlog"), shutdown.clone());
        shutdown.spawn_critical("queue poller", polls);
        let follow =
            targets::follow(clients.clone(), scopes, Targets::new(sources, wanted), shutdown.clone());
        shutdown.spawn_critical("watch of stacks to poll", follow);
        let client = clients.kubernetes;
        let checks = (health.require_always("external-metrics-certificate"), shutdown.clone());
        let follow = trust_watch::follow(client.clone(), settings.clone(), trust, checks);
        shutdown.spawn_critical("watch of certificates", follow);
        let authorizer = Authorizer::new(Arc::new(client.clone()));
        let api = MetricsApi { samples: samples.clone(), authorizer };
        shutdown.spawn_critical("external metrics", server::serve(listener, api, trusted, shutdown.clone()));
        let registration = Registration::new(client, settings, wanted_receiver, slot);
        shutdown.spawn("withdrawal", registration.clone().withdraw_at_the_end(shutdown.clone()));
        Self { samples, slot: slot_receiver, registration }
    }

    /// Tells Prometheus what the queues hold.
    pub fn register(&self, metrics: &Metrics) {
        backlog_metrics::register(metrics, self.samples.clone());
    }

    /// One that neither polls nor serves.
    #[cfg(test)]
    pub(crate) fn idle(client: kube::Client) -> Self {
        let ((slot, receiver), (_, wanted)) = (watch::channel(Slot::default()), watch::channel(false));
        let name = || "ping-operator".to_owned();
        let settings = Settings {
            namespace: name(),
            pod_name: name(),
            service: name(),
            secret: name(),
            cluster_role: name(),
            address: ([127, 0, 0, 1], 0).into(),
        };
        let registration = Registration::new(client, settings, wanted, slot);
        Self { samples: Samples::default(), slot: receiver, registration }
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

    /// What a person reads about a stack's autoscaling. Only the leader knows whose the cluster's metrics are.
    #[must_use]
    pub fn finding(&self, id: &StackId, spec: &Spec) -> Finding {
        condition::finding(spec, &self.slot.borrow(), self.sample(id))
    }
}
