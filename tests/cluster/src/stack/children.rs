//! The objects that the operator creates for a stack.

use std::time::Duration;

use k8s_openapi::api::{
    apps::v1::{Deployment, StatefulSet},
    core::v1::{ConfigMap, Pod, Secret, Service, ServiceAccount},
    networking::v1::NetworkPolicy,
    policy::v1::PodDisruptionBudget,
};

use crate::{
    cluster::objects::Kind,
    deadline,
    stack::Stack,
    wait::{eventually, seen},
};

impl Stack<'_> {
    /// The labels that all objects of the stack have.
    #[must_use]
    pub fn selector(&self) -> String {
        format!("pingstack.dev/stack={}", self.name)
    }

    /// The names of its objects of a kind.
    pub async fn names<K: Kind>(&self) -> Vec<String> {
        let names = self.case.names::<K>(&self.selector()).await;
        names.unwrap_or_else(|error| panic!("no list of {}: {error}", K::kind(&())))
    }

    /// Deletes each of its objects of a kind, one after the other, and waits until the operator has recreated it. Returns how many.
    pub async fn recreate_all<K: Kind>(&self) -> usize {
        let names = self.names::<K>().await;
        for name in &names {
            self.case.recreate::<K>(name).await;
        }
        names.len()
    }

    /// Waits until both servers and both services run their newest template only, with every replica ready.
    pub async fn wait_parts(&self) {
        for server in ["redis", "rabbitmq"] {
            self.case.wait_stateful_set(&self.part(server), deadline::STACK).await;
        }
        for service in ["user-service", "mail-service"] {
            self.case.wait_deployment(&self.part(service), deadline::STACK).await;
        }
    }

    /// Waits until nothing is left of it but volumes and the secret of user ids.
    pub async fn wait_no_children(&self, deadline: Duration) {
        eventually(format!("all objects of {} to be gone", self.name), deadline, async || {
            let left = self.children().await?;
            seen(left.is_empty(), || left.join(", "))
        })
        .await;
    }

    /// Waits until it has no object of a kind.
    pub async fn wait_none<K: Kind>(&self, deadline: Duration) {
        eventually(format!("every {} of {} to be gone", K::kind(&()), self.name), deadline, async || {
            let left = self.case.names::<K>(&self.selector()).await?;
            seen(left.is_empty(), || left.join(", "))
        })
        .await;
    }

    /// Everything but volumes and the secret of user ids, as kind and name.
    async fn children(&self) -> Result<Vec<String>, String> {
        let mut all = self.named::<Secret>().await?;
        all.retain(|name| *name != format!("Secret {}-user-ids", self.name));
        all.extend(self.named::<ServiceAccount>().await?);
        all.extend(self.named::<ConfigMap>().await?);
        all.extend(self.named::<Service>().await?);
        all.extend(self.named::<NetworkPolicy>().await?);
        all.extend(self.named::<PodDisruptionBudget>().await?);
        all.extend(self.named::<Deployment>().await?);
        all.extend(self.named::<StatefulSet>().await?);
        all.extend(self.named::<Pod>().await?);
        Ok(all)
    }

    async fn named<K: Kind>(&self) -> Result<Vec<String>, String> {
        let names = self.case.names::<K>(&self.selector()).await?;
        Ok(names.into_iter().map(|name| format!("{} {name}", K::kind(&()))).collect())
    }
}
