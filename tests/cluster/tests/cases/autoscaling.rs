//! The number of mail consumers follows the queue, through the operator's own external metrics.

mod api;
mod handover;
mod queue;
mod samples;
