//! Reads what mails of the style `Branded` are made of. It never fails: while the API server does not hand the user's
//! ConfigMap out, mails stay as they are.

use k8s_openapi::api::{
    apps::v1::Deployment,
    core::v1::{ConfigMap, PodSpec},
};
use kube::{Api, ResourceExt as _, runtime::reflector::ObjectRef};
use mail_templates::Finding;
use pingstack_crd::mail::Mail;
use service_kit::telemetry::chain;

use super::{
    checks::Passed,
    files::{Copy, Files},
};
use crate::{
    controller::{Context, build::branding::MAIL_VOLUME},
    names::{Part, StackId},
    watches::{ChildKind as _, Children},
};

/// What was read for mails of the style `Branded`.
#[derive(Debug, Clone)]
pub struct Sources {
    /// What the spec asks for.
    pub wanted: Wanted,
    /// The files in use, if they still pass. Only read where what is wanted cannot be used.
    pub last_good: Option<Passed>,
}

/// What the spec asks for.
#[derive(Debug, Clone)]
pub enum Wanted {
    /// What Ping ships: the spec names no ConfigMap.
    Shipped,
    /// A ConfigMap that does not exist.
    Missing {
        /// Its name.
        name: String,
    },
    /// A ConfigMap that the API server does not hand out.
    Unreadable {
        /// Its name.
        name: String,
        /// What the API server says, or that it does not answer.
        why: String,
    },
    /// A ConfigMap that was read.
    Read {
        /// Its name.
        name: String,
        /// What the checks say of it.
        checked: Result<Passed, Vec<Finding>>,
    },
}

impl Wanted {
    const fn can_be_used(&self) -> bool {
        matches!(self, Self::Shipped | Self::Read { checked: Ok(_), .. })
    }
}

/// Reads it by name, as referenced Secrets are: a watch would cache every ConfigMap of the cluster.
pub async fn read(context: &Context, mail: &Mail, id: &StackId) -> Sources {
    let wanted = match &mail.templates.config_map_ref {
        Some(reference) => read_config_map(context, id, &reference.name).await,
        None => Wanted::Shipped,
    };
    let in_use = if wanted.can_be_used() { None } else { in_use(&context.children, id) };
    let last_good = match in_use {
        Some(files) => context.template_checks.check(id, files).await.ok(),
        None => None,
    };
    Sources { wanted, last_good }
}

async fn read_config_map(context: &Context, id: &StackId, name: &str) -> Wanted {
    let api = Api::<ConfigMap>::namespaced(context.client.clone(), &id.namespace);
    let name = name.to_owned();
    match api.get_opt(&name).await {
        Ok(None) => Wanted::Missing { name },
        Ok(Some(config_map)) => {
            let checked = context.template_checks.check(id, Files::of(config_map)).await;
            Wanted::Read { name, checked }
        }
        Err(kube::Error::Api(status)) => {
            let why = format!("the API server says ({}): {}", status.code, status.message);
            Wanted::Unreadable { name, why }
        }
        Err(error) => Wanted::Unreadable { name, why: chain(&error) },
    }
}

/// The files of the copy that mail-service's pods mount; where there is no Deployment, as when it was deleted, those of the
/// newest copy.
fn in_use(children: &Children, id: &StackId) -> Option<Files> {
    let deployment = ObjectRef::<Deployment>::new(&id.part(Part::MailService)).within(&id.namespace);
    let deployment = Deployment::store(children).get(&deployment);
    let mounted = deployment.as_deref().filter(|one| id.holds(&one.metadata)).and_then(mounted);
    let copies = ConfigMap::store(children).state_filter(|one| id.holds(&one.metadata));
    let newest_first = |one: &&ConfigMap| {
        let is_mounted = mounted.is_some() && one.metadata.name == mounted;
        (is_mounted, one.creation_timestamp())
    };
    let copies = copies.iter().map(AsRef::as_ref).filter(|one| Copy::read(id, one).is_some());
    let copy = copies.max_by_key(newest_first)?;
    Copy::read(id, copy).map(|copy| copy.files)
}

/// The name of the copy that a Deployment's pods mount.
fn mounted(deployment: &Deployment) -> Option<String> {
    let PodSpec { volumes, .. } = deployment.spec.as_ref()?.template.spec.as_ref()?;
    let volume = volumes.iter().flatten().find(|volume| volume.name == MAIL_VOLUME)?;
    Some(volume.config_map.as_ref()?.name.clone())
}

#[cfg(test)]
mod tests;
