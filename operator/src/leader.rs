//! Who reconciles: the holder of a Lease. Lost = this process ends.
//!
//! Every write carries the resourceVersion that was read, so of two candidates one wins. Whether a holder is still
//! alive is judged by this process' own clock, from when it last saw the Lease change: clocks of pods may differ.

use std::time::Duration;

use k8s_openapi::{
    api::coordination::v1::{Lease, LeaseSpec},
    apimachinery::pkg::apis::meta::v1::MicroTime,
    jiff::Timestamp,
};
use kube::{
    Api, Client,
    api::{ObjectMeta, PostParams},
};
use service_kit::{
    backoff::{ShuttingDown, pause},
    shutdown::Shutdown,
    telemetry::chain,
};
use tokio::time::{Instant, timeout, timeout_at};

/// After this long without a renewal another replica takes over.
const LEASE: Duration = Duration::from_secs(12);

/// How often the holder renews. It gives up after [`GIVE_UP`] without success, well before another may begin.
const RENEW: Duration = Duration::from_secs(3);

/// How long after the last renewal was sent a holder stops, whatever it is waiting for: four seconds before another may begin.
const GIVE_UP: Duration = Duration::from_secs(8);

/// How often the others look.
const LOOK: Duration = Duration::from_secs(2);

/// For reading and writing the Lease once. A request that the network drops is not answered at all.
const DEADLINE: Duration = Duration::from_secs(3);

/// A candidate.
#[derive(Debug)]
pub struct Leadership {
    api: Api<Lease>,
    name: String,
    identity: String,
    shutdown: Shutdown,
}

/// A candidate for a Lease.
pub struct Candidate {
    /// The namespace of the Lease.
    pub namespace: String,
    /// The name of the Lease.
    pub lease: String,
    /// Its own name.
    pub identity: String,
}

/// The Lease is held.
#[derive(Debug, Clone, Copy)]
pub struct Held {
    /// When the request was sent that made or renewed it: what others see happened later.
    since: Instant,
}

/// What was last seen of the Lease, and since when it is so.
struct Seen {
    resource_version: Option<String>,
    since: Instant,
}

impl Leadership {
    /// Not the leader yet.
    #[must_use]
    pub fn new(client: Client, candidate: Candidate, shutdown: Shutdown) -> Self {
        let Candidate { namespace, lease, identity } = candidate;
        Self { api: Api::namespaced(client, &namespace), name: lease, identity, shutdown }
    }

    /// Waits until this replica leads.
    pub async fn acquire(&self) -> Result<Held, ShuttingDown> {
        let mut seen = Seen { resource_version: None, since: Instant::now() };
        loop {
            let since = Instant::now();
            match timeout(DEADLINE, self.try_acquire(&mut seen)).await {
                Ok(Ok(true)) => return Ok(Held { since }),
                Ok(Ok(false)) => {}
                Ok(Err(error)) => {
                    tracing::warn!(error = %chain(&error), "lease could not be read or written, trying again");
                }
                Err(_) => tracing::warn!("the API server does not answer about the lease, trying again"),
            }
            pause(LOOK, &self.shutdown).await?;
        }
    }

    async fn try_acquire(&self, seen: &mut Seen) -> Result<bool, kube::Error> {
        let Some(lease) = self.api.get_opt(&self.name).await? else {
            let metadata = ObjectMeta { name: Some(self.name.clone()), ..ObjectMeta::default() };
            let new = Lease { metadata, spec: Some(self.spec(0)) };
            return won(self.api.create(&PostParams::default(), &new).await);
        };
        if seen.resource_version != lease.metadata.resource_version {
            *seen = Seen { resource_version: lease.metadata.resource_version.clone(), since: Instant::now() };
        }
        let spec = lease.spec.clone().unwrap_or_default();
        let holder = spec.holder_identity.filter(|holder| !holder.is_empty());
        let free = holder.is_none_or(|holder| holder == self.identity);
        if !free && seen.since.elapsed() < LEASE {
            return Ok(false);
        }
        let transitions = spec.lease_transitions.unwrap_or(0) + 1;
        let taken = Lease { metadata: lease.metadata, spec: Some(self.spec(transitions)) };
        won(self.api.replace(&self.name, &PostParams::default(), &taken).await)
    }

    /// Renews until the soft phase. Returns once the Lease is lost, or is so old that another may take it.
    pub async fn keep(&self, held: Held) {
        let mut held = held;
        while let Ok(renewed) = timeout_at(held.since + GIVE_UP, self.renew_once()).await {
            match renewed {
                Ok(Some(renewed)) => held = renewed,
                Ok(None) => {
                    tracing::error!("another replica holds the lease, ending");
                    return;
                }
                // Reconciles in work go on while the Lease is held; who awaits them gives it back.
                Err(ShuttingDown) => {
                    let _: Result<(), _> = timeout_at(held.since + GIVE_UP, std::future::pending()).await;
                    tracing::warn!("reconciles did not end while the lease was held, ending them");
                    return;
                }
            }
        }
        tracing::error!("lease could not be renewed for too long, ending");
    }

    /// Waits, and tries until it is renewed; `None` if another replica holds it.
    async fn renew_once(&self) -> Result<Option<Held>, ShuttingDown> {
        loop {
            pause(RENEW, &self.shutdown).await?;
            let since = Instant::now();
            match timeout(DEADLINE, self.renew()).await {
                Ok(Ok(true)) => return Ok(Some(Held { since })),
                Ok(Ok(false)) => return Ok(None),
                Ok(Err(error)) => {
                    tracing::warn!(error = %chain(&error), "lease could not be renewed, trying again");
                }
                Err(_) => tracing::warn!("lease was not renewed in time, trying again"),
            }
        }
    }

    async fn renew(&self) -> Result<bool, kube::Error> {
        let mut lease = self.api.get(&self.name).await?;
        let spec = lease.spec.clone().unwrap_or_default();
        if spec.holder_identity.as_ref() != Some(&self.identity) {
            return Ok(false);
        }
        let transitions = spec.lease_transitions.unwrap_or(0);
        lease.spec = Some(LeaseSpec { acquire_time: spec.acquire_time, ..self.spec(transitions) });
        match self.api.replace(&self.name, &PostParams::default(), &lease).await {
            Ok(_) => Ok(true),
            Err(error) => Err(error),
        }
    }

    /// Gives the Lease back, so that the next leader need not wait.
    pub async fn release(&self) {
        if timeout(DEADLINE, self.try_release()).await.is_err() {
            tracing::info!("lease could not be given back in time, it will expire");
        }
    }

    async fn try_release(&self) {
        let Ok(mut lease) = self.api.get(&self.name).await else { return };
        let Some(spec) =
            lease.spec.as_mut().filter(|spec| spec.holder_identity.as_ref() == Some(&self.identity))
        else {
            return;
        };
        spec.holder_identity = None;
        if let Err(error) = self.api.replace(&self.name, &PostParams::default(), &lease).await {
            tracing::info!(error = %chain(&error), "lease could not be given back, it will expire");
        }
    }

    fn spec(&self, transitions: i32) -> LeaseSpec {
        let now = MicroTime(Timestamp::now());
        LeaseSpec {
            holder_identity: Some(self.identity.clone()),
            lease_duration_seconds: i32::try_from(LEASE.as_secs()).ok(),
            acquire_time: Some(now.clone()),
            renew_time: Some(now),
            lease_transitions: Some(transitions),
            ..LeaseSpec::default()
        }
    }
}

/// A conflict means that another candidate was faster.
fn won(answer: Result<Lease, kube::Error>) -> Result<bool, kube::Error> {
    match answer {
        Ok(_) => Ok(true),
        Err(kube::Error::Api(status)) if status.code == 409 => Ok(false),
        Err(error) => Err(error),
    }
}

#[cfg(test)]
mod tests;
