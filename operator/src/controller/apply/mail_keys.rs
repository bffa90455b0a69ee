//! Takes sealing, and the rotation of its key, one step further. The next reconcile builds from what was written.

use std::sync::Arc;

use k8s_openapi::{
    api::{apps::v1::Deployment, core::v1::Secret},
    jiff::Timestamp,
};
use kube::Api;

use super::{Error, orphans::delete_object, own_secrets::write};
use crate::{
    controller::{
        Context,
        entropy::Entropy,
        secrets::{
            StackSecrets,
            mail_keys::{MailKeys, NextStep, Progress},
        },
        workload,
    },
    events::Notice,
    names::{Part, StackId},
};

/// Takes the next step. Whether more of them follow.
pub(super) async fn proceed(
    context: &Context,
    id: &StackId,
    secrets: &StackSecrets,
    deployments: &[Arc<Deployment>],
) -> Result<bool, Error> {
    let MailKeys { wanted, secret: Some(secret), state: Some(state) } = &secrets.mail_keys else {
        return Ok(false);
    };
    // One that has just been written is read first.
    let is_new = |one: &Secret| one.metadata.name == secret.metadata.name;
    if secrets.missing.iter().any(is_new) || secrets.changes.iter().any(|change| is_new(&change.secret)) {
        return Ok(true);
    }
    let rolled = |part: Part| {
        let name = id.part(part);
        let deployment = deployments.iter().find(|one| one.metadata.name.as_ref() == Some(&name));
        let pods = context.children.pods.of(id, part);
        deployment.is_some_and(|deployment| workload::has_rolled(deployment, &pods))
    };
    let progress = Progress {
        secret,
        state,
        wanted,
        readers_rolled: rolled(Part::MailService),
        writers_rolled: rolled(Part::UserService),
        now: Timestamp::now(),
    };
    match progress.next_step(&Entropy::random()) {
        NextStep::Done => Ok(false),
        NextStep::Wait => Ok(true),
        NextStep::Write { change, meaning } => {
            let api = Api::<Secret>::namespaced(context.client.clone(), &id.namespace);
            write(&api, &change).await?;
            context.events.notify(id, Notice::sealing(meaning)).await;
            Ok(true)
        }
        NextStep::Delete => {
            delete_object(context, id, &**secret).await?;
            Ok(true)
        }
    }
}

#[cfg(test)]
mod tests;
