//! The Secret in which the replicas share authority and serving certificate. Only the leader writes it.

use std::time::SystemTime;

use k8s_openapi::api::core::v1::Secret;
use kube::{
    Api,
    api::{ObjectMeta, PostParams},
};

use super::{Material, Subject};
use crate::settings::Settings;

/// The Secret cannot be read or written.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    #[error("the Secret {0} of the metrics server's certificate cannot be read or written")]
    Api(String, #[source] kube::Error),
    #[error(transparent)]
    Certificate(#[from] super::Error),
}

/// The leader's access to the Secret.
#[derive(Debug, Clone)]
pub struct CertificateStore {
    api: Api<Secret>,
    name: String,
    subject: Subject,
}

impl CertificateStore {
    /// The Secret that `settings` names.
    #[must_use]
    pub fn new(client: kube::Client, settings: &Settings) -> Self {
        let api = Api::namespaced(client, &settings.namespace);
        let subject = Subject { manager: settings.manager.clone(), dns_names: settings.dns_names() };
        Self { api, name: settings.secret.clone(), subject }
    }

    /// What is shared, made now if there is none. What cannot be read is made anew in its place.
    pub async fn material(&self, now: SystemTime) -> Result<(Material, Secret), Error> {
        let Some(secret) = self.api.get_opt(&self.name).await.map_err(|error| self.failed(error))? else {
            return self.create(now).await;
        };
        match Material::read(&secret) {
            Ok(material) => Ok((material, secret)),
            Err(error) => {
                tracing::warn!(%error, "creating a new certificate");
                let material = Material::make(&self.subject, now)?;
                let written = self.write(&material, secret).await?;
                Ok((material, written))
            }
        }
    }

    /// Takes the next step of renewal, if one is due.
    pub async fn renew(&self, material: &Material, secret: Secret, published: bool) -> Result<bool, Error> {
        let now = SystemTime::now();
        let Some(step) = material.due(&self.subject, now, published)? else { return Ok(false) };
        self.write(&material.after(step, &self.subject, now)?, secret).await?;
        tracing::info!(?step, "renewed the metrics server's certificates");
        Ok(true)
    }

    async fn create(&self, now: SystemTime) -> Result<(Material, Secret), Error> {
        let material = Material::make(&self.subject, now)?;
        let labels = [("app.kubernetes.io/managed-by".to_owned(), self.subject.manager.clone())];
        let metadata = ObjectMeta {
            name: Some(self.name.clone()),
            labels: Some(labels.into()),
            ..ObjectMeta::default()
        };
        let secret = Secret {
            metadata,
            type_: Some("Opaque".to_owned()),
            data: Some(material.data()),
            ..Secret::default()
        };
        match self.api.create(&PostParams::default(), &secret).await {
            Ok(created) => Ok((material, created)),
            // The leader before us was faster: its word counts.
            Err(kube::Error::Api(status)) if status.code == 409 => {
                let secret = self.api.get(&self.name).await.map_err(|error| self.failed(error))?;
                Ok((Material::read(&secret)?, secret))
            }
            Err(error) => Err(self.failed(error)),
        }
    }

    /// With the resourceVersion that was read: of two writers one is refused.
    async fn write(&self, material: &Material, mut secret: Secret) -> Result<Secret, Error> {
        secret.data = Some(material.data());
        let written = self.api.replace(&self.name, &PostParams::default(), &secret).await;
        written.map_err(|error| self.failed(error))
    }

    fn failed(&self, error: kube::Error) -> Error {
        Error::Api(self.name.clone(), error)
    }
}
