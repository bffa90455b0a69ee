//! Mail consumers that follow the queue.

use crate::crd::services::Autoscaling;

/// How many mail-service pods the operator asks for.
#[must_use]
pub const fn replicas(spec: &Autoscaling) -> i32 {
    spec.min_replicas
}
