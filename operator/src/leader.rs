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
use tokio::time::Instant;

/// After this long without a renewal another replica takes over.
const LEASE: Duration = Duration::from_secs(12);

/// How often the holder renews. It gives up after [`GIVE_UP`] without success, well before another may begin.
const RENEW: Duration = Duration::from_secs(3);

/// How long a holder tries to renew before it must assume that it has lost.
const GIVE_UP: Duration = Duration::from_secs(8);

/// How often the others look.
const LOOK: Duration = Duration::from_secs(2);

/// For one request.
const DEADLINE: Duration = Duration::from_secs(3);

/// A candidate.
#[derive(Debug)]
pub struct Leadership {
    api: Api<Lease>,
    name: String,
    identity: String,
    shutdown: Shutdown,
}

/// What was last seen of the Lease, and since when it is so.
struct Seen {
    resource_version: Option<String>,
    since: Instant,
}

impl Leadership {
    /// A candidate for a Lease: the Lease's name, and the candidate's own.
    #[must_use]
    pub fn new(
        client: Client,
        namespace: &str,
        (name, identity): (String, String),
        shutdown: Shutdown,
    ) -> Self {
        Self { api: Api::namespaced(client, namespace), name, identity, shutdown }
    }

    /// Waits until this replica leads.
    pub async fn acquire(&self) -> Result<(), ShuttingDown> {
        let mut seen = Seen { resource_version: None, since: Instant::now() };
        loop {
            match self.try_acquire(&mut seen).await {
                Ok(true) => return Ok(()),
                Ok(false) => {}
                Err(error) => {
                    tracing::warn!(error = %chain(&error), "lease could not be read or written, trying again");
                }
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

    /// Renews until the soft phase. Returns early only if the Lease was lost.
    pub async fn keep(&self) {
        let mut renewed = Instant::now();
        while pause(RENEW, &self.shutdown).await.is_ok() {
            match tokio::time::timeout(DEADLINE, self.renew()).await {
                Ok(Ok(true)) => renewed = Instant::now(),
                Ok(Ok(false)) => {
                    tracing::error!("another replica holds the lease, ending");
                    return;
                }
                Ok(Err(error)) => {
                    tracing::warn!(error = %chain(&error), "lease could not be renewed, trying again");
                }
                Err(_) => tracing::warn!("lease was not renewed in time, trying again"),
            }
            if renewed.elapsed() > GIVE_UP {
                tracing::error!("lease could not be renewed for too long, ending");
                return;
            }
        }
        // Reconciles in work go on; who awaits them gives the Lease back.
        std::future::pending::<()>().await;
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
