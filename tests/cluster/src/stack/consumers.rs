//! How many mail consumers a stack has, and what decides it.

use std::time::Duration;

use k8s_openapi::api::apps::v1::Deployment;

use crate::{
    stack::{
        Stack,
        management::{MAIL_QUEUE, Request},
    },
    wait::{chain, eventually, seen},
};

impl Stack<'_> {
    /// The replicas of mail-service that are wanted.
    pub async fn consumers(&self) -> Result<i32, String> {
        let deployment =
            self.case.api::<Deployment>().get(&self.part("mail-service")).await.map_err(chain)?;
        Ok(deployment.spec.and_then(|spec| spec.replicas).unwrap_or(1))
    }

    /// Waits until the wanted replicas of mail-service are such that `holds`.
    pub async fn wait_consumers(&self, what: &str, deadline: Duration, holds: impl Fn(i32) -> bool) {
        eventually(format!("{what} of {}", self.name), deadline, async || {
            let consumers = self.consumers().await?;
            seen(holds(consumers), || format!("{consumers}"))
        })
        .await;
    }

    /// The path of its mail backlog among the external metrics.
    #[must_use]
    pub fn backlog_path(&self) -> String {
        format!("{}?labelSelector=pingstack%3D{}", self.case.backlog_path(), self.name)
    }

    /// The mail backlog that the autoscaler reads.
    pub async fn backlog(&self) -> Result<u64, String> {
        let items = self.case.backlogs(&self.backlog_path()).await?;
        let value = items.first().and_then(|item| item["value"].as_str()?.parse().ok());
        value.ok_or_else(|| format!("no value in {items:?}"))
    }

    /// The mails in the queue, as the broker itself counts them.
    pub async fn queued(&self) -> Result<u64, String> {
        let queue = self.management(0, &Request::get(MAIL_QUEUE)).await?;
        queue["messages"].as_u64().ok_or_else(|| format!("no count in {queue}"))
    }
}
