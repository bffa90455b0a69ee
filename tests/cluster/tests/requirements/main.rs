//! What Ping needs of a cluster. `make test-cluster` runs these cases, before an operator is installed: each has a namespace
//! of its own, and they run one after the other.

#![expect(
    clippy::expect_used,
    clippy::panic,
    clippy::large_futures,
    reason = "a step that fails panics with what to do, and each case runs once"
)]

mod autoscaling;
mod dns;
mod nodes;
mod pod;
mod pod_security;
mod servers;
mod volumes;
