//! Cases that have the cluster to themselves. The test runner takes them first, by their names: they wait for each other,
//! and the cases that share the operator then run side by side to the end.

mod installation;
mod local_cluster;
mod metrics_provider;
mod metrics_server;
mod nodes;
mod operator_away;
mod operator_killed;
mod pull_secrets;
mod upgrades;
