//! What the status says, and whether it is true.

pub(crate) mod bad_settings;
mod causes;
mod monitoring;
mod queue_depth;
mod test_mail;
mod truthful_status;
