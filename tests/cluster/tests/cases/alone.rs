//! Cases that have the cluster to themselves. The test runner takes them first, by their names: they wait for each other,
//! and the cases that share the operator then run side by side to the end.

mod local_cluster;
mod nodes;
mod operator_away;
mod upgrades;
