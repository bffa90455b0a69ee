//! Step 1, reads: everything that the spec points at, and the stack's own Secrets.

use std::{collections::BTreeMap, sync::Arc};

use k8s_openapi::{
    ByteString,
    api::{apps::v1::Deployment, autoscaling::v2::HorizontalPodAutoscaler, core::v1::Secret},
};
use kube::{Api, ResourceExt as _, runtime::reflector::ObjectRef};
use pingstack_crd::PingStack;

use crate::{
    autoscaling::route::{self, Route},
    controller::{
        Context,
        branding::source::{self as mail_source, Sources},
        pull_secret::Registries,
        validate::{Reference, referenced_keys},
    },
    names::{Part, StackId},
    watches::{ChildKind as _, Children},
};

#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// A Secret that the spec names.
    #[error("the Secret {name} cannot be read")]
    GetSecret {
        name: String,
        #[source]
        source: kube::Error,
    },
}

impl Error {
    /// What the API server said, for a person; `None` when it did not answer.
    #[must_use]
    pub fn api_message(&self) -> Option<(&str, u16)> {
        match self {
            Self::GetSecret { source: kube::Error::Api(status), .. } => Some((&status.message, status.code)),
            Self::GetSecret { .. } => None,
        }
    }
}

/// What was read.
#[derive(Debug, Clone, Default)]
pub struct References {
    /// The uid of the namespace kube-system: the cluster's identity.
    pub cluster_uid: String,
    /// The Secrets that the spec names; `None` where there is none of that name.
    pub secrets: BTreeMap<String, Option<Arc<Secret>>>,
    /// The stack's own Secrets, with the secret of user ids that a deleted stack of this name left behind.
    pub own_secrets: BTreeMap<String, Arc<Secret>>,
    /// The operator's secrets for pulling images, as one `.dockerconfigjson`.
    pub pull_secret: Option<ByteString>,
    /// How the backlog gets to what scales the mail consumers.
    pub route: Route,
    /// What mails of the style `Branded` are made of; `None` with another style.
    pub branding: Option<Sources>,
}

/// Reads referenced Secrets one by one, by name: a watch would cache every Secret of the cluster.
pub async fn dereference(context: &Context, stack: &PingStack, id: &StackId) -> Result<References, Error> {
    let api = Api::<Secret>::namespaced(context.client.clone(), &id.namespace);
    let mut secrets = BTreeMap::new();
    for Reference { secret: name, .. } in referenced_keys(&stack.spec) {
        if secrets.contains_key(&name) {
            continue;
        }
        let secret =
            api.get_opt(&name).await.map_err(|source| Error::GetSecret { name: name.clone(), source })?;
        secrets.insert(name, secret.map(Arc::new));
    }
    let own_secrets = own_secrets(&context.children, id);
    let pull_secret = pull_secret(context, id).await?;
    let route = route(context, stack, id);
    let mail = &stack.spec.mail;
    let branding = if mail.is_branded() { Some(mail_source::read(context, mail, id).await) } else { None };
    let cluster_uid = context.cluster_uid.clone();
    Ok(References { cluster_uid, secrets, own_secrets, pull_secret, route, branding })
}

/// While it is not known whose the cluster's metrics are, the stack stays as it is.
fn route(context: &Context, stack: &PingStack, id: &StackId) -> Route {
    let spec = &stack.spec.mail_service.autoscaling;
    context.autoscaling.route(spec).unwrap_or_else(|| {
        let name = id.part(Part::MailService);
        let autoscaler = HorizontalPodAutoscaler::store(&context.children)
            .get(&ObjectRef::new(&name).within(&id.namespace));
        let deployment =
            Deployment::store(&context.children).get(&ObjectRef::new(&name).within(&id.namespace));
        route::taken_before(spec.provider, autoscaler.as_deref(), deployment.is_some())
    })
}

/// The operator's secrets for pulling images. Of one that does not exist, as while another program makes it again, the stack
/// keeps what it has: a pod that loses its secret is replaced, and may not be pulled again.
async fn pull_secret(context: &Context, id: &StackId) -> Result<Option<ByteString>, Error> {
    let platform = &context.platform;
    if platform.pull_secrets.is_empty() {
        return Ok(None);
    }
    let api = Api::<Secret>::namespaced(context.client.clone(), &platform.operator_namespace);
    let mut registries = Registries::default();
    let mut is_complete = true;
    for name in &platform.pull_secrets {
        let failed = |source| Error::GetSecret { name: name.clone(), source };
        if let Some(secret) = api.get_opt(name).await.map_err(failed)? {
            registries.add(&secret);
        } else {
            is_complete = false;
            tracing::warn!(
                secret = name,
                "there is no such secret for pulling images: create it, or correct imagePullSecrets"
            );
        }
    }
    let copy = own_secret(&context.children, id, &id.pull_secret());
    if let Some(copy) = copy.filter(|_| !is_complete) {
        registries.add(&copy);
    }
    Ok(Some(registries.into_config()))
}

fn own_secrets(children: &Children, id: &StackId) -> BTreeMap<String, Arc<Secret>> {
    let user_ids = id.user_ids_secret();
    let own = Secret::store(children).state_filter(|secret| is_own_secret(id, secret, &user_ids));
    own.into_iter().map(|secret| (secret.name_any(), secret)).collect()
}

/// The cache's Secret of this name, if it is the stack's own.
#[must_use]
pub fn own_secret(children: &Children, id: &StackId, name: &str) -> Option<Arc<Secret>> {
    let secret = Secret::store(children).get(&ObjectRef::new(name).within(&id.namespace))?;
    is_own_secret(id, &secret, &id.user_ids_secret()).then_some(secret)
}

fn is_own_secret(id: &StackId, secret: &Secret, user_ids: &str) -> bool {
    let Secret { metadata, .. } = secret;
    id.holds(metadata) || (metadata.name.as_deref() == Some(user_ids) && id.inherits(metadata))
}
