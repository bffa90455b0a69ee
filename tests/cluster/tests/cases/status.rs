//! What the status says, and whether it is true.

pub(crate) mod bad_settings;
mod queue_depth;
mod truthful_status;
