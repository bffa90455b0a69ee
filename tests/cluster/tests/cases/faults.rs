//! Servers, pods and volumes are lost while users sign in.

mod day_of_restarts;
pub(crate) mod lost_broker_volume;
mod outage_answers;
mod partitioned_brokers;
pub(crate) mod redis_restarts;
mod three_brokers;
