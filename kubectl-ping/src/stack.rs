//! Where user-service and Mailpit are: at the given URLs, or behind `kubectl port-forward`.

use anyhow::Result;

use crate::arguments::Stack;
use crate::port_forward::PortForward;

const USER_SERVICE_PORT: u16 = 80;
const MAILPIT_PORT: u16 = 8025;

/// The URLs, and the forwards that they last as long as.
#[derive(Debug)]
pub(crate) struct Reached {
    pub(crate) user_service: String,
    pub(crate) mailpit: Option<String>,
    _forwards: Vec<PortForward>,
}

impl Stack {
    pub(crate) async fn reach(&self) -> Result<Reached> {
        let mut forwards = Vec::new();
        let user_service = if let Some(url) = given(self.url.as_ref()) {
            url
        } else {
            let service = format!("{}-user-service", self.cluster.only_stack(self.name.as_ref()).await?);
            self.forward(&service, USER_SERVICE_PORT, &mut forwards).await?
        };
        let mailpit = match (given(self.mailpit.as_ref()), &self.mailpit_service) {
            (None, Some(service)) => Some(self.forward(service, MAILPIT_PORT, &mut forwards).await?),
            (url, _) => url,
        };
        Ok(Reached { user_service, mailpit, _forwards: forwards })
    }

    /// Whether neither a URL nor a Mailpit is given: only the stack itself is known.
    pub(crate) fn is_only_named(&self) -> bool {
        let urls = [&self.url, &self.mailpit];
        urls.into_iter().all(|url| given(url.as_ref()).is_none()) && self.mailpit_service.is_none()
    }

    async fn forward(&self, service: &str, port: u16, forwards: &mut Vec<PortForward>) -> Result<String> {
        let forward = PortForward::start(self.cluster.command(), service, port).await?;
        let url = forward.url();
        forwards.push(forward);
        Ok(url)
    }
}

/// A variable that is set but empty gives no URL.
pub(crate) fn given(url: Option<&String>) -> Option<String> {
    url.map(|url| url.trim_end_matches('/').to_owned()).filter(|url| !url.is_empty())
}
