//! The number of mail consumers follows the queue, through the operator's own external metrics; who sets that of user-service.

mod api;
mod handover;
mod queue;
mod samples;
pub(crate) mod user_service;
