//! What the status says, and whether it is true.

pub(crate) mod bad_settings;
mod causes;
mod gitops;
mod monitoring;
mod plain_words;
mod queue_depth;
mod synthetic_login;
mod test_mail;
mod truthful_status;
