//! `spec.mail.sealing`: mails that mail-service alone can read.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Whether codes and addresses can be read on their way through RabbitMQ.
#[derive(JsonSchema, Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Sealing {
    /// Seals each mail for mail-service, so that neither the queues nor the brokers' volumes hold a code or an address in clear text.
    /// The operator makes the keys, and turns sealing on and off in steps that lose no mail. Turn it off, and wait until the Secret
    /// `<name>-mail-keys` is gone, before mail-service goes back to a release that cannot read sealed mails, or the original
    /// service reads the queue.
    pub enabled: bool,
}
