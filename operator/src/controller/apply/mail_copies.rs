//! Copies of templates of mails that were replaced: a pod of the Deployment's former template that starts again mounts one.

use std::sync::Arc;

use k8s_openapi::api::{apps::v1::Deployment, core::v1::ConfigMap};

use crate::{
    controller::{Context, branding::files::Copy, workload::Workload},
    names::{Part, StackId},
    watches::ChildKind as _,
};

/// The copies that a pod may still mount: all of them, until every pod of mail-service is of the newest template.
pub(super) fn mountable(
    context: &Context,
    id: &StackId,
    deployments: &[Arc<Deployment>],
) -> Vec<Arc<ConfigMap>> {
    let name = id.part(Part::MailService);
    let deployment = deployments.iter().find(|one| one.metadata.name.as_ref() == Some(&name));
    if deployment.is_some_and(|deployment| Workload::from(&**deployment).is_complete()) {
        return Vec::new();
    }
    let is_copy = |one: &ConfigMap| id.holds(&one.metadata) && Copy::read(id, one).is_some();
    ConfigMap::store(&context.children).state_filter(is_copy)
}
