//! Step 1, reads: everything that the spec points at, and the stack's own Secrets.

use std::{collections::BTreeMap, sync::Arc};

use k8s_openapi::api::core::v1::Secret;
use kube::{Api, ResourceExt as _};

use crate::{
    children::{ChildKind as _, Children},
    controller::{
        Context,
        validate::{Reference, referenced_keys},
    },
    crd::PingStack,
    names::StackId,
};

/// Reading failed.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// A Secret that the spec names.
    #[error("the Secret {name} cannot be read")]
    GetSecret {
        /// Which.
        name: String,
        /// Why.
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
    /// The stack's own Secrets.
    pub own_secrets: BTreeMap<String, Arc<Secret>>,
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
    Ok(References { cluster_uid: context.cluster_uid.clone(), secrets, own_secrets })
}

fn own_secrets(children: &Children, id: &StackId) -> BTreeMap<String, Arc<Secret>> {
    let own = Secret::store(children).state_filter(|secret| id.holds(&secret.metadata));
    own.into_iter().map(|secret| (secret.name_any(), secret)).collect()
}
