//! `rotate`, `pause` and `resume`: what changes a PingStack.

use std::time::{SystemTime, UNIX_EPOCH};

use anyhow::Result;
use serde_json::json;

use crate::arguments::{Rotate, Rotated, Target};

pub(crate) async fn rotate(arguments: &Rotate) -> Result<()> {
    let stack = arguments.target.stack().await?;
    let (annotation, follows) = arguments.what.meaning();
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    let patch = json!({ "metadata": { "annotations": { annotation: now.as_millis().to_string() } } });
    arguments.target.cluster.patch(&stack, &patch).await?;
    println!("{stack}: {follows}");
    Ok(())
}

pub(crate) async fn pause(target: &Target, paused: bool) -> Result<()> {
    let stack = target.stack().await?;
    target.cluster.patch(&stack, &json!({ "spec": { "paused": paused } })).await?;
    if paused {
        println!("{stack}: the operator changes nothing until `kubectl ping resume {stack}`; its pods go on");
    } else {
        println!("{stack}: the operator looks after it again, and undoes what was changed meanwhile");
    }
    Ok(())
}

impl Rotated {
    /// The annotation whose change asks for it, and what follows.
    const fn meaning(self) -> (&'static str, &'static str) {
        match self {
            Self::BrokerPasswords => (
                "pingstack.dev/rotate-broker-passwords",
                "both services roll with new passwords at the broker, and the old users are removed afterwards",
            ),
            Self::SigningKey => (
                "pingstack.dev/rotate-signing-key",
                "the new key signs in about ten minutes, and tokens of the old one stay valid until they expire",
            ),
            Self::Pepper => (
                "pingstack.dev/rotate-pepper",
                "codes that were mailed already stay valid for their life, and new ones have a new pepper",
            ),
            Self::MailKeys => (
                "pingstack.dev/rotate-mail-keys",
                "mail-service rolls with a new key, then user-service seals under it; mails under the old key stay readable \
                 (where spec.mail.sealing is on)",
            ),
        }
    }
}
