//! The stack's own Secrets: created, completed, and taken one step further in a rotation. No value that is there is lost.

use std::sync::Arc;

use k8s_openapi::{
    api::{apps::v1::Deployment, core::v1::Secret},
    jiff::Timestamp,
};
use kube::{
    Api, ResourceExt as _,
    api::{Patch, PatchParams},
};

use super::{Applier, Error};
use crate::{
    controller::{
        Context,
        entropy::Entropy,
        secrets::{ERLANG_COOKIE, SecretChange, StackSecrets, rotation},
        workload::Workload,
    },
    events::{Happening, Notice},
    names::{MANAGER, Part, StackId},
};

impl Applier<'_> {
    /// Creates what is missing and changes what is not as it must be. Whether the cookie that brokers know each other by is new.
    pub(super) async fn write_secrets(
        &mut self,
        missing: Vec<Secret>,
        changes: &[SecretChange],
    ) -> Result<bool, Error> {
        let broker = self.id.part(Part::RabbitMq);
        let mut new_cookie = false;
        if !missing.is_empty() {
            self.reclaim_secrets().await?;
        }
        for secret in missing {
            let is_broker = secret.metadata.name.as_ref() == Some(&broker);
            let created = self.create(secret).await?;
            new_cookie |= is_broker && created.is_some();
        }
        for change in changes {
            let secret = write(&self.api::<Secret>(), change).await?;
            if !change.data.is_empty() {
                let notice = Notice::object(Happening::Completed, &secret);
                self.context.events.notify(self.id, notice).await;
            }
            let is_broker = change.secret.metadata.name.as_ref() == Some(&broker);
            new_cookie |= is_broker && change.data.contains_key(ERLANG_COOKIE);
        }
        Ok(new_cookie)
    }
}

/// Goes on with the rotations of signing key and pepper. The next reconcile builds from what was written.
pub(super) async fn rotate(
    context: &Context,
    id: &StackId,
    secrets: &StackSecrets,
    deployments: &[Arc<Deployment>],
) -> Result<(), Error> {
    let name = id.part(Part::UserService);
    // One that has just been written is read first.
    let is_new = |secret: &Secret| secret.metadata.name.as_ref() == Some(&name);
    if secrets.missing.iter().any(is_new) || secrets.changes.iter().any(|change| is_new(&change.secret)) {
        return Ok(());
    }
    let deployment = deployments.iter().find(|one| one.metadata.name.as_ref() == Some(&name));
    let progress = rotation::Progress {
        secret: &secrets.user_service,
        wanted: &secrets.rotations,
        rolled: deployment.is_some_and(|deployment| Workload::from(&**deployment).is_complete()),
        now: Timestamp::now(),
    };
    let Some(change) = progress.next_step(&Entropy::random()) else { return Ok(()) };
    let api = Api::<Secret>::namespaced(context.client.clone(), &id.namespace);
    write(&api, &change).await?;
    for step in rotation::described(&change) {
        context.events.notify(id, Notice::rotation(step)).await;
    }
    Ok(())
}

/// Writes a change, unless the Secret is another by now.
pub(super) async fn write(api: &Api<Secret>, change: &SecretChange) -> Result<Secret, Error> {
    let name = change.secret.name_any();
    let params = PatchParams { field_manager: Some(MANAGER.to_owned()), ..PatchParams::default() };
    match api.patch(&name, &params, &Patch::Merge(change.patch())).await {
        Ok(changed) => Ok(changed),
        Err(kube::Error::Api(status)) if matches!(status.code, 404 | 409) => Err(Error::Changed(name)),
        Err(source) => Err(Error::Apply { kind: "Secret", name, source }),
    }
}

#[cfg(test)]
mod tests;
