//! Servers, pods and volumes are lost while users sign in.

mod brokers_apart;
mod day_of_restarts;
pub(crate) mod lost_broker_volume;
mod outage_answers;
pub(crate) mod redis_restarts;
mod three_brokers;
