//! The cluster cases, one file for each kind of fault. `tests/cluster/run` runs them; the head of the crate `cluster` shows
//! how one is written.

mod alone;
mod bad_settings;
mod brokers_apart;
mod day_of_restarts;
mod lost_broker_volume;
mod outage_answers;
mod queue_depth;
mod redis_restarts;
mod truthful_status;
