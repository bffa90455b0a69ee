//! The cluster cases, one file for each kind of fault or promise. `tests/cluster/run` runs them; the head of the crate
//! `cluster` shows how one is written.

mod alone;
mod autoscaling;
mod changes;
mod deletion;
mod drift;
mod external_servers;
mod faults;
mod kubectl_ping;
mod mail_sealing;
mod mail_templates;
mod network_policies;
mod pod_templates;
mod roles;
mod sign_in;
mod status;
mod user_ids;
