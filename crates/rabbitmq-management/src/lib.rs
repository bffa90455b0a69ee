//! Applies the queue topology through the broker's management API. The plan itself is pure and lives in
//! [`ping_contract::topology_plan`]; here is what reads and what writes.
//!
//! In reading order:
//! - [`management`]: the client, and where the API is.
//! - [`reach`]: which hosts it may connect to.
//! - [`read`]: what the broker has.
//! - [`write`]: one operation at a time.
//! - [`nodes`], [`queues`]: what a node says of its cluster, and the members of each queue.
//! - [`queue_depth`]: what a queue holds, for those who scale by it.
//!
//! The program `ping-topology` (main.rs) calls [`apply`] where there is no operator.

use std::time::Duration;

use ping_contract::{
    topology::Desired,
    topology_plan::{Conflict, Operation, Warning, plan},
};
use service_kit::{backoff::Backoff, shutdown::Shutdown};

mod fields;
pub mod management;
pub mod nodes;
pub mod queue_depth;
pub mod queues;
pub mod reach;
mod read;
mod write;

pub use management::{Connections, Error, Management, ManagementConfig};

/// How often an operation is written that the broker refuses in a way that may pass: for about five seconds.
const TRIES: usize = 5;

/// Between the first two tries.
const FIRST_DELAY: Duration = Duration::from_millis(500);

/// Between any two.
const MAX_DELAY: Duration = Duration::from_secs(2);

/// What was done, and what is left.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ApplyReport {
    pub server_version: String,
    /// What was written, in order. Empty = nothing had to be.
    pub applied: Vec<Operation>,
    /// What only a person can resolve.
    pub conflicts: Vec<Conflict>,
    pub warnings: Vec<Warning>,
}

/// Reads, compares, and writes what differs. A second call writes nothing.
pub async fn apply(management: &Management, desired: &Desired) -> Result<ApplyReport, Error> {
    let report = dry_run(management, desired).await?;
    for operation in &report.applied {
        write(management, &desired.vhost.name, operation).await?;
    }
    Ok(report)
}

/// Writes one operation, again if need be: a broker that has just started can answer 404 for a vhost that it listed a
/// moment before (seen once in thousands of starts), and 5xx while it is busy.
async fn write(management: &Management, vhost: &str, operation: &Operation) -> Result<(), Error> {
    let mut backoff = Backoff::new(FIRST_DELAY, MAX_DELAY);
    let mut again = 1..TRIES;
    loop {
        match write::operation(management, vhost, operation).await {
            Err(error) if error.may_pass() && again.next().is_some() => {}
            done => return done,
        }
        // No signal ends this pause of at most two seconds: a program that is told to stop, stops.
        let _ = backoff.wait(&Shutdown::new()).await;
    }
}

/// What [`apply`] would do.
pub async fn dry_run(management: &Management, desired: &Desired) -> Result<ApplyReport, Error> {
    let actual = read::actual(management, desired).await?;
    let plan = plan(desired, &actual);
    Ok(ApplyReport {
        server_version: actual.server_version,
        applied: plan.operations,
        conflicts: plan.conflicts,
        warnings: plan.warnings,
    })
}
