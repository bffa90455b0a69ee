//! Applies the queue topology through the broker's management API. The plan itself is pure and lives in
//! [`ping_contract::plan`]; here is what reads and what writes.
//!
//! In reading order:
//! - [`management`]: the client, and where the API is.
//! - [`read`]: what the broker has.
//! - [`write`]: one operation at a time.
//! - [`queue_depth`]: what a queue holds, for those who scale by it.
//!
//! The program `ping-topology` (main.rs) calls [`apply`] where there is no operator.

use ping_contract::{
    plan::{Actual, Conflict, Operation, Warning, plan},
    topology::Desired,
};

pub mod management;
pub mod queue_depth;
mod read;
mod write;

pub use management::{Error, Management, ManagementConfig};

/// What was done, and what is left.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Report {
    /// The server's version.
    pub server_version: String,
    /// What was written, in order. Empty = nothing had to be.
    pub applied: Vec<Operation>,
    /// What only a person can resolve.
    pub conflicts: Vec<Conflict>,
    /// What should be known.
    pub warnings: Vec<Warning>,
}

/// Reads, compares, and writes what differs. A second call writes nothing.
pub async fn apply(config: &ManagementConfig, desired: &Desired) -> Result<Report, Error> {
    let management = Management::new(config)?;
    let report = look(&management, desired).await?;
    for operation in &report.applied {
        write::operation(&management, &desired.vhost.name, operation).await?;
    }
    Ok(report)
}

/// What [`apply`] would do.
pub async fn dry_run(config: &ManagementConfig, desired: &Desired) -> Result<Report, Error> {
    look(&Management::new(config)?, desired).await
}

/// What the broker has of all that is desired.
pub async fn actual(config: &ManagementConfig, desired: &Desired) -> Result<Actual, Error> {
    read::actual(&Management::new(config)?, desired).await
}

async fn look(management: &Management, desired: &Desired) -> Result<Report, Error> {
    let actual = read::actual(management, desired).await?;
    let plan = plan(desired, &actual);
    Ok(Report {
        server_version: actual.server_version,
        applied: plan.operations,
        conflicts: plan.conflicts,
        warnings: plan.warnings,
    })
}
